"""Samples and sub samples: who sees them, filters, order, and what hangs on them."""

from collections.abc import Mapping
from typing import Any

import pytest

from objapi.ispyb.database import Database, MissingSchema
from objapi.profiles.ispyb import tables as t
from tests.objapi.ispyb.calling import Api, Rows, body, faults
from tests.objapi.ispyb.scenery import collection, collection_group, container, count_statements, sample

Keys = Mapping[str, Any]

QUEUE = frozenset({("ContainerQueueSample", "blSampleId"), ("ContainerQueueSample", "dataCollectionPlanId")})


def measured(rows: Rows, keys: Keys, name: str, **values: Any) -> int:
    """A sample of MX1 with two data collections, a strategy, and two integrations of one of them."""
    key = sample(rows, keys["MX1"], name, **values)
    group = collection_group(rows, keys["MX1-1"], blSampleId=key)
    first = collection(rows, group)
    other = collection_group(rows, keys["MX1-1"], blSampleId=key, experimentType="Mesh")
    collection(rows, other)
    for where in ({"dataCollectionId": first, "dataCollectionGroupId": group}, {"dataCollectionGroupId": other}):
        screening = rows.add(t.Screening, programVersion="EDNA", **where)
        rows.add(t.ScreeningOutput, screeningId=screening, strategySuccess=1)
        rows.add(t.ScreeningOutput, screeningId=screening, strategySuccess=0)
    for limit in (2.5, 1.75):
        integration = rows.add(t.AutoProcIntegration, dataCollectionId=first)
        scaling = rows.add(t.AutoProcScaling)
        rows.add(t.AutoProcScaling_has_Int, autoProcScalingId=scaling, autoProcIntegrationId=integration)
        for shell in ("overall", "innerShell"):
            rows.add(
                t.AutoProcScalingStatistics,
                autoProcScalingId=scaling,
                scalingStatisticsType=shell,
                resolutionLimitHigh=limit,
            )
    return key


def test_a_sample_is_answered_with_all_that_was_measured_on_it(api: Api, rows: Rows, seeded: Keys) -> None:
    place = container(rows, seeded["MX1"], code="puck", sampleChangerLocation="4", beamlineLocation="ID30A-1")
    key = measured(rows, seeded, "s1", container_id=place, location="7", comments="small")
    for _ in range(3):
        rows.add(t.BLSubSample, blSampleId=key)
    crystal, protein = rows.all(t.Crystal)[0], rows.all(t.Protein)[0]
    expected = {
        "name": "s1",
        "comments": "small",
        "location": 7,
        "containerId": place,
        "Crystal": {
            "cell_a": 1.5,
            "cell_b": None,
            "cell_c": None,
            "cell_alpha": None,
            "cell_beta": None,
            "cell_gamma": None,
            "Protein": {"proposalId": str(seeded["MX1"]), "name": "protein of s1", "acronym": "s1"},
            "crystalId": crystal["crystalId"],
            "proteinId": protein["proteinId"],
        },
        "blSampleId": key,
        "Container": {"code": "puck", "sampleChangerLocation": "4", "beamlineLocation": "ID30A-1"},
        "_metadata": {
            "subsamples": 3,
            "datacollections": 2,
            "types": ["Mesh", "OSC"],
            "queued": False,
            "strategies": 2,
            "autoIntegrations": 2,
            "integratedResolution": 1.75,
            "proposal": "MX1",
        },
    }
    token = api.token(seeded["visitor"])
    assert api.get(f"/samples/{key}", token).json == expected
    assert body(api.get("/samples", token)) == {"total": 1, "results": [expected], "skip": 0, "limit": 25}


def test_a_sample_without_measurements_has_no_types(api: Api, rows: Rows, seeded: Keys) -> None:
    key = sample(rows, seeded["MX1"], "s1", location="A1")
    answer = body(api.get(f"/samples/{key}", api.token(seeded["member"])))
    assert answer["location"] is None
    assert answer["_metadata"] == {
        "subsamples": 0,
        "datacollections": 0,
        "types": None,
        "queued": False,
        "strategies": 0,
        "autoIntegrations": 0,
        "integratedResolution": None,
        "proposal": "MX1",
    }


