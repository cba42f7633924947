"""History in its former shape, one table, moved below requests."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy import Connection, Engine

from catalog.dialect import begin_write, create_engine_for, insert_rows
from objapi.store.mapped.schema import row_pending
from objapi.store.records import request_digest
from objapi.store.schema import history_entries, requests
from objapi.store.upgrade import former_history
from objapi.store.upgrade.former_history import convert_pending, count_former, drop_empty, has_former, move_history
from objapi.store.upgrade.migrations import configuration, migrate
from tests.recorded import recorded_history

SITE = "Plone"


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """A database with the tables of schema 0003."""
    engine = create_engine_for(database_url)
    with engine.connect() as made, begin_write(made):
        command.upgrade(configuration(made), "0003")
        yield made
    engine.dispose()


def _row(number: int, at: int, actor: str, request: str, **values: Any) -> dict[str, Any]:
    row = {
        "id": number, "seq": None, "rid": 7, "uid": "u" * 32, "path": "/Plone/a", "portal_type": "Thing", "at": at,
        "actor": actor, "event": "update", "workflow": None, "transition": None, "comment": "", "request": request,
        "changes": orjson.dumps({"Count": [number, None]}).decode(),
    }  # fmt: skip
    return row | values


def _store(connection: Connection, rows: list[dict[str, Any]]) -> None:
    insert_rows(connection, sa.table("history", *map(sa.column, rows[0])), rows)


def _move(connection: Connection) -> list[int]:
    """Move all of it, and return how many rows went in each step."""
    moved = []
    while True:
        moved.append(move_history(SITE, connection))
        if not moved[-1]:
            return moved[:-1]


def _rows(connection: Connection, statement: sa.Select[Any]) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in connection.execute(statement).mappings()]


ROWS = [
    _row(10, 5, "mia", "r1", event="create", comment="first"),
    _row(11, 6, "max", "r2", event="transition", workflow="w", transition="hide", comment="why ☕"),
    _row(12, 5, "mia", "r1", path="/Plone/b", uid="v" * 32),
    _row(13, 5, "command line", ""),
    _row(14, 8, "command line", ""),
]


def test_rows_are_moved_with_what_they_said(connection: Connection) -> None:
    _store(connection, ROWS)
    migrate(connection)
    assert count_former(connection) == 5
    assert _move(connection) == [5]
    assert count_former(connection) == 0
    found = recorded_history(connection)
    same = ("id", "rid", "uid", "path", "portal_type", "at", "actor", "event", "workflow", "transition", "comment")
    for row, former in zip(found, ROWS, strict=True):
        assert {name: row[name] for name in (*same, "changes")} == {name: former[name] for name in (*same, "changes")}
        assert (row["request_id"], row["version"], row["address"]) == (former["request"], None, "")
    assert [row["request"] for row in found] == [10, 11, 10, 13, 14]


def test_digests_are_of_what_was_moved(connection: Connection) -> None:
    _store(connection, ROWS)
    migrate(connection)
    _move(connection)
    entries = _rows(connection, sa.select(history_entries).order_by(history_entries.c.id))
    made = _rows(connection, sa.select(requests))
    assert len(made) == 4
    for row in made:
        below = [entry for entry in entries if entry["request"] == row["id"]]
        assert row["digest"] == request_digest(SITE, row, below)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_requests_stay_whole_whatever_a_step_moves(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(former_history, "CHUNK", size)
    _store(connection, ROWS)
    migrate(connection)
    assert sum(_move(connection)) == 5
    assert [row["request"] for row in recorded_history(connection)] == [10, 11, 10, 13, 14]


def test_a_later_row_by_the_same_words_is_another_request(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Request ids are the clients' business nowhere, but an empty one at the command line says nothing."""
    monkeypatch.setattr(former_history, "CHUNK", 1)
    far = 3_600_000 << 22
    _store(connection, [_row(1, 5, "command line", ""), _row(1 + far, 5, "command line", "")])
    migrate(connection)
    assert _move(connection) == [1, 1]
    assert [row["request"] for row in recorded_history(connection)] == [1, 1 + far]


def test_former_table_goes_with_the_next_upgrade_when_nothing_was_written_to_it(connection: Connection) -> None:
    _store(connection, ROWS)
    migrate(connection)
    drop_empty(connection)
    assert count_former(connection) == 5
    _move(connection)
    _store(connection, [_row(20, 9, "mia", "r9")])
    drop_empty(connection)
    assert _move(connection) == [1]
    assert [row["request_id"] for row in recorded_history(connection)][-1] == "r9"
    drop_empty(connection)
    assert not has_former(connection)
    assert count_former(connection) == 0


def test_pending_outboxes_are_converted_once(connection: Connection) -> None:
    migrate(connection)
    document = {"states": [], "variables": [], "forgotten": [], "history": ROWS[:1], "expected": [["Thing", 7, 3]]}
    text = orjson.dumps(document).decode()
    insert_rows(connection, row_pending, [{"id": 1, "at": 5, "place": "other", "document": text}])
    convert_pending(SITE, connection)
    once = connection.scalar(sa.select(row_pending.c.document))
    found = orjson.loads(once or "")
    assert [row["request_id"] for row in found["requests"]] == ["r1"]
    assert [row["request"] for row in found["history"]] == [10]
    convert_pending(SITE, connection)
    assert connection.scalar(sa.select(row_pending.c.document)) == once


def test_new_site_never_had_the_former_table(database_url: str) -> None:
    engine: Engine = create_engine_for(database_url)
    with engine.connect() as made, begin_write(made):
        migrate(made)
        assert not has_former(made)
    engine.dispose()
