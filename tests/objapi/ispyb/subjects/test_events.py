"""Events: folding, kinds, filters, order, rights, and what each event carries."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from objapi.app import create_app
from objapi.ispyb.database import Database, MissingSchema
from objapi.profiles.ispyb import tables as t
from objapi.site import Site
from tests.objapi.ispyb.calling import Api, Rows, at, body, faults
from tests.objapi.ispyb.scenery import collection, collection_group, count_statements, noted_statements, sample

Keys = Mapping[str, Any]


@pytest.fixture
def application(ispyb_site: Site, tmp_path: Path) -> Flask:
    """The application with one data root, which holds one picture."""
    (tmp_path / "x1.jpeg").write_text("picture")
    settings = replace(ispyb_site.settings, ispyb_data_roots=(tmp_path,), ispyb_path_map=str(tmp_path))
    return create_app(site=replace(ispyb_site, settings=settings))


@pytest.fixture
def happened(rows: Rows, seeded: Keys) -> dict[str, Any]:
    """In MX1-1 two groups of three and one collections, an action, a spectrum and a scan; one collection in BX2-1."""
    keys = dict(seeded)
    keys["sample"] = sample(rows, keys["MX1"], "s1")
    keys["workflow"] = rows.add(t.Workflow, workflowTitle="grid", workflowType="MeshScan", status="done", comments="c")
    keys["mesh"] = collection_group(
        rows, keys["MX1-1"], experimentType="Mesh", blSampleId=keys["sample"], workflowId=keys["workflow"]
    )
    keys["m1"] = collection(rows, keys["mesh"], 0, runStatus="Successful")
    keys["m2"] = collection(rows, keys["mesh"], 10, runStatus="Successful")
    keys["m3"] = collection(rows, keys["mesh"], 5, runStatus="aborted by user", wavelength=0.9)
    keys["osc"] = collection_group(rows, keys["MX1-1"])
    keys["o1"] = collection(rows, keys["osc"], 20, runStatus="Data collection failed")
    keys["bx"] = collection(rows, collection_group(rows, keys["BX2-1"]), 25)
    keys["robot"] = rows.add(
        t.RobotAction,
        blsessionId=keys["MX1-1"],
        blsampleId=keys["sample"],
        actionType="LOAD",
        status="SUCCESS",
        message="loaded",
        startTimestamp=at(2023, 1, 1, 9, 50),
        endTimestamp=at(2023, 1, 1, 9, 53),
    )
    times = {"startTime": at(2023, 1, 1, 11), "endTime": at(2023, 1, 1, 11, 30)}
    keys["xrf"] = rows.add(t.XFEFluorescenceSpectrum, sessionId=keys["MX1-1"], **times)
    keys["es"] = rows.add(t.EnergyScan, sessionId=keys["MX1-1"], startTime=at(2023, 1, 1, 12))
    return keys


def seen(api: Api, token: str, **query: Any) -> list[tuple[str, int, int]]:
    """Kind, id and count of the events that a list gives."""
    page = body(api.get("/events", token, **query))
    assert page["total"] == len(page["results"])
    return [(event["type"], event["id"], event["count"]) for event in page["results"]]


def test_events_of_all_kinds_are_one_list_with_the_latest_first(api: Api, happened: Keys) -> None:
    assert seen(api, api.token(happened["member"])) == [
        ("es", happened["es"], 1),
        ("xrf", happened["xrf"], 1),
        ("dc", happened["o1"], 1),
        ("dc", happened["m3"], 3),
        ("robot", happened["robot"], 1),
    ]


def test_events_are_seen_by_session(api: Api, rows: Rows, happened: Keys) -> None:
    other = collection(rows, collection_group(rows, happened["MX1-2"]))
    assert seen(api, api.token(happened["visitor"])) == [("dc", other, 1)]
    assert seen(api, api.token(happened["outsider"])) == []
    assert len(seen(api, api.token(1, "all_proposals"))) == 7


def test_a_folded_event_spans_the_collections_of_its_group(api: Api, rows: Rows, happened: Keys) -> None:
    for name in ("m1", "m1", "m3", "o1"):
        rows.add(t.DataCollectionFileAttachment, dataCollectionId=happened[name], fileFullPath="/a", fileType="log")
    grid = {"steps_x": 3, "pixelspermicronX": 0.5, "snapshot_offsetxpixel": 7, "snaked": 1}
    key = rows.add(t.GridInfo, dataCollectionGroupId=happened["mesh"], **grid)
    event = body(api.get("/events", api.token(happened["member"]), eventType="Mesh"))["results"][0]
    item = event.pop("Item")
    assert event == {
        "id": happened["m3"],
        "type": "dc",
        "startTime": "2023-01-01T10:00:00",
        "endTime": "2023-01-01T10:12:00",
        "duration": 6.0,
        "count": 3,
        "session": "MX1-1",
        "sessionId": happened["MX1-1"],
        "proposal": "MX1",
        "blSample": "s1",
        "blSampleId": happened["sample"],
        "attachments": 3,
    }
    assert (item["dataCollectionId"], item["runStatus"], item["wavelength"]) == (
        happened["m3"],
        "aborted by user",
        pytest.approx(0.9),
    )
    assert item["DataCollectionGroup"] == {
        "dataCollectionGroupId": happened["mesh"],
        "experimentType": "Mesh",
        "Workflow": {
            "workflowId": happened["workflow"],
            "comments": "c",
            "status": "done",
            "workflowTitle": "grid",
            "workflowType": "MeshScan",
        },
    }
    (found,) = item["GridInfo"]
    assert (found["gridInfoId"], found["pixelsPerMicronX"], found["snapshot_offsetXPixel"], found["snaked"]) == (
        key,
        0.5,
        7,
        True,
    )
    assert found["orientation"] == "horizontal"


def test_the_collections_of_one_group_are_events_of_their_own(api: Api, rows: Rows, happened: Keys) -> None:
    rows.add(t.DataCollectionFileAttachment, dataCollectionId=happened["m1"], fileFullPath="/a", fileType="log")
    token = api.token(happened["member"])
    query = {"dataCollectionGroupId": happened["mesh"]}
    assert seen(api, token, **query) == [("dc", happened[name], 1) for name in ("m2", "m3", "m1")]
    results = body(api.get("/events", token, **query))["results"]
    assert [(event["duration"], event["attachments"]) for event in results] == [(2.0, 0), (2.0, 0), (2.0, 1)]


def test_events_of_other_kinds_carry_little(api: Api, happened: Keys) -> None:
    results = body(api.get("/events", api.token(happened["member"]), sessionId=happened["MX1-1"]))["results"]
    by_type = {event["type"]: event for event in results}
    assert by_type["robot"]["Item"] == {"actionType": "LOAD", "status": "SUCCESS", "message": "loaded"}
    assert by_type["xrf"]["Item"] == {"xfeFluorescenceSpectrumId": happened["xrf"]}
    assert by_type["es"]["Item"] == {"energyScanId": happened["es"]}
    assert [by_type[name]["duration"] for name in ("robot", "xrf", "es")] == [3.0, 30.0, None]
    assert by_type["robot"]["blSample"] == "s1"
    assert by_type["es"]["endTime"] is None
    assert by_type["robot"]["attachments"] == 0


def test_an_event_says_which_pictures_there_are(api: Api, rows: Rows, happened: Keys) -> None:
    key = collection(
        rows, happened["osc"], 30, xtalSnapshotFullPath1="/x1.jpeg", xtalSnapshotFullPath2="/x2.jpeg",
        imageQualityIndicatorsPlotPath="/x1.jpeg",
    )  # fmt: skip
    event = body(api.get("/events", api.token(happened["member"]), dataCollectionId=key))["results"][0]
    assert event["Item"]["_metadata"] == {
        "snapshots": {"1": True, "2": False, "3": False, "4": False, "analysis": True}
    }


def test_events_are_filtered(api: Api, rows: Rows, happened: Keys) -> None:
    sub_sample = rows.add(t.BLSubSample, blSampleId=happened["sample"])
    keys = dict(happened)
    keys["sub"] = collection(rows, happened["mesh"], 50, blSubSampleId=sub_sample)
    protein = rows.all(t.Protein)[0]["proteinId"]
    everything = ["es", "xrf", "bx", "o1", "sub", "robot"]
    for query, names in (
        ({}, everything),
        ({"session": "mx1-1"}, ["es", "xrf", "o1", "sub", "robot"]),
        ({"session": "MX1-9"}, []),
        ({"sessionId": happened["BX2-1"]}, ["bx"]),
        ({"sessionId": 0}, []),
        ({"proposal": "BX2"}, ["bx"]),
        ({"proposal": "ZZ9"}, []),
        ({"proposalId": happened["BX2"]}, ["bx"]),
        ({"beamLineName": "ID30A-1"}, everything),
        ({"beamLineName": "ID23-1"}, []),
        ({"dataCollectionId": happened["m1"]}, ["m1"]),
        ({"blSampleId": happened["sample"]}, ["sub", "robot"]),
        ({"blSubSampleId": sub_sample}, ["sub"]),
        ({"proteinId": protein}, ["sub", "robot"]),
        ({"proteinId": 0}, []),
        ({"eventType": "robot"}, ["robot"]),
        ({"eventType": "xrf"}, ["xrf"]),
        ({"eventType": "es"}, ["es"]),
        ({"eventType": "OSC"}, ["bx", "o1"]),
        ({"eventType": "dc"}, []),
        ({"eventType": "robot", "dataCollectionId": happened["m1"]}, []),
        ({"status": "success"}, ["m2", "robot"]),
        ({"status": "failed"}, ["o1", "m3"]),
        ({"status": "failed", "eventType": "robot"}, []),
        ({"status": "processed", "eventType": "xrf"}, []),
    ):
        token = api.token(1, "all_proposals")
        found = [(kind, key) for kind, key, _ in seen(api, token, **query)]
        expected = [(name if name in ("es", "xrf", "robot") else "dc", keys[name]) for name in names]
        assert sorted(found) == sorted(expected), query


def test_only_the_collections_that_a_filter_leaves_are_folded(api: Api, rows: Rows, happened: Keys) -> None:
    rows.add(t.DataCollectionFileAttachment, dataCollectionId=happened["m3"], fileFullPath="/a", fileType="log")
    token = api.token(happened["member"])
    assert seen(api, token, status="success", eventType="Mesh") == [("dc", happened["m2"], 2)]
    (event,) = body(api.get("/events", token, status="success", eventType="Mesh"))["results"]
    assert (event["duration"], event["attachments"]) == (4.0, 0)


@pytest.mark.parametrize("status", ["1", "SUCCESS"])
def test_processed_collections_are_found_by_integration_or_job(
    api: Api, rows: Rows, happened: Keys, status: str
) -> None:
    done = rows.add(t.AutoProcProgram, processingStatus=status)
    rows.add(t.AutoProcIntegration, dataCollectionId=happened["m1"], autoProcProgramId=done)
    failed = rows.add(t.AutoProcProgram, processingStatus="FAILED")
    rows.add(t.AutoProcIntegration, dataCollectionId=happened["m2"], autoProcProgramId=failed)
    job = rows.add(t.ProcessingJob, dataCollectionId=happened["o1"])
    rows.add(t.AutoProcProgram, processingStatus=status, processingJobId=job)
    assert seen(api, api.token(happened["member"]), status="processed") == [
        ("dc", happened["o1"], 1),
        ("dc", happened["m1"], 1),
    ]


def test_collections_with_troubled_processing_are_found(api: Api, rows: Rows, happened: Keys) -> None:
    for name, severity in (("m1", "INFO"), ("m2", "WARNING"), ("o1", "ERROR")):
        program = rows.add(t.AutoProcProgram)
        rows.add(t.AutoProcIntegration, dataCollectionId=happened[name], autoProcProgramId=program)
        rows.add(t.AutoProcProgramMessage, autoProcProgramId=program, severity=severity)
    assert seen(api, api.token(happened["member"]), status="processerror") == [
        ("dc", happened["o1"], 1),
        ("dc", happened["m2"], 1),
    ]


def test_a_database_without_jobs_messages_and_grids_of_collections_has_events(
    api: Api, happened: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = frozenset(
        {("AutoProcProgram", "processingJobId"), ("GridInfo", "dataCollectionId"), ("GridInfo", "snaked")}
    )
    tables = frozenset({"ProcessingJob", "AutoProcProgramMessage"})
    monkeypatch.setattr(Database, "missing", MissingSchema(tables, columns))
    token = api.token(happened["member"])
    assert len(seen(api, token)) == 5
    assert seen(api, token, status="processerror") == []
    assert seen(api, token, status="processed") == []


def test_events_need_the_same_number_of_statements_for_any_number_of_rows(api: Api, rows: Rows, happened: Keys) -> None:
    token = api.token(happened["member"])
    few = count_statements(api, "/events", token)
    for minute in range(5):
        collection(rows, collection_group(rows, happened["MX1-1"], blSampleId=happened["sample"]), minute)
    assert count_statements(api, "/events", token) == few
    assert few <= 10
    page = body(api.get("/events", token, skip=2, limit=3))
    assert (page["total"], len(page["results"]), page["skip"], page["limit"]) == (10, 3, 2, 3)


def test_wrong_filters_of_events_are_listed(api: Api, happened: Keys) -> None:
    response = api.get("/events", api.token(1), status="done", session="MX1", proposal="MX", sessionId="a", limit=0)
    assert faults(response) == [
        (["query", "status"], "type_error.enum"),
        (["query", "session"], "value_error.str.regex"),
        (["query", "sessionId"], "type_error.integer"),
        (["query", "proposal"], "value_error.str.regex"),
        (["query", "limit"], "value_error.number.not_gt"),
    ]


@pytest.mark.parametrize(
    ("person", "query", "types"),
    [
        ("member", {}, ["Mesh", "OSC", "robot", "xrf", "es"]),
        ("member", {"session": "MX1-2"}, []),
        ("member", {"sessionId": "MX1-1"}, ["Mesh", "OSC", "robot", "xrf", "es"]),
        ("member", {"blSampleId": "sample"}, ["Mesh", "robot"]),
        ("visitor", {}, []),
        ("outsider", {}, []),
    ],
)
def test_the_types_of_events_that_occur(
    api: Api, happened: Keys, person: str, query: dict[str, Any], types: list[str]
) -> None:
    asked = {name: happened[value] if name.endswith("Id") else value for name, value in query.items()}
    page = body(api.get("/events/types", api.token(happened[person]), skip=-1, **asked))
    assert [entry["eventType"] for entry in page["results"]] == types
    assert (page["total"], page["skip"], page["limit"]) == (len(types), 0, len(types))


def test_the_types_of_events_are_named(api: Api, rows: Rows, happened: Keys) -> None:
    collection_group(rows, happened["MX1-1"], experimentType="Burn")
    protein = rows.all(t.Protein)[0]["proteinId"]
    page = body(api.get("/events/types", api.token(1, "all_proposals"), proteinId=protein))
    assert page["results"] == [
        {"eventTypeName": "Mesh", "eventType": "Mesh"},
        {"eventTypeName": "Sample Actions", "eventType": "robot"},
    ]
    titles = api.seen("/events/types", api.token(1, "all_proposals"), "eventTypeName")
    assert titles == ["Mesh", "OSC", "Sample Actions", "XRF Spectrum", "Energy Scan"]


LATEST = "objapi.ispyb.subjects.events.routes._LATEST"


@pytest.mark.parametrize("latest", [(1,), (2, 5)])
@pytest.mark.parametrize("who", ["outsider", "member"])
def test_a_page_among_the_latest_events_is_that_of_all(
    api: Api, rows: Rows, happened: Keys, who: str, latest: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in range(4):
        group = collection_group(
            rows, happened[("MX1-1", "MX1-2")[place % 2]], experimentType=("Mesh", "OSC")[place % 2]
        )
        for minute in (30 - place, 40 + place, 2 * place):
            collection(rows, group, minute, runStatus=("Successful", "failed")[minute % 2])
    collection(rows, collection_group(rows, happened["MX1-1"]), 50, startTime=None)
    token = api.token(happened[who], *(("all_proposals",) if who == "outsider" else ()))
    questions = [
        {"skip": skip, "limit": limit} | more
        for skip, limit in ((0, 1), (0, 3), (2, 2), (0, 25))
        for more in ({}, {"status": "success"}, {"eventType": "Mesh"})
    ]
    pages = []
    for places in ((), latest):
        monkeypatch.setattr(LATEST, places)
        pages.append([body(api.get("/events", token, **question)) for question in questions])
    assert pages[0] == pages[1]
    assert any(page["results"] for page in pages[0])


def test_a_page_of_everything_folds_the_latest_groups_alone(
    api: Api, rows: Rows, happened: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LATEST, (4,))
    for _ in range(6):
        collection(rows, collection_group(rows, happened["MX1-2"]), 30)
    with noted_statements(rows.engine) as texts:
        api.get("/events", api.token(happened["outsider"], "all_proposals"), limit=1)
    folding = [text for text in texts if "GROUP BY" in text and "UNION ALL" in text]
    assert all("later" in text for text in folding)
    assert len(folding) == 1
