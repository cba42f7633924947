"""`_authenticator` tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous.encoding import base64_encode, int_to_bytes

from objapi.security.csrf_tokens import CsrfTokens, load_csrf_tokens, make_secret
from tests.objapi.security.conftest import NOW, Database, after

SITE = CsrfTokens(b"s" * 32)


def test_a_token_holds_for_its_user_and_session_for_a_day() -> None:
    token = SITE.issue("tom", "digest", NOW)
    assert SITE.check(token, "tom", "digest", NOW)
    assert SITE.check(token, "tom", "digest", after(hours=24))
    assert not SITE.check(token, "tom", "digest", after(hours=24, seconds=1))
    assert not SITE.check(token, "tom", "digest", after(minutes=-2))


@pytest.mark.parametrize(("user", "session"), [("rita", "digest"), ("tom", "other"), ("tom", None), ("tomdigest", "")])
def test_a_token_of_somebody_else_does_not_hold(user: str, session: str | None) -> None:
    assert not SITE.check(SITE.issue("tom", "digest", NOW), user, session, NOW)


def test_a_token_of_another_site_does_not_hold() -> None:
    assert not SITE.check(CsrfTokens(b"t" * 32).issue("tom", None, NOW), "tom", None, NOW)


@pytest.mark.parametrize(
    "change", [lambda t: "1" + t, lambda t: t[:-1], lambda t: t.upper(), lambda t: t + "\n", lambda t: ""]
)
def test_a_changed_token_does_not_hold(change) -> None:
    token = SITE.issue("tom", None, NOW)
    assert not SITE.check(change(token), "tom", None, NOW)


@given(st.text(st.characters(), max_size=100))
def test_any_text_may_be_checked(text: str) -> None:
    assert not SITE.check(text, "tom", None, NOW)


@given(st.integers(0, 16**16 - 1))
def test_any_instant_may_be_checked(at: int) -> None:
    instant = base64_encode(int_to_bytes(at)).decode()
    assert not SITE.check(f"csrf.{instant}.{'0' * 43}", "tom", None, NOW)


def test_a_site_keeps_its_secret(database: Database) -> None:
    database.run(lambda connection: make_secret(connection, NOW))
    token = database.run(load_csrf_tokens).issue("tom", None, NOW)
    database.run(lambda connection: make_secret(connection, after(days=1)))
    assert database.run(load_csrf_tokens).check(token, "tom", None, NOW)


def test_a_site_that_was_not_set_up_has_no_secret(database: Database) -> None:
    with pytest.raises(LookupError, match="objapi init"):
        database.run(load_csrf_tokens)
