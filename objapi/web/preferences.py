"""What the reader has chosen in the page for this browser, in cookies that hold no secret: language and colours."""

from collections.abc import Collection
from typing import Final

from flask import request

THEMES: Final = ("light", "dark")

_PREFIX: Final = "objapi_"


def preferred(name: str, choices: Collection[str]) -> str:
    """The choice that the browser has kept under a name; empty without one, and for what is no choice."""
    kept = request.cookies.get(f"{_PREFIX}{name}", "")
    return kept if kept in choices else ""


def preferred_theme() -> str:
    """The colours that the reader has chosen; empty: as the system is set."""
    return preferred("theme", THEMES)
