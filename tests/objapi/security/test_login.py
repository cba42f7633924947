"""Log-in and log-out, and one's own password."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Lock

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from catalog.dialect import is_retryable
from objapi.errors import TooManyAttempts, ValidationError
from objapi.security.accounts import set_active, store_password
from objapi.security.credentials import Credentials
from objapi.security.password_check import LoginFailed, PasswordCheck, change_password, log_in, log_out
from objapi.security.passwords import CheckTurns, Passwords
from objapi.security.principals import LoadedUser, load_by_login, load_by_session
from objapi.security.sessions import NewSession, SessionRules
from objapi.security.tables import sessions
from objapi.security.throttle import ThrottleRules, read_attempts
from objapi.store.requests import RequestSource
from tests.objapi.security.conftest import CHEAP, NOW, PASSWORD, ROLES, Database, after
from tests.waiting import ENOUGH

HERE, THERE = "192.0.2.1", "198.51.100.7"
SESSIONS = SessionRules()


@pytest.fixture
def password_check(people: Database, passwords: Passwords) -> PasswordCheck:
    return PasswordCheck(people.run, ROLES, passwords, ThrottleRules())


def attempt(password_check: PasswordCheck, login: str, password: str, address: str = HERE, seconds: float = 0):
    return log_in(password_check, Credentials(login, password), address, after(seconds=seconds), SESSIONS)


def test_the_right_password_begins_a_session(password_check: PasswordCheck, people: Database) -> None:
    begun = attempt(password_check, "tom", PASSWORD)
    assert isinstance(begun, NewSession)
    user = people.run(lambda connection: load_by_session(connection, begun.key, ROLES, NOW))
    assert user is not None
    assert user.principal.user_id == "tom"
    log_out(people.run, begun.key)
    log_out(people.run, None)
    assert people.run(lambda connection: load_by_session(connection, begun.key, ROLES, NOW)) is None


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("tom", "wrong horse"),
        ("tom", ""),
        ("nobody", PASSWORD),
        ("gone", PASSWORD),
        ("TOM", PASSWORD),
        ("", ""),
        ("\ud800", PASSWORD),
        ("tom", PASSWORD + "\0"),
    ],
)
def test_anything_else_fails_and_does_not_say_why(password_check: PasswordCheck, login: str, password: str) -> None:
    assert attempt(password_check, login, password) == LoginFailed()


def test_after_too_many_failures_even_the_right_password_waits(password_check: PasswordCheck) -> None:
    for second in range(5):
        assert attempt(password_check, "tom", "wrong", seconds=second) == LoginFailed()
    with pytest.raises(TooManyAttempts) as refusal:
        attempt(password_check, "tom", PASSWORD, seconds=4.5)
    assert refusal.value.retry_after == 1
    assert isinstance(attempt(password_check, "tom", PASSWORD, seconds=5), NewSession)
    assert attempt(password_check, "tom", "wrong", seconds=6) == LoginFailed()


def test_failures_of_others_lock_nobody_out_elsewhere_or_beside_them(password_check: PasswordCheck) -> None:
    for second in range(5):
        attempt(password_check, "tom", "wrong", THERE, second)
    assert isinstance(attempt(password_check, "tom", PASSWORD, HERE, 5), NewSession)
    assert isinstance(attempt(password_check, "rita", PASSWORD, THERE, 5), NewSession)


def test_an_unknown_login_is_throttled_like_a_known_one(password_check: PasswordCheck) -> None:
    for second in range(5):
        attempt(password_check, "nobody", "wrong", seconds=second)
    with pytest.raises(TooManyAttempts):
        attempt(password_check, "nobody", "wrong", seconds=4)


def test_a_failure_is_logged_without_what_was_typed(
    password_check: PasswordCheck, caplog: pytest.LogCaptureFixture
) -> None:
    attempt(password_check, "hunter2-typed-as-login", "hunter3")
    attempt(password_check, "tom", "hunter3")
    assert [record.getMessage() for record in caplog.records] == [
        f"Failed log-in of an unknown or inactive user from {HERE}",
        f"Failed log-in of 'tom' from {HERE}",
    ]


def test_a_log_in_renews_a_hash_of_older_parameters(password_check: PasswordCheck, people: Database) -> None:
    newer = Passwords(PasswordHasher(time_cost=2, memory_cost=8, parallelism=1))
    begun = attempt(replace(password_check, passwords=newer), "tom", PASSWORD)
    tom = people.run(lambda connection: load_by_session(connection, begun.key, ROLES, NOW))
    assert tom is not None
    assert not newer.is_outdated(tom.password_hash)
    assert newer.verify(tom.password_hash, PASSWORD)
    assert tom.password_version == 1


def test_a_password_is_changed_by_who_knows_the_old_one(password_check: PasswordCheck, people: Database) -> None:
    asking, other = attempt(password_check, "tom", PASSWORD), attempt(password_check, "tom", PASSWORD)

    def change(old: str, new: str) -> None:
        change_password(
            password_check,
            Credentials("tom", old),
            new,
            NOW,
            site_id="Plone",
            source=RequestSource(address=HERE),
            keep_session=asking.session.digest,
        )

    with pytest.raises(ValidationError, match="The old password is wrong"):
        change("wrong", "another horse")
    with pytest.raises(ValidationError, match="at least 8"):
        change(PASSWORD, "short")
    change(PASSWORD, "another horse")

    assert attempt(password_check, "tom", PASSWORD) == LoginFailed()
    assert isinstance(attempt(password_check, "tom", "another horse"), NewSession)
    alive = [
        people.run(lambda connection, key=begun.key: load_by_session(connection, key, ROLES, NOW)) is not None
        for begun in (asking, other)
    ]
    assert alive == [True, False]


def test_a_renewed_hash_does_not_undo_a_new_password(password_check: PasswordCheck, people: Database) -> None:
    from objapi.security.password_check import replace_hash

    before = people.run(lambda connection: load_by_login(connection, "tom", ROLES))
    passwords = Passwords(CHEAP)
    people.run(lambda connection: store_password(connection, "tom", passwords.hash("another horse"), now=NOW))
    people.run(lambda connection: replace_hash(connection, before, passwords.hash(PASSWORD)))
    assert attempt(password_check, "tom", PASSWORD) == LoginFailed()


def test_a_user_deactivated_after_log_in_is_out(password_check: PasswordCheck, people: Database) -> None:
    begun = attempt(password_check, "tom", PASSWORD)
    people.run(lambda connection: set_active(connection, "tom", False, now=NOW))
    assert people.run(lambda connection: load_by_session(connection, begun.key, ROLES, NOW)) is None
    assert attempt(password_check, "tom", PASSWORD) == LoginFailed()


class InterruptedPasswords(Passwords):
    """Passwords during whose check something else happens."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        super().__init__(CHEAP)
        self.meanwhile = meanwhile

    def _matches(self, stored: str, password: str) -> bool:
        self.meanwhile()
        return super()._matches(stored, password)


