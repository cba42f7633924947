"""Tables of another database: of the same server, and elsewhere."""

import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL

from objapi import upkeep
from objapi.errors import BadRequest, NotFound
from objapi.site import Site
from objapi.site_context import SiteError
from objapi.store.idempotency import AnswerToStore, FirstAnswer, RequestKey
from objapi.store.mapped import outbox
from objapi.store.mapped.databases import Connections
from objapi.store.mapped.schema import row_pending, row_states
from objapi.store.requests import ByPath, UpdateItem
from objapi.store.transaction import Transaction
from tests.databases import fresh_mariadb_database
from tests.objapi.store.mapped.conftest import USERS, StoreRoom, fill
from tests.objapi.store.mapped.stock import PROFILE, Article, OtherProgram
from tests.objapi.store.workshop import Gateway, open_site

ANSWER = FirstAnswer({"Content-Type": "application/json"}, b"{}")
COMBINATIONS = ("sqlite and sqlite", "mariadb and mariadb", "mariadb and sqlite")


def profile_for(folder: Path) -> str:
    """The profile of the store room with its tables in the database `stock`."""
    shutil.copytree(PROFILE, folder)
    types = folder / "types" / "stock.yaml"
    types.write_text(re.sub(r"(key: .*?)(,?)(\n? +)folder:", r"\1\2\3database: stock\2\3folder:", types.read_text()))
    return str(folder)


@pytest.fixture(params=COMBINATIONS)
def far(request: pytest.FixtureRequest, tmp_path: Path, mariadb: Callable[[], URL]) -> Iterator[StoreRoom]:
    own, _, there = request.param.partition(" and ")
    with ExitStack() as stack:
        urls = [
            f"sqlite:///{tmp_path / name}.sqlite"
            if kind == "sqlite"
            else stack.enter_context(fresh_mariadb_database(mariadb()))
            for name, kind in (("own", own), ("stock", there))
        ]
        other = OtherProgram(urls[1])
        fill(other)
        profile = profile_for(tmp_path / "profile")
        site = open_site(urls[0], tmp_path, (profile,), databases=(("stock", urls[1]),))
        gateway = Gateway.on(site)
        gateway.add_users(USERS)
        yield StoreRoom(gateway, other)
        site.close()
        other.close()


def is_elsewhere(room: StoreRoom) -> bool:
    return room.gateway.site.context.rows.places["stock"].engine is not None


def pending(room: StoreRoom) -> int:
    count = sa.select(sa.func.count()).select_from(row_pending)
    return room.gateway.site.transact(lambda own: own.scalar(count), write=False) or 0


def test_rows_are_read_and_written_with_their_history(far: StoreRoom) -> None:
    entry = far.gateway.create("kim", "Article", None, Supplier="portal_type:Supplier|login:bolts", code="Q")
    far.gateway.update("kim", entry.path, number=5)
    far.gateway.act("kim", "sell", entry.path)
    assert [row["number"] for row in far.other.rows(Article)] == [7, 30, 4, None, 5]
    (found,) = far.gateway.find("kim", {"portal_type": "Article", "code": "q"})
    assert (found["number"], found["review_state"], found["SupplierName"]) == (5, "sold", "Bolts & Co")
    events = [row["event"] for row in far.gateway.history("boss", ByPath(entry.path)).rows]
    assert events == ["transition", "update", "transition", "create"]
    far.gateway.remove("boss", far.gateway.uid("/stock/Article/4"))
    assert [row["articleId"] for row in far.other.rows(Article)] == [1, 2, 3, 5]
    assert pending(far) == 0


def test_own_rows_and_permissions_of_states_hold(far: StoreRoom) -> None:
    def seen(user: str) -> list[str]:
        return [item["id"] for item in far.gateway.find(user, {"portal_type": "Article"})]

    assert seen("acme") == ["1", "2", "3"]
    far.gateway.act("kim", "hide", "/stock/Article/2")
    assert (seen("boss"), seen("kim")) == (["1", "2", "3", "4"], ["1", "3", "4"])
    with pytest.raises(NotFound):
        far.gateway.update("kim", "/stock/Article/2", number=1)


