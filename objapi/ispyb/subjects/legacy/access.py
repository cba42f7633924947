"""Access through the legacy routes, which name a proposal or a session in the path.

They have a rule of their own, as py-ISPyB has: it asks for a permission and knows the principal of a proposal; the row
rules by which lists leave rows out know neither. A reference is an id, or a name in any letter case. The answer
to those who may not read it says so (403), with who asked for what.
"""

from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.values.errors import NotAuthorized
from objapi.ispyb.values.proposal_names import is_proposal, is_session
from objapi.ispyb.wire.call import Call
from objapi.profiles.ispyb.tables import BLSession, Proposal, ProposalHasPerson, Session_has_Person

_DIGITS: Final = 10


def readable_proposal(call: Call, reference: str) -> int | None:
    """The id of a proposal that the caller may read; None when there is none and the caller would see every one.

    Raises NotAuthorized (403).
    """
    caller = call.caller
    statement = sa.select(Proposal.c.proposalId).where(is_referred_proposal(reference))
    if caller.may("all_proposals"):
        return _first(call, statement)
    if caller.may("own_proposals"):
        found = _first(call, statement.where(own_proposals(caller.person_id)))
        if found is not None:
            return found
    raise _refused(call, f"proposal {reference}")


def readable_session(call: Call, reference: str) -> int | None:
    """The id of a session that the caller may read; None as for proposals. Raises NotAuthorized (403)."""
    caller = call.caller
    statement = (
        sa.select(BLSession.c.sessionId)
        .join(Proposal, Proposal.c.proposalId == BLSession.c.proposalId)
        .where(_is_or_named(BLSession.c.sessionId, reference, is_session))
    )
    if caller.may("all_sessions"):
        return _first(call, statement)
    if caller.may("own_sessions"):
        found = _first(call, statement.where(own_sessions(caller.person_id)))
        if found is not None:
            return found
    raise _refused(call, f"session {reference}")


def is_referred_proposal(reference: str) -> sa.ColumnElement[bool]:
    """The condition that the proposal of a statement is the one that a reference names."""
    return _is_or_named(Proposal.c.proposalId, reference, is_proposal)


def own_proposals(person_id: int) -> sa.ColumnElement[bool]:
    """The condition that a person is the principal of a proposal or one of its participants."""
    membership = ProposalHasPerson.alias()
    is_member = sa.exists().where(membership.c.proposalId == Proposal.c.proposalId, membership.c.personId == person_id)
    return sa.or_(Proposal.c.personId == person_id, is_member)


def own_sessions(person_id: int) -> sa.ColumnElement[bool]:
    """The condition, for sessions joined with Proposal, that a person takes part or is the proposal's principal."""
    visit = Session_has_Person.alias()
    is_visitor = sa.exists().where(visit.c.sessionId == BLSession.c.sessionId, visit.c.personId == person_id)
    return sa.or_(Proposal.c.personId == person_id, is_visitor)


def _is_or_named(key: sa.ColumnElement[int], reference: str, is_named: Any) -> sa.ColumnElement[bool]:
    """The condition that a row has an id or a name; digits alone are an id."""
    if reference.isascii() and reference.isdigit() and len(reference) <= _DIGITS:
        return key == int(reference)
    condition: sa.ColumnElement[bool] = is_named(reference)
    return condition


def _first(call: Call, statement: sa.Select[Any]) -> int | None:
    found = call.connection.execute(statement.limit(1)).scalar()
    return None if found is None else int(found)


def _refused(call: Call, what: str) -> NotAuthorized:
    caller = call.caller
    permissions = ", ".join(sorted(caller.permissions)) or "no permissions"
    return NotAuthorized(f"User '{caller.login}' ({permissions}) may not read {what}")