def test_samples_are_seen_through_the_shipment(api: Api, rows: Rows, seeded: Keys) -> None:
    own, other = sample(rows, seeded["MX1"], "s1"), sample(rows, seeded["BX2"], "s2")
    rows.add(t.BLSample, name="without crystal", containerId=container(rows, seeded["MX1"]))
    for person, visible in (("member", [own]), ("visitor", [own]), ("outsider", [])):
        assert api.seen("/samples", api.token(seeded[person]), "blSampleId") == visible
    assert api.seen("/samples", api.token(1, "all_proposals"), "blSampleId") == [other, own]
    response = api.get(f"/samples/{other}", api.token(seeded["member"]))
    assert (response.status_code, response.json) == (404, {"detail": "Sample not found"})


def test_samples_are_filtered(api: Api, rows: Rows, seeded: Keys) -> None:
    place = container(rows, seeded["MX1"], sampleChangerLocation="4", beamlineLocation="ID30A-1")
    sample(rows, seeded["MX1"], "alpha", container_id=place)
    sample(rows, seeded["MX1"], "Alphabet", container_id=container(rows, seeded["MX1"], beamlineLocation="ID30A-1"))
    sample(rows, seeded["BX2"], "beta")
    protein = rows.all(t.Protein)[2]["proteinId"]
    for query, names in (
        ({"search": "ALPHA"}, ["Alphabet", "alpha"]),
        ({"proposal": "bx2"}, ["beta"]),
        ({"proposal": "ZZ9"}, []),
        ({"containerId": place}, ["alpha"]),
        ({"proteinId": protein}, ["beta"]),
        ({"proteinId": 0}, []),
        ({"beamLineName": "ID30A-1"}, ["alpha"]),
        ({"beamLineName": "ID23-1"}, []),
    ):
        assert api.seen("/samples", api.token(1, "all_proposals"), "name", **query) == names, query


def test_samples_are_filtered_by_what_was_done_with_them(api: Api, rows: Rows, seeded: Keys) -> None:
    measured(rows, seeded, "measured")
    loaded = sample(rows, seeded["MX1"], "loaded")
    rows.add(t.RobotAction, blsessionId=seeded["MX1-1"], blsampleId=loaded, actionType="LOAD")
    collected = sample(rows, seeded["MX1"], "collected")
    collection(rows, collection_group(rows, seeded["MX1-1"], blSampleId=collected))
    sample(rows, seeded["MX1"], "untouched")
    for status, names in (
        ("Sample Action", ["loaded"]),
        ("Data Collected", ["collected", "measured"]),
        ("Strategy", ["measured"]),
        ("Auto Integrated", ["measured"]),
    ):
        assert api.seen("/samples", api.token(seeded["member"]), "name", status=status) == names
    response = api.get("/samples", api.token(seeded["member"]), status="Done", order="up", order_by="type")
    assert faults(response) == [
        (["query", "status"], "type_error.enum"),
        (["query", "order_by"], "type_error.enum"),
        (["query", "order"], "type_error.enum"),
    ]


def test_samples_are_ordered(api: Api, rows: Rows, seeded: Keys) -> None:
    for name, location, number in (("b", "10", 1), ("c", "9", 0), ("a", "2", 2)):
        key = sample(rows, seeded["MX1"], name, location=location)
        group = collection_group(rows, seeded["MX1-1"], blSampleId=key)
        for minute in range(number):
            collection(rows, group, minute)
    for query, names in (
        ({}, "acb"),
        ({"order": "asc"}, "bca"),
        ({"order_by": "name"}, "cba"),
        ({"order_by": "name", "order": "asc"}, "abc"),
        ({"order_by": "location", "order": "asc"}, "acb"),
        ({"order_by": "datacollections", "order": "desc"}, "abc"),
    ):
        assert "".join(api.seen("/samples", api.token(seeded["member"]), "name", **query)) == names, query


