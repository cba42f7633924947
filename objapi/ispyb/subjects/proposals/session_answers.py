"""Sessions as they are answered: with their proposal, their set-up, and what hangs on them."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.options.load import ui_groups
from objapi.ispyb.subjects.proposals.schemas import Session
from objapi.ispyb.wire.call import Call
from objapi.ispyb.wire.lists import among
from objapi.profiles.ispyb.tables import (
    BeamLineSetup,
    BLSession,
    DataCollection,
    DataCollectionGroup,
    Proposal,
    Session_has_Person,
    SessionType,
)

SELECTED: Final = (
    *(BLSession.c[name] for name in Session.properties if name in BLSession.c),
    BLSession.c.beamLineSetupId,
)
"""The columns that an answer is made of."""

_SOON: Final = timedelta(minutes=20)


def answers(call: Call, rows: Sequence[sa.RowMapping]) -> list[dict[str, Any]]:
    """Rows of BLSession with everything that belongs to their answers; six statements for all of them."""
    if not rows:
        return []
    ids = [row["sessionId"] for row in rows]
    proposals = _by_key(call, Proposal, (row["proposalId"] for row in rows), "proposalCode", "proposalNumber")
    setups = _by_key(call, BeamLineSetup, (row["beamLineSetupId"] for row in rows))
    people = sa.select().select_from(Session_has_Person).where(among(Session_has_Person.c.sessionId, ids))
    persons = call.counts(Session_has_Person.c.sessionId, people)
    collections = call.counts(DataCollectionGroup.c.sessionId, _collections(ids))
    types = _types(call, ids)
    groups = call.beamline_groups
    return [
        {
            **row,
            **_names(row, proposals.get(row["proposalId"])),
            "beamLineName": row["beamLineName"],
            "BeamLineSetup": setups.get(row["beamLineSetupId"]),
            "_metadata": {
                "datacollections": collections.get(row["sessionId"], 0),
                "uiGroups": ui_groups(groups, [row["beamLineName"]]),
                "persons": persons.get(row["sessionId"], 0),
                "active": _covers(row, call.now),
                "active_soon": _covers(row, call.now, _SOON),
                "sessionTypes": types[row["sessionId"]],
            },
        }
        for row in rows
    ]


def _names(row: sa.RowMapping, proposal: sa.RowMapping | None) -> dict[str, str]:
    name = "" if proposal is None else f"{proposal['proposalCode'] or ''}{proposal['proposalNumber'] or ''}"
    return {"proposal": name, "session": f"{name}-{row['visit_number'] or 0}"}


def _covers(row: sa.RowMapping, now: datetime, around: timedelta = timedelta(0)) -> bool:
    """Whether a session is on, or within so much time of it."""
    start, end = row["startDate"], row["endDate"]
    return start is not None and end is not None and start - around <= now <= end + around


def _by_key(call: Call, table: sa.Table, keys: Any, *names: str) -> dict[int, sa.RowMapping]:
    """Rows of a table by their keys; all declared columns unless some are named."""
    (key,) = table.primary_key.columns
    wanted = {value for value in keys if value is not None}
    if not wanted:
        return {}
    selected = [key, *(table.c[name] for name in names)] if names else list(table.columns)
    return {row[key.name]: row for row in call.rows(sa.select(*selected).where(among(key, wanted)))}


def _collections(ids: Sequence[int]) -> sa.Select[Any]:
    return (
        sa.select()
        .select_from(DataCollectionGroup)
        .join(DataCollection, DataCollection.c.dataCollectionGroupId == DataCollectionGroup.c.dataCollectionGroupId)
        .where(among(DataCollectionGroup.c.sessionId, ids))
    )


def _types(call: Call, ids: Sequence[int]) -> defaultdict[int, list[str]]:
    table = SessionType.c
    types: defaultdict[int, list[str]] = defaultdict(list)
    selected = sa.select(table.sessionId, table.typeName).where(among(table.sessionId, ids))
    for row in call.rows(selected.order_by(table.sessionTypeId)):
        types[row["sessionId"]].append(row["typeName"])
    return types
