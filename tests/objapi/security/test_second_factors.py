"""Second factors: codes and when they are good, what turning one on ends, and who takes one away."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import Connection, select

from objapi.errors import Conflict, Forbidden, PasswordNotEnough, Unavailable
from objapi.security import second_factors as subject
from objapi.security.administration import UserAdministration
from objapi.security.credentials import Credentials
from objapi.security.password_check import PasswordCheck
from objapi.security.passwords import Passwords
from objapi.security.principals import load_by_session
from objapi.security.sealing import Seal, SealBroken
from objapi.security.second_factors import (
    begin_set_up,
    confirm,
    renew_recovery_codes,
    reset_second_factor,
    second_factor_of,
    turn_off,
    use_code,
)
from objapi.security.sessions import SessionRules, begin_session
from objapi.security.tables import recovery_codes, second_factors
from objapi.security.throttle import ThrottleRules
from objapi.security.totp import new_secret, otpauth_uri, readable, step_of_code
from objapi.settings import Settings, SettingsError
from objapi.store.requests import ByUid
from tests.objapi.security.conftest import CHEAP, NOW
from tests.objapi.security.test_administration import made
from tests.objapi.store.workshop import Gateway

SEAL = Seal(("k" * 32,))
PASSWORD = "correct horse"


def code_at(secret: bytes, now: datetime, steps: int = 0) -> str:
    at = int(now.timestamp()) + 30 * steps
    return TOTP(secret, 6, SHA1(), 30).generate(at).decode()


@pytest.mark.parametrize(("steps", "is_good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)], ids=str)
def test_a_code_is_good_one_step_before_and_after_its_time(steps: int, is_good: bool) -> None:
    secret = new_secret()
    step = step_of_code(secret, code_at(secret, NOW, steps), NOW, 0)
    assert (step is not None) is is_good
    if step is not None:
        assert step_of_code(secret, code_at(secret, NOW, steps), NOW, step) is None


@pytest.mark.parametrize("code", ["", "12345", "1234567", "12345a", "²23456", "١٢٣٤٥٦", "-12345"])
def test_what_is_no_code_is_not_good(code: str) -> None:
    assert step_of_code(new_secret(), code, NOW, 0) is None


def test_an_app_takes_the_secret_over_by_its_uri_or_typed() -> None:
    secret = b"12345678901234567890"
    assert readable(secret) == "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"
    uri = otpauth_uri(secret, "ada", "A lab: 2")
    assert uri.startswith("otpauth://totp/A%20lab%3A%202:ada?")
    assert "secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" in uri


def test_a_secret_is_opened_by_any_key_of_the_file_and_by_no_other(tmp_path: Path) -> None:
    file = tmp_path / "key"
    sealed = SEAL.close(b"a secret")
    assert "secret" not in sealed
    file.write_text(f"{'n' * 32}\n\n{'k' * 32}\n", encoding="utf-8")
    seal = Seal.from_settings(Settings(totp_key_file=file))
    assert seal is not None
    assert seal.open(sealed) == b"a secret"
    with pytest.raises(SealBroken):
        SEAL.open(seal.close(b"a secret"))
    assert Seal.from_settings(Settings()) is None
    for text in ("", "too short\n", f"{'k' * 32}\nshort"):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(SettingsError, match=r"OBJAPI_TOTP_KEY_FILE: .* at least 32 characters"):
            Seal.from_settings(Settings(totp_key_file=file))
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        Seal.from_settings(Settings(totp_key_file=tmp_path / "other"))


@pytest.fixture(scope="module")
def gateway(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Users whose password is right at hand; each test has one of its own."""
    for gateway in made(module_database_url, tmp_path_factory.mktemp("factors")):
        hashed = Passwords(CHEAP).hash(PASSWORD)
        users = dict.fromkeys(("ann", "ben", "cid", "dan", "eva", "fay"), ((), ()))
        gateway.add_users(users, hashed)
        yield gateway


Begin = Callable[[str], bytes]


@pytest.fixture
def begun(gateway: Gateway) -> Begin:
    """A function that begins to set a second factor up for a user."""

    def begin(user: str) -> bytes:
        now = gateway.site.now()
        return gateway.site.transact(lambda connection: begin_set_up(connection, user, SEAL, now), write=True)

    return begin


def turn_on(gateway: Gateway, user: str, secret: bytes, keep: str | None = None) -> tuple[str, ...]:
    # Whatever the time is when it arrives, that of the next step is still to come.
    code = code_at(secret, gateway.site.now())
    codes = gateway.run(user, lambda tx: confirm(tx, code, SEAL, keep), write=True)
    assert codes is not None
    return codes


def used(gateway: Gateway, user: str, code: str, seal: Seal | None = SEAL, now: datetime | None = None) -> bool:
    at = now or gateway.site.now()
    return gateway.site.transact(lambda connection: use_code(connection, user, code, seal, at), write=True)


