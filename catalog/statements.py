"""Queries as SQL: clauses become conditions, and conditions the statements of a page, a count, a chunk of a stream.

Every value is a bound parameter. Text queries ask the table of words and their positions.

Criteria of a date index are minutes since 1970 UTC. A column of a table that other programs write holds the time that a
clock in some zone showed, with seconds (`ClockMinutes`): a minute then means all of its sixty seconds, so that the same
criteria find the same rows as in a catalog of the gateway, and the column's database keys still serve.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ColumnElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from catalog.clauses import (
    AllOf,
    Clause,
    Coded,
    Containing,
    During,
    Empty,
    Exact,
    HasKey,
    Key,
    Nothing,
    OnlyNot,
    Query,
    Range,
    Starting,
    Truth,
    Under,
    ValueClause,
    Without,
    Words,
)
from catalog.dates import FIRST_INSTANT, LAST_INSTANT
from catalog.dialect import BinaryText, fold, folded, has_case, like_ignores_case
from catalog.schema import PREFIX_LENGTH, STRING_LENGTH, IndexKind, ValueType, index_number
from catalog.tables import MARK, CatalogTables, Searchable, StoredText, keyword_text, span_names
from catalog.text import AllWords, AnyWord, Pattern, Phrase, TextNode, Word
from catalog.values import EPOCH, MINUTE

Condition = ColumnElement[bool]


class ClockMinutes(TypeDecorator[int]):
    """A column of wall-clock times in a zone, compared with minutes since 1970 UTC; results are times as they are."""

    impl = sa.DateTime()
    cache_ok = True

    def __init__(self, zone: tzinfo) -> None:
        super().__init__()
        self.zone = zone

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Any:
        """The wall-clock time at the beginning of the minute; beyond the calendar its last or first instant."""
        if value is None:
            return None
        try:
            return (EPOCH + value * MINUTE).astimezone(self.zone).replace(tzinfo=None)
        except OverflowError:
            return (LAST_INSTANT if value > 0 else FIRST_INSTANT).replace(tzinfo=None)


def equals_any(column: ColumnElement[Any], values: "tuple[Key, ...] | list[Key]") -> ColumnElement[bool]:
    """The rows whose key is one of the values (at least one)."""
    if isinstance(column.type, ClockMinutes):
        minutes = [int(value) for value in values]
        return sa.or_(*(sa.and_(column >= minute, column < minute + 1) for minute in minutes))
    return column == values[0] if len(values) == 1 else column.in_(values)


def within(
    column: ColumnElement[Any], low: Key | None, high: Key | None, *, above: bool = False, below: bool = False
) -> list[ColumnElement[bool]]:
    """Conditions on a column whose key lies within bounds (None: no bound), inclusive unless `above` or `below`."""
    bounds: list[ColumnElement[bool]] = []
    if low is not None:
        bounds.append(column > low if above else column >= low)
    if high is not None and isinstance(column.type, ClockMinutes):
        bounds.append(column < int(high) + 1)
    elif high is not None:
        bounds.append(column < high if below else column <= high)
    return bounds


_LAST_CHARACTER: Final = "\U0010ffff"
_ESCAPE: Final = "!"
_VARIED: Final = 3
"""Letters at the beginning of a text that are looked for in each case by the key."""
_RAW: Final = BinaryText(4 * STRING_LENGTH)


def text_condition(rid: ColumnElement[int], postings: sa.Table, number: int, tree: TextNode) -> Condition:
    """The documents, by `rid`, whose text in the index of this number meets the tree."""
    match tree:
        case Word(word):
            return rid.in_(_rids(postings, number, postings.c.word == word))
        case Pattern(pattern):
            return rid.in_(_rids(postings, number, *_like(postings.c.word, pattern)))
        case Phrase(words):
            return _phrase(rid, postings, number, words)
        case AllWords(wanted, unwanted):
            return sa.and_(
                *(text_condition(rid, postings, number, node) for node in wanted),
                *(sa.not_(text_condition(rid, postings, number, node)) for node in unwanted),
            )
        case AnyWord(parts):
            return sa.or_(*(text_condition(rid, postings, number, node) for node in parts))


def _rids(postings: sa.Table, number: int, *where: Condition) -> sa.Select[Any]:
    return sa.select(postings.c.rid).where(postings.c.idx == number, *where)


def _like(column: ColumnElement[str], pattern: str) -> list[Condition]:
    """A range over the plain beginning, which the key serves, and the pattern itself."""
    beginning = re.split(r"[*?]", pattern, maxsplit=1)[0]
    if len(pattern) > STRING_LENGTH:
        return [sa.false()]
    escaped = re.sub(r"[!_]", lambda match: _ESCAPE + match[0], pattern).replace("*", "%").replace("?", "_")
    raw = sa.type_coerce(column, _RAW)
    return [
        raw >= sa.literal(beginning, _RAW),
        raw < sa.literal(beginning + _LAST_CHARACTER, _RAW),
        raw.like(sa.literal(escaped, _RAW), escape=_ESCAPE),
    ]


def _phrase(rid: ColumnElement[int], postings: sa.Table, number: int, words: tuple[str, ...]) -> Condition:
    """The first word, and each further one so many places behind it: one key look-up an occurrence and word."""
    if not words:
        return sa.false()
    first = postings.alias("first")
    following = []
    for distance, word in enumerate(words[1:], start=1):
        other = postings.alias(f"word_{distance}")
        following.append(
            sa.exists().where(
                other.c.idx == number,
                other.c.word == word,
                other.c.rid == first.c.rid,
                other.c.pos == first.c.pos + distance,
            )
        )
    return rid.in_(sa.select(first.c.rid).where(first.c.idx == number, first.c.word == words[0], *following))


def conditions(tables: Searchable, query: Query) -> list[Condition]:
    """The conditions of a query, to be joined by *and*; those of its order included, which drop missing documents."""
    if query.nothing:
        return [sa.false()]
    sorted_by = dict.fromkeys(key.index for key in query.sort)
    return [
        *(condition(tables, clause) for clause in query.clauses),
        *(tables.column(name).is_not(None) for name in sorted_by),
    ]


def condition(tables: Searchable, clause: Clause) -> Condition:
    """The condition of one clause."""
    match clause:
        case Nothing():
            return sa.false()
        case Truth(index, value):
            return tables.column(index) == int(value)
        case During(index, minute):
            return _during(tables, index, minute)
        case Under(index, places, every):
            return tables.under(index, places, every)
        case Coded(index, codes):
            return tables.coded(index, codes)
        case Words(index, tree):
            return text_condition(tables.rid, tables.postings, index_number(index), tree)
        case _:
            match tables.schema.indexes[clause.index].kind:
                case IndexKind.KEYWORD:
                    return _keyword(tables, clause)
                case IndexKind.TEXT:
                    return _wordless(tables, clause)
            return _single(tables, clause)


# Parts of texts


def _containing(column: ColumnElement[Any], texts: Sequence[str]) -> Condition:
    """A text in that of a column, whatever the case of its letters."""
    if isinstance(column.type, StoredText):
        return sa.or_(*(_stored_part(column, text) for text in texts))
    return sa.or_(*(_place(column, text) > 0 for text in texts))


def _place(column: ColumnElement[Any], text: str) -> ColumnElement[int]:
    """The place of a text in that of a column, from 1, whatever the case of its letters; 0 for none."""
    searched = folded(column) if has_case(text) or not isinstance(column.type, BinaryText) else column
    return sa.func.instr(searched, sa.literal(fold(text), _RAW))


def _stored_part(column: ColumnElement[Any], text: str) -> Condition:
    """A text in that of a column; of a text that was shortened, in what is left of it, not in its digest."""
    raw = sa.type_coerce(column, _RAW)
    place = _place(raw, text)
    is_whole = sa.func.instr(raw, sa.literal(MARK, _RAW)) != PREFIX_LENGTH + 1
    return sa.and_(place > 0, sa.or_(is_whole, place <= PREFIX_LENGTH + 1 - len(text)))


def _starting(column: ColumnElement[Any], texts: Sequence[str]) -> Condition:
    """A text at the beginning of that of a column, whatever the case of its letters; a key of the column serves."""
    if isinstance(column.type, StoredText):
        raw = sa.type_coerce(column, _RAW)
        return sa.or_(*(_stored_beginning(raw, text) for text in texts))
    return sa.or_(*(_beginning(column, text) for text in texts))


def _stored_beginning(raw: ColumnElement[Any], text: str) -> Condition:
    if not has_case(text):
        return _from(raw, text)
    # The first letters, in each case, bound what of the key is read.
    heads = [""]
    for letter in text[:_VARIED]:
        cases = sorted({other for other in (letter, letter.lower(), letter.upper()) if len(other) == 1})
        heads = [head + other for head in heads for other in cases]
    return sa.and_(sa.or_(*(_from(raw, head) for head in heads)), _place(raw, text) == 1)


def _from(raw: ColumnElement[Any], text: str) -> Condition:
    """The texts that begin so, as a range of the key."""
    return sa.and_(raw >= sa.literal(text, _RAW), raw < sa.literal(text + _LAST_CHARACTER, _RAW))


def _beginning(column: ColumnElement[Any], text: str) -> Condition:
    begins = _place(column, text) == 1
    if text.isascii() and like_ignores_case(column):
        return sa.and_(column.like(f"{_escaped(text)}%", escape=_ESCAPE), begins)
    return begins


def _escaped(text: str) -> str:
    return re.sub(r"[!%_]", lambda match: _ESCAPE + match[0], text)


# One key a document


def _single(tables: Searchable, clause: ValueClause) -> Condition:
    column = tables.column(clause.index)
    match clause:
        case HasKey():
            return column.is_not(None)
        case Exact(_, values) | AllOf(_, values):
            return equals_any(column, values)
        case Range(_, low, high, _, above, below, _):
            return sa.and_(column.is_not(None), *within(column, low, high, above=above, below=below))
        case Empty(index, negated):
            is_text = tables.schema.indexes[index].kind is IndexKind.FIELD and _holds_texts(tables, index)
            empty = sa.or_(column.is_(None), equals_any(column, ("",))) if is_text else column.is_(None)
            return sa.not_(empty) if negated else empty
        case Containing(_, texts):
            return _containing(column, texts)
        case Starting(_, texts):
            return _starting(column, texts)
        case Without(_, values):
            return sa.or_(column.is_(None), sa.not_(equals_any(column, values)))
        case OnlyNot(_, values):
            other, same = tables.aliased(clause.index)
            used = sa.exists().select_from(other).where(equals_any(same, values))
            without = sa.or_(column.is_(None), sa.not_(equals_any(column, values)))
            return sa.and_(without, sa.or_(column.is_not(None), used))


def _holds_texts(tables: Searchable, index: str) -> bool:
    return tables.schema.indexes[index].value_type is ValueType.STRING


# Keywords


def _keyword(tables: Searchable, clause: ValueClause) -> Condition:
    table = tables.keywords
    number = index_number(clause.index)

    def rids(*where: Condition) -> sa.Select[Any]:
        return sa.select(table.c.rid).where(table.c.idx == number, *where)

    def words(values: Sequence[Key]) -> Condition:
        return equals_any(table.c.word, [keyword_text(value) for value in values])

    match clause:
        case HasKey():
            return tables.rid.in_(rids())
        case Exact(_, values):
            return tables.rid.in_(rids(words(values)))
        case AllOf(_, values):
            having = sa.func.count() == len(values)
            return tables.rid.in_(rids(words(values)).group_by(table.c.rid).having(having))
        case Empty(_, negated):
            return tables.rid.in_(rids()) if negated else tables.rid.not_in(rids())
        case Containing(_, texts):
            return tables.rid.in_(rids(_containing(table.c.word, texts)))
        case Starting(_, texts):
            return tables.rid.in_(rids(_starting(table.c.word, texts)))
        case Range(_, low, high, every, above, below, _):
            first, last = (None if bound is None else keyword_text(bound) for bound in (low, high))
            bounds = within(table.c.word, first, last, above=above, below=below)
            if not every:
                return tables.rid.in_(rids(*bounds))
            used = sa.select(sa.func.count(table.c.word.distinct())).where(table.c.idx == number, *bounds)
            having = sa.func.count() == used.scalar_subquery()
            return tables.rid.in_(rids(*bounds).group_by(table.c.rid).having(having))
        case Without(_, values):
            return tables.rid.not_in(rids(words(values)))
        case OnlyNot(_, values):
            anyone = sa.exists(rids(words(values)))
            return sa.and_(tables.rid.not_in(rids(words(values))), sa.or_(anyone, tables.rid.in_(rids())))


def _wordless(tables: Searchable, clause: ValueClause) -> Condition:
    """The documents whose text has no word, or for any other clause those with one."""
    words = _rids(tables.postings, index_number(clause.index))
    is_empty = isinstance(clause, Empty) and not clause.negated
    return tables.rid.not_in(words) if is_empty else tables.rid.in_(words)


# Spans


def _during(tables: Searchable, index: str, minute: int) -> Condition:
    start, end = (tables.main.c[name] for name in span_names(tables.schema.indexes[index]))
    return sa.and_(sa.or_(start.is_(None), start <= minute), sa.or_(end.is_(None), end >= minute))


Keyset = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Visibility:
    """Documents that a user may see by one permission.

    acls: the role sets that the user's global roles meet. scoped: pairs of scopes and of the role sets that the
    user's roles there meet.
    """

    acls: tuple[int, ...] = ()
    scoped: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = ()


def visible_condition(
    tables: CatalogTables, visible: Sequence[Visibility], table: sa.Table | None = None
) -> Condition | None:
    """The documents that a user may see by all of the permissions; None: every one.

    `table` is another one with columns `acl` and `scope` than that of the documents.
    """
    own = tables.main if table is None else table
    parts = [visibility(own, item.acls, item.scoped) for item in visible]
    return sa.and_(*parts) if parts else None


def visibility(
    table: sa.Table, acls: Collection[int], scoped: Sequence[tuple[Collection[int], Collection[int]]] = ()
) -> Condition:
    """The rows of a table with columns `acl` and `scope` that a user may see by one permission, see `Visibility`."""
    acl, scope = table.c.acl, table.c.scope
    parts: list[Condition] = []
    if acls:
        parts.append(acl.in_(list(acls)))
    for scopes, local_acls in scoped:
        if scopes and local_acls:
            parts.append(sa.and_(scope.in_(list(scopes)), acl.in_(list(local_acls))))
    return sa.or_(*parts) if parts else sa.false()


def _where(tables: Searchable, query: Query, visible: Condition | None) -> list[Condition]:
    return [*conditions(tables, query), *([] if visible is None else [visible])]


def _order(tables: Searchable, query: Query) -> list[tuple[ColumnElement[Any], bool]]:
    """The columns of the total order, each with whether it descends."""
    ties = [(column, query.ties_descending) for column in tables.ties]
    return [*((tables.column(key.index), key.descending) for key in query.sort), *ties]


def _ordered(statement: sa.Select[Any], order: Sequence[tuple[ColumnElement[Any], bool]]) -> sa.Select[Any]:
    return statement.order_by(*(column.desc() if down else column for column, down in order))


def _size(query: Query, offset: int, size: int | None) -> int | None:
    if query.limit is None:
        return size
    left = max(0, query.limit - offset)
    return left if size is None else min(left, size)


def page_statement(
    tables: Searchable, query: Query, *, visible: Condition | None, offset: int = 0, size: int | None = None
) -> sa.Select[Any]:
    """The rows of a page of the result, in its order; `offset` and `size` (None: all) count within the query's limit.

    Columns: those that identify a row (`Searchable.number`).

    The order is total: equal keys go by creation. Documents without a key in a sort index are left out.
    """
    statement = sa.select(*tables.selected).where(*_where(tables, query, visible))
    return _sliced(_ordered(statement, _order(tables, query)), query.start + offset, _size(query, offset, size))


def _sliced(statement: sa.Select[Any], offset: int, size: int | None) -> sa.Select[Any]:
    if size is not None:
        statement = statement.limit(size)
    if offset and size is None:
        statement = statement.limit(2**62)  # MySQL and SQLite know no OFFSET without a LIMIT
    return statement.offset(offset) if offset else statement


def count_statement(
    tables: Searchable, query: Query, *, visible: Condition | None, after: Keyset | None = None
) -> sa.Select[Any]:
    """Count the documents that the query finds, its limit observed; those behind a keyset, without regard to it."""
    where = _where(tables, query, visible)
    if after is not None:
        order = [(sa.type_coerce(column, _raw(column)), down) for column, down in _order(tables, query)]
        return sa.select(sa.func.count()).select_from(tables.main).where(*where, _after(order, after))
    if query.limit is None and not query.start:
        return sa.select(sa.func.count()).select_from(tables.main).where(*where)
    limited = _sliced(sa.select(tables.rid).where(*where), query.start, query.limit).subquery()
    return sa.select(sa.func.count()).select_from(limited)


def missing_sort_statement(tables: Searchable, query: Query, *, visible: Condition | None) -> sa.Select[Any]:
    """Count the documents that meet the criteria but lack a key in a sort index, and so are not in the result."""
    unsorted = Query(clauses=query.clauses, nothing=query.nothing)
    lacking = [tables.column(key.index).is_(None) for key in query.sort]
    where = [*_where(tables, unsorted, visible), sa.or_(*lacking) if lacking else sa.false()]
    return sa.select(sa.func.count()).select_from(tables.main).where(*where)


def _raw(column: ColumnElement[Any]) -> TypeEngine[Any]:
    # A keyset holds a key as the database does: a long text shortened, a time with its seconds.
    return column.type.impl_instance if isinstance(column.type, (StoredText, ClockMinutes)) else column.type


def _after(order: Sequence[tuple[ColumnElement[Any], bool]], keyset: Keyset) -> Condition:
    """Rows behind the keyset: larger in the first column, or equal there and larger in the next, and so on."""
    first, first_down = order[0]
    start = _bound(keyset[0], first.type)
    # Implied by what follows, and what a database sees its key in.
    leading = first <= start if first_down else first >= start
    alternatives: list[Condition] = []
    equal: list[Condition] = []
    for (column, down), value in zip(order, keyset, strict=True):
        bound = _bound(value, column.type)
        alternatives.append(sa.and_(*equal, column < bound if down else column > bound))
        equal.append(column == bound)
    return sa.and_(leading, sa.or_(*alternatives))


def _bound(value: Any, kind: TypeEngine[Any]) -> ColumnElement[Any]:
    """A key of a keyset as a bound parameter, whose name alone may be given."""
    return sa.bindparam(value.key, type_=kind) if isinstance(value, sa.BindParameter) else sa.literal(value, kind)


def chunk_statement(
    tables: Searchable,
    query: Query,
    *,
    visible: Condition | None,
    after: Keyset | None = None,
    offset: int = 0,
    size: int | None,
) -> sa.Select[Any]:
    """The next `size` rows of the result (None: all), for reading it to the end without counting places.

    Columns: the keys of the order, the last of them those that identify a row. A row of one chunk is the `after` of
    the next; None begins. `offset` rows are skipped first.
    The query's limit is for the caller to observe, by `size`.
    """
    order = [(sa.type_coerce(column, _raw(column)), down) for column, down in _order(tables, query)]
    statement = sa.select(*(column for column, _ in order)).where(*_where(tables, query, visible))
    if after is not None:
        statement = statement.where(_after(order, after))
    return _sliced(_ordered(statement, order), (query.start if after is None else 0) + offset, size)
