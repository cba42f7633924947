"""The method `charts`: what an object, or the site, is looked at over time."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta, tzinfo
from itertools import pairwise
from typing import Final

from objapi.api.answer_schemas import RECORD, RECORDS, TEXT, TEXTS, list_of, optional_members
from objapi.api.method import Json, Method, MethodCall
from objapi.api.methods.reading import OBJECT, selected
from objapi.api.parameters import LANGUAGE, Control
from objapi.errors import BadRequest
from objapi.http.access import API
from objapi.model.charts import Chart
from objapi.model.labels import Labels
from objapi.security.needs import Need
from objapi.store.requests import Find
from objapi.store.transaction import EntityRecord, Transaction

MOST_WEEKS: Final = 53
_WEEKS: Final = 12
_OF_EVERY_VALUE: Final = ("UID", "id", "path", "portal_type", "title")


def charts(call: MethodCall, tx: Transaction) -> Json:
    """The charts that the profile declares for an object, each with the `query` of its values, in their order.

    Without an object the charts of the site for the roles of the caller, with numbers for each of the last `weeks`.
    """
    weeks = call.controls.whole("weeks")
    weeks = _WEEKS if weeks is None else weeks
    if not 1 <= weeks <= MOST_WEEKS:
        raise BadRequest.of_parameter("weeks", f"weeks: a number from 1 to {MOST_WEEKS} is expected.")
    declared = tx.registry.charts.values()
    if call.controls.text("obj_path") is None and call.controls.text("obj_uid") is None:
        mine = [chart for chart in declared if not chart.of and chart.is_for(tx.user.roles)]
        starts = _mondays(tx.now, call.settings.timezone, weeks)
        return call.with_warnings({"charts": [_counted(tx, chart, starts) for chart in mine]})
    found = tx.entity(selected(call, tx))
    labels = tx.registry.labels(call.controls.text("language"))
    return call.with_warnings(
        {"charts": [_drawn(chart, found, labels) for chart in declared if found.portal_type in chart.of]}
    )


def _named(chart: Chart) -> dict[str, object]:
    return {"name": chart.name, "title": chart.title, "titles": dict(chart.titles), "types": list(chart.types)}


def _drawn(chart: Chart, found: EntityRecord, labels: Labels) -> Json:
    fields = [chart.value, chart.date, chart.line, chart.unit]
    if chart.range is not None:
        fields.append(chart.range.field)
    if chart.expected is not None:
        fields.append(chart.expected.of)
    query = {
        **chart.criteria_of(found.path, found.uid),
        "catalog_name": chart.catalog,
        "sort_on": [chart.date_index],
        "sort_order": "descending",
        "include_fields": list(dict.fromkeys([*_OF_EVERY_VALUE, *(name for name in fields if name)])),
    }
    limits, expected = chart.range, chart.expected
    return {
        **_named(chart),
        "query": query,
        "value": chart.value,
        "date": chart.date,
        "date_index": chart.date_index,
        "line": chart.line or None,
        "unit": chart.unit or None,
        "filters": list(chart.filters),
        "filter_titles": {index: labels.of_index(index) for index in chart.filters},
        "range": None if limits is None else {"field": limits.field, "low": limits.low, "high": limits.high},
        "expected": None if expected is None else {name: getattr(expected, name) for name in expected.__slots__},
    }


def _counted(tx: Transaction, chart: Chart, starts: list[datetime]) -> Json:
    weeks = list(pairwise(starts))
    return {
        **_named(chart),
        "weeks": [start.date().isoformat() for start in starts[:-1]],
        "counts": [
            {"title": one.title, "titles": dict(one.titles), "numbers": list(_numbers(tx, chart, one.index, weeks))}
            for one in chart.counts
        ],
    }


def _numbers(tx: Transaction, chart: Chart, index: str, weeks: list[tuple[datetime, datetime]]) -> Iterator[int]:
    for start, end in weeks:
        asked = {**chart.criteria, index: {"ge": start.isoformat(), "lt": end.isoformat()}}
        yield tx.find(Find(asked, catalog=chart.catalog, count_only=True, strict=True)).total


def _mondays(now: datetime, zone: tzinfo, weeks: int) -> list[datetime]:
    """The beginnings of the last weeks, this one included, and of the next one, by the clock of the zone."""
    today = now.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    days = [monday + timedelta(weeks=number) for number in range(1 - weeks, 2)]
    return [datetime.combine(day, time(), zone) for day in days]


CHARTS: Final = (
    Method(
        name="charts",
        access=API,
        needs=(Need.VIEW,),
        controls=(
            *OBJECT,
            Control("weeks", "whole", about=f"How many weeks are counted, at most {MOST_WEEKS}; {_WEEKS} without it."),
            LANGUAGE,
        ),
        answer={
            "charts": list_of(
                optional_members(
                    {
                        "name": TEXT,
                        "title": TEXT,
                        "titles": RECORD,
                        "types": TEXTS,
                        "query?": RECORD,
                        "weeks?": TEXTS,
                        "counts?": RECORDS,
                    }
                )
            )
        },
        run=charts,
    ),
)
