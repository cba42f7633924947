"""The pages of the console that have an address of their own; that of an object is the object's URL.

A page is a folder of the same name in `objapi/web/frontend/src/pages/`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from objapi.web.texts import marked

Ask: TypeAlias = Callable[[str, Mapping[str, object]], bytes]
"""Asks a reading method of the API with parameters, as the user of the page; gives its answer."""


def _nothing(ask: Ask, place: str) -> Mapping[str, bytes]:
    return {}


@dataclass(frozen=True, slots=True)
class ConsolePage:
    """A page below `/<site>`; `path` may be followed by a segment, the `place`, that the page reads itself."""

    name: str
    path: str
    title: str
    """The title in the navigation, in English; translated by the catalogs. Empty: it is not in the navigation."""
    first: Callable[[Ask, str], Mapping[str, bytes]] = _nothing
    """Asks what the page shows at once, given the place; raises what the API raises."""


PAGES: Final = (ConsolePage("start", "/console", marked("Start")),)
