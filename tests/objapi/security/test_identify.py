"""Who sends a request: header or cookie, in two steps."""

from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor

import pytest

from objapi.errors import TooManyAttempts, Unauthorized
from objapi.security.accounts import Account, change_user, set_active, store_password
from objapi.security.credentials import VerifiedCredentials
from objapi.security.identify import Authentication, open_authentication
from objapi.security.password_check import PasswordCheck
from objapi.security.passwords import Passwords
from objapi.security.sessions import SessionRules, begin_session
from objapi.security.throttle import ThrottleRules
from objapi.settings import Settings
from tests.objapi.security.conftest import CHEAP, NOW, PASSWORD, ROLES, Database, after

HERE = "192.0.2.1"


class CountingPasswords(Passwords):
    """Passwords that count how often one is checked."""

    checks = 0

    def verify(self, stored: str | None, password: str) -> bool:
        self.checks += 1
        return super().verify(stored, password)


class Gate:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.passwords = CountingPasswords(CHEAP)
        self.site = Authentication(
            PasswordCheck(database.run, ROLES, self.passwords, ThrottleRules()), VerifiedCredentials(), SessionRules()
        )

    def user(self, authorization: str | None = None, cookie: str | None = None, **later: float) -> str:
        identified = self.site.identify(authorization, cookie, HERE, after(**later))
        return self.database.run(identified.load, write=False).principal.user_id


@pytest.fixture
def gate(people: Database) -> Gate:
    return Gate(people)


def basic(login: str, password: str = PASSWORD) -> str:
    return "Basic " + b64encode(f"{login}:{password}".encode()).decode()


def session_of(database: Database, user: str) -> str:
    return database.run(lambda connection: begin_session(connection, user, 1, NOW, SessionRules())).key


def test_header_and_cookie_tell_who_it_is(gate: Gate) -> None:
    cookie = session_of(gate.database, "rita")
    assert gate.user(basic("tom")) == "tom"
    assert gate.user(cookie=cookie) == "rita"
    kinds = [gate.site.identify(header, key, HERE, NOW).kind for header, key in ((basic("tom"), None), (None, cookie))]
    assert kinds == ["basic", "cookie"]


def test_a_header_decides_alone(gate: Gate) -> None:
    cookie = session_of(gate.database, "rita")
    assert gate.user(basic("tom"), cookie) == "tom"
    for header in (basic("tom", "wrong"), "Basic !", "Bearer token", ""):
        with pytest.raises(Unauthorized):
            gate.user(header, cookie)


@pytest.mark.parametrize("cookie", [None, "", "x" * 43, "deleted"])
def test_without_credentials_nobody_is_logged_in(gate: Gate, cookie: str | None) -> None:
    identified = gate.site.identify(None, cookie, HERE, NOW)
    with pytest.raises(Unauthorized):
        gate.database.run(identified.load, write=False)


def test_a_remembered_credential_costs_one_statement_and_no_check(gate: Gate) -> None:
    gate.user(basic("tom"))
    gate.database.statements.clear()
    for _ in range(3):
        assert gate.user(basic("tom")) == "tom"
    assert len(gate.database.statements) == 3
    assert gate.passwords.checks == 1


def test_equal_first_requests_at_once_check_the_password_once(gate: Gate) -> None:
    with ThreadPoolExecutor(4) as pool:
        kinds = list(pool.map(lambda _: gate.site.identify(basic("tom"), None, HERE, NOW).kind, range(4)))
    assert kinds == ["basic"] * 4
    assert gate.passwords.checks == 1


def test_a_wrong_credential_is_never_remembered(gate: Gate) -> None:
    for _ in range(2):
        with pytest.raises(Unauthorized, match="login or the password"):
            gate.user(basic("tom", "wrong"))
    assert gate.passwords.checks == 2


def test_wrong_basic_credentials_are_throttled(gate: Gate) -> None:
    for _ in range(5):
        with pytest.raises(Unauthorized):
            gate.user(basic("tom", "wrong"))
    with pytest.raises(TooManyAttempts):
        gate.user(basic("tom", "wrong"))
    assert gate.user(basic("tom"), seconds=1) == "tom"


def test_a_changed_password_bites_at_once(gate: Gate) -> None:
    assert gate.user(basic("tom")) == "tom"
    gate.database.run(
        lambda connection: store_password(connection, "tom", gate.passwords.hash("another horse"), now=NOW)
    )
    with pytest.raises(Unauthorized):
        gate.user(basic("tom"))
    assert gate.user(basic("tom", "another horse")) == "tom"


def test_the_same_password_set_again_still_holds(gate: Gate) -> None:
    gate.user(basic("tom"))
    gate.database.run(lambda connection: store_password(connection, "tom", gate.passwords.hash(PASSWORD), now=NOW))
    assert gate.user(basic("tom")) == "tom"
    assert gate.user(basic("tom")) == "tom"
    assert gate.passwords.checks == 2


def test_a_change_of_rights_or_activity_bites_at_once(gate: Gate) -> None:
    gate.user(basic("tom"))
    gate.database.run(lambda connection: change_user(connection, Account("tom"), roles=ROLES, now=NOW))
    identified = gate.site.identify(basic("tom"), None, HERE, NOW)
    assert gate.database.run(identified.load).principal.roles == {"Authenticated"}
    gate.database.run(lambda connection: set_active(connection, "tom", False, now=NOW))
    with pytest.raises(Unauthorized):
        gate.user(basic("tom"))


def test_a_session_is_renewed_when_a_quarter_of_it_is_used_up(gate: Gate) -> None:
    cookie = session_of(gate.database, "tom")
    for hours, renewed in ((1, False), (3, True), (4, False), (14, True)):
        user = gate.database.run(gate.site.identify(None, cookie, HERE, after(hours=hours)).load)
        end = gate.site.renew(user, after(hours=hours))
        assert end == (after(hours=hours + 12) if renewed else None)
    user = gate.database.run(gate.site.identify(basic("tom"), None, HERE, NOW).load)
    assert gate.site.renew(user, after(days=1)) is None


def test_a_site_opens_with_its_settings(people: Database) -> None:
    site = open_authentication(Settings(login_failures=1), ROLES, people.run)
    with pytest.raises(Unauthorized):
        site.identify(basic("nobody", "wrong"), None, HERE, NOW)
    with pytest.raises(TooManyAttempts):
        site.identify(basic("nobody", "wrong"), None, HERE, NOW)