@pytest.mark.parametrize("meanwhile", ["disabled", "another password"])
def test_a_log_in_under_way_begins_no_session_for_a_user_who_changed(
    password_check: PasswordCheck, people: Database, passwords: Passwords, meanwhile: str
) -> None:
    another = passwords.hash("another horse")

    def change() -> None:
        if meanwhile == "disabled":
            people.run(lambda connection: set_active(connection, "tom", False, now=NOW))
        else:
            people.run(lambda connection: store_password(connection, "tom", another, now=NOW))

    slow = replace(password_check, passwords=InterruptedPasswords(change))
    assert attempt(slow, "tom", PASSWORD) == LoginFailed()
    people.run(lambda connection: set_active(connection, "tom", True, now=NOW))
    assert people.run(lambda connection: connection.scalar(select(func.count()).select_from(sessions))) == 0


class WatchedPasswords(Passwords):
    """Passwords that count the checks, and how many ran at once."""

    def __init__(self, turns: CheckTurns | None = None) -> None:
        super().__init__(CHEAP, turns or CheckTurns(patience=ENOUGH))
        self.checks = 0
        self.at_once = 0
        self.most_at_once = 0
        self._lock = Lock()

    def _matches(self, stored: str, password: str) -> bool:
        with self._lock:
            self.checks += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return super()._matches(stored, password)
        finally:
            with self._lock:
                self.at_once -= 1


def outcomes(calls: list[Callable[[], object]]) -> list[object]:
    """What calls made at once come to; a refusal to try counts as 429."""

    def outcome(call: Callable[[], object]) -> object:
        for _ in range(50):
            try:
                return call()
            except TooManyAttempts as refusal:
                assert refusal.retry_after >= 1
                return 429
            except OperationalError as error:
                if not is_retryable(error):
                    raise
        raise AssertionError("the database never let it through")

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(outcome, calls))


def failures(people: Database, login: str, address: str = HERE) -> int:
    return people.run(
        lambda connection: read_attempts(connection, login, address, NOW, ThrottleRules()), write=False
    ).pair.count


def test_of_many_guesses_at_once_only_five_are_looked_at(people: Database) -> None:
    passwords = WatchedPasswords()
    check = PasswordCheck(people.run, ROLES, passwords, ThrottleRules())
    found = outcomes([partial(check.verify, Credentials("tom", f"guess {n}"), HERE, NOW) for n in range(24)])
    assert (found.count(None), found.count(429)) == (5, 19)
    assert (passwords.checks, passwords.most_at_once, failures(people, "tom")) == (5, 1, 5)


def test_many_connections_with_the_right_password_are_one_attempt(people: Database) -> None:
    passwords = WatchedPasswords()
    rules = ThrottleRules(login_failures=1)
    # As two worker processes, which share nothing but the database.
    workers = [PasswordCheck(people.run, ROLES, passwords, rules) for _ in range(2)]
    calls = [partial(workers[n % 2].verify, Credentials("tom", PASSWORD), HERE, NOW) for n in range(24)]
    assert all(isinstance(user, LoadedUser) for user in outcomes(calls))
    assert failures(people, "tom") == 0


def test_logins_beyond_the_queue_are_refused_before_they_cost_anything(people: Database) -> None:
    turns = CheckTurns(waiting=0)
    check = PasswordCheck(people.run, ROLES, WatchedPasswords(turns), ThrottleRules())
    people.statements.clear()
    with turns.place(), pytest.raises(TooManyAttempts, match="at once") as refusal:
        check.verify(Credentials("tom", PASSWORD), HERE, NOW)
    assert refusal.value.retry_after == 1
    assert people.statements == []
    assert check.verify(Credentials("tom", PASSWORD), HERE, NOW) is not None


def test_a_turn_that_does_not_come_takes_the_attempt_back(people: Database) -> None:
    turns = CheckTurns(patience=0.01)
    check = PasswordCheck(people.run, ROLES, WatchedPasswords(turns), ThrottleRules())
    with turns.turn(), pytest.raises(TooManyAttempts, match="at once"):
        check.verify(Credentials("tom", "wrong"), HERE, NOW)
    assert failures(people, "tom") == 0
