"""Characterisation of crystals by a few images: what was found, and the strategies that follow from it."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import sqlalchemy as sa

from catalog.dialect import among
from objapi.ispyb.subjects.processing.schemas import Screening as ScreeningAnswer
from objapi.ispyb.values.schema import optional
from objapi.ispyb.values.types import INT
from objapi.ispyb.wire.call import Call, Page
from objapi.ispyb.wire.response import Paged
from objapi.ispyb.wire.routes import BEARER, Group
from objapi.profiles.ispyb.tables import (
    BLSession,
    DataCollection,
    DataCollectionGroup,
    Screening,
    ScreeningOutput,
    ScreeningOutputLattice,
    ScreeningStrategy,
    ScreeningStrategySubWedge,
    ScreeningStrategyWedge,
)

group: Final = Group("Processing Status and Results")

Answer = dict[str, Any]
Below = dict[str, Callable[[Call, list[int]], dict[int, list[Answer]]]]


@group.get(
    "/processings/screenings",
    access=BEARER,
    query={"dataCollectionId": optional(INT)},
    answer=Paged(ScreeningAnswer),
)
def list_screenings(call: Call) -> Page:
    """Characterisation results."""
    found = sa.union(_of_collections(call), _of_groups(call)).subquery("found")
    statement = sa.select(Screening).join(found, found.c.screeningId == Screening.c.screeningId)
    rows, total = call.page(statement.order_by(Screening.c.screeningId))
    outputs = _outputs(call, [row["screeningId"] for row in rows])
    answers = [
        {
            **row,
            "programVersion": row["programVersion"] or "",
            "ScreeningOutput": outputs.get(row["screeningId"], []),
        }
        for row in rows
    ]
    return call.paged(answers, total)


def _of_collections(call: Call) -> sa.Select[Any]:
    """Visible screenings that name a data collection."""
    return _visible(call, Screening.c.dataCollectionId == DataCollection.c.dataCollectionId)


def _of_groups(call: Call) -> sa.Select[Any]:
    """Visible screenings of a whole group, which belong to each of its data collections."""
    whole = Screening.c.dataCollectionGroupId == DataCollection.c.dataCollectionGroupId
    return _visible(call, whole & Screening.c.dataCollectionId.is_(None))


def _visible(call: Call, link: sa.ColumnElement[bool]) -> sa.Select[Any]:
    groups = DataCollectionGroup.c
    statement = (
        sa.select(Screening.c.screeningId)
        .join_from(Screening, DataCollection, link)
        .join(DataCollectionGroup, groups.dataCollectionGroupId == DataCollection.c.dataCollectionGroupId)
        .join(BLSession, BLSession.c.sessionId == groups.sessionId)
        .where(call.visible(DataCollection, DataCollectionGroup, BLSession))
    )
    key = call.query["dataCollectionId"]
    return statement if key is None else statement.where(DataCollection.c.dataCollectionId == key)


def _children(table: sa.Table, parent: str, below: Below | None = None) -> Any:
    """A function that loads the rows of a table by the keys of their parents, with what is below them in turn."""
    (key,) = table.primary_key.columns.keys()

    def load(call: Call, ids: list[int]) -> dict[int, list[Answer]]:
        rows = call.rows(sa.select(table).where(among(table.c[parent], ids)).order_by(table.c[key]))
        loaded = {name: deeper(call, [row[key] for row in rows]) for name, deeper in (below or {}).items()}
        answers: dict[int, list[Answer]] = {}
        for row in rows:
            deeper_rows = {name: found.get(row[key], []) for name, found in loaded.items()}
            answers.setdefault(row[parent], []).append({**row, **deeper_rows})
        return answers

    return load


def _sub_wedges(call: Call, ids: Iterable[int]) -> dict[int, list[Answer]]:
    """Sub wedges by their wedges; their resolution is answered in capitals."""
    found: dict[int, list[Answer]] = _children(ScreeningStrategySubWedge, "screeningStrategyWedgeId")(call, ids)
    for row in (row for rows in found.values() for row in rows):
        row["RESOLUTION"] = row["resolution"]
    return found


_wedges: Final = _children(ScreeningStrategyWedge, "screeningStrategyId", {"ScreeningStrategySubWedge": _sub_wedges})
_strategies: Final = _children(ScreeningStrategy, "screeningOutputId", {"ScreeningStrategyWedge": _wedges})
_lattices: Final = _children(ScreeningOutputLattice, "screeningOutputId")
_outputs: Final = _children(
    ScreeningOutput, "screeningId", {"ScreeningStrategy": _strategies, "ScreeningOutputLattice": _lattices}
)
