"""The proposal of a payload, its participants and its lab contacts."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from objapi.ispyb.database import Database
from objapi.ispyb.subjects.proposals.schemas import ProposalState
from objapi.ispyb.sync.people import People
from objapi.ispyb.sync.records import PortalRow, items_of
from objapi.ispyb.values.conversions import stored_id
from objapi.ispyb.values.errors import BadCall
from objapi.ispyb.values.schema import Values
from objapi.profiles.ispyb.tables import LabContact, Proposal, ProposalHasPerson
from objapi.store.row_requests import NewRow, RowItem

_GIVEN: Final = ("proposalCode", "proposalNumber", "title", "proposalType")
_CARD: Final = ("defaultCourrierCompany", "courierAccount", "billingReference")
_VALUES: Final = ("dewarAvgCustomsValue", "dewarAvgTransportValue")
_STATES: Final = tuple(ProposalState.schema["enum"])


def find_proposal(connection: Connection, given: Values) -> PortalRow | None:
    """The first proposal with the portal's key, or with code and number."""
    table = Proposal.c
    selected = sa.select(table.proposalId, table.title)
    by_name = selected.where(
        table.proposalCode == given["proposalCode"], table.proposalNumber == given["proposalNumber"]
    )
    external_id = stored_id(given["externalId"])
    statements = [by_name] if external_id is None else [by_name, selected.where(table.externalId == external_id)]
    rows = connection.execute(sa.union_all(*statements)).mappings().all()
    return PortalRow.loaded(Proposal, min(rows, key=lambda row: row["proposalId"]), "proposalId") if rows else None


def proposal_row(database: Database, known: PortalRow | None, given: Values, principal: PortalRow) -> PortalRow:
    """The proposal as it is to be: of a known one only the title changes; a new one belongs to the first person.

    Raises BadCall for an unknown state.
    """
    if known is not None:
        known.values["title"] = given["title"]
        return known
    state = given["state"] or "Open"
    if state not in _STATES:
        raise BadCall(f"state {state!r} is none of {', '.join(_STATES)}")
    values: dict[str, Any] = {name: given[name] for name in _GIVEN}
    values |= {
        "externalId": stored_id(given["externalId"]),
        "state": state,
        "personId": principal.reference,
        "bltimeStamp": database.now(),
    }
    return PortalRow(Proposal, None, values)


def new_participants(connection: Connection, proposal: PortalRow, people: Sequence[PortalRow]) -> Iterator[NewRow]:
    """Rows for the participants whom the proposal does not have yet."""
    table = ProposalHasPerson
    known = set[int]()
    if proposal.key is not None:
        known.update(connection.scalars(sa.select(table.c.personId).where(table.c.proposalId == proposal.key)))
    for person in dict.fromkeys(people):
        if person.key not in known:
            yield NewRow(table.name, {"proposalId": proposal.reference, "personId": person.reference})


class LabContacts:
    """The cards of one proposal; None for a proposal that is new and has none."""

    def __init__(self, connection: Connection, database: Database, proposal_id: int | None) -> None:
        self._connection = connection
        self._database = database
        self._by_name: dict[str, PortalRow] = {}
        self._owners: dict[PortalRow, PortalRow] = {}
        if proposal_id is not None:
            names = ("labContactId", "personId", "cardName", *_CARD, *_VALUES)
            statement = sa.select(*(LabContact.c[name] for name in names))
            rows = connection.execute(statement.where(LabContact.c.proposalId == proposal_id)).mappings()
            for row in rows:
                # The database knows names of cards without regard to case.
                self._by_name[row["cardName"].casefold()] = PortalRow.loaded(LabContact, row, "labContactId")

    def handle(self, given: Values, people: People) -> None:
        """The card of an entry: a known one takes the entry's values and keeps its person, who is left as he is."""
        values = {name: given[name] for name in _CARD} | {name: given[name] or 0 for name in _VALUES}
        known = self._by_name.get(given["cardName"].casefold())
        if known is not None:
            known.values.update(values)
            return
        owner = people.handle(given["person"])
        card = PortalRow(
            LabContact, None, {"cardName": given["cardName"], **values, "recordTimeStamp": self._database.now()}
        )
        self._owners[card] = owner
        self._by_name[given["cardName"].casefold()] = card

    def items(self, proposal: PortalRow) -> Iterator[RowItem]:
        """The cards that are new or have changed; raises BadCall when a person would have two."""
        taken: set[int | NewRow] = {card.values["personId"] for card in self._by_name.values() if card.key is not None}
        for card, owner in self._owners.items():
            if owner.reference in taken:
                raise BadCall(f"the person of lab contact {card.values['cardName']!r} has another one in this proposal")
            taken.add(owner.reference)
            card.values |= {"personId": owner.reference, "proposalId": proposal.reference}
        return items_of(self._database, self._by_name.values())
