"""Proteins of a payload."""

from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from objapi.ispyb.database import Database
from objapi.ispyb.subjects.shipping.schemas import SafetyLevelEnum
from objapi.ispyb.sync.people import People
from objapi.ispyb.sync.records import PortalRow, items_of
from objapi.ispyb.sync.schemas import UPProtein
from objapi.ispyb.values.conversions import stored_id
from objapi.ispyb.values.errors import BadCall
from objapi.ispyb.values.schema import Values
from objapi.profiles.ispyb.tables import Protein
from objapi.store.row_requests import RowItem

_GIVEN: Final = tuple(name for name in UPProtein.properties if name not in ("person", "externalId"))
_LEVELS: Final = tuple(SafetyLevelEnum.schema["enum"])


class Proteins:
    """The proteins of one proposal; None for a proposal that is new and has none."""

    def __init__(self, connection: Connection, database: Database, proposal_id: int | None) -> None:
        self._connection = connection
        self._database = database
        self._records: list[PortalRow] = []
        self._persons: dict[PortalRow, PortalRow] = {}
        self.left_out = 0
        """Number of entries that name a person whom nobody knows; they are left out."""
        if proposal_id is not None:
            selected = [Protein.c[name] for name in ("proteinId", "externalId", *_GIVEN)]
            statement = sa.select(*selected).where(Protein.c.proposalId == proposal_id)
            rows = connection.execute(statement.order_by(Protein.c.proteinId)).mappings()
            self._records = [PortalRow.loaded(Protein, row, "proteinId") for row in rows]

    def handle(self, given: Values, people: People) -> None:
        """The proteins of an entry: all with the portal's key when it has one, else all with the acronym.

        What the entry does not give becomes null. A new protein needs a person who is known by now.
        Raises BadCall for an unknown safety level.
        """
        if given["safetyLevel"] is not None and given["safetyLevel"] not in _LEVELS:
            raise BadCall(f"safetyLevel of protein {given['acronym']!r} is none of {', '.join(_LEVELS)}")
        values = {name: given[name] for name in _GIVEN} | {"externalId": stored_id(given["externalId"])}
        key = "acronym" if values["externalId"] is None else "externalId"
        found = [record for record in self._records if record.values[key] == values[key]]
        for protein in found:
            protein.values.update(values)
        if not found:
            self._add(values, given["person"], people)

    def items(self, proposal: PortalRow) -> Iterator[RowItem]:
        """The proteins that are new or have changed."""
        for protein, person in self._persons.items():
            protein.values |= {"proposalId": proposal.reference, "personId": person.reference}
        return items_of(self._database, self._records)

    def _add(self, values: dict[str, Any], given: Values, people: People) -> None:
        login = given["login"]
        person = people.find(login, stored_id(given["externalId"]) if login is None else None)
        if person is None:
            self.left_out += 1
            return
        protein = PortalRow(Protein, None, {**values, "bltimeStamp": self._database.now()})
        self._persons[protein] = person
        self._records.append(protein)
