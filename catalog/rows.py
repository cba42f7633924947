"""A document's values as the columns and side rows of its catalog, inserting them, and counting documents by groups."""

import hashlib
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalog.clauses import Key
from catalog.dialect import PreparedSelect, insert_rows, insert_tuples
from catalog.errors import DateSyntaxError
from catalog.schema import (
    KEYWORD_KINDS,
    PATH_DEPTH,
    PATH_LENGTH,
    CatalogSchema,
    Index,
    IndexKind,
    ValueType,
    column_name,
)
from catalog.tables import CatalogTables, keyword_text, path_names, span_names, stored_text
from catalog.text import words_of
from catalog.values import (
    INTEGER_LIMIT,
    RANGE_CEILING,
    RANGE_FLOOR,
    DateReading,
    Unfit,
    code_key,
    date_key,
    encodable,
    exact_key,
    parent_number,
)

_EXPECTED = {
    ValueType.STRING: "text",
    ValueType.INTEGER: "a whole number of 64 bits",
    ValueType.DECIMAL: "a number of at most 26 digits before and 12 after the point",
    ValueType.DATETIME: "a date-time",
    ValueType.BOOLEAN: "a truth value",
}


class IndexRow(NamedTuple):
    """A document for a catalog; a tuple, since very many are made at once.

    ord: creation time in microseconds since 1970 UTC. scope: 0 for none. values: index name → value; an absent name
    is a missing attribute. A keyword index takes a text or a list, a date range a pair of start and end, a text index a
    text or a list of texts.
    """

    rid: int
    ord: int
    acl: int
    scope: int
    values: Mapping[str, object]


def row_problems(tables: CatalogTables, values: Mapping[str, object]) -> list[str]:
    """Reasons why the values cannot be indexed, all of them; each message names the index."""
    problems = []
    for name, value in values.items():
        index = tables.schema.indexes.get(name)
        if index is None:
            problems.append(f"{name}: catalog {tables.schema.name} has no such index")
            continue
        try:
            _check(index, value, tables.dates)
        except (Unfit, DateSyntaxError) as reason:
            problems.append(f"{name}: {reason}")
    return problems


def _check(index: Index, value: object, dates: DateReading) -> None:
    if index.kind in KEYWORD_KINDS:
        keyword_keys(index, value, dates)
    elif index.kind is IndexKind.TEXT:
        text_words(value)
    else:
        index_values(index, value, dates)


@dataclass(frozen=True, slots=True)
class RowShape:
    """How the row of the main table is made, found once for a catalog; places are those of its columns."""

    names: tuple[str, ...]
    """The columns in their order."""
    blank: tuple[None, ...]
    single: Mapping[str, tuple[int, Callable[[Any], Any], bool]]
    """Index → its place, the key of a value, and whether a text of ASCII is its own key unless it is empty."""
    several: Mapping[str, tuple[slice, Callable[[Any], tuple[Any, ...]]]]
    """Index → its places, and the values there."""


@lru_cache(maxsize=1000)
def row_shape(tables: CatalogTables) -> RowShape:
    """The shape of the rows of a catalog."""
    names = tuple(column.name for column in tables.main.columns)
    single: dict[str, tuple[int, Callable[[Any], Any], bool]] = {}
    several = {}
    for name, index in tables.schema.indexes.items():
        own = column_names(index)
        if len(own) == 1:
            texts = index.kind is IndexKind.UUID or (
                index.kind is IndexKind.FIELD and index.value_type is ValueType.STRING
            )
            single[name] = (names.index(own[0]), _key_reader(index, tables.dates), texts)
        elif own:
            first = names.index(own[0])
            several[name] = (slice(first, first + len(own)), partial(index_values, index, dates=tables.dates))
    return RowShape(names, (None,) * len(names), single, several)


def _key_reader(index: Index, dates: DateReading) -> Callable[[Any], Any]:
    if index.kind is IndexKind.DATE:
        return partial(date_key, dates=dates)
    if index.kind is IndexKind.BOOLEAN:
        return _truth
    return partial(single_key, index, dates=dates)


def main_row(tables: CatalogTables, row: IndexRow) -> tuple[Any, ...]:
    """The row of the main table, all columns in order. Raises Unfit or DateSyntaxError: ask `row_problems` first."""
    shape = row_shape(tables)
    columns: list[Any] = [*shape.blank]
    columns[:4] = row.rid, row.ord, row.acl, row.scope
    single, several = shape.single, shape.several
    for name, value in row.values.items():
        found = single.get(name)
        if found is not None:
            place, read, texts = found
            # Nearly all keys are texts of ASCII, which are kept as they are; a call for each costs most of a row.
            columns[place] = value if texts and value and type(value) is str and value.isascii() else read(value)
        elif name in several:
            places, write = several[name]
            columns[places] = write(value)
    return tuple(columns)


