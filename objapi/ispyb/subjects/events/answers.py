"""Events as they are answered: the rows of a page with what each of them is, loaded for all rows together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from objapi.ispyb.subjects.events.filters import COLLECTIONS, per_collection_filters
from objapi.ispyb.subjects.events.kinds import ROBOT, SCAN, SPECTRUM
from objapi.ispyb.subjects.events.schemas import DataCollection as DataCollectionItem
from objapi.ispyb.subjects.events.schemas import EnergyScan as EnergyScanItem
from objapi.ispyb.subjects.events.schemas import RobotAction as RobotItem
from objapi.ispyb.subjects.events.schemas import XFEFluorescenceSpectrum as SpectrumItem
from objapi.ispyb.values.conversions import known_time
from objapi.ispyb.values.proposal_names import proposal_name, session_name
from objapi.ispyb.wire.call import Call
from objapi.ispyb.wire.lists import among
from objapi.profiles.ispyb.tables import (
    BLSample,
    BLSession,
    DataCollection,
    DataCollectionFileAttachment,
    DataCollectionGroup,
    GridInfo,
    Proposal,
    RobotAction,
    Workflow,
)

Row = sa.RowMapping
Rows = Sequence[Row]
ByKey = Mapping[Any, Row]

_PICTURES: Final = {
    **{str(number): f"xtalSnapshotFullPath{number}" for number in range(1, 5)},
    "analysis": "imageQualityIndicatorsPlotPath",
}
_WORKFLOW: Final = ("workflowId", "comments", "status", "workflowTitle", "workflowType")
_GRID_LINKS: Final = ("dataCollectionGroupId", "dataCollectionId")
_GRID_NAMES: Final = {
    "pixelspermicronX": "pixelsPerMicronX",
    "pixelspermicronY": "pixelsPerMicronY",
    "snapshot_offsetxpixel": "snapshot_offsetXPixel",
    "snapshot_offsetypixel": "snapshot_offsetYPixel",
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """The rows of a page of events, and what hangs on them by its key."""

    rows: Rows
    sessions: ByKey
    samples: Mapping[int, str | None]
    attachments: Mapping[int, int]
    collections: ByKey
    grids: Mapping[tuple[str, int], Rows]
    actions: ByKey

    @property
    def pictures(self) -> set[str]:
        """The paths of all pictures of the data collections."""
        return {path for row in self.collections.values() for name in _PICTURES.values() if (path := row[name])}

    def answers(self, there: frozenset[str]) -> list[dict[str, Any]]:
        """The events; `there` are the paths at which there is a picture."""
        return [self._answer(row, there) for row in self.rows]

    def _answer(self, row: Row, there: frozenset[str]) -> dict[str, Any]:
        session = self.sessions[row["sessionId"]]
        collected = row["type"] == COLLECTIONS
        return {
            **row,
            "startTime": known_time(row["startTime"]),
            "endTime": known_time(row["endTime"]),
            "duration": None if row["seconds"] is None else float(row["seconds"]) / 60,
            "session": session["session"],
            "proposal": session["proposal"],
            "blSample": self.samples.get(row["blSampleId"]),
            "attachments": self.attachments.get(row["id"], 0) if collected else 0,
            "Item": self._item(row, there),
        }

    def _item(self, row: Row, there: frozenset[str]) -> dict[str, Any]:
        key = row["id"]
        if row["type"] == COLLECTIONS:
            return self._collection(self.collections[key], there)
        if row["type"] == ROBOT.name:
            action = self.actions[key]
            return RobotItem.answer({**action, "actionType": action["actionType"] or ""})
        if row["type"] == SPECTRUM.name:
            return SpectrumItem.answer({SPECTRUM.key.name: key})
        return EnergyScanItem.answer({SCAN.key.name: key})

    def _collection(self, row: Row, there: frozenset[str]) -> dict[str, Any]:
        workflow = {name: row[f"Workflow_{name}"] for name in _WORKFLOW}
        grids = {
            grid["gridInfoId"]: _grid(grid) for name in _GRID_LINKS for grid in self.grids.get((name, row[name]), ())
        }
        return DataCollectionItem.answer(
            {
                **row,
                "DataCollectionGroup": {**row, "Workflow": workflow if workflow["workflowId"] is not None else None},
                "GridInfo": list(grids.values()),
                "_metadata": {"snapshots": {key: row[name] in there for key, name in _PICTURES.items()}},
            }
        )


def load(call: Call, rows: Rows) -> Loaded:
    """What hangs on a page of events, in a fixed number of statements."""
    ids = {name: [row["id"] for row in rows if row["type"] == name] for name in (COLLECTIONS, ROBOT.name)}
    collections = _by_key(call.rows(_collections(call, ids[COLLECTIONS])), "dataCollectionId")
    sessions = sa.select(
        BLSession.c.sessionId, session_name().label("session"), proposal_name().label("proposal")
    ).join(Proposal, Proposal.c.proposalId == BLSession.c.proposalId)
    samples = sa.select(BLSample.c.blSampleId, BLSample.c.name)
    of_rows = {row["blSampleId"] for row in rows if row["blSampleId"] is not None}
    named = call.rows(samples.where(among(BLSample.c.blSampleId, of_rows)))
    actions = sa.select(RobotAction.c.robotActionId, RobotAction.c.actionType, RobotAction.c.status)
    actions = actions.add_columns(RobotAction.c.message)
    return Loaded(
        rows,
        _by_key(call.rows(sessions.where(among(BLSession.c.sessionId, (r["sessionId"] for r in rows)))), "sessionId"),
        {row["blSampleId"]: row["name"] for row in named},
        _attachments(call, collections.values()),
        collections,
        _grids(call, collections.values()),
        _by_key(call.rows(actions.where(among(RobotAction.c.robotActionId, ids[ROBOT.name]))), "robotActionId"),
    )


def _collections(call: Call, ids: Iterable[int]) -> sa.Select[Any]:
    workflow = [Workflow.c[name].label(f"Workflow_{name}") for name in _WORKFLOW]
    groups = DataCollectionGroup.c
    return (
        sa.select(*call.services.database.columns(DataCollection), groups.experimentType, *workflow)
        .select_from(DataCollection)
        .join(DataCollectionGroup, groups.dataCollectionGroupId == DataCollection.c.dataCollectionGroupId)
        .outerjoin(Workflow, Workflow.c.workflowId == groups.workflowId)
        .where(among(DataCollection.c.dataCollectionId, ids))
    )


def _attachments(call: Call, collections: Iterable[Row]) -> dict[int, int]:
    """The number of attachments of the data collections that each event stands for, by the event's id."""
    folded = call.query["dataCollectionGroupId"] is None
    by = "dataCollectionGroupId" if folded else "dataCollectionId"
    ids = {row[by]: row["dataCollectionId"] for row in collections}
    attachment = DataCollectionFileAttachment
    statement = (
        sa.select()
        .select_from(attachment)
        .join(DataCollection, DataCollection.c.dataCollectionId == attachment.c.dataCollectionId)
        .where(among(DataCollection.c[by], ids), *per_collection_filters(call))
    )
    return {ids[key]: number for key, number in call.counts(DataCollection.c[by], statement).items()}


def _grids(call: Call, collections: Iterable[Row]) -> dict[tuple[str, int], list[Row]]:
    """The grids of data collections, by the column and key of the group or the collection to which each belongs."""
    rows, database = list(collections), call.services.database
    links = [name for name in _GRID_LINKS if database.has(GridInfo.c[name])]
    belongs = sa.or_(*(among(GridInfo.c[name], (row[name] for row in rows)) for name in links))
    found: dict[tuple[str, int], list[Row]] = {}
    for grid in call.rows(sa.select(*database.columns(GridInfo)).where(belongs).order_by(GridInfo.c.gridInfoId)):
        for name in links:
            found.setdefault((name, grid[name]), []).append(grid)
    return found


def _grid(row: Row) -> dict[str, Any]:
    return {_GRID_NAMES.get(name, name): value for name, value in row.items()}


def _by_key(rows: Iterable[Row], key: str) -> dict[Any, Row]:
    return {row[key]: row for row in rows}
