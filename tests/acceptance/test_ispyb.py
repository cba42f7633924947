"""The py-ISPyB face over HTTP: from a log-in to what a portal, a script and a web page do with it."""

import re
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import pytest
import requests

from tests.waiting import ENOUGH

SYNC = "/webservices/userportalsync/sync_proposal"


class Script:
    """Calls the face as somebody, as scripts of a beamline do."""

    def __init__(self, root: str, login: str | None = None) -> None:
        self.root = f"{root}/ispyb/api/v1"
        self.http = requests.Session()
        self.http.trust_env = False
        if login is not None:
            answer = self.post("/auth/login", {"plugin": "dummy", "login": login, "password": "x"})
            assert answer.status_code == 201, answer.text
            self.http.headers["Authorization"] = f"Bearer {answer.json()['token']}"

    def get(self, path: str, /, **query: Any) -> requests.Response:
        return self.http.get(self.root + path, params=query, timeout=ENOUGH, allow_redirects=False)

    def post(self, path: str, value: Any) -> requests.Response:
        return self.http.post(self.root + path, json=value, timeout=ENOUGH)


def payload(number: str, **values: Any) -> dict[str, Any]:
    people = [
        {"login": f"leader{number}", "givenName": "Lea", "familyName": "Der", "externalId": 2**100 + int(number)},
        {"login": "scientist", "givenName": "Sciara", "familyName": "Entist"},
    ]
    session = {
        "externalId": int(number),
        "startDate": "2023-05-01T09:00:00",
        "endDate": "2023-05-02T09:00:00",
        "beamLineName": "ID30A-1",
        "persons": [people[0]],
    }
    proposal = {"proposalCode": "AC", "proposalNumber": number, "title": f"Trial {number}", "persons": people}
    return {"proposal": proposal | values, "sessions": [session]}


@pytest.fixture
def portal(root: str) -> Script:
    return Script(root, "portal")


def test_what_a_portal_sends_is_seen_by_its_people_alone(root: str, portal: Script) -> None:
    answer = portal.post(SYNC, payload("9001"))
    assert answer.status_code == 200
    assert answer.json()["message"].startswith("The proposal AC-9001 has been synchronized in ")
    assert portal.get("/proposals/AC9001").status_code == 404
    scientist = Script(root, "scientist")
    seen = scientist.get("/proposals/ac9001").json()
    assert (seen["title"], seen["_metadata"]["sessions"]) == ("Trial 9001", 1)
    sessions = scientist.get("/sessions", proposal="AC9001").json()
    assert [row["session"] for row in sessions["results"]] == ["AC9001-0"]
    assert Script(root, "leader9001").get("/sessions", proposal="AC9001").json()["total"] == 1


def test_people_added_by_a_portal_log_in_and_have_no_permissions(root: str, portal: Script) -> None:
    portal.post(SYNC, payload("9002"))
    leader = Script(root, "leader9002")
    assert leader.get("/user/current").json()["Permissions"] == []
    assert leader.get("/options").json() == {"detail": "Not Authorized"}


def test_a_downloads_link_is_signed_and_works_once(root: str) -> None:
    scientist = Script(root, "scientist")
    signed = scientist.post("/user/sign", {"validity": f"{scientist.root}/user/current"}).json()
    nobody = Script(root)
    assert nobody.get("/user/current", onetime=signed["token"]).json()["login"] == "scientist"
    assert nobody.get("/user/current", onetime=signed["token"]).status_code == 401


def test_payloads_sent_at_once_make_no_twins(root: str, portal: Script) -> None:
    def send(number: str) -> int:
        return Script(root, "portal").post(SYNC, payload(number)).status_code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(send, ["9003", "9004"] * 4)) == {200}
    facility = Script(root, "facility")
    for number in ("9003", "9004"):
        assert facility.get("/proposals", search=f"AC{number}").json()["total"] == 1
        assert facility.get("/persons", proposal=f"AC{number}").json()["total"] == 2


