"""Tables that are there already, over HTTP: the ISPyB tables beside the laboratory, in one site."""

import json
from collections.abc import Callable, Iterator

import pytest
import requests

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.conftest import WITH_BEAMLINES, Serve
from tests.acceptance.making import make_client, make_contact, unique
from tests.conftest import DATABASES
from tests.waiting import ENOUGH

pytestmark = pytest.mark.both_databases


@pytest.fixture(scope="module", params=DATABASES)
def facility(request: pytest.FixtureRequest, shared: Serve) -> str:
    """The URL of a server of the sample laboratory that has the profiles of beamlines as well."""
    return shared(request.param, **WITH_BEAMLINES)


@pytest.fixture
def caller(facility: str) -> Iterator[Callable[[str], Client]]:
    clients: list[Client] = []

    def client(user: str) -> Client:
        clients.append(Client(facility, user))
        return clients[-1]

    yield client
    for made in clients:
        made.http.close()


@pytest.fixture
def boss(caller: Callable[[str], Client]) -> Client:
    return caller("admin")


def make_person(client: Client, login: str) -> str:
    path: str = client.call("create", {"obj_type": "Person", "login": login, "familyName": login})["path"]
    return path


def make_proposal(client: Client, login: str, number: str, code: str = "QX") -> dict[str, str]:
    request = {"obj_type": "Proposal", "proposalCode": code, "proposalNumber": number}
    return client.call("create", request | {"Person": f"portal_type:Person|login:{login}"})


def test_rows_are_read_by_their_columns_in_the_order_asked_for(boss: Client) -> None:
    login, code = unique("reader").replace(" ", ""), "RX"
    make_person(boss, login)
    for number in ("1", "3", "2"):
        make_proposal(boss, login, number, code)
    found = boss.read(portal_type="Proposal", proposalCode=code, sort_on="proposalNumber", sort_order="reverse")
    assert [item["proposalNumber"] for item in found["objects"]] == ["3", "2", "1"]
    page = boss.read(portal_type="Proposal", proposalCode="rx", sort_on="proposalNumber", page_size="2", page_nr="1")
    assert (page["total_objects"], [item["proposalNumber"] for item in page["objects"]]) == (3, ["3"])
    streamed = boss.read(portal_type="Proposal", proposalCode=code, page_size="0")
    assert len(streamed["objects"]) == 3


def test_row_is_created_changed_and_removed(boss: Client) -> None:
    login = unique("writer").replace(" ", "")
    person = make_person(boss, login)
    made = make_proposal(boss, login, "10")
    (seen,) = boss.read(portal_type="Proposal", UID=made["obj_uid"])["objects"]
    assert (seen["path"], seen["id"]) == (made["path"], made["obj_id"])
    assert seen["Person"] == boss.read(portal_type="Person", login=login)["objects"][0]["UID"]

    changed = boss.call("update", {"obj_path": made["path"], "title": "Lysozyme", "version": str(seen["version"])})
    assert changed["updated"] == ["title"]
    boss.refused("update", {"obj_path": made["path"], "title": "x", "version": str(seen["version"])}, status=409)
    assert boss.only(portal_type="Proposal", UID=made["obj_uid"])["title"] == "Lysozyme"

    rows = [make_proposal(boss, login, str(number)) for number in (11, 12)]
    values = {row["path"]: {"title": f"Number {row['obj_id']}"} for row in rows}
    boss.call("update_many", {"input_values": json.dumps(values)})
    for row in rows:
        assert boss.only(portal_type="Proposal", UID=row["obj_uid"])["title"] == f"Number {row['obj_id']}"

    uid = boss.only(portal_type="Person", login=login)["UID"]
    boss.refused("remove", {"UID": uid}, status=409, type="ReferenceInUse")
    boss.call("remove", [("UID", row["obj_uid"]) for row in (made, *rows)] + [("UID", uid)])
    assert boss.read(portal_type="Person", login=login)["total_objects"] == 0
    assert failed(boss.get("history", {"obj_path": person}), 404)
    history = succeeded(boss.get("history", {"obj_uid": made["obj_uid"]}))["history"]
    assert [item["event"] for item in history] == ["remove", "update", "create"]


