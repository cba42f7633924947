"""Tables that other programs write, and many at once, are seen and written as they are at that moment."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from objapi.errors import ApiError, Conflict
from objapi.store.requests import ByPath, ByUid, Find, UpdateItem
from tests.objapi.store.mapped.conftest import StoreRoom
from tests.objapi.store.mapped.stock import Article
from tests.objapi.store.writing.test_undoing import request_of, undo


def numbers(room: StoreRoom, user: str = "boss", **criteria: Any) -> list[int]:
    options = {name: criteria.pop(name) for name in ("sort_on", "sort_order", "limit") if name in criteria}
    found = room.gateway.find(user, {"portal_type": "Article", **criteria}, **options)
    return [int(item["id"]) for item in found]


def test_stream_gives_every_row(room: StoreRoom) -> None:
    room.other.insert(Article, *({"supplierId": 1, "code": f"N{n}", "delivered": None} for n in range(600)))
    find = Find({"portal_type": "Article"}, sort_on="code", offset=2, size=0)

    def read(tx: Any) -> int:
        streamed = tx.stream(find)
        items = orjson.loads(b"[" + b",".join(streamed.chunks) + b"]")
        assert len({item["id"] for item in items}) == streamed.count
        return len(items)

    assert room.gateway.run("boss", read) == 602


def test_foreign_writers_are_seen_at_once(room: StoreRoom) -> None:
    before = room.gateway.find("boss", {"portal_type": "Article", "id": "3"})[0]["version"]
    room.other.execute(sa.update(Article).where(Article.c.articleId == 3).values(code="ZZ"))
    room.other.insert(Article, {"articleId": 9, "supplierId": 1, "code": "NEW"})

    assert numbers(room, code="zz") == [3]
    assert numbers(room, code="new") == [9]
    assert room.gateway.find("boss", {"portal_type": "Article", "id": "3"})[0]["version"] != before
    assert room.gateway.run("boss", lambda tx: tx.entity(ByUid(room.gateway.uid("/stock/Article/9"))).id) == "9"


@pytest.mark.parametrize("count", [3, 300])
def test_number_of_statements_does_not_depend_on_the_number_of_rows(room: StoreRoom, count: int) -> None:
    room.other.insert(Article, *({"supplierId": 1 + n % 2, "code": "N"} for n in range(count)))
    room.gateway.find("boss", {"portal_type": "Article", "code": "N"})
    with room.gateway.statements.counted() as statements:
        room.gateway.find("boss", {"portal_type": "Article", "code": "N"}, size=count - 1)
    # User, page, count, rows, what is kept beside them, and the suppliers that a computed field reads.
    assert len(statements) <= 6, statements


def test_one_of_many_requests_takes_a_transition(room: StoreRoom) -> None:
    def sell(_: int) -> str:
        try:
            room.gateway.act("kim", "sell", "/stock/Article/2")
        except ApiError as error:
            return type(error).__name__
        return "sold"

    with ThreadPoolExecutor(6) as pool:
        outcomes = sorted(pool.map(sell, range(6)))
    assert outcomes == ["TransitionNotAllowed"] * 5 + ["sold"]
    events = [row["event"] for row in room.gateway.history("boss", ByPath("/stock/Article/2")).rows]
    assert events == ["transition"]


def test_no_change_of_a_version_is_lost(room: StoreRoom) -> None:
    def count_up(_: int) -> None:
        while True:
            (seen,) = room.gateway.find("kim", {"portal_type": "Article", "id": "1"})
            item = UpdateItem(ByPath("/stock/Article/1"), {"number": seen["number"] + 1}, seen["version"])
            try:
                room.gateway.update_all("kim", [item])
            except ApiError as error:
                assert error.status == 409, error
            else:
                return

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count_up, range(12)))
    assert room.other.rows(Article)[0]["number"] == 7 + 12


def test_row_that_vanishes_is_not_there(room: StoreRoom) -> None:
    uid = room.gateway.uid("/stock/Article/4")
    room.other.execute(sa.delete(Article).where(Article.c.articleId == 4))
    with pytest.raises(ApiError, match="no object"):
        room.gateway.update("kim", "/stock/Article/4", number=1)
    with pytest.raises(ApiError, match="no object"):
        room.gateway.remove("kim", uid)


def test_a_row_is_answered_as_it_was_unless_others_have_changed_it(room: StoreRoom) -> None:
    gateway, path = room.gateway, "/stock/Article/2"
    gateway.update("kim", path, number=11)
    gateway.update("kim", path, number=12, code="B2")
    uid = gateway.uid(path)
    _, first = gateway.history("boss", ByUid(uid)).rows
    instant = datetime.fromisoformat(str(first["time"]))

    def then() -> Any:
        return gateway.run("boss", lambda tx: tx.former([ByUid(uid)], instant))

    found = then()
    (row,) = (orjson.loads(orjson.dumps(item)) for item in found.objects)
    assert (row["number"], row["review_state"]) == (11, "open")
    assert "version" not in row
    assert found.warnings[0].startswith("Article: ")
    room.other.execute(sa.update(Article).where(Article.c.articleId == 2).values(number=13))
    with pytest.raises(Conflict, match="changed from outside"):
        then()


def test_a_change_of_a_row_is_undone_unless_others_have_changed_it(room: StoreRoom) -> None:
    gateway, path = room.gateway, "/stock/Article/2"
    uid, before = gateway.uid(path), room.other.rows(Article)[1]["number"]
    gateway.update("kim", path, number=11)
    undo(gateway, request_of(gateway, uid))
    assert room.other.rows(Article)[1]["number"] == before
    made = gateway.create("kim", "Article", None, Supplier="portal_type:Supplier|login:bolts", code="Q")
    gateway.remove("boss", made.uid)
    undo(gateway, request_of(gateway, made.uid))
    assert gateway.uid(made.path) == made.uid
    gateway.update("kim", path, number=12)
    room.other.execute(sa.update(Article).where(Article.c.articleId == 2).values(number=99))
    with pytest.raises(Conflict, match="was changed since"):
        undo(gateway, request_of(gateway, uid))
