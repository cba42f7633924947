"""One payload in one transaction: all of it is written, or nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from secrets import token_hex
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from objapi.errors import ValidationError
from objapi.ispyb.database import Database, connection_of, writing
from objapi.ispyb.sync.people import People, distinct
from objapi.ispyb.sync.proposals import LabContacts, find_proposal, new_participants, proposal_row
from objapi.ispyb.sync.proteins import Proteins
from objapi.ispyb.sync.records import Written, items_of
from objapi.ispyb.sync.sessions import Sessions
from objapi.ispyb.values.errors import BadCall, Refusal
from objapi.ispyb.values.schema import Values
from objapi.model.principal import Principal
from objapi.profiles.ispyb.tables import (
    AdminVar,
    BLSession,
    LabContact,
    Laboratory,
    Person,
    Proposal,
    ProposalHasPerson,
    Protein,
    Session_has_Person,
)
from objapi.store.requests import COMMAND_LINE, RequestSource
from objapi.store.row_requests import RowItem
from objapi.store.transaction import Transaction

LOCK_NAME: Final = "sync lock"

_KINDS: Final = {
    "people": Person,
    "laboratories": Laboratory,
    "proposals": Proposal,
    "participants": ProposalHasPerson,
    "lab contacts": LabContact,
    "sessions": BLSession,
    "session participants": Session_has_Person,
    "proteins": Protein,
}
# Persons by the case of their log-ins, proteins by their keys in the portal: that is how portals have sent them.
WRITES: Final = writing("synchronisation", linked=tuple(_KINDS.values()), told_apart=(Person, Protein))

_NO_SUCH_ROW: Final = "the payload names a row that does not exist, or adds one that exists"
_UNFIT: Final = "the payload has a value that does not fit its column"
_MOST_PLACES: Final = 20


@dataclass(frozen=True, slots=True)
class Synchronised:
    """Outcome of a payload: rows added and changed by kind, and proteins that were left out."""

    proposal: str
    written: dict[str, Written]
    left_out: int


def synchronise(
    database: Database,
    payload: Values,
    *,
    dry_run: bool = False,
    user: Principal | None = None,
    source: RequestSource = COMMAND_LINE,
) -> Synchronised:
    """Write a payload that fits its schema; with `dry_run` find out what that would come to.

    `user` stands in the history; None: the command line. Raises Refusal when it cannot be written; nothing of it is,
    then. Payloads are written one after the other, so two that speak of the same newcomer or the same new proposal do
    not make twins.
    """

    def work(transaction: Transaction) -> Synchronised:
        if not dry_run:
            _take_lock(connection_of(transaction))
        try:
            return _write(transaction, database, payload, dry_run=dry_run)
        except sa.exc.IntegrityError:
            raise BadCall(_NO_SUCH_ROW) from None
        except ValidationError as error:
            raise _refusal(error) from None
        except sa.exc.DataError:
            raise BadCall(_UNFIT) from None

    run = database.run_as_administrator if user is None else partial(database.run, user=user, source=source)
    if not dry_run and not run(lambda tx: _has_lock(connection_of(tx)), write=False):
        run(lambda tx: _make_lock(connection_of(tx)), write=True)
    try:
        return run(work, write=not dry_run, authority=WRITES)
    except BadCall as refusal:
        if refusal.detail == _NO_SUCH_ROW and not dry_run:
            # The database does not say which row it refused; a dry run asks for each.
            synchronise(database, payload, dry_run=True, user=user, source=source)
        raise


def _refusal(error: ValidationError) -> Refusal:
    """The refusal of values or references, each with its row and field in the words of the payload."""
    places = [cause.message if cause.object is None else f"{cause.object}, {cause.message}" for cause in error.causes]
    shown = "; ".join(places[:_MOST_PLACES]) + (
        f"; and {rest} more" if (rest := len(places) - _MOST_PLACES) > 0 else ""
    )
    if any(cause.code == "unresolved" for cause in error.causes):
        return BadCall(f"{_NO_SUCH_ROW}: {shown}")
    return Refusal(422, f"{_UNFIT}: {shown}")


def _write(transaction: Transaction, database: Database, payload: Values, *, dry_run: bool) -> Synchronised:
    connection, given = connection_of(transaction), payload["proposal"]
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

    proposal = proposal_row(database, known, given, participants[0])
    items: list[RowItem] = [
        *people.items(),
        *items_of(database, [proposal]),
        *new_participants(connection, proposal, participants),
        *cards.items(proposal),
        *sessions.items(proposal),
        *sessions.people_items(),
        *proteins.items(proposal),
    ]
    outcome = transaction.write_rows(items, dry_run=dry_run)
    written = {
        kind: Written(outcome.added.get(table.name, 0), outcome.changed.get(table.name, 0))
        for kind, table in _KINDS.items()
    }
    return Synchronised(f"{given['proposalCode']}-{given['proposalNumber']}", written, proteins.left_out)


def _mentioned(payload: Values) -> Iterator[Values]:
    """All people whom the payload names, wherever."""
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

    Readers of options ignore unknown names. Should two processes make one at the same time there
    are two rows, and whoever takes the lock takes both.
    """
    if not _has_lock(connection):
        connection.execute(sa.insert(AdminVar).values(name=LOCK_NAME, value=token_hex(8)))


def _take_lock(connection: Connection) -> None:
    """Wait for other payloads. The row is changed, not just locked: that is what a database cluster goes by."""
    connection.execute(sa.update(AdminVar).where(AdminVar.c.name == LOCK_NAME).values(value=token_hex(8)))
