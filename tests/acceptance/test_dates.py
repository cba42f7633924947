"""Dates: without an offset they are in the site's zone however they are sent, and the calendar's ends are no fault."""

from typing import Any

import pytest

from tests.acceptance.client import Client
from tests.acceptance.conftest import Serve
from tests.acceptance.making import make_batch, unique
from tests.conftest import DATABASES

ZONES = ("America/La_Paz", "Pacific/Auckland")


@pytest.fixture(scope="module", params=list(zip(DATABASES, ZONES, strict=True)), ids="-".join)
def laboratory(request: pytest.FixtureRequest, serve: Serve) -> Client:
    database, zone = request.param
    profiles = "lims,ispyb"
    return Client(serve(database, OBJAPI_TIMEZONE=zone, OBJAPI_PROFILES=profiles), "admin")


SAME_MIDNIGHT = ("2031-02-01", "20310201", "2031/02/01", "2031-02-01 00:00", "2031-02-01T00:00:00", "1 Feb 2031")


def test_a_day_is_the_same_instant_in_every_spelling_and_place(laboratory: Client) -> None:
    client = laboratory
    for written in SAME_MIDNIGHT:
        mark = unique("dated")
        batch = make_batch(client, title=mark, BatchDate=written)
        found = client.only(UID=batch["obj_uid"], catalog_name="bika_catalog")
        assert found["BatchDate"].startswith("2031-02-01T00:00:00"), (written, found["BatchDate"])
        for asked in SAME_MIDNIGHT:
            for name in ("BatchDate", "BatchDate:date"):
                criteria = {"catalog_name": "bika_catalog", "title": mark, name: asked}
                assert client.read(**criteria)["total_objects"] == 1, (written, name, asked)
    for name in ("BatchDate", "BatchDate:date"):
        for sent in SAME_MIDNIGHT:
            client.call("update", {"obj_uid": batch["obj_uid"], name: sent})
            found = client.only(UID=batch["obj_uid"], catalog_name="bika_catalog")
            assert found["BatchDate"].startswith("2031-02-01T00:00:00"), (name, sent)


def test_the_days_of_a_month_are_those_of_the_site(laboratory: Client) -> None:
    client = laboratory
    mark = unique("month")
    inside = ["2031-02-01", "2031-02-28T23:30:00"]
    made = [make_batch(client, title=mark, BatchDate=day)["obj_id"] for day in inside]
    for day in ("2031-01-31T23:30:00", "2031-03-01"):
        make_batch(client, title=mark, BatchDate=day)
    for first, last in (("2031-02-01", "2031-02-28T23:59"), ("2031/02/01", "2031/02/28 23:59")):
        asked = {"BatchDate.query:record:list": [first, last], "BatchDate.range:record": "min:max"}
        answer = client.read(catalog_name="bika_catalog", title=mark, **asked)
        assert [item["id"] for item in answer["objects"]] == made


@pytest.mark.parametrize("field", ["startDate", "endDate"])
def test_a_wall_clock_column_is_written_and_found_as_it_is_read(laboratory: Client, field: str) -> None:
    client = laboratory
    session = client.read(portal_type="BLSession", page_size="1")["objects"][0]
    client.call("update", {"obj_path": session["path"], field: "2031-07-01T10:00:00"})
    found = client.only(portal_type="BLSession", **{field: "2031-07-01T10:00:00"})
    assert found["path"] == session["path"]
    assert found[field].startswith("2031-07-01T10:00:00")
    assert client.only(portal_type="BLSession", **{field: found[field]})["path"] == session["path"]
    client.call("update", {"obj_path": session["path"], field: session[field]})


FAR = ("6053-01-23", "6054-01-01", "9999-12-31", "9999-12-31T12:00:00", "1000-01-01", "0001-01-02")


@pytest.mark.parametrize("day", FAR)
def test_the_ends_of_the_calendar_are_kept_found_and_sorted(laboratory: Client, day: str) -> None:
    client = laboratory
    mark = unique("far")
    batch = make_batch(client, title=mark)
    rows = [{"obj_uid": batch["obj_uid"], "fields": {"BatchDate": day, "expirationDate": day, "effectiveDate": day}}]
    body: dict[str, Any] = {"input_values": rows, "partial": "1"}
    dry = client.json("update_many", {**body, "dry_run": "1"}).json()
    done = client.json("update_many", body).json()
    assert dry["success"] is done["success"] is True, (dry, done)
    for asked in (
        {"BatchDate": day},
        {"BatchDate": day, "BatchDate_range": "min"},
        {"BatchDate": day, "BatchDate_range": "max"},
        {"BatchDate.query:record:list": ["0001-01-02", "9999-12-31"], "BatchDate.range:record": "min:max"},
        {"sort_on": "BatchDate"},
    ):
        found = client.only(catalog_name="bika_catalog", title=mark, **asked)
        assert found["BatchDate"].startswith(day[:10])
        assert found["expirationDate"].startswith(day[:10])


@pytest.mark.parametrize("day", ["9999-12-31T12:00:00", "9999-12-31", "1000-01-02"])
def test_the_ends_of_the_calendar_in_a_wall_clock_column(laboratory: Client, day: str) -> None:
    client = laboratory
    session = client.read(portal_type="BLSession", page_size="1")["objects"][0]
    client.call("update", {"obj_path": session["path"], "endDate": day})
    for asked in (
        {"endDate": day},
        {"endDate": day, "endDate_range": "min:max"},
        {"endDate": day, "endDate_range": "max"},
    ):
        assert session["path"] in [item["path"] for item in client.read(portal_type="BLSession", **asked)["objects"]]
    client.call("update", {"obj_path": session["path"], "endDate": session["endDate"]})


@pytest.mark.parametrize(
    "text", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00", "10000-01-01", "0000-01-01"]
)
def test_a_date_outside_the_calendar_is_refused_by_name(laboratory: Client, text: str) -> None:
    client = laboratory
    batch = make_batch(client)
    for dry_run in ("1", "0"):
        request = {"obj_uid": batch["obj_uid"], "BatchDate": text, "dry_run": dry_run}
        body = client.refused("update", request, status=422)
        assert "BatchDate" in body["message"]
    client.refused("read", {"catalog_name": "bika_catalog", "BatchDate": text}, status=400)
