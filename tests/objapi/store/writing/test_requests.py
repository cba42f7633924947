"""Each writing request is one row, with a digest over the history below it."""

from typing import Any

import pytest
import sqlalchemy as sa

from objapi.errors import ApiError
from objapi.store.records import request_digest
from objapi.store.requests import ByPath, CreateItem, RequestSource, UpdateItem
from objapi.store.schema import history_entries, requests
from objapi.store.transaction import Transaction
from tests.objapi.store.workshop import Gateway


def _rows(connection: sa.Connection, statement: sa.Select[Any]) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in connection.execute(statement).mappings()]


def _requests(workshop: Gateway) -> dict[int, dict[str, Any]]:
    """Number → row of each request, its entries with it in order."""

    def read(connection: sa.Connection) -> dict[int, dict[str, Any]]:
        found = {row["id"]: row for row in _rows(connection, sa.select(requests))}
        entries = _rows(connection, sa.select(history_entries).order_by(history_entries.c.id))
        for row in found.values():
            row["entries"] = [entry for entry in entries if entry["request"] == row["id"]]
        assert len(entries) == sum(len(row["entries"]) for row in found.values())
        return found

    return workshop.site.transact(read, write=False)


def _new(workshop: Gateway, before: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for number, row in _requests(workshop).items() if number not in before]


def _parts(path: str, count: int) -> list[CreateItem]:
    return [CreateItem("Part", ByPath(path), {"Kind": "leg", "Grams": number}) for number in range(count)]


@pytest.fixture
def thing(workshop: Gateway, team: str, person: str) -> str:
    return workshop.create("mia", "Thing", team, title="A thing", Maker=person).path


def test_one_call_for_many_objects_is_one_request(workshop: Gateway, thing: str) -> None:
    before = _requests(workshop)
    workshop.create_all("mia", _parts(thing, 3))
    (made,) = _new(workshop, before)
    assert (made["actor"], made["seq"], made["api_key"]) == ("mia", None, None)
    assert {entry["event"] for entry in made["entries"]} == {"create", "transition"}
    assert len({entry["uid"] for entry in made["entries"]}) == 3


def test_several_operations_of_one_transaction_are_one_request(workshop: Gateway, thing: str) -> None:
    before = _requests(workshop)

    def work(tx: Transaction) -> None:
        tx.create(_parts(thing, 1))
        tx.update([UpdateItem(ByPath(thing), {"Count": 7})])

    source = RequestSource("id-7", "10.1.2.3", "robot")
    workshop.site.run(workshop.authenticate("mia"), work, write=True, source=source)
    (made,) = _new(workshop, before)
    assert (made["request_id"], made["address"], made["api_key"]) == ("id-7", "10.1.2.3", "robot")
    assert {entry["event"] for entry in made["entries"]} >= {"create", "update"}


def test_every_digest_is_of_the_rows_as_they_are_stored(workshop: Gateway, thing: str) -> None:
    workshop.update("mia", thing, Count=3)
    for row in _requests(workshop).values():
        entries = row.pop("entries")
        assert entries
        assert row["digest"] == request_digest(workshop.site.settings.site_id, row, entries)


def test_entries_have_the_version_of_the_object_afterwards(workshop: Gateway, thing: str) -> None:
    before = _requests(workshop)
    uid = workshop.uid(thing)
    workshop.update("mia", thing, Count=1)
    workshop.update("mia", thing, Count=2)
    workshop.remove("boss", uid)
    versions = [entry["version"] for made in _new(workshop, before) for entry in made["entries"] if entry["uid"] == uid]
    assert versions == [2, 3, 4]
    created = [row for made in before.values() for row in made["entries"] if row["uid"] == uid]
    assert {row["version"] for row in created} == {1}


def test_what_changes_nothing_is_no_request(workshop: Gateway, thing: str) -> None:
    workshop.update("mia", thing, Count=4)
    before = _requests(workshop)
    workshop.create_all("mia", _parts(thing, 1), dry_run=True)
    workshop.update("mia", thing, Count=4)
    with pytest.raises(ApiError):
        workshop.update("mia", thing, Count="many")
    assert _new(workshop, before) == []


def test_grants_at_the_command_line_are_requests_without_an_address(workshop: Gateway, thing: str) -> None:
    before = _requests(workshop)
    workshop.grant_local_roles(thing, "carl", ["Maker"])
    (made,) = _new(workshop, before)
    assert (made["actor"], made["address"], made["request_id"]) == ("command line", "", f"{made['id']:016x}")
    assert [(entry["event"], entry["version"]) for entry in made["entries"]] == [("grant", None)]
