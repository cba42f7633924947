"""Rows in memory: as they were loaded, as they are to be, and the items that the difference makes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.database import Database
from objapi.profiles.ispyb.tables import BLSession, LabContact, Laboratory, Person, Proposal, Protein
from objapi.store.row_requests import NewRow, RowItem, RowUpdate

CHUNK: Final = 2000
"""Values in one list of a query; databases bound the number of parameters."""

_LABELS: Final[Mapping[sa.Table, tuple[str, tuple[str, ...]]]] = {
    Person: ("person", ("login", "externalId", "familyName")),
    Laboratory: ("laboratory", ("name", "laboratoryExtPk")),
    Proposal: ("proposal", ("proposalNumber", "title")),
    LabContact: ("lab contact", ("cardName",)),
    BLSession: ("session", ("externalId", "expSessionPk", "startDate")),
    Protein: ("protein", ("acronym", "externalId")),
}


@dataclass(slots=True, eq=False)
class PortalRow:
    """A row that a payload speaks of. `key` is None for a new one; `stored` is what the database holds."""

    table: sa.Table
    key: int | None
    values: dict[str, Any]
    stored: dict[str, Any] = field(default_factory=dict)
    _new: NewRow | None = None

    @classmethod
    def loaded(cls, table: sa.Table, row: sa.RowMapping, key: str) -> "PortalRow":
        """The row as the database holds it, whose key is in the column `key`."""
        values = {name: value for name, value in row.items() if name != key}
        return cls(table, row[key], values, dict(values))

    @property
    def reference(self) -> int | NewRow:
        """Value of a column that refers to the row: the key, or the new row that will have one."""
        return self._to_insert() if self.key is None else self.key

    @property
    def label(self) -> str:
        """The row in the words of the payload: its kind, and the first value given that tells it from others."""
        kind, names = _LABELS[self.table]
        name = next((name for name in names if self.values.get(name) is not None), None)
        value = None if name is None else self.values[name]
        shown = int.from_bytes(value) if isinstance(value, bytes) else value
        return kind if name is None else f"{kind} ({name} {shown})"

    def item(self, database: Database) -> RowItem | None:
        """The new or changed row as it is to be written; None where the database holds everything."""
        if self.key is None:
            new = self._to_insert()
            new.values = database.storable(self.table, self.values)
            new.label = self.label
            return new
        changes = {name: value for name, value in self.values.items() if self.stored.get(name) != value}
        changes = database.storable(self.table, changes)
        if not changes:
            return None
        expected = {name: self.stored[name] for name in changes}
        return RowUpdate(self.table.name, (self.key,), changes, expected, self.label)

    def _to_insert(self) -> NewRow:
        if self._new is None:
            self._new = NewRow(self.table.name, {})
        return self._new


@dataclass(slots=True)
class Written:
    """Numbers of rows that were added and changed."""

    added: int = 0
    changed: int = 0


def items_of(database: Database, rows: Iterable[PortalRow]) -> Iterator[RowItem]:
    """The new and changed rows as they are to be written, in the order in which they were made."""
    for row in rows:
        item = row.item(database)
        if item is not None:
            yield item
