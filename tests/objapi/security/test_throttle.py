"""Failed log-ins slow down whoever fails, and nobody else for long."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from catalog.dialect import is_retryable
from objapi.errors import TooManyAttempts
from objapi.security.tables import login_attempts
from objapi.security.throttle import (
    NEVER,
    Attempts,
    Failures,
    ThrottleRules,
    address_key,
    count_attempt,
    ensure_may_try,
    login_key,
    read_attempts,
    record_success,
    remaining_wait,
    sweep_attempts,
    take_back_attempt,
)
from objapi.settings import Settings
from tests.objapi.security.conftest import NOW, Database, after

RULES = ThrottleRules()


def wait(attempts: Attempts) -> float:
    return max(remaining_wait(attempts, NOW, RULES).total_seconds(), 0)


@pytest.mark.parametrize(
    ("failures", "ago", "seconds"),
    [
        (0, 0, 0),
        (4, 0, 0),
        (5, 0, 1),
        (6, 0, 2),
        (7, 0, 4),
        (8, 0, 8),
        (13, 0, 256),
        (14, 0, 300),
        (9999, 0, 300),
        (5, 1, 0),
        (8, 5, 3),
        (14, 299, 1),
        (14, 300, 0),
    ],
)
def test_one_login_from_one_address_waits_twice_as_long_each_time(failures: int, ago: int, seconds: int) -> None:
    assert wait(Attempts(pair=Failures(failures, after(seconds=-ago)))) == seconds


@pytest.mark.parametrize(("failures", "seconds"), [(49, 0), (50, 1), (51, 2), (52, 4), (53, 4), (99999, 4)])
@pytest.mark.parametrize("whose", ["address", "login"])
def test_an_address_or_a_login_alone_is_slowed_never_locked(whose: str, failures: int, seconds: int) -> None:
    assert wait(Attempts(**{whose: Failures(failures, NOW)})) == seconds


def test_who_lately_succeeded_from_an_address_is_not_slowed_by_others() -> None:
    others = {"address": Failures(500, NOW), "login": Failures(500, NOW)}
    assert wait(Attempts(**others, succeeded=after(days=-29))) == 0
    assert wait(Attempts(**others, succeeded=after(days=-31))) == 4
    assert wait(Attempts(Failures(8, NOW), **others, succeeded=after(days=-1))) == 8


@given(
    counts=st.tuples(*[st.integers(0, 10**6)] * 3),
    ages=st.tuples(*[st.integers(0, 10**6)] * 3),
    succeeded=st.integers(0, 10**8),
)
def test_no_wait_is_longer_than_the_rules_allow(counts, ages, succeeded) -> None:
    pair, address, login = (Failures(n, after(seconds=-age)) for n, age in zip(counts, ages, strict=True))
    seconds = wait(Attempts(pair, address, login, after(seconds=-succeeded)))
    assert 0 <= seconds <= 300
    if pair.count < RULES.login_failures:
        assert seconds <= 4


class Door:
    """Attempts on a database; the time is told each time."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def attempts(self, login: str, address: str, seconds: float = 0) -> Attempts:
        return self.database.run(
            lambda connection: read_attempts(connection, login, address, after(seconds=seconds), RULES), write=False
        )

    def fail(self, login: str, address: str, seconds: float = 0) -> None:
        self.database.run(lambda connection: count_attempt(connection, login, address, after(seconds=seconds), RULES))

    def succeed(self, login: str, address: str, seconds: float = 0) -> None:
        self.database.run(lambda connection: record_success(connection, login, address, after(seconds=seconds)))


@pytest.fixture
def door(database: Database) -> Door:
    return Door(database)


HERE, THERE = "192.0.2.1", "198.51.100.7"


def test_an_untried_login_has_no_failures(door: Door) -> None:
    assert door.attempts("tom", HERE) == Attempts()


def test_failures_are_counted_by_login_and_address(door: Door) -> None:
    door.fail("tom", HERE, 1)
    door.fail("tom", HERE, 2)
    door.fail("tom", THERE, 3)
    door.fail("rita", HERE, 4)
    assert door.attempts("tom", HERE, 5) == Attempts(
        pair=Failures(2, after(seconds=2)),
        address=Failures(3, after(seconds=4)),
        login=Failures(3, after(seconds=3)),
        succeeded=NEVER,
    )


def test_a_success_forgets_the_failures_of_its_pair(door: Door) -> None:
    door.fail("tom", HERE)
    door.fail("tom", THERE)
    door.succeed("tom", HERE, 1)
    assert door.attempts("tom", HERE, 2) == Attempts(
        address=Failures(), login=Failures(1, NOW), succeeded=after(seconds=1)
    )
    door.fail("tom", HERE, 3)
    assert door.attempts("tom", HERE, 3).pair == Failures(1, after(seconds=3))
    assert door.attempts("tom", HERE, 3).succeeded == after(seconds=1)


