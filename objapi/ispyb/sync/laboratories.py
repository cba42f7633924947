"""Laboratories of the people in a payload: matched, updated in place, or added."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from objapi.ispyb.database import Database
from objapi.ispyb.sync.records import CHUNK, PortalRow, items_of
from objapi.ispyb.values.schema import Values
from objapi.profiles.ispyb.tables import Laboratory
from objapi.store.records import chunks
from objapi.store.row_requests import RowItem

_PLACE: Final = ("name", "city", "country")
_UPDATED: Final = ("name", "address", "city", "country")
_GIVEN: Final = (*_UPDATED, "url", "laboratoryExtPk")

FilePlace = tuple[Any, ...]


class Laboratories:
    """The laboratories that a payload may meet, in the order of their keys, new ones last."""

    def __init__(
        self, connection: Connection, database: Database, linked: Iterable[int], given: Iterable[Values]
    ) -> None:
        self._connection = connection
        self._database = database
        self._by_key: dict[int, PortalRow] = {}
        self._by_number: defaultdict[int, list[PortalRow]] = defaultdict(list)
        self._by_place: defaultdict[FilePlace, list[PortalRow]] = defaultdict(list)
        self._records: list[PortalRow] = []
        self._load(set(linked), list(given))

    def linked(self, key: int | None) -> PortalRow | None:
        """The laboratory with a key that a person is linked to."""
        return None if key is None else self._by_key.get(key)

    def of_newcomer(self, given: Values | None) -> PortalRow | None:
        """The laboratory of a new person: the first with the portal's number or at the place, updated; or a new one."""
        if given is None:
            return None
        found = self._first(self._number(given), _place(given))
        if found is None:
            return self._add(given)
        self._update(found, given)
        return found

    def of_known(self, linked: PortalRow | None, given: Values | None) -> PortalRow | None:
        """The laboratory of a known person who is linked to one or to none.

        The same one, updated, when the portal's number is the same; else the first with that number (without a number:
        at that place), as it is; else a new one.
        """
        if given is None:
            return linked
        number = self._number(given)
        if linked is not None and linked.values["laboratoryExtPk"] == number:
            self._update(linked, given)
            return linked
        found = self._first(number, _place(given) if number is None else None)
        return self._add(given) if found is None else found

    def _number(self, given: Values) -> int | None:
        """The portal's number of a laboratory; None where the database does not keep it: the place tells then."""
        number: int | None = given["laboratoryExtPk"] if self._database.has(Laboratory.c.laboratoryExtPk) else None
        return number

    def items(self) -> Iterator[RowItem]:
        """The laboratories that are new or have changed."""
        return items_of(self._database, self._records)

    def _first(self, number: int | None, place: FilePlace | None) -> PortalRow | None:
        found = [] if number is None else self._by_number[number][:1]
        if place is not None:
            found = found + self._by_place[place][:1]
        return min(found, key=self._records.index) if len(found) > 1 else next(iter(found), None)

    def _add(self, given: Values) -> PortalRow:
        values = {name: given[name] for name in _GIVEN}
        record = PortalRow(Laboratory, None, {**values, "recordTimeStamp": self._database.now()})
        self._keep(record)
        return record

    def _update(self, record: PortalRow, given: Values) -> None:
        before = _place(record.values)
        record.values.update({name: given[name] for name in _UPDATED})
        after = _place(record.values)
        if after != before:
            self._by_place[before].remove(record)
            at_place = self._by_place[after]
            at_place.append(record)
            at_place.sort(key=self._records.index)

    def _keep(self, record: PortalRow) -> None:
        self._records.append(record)
        self._by_place[_place(record.values)].append(record)
        if record.values["laboratoryExtPk"] is not None:
            self._by_number[record.values["laboratoryExtPk"]].append(record)
        if record.key is not None:
            self._by_key[record.key] = record

    def _load(self, linked: set[int], given: list[Values]) -> None:
        table = Laboratory.c
        wanted: tuple[tuple[sa.Column[Any], set[Any]], ...] = (
            (table.laboratoryId, linked),
            (table.laboratoryExtPk, {entry["laboratoryExtPk"] for entry in given} - {None}),
            (table.name, {entry["name"] for entry in given}),
        )
        selected = [table.laboratoryId, *(table[name] for name in _GIVEN)]
        statements = [
            sa.select(*selected).where(column.in_(chunk))
            for column, values in wanted
            for chunk in chunks(values, CHUNK)
        ]
        if not statements:
            return
        rows = self._connection.execute(sa.union(*statements)).mappings()
        for row in sorted(rows, key=lambda row: row["laboratoryId"]):
            self._keep(PortalRow.loaded(Laboratory, row, "laboratoryId"))


def _place(values: Mapping[str, Any]) -> FilePlace:
    return tuple(values[name] for name in _PLACE)