@pytest.mark.parametrize(
    ("fields", "status", "named"),
    [
        ({}, 422, "Person"),
        ({"Person": "portal_type:Person|login:nobody-at-all"}, 422, "Person"),
        ({"Person": "portal_type:Person|login:facility", "proposalType": "toolong"}, 422, "proposalType"),
        ({"Person": "portal_type:Person|login:facility", "state": "Lost"}, 422, "state"),
        ({"Person": "portal_type:Person|login:facility", "colour": "red"}, 400, "colour"),
    ],
)
def test_what_a_row_cannot_take_is_named(boss: Client, fields: dict[str, str], status: int, named: str) -> None:
    body = failed(boss.post("create", {"obj_type": "Proposal", "proposalCode": "QQ"} | fields), status)
    assert named in body["message"]
    assert boss.read(portal_type="Proposal", proposalCode="QQ")["total_objects"] == 0


def test_people_see_the_rows_that_are_theirs(boss: Client, caller: Callable[[str], Client]) -> None:
    pavel = caller("pavel")
    assert pavel.read(portal_type="Proposal")["total_objects"] == 0
    if boss.read(portal_type="Person", login="pavel")["total_objects"] == 0:
        make_person(boss, "pavel")
    made = make_proposal(boss, "pavel", unique("2")[:9])
    boss.call(
        "create",
        {"obj_type": "ProposalHasPerson", "Proposal": made["obj_uid"], "Person": "portal_type:Person|login:pavel"},
    )
    assert pavel.only(portal_type="Proposal")["UID"] == made["obj_uid"]
    pavel.refused("update", {"obj_path": made["path"], "title": "Mine"}, status=403)
    other = make_proposal(boss, "facility", "99")
    pavel.refused("update", {"obj_path": other["path"], "title": "Mine"}, status=404)
    new = {"obj_type": "Protein", "acronym": "LYZ"}
    pavel.call("create", new | {"Proposal": made["obj_uid"]})
    pavel.refused("create", new | {"Proposal": other["obj_uid"]}, status=422)
    assert boss.read(portal_type="Protein", acronym="LYZ")["total_objects"] == 1
    boss.call("remove", {"UID": boss.only(portal_type="ProposalHasPerson", Proposal=made["obj_uid"])["UID"]})
    assert pavel.read(portal_type="Proposal")["total_objects"] == 0


def test_both_faces_show_the_same_rows(facility: str, boss: Client) -> None:
    made = make_proposal(boss, "facility", "424", "FX")
    root = f"{facility}/ispyb/api/v1"
    login = {"plugin": "dummy", "login": "facility", "password": "x"}
    token = boss.http.post(f"{root}/auth/login", json=login, timeout=ENOUGH).json()["token"]
    boss.http.auth = None
    answer = boss.http.get(f"{root}/proposals/FX424", headers={"Authorization": f"Bearer {token}"}, timeout=ENOUGH)
    assert answer.json()["proposalId"] == int(made["obj_id"])