def test_states_are_searched_where_the_rows_are_within_reach(far: StoreRoom) -> None:
    far.gateway.act("kim", "sell", "/stock/Article/2")
    criteria = {"portal_type": "Article", "review_state": "sold"}
    if is_elsewhere(far):
        with pytest.raises(BadRequest, match="review_state: cannot filter, sort or count by workflow state here"):
            far.gateway.find("boss", criteria)
    else:
        assert [item["id"] for item in far.gateway.find("boss", criteria)] == ["2"]


def test_nothing_is_made_in_the_other_database(far: StoreRoom) -> None:
    far.gateway.act("kim", "sell", "/stock/Article/2")
    far.gateway.update("kim", "/stock/Article/1", number=5)
    assert far.other.table_names() == ["Article", "Supplier", "Watch"]


def test_failed_request_leaves_nothing_on_either_side(far: StoreRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the machine is out of order")

    if is_elsewhere(far):
        monkeypatch.setattr(outbox.RowOutbox, "store_pending", fail)
    else:
        monkeypatch.setattr("objapi.store.writing.apply_plan.history_rows", fail)
    before = far.other.rows(Article)
    with pytest.raises(RuntimeError):
        far.gateway.act("kim", "sell", "/stock/Article/2")
    with pytest.raises(RuntimeError):
        far.gateway.update("kim", "/stock/Article/2", number=99)
    assert far.other.rows(Article) == before
    assert far.gateway.site.transact(lambda own: own.execute(sa.select(row_states)).all(), write=False) == []


def update_once(room: StoreRoom, **values: object) -> None:
    """An update whose answer is stored under a key."""

    def work(tx: Transaction) -> None:
        tx.update([UpdateItem(ByPath("/stock/Article/2"), values)])
        tx.store_answer_at_end(AnswerToStore(RequestKey("k", "f"), ANSWER))

    room.gateway.run("kim", work, write=True)


def stored_answer(room: StoreRoom) -> object:
    """The answer under the key; None as long as it is not known, False without one."""
    found = room.gateway.run("kim", lambda tx: tx.earlier_answer("k"))
    return False if found is None else found[1]


@pytest.mark.parametrize("committed", [True, False])
def test_what_a_crash_left_pending_is_settled_as_the_rows_tell(
    far: StoreRoom, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    if not is_elsewhere(far):
        update_once(far, number=99)
        assert (pending(far), stored_answer(far)) == (0, ANSWER)
        return

    class Crash(BaseException):
        pass

    def commit_foreign(self: Site, connections: Connections) -> None:
        if committed:
            connections.commit()
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(Site, "_commit_foreign", commit_foreign)
        with pytest.raises(Crash):
            update_once(far, number=99)
    assert pending(far) == 1
    assert stored_answer(far) is None
    assert upkeep.recover_row_outbox(far.gateway.site) == 0
    monkeypatch.setattr(outbox, "ABANDONED_AFTER", -1_000_000)
    assert upkeep.recover_row_outbox(far.gateway.site) == 1
    assert pending(far) == 0
    history = far.gateway.history("boss", ByPath("/stock/Article/2")).rows
    assert [row["event"] for row in history] == (["update"] if committed else [])
    assert stored_answer(far) == (ANSWER if committed else False)
    if not committed:
        refuse_and_try_again(far, monkeypatch)


def refuse_and_try_again(far: StoreRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what the other database refuses no answer is left."""

    def refuse(self: Connections) -> None:
        raise sa.exc.OperationalError("COMMIT", None, sqlite3.OperationalError("out of order"))

    with monkeypatch.context() as patched:
        patched.setattr(Connections, "commit", refuse)
        with pytest.raises(sa.exc.OperationalError):
            update_once(far, number=99)
    assert (stored_answer(far), pending(far)) == (False, 0)
    update_once(far, number=98)
    assert (stored_answer(far), pending(far)) == (ANSWER, 0)


def test_database_that_no_setting_names_stops_the_site(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="OBJAPI_DATABASES=stock=URL"):
        open_site(f"sqlite:///{tmp_path / 'own.sqlite'}", tmp_path, (profile_for(tmp_path / "profile"),))
