"""People who have a login, or who take part in a session."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from catalog.dialect import among
from objapi.ispyb.subjects.people.schemas import Person as PersonAnswer
from objapi.ispyb.values.proposal_names import PROPOSAL_NAME, is_proposal
from objapi.ispyb.values.schema import optional
from objapi.ispyb.values.types import BOOL, INT
from objapi.ispyb.wire.call import Call, Page
from objapi.ispyb.wire.response import Paged
from objapi.ispyb.wire.routes import BEARER, Group
from objapi.profiles.ispyb.tables import (
    BLSession,
    LabContact,
    Person,
    Proposal,
    ProposalHasPerson,
    Session_has_Person,
)

group: Final = Group("People")

_FILTERS: Final = {
    "showAll": optional(BOOL, False),
    "proposal": optional(PROPOSAL_NAME),
    "sessionId": optional(INT),
}


@group.get("/persons", access=BEARER, query=_FILTERS, answer=Paged(PersonAnswer))
def list_persons(call: Call) -> Page:
    """People who have a login."""
    query, session_id = call.query, call.query["sessionId"]
    selected = sa.select(Person.c.personId, Person.c.givenName, Person.c.familyName)
    statement = selected.where(Person.c.login.is_not(None)).order_by(Person.c.personId)
    everybody = query["showAll"] and call.caller.may("manage_persons")
    if session_id is not None:
        statement = statement.where(_takes_part(call, session_id))
    elif not everybody:
        statement = statement.where(call.visible(Person))
    if query["proposal"]:
        named = sa.select(Proposal.c.proposalId).where(is_proposal(query["proposal"]))
        statement = statement.where(_belongs_to(lambda proposal_id: proposal_id.in_(named)))
    rows, total = call.page(statement)
    visits = {} if session_id is None else _visits(call, rows, session_id)
    return call.paged([{**row, **_names(row), "_metadata": visits.get(row["personId"], {})} for row in rows], total)


def _names(row: sa.RowMapping) -> dict[str, str]:
    """A portal may know a person without names, which are never null here."""
    return {name: row[name] or "" for name in ("givenName", "familyName")}


def _belongs_to(condition: Any) -> sa.ColumnElement[bool]:
    """The person is a participant or a lab contact of a proposal that meets a condition on its key."""
    member, card = ProposalHasPerson.alias(), LabContact.alias()
    return sa.or_(
        *(
            sa.exists().where(table.c.personId == Person.c.personId, condition(table.c.proposalId))
            for table in (member, card)
        )
    )


def _takes_part(call: Call, session_id: int) -> sa.ColumnElement[bool]:
    """The person takes part in a session that the caller sees."""
    visit = Session_has_Person.alias()
    return sa.exists().where(
        visit.c.personId == Person.c.personId,
        visit.c.sessionId == session_id,
        call.visible(visit),
    )


def _visits(call: Call, rows: Sequence[sa.RowMapping], session_id: int) -> dict[int, dict[str, Any]]:
    """Part of people in a session, the number of their own sessions, and when the last of these was."""
    table = Session_has_Person.c
    ids = [row["personId"] for row in rows]
    counted = (
        sa.select(
            table.personId,
            sa.func.count().label("sessions"),
            sa.func.max(BLSession.c.startDate).label("lastSession"),
        )
        .join_from(Session_has_Person, BLSession, BLSession.c.sessionId == table.sessionId)
        .where(among(table.personId, ids))
        .group_by(table.personId)
    )
    visits = {row["personId"]: dict(row) for row in call.rows(counted)}
    here = sa.select(table.personId, table.role, table.remote).where(table.sessionId == session_id)
    for row in call.rows(here.where(among(table.personId, ids))):
        visits.setdefault(row["personId"], {}).update(role=row["role"], remote=row["remote"])
    return visits
