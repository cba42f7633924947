"""Customers and specimens of the comparison: a pure function of their number, and the site that holds them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import orjson

from benchmarks.laboratory import NotEmpty, as_user
from objapi import upkeep
from objapi.model.content import Content, ContentUser
from objapi.progress import progress
from objapi.settings import load_settings
from objapi.site import Site
from objapi.store.requests import ByPath, CreateItem

PROFILE: Final = Path(__file__).parent / "profile"
CUSTOMERS: Final = 500
"""The specimens go round among them, so each has one in this many."""
PASSWORD: Final = "secret"
MANAGER: Final = "admin"
CONTACT: Final = "contact"
"""The user who sees the first customer alone."""

_FIRST: Final = datetime(2024, 1, 1, tzinfo=UTC)
_WORDS: Final = ("water", "soil", "serum", "leaf", "honey", "wheat", "milk", "apple")

Values = dict[str, object]


def customer(number: int) -> Values:
    """The values of a customer, numbered from 1."""
    return {
        "title": f"Customer {number:04}",
        "Phone": f"+49 30 {number:06}",
        "EmailAddress": f"post@customer{number}.example",
        "City": ("Berlin", "Lyon", "Turin", "Gent")[number % 4],
    }


def specimen(number: int) -> Values:
    """The values of a specimen, numbered from 1; titles come in another order than numbers."""
    word = _WORDS[number % len(_WORDS)]
    return {
        "title": f"{word.title()} {number * 7_919 % 1_000_003:07}",
        "Remarks": f"Taken by the {word}, series {number // 100}.",
        "Volume": number * 31 % 1_000,
        "Collected": (_FIRST + timedelta(minutes=number)).isoformat(),
    }


def customer_of(number: int) -> int:
    """The number of the customer whose specimen this is."""
    return number % CUSTOMERS + 1


@contextmanager
def comparison(data: Path, environ: dict[str, str]) -> Iterator[Site]:
    """A site of the comparison on an empty database, with its customers and users. Raises NotEmpty."""
    site = Site.open(load_settings({**environ, "OBJAPI_PROFILES": str(PROFILE)}, {"data_dir": data}))
    try:
        if not upkeep.initialise(site, progress):
            raise NotEmpty("The database holds a site already. Name an empty one: measurements make objects in it.")
        upkeep.load_content(site, Content((_user(MANAGER, "Manager"),), ()), progress, for_trials=True)
        items = [CreateItem("Customer", ByPath("/"), customer(number + 1)) for number in range(CUSTOMERS)]
        as_user(site, MANAGER, lambda tx: tx.create(items), write=True)
        granted = {"/customer-1": ("Owner",)}
        upkeep.load_content(
            site, Content((_user(CONTACT, "Member", local_roles=granted),), ()), progress, for_trials=True
        )
        yield site
    finally:
        site.close()


def fill(site: Site, there: int, wanted: int) -> None:
    """Load the specimens that are missing, as `objapi content load` does."""
    with TemporaryDirectory(prefix="objapi-benchmarks-") as name:
        file = Path(name) / "specimens.ndjson"
        with file.open("wb") as lines:
            for number in range(there + 1, wanted + 1):
                lines.write(orjson.dumps(_line(number), option=orjson.OPT_APPEND_NEWLINE))
        upkeep.load_lines(site, file, progress)


def _line(number: int) -> Values:
    path = f"/customer-{customer_of(number)}/S-{number:07}"
    return {"path": path, "portal_type": "Specimen", "fields": specimen(number)}


def _user(name: str, *roles: str, local_roles: Mapping[str, tuple[str, ...]] | None = None) -> ContentUser:
    return ContentUser(id=name, password=PASSWORD, roles=roles, local_roles=local_roles or {})
