"""Rows written with a route's authority: what it stands in place of, and what holds all the same."""

from dataclasses import replace
from typing import Any

import pytest

from objapi import upkeep
from objapi.errors import Forbidden, NotFound, ValidationError
from objapi.model.types import GATEWAY
from objapi.store.requests import ByPath
from objapi.store.row_requests import NewRow, RowItem, RowRemoval, RowsOutcome, RowUpdate, WriteAuthority
from tests.objapi.store.mapped.conftest import StoreRoom
from tests.objapi.store.mapped.stock import Article, Supplier, Watch
from tests.objapi.store.mapped.test_elsewhere import far, is_elsewhere, pending
from tests.recorded import recorded_history

__all__ = ["far"]

STOCK = WriteAuthority("stock", GATEWAY, frozenset({"Article"}), frozenset({"Supplier", "Watch"}))


def write(
    room: StoreRoom, user: str, *items: RowItem, authority: WriteAuthority | None = STOCK, dry_run: bool = False
) -> RowsOutcome:
    site = room.gateway.site
    return site.run(
        room.gateway.authenticate(user),
        lambda tx: tx.write_rows(items, dry_run=dry_run),
        write=True,
        authority=authority,
    )


def recorded(room: StoreRoom) -> list[tuple[Any, ...]]:
    with room.gateway.site.engine.connect() as connection:
        rows = recorded_history(connection)
    return [(row["portal_type"], row["event"], row["actor"]) for row in rows if row["portal_type"] != "Plone Site"]


def article(room: StoreRoom, key: int) -> Any:
    return next((row for row in room.other.rows(Article) if row["articleId"] == key), None)


def test_authority_stands_in_place_of_permission_vocabulary_and_required_fields(room: StoreRoom) -> None:
    write(room, "acme", RowUpdate("Article", (1,), {"grade": "C", "number": 8}))
    supplier = NewRow("Supplier", {"name": "New", "login": "acme"})
    # A login is a natural key, so the former supplier gives it up.
    former = RowUpdate("Supplier", (1,), {"login": "former"})
    write(room, "acme", supplier, NewRow("Article", {"supplierId": supplier, "code": "Q"}), former)
    assert (article(room, 1)["grade"], article(room, 1)["number"]) == ("C", 8)
    assert article(room, 5)["supplierId"] == supplier.key == 3
    assert recorded(room) == [
        ("Article", "update", "acme"),
        ("Supplier", "create", "acme"),
        ("Article", "create", "acme"),
        ("Supplier", "update", "acme"),
    ]


def test_history_is_that_of_any_other_change(room: StoreRoom) -> None:
    room.gateway.update("kim", "/stock/Article/3", number=9, Supplier=room.gateway.uid("/stock/Supplier/1"))
    room.gateway.update("kim", "/stock/Article/3", number=4, Supplier=room.gateway.uid("/stock/Supplier/2"))
    write(room, "boss", RowUpdate("Article", (3,), {"number": 9, "supplierId": 1}))
    rows = room.gateway.history("boss", ByPath("/stock/Article/3")).rows
    told = ("event", "UID", "path", "portal_type", "changes")
    assert {name: rows[0][name] for name in told} == {name: rows[2][name] for name in told}


def test_rows_of_two_columns_in_their_key_are_added_changed_and_removed(room: StoreRoom) -> None:
    write(room, "kim", NewRow("Watch", {"articleId": 1, "supplierId": 2, "note": "first"}))
    write(room, "kim", RowUpdate("Watch", (1, 2), {"note": "second"}))
    page = room.gateway.history("boss", ByPath("/stock/Watch/1-2"))
    assert [row["event"] for row in page.rows] == ["update", "create"]
    outcome = write(room, "kim", RowRemoval("Watch", (1, 2)), RowRemoval("Watch", (3, 1)))
    assert (outcome.removed, room.other.rows(Watch)) == ({"Watch": 2}, [])
    assert recorded(room)[-2:] == [("Watch", "remove", "kim")] * 2


