"""Events: everything that happened in sessions, latest first, in one list."""

from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa

from catalog.dialect.borrowed import seconds_between
from objapi.ispyb.files.presence import present
from objapi.ispyb.subjects.events.answers import Loaded, load
from objapi.ispyb.subjects.events.filters import (
    COLLECTIONS,
    Asked,
    in_sight,
    look_up,
    of_collections,
    of_kind,
    wanted_kinds,
)
from objapi.ispyb.subjects.events.kinds import KINDS, ROBOT, EventKind
from objapi.ispyb.subjects.events.schemas import Event, EventType
from objapi.ispyb.values.proposal_names import PROPOSAL_NAME, SESSION_NAME
from objapi.ispyb.values.schema import optional
from objapi.ispyb.values.types import INT, TEXT, enum
from objapi.ispyb.wire.call import Call, Page
from objapi.ispyb.wire.response import Later, Paged
from objapi.ispyb.wire.routes import BEARER, Group
from objapi.profiles.ispyb.tables import DataCollection, DataCollectionGroup

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
_TYPE_FILTERS: Final = {name: _FILTERS[name] for name in ("session", "sessionId", "blSampleId", "proteinId")}


@group.get("/events", access=BEARER, query=_FILTERS, answer=Paged(Event))
def list_events(call: Call) -> Page | Later:
    """Everything that happened in sessions, latest start first."""
    kinds, asked = wanted_kinds(call.query), look_up(call)
    parts = [_collections(call, asked)] if COLLECTIONS in kinds else []
    parts += [_others(call, kind, asked) for kind in KINDS if kind.name in kinds]
    if not parts:
        return call.paged([], 0)
    events = sa.union_all(*parts).subquery("events").c
    newest_first = (events.startTime.desc(), events.type, events.id.desc())
    rows, total = call.page(sa.select(*events).order_by(*newest_first))
    return Later(_answering(call, load(call, rows), total))


@group.get("/events/types", access=BEARER, query=_TYPE_FILTERS, answer=Paged(EventType, chosen=False))
def list_event_types(call: Call) -> Page:
    """Which kinds of events occur."""
    collected = sa.exists().where(DataCollection.c.dataCollectionGroupId == DataCollectionGroup.c.dataCollectionGroupId)
    types_of = sa.select(DataCollectionGroup.c.experimentType).distinct().select_from(DataCollectionGroup)
    asked = look_up(call)
    experiments = in_sight(call, types_of, DataCollectionGroup.c.sessionId, asked).where(
        collected, *of_kind(call, asked, DataCollectionGroup.c.blSampleId)
    )
    types = sorted(name for name in call.connection.execute(experiments).scalars() if name)
    occurs: list[sa.ColumnElement[Any]] = [_others(call, kind, asked).exists().label(kind.name) for kind in KINDS]
    there = call.rows(sa.select(*occurs))[0]
    named = [(name, name) for name in types] + [(kind.title, kind.name) for kind in KINDS if there[kind.name]]
    return call.whole([{"eventTypeName": title, "eventType": name} for title, name in named])


def _collections(call: Call, asked: Asked) -> sa.Select[Any]:
    """Data collections: those of a group folded into the one with the highest id, unless one group is asked for."""
    collection, groups = DataCollection.c, DataCollectionGroup.c
    seconds = seconds_between(collection.startTime, collection.endTime)
    folded = call.query["dataCollectionGroupId"] is None
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
    statement = in_sight(call, statement, groups.sessionId, asked).where(*of_collections(call, asked))
    if folded:
        return statement.group_by(groups.dataCollectionGroupId, groups.sessionId, groups.blSampleId)
    return statement


def _others(call: Call, kind: EventKind, asked: Asked) -> sa.Select[Any]:
    """Events of another kind, in the columns of data collections."""
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
    statement = in_sight(call, statement.select_from(kind.key.table), kind.session_id, asked)
    return statement.where(*of_kind(call, asked, kind.sample_id, kind is ROBOT))


def _as_it_is(_: str, value: Any) -> Any:
    return value


def _answering(call: Call, loaded: Loaded, total: int) -> Callable[[], Page]:
    """What is left to do when the database is done with: to look which pictures there are."""

    def work() -> Page:
        return call.paged(loaded.answers(present(call.services.settings, loaded.pictures)), total)

    return work
