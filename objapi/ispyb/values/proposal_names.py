"""Names of proposals and sessions: code, number and visit put together, compared without regard to case."""

from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.values.types import ScalarType, pattern
from objapi.profiles.ispyb.tables import BLSession, Proposal

PROPOSAL_NAME: Final[ScalarType] = pattern(r"^(\w|-)+\d+$")
"""A proposal's name in a filter, such as MX1234."""

SESSION_NAME: Final[ScalarType] = pattern(r"^(\w|-)+\d+-\d+$")
"""A session's name in a filter, such as MX1234-2."""

# Code and number hold 45 characters each; no name is longer.
_LONGEST: Final = 90


def proposal_name(table: sa.FromClause = Proposal) -> sa.ColumnElement[str]:
    """The name of a proposal in a statement: code and number."""
    return sa.func.coalesce(table.c.proposalCode, "") + sa.func.coalesce(table.c.proposalNumber, "")


def session_name(session: sa.FromClause = BLSession, proposal: sa.FromClause = Proposal) -> sa.ColumnElement[str]:
    """The name of a session in a statement: its proposal's, a hyphen, and the visit number (0 when there is none)."""
    visit = sa.cast(sa.func.coalesce(session.c.visit_number, 0), sa.String(11))
    return proposal_name(proposal) + "-" + visit


def is_proposal(name: str, table: sa.FromClause = Proposal) -> sa.ColumnElement[bool]:
    """The condition that a proposal has a name.

    Where code ends and number begins is not known from the name, so each place is tried: that can be looked up in the
    key over both columns, which a comparison of the joined text cannot.
    """
    if not name or len(name) > _LONGEST:
        return sa.false()
    places = range(len(name) + 1)
    return sa.or_(*(_is_split(table.c, name[:place], name[place:]) for place in places))


def is_session(
    name: str, session: sa.FromClause = BLSession, proposal: sa.FromClause = Proposal
) -> sa.ColumnElement[bool]:
    """The condition that a session has a name, which matches SESSION_NAME; its proposal is part of the statement."""
    of_proposal, _, visit = name.rpartition("-")
    if not visit.isascii() or not visit.isdigit() or len(visit) > 9 or str(int(visit)) != visit:
        return sa.false()
    visits = session.c.visit_number == int(visit)
    if visit == "0":
        visits = sa.or_(visits, session.c.visit_number.is_(None))
    return sa.and_(is_proposal(of_proposal, proposal), visits)


def _is_split(columns: Any, code: str, number: str) -> sa.ColumnElement[bool]:
    return sa.and_(_equals(columns.proposalCode, code), _equals(columns.proposalNumber, number))


def _equals(column: sa.ColumnElement[str], text: str) -> sa.ColumnElement[bool]:
    return column == text if text else sa.or_(column == "", column.is_(None))
