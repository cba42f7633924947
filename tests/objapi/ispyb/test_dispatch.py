"""What all routes share: order of checks, faults, statuses, paging, description."""

import jwt
import pytest

from objapi.profiles.ispyb import tables as t
from tests.objapi.ispyb.calling import KEY, Api, Rows, body, faults

NO_TOKEN = {"detail": "No token provided."}


def test_an_unknown_path_is_not_found(api: Api) -> None:
    response = api.get("/nothing")
    assert (response.status_code, response.json) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD", "OPTIONS"])
def test_a_wrong_method_names_those_allowed(api: Api, method: str) -> None:
    response = api.call(method, "/proteins")
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET"


def test_a_slash_at_the_end_redirects_to_the_path_without(api: Api) -> None:
    response = api.get("/proteins/", skip=1)
    assert response.status_code == 307
    assert response.headers["Location"].endswith("/ispyb/api/v1/proteins?skip=1")


@pytest.mark.parametrize(
    ("header", "detail"),
    [
        (None, "No token provided."),
        ("Basic YTpi", "No token provided."),
        ("Bearer", "No token provided."),
        ("bearer abc", "Invalid authentication scheme."),
        ("Bearer abc", "Invalid token"),
        ("Bearer " + jwt.encode({"login": "a", "personId": 1, "permissions": []}, KEY), "Invalid token"),
        (
            "Bearer " + jwt.encode({"login": "a", "personId": 1, "permissions": [], "exp": 1}, KEY),
            "Token expired. Please log in again",
        ),
        (
            "Bearer " + jwt.encode({"login": "a", "personId": 1, "permissions": [], "exp": 2**40}, "x" * 40),
            "Invalid token",
        ),
        (
            "Bearer " + jwt.encode({"login": "a", "personId": 1, "permissions": [], "exp": 2**40}, "", "none"),
            "Invalid token",
        ),
    ],
)
def test_a_missing_or_bad_token_is_refused(api: Api, header: str | None, detail: str) -> None:
    response = api.call("GET", "/proteins", headers={"Authorization": header} if header else {})
    assert (response.status_code, response.json) == (401, {"detail": detail})
    assert "WWW-Authenticate" not in response.headers


def test_the_token_is_checked_before_parameters(api: Api) -> None:
    assert api.get("/proteins", skip="x").json == NO_TOKEN


def test_the_characters_of_a_onetime_token_are_checked_before_the_token(api: Api) -> None:
    assert faults(api.get("/proteins", onetime="a b", skip="x")) == [
        (["query", "onetime"], "value_error.str.regex"),
        (["query", "skip"], "type_error.integer"),
    ]
    assert faults(api.get("/proteins", api.token(), onetime="a.b")) == [(["query", "onetime"], "value_error.str.regex")]


def test_all_faults_of_a_request_are_listed(api: Api) -> None:
    response = api.get("/proteins", api.token(), skip=-1, limit=0, proposal="MX", order="up", proteinId="1.5")
    assert faults(response) == [
        (["query", "proteinId"], "type_error.integer"),
        (["query", "proposal"], "value_error.str.regex"),
        (["query", "order"], "type_error.enum"),
        (["query", "skip"], "value_error.number.not_ge"),
        (["query", "limit"], "value_error.number.not_gt"),
    ]


def test_an_id_that_is_no_integer_is_a_fault_of_the_path(api: Api) -> None:
    assert faults(api.get("/proteins/abc", api.token())) == [(["path", "proteinId"], "type_error.integer")]


def test_rows_out_of_sight_are_not_found(api: Api, rows: Rows) -> None:
    keys = rows.seed()
    protein = rows.add(t.Protein, proposalId=keys["MX1"], name="Insulin", acronym="INS")
    path = f"/proteins/{protein}"
    for person, status in (("member", 200), ("visitor", 200), ("principal", 404), ("outsider", 404)):
        assert api.get(path, api.token(keys[person])).status_code == status
    assert api.get(path, api.token(keys["outsider"], "all_proposals")).status_code == 200
    assert api.get(path, api.token(keys["outsider"])).json == {"detail": "Protein not found"}


def test_holders_of_a_beamline_permission_see_the_proposals_of_its_sessions(api: Api, rows: Rows) -> None:
    keys = rows.seed()
    groups = '[{"groupName":"M","uiGroup":"mx","permission":"mx_staff","beamLines":[{"beamLineName":"ID23-1"}]}]'
    rows.add(t.AdminVar, name="beamLineGroups", value=groups)
    rows.add(t.Protein, proposalId=keys["MX1"], name="Insulin", acronym="INS")
    rows.add(t.Protein, proposalId=keys["BX2"], name="Lysozyme", acronym="LYS")
    assert api.seen("/proteins", api.token(keys["outsider"], "mx_staff"), "acronym") == ["INS"]


def test_a_page_tells_the_exact_total(api: Api, rows: Rows) -> None:
    keys = rows.seed()
    for number in range(7):
        rows.add(t.Protein, proposalId=keys["MX1"], name=f"P{number}", acronym=f"a{number}")
    token = api.token(keys["member"])
    for skip, limit, names in ((0, 3, ["P0", "P1", "P2"]), (5, 3, ["P5", "P6"]), (9, 3, [])):
        page = body(api.get("/proteins", token, skip=skip, limit=limit))
        assert (page["total"], page["skip"], page["limit"]) == (7, skip, limit)
        assert [row["name"] for row in page["results"]] == names


def test_a_protein_is_answered_with_exactly_its_declared_keys(api: Api, rows: Rows) -> None:
    keys = rows.seed()
    component = rows.add(t.ComponentType, name="Protein")
    protein = rows.add(
        t.Protein, proposalId=keys["MX1"], name="Insulin", acronym="INS", hazardGroup=2, componentTypeId=component
    )
    crystal = rows.add(t.Crystal, proteinId=protein)
    rows.add(t.BLSample, crystalId=crystal, name="s1")
    assert api.get(f"/proteins/{protein}", api.token(1, "all_proposals")).json == {
        "name": "Insulin",
        "acronym": "INS",
        "proposalId": keys["MX1"],
        "sequence": None,
        "density": None,
        "molecularMass": None,
        "containmentLevel": "1",
        "hazardGroup": "2",
        "safetyLevel": None,
        "ComponentType": {"componentTypeId": component, "name": "Protein"},
        "proteinId": protein,
        "_metadata": {"pdbs": 0, "crystals": 1, "samples": 1, "datacollections": 0},
    }


def test_the_description_names_components_and_says_what_may_be_null(api: Api) -> None:
    description = body(api.get("/openapi.json"))
    protein = description["components"]["schemas"]["Protein"]
    assert protein["properties"]["sequence"]["type"] == ["null", "string"]
    assert protein["required"] == ["name", "acronym", "proposalId", "proteinId"]
    assert "/ispyb/api/v1/proteins/{proteinId}" in description["paths"]
