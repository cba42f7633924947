"""Tables follow their declarations, step by step, while others go on writing."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, MetaData, event, select

from catalog import CatalogSchema, CatalogTables, Index, IndexKind, IndexRow, ValueType, upsert
from catalog.dialect import begin_write, create_engine_for
from objapi.store.following import complete_tables, follow_tables
from tests.objapi.store.layouts import Layout, layout_of

EVERY_KIND = tuple(
    [Index(f"a {kind.value}", kind) for kind in IndexKind]
    + [Index(f"of {value.value}", IndexKind.FIELD, value, hot=True) for value in ValueType]
)
OLD = (
    Index("id", IndexKind.FIELD, hot=True),
    Index("price", IndexKind.FIELD, hot=True),
    Index("gone", IndexKind.FIELD, hot=True),
    Index("path", IndexKind.PATH),
)
NEW = (
    Index("id", IndexKind.FIELD, hot=True),
    Index("price", IndexKind.FIELD, ValueType.INTEGER, hot=True),
    Index("path", IndexKind.PATH),
    Index("span", IndexKind.DATE_RANGE, hot=True),
    Index("amount", IndexKind.FIELD, ValueType.DECIMAL, hot=True),
)


class Stopped(Exception):
    """The process was killed between two steps."""


class Steps:
    """Lets so many steps be done, then stops."""

    def __init__(self, allowed: int) -> None:
        self.left = allowed

    def __call__(self) -> None:
        if self.left == 0:
            raise Stopped
        self.left -= 1


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine_for(database_url)
    yield engine
    engine.dispose()


def _declare(
    *indexes: Index, name: str = "books", hot_queries: tuple[tuple[str, ...], ...] = ()
) -> tuple[MetaData, CatalogTables]:
    metadata = MetaData()
    schema = CatalogSchema(name, {index.name: index for index in indexes}, hot_queries=hot_queries)
    assert schema.problems() == []
    return metadata, CatalogTables(schema, metadata)


def _follow(engine: Engine, metadata: MetaData) -> None:
    follow_tables(engine, metadata, lambda: None)


def _put(engine: Engine, tables: CatalogTables, rid: int, **values: object) -> None:
    with engine.connect() as connection, begin_write(connection):
        upsert(connection, tables, [IndexRow(rid, rid, 1, 0, values)])


def _values(engine: Engine, tables: CatalogTables, index: str) -> dict[int, Any]:
    with engine.connect() as connection:
        rows = connection.execute(select(tables.rid, tables.column(index)))
        return {row[0]: row[1] for row in rows}


def _changes(engine: Engine, metadata: MetaData) -> list[str]:
    """The statements with which tables that exist are changed."""
    seen: list[str] = []

    def note(connection: object, cursor: object, statement: str, *others: object) -> None:
        if statement.startswith(("ALTER", "DROP", "CREATE INDEX")):
            seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    _follow(engine, metadata)
    event.remove(engine, "before_cursor_execute", note)
    return seen


def test_tables_that_match_their_declarations_are_left_alone(engine: Engine) -> None:
    metadata, _ = _declare(*EVERY_KIND, hot_queries=(("of string", "of integer"),))
    _follow(engine, metadata)
    assert _changes(engine, metadata) == []


def test_following_gives_what_a_new_database_gets(engine: Engine) -> None:
    """But for the column that is declared no more, which stays, without its key."""
    fresh = _layout_of_new(engine, *NEW)
    _follow(engine, _declare(*OLD)[0])
    _follow(engine, _declare(*NEW)[0])
    followed = layout_of(engine)
    _drop_stray_columns(followed, fresh)
    assert followed == fresh


def test_values_of_columns_that_stay_are_kept(engine: Engine) -> None:
    metadata, old = _declare(*OLD)
    _follow(engine, metadata)
    _put(engine, old, 7, id="b-7", price="12", gone="x", path="/Plone/b-7")
    metadata, new = _declare(*NEW)
    _follow(engine, metadata)
    assert _values(engine, new, "id") == {7: "b-7"}
    assert _values(engine, new, "path") == {7: "/Plone/b-7"}
    assert _values(engine, new, "amount") == {7: None}
    assert _values(engine, old, "gone") == {7: "x"}


def test_requests_with_the_former_declarations_go_on(engine: Engine) -> None:
    metadata, old = _declare(*OLD)
    _follow(engine, metadata)
    metadata, new = _declare(*(index for index in NEW if index.name != "price"))
    _follow(engine, metadata)
    _put(engine, old, 7, id="b-7", price="12", gone="x", path="/Plone/b-7")
    _put(engine, new, 8, id="b-8", amount=Decimal("1.50"))
    assert _values(engine, old, "price") == {7: "12", 8: None}
    assert _values(engine, new, "amount") == {7: None, 8: Decimal("1.5")}


def test_column_of_another_type_is_made_anew(engine: Engine) -> None:
    metadata, old = _declare(*OLD)
    _follow(engine, metadata)
    _put(engine, old, 7, id="b-7", price="dear")
    metadata, new = _declare(*NEW)
    _follow(engine, metadata)
    assert _values(engine, new, "price") == {7: None}
    _put(engine, new, 7, id="b-7", price=12)
    assert _values(engine, new, "price") == {7: 12}


def test_hot_queries_come_and_go(engine: Engine) -> None:
    plain = _layout_of_new(engine, *OLD)
    _follow(engine, _declare(*OLD)[0])
    _follow(engine, _declare(*OLD, hot_queries=(("gone", "id"),))[0])
    assert len(layout_of(engine)["cat_books"]["keys"]) == len(plain["cat_books"]["keys"]) + 1
    _follow(engine, _declare(*OLD)[0])
    assert layout_of(engine) == plain


def test_new_catalogs_come_and_others_stay(engine: Engine) -> None:
    _follow(engine, _declare(*OLD)[0])
    _follow(engine, _declare(*NEW, name="shelves")[0])
    assert {"cat_books", "cat_shelves", "cat_shelves_kw", "cat_shelves_words"} <= set(layout_of(engine))


@pytest.mark.parametrize("allowed", range(13))
def test_work_cut_short_at_any_step_is_finished_by_doing_it_again(engine: Engine, allowed: int) -> None:
    fresh = _layout_of_new(engine, *NEW)
    _follow(engine, _declare(*OLD)[0])
    metadata, _ = _declare(*NEW)
    steps = Steps(allowed)
    try:
        follow_tables(engine, metadata, steps)
    except Stopped:
        assert allowed < 12, "three tables have four steps each"
    else:
        assert allowed == 12
    _follow(engine, metadata)
    followed = layout_of(engine)
    _drop_stray_columns(followed, fresh)
    assert followed == fresh


def test_completing_makes_what_is_missing_only(engine: Engine) -> None:
    fresh = _layout_of_new(engine, *NEW)
    metadata, tables = _declare(*NEW)
    complete_tables(engine, metadata, lambda: None)
    key = next(index for index in tables.main.indexes if "amount" in str(index.columns.keys()))
    with engine.begin() as connection:
        key.drop(connection)
        tables.keywords.drop(connection)
    assert layout_of(engine) != fresh
    complete_tables(engine, metadata, lambda: None)
    assert layout_of(engine) == fresh


def _layout_of_new(engine: Engine, *indexes: Index) -> Layout:
    """The layout of a database without a past, which is then emptied again."""
    metadata, _ = _declare(*indexes)
    _follow(engine, metadata)
    layout = layout_of(engine)
    with engine.begin() as connection:
        metadata.drop_all(connection)
    return layout


def _drop_stray_columns(layout: Layout, fresh: Layout) -> None:
    columns = layout["cat_books"]["columns"]
    stray = set(columns) - set(fresh["cat_books"]["columns"])
    assert len(stray) == 1
    assert stray.pop().startswith("ix_gone")
    layout["cat_books"]["columns"] = {name: columns[name] for name in fresh["cat_books"]["columns"]}
