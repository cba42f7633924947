"""API tokens in the database: known by a digest, right of this moment, used without a write each time."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from objapi.errors import Conflict, InvalidToken, TooManyAttempts
from objapi.model.token_scope import TokenScope
from objapi.security import api_tokens
from objapi.security.accounts import set_active, store_password
from objapi.security.api_tokens import (
    NewToken,
    add_api_token,
    list_tokens,
    prefix_of_token,
    read_prefix,
    remove_tokens,
)
from objapi.security.credentials import VerifiedCredentials
from objapi.security.identify import Authentication
from objapi.security.password_check import PasswordCheck
from objapi.security.passwords import Passwords
from objapi.security.principals import load_by_token
from objapi.security.sessions import SessionRules
from objapi.security.tables import metadata
from objapi.security.throttle import ThrottleRules
from objapi.security.token_administration import read_expiry
from tests.objapi.security.conftest import CHEAP, NOW, ROLES, Database, after

SCOPE = TokenScope(read_only=True, methods=frozenset({"read"}), types=frozenset({"Batch"}), path="/Plone/batches")
HERE = "192.0.2.1"


def make(people: Database, user: str = "tom", expires: datetime | None = None, now: datetime = NOW) -> NewToken:
    return people.run(lambda connection: add_api_token(connection, user, "a script", SCOPE, now, expires))


def user_of(people: Database, text: str, now: datetime = NOW) -> str | None:
    found, statements = people.counted(lambda connection: load_by_token(connection, text, ROLES, now))
    assert statements <= 1
    return None if found is None else found.principal.user_id


def test_a_token_gives_its_user_restricted_to_the_scope_in_one_statement(people: Database) -> None:
    made = make(people)
    found, statements = people.counted(lambda connection: load_by_token(connection, made.text, ROLES, NOW))
    assert statements == 1
    assert found is not None
    assert found.principal.token == made.token.scope == replace(SCOPE, prefix=made.token.prefix)
    assert found.principal.roles == {"Authenticated", "Analyst", "Member", "Verifier"}
    assert found.session is None


def test_tokens_end_at_once_with_time_revocation_and_their_user(people: Database) -> None:
    made = make(people, expires=after(days=1))
    assert [user_of(people, made.text, after(hours=hours)) for hours in (23, 24)] == ["tom", None]
    for active, known in ((False, None), (True, "tom")):
        people.run(lambda connection, active=active: set_active(connection, "tom", active, now=NOW))
        assert user_of(people, made.text) == known
    people.run(lambda connection: store_password(connection, "tom", "another", now=NOW))
    assert user_of(people, made.text) == "tom"
    people.run(lambda connection: remove_tokens(connection, [made.token.prefix]))
    assert user_of(people, made.text) is None


@pytest.mark.parametrize("text", ["", "oat_", "oat_aaaaaaaa_" + "x" * 40, "oat_aaaaaaaa_" + "é" * 40, "eyJ.e30.x"])
def test_what_is_no_token_gives_nobody(people: Database, text: str) -> None:
    make(people)
    assert user_of(people, text) is None


def test_the_secret_is_in_no_table_and_in_no_repr(people: Database) -> None:
    made = make(people)
    secret = made.text.rpartition("_")[2]
    assert re.fullmatch("[A-Za-z0-9]{40}", secret)
    assert secret not in repr(made)
    stored = people.run(
        lambda connection: [
            tuple(row) for table in metadata.sorted_tables for row in connection.execute(select(table))
        ],
        write=False,
    )
    assert made.token.prefix in str(stored)
    assert secret not in str(stored)


def gate_of(people: Database) -> Authentication:
    check = PasswordCheck(people.run, ROLES, Passwords(CHEAP), ThrottleRules())
    return Authentication(check, VerifiedCredentials(), SessionRules())


def test_the_use_of_a_token_is_noted_once_a_minute(people: Database) -> None:
    made, gate = make(people), gate_of(people)
    noted = []
    for seconds in (0, 30, 59, 60, 61):
        now = after(seconds=seconds)
        user = people.run(gate.identify(f"bearer {made.text}", None, HERE, now).load, write=False)
        # Two requests at once have both read the same last use: the second finds it noted.
        for _ in range(2):
            people.statements.clear()
            gate.note_use(user, now)
            noted.append(len(people.statements))
        (listed,) = people.run(lambda connection: list_tokens(connection, "tom"), write=False)
        assert listed.last_used == after(seconds=60 if seconds >= 60 else 0)
    assert noted == [1, 1, 0, 0, 0, 0, 1, 1, 0, 0]


def test_invalid_tokens_are_counted_by_address(people: Database) -> None:
    gate, made = gate_of(people), make(people)
    bad = gate.identify("Bearer oat_nothing", "x" * 43, HERE, NOW)
    assert bad.kind == "token"
    with pytest.raises(InvalidToken, match="unknown, has expired or was revoked"):
        people.run(bad.load, write=False)
    for _ in range(5):
        gate.count_invalid_token(HERE, NOW)
    people.statements.clear()
    with pytest.raises(TooManyAttempts):
        gate.count_invalid_token(HERE, NOW)
    assert [statement.split()[0] for statement in people.statements] == ["SELECT"]
    gate.count_invalid_token("192.0.2.2", NOW)
    assert people.run(gate.identify(f"Bearer {made.text}", None, HERE, NOW).load, write=False)


def test_tokens_are_bounded_and_long_expired_ones_go(people: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_tokens, "MOST_TOKENS", 2)
    make(people, expires=after(days=1))
    make(people)
    with pytest.raises(Conflict, match="revoke one"):
        make(people, now=after(days=30))
    make(people, now=after(days=31))
    make(people, "rita")
    listed = people.run(list_tokens, write=False)
    assert [token.user_id for token in listed] == ["rita", "tom", "tom"]


def test_prefixes_are_read_with_and_without_the_mark() -> None:
    text = "oat_abcdefgh_" + "x" * 40
    assert [read_prefix(name) for name in ("abcdefgh", "oat_abcdefgh", "oat_abcdefgh_", text)] == ["abcdefgh"] * 3 + [
        None
    ]
    assert [prefix_of_token(name) for name in (text, "oat_abcdefgh")] == ["abcdefgh", ""]


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("1", NOW + timedelta(days=1)),
        (" 365 ", NOW + timedelta(days=365)),
        ("2024-05-17", datetime(2024, 5, 18, tzinfo=BERLIN)),
        ("2024-12-31", datetime(2025, 1, 1, tzinfo=BERLIN)),
        ("2024-05-17T15:00", datetime(2024, 5, 17, 15, tzinfo=BERLIN)),
        ("2024-05-17T15:00+00:00", datetime(2024, 5, 17, 17, tzinfo=BERLIN)),
    ],
)
def test_an_end_is_days_or_a_date_whose_day_counts(text: str, end: datetime) -> None:
    assert read_expiry(text, NOW, BERLIN) == end


@pytest.mark.parametrize(
    "text",
    ["", "0", "36501", "9" * 50, "-1", "2024-05-16", "2024-05-17T14:00+02:00", "9999-12-31", "31.12.2030", "soon", "²"],
)
def test_an_end_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|past|between"):
        read_expiry(text, NOW, BERLIN)


@pytest.mark.parametrize(
    ("text", "is_taken"),
    [("30", True), ("2024-06-16", True), ("31", False), ("2024-06-17", False), (None, False)],
)
def test_where_the_life_of_tokens_is_bounded_each_has_an_end_within_it(text: str | None, is_taken: bool) -> None:
    if is_taken:
        assert read_expiry(text, NOW, BERLIN, 30) is not None
    else:
        with pytest.raises(ValueError, match=r"30 days at most \(OBJAPI_TOKEN_DAYS\); name an end up to 2024-06-16"):
            read_expiry(text, NOW, BERLIN, 30)
