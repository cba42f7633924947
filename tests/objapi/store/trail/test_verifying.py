"""Whatever somebody does to the rows of the trail by hand is found, and the request named."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from objapi.store.schema import history_entries, requests, trail_head
from objapi.store.trail.chain import BEGINNING, link_digest
from objapi.store.trail.verifying import _digests, linked_pages, verify_trail
from tests.objapi.store.workshop import Gateway

r = requests.c
AT = 3
"""The number of a request in the midst of the trail."""

Tamper = Callable[[Connection], object]


class Undone(Exception):
    """Ends a transaction in which a test has tampered."""


@pytest.fixture(scope="module")
def linked(module_workshop: Gateway) -> Gateway:
    gateway = module_workshop
    team = gateway.create("boss", "Team", "/", title="Trail").path
    maker = gateway.create("boss", "Person", "/", title="Maker").uid
    thing = gateway.create("mia", "Thing", team, title="Thing", Maker=maker)
    for count in range(4):
        gateway.update("mia", thing.path, Count=count)
    gateway.site.number_requests()
    gateway.update("mia", thing.path, Count=99)
    return gateway


def _of(connection: Connection, column: sa.Column[Any], seq: int) -> Any:
    return connection.scalar(sa.select(column).where(r.seq == seq))


def change_entry(connection: Connection) -> object:
    of_request = history_entries.c.request == _of(connection, r.id, AT)
    return connection.execute(sa.update(history_entries).where(of_request).values(changes='{"Count":[0,7]}'))


def hide_who_saw(connection: Connection) -> object:
    of_request = history_entries.c.request == _of(connection, r.id, AT)
    return connection.execute(sa.update(history_entries).where(of_request).values(acl=77))


def change_actor(connection: Connection) -> object:
    return connection.execute(sa.update(requests).where(r.seq == AT).values(actor="somebody"))


def take_entry(connection: Connection) -> object:
    return connection.execute(sa.delete(history_entries).where(history_entries.c.request == _of(connection, r.id, AT)))


def put_entry(connection: Connection) -> object:
    row = dict(connection.execute(sa.select(history_entries).limit(1)).mappings().one())
    return connection.execute(sa.insert(history_entries).values(row | {"id": 5, "request": _of(connection, r.id, AT)}))


def put_lost_entry(connection: Connection) -> object:
    row = dict(connection.execute(sa.select(history_entries).limit(1)).mappings().one())
    return connection.execute(sa.insert(history_entries).values(row | {"id": 5, "request": 6}))


def take_request(connection: Connection) -> object:
    take_entry(connection)
    return connection.execute(sa.delete(requests).where(r.seq == AT))


def take_last(connection: Connection) -> object:
    last = connection.scalar(sa.select(sa.func.max(r.seq)))
    connection.execute(sa.delete(history_entries).where(history_entries.c.request == _of(connection, r.id, last)))
    return connection.execute(sa.delete(requests).where(r.seq == last))


def exchange(connection: Connection) -> object:
    one, other = _of(connection, r.id, AT), _of(connection, r.id, AT + 1)
    links = {number: _of(connection, r.link, number) for number in (AT, AT + 1)}
    connection.execute(sa.update(requests).where(r.id == one).values(seq=None))
    connection.execute(sa.update(requests).where(r.id == other).values(seq=AT, link=links[AT]))
    return connection.execute(sa.update(requests).where(r.id == one).values(seq=AT + 1, link=links[AT + 1]))


def change_unlinked(connection: Connection) -> object:
    return connection.execute(sa.update(requests).where(r.seq.is_(None)).values(address="1.2.3.4"))


@pytest.mark.parametrize(
    ("tamper", "told"),
    [
        (change_entry, f"Request {AT} ("),
        (hide_who_saw, f"Request {AT} ("),
        (change_actor, f"Request {AT} ("),
        (take_entry, f"Request {AT} ("),
        (put_entry, f"Request {AT} ("),
        (put_lost_entry, "Entry 5 ("),
        (take_request, f"number {AT} is missing"),
        (take_last, "requests at the end were taken away"),
        (exchange, f"Request {AT} ("),
        (change_unlinked, "The request without number ("),
    ],
)
def test_a_row_that_was_tampered_with_is_named(linked: Gateway, tamper: Tamper, told: str) -> None:
    site = linked.site

    def tampered(connection: Connection) -> None:
        tamper(connection)
        problems = verify_trail(connection, site.settings.site_id, {}).problems
        assert any(told in problem for problem in problems), problems
        raise Undone

    with pytest.raises(Undone):
        site.transact(tampered, write=True)
    whole = site.transact(lambda connection: verify_trail(connection, site.settings.site_id, {}), write=False)
    assert (whole.problems, whole.unlinked) == ([], 1)


def test_a_trail_linked_anew_is_found_by_an_exported_head_alone(linked: Gateway) -> None:
    site, exported = linked.site, linked.site.transact(_heads, write=False)

    def tampered(connection: Connection) -> None:
        change_actor(connection)
        _link_anew(connection, site.settings.site_id)
        assert verify_trail(connection, site.settings.site_id, {}).problems == []
        problems = verify_trail(connection, site.settings.site_id, exported).problems
        assert any("not that of the exported head" in problem for problem in problems)
        raise Undone

    with pytest.raises(Undone):
        site.transact(tampered, write=True)
    assert site.transact(lambda own: verify_trail(own, site.settings.site_id, exported), write=False).problems == []


def _heads(connection: Connection) -> dict[int, str]:
    return {row.seq: row.link for row in connection.execute(sa.select(r.seq, r.link).where(r.seq > AT))}


def _link_anew(connection: Connection, site_id: str) -> None:
    """What somebody does who can write the database and knows the program."""
    link = BEGINNING
    for page in linked_pages(connection):
        digests = _digests(connection, site_id, page)
        for request in page:
            link = link_digest(site_id, link, request["seq"], digests[request["id"]])
            own = {"digest": digests[request["id"]], "link": link}
            connection.execute(sa.update(requests).where(r.id == request["id"]).values(own))
    connection.execute(sa.update(trail_head).values(link=link))
