"""Sessions of a payload and who takes part in them."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from objapi.ispyb.database import Database
from objapi.ispyb.sync.people import People, distinct
from objapi.ispyb.sync.records import Record, Written, chunks, write_records
from objapi.ispyb.sync.schemas import UPSession
from objapi.ispyb.values.conversions import stored_id
from objapi.ispyb.wire.call import Values
from objapi.profiles.ispyb.tables import BLSession, Session_has_Person

_GIVEN: Final = tuple(name for name in UPSession.properties if name not in ("persons", "externalId"))


class Sessions:
    """The sessions of one proposal; None for a proposal that is new and has none."""

    def __init__(self, connection: Connection, database: Database, proposal_id: int | None) -> None:
        self._connection = connection
        self._database = database
        self._records: list[Record] = []
        self._visits: dict[tuple[Record, Record], Values] = {}
        if proposal_id is not None:
            selected = [BLSession.c[name] for name in ("sessionId", "externalId", *_GIVEN)]
            statement = sa.select(*selected).where(BLSession.c.proposalId == proposal_id)
            for row in connection.execute(statement.order_by(BLSession.c.sessionId)).mappings():
                self._records.append(Record.loaded(row, "sessionId"))

    def handle(self, given: Values) -> Record:
        """The session of an entry, by the portal's key when it has one, else by its number there.

        What the entry does not give becomes null, but for the time of the last update and the visit number.
        """
        external_id = stored_id(given["externalId"])
        key = "expSessionPk" if external_id is None else "externalId"
        values = {name: given[name] for name in _GIVEN} | {"externalId": external_id}
        session = next((record for record in self._records if record.values[key] == values[key]), None)
        if session is None:
            now = self._database.now()
            values["lastUpdate"] = values["lastUpdate"] or now
            values["visit_number"] = values["visit_number"] or 0
            session = Record(None, {**values, "bltimeStamp": now})
            self._records.append(session)
            return session
        kept = [name for name in ("lastUpdate", "visit_number") if values[name] is None]
        session.values.update({name: value for name, value in values.items() if name not in kept})
        return session

    def handle_people(self, session: Record, given: Sequence[Values], people: People) -> None:
        """The people of a session, each with a role and whether they take part from afar."""
        for entry in distinct(given):
            options = entry["session_options"] or {}
            link = {"role": options.get("role"), "remote": options.get("remote") or 0}
            self._visits[session, people.handle(entry)] = link

    def write(self, proposal_id: int) -> Written:
        """Write the sessions that are new or have changed."""
        for session in self._records:
            if session.key is None:
                session.values["proposalId"] = proposal_id
        return write_records(self._connection, self._database, BLSession, self._records)

    def write_people(self) -> Written:
        """Write who takes part, once sessions and people are written."""
        table = Session_has_Person
        known: dict[tuple[int, int], Values] = {}
        for chunk in chunks({session.number for session, _ in self._visits}):
            rows = self._connection.execute(sa.select(table).where(table.c.sessionId.in_(chunk))).mappings()
            known |= {(row["sessionId"], row["personId"]): row for row in rows}
        wanted = {(session.number, person.number): link for (session, person), link in self._visits.items()}
        new = [{"sessionId": key[0], "personId": key[1], **link} for key, link in wanted.items() if key not in known]
        changed = [
            {"session": key[0], "person": key[1], "new_role": link["role"], "new_remote": link["remote"]}
            for key, link in wanted.items()
            if key in known and (known[key]["role"], known[key]["remote"]) != (link["role"], link["remote"])
        ]
        if new:
            self._connection.execute(sa.insert(table), new)
        if changed:
            same = (table.c.sessionId == sa.bindparam("session"), table.c.personId == sa.bindparam("person"))
            changes = sa.update(table).values(role=sa.bindparam("new_role"), remote=sa.bindparam("new_remote"))
            self._connection.execute(changes.where(*same), changed)
        return Written(len(new), len(changed))
