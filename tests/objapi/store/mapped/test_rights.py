"""A database of the same server that the gateway's account may not read: 503 that names the GRANT."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from objapi.errors import Unavailable
from tests.databases import fresh_mariadb_database
from tests.docs.pages import DOCS, blocks
from tests.objapi.store.mapped.conftest import USERS, StoreRoom, fill
from tests.objapi.store.mapped.stock import Article, OtherProgram
from tests.objapi.store.mapped.test_elsewhere import profile_for
from tests.objapi.store.workshop import Gateway, open_site

ACCOUNT = "gatekeeper"


@pytest.fixture
def guarded(tmp_path: Path, mariadb: Callable[[], URL]) -> Iterator[tuple[StoreRoom, Callable[[str], None]]]:
    """A store room in a database of its own, and how rights on it are given to the gateway's account."""
    with ExitStack() as stack:
        own, stock = (make_url(stack.enter_context(fresh_mariadb_database(mariadb()))) for _ in range(2))
        administration = sa.create_engine(own)

        def grant(rights: str, database: str | None = stock.database) -> None:
            with administration.begin() as connection:
                connection.exec_driver_sql(f"GRANT {rights} ON `{database}`.* TO '{ACCOUNT}'@'%%'")

        with administration.begin() as connection:
            connection.exec_driver_sql(f"CREATE OR REPLACE USER '{ACCOUNT}'@'%%' IDENTIFIED BY 'x'")
        grant("ALL PRIVILEGES", own.database)
        other = OtherProgram(stock.render_as_string(hide_password=False))
        fill(other)
        account = own.set(username=ACCOUNT, password="x").render_as_string(hide_password=False)
        there = account.replace(str(own.database), str(stock.database))
        profile = profile_for(tmp_path / "profile")
        site = open_site(account, tmp_path, (profile,), databases=(("stock", there),))
        gateway = Gateway.on(site)
        gateway.add_users(USERS)
        yield StoreRoom(gateway, other), grant
        site.close()
        other.close()
        with administration.begin() as connection:
            connection.exec_driver_sql(f"DROP USER '{ACCOUNT}'@'%%'")
        administration.dispose()


def test_lacking_right_is_named_and_once_given_suffices(
    guarded: tuple[StoreRoom, Callable[[str], None]],
) -> None:
    room, grant = guarded
    shown = rf"GRANT SELECT ON `.*`\.\* TO '{ACCOUNT}'@.*, with the host that the account was made for"
    with pytest.raises(Unavailable, match=shown):
        room.gateway.find("boss", {"portal_type": "Article"})
    grant("SELECT")
    assert len(room.gateway.find("boss", {"portal_type": "Article"})) == len(room.other.rows(Article))
    with pytest.raises(Unavailable, match=r"GRANT (UPDATE|SELECT FOR UPDATE|LOCK).* ON `"):
        room.gateway.update("boss", "/stock/Article/1", number=8)
    grant("INSERT, UPDATE, DELETE")
    room.gateway.update("boss", "/stock/Article/1", number=8)
    assert room.other.rows(Article)[0]["number"] == 8


def test_rights_shown_in_the_guide_suffice(guarded: tuple[StoreRoom, Callable[[str], None]]) -> None:
    room, grant = guarded
    (block,) = blocks(DOCS / "adopt.md", "sql")
    shown = re.fullmatch(r"GRANT ([A-Z, ]+) ON stock\.\* TO 'objapi'@'%';\n", block.text)
    assert shown is not None
    grant(shown[1])
    room.gateway.update("boss", "/stock/Article/1", number=8)
    room.gateway.create("boss", "Article", None, code="New", Supplier="/stock/Supplier/1", number=9)
    room.gateway.remove("boss", room.gateway.uid("/stock/Article/2"))
    assert [row["number"] for row in room.other.rows(Article)] == [8, 4, None, 9]
