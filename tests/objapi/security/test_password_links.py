"""One-time links for passwords: for whom they are, and when they are over."""

from base64 import urlsafe_b64decode
from datetime import timedelta

import pytest
from sqlalchemy import Connection, select

from objapi.security.accounts import set_active, store_password
from objapi.security.password_links import PasswordLink, issue_link, user_of_link, void_links
from objapi.security.tables import password_links
from tests.objapi.security.conftest import NOW, Database

HOUR = timedelta(hours=1)


def made(people: Database, user_id: str = "rita", issuer: str = "admin") -> PasswordLink:
    return people.run(lambda connection: issue_link(connection, user_id, 1, issuer=issuer, now=NOW, lifetime=HOUR))


def whose(people: Database, key: str, after: timedelta = timedelta()) -> str | None:
    return people.run(lambda connection: user_of_link(connection, key, NOW + after), write=False)


def test_a_key_is_for_its_user_until_it_expires(people: Database) -> None:
    link = made(people)
    assert [whose(people, link.key, after) for after in (timedelta(), HOUR - timedelta(seconds=1), HOUR)] == [
        "rita",
        "rita",
        None,
    ]


def test_only_a_digest_is_stored(people: Database) -> None:
    link = made(people)
    rows = people.run(lambda connection: connection.execute(select(password_links)).all(), write=False)
    assert len(rows) == 1
    assert link.key not in str(rows)
    assert len(urlsafe_b64decode(f"{link.key}==")) * 8 >= 128


@pytest.mark.parametrize("key", ["", "x", "a" * 43, "a" * 44, "é" * 43, "a" * 42 + "\n", "a" * 100_000])
def test_what_is_no_key_is_for_nobody(people: Database, key: str) -> None:
    made(people)
    assert whose(people, key) is None


def test_a_newer_link_replaces_those_of_the_same_user(people: Database) -> None:
    first, other, second = made(people), made(people, "tom"), made(people)
    assert [whose(people, link.key) for link in (first, other, second)] == [None, "tom", "rita"]


def new_password(connection: Connection) -> None:
    store_password(connection, "rita", "hash", now=NOW)


def disabled(connection: Connection) -> None:
    set_active(connection, "rita", False, now=NOW)


def voided(connection: Connection) -> None:
    void_links(connection, ["rita"], but_of="somebody else")


@pytest.mark.parametrize("change", [new_password, disabled, voided])
def test_a_link_is_over_after(people: Database, change: object) -> None:
    link, of_tom = made(people), made(people, "tom")
    people.run(change)  # type: ignore[arg-type]
    assert [whose(people, link.key), whose(people, of_tom.key)] == [None, "tom"]


def test_links_of_one_maker_can_be_left(people: Database) -> None:
    link = made(people, issuer="admin")
    people.run(lambda connection: void_links(connection, ["rita"], but_of="admin"))
    assert whose(people, link.key) == "rita"