def test_both_faces_leave_the_same_history(facility: str, caller: Callable[[str], Client]) -> None:
    boss, script = caller("admin"), caller("admin")
    root = f"{facility}/ispyb/api/v1"
    login = {"plugin": "dummy", "login": "facility", "password": "x"}
    token = script.http.post(f"{root}/auth/login", json=login, timeout=ENOUGH).json()["token"]
    script.http.auth = None
    script.http.headers["Authorization"] = f"Bearer {token}"
    dewar = script.http.get(f"{root}/dewars", params={"limit": 1}, timeout=ENOUGH).json()["results"][0]
    uid = boss.only(portal_type="Dewar", id=str(dewar["dewarId"]))["UID"]
    for code in ("CHANGED-1", "CHANGED-1"):
        answer = script.http.patch(f"{root}/dewars/{dewar['dewarId']}", json={"code": code}, timeout=ENOUGH)
        assert (answer.status_code, answer.json()["code"]) == (200, code)
    boss.call("update", {"obj_uid": uid, "code": "CHANGED-2"})
    history = succeeded(boss.get("history", {"UID": uid}))
    assert history["total_objects"] == 2
    by_api, by_ispyb = history["history"]
    assert (by_ispyb["actor"], by_ispyb["changes"]) == (
        "facility",
        {"code": {"old": dewar["code"], "new": "CHANGED-1"}},
    )
    assert (by_api["actor"], by_api["changes"]) == ("admin", {"code": {"old": "CHANGED-1", "new": "CHANGED-2"}})
    same = ("event", "UID", "path", "portal_type")
    assert {name: by_api[name] for name in same} == {name: by_ispyb[name] for name in same}


def sessions_by_token(facility: str, login: str) -> list[str]:
    """The keys of the sessions that the py-ISPyB API lists for somebody."""
    root = f"{facility}/ispyb/api/v1"
    with requests.Session() as http:
        http.trust_env = False
        given = {"plugin": "dummy", "login": login, "password": "x"}
        token = http.post(f"{root}/auth/login", json=given, timeout=ENOUGH).json()["token"]
        answer = http.get(f"{root}/sessions", headers={"Authorization": f"Bearer {token}"}, timeout=ENOUGH)
    return sorted(str(row["sessionId"]) for row in answer.json()["results"])


def test_permissions_of_ispyb_open_the_same_rows_in_both_faces(
    facility: str, boss: Client, caller: Callable[[str], Client]
) -> None:
    rita = caller("rita")
    assert rita.read(portal_type="BLSession")["total_objects"] == 0
    make_person(boss, "rita")
    for group, count in (("beamline", 2), ("facility", 3)):
        link = {"UserGroup": f"portal_type:UserGroup|name:{group}", "Person": "portal_type:Person|login:rita"}
        boss.call("create", {"obj_type": "UserGroup_has_Person"} | link)
        found = sorted(item["id"] for item in rita.read(portal_type="BLSession")["objects"])
        assert (found, len(found)) == (sessions_by_token(facility, "rita"), count)
        assert found == sessions_by_token(facility, group)


def test_a_member_adds_a_sample_to_a_container_of_the_proposal(boss: Client, caller: Callable[[str], Client]) -> None:
    make_person(boss, "sarel")
    made = make_proposal(boss, "sarel", unique("3")[:9])
    member = {"Proposal": made["obj_uid"], "Person": "portal_type:Person|login:sarel"}
    boss.call("create", {"obj_type": "ProposalHasPerson"} | member)
    sarel = caller("sarel")
    shipping = sarel.call("create", {"obj_type": "Shipping", "Proposal": made["obj_uid"], "shippingName": "first"})
    dewar = sarel.call("create", {"obj_type": "Dewar", "Shipping": shipping["obj_uid"], "code": "D1"})
    puck = sarel.call("create", {"obj_type": "ISPyBContainer", "Dewar": dewar["obj_uid"], "code": "P1"})
    sample = sarel.call("create", {"obj_type": "BLSample", "Container": puck["obj_uid"], "name": "lyso"})
    assert sarel.only(portal_type="BLSample")["UID"] == sample["obj_uid"]
    caller("pavel").refused("update", {"obj_uid": sample["obj_uid"], "name": "mine"}, status=404)


