"""Names of rows lead back to the rows, and to nothing else."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.model.loading import load_registry
from objapi.store.mapped.names import RowNames
from tests.objapi.store.mapped.stock import PROFILE

REGISTRY = load_registry([Path(PROFILE)])
NAMES = RowNames(REGISTRY, "Plone")
WITH_TEXTS = replace(
    REGISTRY,
    types={
        **REGISTRY.types,
        "Supplier": replace(
            REGISTRY.types["Supplier"],
            table=replace(REGISTRY.types["Supplier"].table, key=("country", "code"), text_key=True),
        ),
    },
)
TYPES = st.sampled_from(["Article", "Supplier", "Watch"])
KEYS = st.integers(0, 2**62 - 1)


@given(TYPES, KEYS)
def test_every_name_leads_back_to_the_row(portal_type: str, key: int) -> None:
    rid = NAMES.rid(portal_type, key)
    assert rid < 0
    assert NAMES.of_rid(rid) == (portal_type, key)
    assert NAMES.of_uid(NAMES.uid(portal_type, key)) == rid
    assert NAMES.of_path(NAMES.path(portal_type, key)) == rid
    assert NAMES.packed(NAMES.parts(portal_type, key)) == key


@given(TYPES, KEYS)
def test_uids_are_of_version_8(portal_type: str, key: int) -> None:
    uid = UUID(NAMES.uid(portal_type, key))
    assert (uid.version, uid.variant) == (8, "specified in RFC 4122")


@given(st.lists(KEYS, min_size=2, max_size=9))
def test_later_rows_have_higher_numbers(keys: list[int]) -> None:
    numbers = [NAMES.rid("Article", key) for key in sorted(keys)]
    assert numbers == sorted(numbers)


@given(st.text(max_size=40))
def test_other_texts_are_names_of_nothing(text: str) -> None:
    assert NAMES.of_uid(text) is None
    assert NAMES.of_path(text) is None


@pytest.mark.parametrize(
    "uid",
    [
        "1fa96cf9e7f842248fbed0ab65666c81",
        uuid5(UUID(int=0), "x").hex,
        "0" * 32,
        RowNames(REGISTRY, "Other").uid("Article", 1),
    ],
)
def test_uids_of_other_objects_are_names_of_nothing(uid: str) -> None:
    assert NAMES.of_uid(uid) is None


@pytest.mark.parametrize("text", ["", "01", "-1", "1.0", "1-2", "x", "9" * 19, "٣"])
def test_ids_have_one_spelling(text: str) -> None:
    assert NAMES.key_of_id("Article", text) is None


def test_uids_of_one_type_are_keys_of_no_other() -> None:
    assert NAMES.key_of(NAMES.uid("Article", 5), "Article") == 5
    assert NAMES.key_of(NAMES.uid("Article", 5), "Supplier") is None


@given(st.tuples(st.text(max_size=9), st.text(max_size=9)))
def test_forgotten_texts_are_named_by_their_digest(texts: tuple[str, str]) -> None:
    names = RowNames(WITH_TEXTS, "Plone")
    key = names.key_of_texts("Supplier", texts)
    written_out = names.path("Supplier", key)
    by_digest = RowNames(WITH_TEXTS, "Plone").path("Supplier", key)
    assert by_digest != written_out
    assert names.of_path(by_digest) == names.of_path(written_out) == names.rid("Supplier", key)
