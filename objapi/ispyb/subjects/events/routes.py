"""Events: everything that happened in sessions, latest first, in one list.

The rows of a page are loaded by kind, for all rows of the kind together.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from catalog.dialect import among, distinct_values, has_row
from catalog.dialect.borrowed import seconds_between
from objapi.ispyb.files.presence import present
from objapi.ispyb.subjects.events.filters import (
    COLLECTIONS,
    Asked,
    look_up,
    of_collections,
    of_kind,
    of_visible_sessions,
    per_collection_filters,
    wanted_kinds,
)
from objapi.ispyb.subjects.events.kinds import KINDS, ROBOT, SCAN, SPECTRUM, EventKind
from objapi.ispyb.subjects.events.schemas import DataCollection as DataCollectionItem
from objapi.ispyb.subjects.events.schemas import EnergyScan as EnergyScanItem
from objapi.ispyb.subjects.events.schemas import Event, EventType
from objapi.ispyb.subjects.events.schemas import RobotAction as RobotItem
from objapi.ispyb.subjects.events.schemas import XFEFluorescenceSpectrum as SpectrumItem
from objapi.ispyb.values.conversions import known_time
from objapi.ispyb.values.proposal_names import PROPOSAL_NAME, SESSION_NAME, proposal_name, session_name
from objapi.ispyb.values.schema import optional
from objapi.ispyb.values.types import INT, TEXT, enum
from objapi.ispyb.wire.call import Call, Page
from objapi.ispyb.wire.response import Later, Paged
from objapi.ispyb.wire.routes import BEARER, Group
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
    """Load everything that belongs to a page of events, in a fixed number of statements."""
    ids = {name: [row["id"] for row in rows if row["type"] == name] for name in (COLLECTIONS, ROBOT.name)}
    collections = _by_key(call.rows(_collection_rows(call, ids[COLLECTIONS])), "dataCollectionId")
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


def _collection_rows(call: Call, ids: Iterable[int]) -> sa.Select[Any]:
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
    folded = _is_folded(call)
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


group: Final = Group("Events")

EVENT_STATUS: Final = enum("EventStatus", "success", "failed", "processed", "processerror")

_FILTERS: Final = {
    "status": optional(EVENT_STATUS),
    "eventType": optional(TEXT),
    "session": optional(SESSION_NAME),
    "sessionId": optional(INT),
    "proposal": optional(PROPOSAL_NAME),
    "proposalId": optional(INT),
    "beamLineName": optional(TEXT),
    "dataCollectionId": optional(INT),
    "dataCollectionGroupId": optional(INT),
    "blSampleId": optional(INT),
    "blSubSampleId": optional(INT),
    "proteinId": optional(INT),
}
_BOUNDS: Final = ("dataCollectionId", "dataCollectionGroupId", "blSampleId", "blSubSampleId")
"""Filters that leave few events, beside those by session and protein."""
_LATEST: Final = (500, 20_000)
"""Latest data collections among which the page of a list that nothing bounds is looked for, at first and then."""
_OF_GROUP: Final = DataCollection.c.dataCollectionGroupId == DataCollectionGroup.c.dataCollectionGroupId
_TYPE_FILTERS: Final = {name: _FILTERS[name] for name in ("session", "sessionId", "blSampleId", "proteinId")}


@group.get("/events", access=BEARER, query=_FILTERS, answer=Paged(Event))
def list_events(call: Call) -> Page | Later:
    """Everything that happened in sessions, latest start first."""
    kinds, asked = wanted_kinds(call.query), look_up(call)
    if not kinds:
        return call.paged([], 0)
    rows, total = _latest(call, kinds, asked) or call.page(_events(call, kinds, asked), _number(call, kinds, asked))
    return Later(_answering(call, load(call, rows), total))


def _events(call: Call, kinds: frozenset[str], asked: Asked, since: datetime | None = None) -> sa.Select[Any]:
    """The events that are asked for, latest start first; those that began later than `since`, where it is given."""
    parts = [_collections(call, asked, since)] if COLLECTIONS in kinds else []
    parts += [_others(call, kind, asked, since) for kind in KINDS if kind.name in kinds]
    events = sa.union_all(*parts).subquery("events").c
    return sa.select(*events).order_by(events.startTime.desc(), events.type, events.id.desc())


def _latest(call: Call, kinds: frozenset[str], asked: Asked) -> tuple[Rows, int] | None:
    """The page of a list that nothing bounds, found among the latest events; None where they do not fill it.

    To fold all groups of a facility takes seconds. Those that began later than a moment are all among the groups of the
    data collections that did.
    """
    if asked.sessions is not None or asked.samples is not None or any(call.query[name] for name in _BOUNDS):
        return None
    skip, limit = call.query["skip"], call.query["limit"]
    for many in _LATEST:
        start = DataCollection.c.startTime
        since = call.connection.execute(sa.select(start).order_by(start.desc()).offset(many).limit(1)).scalar()
        if since is None:
            return None
        rows = call.rows(_events(call, kinds, asked, since).offset(skip).limit(limit))
        if len(rows) == limit:
            return rows, int(call.connection.execute(_number(call, kinds, asked)).scalar_one())
    return None


def _number(call: Call, kinds: frozenset[str], asked: Asked) -> sa.Select[Any]:
    """The number of events that are asked for."""
    counted = [_number_of_collections(call, asked)] if COLLECTIONS in kinds else []
    counted += [
        sa.select(sa.func.count()).select_from(_others(call, kind, asked).subquery())
        for kind in KINDS
        if kind.name in kinds
    ]
    numbers: list[sa.ColumnElement[Any]] = [statement.scalar_subquery() for statement in counted]
    return sa.select(sum(numbers[1:], start=numbers[0]))


def _number_of_collections(call: Call, asked: Asked) -> sa.Select[Any]:
    """The number of events that stand for data collections: of groups that have one, without folding them."""
    if not _is_folded(call):
        return sa.select(sa.func.count()).select_from(_collections(call, asked).subquery())
    groups = sa.select(sa.func.count()).select_from(DataCollectionGroup)
    visible = of_visible_sessions(call, groups, DataCollectionGroup.c.sessionId, asked)
    conditions = list(of_collections(call, asked))
    if visible is groups and not conditions:
        # Every data collection has a group: one key is read rather than looked up for each group.
        collected = sa.select(DataCollection.c.dataCollectionGroupId).distinct().subquery()
        return sa.select(sa.func.count()).select_from(collected)
    return visible.where(sa.exists().where(_OF_GROUP, *conditions))


@group.get("/events/types", access=BEARER, query=_TYPE_FILTERS, answer=Paged(EventType, chosen=False))
def list_event_types(call: Call) -> Page:
    """Kinds of events that occur."""
    asked = look_up(call)
    bounded = asked.sessions is not None or asked.samples is not None or call.query["blSampleId"] is not None
    experiments = (
        _experiments_of(call, asked) if bounded or not call.sees_many(BLSession) else _experiments(call, asked)
    )
    types = sorted(name for name in experiments if name)
    occurs: list[sa.ColumnElement[Any]] = [_others(call, kind, asked).exists().label(kind.name) for kind in KINDS]
    there = call.rows(sa.select(*occurs))[0]
    named = [(name, name) for name in types] + [(kind.title, kind.name) for kind in KINDS if there[kind.name]]
    return call.whole([{"eventTypeName": title, "eventType": name} for title, name in named])


def _experiments_of(call: Call, asked: Asked) -> Iterable[str | None]:
    """The types of experiments of few groups, all of which are looked at."""
    types = sa.select(DataCollectionGroup.c.experimentType).distinct().select_from(DataCollectionGroup)
    visible = of_visible_sessions(call, types, DataCollectionGroup.c.sessionId, asked)
    conditions = of_kind(call, asked, DataCollectionGroup.c.blSampleId)
    return call.connection.execute(visible.where(sa.exists().where(_OF_GROUP), *conditions)).scalars()


def _experiments(call: Call, asked: Asked) -> Iterable[str]:
    """The types of experiments of very many groups, of which the first one of each type is looked for."""
    of_type = DataCollectionGroup.c.experimentType
    types = list(call.connection.execute(distinct_values(call.connection, of_type)).scalars())
    groups = sa.select(DataCollectionGroup.c.dataCollectionGroupId).select_from(DataCollectionGroup)
    visible = of_visible_sessions(call, groups, DataCollectionGroup.c.sessionId, asked)
    collected = has_row(sa.select(DataCollection.c.dataCollectionId).where(_OF_GROUP))
    found = [has_row(visible.where(of_type == name, collected)).label(f"type_{n}") for n, name in enumerate(types)]
    there = call.connection.execute(sa.select(*found)).one() if found else ()
    return [name for name, occurs in zip(types, there, strict=True) if occurs]


def _is_folded(call: Call) -> bool:
    """True where the data collections of a group are one event: unless one group is asked for."""
    return call.query["dataCollectionGroupId"] is None


def _collections(call: Call, asked: Asked, since: datetime | None = None) -> sa.Select[Any]:
    """Data collections, those of a group folded into the one with the highest id; later than `since`, if given."""
    collection, groups = DataCollection.c, DataCollectionGroup.c
    seconds = seconds_between(collection.startTime, collection.endTime)
    folded = _is_folded(call)
    fold: Callable[[str, Any], Any] = (lambda how, value: getattr(sa.func, how)(value)) if folded else _as_it_is
    statement = sa.select(
        fold("max", collection.dataCollectionId).label("id"),
        sa.literal(COLLECTIONS).label("type"),
        fold("min", collection.startTime).label("startTime"),
        fold("max", collection.endTime).label("endTime"),
        fold("sum", seconds).label("seconds"),
        (sa.func.count() if folded else sa.literal(1)).label("count"),
        groups.sessionId,
        groups.blSampleId,
        groups.dataCollectionGroupId,
    ).join_from(DataCollectionGroup, DataCollection, groups.dataCollectionGroupId == collection.dataCollectionGroupId)
    statement = of_visible_sessions(call, statement, groups.sessionId, asked).where(*of_collections(call, asked))
    if since is not None:
        later = DataCollection.alias("later").c
        of_later = sa.select(later.dataCollectionGroupId).where(later.startTime > since)
        statement = statement.where(groups.dataCollectionGroupId.in_(of_later))
    if not folded:
        return statement
    statement = statement.group_by(groups.dataCollectionGroupId, groups.sessionId, groups.blSampleId)
    return statement if since is None else statement.having(sa.func.min(collection.startTime) > since)


def _others(call: Call, kind: EventKind, asked: Asked, since: datetime | None = None) -> sa.Select[Any]:
    """Events of another kind, in the columns of data collections; later than `since`, if given."""
    statement = sa.select(
        kind.key.label("id"),
        sa.literal(kind.name).label("type"),
        kind.start.label("startTime"),
        kind.end.label("endTime"),
        seconds_between(kind.start, kind.end).label("seconds"),
        sa.literal(1).label("count"),
        kind.session_id.label("sessionId"),
        kind.sample_id.label("blSampleId"),
        sa.null().label("dataCollectionGroupId"),
    )
    statement = of_visible_sessions(call, statement.select_from(kind.key.table), kind.session_id, asked)
    if since is not None:
        statement = statement.where(kind.start > since)
    return statement.where(*of_kind(call, asked, kind.sample_id, kind is ROBOT))


def _as_it_is(_: str, value: Any) -> Any:
    return value


def _answering(call: Call, loaded: Loaded, total: int) -> Callable[[], Page]:
    """The work that is left once the transaction is over: to look which pictures there are."""

    def work() -> Page:
        return call.paged(loaded.answers(present(call.services.settings, loaded.pictures)), total)

    return work
