"""The catalogs of translations hold the texts that are shown, each one translated, and no others."""

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

from objapi.web.texts import LANGUAGES, SOURCE, texts_of_scripts, translator

ROOT = Path(__file__).resolve().parents[4]
WEB = ROOT / "objapi" / "web"
KEYWORDS = {"_": None, "t": None, "n": (1, 2), "say": None, "marked": None}


@pytest.fixture(scope="module")
def shown() -> set[object]:
    """The texts in templates, Python and scripts, as the catalogs name them."""
    with (WEB / "locale" / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    found = extract_from_dir(
        WEB, methods, options, keywords=KEYWORDS, directory_filter=lambda path: "node_modules" not in path
    )
    return {message for _, _, message, _, _ in found}


def catalog(language: str) -> Catalog:
    with (WEB / "locale" / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, language)


@pytest.mark.parametrize("language", [name for name in LANGUAGES if name != SOURCE])
def test_every_text_is_translated_and_no_other_one(language: str, shown: set[object]) -> None:
    messages: list[Message] = [message for message in catalog(language) if message.id]
    named = {tuple(message.id) if isinstance(message.id, list | tuple) else message.id for message in messages}
    assert len(shown) > 20
    assert named == shown, "make texts, then translate what is new"
    for message in messages:
        forms = message.string if isinstance(message.string, list | tuple) else [message.string]
        assert all(forms), message.id
        assert not message.fuzzy, message.id
        wanted = set(re.findall(r"\{\w+\}", message.id if isinstance(message.id, str) else message.id[1]))
        assert {place for form in forms for place in re.findall(r"\{\w+\}", str(form))} == wanted, message.id


def test_no_text_stands_where_it_is_not_found() -> None:
    """What is within a template string of a script is not looked at."""
    scripts = list((WEB / "frontend" / "src").rglob("*.ts*"))
    hidden = {path.name: re.findall(r"\$\{[^}]*\b[tn]\(", path.read_text("utf-8")) for path in scripts}
    assert {name: found for name, found in hidden.items() if found} == {}


def test_scripts_get_their_own_texts() -> None:
    texts = texts_of_scripts("de")
    assert texts["Log out"] == "Abmelden"
    assert texts["Show {count} empty field"] == ["{count} leeres Feld zeigen", "{count} leere Felder zeigen"]
    assert "This page needs scripts, which come from this site alone." not in texts
    assert texts_of_scripts("en") == {}


def test_what_has_no_translation_stays_as_it_is() -> None:
    assert translator("de")("no such text") == translator("en")("no such text") == "no such text"
