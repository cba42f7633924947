"""Proposals: a list with a search and one by its name."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from catalog.dialect import among
from objapi.ispyb.options.load import ui_groups
from objapi.ispyb.subjects.proposals.schemas import Proposal as ProposalAnswer
from objapi.ispyb.values.errors import ResourceNotFound
from objapi.ispyb.values.proposal_names import is_proposal, proposal_name
from objapi.ispyb.values.schema import optional
from objapi.ispyb.values.types import TEXT
from objapi.ispyb.wire.call import Call, Page
from objapi.ispyb.wire.response import Paged
from objapi.ispyb.wire.routes import BEARER, Group
from objapi.profiles.ispyb.tables import BLSession, Proposal, ProposalHasPerson

group: Final = Group("Proposals")


@group.get("/proposals", access=BEARER, query={"search": optional(TEXT)}, answer=Paged(ProposalAnswer))
def list_proposals(call: Call) -> Page:
    """Proposals, the newest first."""
    statement, conditions = _proposals(call), []
    search = call.query["search"]
    if search:
        session = BLSession.alias()
        at_beamline = sa.exists().where(
            session.c.proposalId == Proposal.c.proposalId, session.c.beamLineName.like(search)
        )
        part = f"%{search}%"
        conditions.append(sa.or_(Proposal.c.title.like(part), proposal_name().like(part), at_beamline))
    number = sa.select(sa.func.count()).select_from(Proposal).where(call.visible(Proposal, counted=True), *conditions)
    rows, total = call.page(statement.where(*conditions).order_by(Proposal.c.proposalId.desc()), number)
    return call.paged(_answers(call, rows), total)


@group.get("/proposals/{proposal}", access=BEARER, answer=ProposalAnswer)
def read_proposal(call: Call) -> dict[str, Any]:
    """One proposal by its name.

    Raises ResourceNotFound.
    """
    statement = _proposals(call).where(is_proposal(call.path["proposal"])).order_by(Proposal.c.proposalId)
    row = call.first(statement)
    if row is None:
        raise ResourceNotFound("Proposal not found")
    return _answers(call, [row])[0]


def _proposals(call: Call) -> sa.Select[Any]:
    table = Proposal.c
    selected = (table.proposalId, table.proposalCode, table.proposalNumber, table.title, table.state)
    return sa.select(*selected).where(call.visible(Proposal))


def _answers(call: Call, rows: Sequence[sa.RowMapping]) -> list[dict[str, Any]]:
    """The rows with their people and with the sessions that the caller sees."""
    ids = [row["proposalId"] for row in rows]
    members = sa.select().select_from(ProposalHasPerson).where(among(ProposalHasPerson.c.proposalId, ids))
    persons = call.counts(ProposalHasPerson.c.proposalId, members)
    sessions: defaultdict[int, int] = defaultdict(int)
    beamlines: defaultdict[int, list[str]] = defaultdict(list)
    table = BLSession.c
    counted = (
        sa.select(table.proposalId, table.beamLineName, sa.func.count().label("sessions"))
        .where(among(table.proposalId, ids), call.visible(BLSession))
        .group_by(table.proposalId, table.beamLineName)
        .order_by(sa.func.min(table.sessionId))
    )
    for row in call.rows(counted):
        sessions[row["proposalId"]] += int(row["sessions"])
        if row["beamLineName"]:
            beamlines[row["proposalId"]].append(row["beamLineName"])
    groups = call.beamline_groups if rows else ()
    return [
        {
            **row,
            "proposalCode": row["proposalCode"] or "",
            "proposalNumber": row["proposalNumber"] or "",
            "proposal": f"{row['proposalCode'] or ''}{row['proposalNumber'] or ''}",
            "_metadata": {
                "persons": persons.get(row["proposalId"], 0),
                "sessions": sessions[row["proposalId"]],
                "beamLines": beamlines[row["proposalId"]],
                "uiGroups": ui_groups(groups, beamlines[row["proposalId"]]),
            },
        }
        for row in rows
    ]
