"""Password hashes and the rules for new passwords."""

from typing import Literal

import pytest
from argon2 import Parameters, PasswordHasher, extract_parameters
from argon2.exceptions import VerifyMismatchError
from hypothesis import given, settings
from hypothesis import strategies as st

from objapi.security.passwords import LONGEST_CHECKED, Passwords, password_problems
from tests.objapi.security.conftest import CHEAP


@given(password=st.text(max_size=50), other=st.text(max_size=50))
@settings(max_examples=50, deadline=None)
def test_a_hash_fits_its_own_password_only(password: str, other: str) -> None:
    from unicodedata import normalize

    passwords = Passwords(CHEAP)
    stored = passwords.hash(password)
    assert passwords.verify(stored, password)
    assert passwords.verify(stored, other) == (normalize("NFC", password) == normalize("NFC", other))


def test_ways_of_composing_an_accent_are_one_password(passwords: Passwords) -> None:
    assert passwords.verify(passwords.hash("caf\N{LATIN SMALL LETTER E WITH ACUTE}"), "cafe\N{COMBINING ACUTE ACCENT}")


def test_the_same_password_never_has_the_same_hash(passwords: Passwords) -> None:
    assert passwords.hash("same") != passwords.hash("same")


@pytest.mark.parametrize("stored", [None, "", "!", "secret", "$argon2id$v=19$m=8,t=1,p=1$broken"])
def test_what_is_no_hash_fits_no_password(passwords: Passwords, stored: str | None) -> None:
    for password in ("", "!", "secret", "x" * 5000):
        assert not passwords.verify(stored, password)


def test_an_overlong_password_is_wrong_even_if_it_was_stored(passwords: Passwords) -> None:
    long = "x" * (LONGEST_CHECKED + 1)
    assert not passwords.verify(passwords.hash(long), long)


class WatchedHasher(PasswordHasher):
    """A hasher that notes the parameters of the hashes it has computed a password's digest for."""

    def __init__(self) -> None:
        super().__init__(time_cost=2, memory_cost=64, parallelism=1)
        self.computed: list[Parameters] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        try:
            return super().verify(hash, password)
        except VerifyMismatchError:
            self.computed.append(extract_parameters(str(hash)))
            raise


def test_an_unknown_user_takes_as_long_as_a_wrong_password() -> None:
    hasher = WatchedHasher()
    passwords = Passwords(hasher)
    for stored in (passwords.hash("right"), None, "", "!", "secret"):
        hasher.computed.clear()
        assert not passwords.verify(stored, "wrong")
        (parameters,) = hasher.computed
        assert (parameters.time_cost, parameters.memory_cost, parameters.parallelism) == (2, 64, 1)


def test_a_hash_made_with_other_parameters_is_outdated() -> None:
    old, new = Passwords(CHEAP), Passwords(PasswordHasher(time_cost=2, memory_cost=8, parallelism=1))
    stored = old.hash("secret")
    assert new.is_outdated(stored)
    assert not old.is_outdated(stored)
    assert new.verify(stored, "secret")


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("long enough", []),
        ("x" * 8, []),
        ("x" * 128, []),
        ("x" * 7, ["at least 8"]),
        ("x" * 129, ["at most 128"]),
        ("Labmanager1", ["user's id"]),
        ("a\tb", ["at least 8", "control characters"]),
        ("", ["at least 8"]),
    ],
)
def test_a_new_password_is_bounded_both_ways(password: str, expected: list[str]) -> None:
    problems = password_problems(password, "labmanager1")
    assert len(problems) == len(expected)
    for problem, words in zip(problems, expected, strict=True):
        assert words in problem.message
        assert problem.name == "password"
        assert password == "" or password not in problem.message
