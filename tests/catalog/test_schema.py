"""Declarations of catalogs, and what keeps a database from holding one."""

from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from catalog import CatalogSchema, CatalogTables, DeclarationError, Index, IndexKind, ValueType, load_catalog
from catalog.dialect import create_engine_for
from catalog.schema import column_name, index_number, key_name, table_name
from catalog.tables import stored_text


def test_the_widest_catalog_without_problems_fits_into_a_database(database_url: str) -> None:
    engine = create_engine_for(database_url, threads=1)
    hot = {f"h{n}": Index(f"h{n}", IndexKind.DATE, hot=True) for n in range(57)}
    cold = {f"i{n}": Index(f"i{n}", IndexKind.FIELD) for n in range(124)}
    queries = (("i0", "i1", "i2", "i3", "i4"), ("h0",))
    widest = CatalogSchema("widest", {**hot, **cold, "path": Index("path", IndexKind.PATH)}, hot_queries=queries)
    assert widest.problems() == []
    metadata = sa.MetaData()
    CatalogTables(widest, metadata)
    metadata.create_all(engine)
    engine.dispose()


def schema(count: int, kind: IndexKind = IndexKind.FIELD, *, hot: bool = False) -> CatalogSchema:
    indexes = [Index(f"i{n}", kind, hot=hot) for n in range(count)]
    return CatalogSchema("c", {index.name: index for index in indexes})


def test_a_declaration_is_read() -> None:
    mapping = {
        "title": "Analyses",
        "types": ["Analysis"],
        "returned": ["id"],
        "indexes": {
            "id": {"kind": "field", "hot": True, "source": "id"},
            "price": {"kind": "field", "type": "decimal"},
            "Subject": "keyword",
        },
        "hot_queries": [["price", "id"]],
    }
    assert load_catalog("bika", mapping, source="bika.yaml") == CatalogSchema(
        "bika",
        {
            "id": Index("id", IndexKind.FIELD, hot=True),
            "price": Index("price", IndexKind.FIELD, ValueType.DECIMAL),
            "Subject": Index("Subject", IndexKind.KEYWORD),
        },
        "Analyses",
        frozenset({"Analysis"}),
        (("price", "id"),),
    )


@pytest.mark.parametrize("types", [None, "all"])
def test_a_catalog_may_hold_all_types(types: str | None) -> None:
    loaded = load_catalog("c", {"types": types, "indexes": {"id": "field"}}, source="c.yaml")
    assert loaded.types is None


def test_all_faults_of_a_declaration_are_named_with_their_place() -> None:
    mapping: dict[str, Any] = {
        "titel": "x",
        "title": 3,
        "types": "Analysis",
        "indexes": {
            "a": {"kind": "fields"},
            "b": {"kind": "field", "type": "float", "hot": "yes"},
            "c": 7,
            "d": {"kind": "date", "type": "string", "color": "red"},
            4: "field",
        },
        "hot_queries": ["id"],
    }
    with pytest.raises(DeclarationError) as caught:
        load_catalog("bika", mapping, source="bika.yaml")
    places = [problem.split(": ")[1] for problem in caught.value.problems]
    assert all(problem.startswith("bika.yaml: ") for problem in caught.value.problems)
    assert sorted(places) == sorted(
        [
            *("bika.titel", "bika.title", "bika.types", "bika.indexes.a.kind", "bika.indexes.b.type"),
            *("bika.indexes.b.hot", "bika.indexes.c", "bika.indexes.d.type", "bika.indexes.d.color"),
            *("bika.indexes.4", "bika.hot_queries[0]"),
        ]
    )


@pytest.mark.parametrize("mapping", [{}, {"indexes": {}}, {"indexes": ["id"]}])
def test_a_catalog_needs_indexes(mapping: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError, match="indexes"):
        load_catalog("c", mapping, source="c.yaml")


def test_hot_queries_name_indexes_that_sort() -> None:
    mapping = {"indexes": {"id": "field", "Title": "text"}, "hot_queries": [["id", "Title"], ["id", "nonsense"]]}
    with pytest.raises(DeclarationError) as caught:
        load_catalog("c", mapping, source="c.yaml")
    assert len(caught.value.problems) == 2


def test_too_many_keys_are_named() -> None:
    assert schema(62, hot=True).problems() == []
    assert "i62" in schema(63, hot=True).problems()[0]


def test_a_key_too_wide_is_named() -> None:
    indexes = schema(6).indexes
    fits = CatalogSchema("c", indexes, hot_queries=(("i0", "i1", "i2", "i3", "i4"),))
    assert fits.problems() == []
    wide = CatalogSchema("c", indexes, hot_queries=(("i0", "i1", "i2", "i3", "i4", "i5"),))
    assert "3072" in wide.problems()[0]


def test_too_wide_a_row_is_named() -> None:
    assert schema(127).problems() == []
    assert schema(128).problems()[0].endswith("too many indexes: i127")
    assert "8126" in schema(202).problems()[0]


def test_without_hides_indexes() -> None:
    whole = schema(3)
    assert whole.without({"x"}) is whole
    assert list(whole.without({"i1"}).indexes) == ["i0", "i2"]


@given(st.text(max_size=200), st.text(max_size=200))
def test_names_are_short_plain_and_distinct(one: str, other: str) -> None:
    for name in (column_name(one), table_name(one), key_name(table_name(one), column_name(one), "ord")):
        assert len(name) <= 57
        assert name.replace("_", "").isalnum()
        assert name.isascii()
        assert name == name.lower()
    assert 0 <= index_number(one) < 2**31
    assert (column_name(one) == column_name(other)) is (one == other)


@pytest.mark.parametrize(("name", "table"), [("bika_catalog", "cat_bika_catalog"), ("uid_catalog", "cat_uid_catalog")])
def test_plain_catalog_names_are_kept(name: str, table: str) -> None:
    assert table_name(name) == table


@given(st.text(max_size=300), st.text(max_size=300))
def test_stored_texts_are_short_and_equal_only_when_the_texts_are(one: str, other: str) -> None:
    try:
        first, second = stored_text(one), stored_text(other)
    except UnicodeEncodeError:
        return
    assert len(first) <= 128
    assert (first == second) is (one == other)