def column_names(index: Index) -> tuple[str, ...]:
    """The columns of an index in the main table; none for one that is in a side table."""
    match index.kind:
        case IndexKind.KEYWORD | IndexKind.CODE | IndexKind.TEXT:
            return ()
        case IndexKind.DATE_RANGE:
            return span_names(index)
        case IndexKind.PATH:
            return path_names(index)
        case _:
            return (column_name(index.name),)


def index_values(index: Index, value: object, dates: DateReading) -> tuple[Any, ...]:
    """The values of the columns of an index in the main table; of a document that is missing there None."""
    match index.kind:
        case IndexKind.BOOLEAN:
            return (_truth(value),)
        case IndexKind.DATE_RANGE:
            return _span(index, value, dates)
        case IndexKind.DATE:
            return (date_key(value, dates),)
        case IndexKind.PATH:
            return (None, None, None) if value is None else _place(value)
        case _:
            return (single_key(index, value, dates),)


def _truth(value: object) -> int:
    return int(bool(value))


def single_key(index: Index, value: object, dates: DateReading) -> Key | None:
    """The key of a field, UUID or position index; None when missing. Raises Unfit for a value of another type."""
    if value is None or (value == "" and index.kind is IndexKind.UUID):
        return None
    if index.kind is IndexKind.POSITION:
        if not isinstance(value, int) or abs(value) > INTEGER_LIMIT:
            raise Unfit(f"a position is a whole number, not {_shown(value)}")
        return int(value)
    key = exact_key(index, value, dates)
    if key is None:
        raise Unfit(f"{_EXPECTED[index.value_type]} is expected, not {_shown(value)}")
    return key


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _span(index: Index, value: object, dates: DateReading) -> tuple[int | None, ...]:
    ends = (None, None) if value is None else value
    if not isinstance(ends, (tuple, list)) or len(ends) != 2:
        raise Unfit(f"a pair of start and end is expected, not {_shown(value)}")
    minutes = (date_key(end, dates) for end in ends)
    return tuple(
        minute if minute is not None and RANGE_FLOOR <= minute <= RANGE_CEILING else None for minute in minutes
    )


def _place(value: object) -> tuple[str, int, int]:
    if not isinstance(value, str):
        raise Unfit(f"a path is text, not {_shown(value)}")
    path = value
    if not value.startswith("/") or value.endswith("/") or "//" in value:
        path = f"/{'/'.join(part for part in value.split('/') if part)}"
    if not path.isascii() or not path.isprintable():
        raise Unfit(f"a path has printable ASCII characters only, unlike {_shown(value)}")
    depth = path.count("/")
    if path == "/" or len(path) > PATH_LENGTH or depth > PATH_DEPTH:
        raise Unfit(f"a path has 1 to {PATH_DEPTH} levels and at most {PATH_LENGTH} characters, unlike {_shown(value)}")
    return path, parent_number(path), depth


def keyword_keys(index: Index, value: object, dates: DateReading) -> list[Key]:
    """The keywords of a value, each once; none for '', None and the empty list. Raises Unfit."""
    if value is None or value == "":
        return []
    items: Iterable[object] = value if isinstance(value, (list, tuple, set, frozenset)) else [value]
    keys: dict[Key, None] = {}
    for item in items:
        if item is None:
            continue
        key = exact_key(index, item, dates)
        if key is None:
            raise Unfit(f"{_EXPECTED[index.value_type]} is expected as keyword, not {_shown(item)}")
        keys[key] = None
    if index.kind is IndexKind.CODE:
        return [code for code in dict.fromkeys(code_key(str(key)) for key in keys) if code]
    return list(keys)


def text_words(value: object) -> list[str]:
    """The words of a text or a list of texts. Raises Unfit."""
    if value is None:
        return []
    parts = [value] if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)) or not all(isinstance(part, str) for part in parts):
        raise Unfit(f"text is expected, not {_shown(value)}")
    words = words_of(parts)
    if not all(map(encodable, words)):
        raise Unfit("the text has characters outside Unicode")
    return words


def keyword_rows(tables: CatalogTables, row: IndexRow) -> Iterator[tuple[Any, ...]]:
    """The rows of the keyword table, all columns in order."""
    for index, number in tables.keyword_indexes:
        keys = keyword_keys(index, row.values.get(index.name), tables.dates)
        texts = {stored_text(text): text for text in map(keyword_text, keys)}
        for text in texts.values():
            yield number, text, row.rid


