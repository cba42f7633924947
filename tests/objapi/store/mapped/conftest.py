"""A site whose profile is a store room's tables, in the site's own database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from tests.objapi.store.mapped.stock import PROFILE, Article, OtherProgram, Supplier, Watch
from tests.objapi.store.workshop import Gateway, open_site

USERS = {
    "boss": (("Manager",), ()),
    "kim": (("Keeper",), ()),
    "sid": (("Seller",), ()),
    "acme": ((), ()),
    "olga": ((), ()),
}


@dataclass(frozen=True)
class StoreRoom:
    gateway: Gateway
    other: OtherProgram


def fill(other: OtherProgram) -> None:
    other.make_tables()
    other.insert(
        Supplier,
        {"supplierId": 1, "name": "Acme", "login": "acme"},
        {"supplierId": 2, "name": "Bolts & Co", "login": "bolts"},
    )
    other.insert(
        Article,
        {
            "articleId": 1,
            "supplierId": 1,
            "code": "MX",
            "number": 7,
            "price": 12.5,
            "weight": 0.25,
            "active": 1,
            "delivered": datetime(2026, 3, 1, 10, 30, 20),  # noqa: DTZ001 - a wall clock's time
            "grade": "A",
        },
        {"articleId": 2, "supplierId": 1, "code": "mx", "number": 30},
        {"articleId": 3, "supplierId": 2, "code": "SX", "number": 4},
        {"articleId": 4, "supplierId": 2, "code": "TX", "number": None, "active": 0},
    )
    other.insert(Watch, {"articleId": 3, "supplierId": 1, "note": "mine too"})


@contextmanager
def opened_room(url: str, folder: Path) -> Iterator[StoreRoom]:
    """A new store room and a site on one database."""
    other = OtherProgram(url)
    fill(other)
    site = open_site(url, folder, (str(PROFILE),))
    gateway = Gateway.on(site)
    gateway.add_users(USERS)
    yield StoreRoom(gateway, other)
    site.close()
    other.close()


@pytest.fixture
def room(database_url: str, tmp_path: Path) -> Iterator[StoreRoom]:
    with opened_room(database_url, tmp_path) as room:
        yield room
