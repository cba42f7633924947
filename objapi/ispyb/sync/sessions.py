"""Sessions of a payload and who takes part in them."""

from collections.abc import Iterator, Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from objapi.ispyb.database import Database
from objapi.ispyb.sync.people import People, distinct
from objapi.ispyb.sync.records import PortalRow, items_of
from objapi.ispyb.sync.schemas import UPSession
from objapi.ispyb.values.conversions import stored_id
from objapi.ispyb.values.errors import BadCall
from objapi.ispyb.values.schema import Values
from objapi.profiles.ispyb.tables import BLSession, Session_has_Person
from objapi.store.row_requests import NewRow, RowItem, RowUpdate

_GIVEN: Final = tuple(name for name in UPSession.properties if name not in ("persons", "externalId"))


class Sessions:
    """The sessions of one proposal; None for a proposal that is new and has none."""

    def __init__(self, connection: Connection, database: Database, proposal_id: int | None) -> None:
        self._connection = connection
        self._database = database
        self._proposal_id = proposal_id
        self._records: list[PortalRow] = []
        self._visits: dict[tuple[PortalRow, PortalRow], Values] = {}
        if proposal_id is not None:
            selected = [BLSession.c[name] for name in ("sessionId", "externalId", *_GIVEN)]
            statement = sa.select(*selected).where(BLSession.c.proposalId == proposal_id)
            for row in connection.execute(statement.order_by(BLSession.c.sessionId)).mappings():
                self._records.append(PortalRow.loaded(BLSession, row, "sessionId"))

    def handle(self, given: Values) -> PortalRow:
        """The session of an entry, by the portal's key when it has one, else by its number there.

        What the entry does not give becomes null, but for the time of the last update and the visit number.
        Raises BadCall for an entry without the portal's key where the database does not keep the number.
        """
        external_id = stored_id(given["externalId"])
        if external_id is None and not self._database.has(BLSession.c.expSessionPk):
            # Nothing else tells the sessions of a proposal apart: each payload would add all of them again.
            raise BadCall("a session has no externalId, and this database has no column BLSession.expSessionPk")
        key = "expSessionPk" if external_id is None else "externalId"
        values = {name: given[name] for name in _GIVEN} | {"externalId": external_id}
        session = next((record for record in self._records if record.values[key] == values[key]), None)
        if session is None:
            now = self._database.now()
            values["lastUpdate"] = values["lastUpdate"] or now
            values["visit_number"] = values["visit_number"] or 0
            session = PortalRow(BLSession, None, {**values, "bltimeStamp": now})
            self._records.append(session)
            return session
        unset = [name for name in ("lastUpdate", "visit_number") if values[name] is None]
        session.values.update({name: value for name, value in values.items() if name not in unset})
        return session

    def handle_people(self, session: PortalRow, given: Sequence[Values], people: People) -> None:
        """The people of a session, each with a role and whether they take part from afar."""
        for entry in distinct(given):
            options = entry["session_options"] or {}
            link = {"role": options.get("role"), "remote": options.get("remote") or 0}
            self._visits[session, people.handle(entry)] = link

    def items(self, proposal: PortalRow) -> Iterator[RowItem]:
        """The sessions that are new or have changed."""
        for session in self._records:
            if session.key is None:
                session.values["proposalId"] = proposal.reference
        return items_of(self._database, self._records)

    def people_items(self) -> Iterator[RowItem]:
        """Participants of sessions, where they are new or have changed."""
        table, storable = Session_has_Person, self._database.storable
        known: dict[tuple[int | None, int | None], Values] = {}
        if self._visits and self._proposal_id is not None:
            of_proposal = sa.select(table).join(BLSession, BLSession.c.sessionId == table.c.sessionId)
            rows = self._connection.execute(of_proposal.where(BLSession.c.proposalId == self._proposal_id)).mappings()
            known.update({(row["sessionId"], row["personId"]): row for row in rows})
        for (session, person), link in self._visits.items():
            stored = known.get((session.key, person.key))
            if stored is None:
                keys = {"sessionId": session.reference, "personId": person.reference}
                yield NewRow(table.name, storable(table, {**keys, **link}))
            elif session.key is not None and person.key is not None:
                changes = storable(table, {name: value for name, value in link.items() if stored[name] != value})
                if changes:
                    expected = {name: stored[name] for name in changes}
                    yield RowUpdate(table.name, (session.key, person.key), changes, expected)
