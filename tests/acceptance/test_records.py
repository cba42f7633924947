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


DURATIONS = [
    ("/bika_setup", "DefaultSampleLifetime"),
    ("/bika_setup/bika_sampletypes/sampletype-1", "RetentionPeriod"),
    ("/bika_setup/bika_samplepoints/samplepoint-1", "SamplingFrequency"),
    ("/bika_setup/bika_preservations/preservation-1", "RetentionPeriod"),
    ("/bika_setup/bika_analysisservices/analysisservice-1", "MaxTimeAllowed"),
]


@pytest.mark.parametrize(("path", "field"), DURATIONS)
@pytest.mark.parametrize(
    ("sent", "part"),
    [
        ({"minutes": -5}, "minutes: -5"),
        ({"days": 1, "hours": "-0.5"}, "hours: -0.5"),
        ({"days": "-1", "hours": 48, "minutes": 0}, "days: -1"),
    ],
)
def test_a_negative_duration_is_refused(admin: Client, path: str, field: str, sent: Any, part: str) -> None:
    before = admin.at(path)[field]
    body = failed(admin.json("update", {"obj_path": path, field: sent}), 422)
    assert body["errors"][0]["field"] == field
    assert f"{field}.{part} is negative" in body["message"]
    assert admin.at(path)[field] == before


def test_a_negative_duration_is_refused_where_an_object_is_made(admin: Client) -> None:
    values = {"obj_path": SERVICES, "obj_type": "AnalysisService", "title": unique("Service"), "Keyword": "Negative"}
    values |= {"Category": "portal_type:AnalysisCategory|title:Metals", "MaxTimeAllowed": {"minutes": -5}}
    assert "minutes: -5" in failed(admin.json("create", values), 422)["message"]


@pytest.mark.parametrize("field", ["AutoLogOff", "PasswordLifetime"])
def test_a_negative_number_of_days_or_minutes_is_refused(admin: Client, field: str) -> None:
    body = failed(admin.json("update", {"obj_path": "/bika_setup", field: -1}), 422)
    assert f"{field}: -1 is negative" in body["message"]


def test_a_duration_of_nothing_is_one(admin: Client) -> None:
    path = service(admin, MaxTimeAllowed={"days": 0, "hours": "0", "minutes": "-0"})
    assert admin.at(path)["MaxTimeAllowed"]["days"] == 0


ONE_VALUE = [
    ("AnalysisRequest", "bika_catalog", "ResultsRange", [{"keyword": "…"}]),
    ("AnalysisSpec", "uid_catalog", "ResultsRange", [{"keyword": "…", "min": "0", "max": "1", "error": "1"}]),
    ("AnalysisService", "uid_catalog", "InterimFields", [{"keyword": "…", "title": "A"}]),
    ("AnalysisService", "uid_catalog", "ResultOptions", [{"ResultValue": "1", "ResultText": "…"}]),
    ("AnalysisProfile", "uid_catalog", "AnalysisServicesSettings", [{"uid": "…"}]),
]


@pytest.mark.parametrize(("portal_type", "catalog", "field", "rows"), ONE_VALUE, ids=lambda item: str(item)[:20])
@pytest.mark.parametrize("value", [{"a": 1}, ["a"], [1, 2], [{"b": 1}]], ids=str)
def test_a_subfield_that_names_something_has_one_value(
    admin: Client, portal_type: str, catalog: str, field: str, rows: Any, value: Any
) -> None:
    found = admin.read(catalog_name=catalog, portal_type=portal_type, page_size="1")["objects"][0]
    sent = [{name: value if item == "…" else item for name, item in row.items()} for row in rows]
    failed(admin.json("update", {"obj_path": found["path"], field: sent}), 422)
    failed(admin.json("update_many", {"input_values": {found["path"]: {field: sent}}, "dry_run": 1}), 422)


@pytest.mark.parametrize("field", ["PhysicalAddress", "PostalAddress", "BillingAddress"])
def test_a_subfield_is_not_a_record_of_its_own(admin: Client, field: str) -> None:
    path = make_client(admin)
    for value in ({"a": 1}, ["Bern", "Basel"], [{"b": 1}]):
        body = failed(admin.json("update", {"obj_path": path, field: {"city": value}}), 422)
        assert "city" in body["message"]
    admin.refused("update", {"obj_path": path, f"{field}[city][]": "Bern"}, status=422)
    succeeded(admin.json("update", {"obj_path": path, field: {"city": "Bern"}}))


@pytest.mark.parametrize(
    ("portal_type", "field", "subfield"),
    [
        ("AnalysisProfile", "AnalysisServicesSettings", "uid"),
        ("ARTemplate", "AnalysisServicesSettings", "uid"),
        ("ARTemplate", "Analyses", "service_uid"),
        ("AnalysisService", "PartitionSetup", "sampletype"),
    ],
)
def test_a_subfield_names_an_object_of_its_type(admin: Client, portal_type: str, field: str, subfield: str) -> None:
    setup = admin.read(catalog_name="uid_catalog", portal_type=portal_type, page_size="1")["objects"][0]
    right, wrong = (
        admin.read(catalog_name="uid_catalog", portal_type=name, page_size="1")["objects"][0]["UID"]
        for name in (("SampleType", "AnalysisService") if subfield == "sampletype" else ("AnalysisService", "Client"))
    )
    for uid in (wrong, "abc"):
        body = failed(admin.json("update", {"obj_path": setup["path"], field: [{subfield: uid}]}), 422)
        assert subfield in body["message"]
    succeeded(admin.json("update", {"obj_path": setup["path"], field: [{subfield: right}]}))


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
