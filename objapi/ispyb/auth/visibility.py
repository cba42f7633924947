"""Who sees which rows: the rules P and S of lists and single rows, as conditions for a statement.

Holders of `all_proposals` see everything. Everybody else is known by a `Sight`: the sessions and proposals they take
part in, and the beamlines that their permissions open. It is loaded in one statement a request, and its ids stand in
the statements as values, so that the database can go by its keys. What is out of sight is left out of lists and not
found by id.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from objapi.ispyb.auth.caller import Caller
from objapi.ispyb.options.load import load_options
from objapi.profiles.ispyb.beamline_groups import OPTION, beamline_groups
from objapi.profiles.ispyb.tables import BLSession, Proposal, ProposalHasPerson, Session_has_Person


@dataclass(frozen=True, slots=True)
class Sight:
    """What a caller sees.

    `sessions` are those of Session_has_Person, `visited` their proposals, `proposals` those of ProposalHasPerson,
    `beamlines` those of the beamline groups whose permission the token holds.
    """

    all: bool
    sessions: frozenset[int] = frozenset()
    visited: frozenset[int] = frozenset()
    proposals: frozenset[int] = frozenset()
    beamlines: frozenset[str] = frozenset()

    def of_proposal(self, proposal_id: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        """Rule P: the row's proposal is visible. `proposal_id` is the column with the proposal's key."""
        if self.all:
            return sa.true()
        conditions = [_is_in(proposal_id, self.proposals | self.visited)]
        if self.beamlines:
            session = BLSession.alias()
            at_beamline = sa.and_(
                session.c.proposalId == proposal_id, session.c.beamLineName.in_(sorted(self.beamlines))
            )
            conditions.append(sa.exists().where(at_beamline))
        return sa.or_(*conditions)

    def of_session(self, session: sa.FromClause = BLSession) -> sa.ColumnElement[bool]:
        """Rule S: the row's session is visible. `session` is BLSession as it stands in the statement, or an alias."""
        if self.all:
            return sa.true()
        conditions = [
            _is_in(session.c.sessionId, self.sessions),
            _is_in(session.c.proposalId, self.proposals),
        ]
        if self.beamlines:
            conditions.append(session.c.beamLineName.in_(sorted(self.beamlines)))
        return sa.or_(*conditions)

    def of_session_id(self, session_id: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        """Rule S for a statement that has no BLSession; `session_id` is the column with the session's key."""
        if self.all:
            return sa.true()
        session = BLSession.alias()
        return sa.exists().where(session.c.sessionId == session_id, self.of_session(session))


def load_sight(connection: Connection, caller: Caller) -> Sight:
    """What a caller sees now: two small statements, none for one who sees everything."""
    if caller.sees_all:
        return Sight(all=True)
    member = sa.select(sa.null().label("sessionId"), ProposalHasPerson.c.proposalId).where(
        ProposalHasPerson.c.personId == caller.person_id
    )
    visitor = (
        sa.select(BLSession.c.sessionId, BLSession.c.proposalId)
        .join(Session_has_Person, Session_has_Person.c.sessionId == BLSession.c.sessionId)
        .where(Session_has_Person.c.personId == caller.person_id)
    )
    pairs = connection.execute(sa.union_all(member, visitor)).all()
    opened = (group for group in beamline_groups(load_options(connection)[OPTION]) if caller.may(group.permission))
    return Sight(
        all=False,
        sessions=frozenset(session for session, _ in pairs if session is not None),
        visited=frozenset(proposal for session, proposal in pairs if session is not None),
        proposals=frozenset(proposal for session, proposal in pairs if session is None),
        beamlines=frozenset(name for group in opened for name in group.beamlines),
    )


def own_proposals(person_id: int) -> sa.ColumnElement[bool]:
    """Rule L for one proposal: the person is its principal or one of its participants."""
    membership = ProposalHasPerson.alias()
    is_member = sa.exists().where(membership.c.proposalId == Proposal.c.proposalId, membership.c.personId == person_id)
    return sa.or_(Proposal.c.personId == person_id, is_member)


def own_sessions(person_id: int) -> sa.ColumnElement[bool]:
    """Rule L for sessions joined with Proposal: the person takes part in them or is the proposal's principal."""
    visit = Session_has_Person.alias()
    is_visitor = sa.exists().where(visit.c.sessionId == BLSession.c.sessionId, visit.c.personId == person_id)
    return sa.or_(Proposal.c.personId == person_id, is_visitor)


def _is_in(column: sa.ColumnElement[Any], ids: Iterable[int]) -> sa.ColumnElement[bool]:
    # Written as literals: they are integers of the database, and a database has limits on the number of parameters.
    numbers = sorted(ids)
    return column.in_(sa.bindparam(None, numbers, expanding=True, literal_execute=True)) if numbers else sa.false()
