"""Statistics: the course of a session or run, how time was spent, failures, hours of the day, energies, runs."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from objapi.app import create_app
from objapi.ispyb.database import Database, MissingSchema
from objapi.ispyb.subjects.stats.counts import merged
from objapi.ispyb.values.conversions import energy_of
from objapi.profiles.ispyb import tables as t
from objapi.site import Site
from tests.objapi.ispyb.calling import Api, Rows, at, body
from tests.objapi.ispyb.scenery import collection, collection_group, count_statements, sample

Keys = Mapping[str, Any]

PATHS = ("/stats/breakdown", "/stats/times", "/stats/errors", "/stats/hourlies", "/stats/parameters/histogram")
KINDS = ("dc", "robot", "edge", "xrf", "centring", "strategy")


@pytest.fixture
def application(ispyb_site: Site, tmp_path: Path) -> Flask:
    """The application with one data root, which holds the logs of two failed data collections."""
    for name, line in (("err1", "motor 7 did not move"), ("err2", "motor 8 did not move"), ("err3", "no beam")):
        (tmp_path / f"{name}.log").write_text(f"begin\n{line}\n")
    settings = replace(ispyb_site.settings, ispyb_data_roots=(tmp_path,), ispyb_path_map=str(tmp_path))
    return create_app(site=replace(ispyb_site, settings=settings))


@pytest.fixture
def spent(rows: Rows, seeded: Keys) -> dict[str, Any]:
    """Session MX1-1 (from 9 to 9 the next day) with something of each kind; a collection in MX1-2; a run over both."""
    keys = dict(seeded)
    keys["sample"] = sample(rows, keys["MX1"], "s1")
    keys["group"] = collection_group(rows, keys["MX1-1"], blSampleId=keys["sample"], experimentType="Mesh")
    keys["first"] = collection(
        rows, keys["group"], 10, runStatus="Successful", wavelength=1, beamSizeAtSampleX=0.5, chiStart=3, kappaStart=4
    )
    keys["second"] = collection(rows, keys["group"], 30)
    collection(rows, collection_group(rows, keys["MX1-1"]), 50, endTime=None)
    keys["third"] = collection(rows, collection_group(rows, keys["MX1-2"]), 20)
    for kind, start, minutes in (("LOAD", at(2023, 1, 1, 10, 1), 3), ("UNLOAD", at(2023, 1, 1, 11), 6)):
        rows.add(
            t.RobotAction,
            blsessionId=keys["MX1-1"],
            blsampleId=keys["sample"],
            actionType=kind,
            status="SUCCESS",
            startTimestamp=start,
            endTimestamp=start + timedelta(minutes=minutes),
        )
    rows.add(t.Screening, dataCollectionId=keys["first"], bltimeStamp=at(2023, 1, 1, 10, 18))
    rows.add(t.Screening, dataCollectionId=keys["first"], bltimeStamp=at(2023, 1, 1, 10, 24))
    for table, minutes in ((t.EnergyScan, 12), (t.XFEFluorescenceSpectrum, 18)):
        start = at(2023, 1, 1, 13)
        end = start + timedelta(minutes=minutes)
        rows.add(table, sessionId=keys["MX1-1"], blSampleId=keys["sample"], startTime=start, endTime=end)
        rows.add(table, sessionId=keys["MX1-1"], startTime=start)
    rows.add(
        t.BF_fault,
        sessionId=keys["MX1-1"],
        beamtimelost=1,
        beamtimelost_starttime=at(2023, 1, 1, 14),
        beamtimelost_endtime=at(2023, 1, 1, 16),
    )
    keys["run"] = rows.add(t.v_run, run="2023-1", startDate=at(2022, 12, 1), endDate=at(2023, 2, 1))
    return keys


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("query", [{}, {"runId": 1}, {"beamLineName": "ID30A-1"}, {"session": ""}])
def test_what_is_asked_for_must_be_named(api: Api, seeded: Keys, path: str, query: dict[str, Any]) -> None:
    asked = {name: value for name, value in query.items() if value != ""}
    response = api.get(path, api.token(seeded["member"]), **asked)
    assert response.status_code == 422
    assert isinstance(body(response)["detail"], str)
    if path.endswith("histogram"):
        assert body(response) == {"detail": "Please provide either `session` or `runId`"}


def test_the_course_of_a_session(api: Api, spent: Keys) -> None:
    token = api.token(spent["member"])
    answer = body(api.get("/stats/breakdown", token, sessionId=spent["MX1-1"]))
    assert answer == body(api.get("/stats/breakdown", token, session="mx1-1"))
    assert answer["overview"] == {
        "startDate": "2023-01-01T09:00:00",
        "endDate": "2023-01-02T09:00:00",
        "duration": 24.0,
        "beamLineName": "ID30A-1",
        "sessionId": str(spent["MX1-1"]),
        "session": "MX1-1",
        "counts": {
            "datacollections": 2,
            "failed": 0,
            "datacollectionTypes": {"Mesh": 2},
            "robot": 2,
            "edge": 2,
            "xrf": 2,
        },
    }
    by_kind = {kind: [point for point in answer["history"] if point["eventType"] == kind] for kind in KINDS}
    assert [len(points) for points in by_kind.values()] == [2, 2, 1, 1, 1, 1]
    assert by_kind["dc"][0] == {
        "eventType": "dc",
        "startTime": "2023-01-01T10:10:00",
        "endTime": "2023-01-01T10:12:00",
        "protein": "protein of s1",
        "sample": "s1",
        "subType": "Mesh",
        "status": "Successful",
        "title": None,
        "session": None,
        "sessionId": None,
    }
    assert [point["subType"] for point in by_kind["robot"]] == ["LOAD", "UNLOAD"]
    waits = [(by_kind[kind][0]["startTime"], by_kind[kind][0]["endTime"]) for kind in ("centring", "strategy")]
    assert waits == [
        ("2023-01-01T10:04:00", "2023-01-01T10:10:00"),
        ("2023-01-01T10:12:00", "2023-01-01T10:24:00"),
    ]


def test_the_parameters_of_a_session_are_parallel_lists(api: Api, spent: Keys) -> None:
    plottables = body(api.get("/stats/breakdown", api.token(spent["member"]), session="MX1-1"))["plottables"]
    assert plottables["time"] == ["2023-01-01T10:10:00", "2023-01-01T10:30:00"]
    assert [(series["title"], series["data"]) for series in plottables["series"]] == [
        ("energy", [12398, None]),
        ("beamSizeAtSampleX", [0.5, None]),
        ("beamSizeAtSampleY", [None, None]),
        ("chiStart", [3, None]),
        ("phiStart", [None, None]),
        ("kappaStart", [4, None]),
    ]


def test_the_course_of_a_run_at_a_beamline(api: Api, spent: Keys) -> None:
    query = {"beamLineName": "ID30A-1", "runId": spent["run"]}
    answer = body(api.get("/stats/breakdown", api.token(spent["member"]), **query))
    assert (answer["overview"]["run"], answer["overview"]["duration"]) == ("2023-1", 62 * 24)
    assert answer["overview"]["counts"]["datacollections"] == 2
    assert {point["eventType"] for point in answer["history"]} == {"dc", "robot", "edge", "xrf", "session"}
    assert answer["history"][-1] == {
        "eventType": "session",
        "startTime": "2023-01-01T09:00:00",
        "endTime": "2023-01-02T09:00:00",
        "protein": None,
        "sample": None,
        "subType": None,
        "status": None,
        "title": "About MX",
        "session": "MX1-1",
        "sessionId": str(spent["MX1-1"]),
    }


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ({"session": "MX1-9"}, "Session not found"),
        ({"sessionId": 0}, "Session not found"),
        ({"session": "BX2-1"}, "Session not found"),
        ({"beamLineName": "ID30A-1", "runId": "0"}, "Run not found"),
        ({"beamLineName": "ID30A-1", "runId": "2023-1"}, "Run not found"),
    ],
)
def test_a_course_of_what_is_unknown_or_out_of_sight_is_not_found(
    api: Api, spent: Keys, query: dict[str, Any], detail: str
) -> None:
    response = api.get("/stats/breakdown", api.token(spent["member"]), **query)
    assert (response.status_code, response.json) == (404, {"detail": detail})


def test_the_hours_of_a_session(api: Api, spent: Keys) -> None:
    answer = body(api.get("/stats/times", api.token(spent["member"]), session="MX1-1"))
    expected = {
        "duration": 24,
        "startup": 70 / 60,
        "datacollection": 4 / 60,
        "edge": 12 / 60,
        "xrf": 18 / 60,
        "robot": 9 / 60,
        "strategy": 12 / 60,
        "centring": 6 / 60,
        "fault": 2,
        "remaining": 22 + 28 / 60,
    }
    expected["thinking"] = 24 - sum(hours for name, hours in expected.items() if name not in ("duration", "remaining"))
    assert answer["sessions"] == [pytest.approx({**expected, "sessionId": spent["MX1-1"]})]
    assert answer["average"] == pytest.approx(expected)


def test_the_hours_of_a_proposal_are_those_of_its_visible_sessions(api: Api, spent: Keys) -> None:
    query = {"proposal": "MX1"}
    answer = body(api.get("/stats/times", api.token(spent["member"]), **query))
    assert [entry["sessionId"] for entry in answer["sessions"]] == [spent["MX1-2"], spent["MX1-1"]]
    assert answer["average"]["datacollection"] == pytest.approx(3 / 60)
    assert answer["sessions"][0]["thinking"] == pytest.approx(24 - 2 / 60)
    answer = body(api.get("/stats/times", api.token(spent["visitor"]), **query))
    assert [entry["sessionId"] for entry in answer["sessions"]] == [spent["MX1-2"]]


@pytest.mark.parametrize("query", [{"proposal": "ZZ9"}, {"session": "MX1-9"}, {"beamLineName": "ID0", "runId": "1"}])
def test_nothing_known_means_no_hours(api: Api, spent: Keys, query: dict[str, Any]) -> None:
    answer = body(api.get("/stats/times", api.token(1, "all_proposals"), **query))
    assert answer["sessions"] == []
    assert set(answer["average"].values()) == {0}


def test_failures_are_counted_by_experiment_type(api: Api, rows: Rows, seeded: Keys) -> None:
    mesh = collection_group(rows, seeded["MX1-1"], experimentType="Mesh")
    other = collection_group(rows, seeded["MX1-1"], experimentType=None)
    statuses = ["Successful", "Aborted by user", "failed", "Failed", "out of beam", None]
    for number, status in enumerate(statuses):
        key = collection(rows, mesh, number, runStatus=status)
        for name in ("ok", f"err{number - 1}"):
            rows.add(t.DataCollectionFileAttachment, dataCollectionId=key, fileFullPath=f"/{name}.log", fileType="log")
    collection(rows, other, runStatus="Successful")
    answer = body(api.get("/stats/errors", api.token(seeded["member"]), session="MX1-1"))
    assert answer["totals"] == [
        {
            "experimentType": "Mesh",
            "total": 6,
            "failed": 3,
            "failedPercent": 50.0,
            "aborted": 1,
            "abortedPercent": 16.7,
            "messages": [{"count": 1, "message": "no beam"}, {"count": 2, "message": "motor 7 did not move"}],
        },
        {
            "experimentType": "unknown",
            "total": 1,
            "failed": 0,
            "failedPercent": 0.0,
            "aborted": 0,
            "abortedPercent": 0.0,
            "messages": [],
        },
    ]
    assert body(api.get("/stats/errors", api.token(seeded["visitor"]), session="MX1-1")) == {"totals": []}


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([], []),
        (["a", "b", "a"], [("b", 1), ("a", 2)]),
        (["0123456789", "012345678x", "01234567xy"], [("01234567xy", 1), ("0123456789", 2)]),
        (["", ""], [("", 2)]),
    ],
)
def test_lines_that_are_alike_are_one_message(lines: list[str], found: list[tuple[str, int]]) -> None:
    assert [(entry["message"], entry["count"]) for entry in merged(lines)] == found


def test_hours_of_the_day_hold_the_mean_of_the_days(api: Api, rows: Rows, seeded: Keys) -> None:
    group = collection_group(rows, seeded["MX1-1"])
    for start in (at(2023, 1, 1, 10), at(2023, 1, 1, 10, 59), at(2023, 1, 2, 10), at(2023, 2, 2, 10), None):
        collection(rows, group, startTime=start)
    collection(rows, group, startTime=at(2023, 1, 1, 0))
    for kind in ("LOAD", "UNLOAD", "LOAD"):
        rows.add(t.RobotAction, blsessionId=seeded["MX1-1"], actionType=kind, startTimestamp=at(2023, 1, 1, 23, 5))
    answer = body(api.get("/stats/hourlies", api.token(seeded["member"]), proposal="MX1"))
    assert answer["datacollections"]["hour"] == answer["loaded"]["hour"] == list(range(24))
    means = {hour: mean for hour, mean in enumerate(answer["datacollections"]["average"]) if mean}
    assert means == {0: 1, 10: pytest.approx(4 / 3)}
    assert answer["loaded"]["average"] == [0] * 23 + [2]
    nothing = body(api.get("/stats/hourlies", api.token(seeded["visitor"]), sessionId=seeded["MX1-1"]))
    assert nothing["loaded"]["average"] == [0] * 24


def test_energies_are_counted_in_bins_by_beamline(api: Api, rows: Rows, seeded: Keys) -> None:
    for session, lengths in (("MX1-1", (0.9763, 0.9764, 0.4, None)), ("MX1-2", (12.3,))):
        group = collection_group(rows, seeded[session])
        for wavelength in lengths:
            collection(rows, group, wavelength=wavelength)
    query = {"sessionId": seeded["MX1-1"]}
    answer = body(api.get("/stats/parameters/histogram", api.token(seeded["member"]), **query))
    assert (answer["parameter"], answer["unit"]) == ("energy", "eV")
    (beamline,) = answer["beamLines"]
    assert (beamline["beamLineName"], beamline["bin"]) == ("ID30A-1", list(range(1000, 25000, 200)))
    assert {start: number for start, number in zip(beamline["bin"], beamline["frequency"], strict=True) if number} == {
        12600: 2
    }
    assert energy_of(0.9763) == 12699


def test_runs_are_listed_with_the_latest_first(api: Api, rows: Rows, seeded: Keys) -> None:
    first = rows.add(t.v_run, run="2022-5", startDate=at(2022, 10, 1), endDate=at(2022, 12, 1))
    second = rows.add(t.v_run, run="2023-1", startDate=at(2023, 1, 1), endDate=at(2023, 3, 1))
    page = body(api.get("/stats/runs", api.token(seeded["outsider"]), limit=1))
    assert page == {
        "total": 2,
        "results": [
            {"run": "2023-1", "runId": second, "startDate": "2023-01-01T00:00:00", "endDate": "2023-03-01T00:00:00"}
        ],
        "skip": 0,
        "limit": 1,
    }
    assert api.seen("/stats/runs", api.token(seeded["outsider"]), "runId", skip=1) == [first]


def test_a_database_without_runs_has_none(api: Api, spent: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Database, "missing", MissingSchema(frozenset({"v_run"}), frozenset()))
    token = api.token(spent["member"])
    assert body(api.get("/stats/runs", token)) == {"total": 0, "results": [], "skip": 0, "limit": 25}
    query = {"beamLineName": "ID30A-1", "runId": spent["run"]}
    assert api.get("/stats/breakdown", token, **query).status_code == 404


@pytest.mark.parametrize("path", PATHS)
def test_statistics_need_the_same_number_of_statements_for_any_number_of_rows(
    api: Api, rows: Rows, spent: Keys, path: str
) -> None:
    token = api.token(spent["member"])
    few = count_statements(api, path, token, sessionId=spent["MX1-1"])
    for minute in range(4):
        group = collection_group(rows, spent["MX1-1"], blSampleId=spent["sample"])
        collection(rows, group, minute, runStatus="failed")
        rows.add(t.RobotAction, blsessionId=spent["MX1-1"], blsampleId=spent["sample"], actionType="LOAD")
    assert count_statements(api, path, token, sessionId=spent["MX1-1"]) == few
