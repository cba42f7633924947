"""People of a payload: matched by the portal's key or by login, updated or added.

One person usually stands several times in a payload; each time is applied in turn, so the last one wins.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from objapi.ispyb.database import Database
from objapi.ispyb.sync.laboratories import Laboratories
from objapi.ispyb.sync.records import CHUNK, PortalRow, items_of
from objapi.ispyb.values.conversions import stored_id
from objapi.ispyb.values.schema import Values
from objapi.profiles.ispyb.tables import Person
from objapi.store.records import chunks
from objapi.store.row_requests import RowItem

_UPDATED: Final = ("givenName", "familyName", "emailAddress", "phoneNumber")
# Passwords that a portal sends are nobody's business here, so they are not among them.
_GIVEN: Final = ("siteId", "personUUID", "title", "login", "faxNumber", "cache", *_UPDATED)


def distinct(people: Iterable[Values]) -> list[Values]:
    """A list without repetitions: each person at the first place, with the values of the last one.

    The same login makes the same person, and without a login the same key of the portal.
    """
    found: dict[tuple[str, Any], Values] = {}
    for person in people:
        key = ("externalId", person["externalId"]) if person["login"] is None else ("login", person["login"])
        found[key] = person
    return list(found.values())


class People:
    """The people whom a payload may meet, and their laboratories."""

    def __init__(self, connection: Connection, database: Database, mentioned: Iterable[Values]) -> None:
        self._connection = connection
        self._database = database
        self._records: list[PortalRow] = []
        self._by_login: defaultdict[str, list[int]] = defaultdict(list)
        self._by_id: defaultdict[bytes, list[int]] = defaultdict(list)
        self._laboratory: dict[PortalRow, PortalRow | None] = {}
        listed = list(mentioned)
        self._load(listed)
        linked = {record.values["laboratoryId"] for record in self._records} - {None}
        given = [person["laboratory"] for person in listed if person["laboratory"] is not None]
        self._laboratories = Laboratories(connection, database, linked, given)

    def find(self, login: str | None, external_id: bytes | None) -> PortalRow | None:
        """The first person with the portal's key or with the login; cases count."""
        places = [] if login is None else self._by_login[login][:1]
        if external_id is not None:
            places = places + self._by_id[external_id][:1]
        return self._records[min(places)] if places else None

    def handle(self, given: Values) -> PortalRow:
        """The person of an entry, with what the entry says of them."""
        external_id = stored_id(given["externalId"])
        known = self.find(given["login"], external_id)
        if known is None:
            return self._add(given, external_id)
        known.values.update({name: given[name] for name in _UPDATED})
        if given["laboratory"] is not None:
            linked = self._linked(known)
            self._laboratory[known] = self._laboratories.of_known(linked, given["laboratory"])
        return known

    def items(self) -> Iterator[RowItem]:
        """The people and laboratories that are new or have changed."""
        yield from self._laboratories.items()
        for person, laboratory in self._laboratory.items():
            person.values["laboratoryId"] = None if laboratory is None else laboratory.reference
        yield from items_of(self._database, self._records)

    def _linked(self, person: PortalRow) -> PortalRow | None:
        if person in self._laboratory:
            return self._laboratory[person]
        return self._laboratories.linked(person.values["laboratoryId"])

    def _add(self, given: Values, external_id: bytes | None) -> PortalRow:
        values = {name: given[name] for name in _GIVEN}
        values |= {"externalId": external_id, "laboratoryId": None, "recordTimeStamp": self._database.now()}
        person = PortalRow(Person, None, values)
        self._laboratory[person] = self._laboratories.of_newcomer(given["laboratory"])
        self._keep(person)
        return person

    def _keep(self, person: PortalRow) -> None:
        place = len(self._records)
        self._records.append(person)
        if person.values["login"] is not None:
            self._by_login[person.values["login"]].append(place)
        if person.values["externalId"] is not None:
            self._by_id[person.values["externalId"]].append(place)

    def _load(self, mentioned: list[Values]) -> None:
        table = Person.c
        wanted: tuple[tuple[sa.Column[Any], set[Any]], ...] = (
            (table.login, {person["login"] for person in mentioned} - {None}),
            (table.externalId, {stored_id(person["externalId"]) for person in mentioned} - {None}),
        )
        selected = [table[name] for name in ("personId", "login", "externalId", "laboratoryId", *_UPDATED)]
        rows: dict[int, sa.RowMapping] = {}
        # One query a key, so that each goes by its index: taken together they would pass over the table.
        statements = [
            sa.select(*selected).where(column.in_(chunk))
            for column, values in wanted
            for chunk in chunks(values, CHUNK)
        ]
        if statements:
            found = self._connection.execute(sa.union_all(*statements)).mappings()
            rows = {row["personId"]: row for row in found}
        for key in sorted(rows):
            self._keep(PortalRow.loaded(Person, rows[key], "personId"))
