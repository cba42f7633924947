"""Records: what their subfields hold is checked, and one interim value can be written alone."""

import json
from typing import Any

import pytest

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.making import analyses_of, make_client, make_request, unique

SERVICES = "/bika_setup/bika_analysisservices"


def service(admin: Client, **fields: Any) -> str:
    values = {"obj_path": SERVICES, "obj_type": "AnalysisService", "title": unique("Service")}
    values |= {"Keyword": unique("K").replace(" ", ""), "Category": "portal_type:AnalysisCategory|title:Metals"}
    path: str = succeeded(admin.json("create", values | fields))["path"]
    return path


def received(admin: Client, services: list[str]) -> str:
    path: str = make_request(admin, make_client(admin), services)["path"]
    admin.call("doActionFor_many", {"obj_paths": json.dumps([path]), "action": "receive"})
    return path


@pytest.mark.parametrize(
    ("field", "right", "wrong", "word"),
    [
        ("MaxTimeAllowed", {"days": "2", "hours": 3}, {"days": "abc"}, "days"),
        ("MaxTimeAllowed", {"days": "1.5"}, {"hours": "1e", "minutes": "x"}, "minutes"),
        (
            "ResultOptions",
            [{"ResultValue": "1", "ResultText": "low"}, {"ResultValue": "2", "ResultText": "high"}],
            [{"ResultValue": "1", "ResultText": "low"}, {"ResultValue": "1", "ResultText": "high"}],
            "ResultValue",
        ),
        ("ResultOptions", [], [{"ResultValue": "much", "ResultText": "much"}], "ResultValue"),
        (
            "Uncertainties",
            [{"intercept_min": "0", "intercept_max": "9", "errorvalue": "2%"}],
            [{"intercept_min": "0", "intercept_max": "9", "errorvalue": "two"}],
            "errorvalue",
        ),
        (
            "Uncertainties",
            [{"intercept_min": 0, "intercept_max": 9.5, "errorvalue": 1}],
            [{"intercept_min": "low", "intercept_max": "9", "errorvalue": "1"}],
            "intercept_min",
        ),
        (
            "InterimFields",
            [{"keyword": "A", "title": "A", "value": "1"}, {"keyword": "B", "title": "B"}],
            [{"keyword": "A", "title": "A"}, {"keyword": "A", "title": "B"}],
            "keyword",
        ),
        (
            "InterimFields",
            [{"keyword": "A", "title": "A", "hidden": "on"}],
            [{"keyword": "A", "title": "A", "value": "x"}],
            "value",
        ),
    ],
)
def test_subfields_of_a_service_are_checked(admin: Client, field: str, right: Any, wrong: Any, word: str) -> None:
    path = service(admin)
    succeeded(admin.json("update", {"obj_path": path, field: right}))
    body = failed(admin.json("update", {"obj_path": path, field: wrong}), 422)
    assert field in json.dumps(body)
    assert word in json.dumps(body)


@pytest.mark.parametrize(
    ("path", "field", "wrong"),
    [
        ("/bika_setup/bika_sampletypes/sampletype-1", "RetentionPeriod", {"days": "abc"}),
        ("/bika_setup", "DefaultSampleLifetime", {"days": "soon"}),
        (
            "/bika_setup/bika_analysisspecs/analysisspec-1",
            "ResultsRange",
            [{"keyword": "Ca", "min": "x", "error": "1"}],
        ),
        ("/bika_setup/bika_analysisspecs/analysisspec-1", "ResultsRange", [{"keyword": "NoSuch", "error": "1"}]),
        (
            "/bika_setup/bika_analysisspecs/analysisspec-1",
            "ResultsRange",
            [{"keyword": "Ca", "error": "1"}, {"keyword": "Ca", "error": "2"}],
        ),
        ("/bika_setup/bika_suppliers/supplier-1/QC-001", "ReferenceResults", [{"uid": "f" * 32, "result": "1"}]),
        ("/worksheets/WS-001", "Layout", [{"position": "first", "type": "a"}]),
        ("/worksheets/WS-001", "Layout", [{"position": 1, "type": "z"}]),
    ],
)
def test_subfields_of_other_types_are_checked(admin: Client, path: str, field: str, wrong: Any) -> None:
    before = admin.at(path)[field]
    body = failed(admin.json("update", {"obj_path": path, field: wrong}), 422)
    assert field in json.dumps(body)
    assert admin.at(path)[field] == before


@pytest.mark.parametrize(("degrees", "status"), [("47", 200), ("forty", 422)])
@pytest.mark.parametrize(("bearing", "right"), [("N", True), ("X", False)])
def test_a_place_is_given_by_numbers_and_bearings(
    admin: Client, degrees: str, status: int, bearing: str, right: bool
) -> None:
    values = {"obj_path": "/bika_setup/bika_samplepoints", "obj_type": "SamplePoint", "title": unique("Well")}
    answer = admin.json("create", values | {"Latitude": {"degrees": degrees, "bearing": bearing}})
    assert answer.json()["success"] is (status == 200 and right)


def test_one_interim_value_is_written_alone(admin: Client) -> None:
    path = f"{received(admin, ['Moisture'])}/Moist"
    request = path.rpartition("/")[0]
    before = analyses_of(admin, request)["Moist"]["InterimFields"]
    assert len(before) > 1
    succeeded(admin.json("update", {"obj_path": path, "InterimFields": [{"keyword": "WetMass", "value": "20"}]}))
    wanted = [row | {"value": "20"} if row["keyword"] == "WetMass" else row for row in before]
    assert analyses_of(admin, request)["Moist"]["InterimFields"] == wanted
    full = [row | {"value": "7"} for row in wanted if row["keyword"] == "DryMass"]
    succeeded(admin.json("update", {"obj_path": path, "InterimFields": full}))
    values = {row["keyword"]: row["value"] for row in analyses_of(admin, request)["Moist"]["InterimFields"]}
    assert values["WetMass"] == "20"
    assert values["DryMass"] == "7"
    for wrong in ([{"keyword": "NoSuch", "value": "1"}], [{"keyword": "WetMass", "value": "wet"}], [{"value": "1"}]):
        failed(admin.json("update", {"obj_path": path, "InterimFields": wrong}), 422)
    failed(admin.json("update", {"obj_path": path, "InterimFields": full * 2}), 422)


@pytest.mark.parametrize(("result", "status"), [("1", 200), ("2.0", 200), ("", 200), ("7", 422), ("<1", 422)])
def test_a_result_is_one_of_the_options(admin: Client, result: str, status: int) -> None:
    options = [{"ResultValue": "1", "ResultText": "low"}, {"ResultValue": "2", "ResultText": "high"}]
    made = service(admin, ResultOptions=options)
    title = admin.at(made)["title"]
    request = received(admin, [title])
    (name,) = analyses_of(admin, request)
    answer = admin.json("update", {"obj_path": f"{request}/{name}", "Result": result})
    assert answer.json().get("status", 200) == status
