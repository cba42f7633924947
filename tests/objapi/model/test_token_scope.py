"""The scope of a token: stored as it was made, and only ever taking away."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.errors import InsufficientScope
from objapi.model.token_scope import TokenScope

NAMES = st.none() | st.frozensets(st.sampled_from(["read", "create", "users", "Batch"]))
SCOPES = st.builds(TokenScope, st.just("k7m2p9qd"), st.booleans(), NAMES, NAMES, st.none() | st.just("/Plone/a"))


@given(SCOPES)
def test_a_stored_scope_is_read_as_it_was_made(scope: TokenScope) -> None:
    assert TokenScope.from_document(scope.prefix, orjson.loads(orjson.dumps(scope.document()))) == scope


@given(SCOPES, st.sampled_from(["Batch", "Other"]), st.sampled_from(["/Plone/a", "/Plone/a/b", "/Plone/ab", "/Plone"]))
def test_an_object_is_covered_by_type_and_path(scope: TokenScope, portal_type: str, path: str) -> None:
    of_type = scope.types is None or portal_type in scope.types
    of_path = scope.path is None or path in ("/Plone/a", "/Plone/a/b")
    assert scope.covers(portal_type, path) == (of_type and of_path)


@pytest.mark.parametrize(
    ("scope", "method", "acts", "refused"),
    [
        (TokenScope(), "create", True, False),
        (TokenScope(read_only=True), "read", False, False),
        (TokenScope(read_only=True), "create", True, True),
        (TokenScope(methods=frozenset({"read"})), "read", False, False),
        (TokenScope(methods=frozenset({"read"})), "create", True, True),
        (TokenScope(methods=frozenset()), "read", False, True),
    ],
)
def test_calls_are_held_to_methods_and_reading(scope: TokenScope, method: str, acts: bool, refused: bool) -> None:
    try:
        scope.require_call(method, acts=acts)
    except InsufficientScope as error:
        assert refused
        assert error.status == 403
    else:
        assert not refused


def test_the_scope_is_said_in_words() -> None:
    scope = TokenScope("x", True, frozenset({"read", "history"}), frozenset({"Batch"}), "/Plone/batches")
    said = "reading alone; the methods history, read; objects of the types Batch; objects in /Plone/batches"
    assert str(scope) == said
    assert str(TokenScope()) == "all that its user may do, but for users, passwords and tokens"
