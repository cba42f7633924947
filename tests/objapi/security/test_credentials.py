"""HTTP Basic, and the memory of credentials that were right."""

import contextlib
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.errors import Unauthorized
from objapi.security.credentials import Credentials, Verified, VerifiedCredentials, parse_basic


def basic(text: str, encoding: str = "utf-8") -> str:
    return "Basic " + b64encode(text.encode(encoding)).decode()


PRINTABLE = st.text(st.characters(exclude_categories=["Cs"], min_codepoint=32).filter(lambda c: c != "\x7f"))


@given(login=PRINTABLE.filter(lambda text: ":" not in text), password=PRINTABLE)
def test_what_a_client_encodes_is_read_back(login: str, password: str) -> None:
    assert parse_basic(basic(f"{login}:{password}")) == Credentials(login, password)


@given(st.text(max_size=60))
def test_any_header_is_read_or_refused(header: str) -> None:
    for text in (header, f"Basic {header}"):
        with contextlib.suppress(Unauthorized):
            parse_basic(text)


@pytest.mark.parametrize(
    ("header", "login", "password"),
    [
        (basic("admin:secret"), "admin", "secret"),
        (basic("admin:with:colons:"), "admin", "with:colons:"),
        (basic("admin:"), "admin", ""),
        (basic("admin:gr\u00fcn"), "admin", "gr\u00fcn"),
        (basic("admin:gr\u00fcn", "latin-1"), "admin", "gr\u00fcn"),
        ("bAsIc   YTpi  ", "a", "b"),
    ],
)
def test_basic_is_utf8_or_latin_1(header: str, login: str, password: str) -> None:
    assert parse_basic(header) == Credentials(login, password)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("", "scheme"),
        ("Bearer YTpi", "scheme"),
        ("YTpi", "scheme"),
        ("Basic", "colon"),
        ("Basic YTpi YTpi", "not base64"),
        ("Basic YTp", "not base64"),
        ("Basic YTpi!", "not base64"),
        ("Basic Y\u00fcpi", "not base64"),
        (basic("no colon"), "no colon"),
        (basic("a\0b:c"), "control"),
        (basic("a:b\nc"), "control"),
        (basic("a:" + "b" * 9000), "longer than"),
    ],
)
def test_a_broken_header_is_refused_and_named(header: str, words: str) -> None:
    with pytest.raises(Unauthorized, match=words):
        parse_basic(header)


def test_a_password_is_in_no_repr() -> None:
    assert "hidden" not in repr(Credentials("admin", "hidden"))


class Clock:
    time = 100.0

    def __call__(self) -> float:
        return self.time


TOM = Verified("tom", 3)


def test_a_credential_is_remembered_for_its_time_and_no_longer() -> None:
    clock = Clock()
    memory = VerifiedCredentials(seconds=60, clock=clock)
    digest = memory.digest(Credentials("tom", "right"))
    assert memory.recall(digest) is None
    memory.remember(digest, TOM)
    clock.time += 59.9
    assert memory.recall(digest) == TOM
    clock.time += 0.1
    assert memory.recall(digest) is None
    clock.time -= 50
    assert memory.recall(digest) is None


def test_a_forgotten_credential_is_gone() -> None:
    memory = VerifiedCredentials()
    digest = memory.digest(Credentials("tom", "right"))
    memory.remember(digest, TOM)
    memory.forget(digest)
    memory.forget(digest)
    assert memory.recall(digest) is None


def test_a_memory_of_no_seconds_remembers_nothing() -> None:
    memory = VerifiedCredentials(seconds=0)
    digest = memory.digest(Credentials("tom", "right"))
    memory.remember(digest, TOM)
    assert memory.recall(digest) is None


def test_the_oldest_credential_makes_room() -> None:
    memory = VerifiedCredentials(size=2)
    digests = [memory.digest(Credentials("tom", str(n))) for n in range(3)]
    for digest in digests:
        memory.remember(digest, TOM)
    assert [memory.recall(digest) for digest in digests] == [None, TOM, TOM]


def test_a_digest_depends_on_login_password_and_process() -> None:
    memory, other = VerifiedCredentials(), VerifiedCredentials()
    pairs = [Credentials("ab", "c"), Credentials("a", "bc"), Credentials("abc", ""), Credentials("", "abc")]
    digests = {memory.digest(pair) for pair in pairs} | {other.digest(pair) for pair in pairs}
    assert len(digests) == 8
    assert memory.digest(Credentials("ab", "c")) == memory.digest(Credentials("ab", "c"))