def test_options_hold_for_every_process_at_once(root: str, portal: Script) -> None:
    sent = payload("9005")
    sent["sessions"][0]["beamLineName"] = "BM07"
    portal.post(SYNC, sent)
    facility, staff = Script(root, "facility"), Script(root, "beamline")
    known = facility.get("/options").json()
    group = {"groupName": "T", "uiGroup": "mx", "permission": "mx_staff", "beamLines": [{"beamLineName": "BM07"}]}
    assert staff.get("/proposals/AC9005").status_code == 404
    url = f"{facility.root}/options"
    changed = facility.http.patch(url, json={"beamLineGroups": [*known["beamLineGroups"], group]}, timeout=ENOUGH)
    try:
        assert changed.status_code == 200
        assert staff.get("/proposals/AC9005").status_code == 200
    finally:
        facility.http.patch(url, json={"beamLineGroups": known["beamLineGroups"]}, timeout=ENOUGH)
    assert facility.get("/admin/activity").json()["results"][0]["username"] == "facility"


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/nothing", 404, "Not Found"),
        ("/proposals", 401, "No token provided."),
        ("", 404, "Not Found"),
    ],
)
def test_refusals_are_told_as_clients_know_them(root: str, path: str, status: int, detail: str) -> None:
    answer = Script(root).get(path)
    assert (answer.status_code, answer.json()) == (status, {"detail": detail})


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/no%0Athing", 404, "Not Found"),
        ("//proposals", 404, "Not Found"),
        ("/legacy/%0A/proposal/A", 404, "Not Found"),
        ("/legacy/%0D%C2%85/proposal/list", 401, "Invalid token"),
        (f"/legacy/{'a' * 30_000}/proposal/list", 401, "Invalid token"),
        ("/legacy/API/proposal/list", 401, "Invalid token"),
        ("/x/@@API/read", 404, "Not Found"),
        ("/proposals/%00", 400, "The path of the URL holds a NUL character."),
        ("/proposals/%FF", 400, "The path of the URL is not valid UTF-8."),
        ("/proposals/..%2Fx", 400, "The path of the URL holds a '..' segment; send the whole path."),
    ],
)
def test_no_path_below_the_root_is_answered_by_another_face(root: str, path: str, status: int, detail: str) -> None:
    answer = Script(root).get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/json")
    assert answer.json() == {"detail": detail}


def test_a_vocabulary_that_may_be_null_says_so_where_it_stands(root: str) -> None:
    components = Script(root).get("/openapi.json").json()["components"]["schemas"]
    level = components["Shipping"]["properties"]["safetyLevel"]
    assert (level["type"], level["enum"]) == (["null", "string"], ["GREEN", "YELLOW", "RED", None])
    assert components["ShippingCreate"]["properties"]["safetyLevel"] == level | {"default": "GREEN"}
    assert components["SafetyLevelEnum"]["enum"] == ["GREEN", "YELLOW", "RED"]


def test_a_slash_at_the_end_leads_to_the_path_without(root: str) -> None:
    answer = Script(root).get("/proposals/", skip=1)
    assert (answer.status_code, answer.headers["Location"]) == (307, f"{root}/ispyb/api/v1/proposals?skip=1")


def test_forms_find_their_components(root: str) -> None:
    components = Script(root).get("/openapi.json").json()["components"]["schemas"]
    for name in ("Options", "LabContactCreate", "LabContact", "ShippingCreate", "Shipping", "SampleStatus"):
        assert name in components
    assert components["ShippingCreate"]["properties"]["shippingName"]["title"] == "Name"
    assert components["ShippingCreate"]["properties"]["comments"]["type"] == ["null", "string"]


def test_a_page_tells_the_routes_to_people(root: str) -> None:
    answer = requests.get(f"{root}/redoc", timeout=ENOUGH)
    assert answer.status_code == 200
    assert "GET /ispyb/api/v1/proposals/{proposal}" in answer.text
    # On a telephone: its width counts, long paths break, nothing has a width of its own; and the style is let through.
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in answer.text
    style = answer.text.partition("<style>")[2].partition("</style>")[0]
    assert "overflow-wrap: anywhere" in style
    assert not re.search(r"(?<!max-)width:|nowrap|<table|<pre", style + answer.text.partition("</style>")[2])
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in answer.headers["Content-Security-Policy"]


def test_tokens_of_this_face_open_nothing_else(root: str) -> None:
    scientist = Script(root, "scientist")
    answer = scientist.http.get(f"{root}/Plone/@@API/read", params={"portal_type": "Client"}, timeout=ENOUGH)
    assert answer.status_code == 401


def test_pages_of_other_origins_may_call_when_the_site_says_so(serve: Any) -> None:
    root = serve("sqlite", OBJAPI_ISPYB_CORS="yes")
    url = f"{root}/ispyb/api/v1/proposals"
    headers = {"Origin": "https://ui.example", "Access-Control-Request-Method": "GET"}
    asked = headers | {"Access-Control-Request-Headers": "authorization"}
    preflight = requests.options(url, headers=asked, timeout=ENOUGH)
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Headers"] == "authorization"
    answer = requests.get(url, headers=headers, timeout=ENOUGH)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (401, "*")
