"""The pages of the console that have an address of their own; that of an object is the object's URL.

A page is a folder of the same name in `objapi/web/frontend/src/pages/`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import orjson

from objapi.web.texts import language, marked

Ask: TypeAlias = Callable[[str, Mapping[str, object]], bytes]
"""Asks a reading method of the API with parameters, as the user of the page; gives its answer."""

PAGE_SIZE: Final = 50
"""Rows that a list shows at once; its script asks for as many more."""

ROWS_OF_SHEET: Final = 500
"""Rows of a sheet of results that are there at once; its script reads the others, if there are more."""


def _nothing(ask: Ask, place: str) -> Mapping[str, bytes]:
    return {}


@dataclass(frozen=True, slots=True)
class ConsolePage:
    """A page below `/<site>`; `path` may be followed by a segment, the `place`, that the page reads itself."""

    name: str
    path: str
    title: str
    """Its title, in English; translated by the catalogs."""
    first: Callable[[Ask, str], Mapping[str, bytes]] = _nothing
    """Asks what the page shows at once, given the place; raises what the API raises."""
    listed: bool = True
    """It is in the navigation; else other pages lead to it."""


def _worklists(ask: Ask, place: str) -> Mapping[str, bytes]:
    """The worklists of the user with their numbers, and the beginning of the one that the place names."""
    if place:
        # Before all others: one that is not for the user has no page.
        ask(f"worklists/{place}", {})
    answer = ask("worklists", {"counts": True, "language": language()})
    listed = orjson.loads(answer)["worklists"]
    wanted = place or next((item["id"] for item in listed if item["count"]), "")
    query = next((item["query"] for item in listed if item["id"] == wanted), None)
    if query is None:
        return {"worklists": answer}
    return {"worklists": answer, "read": ask("read", {**query, "page_size": PAGE_SIZE, "authenticator": False})}


def _results(ask: Ask, place: str) -> Mapping[str, bytes]:
    """The sheet of results of the object whose UID is the place, and its first rows."""
    answer = ask("result_sheet", {**({"obj_uid": place} if place else {}), "language": language()})
    query = orjson.loads(answer)["sheet"]["query"]
    return {"sheet": answer, "read": ask("read", {**query, "page_size": ROWS_OF_SHEET, "authenticator": False})}


def _files(ask: Ask, place: str) -> Mapping[str, bytes]:
    """The shapes of files of results; the place may name the one that is chosen at first."""
    return {"result_files": ask("result_files", {"language": language()})}


PAGES: Final = (
    ConsolePage("worklists", "/console/worklists", marked("Worklists"), _worklists),
    ConsolePage("search", "/console/search", marked("Search")),
    ConsolePage("files", "/console/files", marked("Files"), _files),
    ConsolePage("results", "/console/results", marked("Results"), _results, listed=False),
)
"""The first one is also the page of `/console`."""
