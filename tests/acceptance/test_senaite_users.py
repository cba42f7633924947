"""Users, log-in, and the routes about the site itself, by the SENAITE face."""

from typing import Any

import pytest
import requests

from tests.acceptance.client import PASSWORD, Client
from tests.acceptance.conftest import AsUser
from tests.acceptance.senaite import Senaite, checked
from tests.waiting import ENOUGH

USER_KEYS = {"username", "id", "fullname", "email", "roles", "groups", "authenticated", "api_url", "url"}


@pytest.fixture
def senaite(admin: Client) -> Senaite:
    return Senaite(admin)


@pytest.fixture
def stranger(as_user: AsUser) -> Senaite:
    return Senaite(as_user(None))


# Log-in

LOG_INS = [
    ("POST", "login", {"data": {"__ac_name": "clerk1", "__ac_password": PASSWORD}}),
    ("POST", "users/login", {"data": {"__ac_name": "clerk1", "__ac_password": PASSWORD}}),
    ("POST", "login", {"json": {"__ac_name": "clerk1", "__ac_password": PASSWORD}}),
    ("POST", "login", {"params": {"__ac_name": "clerk1", "__ac_password": PASSWORD}}),
    ("GET", "login", {"params": {"__ac_name": "clerk1", "__ac_password": PASSWORD}}),
    ("GET", "login", {"auth": ("clerk1", PASSWORD)}),
]


@pytest.mark.parametrize(("verb", "route", "options"), LOG_INS)
def test_a_log_in_gives_a_cookie_and_a_token(stranger: Senaite, verb: str, route: str, options: dict[str, Any]) -> None:
    answer = stranger.send(verb, route, **options)
    body = checked(answer, 200)
    (user,) = body["items"]
    assert (user["username"], user["authenticated"], user["fullname"]) == ("clerk1", True, "Jonas Petrov")
    assert set(user) >= USER_KEYS
    assert ("warnings" in body) == ("params" in options)
    assert answer.headers["Set-Cookie"].startswith("__ac=")
    # The cookie is in the session of the client now, as a script keeps it.
    assert stranger.only("users/current")["username"] == "clerk1"
    assert stranger.post("update", {"uid": "0" * 32, "title": "x"}, status=404)
    bearer = {"headers": {"Authorization": f"Bearer {body['token']}"}}
    stranger.client.http.cookies.clear()
    assert checked(stranger.send("GET", "users/current", **bearer), 200)["items"][0]["username"] == "clerk1"
    out = checked(stranger.send("GET", "logout", **bearer), 200)
    assert (out["success"], out["authenticated"]) == (True, False)
    checked(stranger.send("GET", "users/current", **bearer), 401)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({"__ac_name": "clerk1", "__ac_password": "wrong"}, 401),
        ({"__ac_name": "clerk1"}, 400),
        ({"__ac_password": "secret"}, 400),
        ({}, 400),
    ],
)
def test_a_log_in_that_fails_says_why(stranger: Senaite, data: dict[str, str], status: int) -> None:
    answer = stranger.send("POST", "login", data=data)
    checked(answer, status)
    assert "Set-Cookie" not in answer.headers
    if status == 400:
        missing = {"__ac_name", "__ac_password"} - data.keys()
        assert {cause["parameter"] for cause in answer.json()["errors"]} == missing


def test_names_and_passwords_log_in_nowhere_else(stranger: Senaite) -> None:
    checked(stranger.send("GET", "client", params={"__ac_name": "clerk1", "__ac_password": PASSWORD}), 401)


def test_wrong_credentials_are_refused_whatever_else_is_sent(stranger: Senaite) -> None:
    checked(stranger.send("GET", "users/current", auth=("clerk1", "wrong")), 401)
    checked(stranger.send("GET", "auth", auth=("clerk1", "wrong")), 401)


@pytest.mark.parametrize("route", ["auth", "users/auth"])
def test_auth_says_whether_a_caller_is_known(senaite: Senaite, stranger: Senaite, route: str) -> None:
    assert set(senaite.get(route)) == {"_runtime"}
    stranger.get(route, status=401)


def test_the_cookie_of_a_browser_is_refused_to_pages_of_other_sites(stranger: Senaite) -> None:
    checked(stranger.send("POST", "login", data={"__ac_name": "clerk1", "__ac_password": PASSWORD}), 200)
    elsewhere = {"headers": {"Origin": "http://elsewhere.example"}}
    answer = checked(stranger.send("POST", "update", json={"uid": "0" * 32}, **elsewhere), 403)
    assert answer["type"] == "CrossSite"


