"""The signature scheme, held by tokens that the public server's own verifier has judged."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objapi.mxlive.tokens import (
    BadSignature,
    BadToken,
    Malformed,
    OutOfTime,
    TimeLimits,
    Token,
    WrongUser,
    from_base62,
)
from objapi.profiles.mxlive.frames import count_frames
from objapi.profiles.mxlive.keys import KeyProblem, read_key
from tests.data import DATA
from tests.objapi.mxlive.signing import PUBLIC_KEY, Signer, to_base62

EXPECTED: dict[str, type[Exception]] = {
    "expired": OutOfTime,
    "refuse": OutOfTime,
    "bad signature": BadSignature,
    "wrong user": WrongUser,
    "malformed": Malformed,
}
LIMITS = TimeLimits(age=60, lead=60)


@pytest.fixture(scope="module")
def published() -> Any:
    return json.loads((DATA / "mxlive" / "vectors.json").read_text(encoding="utf-8"))


def test_every_vector_is_judged_as_the_public_server_judges_it(published: Any) -> None:
    key = read_key(published["public_key"])
    judged = 0
    for vector in published["vectors"]:
        now = datetime.fromtimestamp(vector["now"], UTC)
        try:
            Token.read(vector["token"]).verify(key, vector["username"], now, LIMITS)
            outcome: type[Exception] | None = None
        except BadToken as refused:
            outcome = type(refused)
        assert outcome is EXPECTED.get(vector["expect"]), vector["name"]
        judged += 1
    assert judged == len(published["vectors"]) > 10


def test_numbers_and_frames_of_the_vectors_are_read_alike(published: Any) -> None:
    assert {number: to_base62(int(number)) for number in published["base62"]} == published["base62"]
    assert {text: count_frames(text) for text in published["frames"]} == published["frames"]


def test_what_the_client_signs_is_accepted() -> None:
    now = datetime(2026, 3, 1, 9, 30, 0, 250_000, tzinfo=UTC)
    token = Signer().token("mx-user_01", at=now)
    Token.read(token).verify(read_key(PUBLIC_KEY), "mx-user_01", now, LIMITS)


@pytest.mark.parametrize(("seconds", "good"), [(-61, False), (-59, True), (60, True), (61, False), (86_400, False)])
def test_the_age_is_measured_with_its_fraction(seconds: int, good: bool) -> None:
    signed = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    now = datetime.fromtimestamp(signed.timestamp() + seconds, UTC)
    token = Token.read(Signer().token("user", at=signed))
    if good:
        token.verify(read_key(PUBLIC_KEY), "user", now, LIMITS)
    else:
        with pytest.raises(OutOfTime):
            token.verify(read_key(PUBLIC_KEY), "user", now, LIMITS)


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=62**8 - 1))
def test_base_62_numbers_survive_the_round_trip(number: int) -> None:
    assert from_base62(to_base62(number)) == number


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_a_token_or_malformed(text: str) -> None:
    try:
        token = Token.read(text)
    except Malformed:
        return
    with pytest.raises(BadToken):
        token.verify(read_key(PUBLIC_KEY), "user", datetime.now(UTC), LIMITS)


def test_a_token_shows_its_secret_nowhere() -> None:
    text = Signer().token("user", at=datetime(2026, 3, 1, tzinfo=UTC))
    assert text.rsplit(":", 1)[1] not in repr(Token.read(text))


BLOB = base64.b64decode(PUBLIC_KEY.split()[1])


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ssh-dss",
        "ssh-dss !!!",
        "ssh-dss " + base64.b64encode(BLOB[:-1]).decode(),
        "ssh-dss " + base64.b64encode(BLOB + b"\0").decode(),
        "ssh-dss " + base64.b64encode(BLOB[:100]).decode(),
        "ssh-rsa " + PUBLIC_KEY.split()[1],
        "ssh-dss " + base64.b64encode(b"\xff\xff\xff\xff").decode(),
        "ssh-dss " + "A" * 5000,
        PUBLIC_KEY.replace("ssh-dss", "ssh-ed25519"),
    ],
)
def test_what_is_no_dsa_key_is_refused(line: str) -> None:
    with pytest.raises(KeyProblem):
        read_key(line)


@pytest.mark.parametrize("line", [PUBLIC_KEY, f"{PUBLIC_KEY}\n", f"{PUBLIC_KEY} someone@beamline\n"])
def test_comment_and_line_end_do_no_harm(line: str) -> None:
    assert read_key(line).key_size == 1024
