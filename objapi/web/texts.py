"""Texts of the pages in the languages that there are: gettext catalogs, for templates and for scripts of pages."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from flask import request

from objapi.web.preferences import preferred

SOURCE: Final = "en"
"""The language that the texts are written in."""

LANGUAGES: Final = {SOURCE: "English", "de": "Deutsch"}
"""The languages that there are, each by its own name."""

_OF_SCRIPTS: Final = "objapi/web/frontend/"
"""Beginning of the places in a catalog that are scripts."""


def language() -> str:
    """The language of the page that is being made: the one chosen in it, else the one its reader likes best."""
    chosen = preferred_language()
    if chosen:
        return chosen
    # By hand: Werkzeug prefers any exact match to `de` for whoever asks for de-CH first.
    asked = (name.replace("_", "-").partition("-")[0].lower() for name, quality in request.accept_languages if quality)
    return next((name for name in asked if name in LANGUAGES), SOURCE)


def preferred_language() -> str:
    """The language that the reader has chosen in the page; empty without a choice."""
    return preferred("language", LANGUAGES)


def marked(text: str) -> str:
    """The text itself, marked for the catalogs where it stands and translated where it is shown."""
    return text


def translator(language: str) -> Callable[[str], str]:
    """A function that gives a text in a language; what has no translation stays as it is."""
    known = _by_text(language)
    return lambda text: known.get(text) or text


@cache
def texts_of_scripts(language: str) -> Mapping[str, str | list[str]]:
    """The translations that scripts show: by the text itself, two by the singular of a text with a number."""
    found: dict[str, str | list[str]] = {}
    for message in _catalog(language):
        if not message.id or not any(place.startswith(_OF_SCRIPTS) for place, _ in message.locations):
            continue
        if isinstance(message.id, str):
            found[message.id] = str(message.string)
        else:
            found[message.id[0]] = [str(form) for form in message.string or ()]
    return found


@cache
def _by_text(language: str) -> Mapping[str, str]:
    return {message.id: str(message.string) for message in _catalog(language) if isinstance(message.id, str)}


@cache
def _catalog(language: str) -> Catalog:
    if language == SOURCE:
        return Catalog(SOURCE)
    place = files("objapi.web").joinpath("locale", language, "LC_MESSAGES", "messages.po")
    return read_po(BytesIO(place.read_bytes()), language)
