"""Rows to be written with a route's authority: what a face hands to `Transaction.write_rows`, and what it gets back.

A face that serves another system's documents declares for each of its routes who may call it and which tables it
writes. That declaration is a `WriteAuthority`; it stands in place of the write permissions, vocabularies and required
fields of the types, since the documents say what a caller may write. It comes with the transaction, from the declared
route, so that nothing can be written by it from anywhere else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class WriteAuthority:
    """Tables of one database that a declared route writes."""

    name: str
    """The name of the declaration, for messages."""
    database: str
    tables: frozenset[str]
    """Tables of which only those rows are written that the row rule of their type lets the caller see."""
    linked: frozenset[str] = frozenset()
    """Tables of which any row is written that a caller's own row leads to, or that the route's access opens."""
    told_apart: frozenset[str] = frozenset()
    """Tables whose rows the route tells apart by a rule of its own, in place of the natural keys of their types."""

    def covers(self, table: str) -> bool:
        """True if the route may write rows of a table."""
        return table in self.tables or table in self.linked


@dataclass(slots=True, eq=False)
class NewRow:
    """A row to be inserted. `values` are by column, as the table takes them; another new row stands for its key."""

    table: str
    values: Mapping[str, Any]
    key: int | None = None
    """The key once the row is written, the two columns of a composite one packed."""
    label: str | None = None
    """Words by which the caller knows the row, for errors."""

    @property
    def number(self) -> int:
        """The key of a row that has been written."""
        if self.key is None:
            raise ValueError("the row has not been written yet")
        return self.key


@dataclass(frozen=True, slots=True, eq=False)
class RowUpdate:
    """A row in which columns are to change. `key` are the values of its key columns, in their order."""

    table: str
    key: tuple[int, ...]
    values: Mapping[str, Any]
    """Column → value; a new row stands for its key."""
    expected: Mapping[str, Any] = field(default_factory=dict)
    """Column → the value that the caller has read: where the row holds another the request is run again."""
    label: str | None = None
    """Words by which the caller knows the row, for errors."""


@dataclass(frozen=True, slots=True, eq=False)
class RowRemoval:
    """A row to be deleted. `key` are the values of its key columns, in their order."""

    table: str
    key: tuple[int, ...]


RowItem: TypeAlias = NewRow | RowUpdate | RowRemoval


@dataclass(frozen=True, slots=True)
class RowsOutcome:
    """Numbers of rows added, changed and removed by table, or of those that would be (a dry run)."""

    added: Mapping[str, int]
    changed: Mapping[str, int]
    removed: Mapping[str, int]
