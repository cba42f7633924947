"""Proposals for old clients: a list of the caller's own, or of all, and one by its id or its name."""

from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.subjects.legacy.access import readable_proposal
from objapi.ispyb.values.conversions import known_time
from objapi.ispyb.wire.call import Call
from objapi.ispyb.wire.routes import BEARER, Door, Group, RouteAccess, holder
from objapi.profiles.ispyb.tables import BLSession, Proposal, Session_has_Person

header_group: Final = Group("Proposals - legacy with header token", switch="enable_legacy_routes")
path_group: Final = Group("Legacy with token in path", switch="enable_legacy_routes")

_PERMISSIONS: Final = ("own_proposals", "all_proposals")
_LISTED: Final = ("proposalId", "proposalType", "personId", "title", "proposalCode", "proposalNumber")

_EXACT_BITS: Final = 53
"""Integers of more bits lose digits in the clients' floating point numbers; they are given as text."""


@header_group.get("/legacy/proposals", access=holder(*_PERMISSIONS))
@path_group.get("/legacy/{token}/proposal/list", access=holder(*_PERMISSIONS, door=Door.PATH))
def list_proposals(call: Call) -> list[sa.RowMapping]:
    """Proposals of the caller."""
    columns = (Proposal.c[name].label(f"Proposal_{name}") for name in _LISTED)
    statement = sa.select(*columns).order_by(Proposal.c.proposalId)
    if call.caller.may("all_proposals"):
        return call.rows(statement)
    person = call.caller.person_id
    visited = (
        sa.select(BLSession.c.proposalId)
        .join(Session_has_Person, Session_has_Person.c.sessionId == BLSession.c.sessionId)
        .where(Session_has_Person.c.personId == person)
    )
    return call.rows(statement.where((Proposal.c.personId == person) | Proposal.c.proposalId.in_(visited)))


@header_group.get("/legacy/proposals/{proposal_id}", access=BEARER)
@path_group.get("/legacy/{token}/proposal/{proposal_id}/info/get", access=RouteAccess(Door.PATH))
def read_proposal(call: Call) -> dict[str, Any]:
    """One proposal."""
    key = readable_proposal(call, call.path["proposal_id"])
    row = None if key is None else call.first(sa.select(Proposal).where(Proposal.c.proposalId == key))
    return {"proposal": None if row is None else _answer(row)}


def _answer(row: sa.RowMapping) -> dict[str, Any]:
    stamp, external = known_time(row["bltimeStamp"]), row["externalId"]
    return {**row, "bltimeStamp": stamp, "externalId": None if external is None else _number(external)}


def _number(stored: bytes) -> int | str:
    number = int.from_bytes(stored, "big")
    return number if number.bit_length() <= _EXACT_BITS else str(number)
