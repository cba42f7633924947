"""The digest over a request and its history."""

import hashlib
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from objapi.store.records import DIGEST_FORMAT, DOCUMENT_FORMAT, document_digest, request_digest

NUMBERS = st.integers(min_value=-(2**63), max_value=2**63 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
REQUESTS = st.fixed_dictionaries(
    {"id": NUMBERS, "at": NUMBERS, "actor": TEXTS, "address": TEXTS, "api_key": st.none() | TEXTS, "request_id": TEXTS}
)
ENTRIES = st.lists(
    st.fixed_dictionaries(
        {"id": NUMBERS, "request": NUMBERS, "uid": TEXTS, "version": st.none() | NUMBERS, "changes": TEXTS}
    )
)


def _texts(row: dict[str, Any]) -> dict[str, str | None]:
    return {name: None if value is None else str(value) for name, value in row.items()}


@given(TEXTS, REQUESTS, ENTRIES)
def test_digest_is_of_canonical_json(site_id: str, request: dict[str, Any], entries: list[dict[str, Any]]) -> None:
    document = {"site": site_id, "request": _texts(request), "entries": [_texts(row) for row in entries]}
    expected = hashlib.sha256(DIGEST_FORMAT + rfc8785.dumps(document)).hexdigest()
    assert request_digest(site_id, request, entries) == expected


VALUES = st.recursive(
    st.booleans() | NUMBERS | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@given(TEXTS, st.dictionaries(TEXTS, VALUES, max_size=4), TEXTS)
def test_what_is_signed_is_digested_as_canonical_json(uid: str, values: dict[str, Any], empty: str) -> None:
    """Numbers as text; a value of None is none."""

    def as_text(value: Any) -> Any:
        match value:
            case dict():
                return {name: as_text(item) for name, item in value.items()}
            case list():
                return [as_text(item) for item in value]
        return value if isinstance(value, str | bool) else str(value)

    document = {"site": "Plone", "uid": uid, "portal_type": "Thing", "values": as_text(values)}
    expected = hashlib.sha256(DOCUMENT_FORMAT + rfc8785.dumps(document)).hexdigest()
    assert document_digest("Plone", uid, "Thing", {empty: None} | values) == expected


REQUEST: dict[str, object] = {"id": 1, "at": 2, "actor": "mia", "address": "", "api_key": None, "request_id": "a"}
ENTRY: dict[str, object] = {"id": 3, "request": 1, "uid": "u", "version": 1, "changes": "{}"}


@pytest.mark.parametrize(
    ("site_id", "request_change", "entry_change"),
    [
        ("Other", {}, {}),
        ("Plone", {"actor": "max"}, {}),
        ("Plone", {"at": 3}, {}),
        ("Plone", {"api_key": ""}, {}),
        ("Plone", {}, {"changes": '{"a":1}'}),
        ("Plone", {}, {"version": None}),
    ],
)
def test_digest_differs_when_anything_differs(
    site_id: str, request_change: dict[str, object], entry_change: dict[str, object]
) -> None:
    former = request_digest("Plone", REQUEST, [ENTRY])
    assert request_digest(site_id, REQUEST | request_change, [ENTRY | entry_change]) != former


def test_what_is_filled_after_the_commit_is_not_digested() -> None:
    filled = REQUEST | {"seq": 5, "digest": "d"}
    assert request_digest("Plone", filled, [ENTRY]) == request_digest("Plone", REQUEST, [ENTRY])