def posting_rows(tables: CatalogTables, row: IndexRow) -> Iterator[tuple[Any, ...]]:
    """The rows of the posting table, all columns in order."""
    for index, number in tables.text_indexes:
        for position, word in enumerate(text_words(row.values.get(index.name))):
            yield number, word, row.rid, position


def side_digest(schema: CatalogSchema, values: Mapping[str, object]) -> str:
    """A digest of the values that go to side tables; equal digests mean that those rows need no change."""
    parts = []
    for index in schema.sided:
        value = values.get(index.name)
        if isinstance(value, (set, frozenset)):
            value = sorted(value, key=repr)
        parts.append(f"({index.name!r}, {list(value) if isinstance(value, tuple) else value!r})")
    return hashlib.blake2b("".join(parts).encode("utf-8", "replace"), digest_size=16).hexdigest()


CHUNK: Final = 1000
SIDE_CHUNK: Final = 20_000


def insert(connection: Connection, tables: CatalogTables, rows: Sequence[IndexRow]) -> None:
    """Put documents into the catalog that it does not hold. Raises IntegrityError for one that it does."""
    ordered = sorted(rows, key=lambda row: row.rid)
    for start in range(0, len(ordered), CHUNK):
        chunk = ordered[start : start + CHUNK]
        columns = [main_row(tables, row) for row in chunk]
        insert_tuples(connection, tables.main, columns)
        count_changes(connection, tables, (), grouped(tables, columns))
        insert_side(connection, tables, chunk)


def insert_side(connection: Connection, tables: CatalogTables, rows: Sequence[IndexRow]) -> None:
    """Put the keywords and words of documents there."""
    if tables.keyword_indexes:
        _insert(connection, tables.keywords, [side for row in rows for side in keyword_rows(tables, row)])
    if tables.text_indexes:
        _insert(connection, tables.postings, [side for row in rows for side in posting_rows(tables, row)])


def _insert(connection: Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]]) -> None:
    for start in range(0, len(rows), SIDE_CHUNK):
        insert_tuples(connection, table, rows[start : start + SIDE_CHUNK])


Group = tuple[Any, ...]
"""Key that a document is counted under: its values in the counted indexes, acl and scope."""


def grouped(tables: CatalogTables, rows: Iterable[tuple[Any, ...]]) -> Counter[Group]:
    """The groups of rows, each with its number; few are distinct, so values are looked at once for each."""
    found: Counter[Group] = Counter()
    for (*values, acl, scope), number in Counter(map(_group_reader(tables), rows)).items():
        found[(*(stored_text(value or "") for value in values), acl, scope)] += number
    return found


@lru_cache(maxsize=1000)
def _group_reader(tables: CatalogTables) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    return itemgetter(*map(row_shape(tables).names.index, (*map(column_name, tables.counted), "acl", "scope")))


def groups_of(connection: Connection, tables: CatalogTables, rids: Sequence[int]) -> dict[int, Group]:
    """The groups of the documents that the catalog holds. Whoever writes a document has locked its object before."""
    if not rids:
        return {}
    columns = [tables.column(name) for name in tables.counted]
    statement = sa.select(tables.rid, *columns, tables.main.c.acl, tables.main.c.scope)
    found: Iterable[Sequence[Any]]
    if len(rids) == 1:
        # Most writes are of one document, and building the statement takes longer than asking.
        one = tables.prepared.get(groups_of)
        if one is None:
            one = tables.prepared[groups_of] = PreparedSelect(statement.where(tables.rid == sa.bindparam("one")))
        found = one.rows(connection, {"one": rids[0]})
    else:
        found = connection.execute(statement.where(tables.rid.in_(rids)))
    return {row[0]: (*(value or "" for value in row[1:-2]), row[-2], row[-1]) for row in found}


def count_changes(
    connection: Connection,
    tables: CatalogTables,
    former: Iterable[Group],
    following: Iterable[Group] | Mapping[Group, int],
) -> None:
    """Insert what documents add to the counts of their groups, and what they take from those of before."""
    changes = Counter(following)
    changes.subtract(former)
    add_counts(connection, tables, changes, folded=False)


def add_counts(connection: Connection, tables: CatalogTables, counts: Mapping[Group, int], *, folded: bool) -> None:
    """Insert counts of groups, those of 0 left out."""
    names = [*map(column_name, tables.counted), "acl", "scope"]
    rows = [
        {"id": secrets.randbits(62), "folded": int(folded), "n": number, **dict(zip(names, group, strict=True))}
        for group, number in counts.items()
        if number
    ]
    insert_rows(connection, tables.counts, rows)
    if not folded:
        tables.unfolded += len(rows)
