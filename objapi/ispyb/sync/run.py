"""One payload in one transaction: all of it is written, or nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from secrets import token_hex
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from objapi.ispyb.database import Database, connection_of
from objapi.ispyb.sync.people import People, distinct
from objapi.ispyb.sync.proposals import LabContacts, find_proposal, write_participants, write_proposal
from objapi.ispyb.sync.proteins import Proteins
from objapi.ispyb.sync.records import Written
from objapi.ispyb.sync.sessions import Sessions
from objapi.ispyb.values.errors import BadCall
from objapi.ispyb.wire.call import Values
from objapi.profiles.ispyb.tables import AdminVar
from objapi.store.transaction import Transaction

LOCK_NAME: Final = "sync lock"


@dataclass(frozen=True, slots=True)
class Synchronised:
    """What a payload came to: rows added and changed by kind, and proteins that were left out."""

    proposal: str
    written: dict[str, Written]
    left_out: int


class Undone(Exception):
    """Carries what a trial run came to out of its transaction, which is undone by it."""

    def __init__(self, result: Synchronised) -> None:
        super().__init__(result.proposal)
        self.result = result


def synchronise(database: Database, payload: Values, *, dry_run: bool = False) -> Synchronised:
    """Write a payload that fits its schema; with `dry_run` find out what that would come to.

    Raises BadCall when it cannot be written; nothing of it is, then. Payloads are written one after the other, so
    two that speak of the same newcomer or the same new proposal do not make twins.
    """
    if not database.run(lambda tx: _has_lock(connection_of(tx)), write=False):
        database.run(lambda tx: _make_lock(connection_of(tx)), write=True)

    def work(transaction: Transaction) -> Synchronised:
        connection = connection_of(transaction)
        _take_lock(connection)
        try:
            result = _write(connection, database, payload)
        except sa.exc.IntegrityError:
            raise BadCall("the payload names a row that does not exist, or one that is there already") from None
        except sa.exc.DataError:
            raise BadCall("the payload has a value that does not fit its column") from None
        if dry_run:
            raise Undone(result)
        return result

    try:
        return database.run(work, write=True)
    except Undone as undone:
        return undone.result


def _write(connection: Connection, database: Database, payload: Values) -> Synchronised:
    given = payload["proposal"]
    people = People(connection, database, _mentioned(payload))
    known = find_proposal(connection, given)
    proposal_id = None if known is None else known.key
    participants = [people.handle(person) for person in distinct(given["persons"])]
    cards = LabContacts(connection, database, proposal_id)
    for entry in given["labcontacts"] or ():
        cards.handle(entry, people)
    sessions = Sessions(connection, database, proposal_id)
    for entry in payload["sessions"] or ():
        sessions.handle_people(sessions.handle(entry), entry["persons"] or (), people)
    proteins = Proteins(connection, database, proposal_id)
    for entry in payload["proteins"] or ():
        proteins.handle(entry, people)

    persons, laboratories = people.write()
    proposal, written = write_proposal(connection, database, known, given, participants[0])
    return Synchronised(
        f"{given['proposalCode']}-{given['proposalNumber']}",
        {
            "people": persons,
            "laboratories": laboratories,
            "proposals": written,
            "participants": write_participants(connection, proposal, participants),
            "lab contacts": cards.write(proposal.number),
            "sessions": sessions.write(proposal.number),
            "session participants": sessions.write_people(),
            "proteins": proteins.write(proposal.number),
        },
        proteins.left_out,
    )


def _mentioned(payload: Values) -> Iterator[Values]:
    """Everybody whom the payload names, wherever."""
    yield from payload["proposal"]["persons"]
    yield from (entry["person"] for entry in payload["proposal"]["labcontacts"] or ())
    for entry in payload["sessions"] or ():
        yield from entry["persons"] or ()
    yield from (entry["person"] for entry in payload["proteins"] or ())


def _has_lock(connection: Connection) -> bool:
    lock = sa.select(AdminVar.c.varId).where(AdminVar.c.name == LOCK_NAME)
    return connection.execute(lock.limit(1)).first() is not None


def _make_lock(connection: Connection) -> None:
    """See to it that there is a row to lock; an existing database has no other place for it.

    Options under unknown names are passed over by everybody. Should two processes make one at the same time there
    are two rows, and whoever takes the lock takes both.
    """
    if not _has_lock(connection):
        connection.execute(sa.insert(AdminVar).values(name=LOCK_NAME, value=token_hex(8)))


def _take_lock(connection: Connection) -> None:
    """Wait for other payloads. The row is changed, not just locked: that is what a database cluster goes by."""
    connection.execute(sa.update(AdminVar).where(AdminVar.c.name == LOCK_NAME).values(value=token_hex(8)))
