"""Sessions: keys, ends, and how rarely their use is written."""

from base64 import urlsafe_b64decode
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from objapi.security.principals import load_by_session
from objapi.security.sessions import (
    SessionRules,
    begin_session,
    end_session,
    end_sessions_of,
    renew_session,
    renewed_end,
    sweep_sessions,
)
from objapi.security.tables import sessions
from objapi.settings import Settings
from tests.objapi.security.conftest import NOW, ROLES, Database, after

RULES = SessionRules(lifetime=timedelta(hours=8), longest=timedelta(hours=24))


def begin(database: Database, user: str = "tom", rules: SessionRules = RULES):
    return database.run(lambda connection: begin_session(connection, user, 1, NOW, rules))


def count(database: Database) -> int:
    return database.run(lambda connection: connection.execute(select(func.count()).select_from(sessions)).scalar_one())


def test_the_key_of_a_session_is_not_in_the_database(people: Database) -> None:
    new = begin(people)
    (row,) = people.run(lambda connection: connection.execute(select(sessions)).all())
    assert new.key not in map(str, row)
    assert begin(people).key != new.key
    assert len(urlsafe_b64decode(f"{new.key}==")) * 8 >= 128


@pytest.mark.parametrize(
    ("used", "end"),
    [(1, None), (1.9, None), (2, 10), (7.9, 15.9)],
)
def test_only_a_session_that_used_up_a_quarter_of_its_time_gets_a_new_end(
    people: Database, used: float, end: float | None
) -> None:
    session = begin(people).session
    assert renewed_end(session, after(hours=used), RULES) == (None if end is None else after(hours=end))


def test_a_session_in_use_lives_on_to_its_longest_and_not_beyond(people: Database) -> None:
    new, lived, writes = begin(people), NOW, 0
    for half_hours in range(100):
        now = after(hours=half_hours / 2)
        user = people.run(lambda connection, now=now: load_by_session(connection, new.key, ROLES, now))
        if user is None:
            break
        assert user.session is not None
        lived, end = now, renewed_end(user.session, now, RULES)
        if end is not None:
            people.run(lambda connection, user=user, end=end: renew_session(connection, user.session, end))
            writes += 1
    assert lived == after(hours=23.5)
    assert writes <= 8


def test_ending_a_session_ends_that_one(people: Database) -> None:
    first, second = begin(people), begin(people)
    for key in (first.key, "no key", ""):
        people.run(lambda connection, key=key: end_session(connection, key))
    assert people.run(lambda connection: load_by_session(connection, first.key, ROLES, NOW)) is None
    assert people.run(lambda connection: load_by_session(connection, second.key, ROLES, NOW)) is not None


def test_all_sessions_of_a_user_end_but_the_one_kept(people: Database) -> None:
    kept = begin(people)
    begin(people)
    begin(people, "rita")
    people.run(lambda connection: end_sessions_of(connection, "tom", keep=kept.session.digest))
    assert count(people) == 2
    people.run(lambda connection: end_sessions_of(connection, "tom"))
    assert count(people) == 1


def test_sweeping_removes_what_is_over(people: Database) -> None:
    begin(people)
    begin(people, rules=SessionRules(lifetime=timedelta(hours=1)))
    people.run(lambda connection: sweep_sessions(connection, after(hours=1)))
    assert count(people) == 1


def test_rules_follow_the_settings() -> None:
    assert SessionRules.from_settings(Settings()).lifetime == timedelta(hours=12)
    month = SessionRules.from_settings(Settings(session_lifetime=30 * 86400.0))
    assert month.longest == month.lifetime == timedelta(days=30)
