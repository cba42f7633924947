"""Sessions of which statistics are asked: one session, those of a proposal, or those of a run at a beamline."""

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.values.errors import Refusal
from objapi.ispyb.values.proposal_names import PROPOSAL_NAME, SESSION_NAME, is_proposal, is_session
from objapi.ispyb.values.schema import optional
from objapi.ispyb.values.types import INT, INT32, TEXT
from objapi.ispyb.wire.call import Call
from objapi.profiles.ispyb.tables import BLSession, DataCollection, DataCollectionGroup, Proposal, v_run

SCOPE: Final = {
    "beamLineName": optional(TEXT),
    "session": optional(SESSION_NAME),
    "sessionId": optional(INT),
    "runId": optional(TEXT),
}
"""The query parameters of statistics."""

SCOPE_WITH_PROPOSAL: Final = {**SCOPE, "proposal": optional(PROPOSAL_NAME)}
"""The query parameters of statistics that may be asked for a whole proposal."""

SECONDS_OF_HOUR: Final = 3600

# From the robot's action to the collection; whoever takes longer is doing something else.
_CENTRING_SECONDS: Final = 1000


@dataclass(frozen=True, slots=True)
class Scope:
    """The visible sessions that are asked for, as a condition for statements joined with session and proposal."""

    condition: sa.ColumnElement[bool]
    run: sa.RowMapping | None

    def of(self, statement: sa.Select[Any], session_id: sa.ColumnElement[int]) -> sa.Select[Any]:
        """A statement joined with its session and proposal, for the sessions of the scope."""
        return (
            statement.join(BLSession, BLSession.c.sessionId == session_id)
            .join(Proposal, Proposal.c.proposalId == BLSession.c.proposalId)
            .where(self.condition)
        )


def load_scope(call: Call) -> Scope:
    """The scope of a call; raises Refusal (422) when the parameters name no session, proposal, or run at a beamline."""
    query = call.query
    by_session = query["session"] or query["sessionId"] is not None or query.get("proposal")
    if not by_session and not (query["beamLineName"] and query["runId"]):
        choices = "`session`, `proposal`" if "proposal" in query else "`session`"
        raise Refusal(422, f"Please provide either {choices} or `beamLineName` and `runId`")
    # A run that is not there is no mistake: it has no sessions, and the answer is empty.
    run = _run(call) if query["runId"] else None
    conditions = [call.visible(BLSession)]
    if query["sessionId"] is not None:
        conditions.append(BLSession.c.sessionId == query["sessionId"])
    if query["session"]:
        conditions.append(is_session(query["session"]))
    if query.get("proposal"):
        conditions.append(is_proposal(query["proposal"]))
    if query["beamLineName"]:
        conditions.append(BLSession.c.beamLineName == query["beamLineName"])
    if query["runId"]:
        conditions.append(
            sa.false() if run is None else BLSession.c.startDate.between(run["startDate"], run["endDate"])
        )
    return Scope(sa.and_(*conditions), run)


def collections_in(scope: Scope, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Columns of the data collections of a scope, their groups, sessions and proposals."""
    groups = DataCollectionGroup.c
    statement = (
        sa.select(*columns)
        .select_from(DataCollection)
        .join(DataCollectionGroup, groups.dataCollectionGroupId == DataCollection.c.dataCollectionGroupId)
    )
    return scope.of(statement, groups.sessionId)


def is_centring(seconds: int | None) -> bool:
    """Check whether so many seconds between a robot's action and the next collection went into centring."""
    return seconds is not None and seconds < _CENTRING_SECONDS


def _run(call: Call) -> sa.RowMapping | None:
    """The machine run that is named; None when there is none, or the database knows no runs."""
    text = call.query["runId"]
    if not text.isascii() or not text.isdigit() or int(text) > INT32 or not call.services.database.has(v_run):
        return None
    return call.first(sa.select(v_run).where(v_run.c.runId == int(text)))
