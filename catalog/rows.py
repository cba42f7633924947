"""A document's values as the columns and side rows of its catalog, and writing them there."""

import hashlib
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from catalog.clauses import Key
from catalog.dialect import PreparedSelect, bulk_update, insert_rows, upsert_rows
from catalog.errors import DateSyntaxError
from catalog.schema import (
    KEYWORD_KINDS,
    PATH_DEPTH,
    PATH_LENGTH,
    SIDE_KINDS,
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


@dataclass(frozen=True, slots=True)
class IndexRow:
    """A document for a catalog.

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
        index_columns(index, value, dates)


def main_row(tables: CatalogTables, row: IndexRow) -> dict[str, Any]:
    """The row of the main table, every column named. Raises Unfit or DateSyntaxError: ask `row_problems` first."""
    columns: dict[str, Any] = tables.blank | {"rid": row.rid, "ord": row.ord, "acl": row.acl, "scope": row.scope}
    keys, writers = _column_writers(tables)
    for name, value in row.values.items():
        key = keys.get(name)
        if key is not None:
            column, read, is_text = key
            # Nearly all keys are texts of ASCII, which are kept as they are; a call for each costs most of a row.
            columns[column] = value if is_text and type(value) is str and value.isascii() else read(value)
        elif name in writers:
            columns.update(writers[name](value))
    return columns


@lru_cache(maxsize=1000)
def _column_writers(
    tables: CatalogTables,
) -> tuple[Mapping[str, tuple[str, Callable[[Any], Any], bool]], Mapping[str, Callable[[Any], Mapping[str, Any]]]]:
    """Index → its column, the key of a value, and whether texts of ASCII are keys; or what gives all its columns."""
    keys: dict[str, tuple[str, Callable[[Any], Any], bool]] = {}
    others = {}
    for name, index in tables.schema.indexes.items():
        read = partial(single_key, index, dates=tables.dates)
        if index.kind is IndexKind.FIELD:
            keys[name] = (column_name(name), read, index.value_type is ValueType.STRING)
        elif index.kind is IndexKind.DATE:
            keys[name] = (column_name(name), partial(date_key, dates=tables.dates), False)
        elif index.kind is IndexKind.UUID:
            keys[name] = (column_name(name), read, False)
        elif index.kind not in SIDE_KINDS:
            others[name] = partial(index_columns, index, dates=tables.dates)
    return keys, others


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """Documents of which the columns of the same indexes are written, and acl and scope where `visibility` says so."""

    names: tuple[str, ...]
    rows: Sequence[IndexRow]
    visibility: bool = False


def update_columns(connection: Connection, tables: CatalogTables, changes: Sequence[ColumnChange]) -> int:
    """Write columns of documents that are there, each of which is in one change.

    Returns the number of rows found: fewer than were given means that the catalog lacks some.
    """
    parts = [(change, *_changed_columns(tables, change)) for change in changes]
    counted = [
        values["rid"]
        for change, _, changed in parts
        if change.visibility or not set(change.names).isdisjoint(tables.counted)
        for values in changed
    ]
    former: dict[int, _Group] = {}
    for start in range(0, len(counted), CHUNK):
        former.update(_groups(connection, tables, counted[start : start + CHUNK]))
    found = 0
    following = []
    for change, columns, changed in parts:
        for start in range(0, len(changed) if columns else 0, CHUNK):
            found += bulk_update(connection, tables.main, tables.main.c.rid, columns, changed[start : start + CHUNK])
        # Nothing of the document itself differs, but its keywords or words belong to one that is there.
        found += 0 if columns else len(documents_in(connection, tables, [values["rid"] for values in changed]))
        following += [
            _changed_group(tables, former[values["rid"]], change.names, values, visibility=change.visibility)
            for values in changed
            if values["rid"] in former
        ]
    count_changes(connection, tables, former.values(), following)
    return found


def _changed_columns(tables: CatalogTables, change: ColumnChange) -> tuple[list[sa.Column[Any]], list[dict[str, Any]]]:
    """The columns of a change, and its rows with their values."""
    names = ["acl", "scope"] if change.visibility else []
    for index in map(tables.schema.indexes.__getitem__, change.names):
        names += column_names(index)
    blank: dict[str, Any] = dict.fromkeys(names)
    keys, writers = _column_writers(tables)
    single = [(name, *keys[name][:2]) for name in change.names if name in keys]
    several = [(name, writers[name]) for name in change.names if name in writers]
    changed = []
    for row in change.rows:
        values, given = blank | {"rid": row.rid, "acl": row.acl, "scope": row.scope}, row.values
        for name, column, read in single:
            if name in given:
                values[column] = read(given[name])
        for name, write in several:
            if name in given:
                values.update(write(given[name]))
        changed.append(values)
    return [tables.main.c[name] for name in names], changed


def _changed_group(
    tables: CatalogTables, former: Sequence[Any], names: Collection[str], values: Mapping[str, Any], *, visibility: bool
) -> tuple[Any, ...]:
    """The group of a document, some of whose values are changed."""
    texts = (
        stored_text(values[column_name(name)] or "") if name in names else text
        for name, text in zip(tables.counted, former, strict=False)
    )
    return (*texts, values["acl"], values["scope"]) if visibility else (*texts, former[-2], former[-1])


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


def index_columns(index: Index, value: object, dates: DateReading) -> dict[str, Any]:
    """The column values of an index with one key a document; empty when the document is missing there."""
    match index.kind:
        case IndexKind.BOOLEAN:
            return {column_name(index.name): int(bool(value))}
        case IndexKind.DATE_RANGE:
            return _span_columns(index, value, dates)
        case IndexKind.DATE:
            return {column_name(index.name): date_key(value, dates)}
        case IndexKind.PATH:
            return {} if value is None else _path_columns(index, value)
        case _:
            return {column_name(index.name): single_key(index, value, dates)}


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


def _span_columns(index: Index, value: object, dates: DateReading) -> dict[str, int | None]:
    ends = (None, None) if value is None else value
    if not isinstance(ends, (tuple, list)) or len(ends) != 2:
        raise Unfit(f"a pair of start and end is expected, not {_shown(value)}")
    minutes = (date_key(end, dates) for end in ends)
    bounded = (minute if minute is not None and RANGE_FLOOR <= minute <= RANGE_CEILING else None for minute in minutes)
    return dict(zip(span_names(index), bounded, strict=True))


def _path_columns(index: Index, value: object) -> dict[str, Any]:
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
    return dict(zip(path_names(index), (path, parent_number(path), depth), strict=True))


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


def keyword_rows(tables: CatalogTables, row: IndexRow) -> Iterator[dict[str, Any]]:
    """The rows of the keyword table."""
    for index, number in tables.keyword_indexes:
        keys = keyword_keys(index, row.values.get(index.name), tables.dates)
        texts = {stored_text(text): text for text in map(keyword_text, keys)}
        for text in texts.values():
            yield {"idx": number, "word": text, "rid": row.rid}


def posting_rows(tables: CatalogTables, row: IndexRow) -> Iterator[dict[str, Any]]:
    """The rows of the posting table."""
    for index, number in tables.text_indexes:
        for position, word in enumerate(text_words(row.values.get(index.name))):
            yield {"idx": number, "word": word, "rid": row.rid, "pos": position}


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


def upsert(
    connection: Connection,
    tables: CatalogTables,
    rows: Sequence[IndexRow],
    *,
    side: bool = True,
    side_rids: Collection[int] | None = None,
) -> None:
    """Put documents into the catalog, replacing what it holds of them.

    side: whether keywords and words are written at all. side_rids: the documents whose keywords and words have
    changed or are new; None: all of them. Values must have passed `row_problems`.
    """
    # Writers that meet take their locks in the same order, so that one waits instead of both failing.
    ordered = sorted(rows, key=lambda row: row.rid)
    for start in range(0, len(ordered), CHUNK):
        chunk = ordered[start : start + CHUNK]
        columns = [main_row(tables, row) for row in chunk]
        former = _groups(connection, tables, [row.rid for row in chunk])
        upsert_rows(connection, tables.main, columns)
        count_changes(connection, tables, former.values(), _grouped(tables, columns))
        changed = [row for row in chunk if side and (side_rids is None or row.rid in side_rids)]
        replace_side(connection, tables, changed)


def insert(connection: Connection, tables: CatalogTables, rows: Sequence[IndexRow]) -> None:
    """Put documents into the catalog that it does not hold. Raises IntegrityError for one that it does."""
    ordered = sorted(rows, key=lambda row: row.rid)
    for start in range(0, len(ordered), CHUNK):
        chunk = ordered[start : start + CHUNK]
        columns = [main_row(tables, row) for row in chunk]
        insert_rows(connection, tables.main, columns)
        count_changes(connection, tables, (), _grouped(tables, columns))
        _insert_side(connection, tables, chunk)


def replace_side(connection: Connection, tables: CatalogTables, rows: Sequence[IndexRow]) -> None:
    """Replace the keywords and words of documents."""
    if not rows:
        return
    rids = [row.rid for row in rows]
    if tables.keyword_indexes:
        _delete(connection, tables.keywords, rids)
    if tables.text_indexes:
        _delete(connection, tables.postings, rids)
    _insert_side(connection, tables, rows)


def _insert_side(connection: Connection, tables: CatalogTables, rows: Sequence[IndexRow]) -> None:
    if tables.keyword_indexes:
        _insert(connection, tables.keywords, [side for row in rows for side in keyword_rows(tables, row)])
    if tables.text_indexes:
        _insert(connection, tables.postings, [side for row in rows for side in posting_rows(tables, row)])


def _delete(connection: Connection, table: sa.Table, rids: Sequence[int]) -> None:
    connection.execute(sa.delete(table).where(table.c.rid.in_(rids)))


def _insert(connection: Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    for start in range(0, len(rows), SIDE_CHUNK):
        insert_rows(connection, table, rows[start : start + SIDE_CHUNK])


_Group = tuple[Any, ...]
"""Key that a document is counted under: its values in the counted indexes, acl and scope."""


def _grouped(tables: CatalogTables, rows: Iterable[Mapping[str, Any]]) -> Counter[_Group]:
    """The groups of rows, each with its number; few are distinct, so values are looked at once for each."""
    found: Counter[_Group] = Counter()
    for (*values, acl, scope), number in Counter(map(_group_reader(tables), rows)).items():
        found[(*(stored_text(value or "") for value in values), acl, scope)] += number
    return found


@lru_cache(maxsize=1000)
def _group_reader(tables: CatalogTables) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    return itemgetter(*map(column_name, tables.counted), "acl", "scope")


def _groups(connection: Connection, tables: CatalogTables, rids: Sequence[int]) -> dict[int, _Group]:
    """The groups of the documents that the catalog holds. Whoever writes a document has locked its object before."""
    if not rids:
        return {}
    columns = [tables.column(name) for name in tables.counted]
    statement = sa.select(tables.rid, *columns, tables.main.c.acl, tables.main.c.scope)
    found: Iterable[Sequence[Any]]
    if len(rids) == 1:
        # Most writes are of one document, and building the statement takes longer than asking.
        one = tables.prepared.get(_groups)
        if one is None:
            one = tables.prepared[_groups] = PreparedSelect(statement.where(tables.rid == sa.bindparam("one")))
        found = one.rows(connection, {"one": rids[0]})
    else:
        found = connection.execute(statement.where(tables.rid.in_(rids)))
    return {row[0]: (*(value or "" for value in row[1:-2]), row[-2], row[-1]) for row in found}


def count_changes(
    connection: Connection,
    tables: CatalogTables,
    former: Iterable[_Group],
    following: Iterable[_Group] | Mapping[_Group, int],
) -> None:
    """Insert what documents add to the counts of their groups, and what they take from those of before."""
    changes = Counter(following)
    changes.subtract(former)
    add_counts(connection, tables, changes, folded=False)


def add_counts(connection: Connection, tables: CatalogTables, counts: Mapping[_Group, int], *, folded: bool) -> None:
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


def set_scope(connection: Connection, tables: CatalogTables, members: sa.Select[Any], scope: int) -> None:
    """Give the documents that a select of rids finds another scope; the statements do not depend on their number."""
    chosen = tables.rid.in_(members)
    columns = [*(tables.column(name) for name in tables.counted), tables.main.c.acl, tables.main.c.scope]
    counted = connection.execute(sa.select(*columns, sa.func.count()).where(chosen).group_by(*columns)).all()
    connection.execute(sa.update(tables.main).where(chosen).values(scope=scope))
    changes: Counter[_Group] = Counter()
    for *values, acl, former, number in counted:
        texts = [value or "" for value in values]
        changes[(*texts, acl, former)] -= number
        changes[(*texts, acl, scope)] += number
    add_counts(connection, tables, changes, folded=False)


def set_visibility(
    connection: Connection,
    tables: CatalogTables,
    acls: Mapping[int, Sequence[int]],
    scopes: Mapping[int, Sequence[int]] | None = None,
) -> None:
    """Give documents another acl (acl → rids) or scope (scope → rids); one statement for each distinct value."""
    for name, groups in (("acl", acls), ("scope", scopes or {})):
        for value, rids in groups.items():
            for start in range(0, len(rids), CHUNK):
                chunk = rids[start : start + CHUNK]
                former = _groups(connection, tables, chunk)
                connection.execute(sa.update(tables.main).where(tables.rid.in_(chunk)).values({name: value}))
                count_changes(connection, tables, former.values(), _groups(connection, tables, chunk).values())


def remove(connection: Connection, tables: CatalogTables, rids: Sequence[int]) -> None:
    """Take documents out of the catalog; unknown rids are ignored."""
    for start in range(0, len(rids), CHUNK):
        chunk = rids[start : start + CHUNK]
        count_changes(connection, tables, _groups(connection, tables, chunk).values(), ())
        for table in (*tables.side_tables, tables.main):
            _delete(connection, table, chunk)


def documents_in(connection: Connection, tables: CatalogTables, rids: Sequence[int]) -> frozenset[int]:
    """The documents of some row numbers that the catalog holds."""
    found: set[int] = set()
    for start in range(0, len(rids), CHUNK):
        chosen = tables.rid.in_(rids[start : start + CHUNK])
        found.update(connection.scalars(sa.select(tables.rid).where(chosen)))
    return frozenset(found)


def truncate(connection: Connection, tables: CatalogTables) -> None:
    """Empty the catalog, within the transaction."""
    for table in (*tables.side_tables, tables.counts, tables.main):
        connection.execute(sa.delete(table))