def test_a_member_leaves_the_keys_of_rows_to_the_database(boss: Client, caller: Callable[[str], Client]) -> None:
    make_person(boss, "analyst1")
    made = make_proposal(boss, "analyst1", unique("5")[:9])
    member = {"Proposal": made["obj_uid"], "Person": "portal_type:Person|login:analyst1"}
    boss.call("create", {"obj_type": "ProposalHasPerson"} | member)
    protein = {"obj_type": "Protein", "acronym": "KEY", "Proposal": made["obj_uid"]}
    refused = caller("analyst1").refused("create", protein | {"obj_id": "2147483647"}, status=403)
    assert "leave obj_id out" in refused["message"]
    assert int(caller("analyst1").call("create", protein)["obj_id"]) < 1000
    assert boss.call("create", protein | {"obj_id": "5000", "acronym": "KEY2"})["obj_id"] == "5000"


def test_types_and_catalogs_tell_of_tables(boss: Client) -> None:
    described = succeeded(boss.get("types/Proposal"))["type"]
    assert {"Person", "proposalCode"} <= {field["name"] for field in described["fields"]}
    catalogs = {item["name"]: item for item in succeeded(boss.get("catalogs"))["catalogs"]}
    assert {"proposalCode", "personId", "Person", "UID"} <= {item["name"] for item in catalogs["proposal"]["indexes"]}


def test_criteria_of_rows_are_converted_where_that_is_unambiguous(boss: Client) -> None:
    asked = {"portal_type": "BLSession", "page_size": "0"}
    indexes = {
        index["name"]: index
        for catalog in boss.call("catalogs")["catalogs"]
        if catalog["types"] == ["BLSession"]
        for index in catalog["indexes"]
    }
    rows = boss.read(**asked)["objects"]
    login = unique("number").replace(" ", "")
    make_person(boss, login)
    make_proposal(boss, login, "77", "NX")
    numbered = succeeded(boss.json("read", {"portal_type": "Proposal", "proposalCode": "NX", "proposalNumber": 77}))
    assert numbered["total_objects"] == 1
    compared = 0
    for name, value in rows[0].items():
        if name in indexes and indexes[name]["kind"] == "field" and isinstance(value, (int, float)):
            answer = boss.read(**asked, **{name: json.dumps(value)})
            assert rows[0]["path"] in [row["path"] for row in answer["objects"]], (name, value)
            assert "warnings" not in answer
            wrong = boss.read(**asked, **{name: "many"})
            assert (wrong["objects"], len(wrong["warnings"])) == ([], 1)
            compared += 1
    assert compared


@pytest.mark.parametrize("sort_on", ["id", "startDate", "beamLineName,startDate"])
@pytest.mark.parametrize("sort_order", ["ascending", "descending"])
def test_a_cursor_leads_through_rows(boss: Client, sort_on: str, sort_order: str) -> None:
    for portal_type in ("BLSession", "BLSample"):
        names = sort_on if portal_type == "BLSession" else "id"
        asked = {"portal_type": portal_type, "sort_on": names, "sort_order": sort_order}
        whole = [row["path"] for row in boss.read(page_size="0", **asked)["objects"]]
        seen: list[str] = []
        more: dict[str, str] = {}
        while True:
            answer = boss.read(page_size="1", **asked, **more)
            seen += [row["path"] for row in answer["objects"]]
            if "next" not in answer:
                break
            more = {"next": answer["next"]}
        assert seen == whole
        assert len(whole) > 1


def test_nobody_but_a_manager_gets_at_a_person_of_another_database_by_a_contact(
    boss: Client, caller: Callable[[str], Client]
) -> None:
    login = unique("guest").replace(" ", "")
    make_person(boss, login)
    boss.call("users", {"action": "create", "userid": login})
    contact, manager = make_contact(boss, make_client(boss)), caller("labmanager1")
    named = {"userid": login, "obj_path": contact}
    assert "another database" in manager.refused("users", named | {"action": "link"}, status=403)["message"]
    manager.call("update", {"obj_path": contact, "Username": login})
    manager.refused("users", {"action": "password_link", "userid": login}, status=403)
    boss.call("users", {"action": "password_link", "userid": login})