@pytest.mark.parametrize(("lacking", "queued"), [(frozenset(), [True, False]), (QUEUE, [False, False])])
def test_a_sample_waits_in_a_queue_until_data_were_collected_by_its_plan(
    api: Api,
    rows: Rows,
    seeded: Keys,
    monkeypatch: pytest.MonkeyPatch,
    lacking: frozenset[tuple[str, str]],
    queued: list[bool],
) -> None:
    waiting, done = sample(rows, seeded["MX1"], "waiting"), sample(rows, seeded["MX1"], "done")
    rows.add(t.ContainerQueueSample, blSampleId=waiting, dataCollectionPlanId=1)
    rows.add(t.ContainerQueueSample, blSampleId=done, dataCollectionPlanId=2)
    collection(rows, collection_group(rows, seeded["MX1-1"]), dataCollectionPlanId=2)
    monkeypatch.setattr(Database, "missing", MissingSchema(frozenset(), lacking))
    results = body(api.get("/samples", api.token(seeded["member"]), order="asc"))["results"]
    assert [row["_metadata"]["queued"] for row in results] == queued


@pytest.mark.parametrize("path", ["/samples", "/samples/sub"])
def test_lists_need_the_same_number_of_statements_for_any_number_of_rows(
    api: Api, rows: Rows, seeded: Keys, path: str
) -> None:
    def add(name: str) -> None:
        key = measured(rows, seeded, name)
        rows.add(t.BLSubSample, blSampleId=key)

    token = api.token(seeded["member"])
    add("first")
    few = count_statements(api, path, token)
    for number in range(4):
        add(f"s{number}")
    assert count_statements(api, path, token) == few
    assert body(api.get(path, token, limit=2))["total"] == 5


def test_a_sub_sample_is_answered_with_its_positions_and_its_own_collections(
    api: Api, rows: Rows, seeded: Keys
) -> None:
    parent = sample(rows, seeded["MX1"], "s1")
    place = rows.add(t.Position, posX=12.7, posY=None)
    key = rows.add(t.BLSubSample, blSampleId=parent, positionId=place, comments="left", type="point")
    other = rows.add(t.BLSubSample, blSampleId=parent)
    group = collection_group(rows, seeded["MX1-1"], blSampleId=parent)
    collection(rows, group, blSubSampleId=key)
    collection(rows, group)
    token = api.token(seeded["member"])
    expected = {
        "type": "point",
        "comments": "left",
        "blSampleId": parent,
        "_metadata": {"datacollections": 1, "types": ["OSC"]},
        "blSubSampleId": key,
        "BLSample": {"name": "s1"},
        "Position1": {"posX": 12, "posY": 0},
        "Position2": None,
    }
    assert api.get(f"/samples/sub/{key}", token).json == expected
    assert body(api.get(f"/samples/sub/{other}", token))["_metadata"] == {"datacollections": 0, "types": []}
    assert api.seen("/samples/sub", token, "blSubSampleId", order_by="datacollections", order="desc") == [key, other]


def test_sub_samples_are_seen_through_the_protein_and_filtered(api: Api, rows: Rows, seeded: Keys) -> None:
    place = container(rows, seeded["MX1"])
    first, second = sample(rows, seeded["MX1"], "s1", container_id=place), sample(rows, seeded["BX2"], "s2")
    own, other = rows.add(t.BLSubSample, blSampleId=first), rows.add(t.BLSubSample, blSampleId=second)
    protein = rows.all(t.Protein)[1]["proteinId"]
    assert api.seen("/samples/sub", api.token(seeded["visitor"]), "blSubSampleId") == [own]
    for query, visible in (
        ({}, [own, other]),
        ({"blSampleId": second}, [other]),
        ({"proteinId": protein}, [other]),
        ({"containerId": place}, [own]),
        ({"proposal": "MX1"}, [own]),
        ({"proposal": "ZZ9"}, []),
    ):
        assert api.seen("/samples/sub", api.token(1, "all_proposals"), "blSubSampleId", **query) == visible, query
    response = api.get(f"/samples/sub/{other}", api.token(seeded["visitor"]))
    assert (response.status_code, response.json) == (404, {"detail": "Sub sample not found"})