def test_failures_are_forgotten_after_a_quiet_window(door: Door) -> None:
    for second in (0, 1, 2):
        door.fail("tom", HERE, second)
    assert door.attempts("tom", HERE, 2 + 899).pair.count == 3
    assert door.attempts("tom", HERE, 2 + 900) == Attempts()
    door.fail("tom", HERE, 2 + 900)
    assert door.attempts("tom", HERE, 2 + 900).pair.count == 1


def test_failures_of_a_clock_that_was_set_back_keep_nobody_waiting(door: Door) -> None:
    for _ in range(5):
        door.fail("tom", HERE, 3600)
    with pytest.raises(TooManyAttempts):
        door.fail("tom", HERE, 3600)
    assert door.attempts("tom", HERE) == Attempts()
    # One more attempt, and they count again, by the clock of now.
    door.fail("tom", HERE)
    assert door.attempts("tom", HERE, 1).pair == Failures(6, NOW)
    with pytest.raises(TooManyAttempts):
        door.fail("tom", HERE, 1)


def test_reading_is_one_statement_however_many_rows_there_are(door: Door) -> None:
    for number in range(8):
        door.fail(f"user{number}", HERE)
    found, statements = door.database.counted(lambda connection: read_attempts(connection, "tom", HERE, NOW, RULES))
    assert statements == 1
    assert found.address.count == 8


def test_rows_that_no_longer_matter_are_swept_away(door: Door) -> None:
    door.fail("tom", HERE)
    door.succeed("rita", HERE, 60)
    door.database.run(lambda connection: sweep_attempts(connection, after(days=30), RULES))
    rows = door.database.run(lambda connection: connection.execute(select(login_attempts.c.login)).scalars().all())
    assert rows == [login_key("rita")]


@pytest.mark.parametrize("login", ["", "x" * 10_000, "p\u00e4ssword", "\ud800", "a\0b", "' OR 1=1"])
def test_any_text_may_be_tried_and_none_is_kept_in_clear(door: Door, login: str) -> None:
    door.fail(login, "not an address")
    assert door.attempts(login, "neither").pair.count == 1
    rows = door.database.run(lambda connection: connection.execute(select(login_attempts)).all())
    assert [(len(row.login), row.address) for row in rows] == [(64, "unknown")]


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:DB8:1:2::9", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("", "unknown"),
        ("192.0.2.256", "unknown"),
    ],
)
def test_an_ipv6_customer_is_one_address(address: str, key: str) -> None:
    assert address_key(address) == key


def test_the_refusal_says_how_long_to_wait() -> None:
    attempts = Attempts(pair=Failures(8, after(seconds=-0.5)))
    with pytest.raises(TooManyAttempts, match="try again in 8 seconds") as refusal:
        ensure_may_try(attempts, NOW, RULES)
    assert refusal.value.retry_after == 8
    assert refusal.value.headers["Retry-After"] == "8"
    ensure_may_try(attempts, after(seconds=8), RULES)


def test_an_attempt_that_has_to_wait_is_neither_looked_at_nor_counted(door: Door) -> None:
    for second in range(5):
        door.fail("tom", HERE, second)
    before = door.attempts("tom", HERE, 4.5)
    with pytest.raises(TooManyAttempts):
        door.fail("tom", HERE, 4.5)
    assert door.attempts("tom", HERE, 4.5) == before


def test_an_undecided_attempt_is_taken_back(door: Door) -> None:
    door.fail("tom", HERE)
    door.fail("tom", HERE, 1)
    for left in (1, 0, 0):
        door.database.run(lambda connection: take_back_attempt(connection, "tom", HERE))
        assert door.attempts("tom", HERE, 1).pair.count == left


def test_of_attempts_at_the_same_time_only_as_many_are_looked_at_as_may_fail(door: Door) -> None:
    def attempt(number: int) -> bool:
        for _ in range(50):
            try:
                door.fail("tom", HERE)
            except TooManyAttempts:
                return False
            except Exception as error:
                if not is_retryable(error):
                    raise
            else:
                return True
        raise AssertionError("the database never let it through")

    with ThreadPoolExecutor(4) as pool:
        looked_at = list(pool.map(attempt, range(24)))
    assert sum(looked_at) == RULES.login_failures
    assert door.attempts("tom", HERE).pair.count == RULES.login_failures
    total = select(func.count()).select_from(login_attempts)
    assert door.database.run(lambda connection: connection.execute(total).scalar_one()) == 1


def test_rules_follow_the_settings() -> None:
    rules = ThrottleRules.from_settings(Settings(login_failures=2, address_failures=9, login_wait=3.0))
    assert (rules.login_failures, rules.address_failures, rules.wait) == (2, 9, timedelta(seconds=3))
    assert ThrottleRules.from_settings(Settings()) == ThrottleRules()