def test_rows_out_of_sight_are_not_found(room: StoreRoom) -> None:
    for item in (RowUpdate("Article", (3,), {"number": 1}), RowRemoval("Article", (99,))):
        with pytest.raises(NotFound):
            write(room, "olga", item)
    write(room, "olga", RowUpdate("Supplier", (1,), {"name": "Anybody's"}))
    assert recorded(room) == [("Supplier", "update", "olga")]


def test_nobody_writes_a_row_out_of_their_own_sight(room: StoreRoom) -> None:
    for item in (
        RowUpdate("Article", (1,), {"supplierId": 2}),
        NewRow("Article", {"supplierId": 2, "code": "Q"}),
    ):
        with pytest.raises(Forbidden, match="could not see"):
            write(room, "acme", item)
    assert (article(room, 1)["supplierId"], article(room, 5), recorded(room)) == (1, None, [])


def test_without_a_declared_authority_nothing_is_written(room: StoreRoom) -> None:
    item = RowUpdate("Article", (1,), {"number": 8})
    for authority in (None, replace(STOCK, tables=frozenset({"Watch"}))):
        with pytest.raises(Forbidden):
            write(room, "boss", item, authority=authority)
    with pytest.raises(TypeError, match="opened for reading"):
        room.gateway.site.run(
            room.gateway.authenticate("boss"), lambda tx: tx.write_rows([item]), write=False, authority=STOCK
        )
    assert article(room, 1)["number"] == 7


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (NewRow("Article", {"supplierId": 1}), "required"),
        (NewRow("Article", {"supplierId": 1, "code": "x" * 21}), "invalid"),
        (NewRow("Article", {"supplierId": 1, "code": "Q", "shelf": 1}), "invalid"),
        (RowUpdate("Article", (1,), {"code": None}), "invalid"),
        (RowUpdate("Watch", (3, 1), {"articleId": 2}), "invalid"),
    ],
)
def test_the_table_judges_values_before_anything_is_written(room: StoreRoom, item: RowItem, code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        write(room, "kim", RowUpdate("Article", (2,), {"number": 1}), item)
    assert [cause.code for cause in caught.value.causes] == [code]
    assert (article(room, 2)["number"], recorded(room)) == (30, [])


@pytest.mark.parametrize("dry_run", [True, False])
def test_natural_keys_hold(room: StoreRoom, dry_run: bool) -> None:
    login, code = room.other.rows(Supplier)[1]["login"], room.other.rows(Article)[-1]["code"]
    owner = room.other.rows(Article)[-1]["supplierId"]
    new = NewRow("Supplier", {"name": "New", "login": "new"})
    for items in (
        [NewRow("Supplier", {"name": "Other", "login": login.upper()}, label="third")],
        [new, RowUpdate("Supplier", (1,), {"login": "NEW"})],
        [NewRow("Article", {"supplierId": owner, "code": code.lower()})],
        [RowUpdate("Article", (1,), {"supplierId": owner, "code": code})],
        [new, *(NewRow("Article", {"supplierId": new, "code": text}) for text in ("q", "Q"))],
    ):
        with pytest.raises(ValidationError, match="cannot be given to another") as caught:
            write(room, "boss", *items, dry_run=dry_run)
        assert [cause.code for cause in caught.value.causes] == ["taken"]
    assert recorded(room) == []
    # The same key elsewhere, one that is given up, and one whose letters change, are free.
    write(room, "boss", new, NewRow("Article", {"supplierId": new, "code": code}), dry_run=dry_run)
    write(
        room,
        "boss",
        RowUpdate("Supplier", (2,), {"login": "moved"}),
        RowUpdate("Supplier", (1,), {"login": login.upper()}),
        dry_run=dry_run,
    )
    own_rule = replace(STOCK, told_apart=frozenset({"Supplier"}))
    write(room, "boss", NewRow("Supplier", {"name": "Twin", "login": "acme"}), authority=own_rule, dry_run=dry_run)
    if not dry_run:
        write(room, "boss", RowUpdate("Supplier", (1,), {"login": login.title()}))


def test_a_dry_run_says_what_would_be_written_and_writes_nothing(room: StoreRoom) -> None:
    new = NewRow("Supplier", {"name": "New"})
    items = (new, NewRow("Article", {"supplierId": new, "code": "Q"}), RowUpdate("Article", (1,), {"number": 8}))
    outcome = write(room, "kim", *items, dry_run=True)
    assert (outcome.added, outcome.changed) == ({"Supplier": 1, "Article": 1}, {"Article": 1})
    with pytest.raises(ValidationError) as caught:
        write(room, "kim", NewRow("Article", {"supplierId": 99, "code": "Q"}), dry_run=True)
    assert [cause.code for cause in caught.value.causes] == ["unresolved"]
    assert (len(room.other.rows(Supplier)), article(room, 1)["number"], recorded(room)) == (2, 7, [])


def test_what_the_row_holds_already_is_neither_written_nor_recorded(room: StoreRoom) -> None:
    outcome = write(room, "kim", RowUpdate("Article", (1,), {"number": 7, "code": "MX"}))
    assert (outcome.changed, recorded(room)) == ({}, [])


def test_a_request_that_read_another_value_is_run_again(room: StoreRoom) -> None:
    runs: list[int] = []

    def add_one(tx: Any) -> None:
        number = article(room, 1)["number"] if runs else 6
        runs.append(number)
        tx.write_rows([RowUpdate("Article", (1,), {"number": number + 1}, {"number": number})])

    room.gateway.site.run(room.gateway.authenticate("kim"), add_one, write=True, authority=STOCK)
    assert (runs, article(room, 1)["number"]) == ([6, 7], 8)


def test_the_number_of_statements_does_not_grow_with_that_of_rows(room: StoreRoom) -> None:
    def statements(number: int, code: str) -> int:
        supplier = NewRow("Supplier", {"name": code})
        made = [NewRow("Article", {"supplierId": supplier, "code": f"{code}{n}"}) for n in range(number)]
        known = len(room.other.rows(Article))
        with room.gateway.statements.counted() as texts:
            write(room, "kim", supplier, *made)
            keys = [item.number for item in made]
            write(room, "kim", *(RowUpdate("Article", (key,), {"number": key}) for key in keys))
        assert len(room.other.rows(Article)) == known + number
        # SQLite has no statement for many keys at once; there it takes one a row to be given them.
        return len([text for text in texts if not text.startswith('INSERT INTO "Article"')])

    statements(1, "a")
    assert statements(200, "b") == statements(2, "c")


def test_history_of_rows_elsewhere_waits_for_their_commit(far: StoreRoom) -> None:
    authority = replace(STOCK, database="stock")
    write(far, "kim", RowUpdate("Article", (1,), {"number": 8}), RowRemoval("Watch", (3, 1)), authority=authority)
    assert (article(far, 1)["number"], far.other.rows(Watch), pending(far)) == (8, [], 0)
    assert sorted(recorded(far)) == [("Article", "update", "kim"), ("Watch", "remove", "kim")]


@pytest.mark.parametrize("committed", [True, False])
def test_a_crash_between_the_commits_is_settled_as_the_rows_tell(
    far: StoreRoom, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    if not is_elsewhere(far):
        return

    class Crash(BaseException):
        pass

    def crash(self: Any, connections: Any) -> None:
        if committed:
            connections.commit()
        raise Crash

    authority = replace(STOCK, database="stock")
    with monkeypatch.context() as patched:
        patched.setattr("objapi.site.Site._commit_foreign", crash)
        with pytest.raises(Crash):
            write(far, "kim", RowUpdate("Article", (1,), {"number": 8}), authority=authority)
    monkeypatch.setattr("objapi.store.mapped.outbox.ABANDONED_AFTER", -1_000_000)
    assert upkeep.recover_row_outbox(far.gateway.site) == 1
    assert recorded(far) == ([("Article", "update", "kim")] if committed else [])