def test_it_counts_from_the_first_code_on_and_ends_what_the_password_opened(gateway: Gateway, begun: Begin) -> None:
    site, roles = gateway.site, gateway.site.registry.roles

    def begin(connection: Connection) -> tuple[str, str, str]:
        own, other = (begin_session(connection, "ann", 1, site.now(), SessionRules()) for _ in range(2))
        return own.key, own.session.digest, other.key

    check = PasswordCheck(site.transact, roles, Passwords(CHEAP), ThrottleRules())
    typed = Credentials("ann", PASSWORD)
    own, digest, other = site.transact(begin, write=True)
    secret = begun("ann")
    assert not used(gateway, "ann", code_at(secret, site.now()))
    assert check.verify(typed, "192.0.2.1", site.now()) is not None
    assert gateway.run("ann", lambda tx: confirm(tx, "000000", SEAL, None), write=True) is None
    turn_on(gateway, "ann", secret, keep=digest)
    with pytest.raises(PasswordNotEnough, match="API token"):
        check.verify(typed, "192.0.2.1", site.now())
    assert check.verify(Credentials("ann", "wrong"), "192.0.2.1", site.now()) is None
    loaded = [
        site.transact(lambda connection, key=key: load_by_session(connection, key, roles, site.now()), write=False)
        for key in (own, other)
    ]
    assert [user is not None for user in loaded] == [True, False]
    for again in (lambda: begun("ann"), lambda: turn_on(gateway, "ann", secret)):
        with pytest.raises(Conflict):
            again()
    rows = site.transact(lambda connection: connection.execute(select(second_factors.c.secret)).all(), write=False)
    assert readable(secret) not in str(rows)
    assert secret.hex() not in str(rows)


def test_a_code_and_a_recovery_code_are_good_once(gateway: Gateway, begun: Begin) -> None:
    secret = begun("ben")
    first, *others = turn_on(gateway, "ben", secret)
    now = datetime.now(UTC)
    codes = [code_at(secret, now, 1), code_at(secret, now, 1), code_at(secret, now), first, first.upper(), others[0]]
    assert [used(gateway, "ben", code, now=now) for code in codes] == [True, False, False, True, False, True]
    assert used(gateway, "cid", others[1]) is False
    factor = gateway.site.transact(lambda connection: second_factor_of(connection, "ben"), write=False)
    assert factor is not None
    assert factor.codes_left == 8
    stored = gateway.site.transact(lambda connection: connection.execute(select(recovery_codes)).all(), write=False)
    assert others[1].replace("-", "") not in str(stored).replace("-", "")
    renewed = gateway.run("ben", renew_recovery_codes, write=True)
    assert [used(gateway, "ben", code) for code in (others[1], renewed[0])] == [False, True]


def test_many_wrong_codes_leave_recovery_codes_alone(
    gateway: Gateway, begun: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "MOST_FAILURES", 3)
    secret = begun("cid")
    codes = turn_on(gateway, "cid", secret)
    now = gateway.site.now()
    assert [used(gateway, "cid", "12345x", now=now) for _ in range(3)] == [False] * 3
    assert [used(gateway, "cid", code, now=now) for code in (code_at(secret, now, 1), codes[0])] == [False, True]
    later = now + timedelta(minutes=1)
    assert used(gateway, "cid", code_at(secret, later), now=later)


def test_without_the_key_recovery_codes_alone_are_taken(gateway: Gateway, begun: Begin) -> None:
    secret = begun("dan")
    codes = turn_on(gateway, "dan", secret)
    for seal in (None, Seal(("x" * 32,))):
        with pytest.raises(Unavailable, match="OBJAPI_TOTP_KEY_FILE"):
            used(gateway, "dan", code_at(secret, gateway.site.now(), 1), seal)
    assert used(gateway, "dan", codes[0], None)


def test_it_is_turned_off_by_its_user_and_reset_by_who_has_the_roles(gateway: Gateway, begun: Begin) -> None:
    def reset(actor: str, user: str) -> list[str]:
        events = gateway.run(actor, lambda tx: reset_second_factor(tx, UserAdministration(tx), user), write=True)
        return [event.event for event in events]

    def version(user: str) -> int:
        return gateway.run("boss", lambda tx: gateway.authenticate(user)(tx.connection).password_version)

    before = version("eva")
    codes = turn_on(gateway, "eva", begun("eva"))
    gateway.run("eva", lambda tx: turn_off(tx, None), write=True)
    turn_on(gateway, "eva", begun("eva"))
    assert used(gateway, "eva", codes[1]) is False
    assert version("eva") == before + 3
    assert reset("max", "eva") == ["second_factor"]
    assert reset("max", "eva") == []
    assert version("eva") == before + 4
    turn_on(gateway, "boss", begun("boss"))
    with pytest.raises(Forbidden, match="second factor of boss"):
        reset("max", "boss")
    uid = gateway.run("boss", lambda tx: UserAdministration(tx).uid_of("eva"))
    rows = gateway.history("boss", ByUid(uid)).rows
    assert [(row["actor"], row["changes"]["second_factor"]["new"]) for row in rows] == [
        ("max", "off"),
        ("eva", "on"),
        ("eva", "off"),
        ("eva", "on"),
    ]