# Users


def test_everybody_is_told_who_they_are(senaite: Senaite, stranger: Senaite) -> None:
    assert senaite.only("users/current")["authenticated"] is True
    nobody = stranger.only("users/current")
    assert (nobody["username"], nobody["authenticated"], nobody["roles"]) == ("Anonymous User", False, ["Anonymous"])


def test_managers_see_all_users_page_by_page(senaite: Senaite) -> None:
    first = senaite.get("users", limit=5)
    rest = senaite.get("users", limit=1000, b_start=5)
    names = [item["username"] for item in [*first["items"], *rest["items"]]]
    assert len(names) == len(set(names)) == first["count"]
    assert [item["username"] for item in first["items"] if item["authenticated"]] == ["admin"]
    (pavel,) = [item for item in rest["items"] if item["username"] == "pavel"]
    assert senaite.get(pavel["linked_contact_uid"])["Username"] == "pavel"
    assert senaite.only("users/pavel") == {**pavel}
    senaite.get("users/nobody-of-that-name", status=404)


def test_others_see_themselves(as_user: AsUser) -> None:
    clerk = Senaite(as_user("clerk1"))
    assert [item["username"] for item in clerk.items("users")] == ["clerk1"]
    assert clerk.only("users/clerk1")["authenticated"] is True
    clerk.get("users/admin", status=403)


# The site


def test_settings_and_registry_are_for_managers(senaite: Senaite, as_user: AsUser) -> None:
    assert senaite.get("settings")["url"] == senaite.url("settings")
    registry = senaite.only("registry")
    assert registry["plone.site_title"]
    assert set(senaite.only("registry/timezone")) == {"plone.portal_timezone"}
    assert senaite.only("registry/bika") == {}
    clerk = Senaite(as_user("clerk1"))
    clerk.get("settings", status=403)
    clerk.get("registry", status=403)


def test_types_say_where_they_are_created(senaite: Senaite, as_user: AsUser) -> None:
    every = {item["portal_type"] for item in senaite.items("types")}
    assert {"Client", "AnalysisRequest", "ARTemplate"} <= every
    assert senaite.get("types/sampletemplate")["portal_type"] == "ARTemplate"
    inside = {item["portal_type"] for item in senaite.items("types", parent_path="/senaite/clients")}
    assert inside == {"Client"}
    assert Senaite(as_user("analyst1")).items("types", parent_path="/clients") == []
    senaite.get("types/nonsense", status=404)


def test_schemas_name_fields_as_the_face_does(senaite: Senaite) -> None:
    schema = senaite.get("schema/AnalysisRequest")
    fields = {field["name"]: field for field in schema["fields"]}
    assert schema["count"] == len(fields)
    assert (fields["Contact"]["required"], fields["Contact"]["allowed_types"]) == (True, ["Contact"])
    assert fields["ClientUID"]["readonly"] is True
    assert fields["Analyses"]["allowed_types"] == ["AnalysisService"]
    assert "min_volume" in {field["name"] for field in senaite.get("schema/SampleType")["fields"]}
    senaite.get("schema/nonsense", status=404)


def test_a_workflow_says_what_the_caller_may_do_now(senaite: Senaite, as_user: AsUser) -> None:
    uid = senaite.only("client", getClientID="HBF")["uid"]
    answer = senaite.get(f"workflow/{uid}")
    assert (answer["uid"], answer["portal_type"], answer["review_state"]) == (uid, "Client", "active")
    assert "deactivate" in {each["id"] for each in answer["transitions"]}
    assert Senaite(as_user("analyst1")).get(f"workflow/{uid}")["transitions"] == []


def test_consumers_are_named(senaite: Senaite) -> None:
    senaite.form("push", {"messages": "x"}, status=400)
    answer = senaite.form("push", {"consumer": "nobody", "messages": ["x", "y"]}, status=404)
    assert "nobody" in answer["message"]


def test_api_tokens_are_taken_too(senaite: Senaite) -> None:
    made = senaite.client.call("tokens", {"action": "add", "name": "for a bridge"})
    bearer = {"Authorization": f"Bearer {made['token']}"}
    answer = requests.get(senaite.url("users/current"), headers=bearer, timeout=ENOUGH)
    assert answer.json()["items"][0]["username"] == "admin"
