"""Logging in, one-time tokens, and what is said of the caller."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from flask import Flask

from objapi.app import create_app
from objapi.ispyb import API_ROOT
from objapi.ispyb.auth.configuration import load_plugins
from objapi.ispyb.auth.keycloak import Keycloak
from objapi.ispyb.auth.ldap import Ldap, library
from objapi.ispyb.auth.plugins import Identity, LoginAttempt
from objapi.profiles.ispyb import tables as t
from objapi.security.accounts import Account, add_user, set_active, store_password
from objapi.security.passwords import Passwords
from objapi.security.tables import memberships, second_factors, users
from objapi.site import Site
from objapi.site_context import SiteError
from tests.objapi.ispyb.calling import KEY, Api, Rows, at, body, faults

GROUPS = """[
 {"groupName": "MX", "uiGroup": "mx", "permission": "mx_staff", "beamLines": [
   {"beamLineName": "ID23-1"}, {"beamLineName": "ID30A-1", "archived": true}]},
 {"groupName": "All", "uiGroup": "all", "permission": "mx_staff", "beamLines": [{"beamLineName": "ID23-1"}]},
 {"groupName": "EM", "uiGroup": "em", "permission": "em_staff", "beamLines": [{"beamLineName": "CM01"}]}]"""


@pytest.fixture
def application(ispyb_site: Site) -> Flask:
    """The application with the plugin that believes every login."""
    return create_app(site=replace(ispyb_site, settings=replace(ispyb_site.settings, ispyb_dummy_login=True)))


def log_in(api: Api, **credentials: Any) -> Any:
    return api.call("POST", "/auth/login", json={"plugin": "dummy", "password": "x", **credentials})


def test_the_plugins_are_listed_with_what_may_be_seen(api: Api) -> None:
    assert body(api.get("/auth/config")) == {
        "plugins": [{"name": "gateway", "config": {}}, {"name": "dummy", "config": {}}]
    }


def test_a_log_in_gives_a_token_with_the_permissions_of_the_moment(api: Api, rows: Rows) -> None:
    person = rows.person("ada", "manage_options", "mx_staff")
    again = rows.add(t.UserGroup, name="again")
    rows.add(t.UserGroup_has_Person, userGroupId=again, personId=person)
    rows.add(t.UserGroup_has_Permission, userGroupId=again, permissionId=rows.all(t.Permission)[0]["permissionId"])
    response = log_in(api, login="ada")
    assert response.status_code == 201
    answer = body(response)
    assert (answer["login"], answer["permissions"]) == ("ada", ["manage_options", "mx_staff"])
    claims = jwt.decode(answer["token"], KEY, algorithms=["HS256"])
    assert claims["exp"] - claims["iat"] == 5 * 3600
    assert {name: claims[name] for name in ("login", "personId", "permissions")} == {
        "login": "ada",
        "personId": person,
        "permissions": ["manage_options", "mx_staff"],
    }


@pytest.mark.parametrize(
    ("credentials", "detail"),
    [
        ({"login": "nobody"}, "User does not exist in database."),
        ({"login": None}, "Could not verify"),
        ({"login": "ada", "plugin": "ldap"}, "Could not verify"),
        ({"login": "ada", "plugin": None}, "Could not verify"),
        ({"login": "ada", "plugin": "gateway"}, "Could not verify"),
    ],
)
def test_a_log_in_that_cannot_be_verified_is_refused(
    api: Api, rows: Rows, credentials: dict[str, Any], detail: str
) -> None:
    rows.person("ada")
    rows.person(None)
    response = log_in(api, **credentials)
    assert (response.status_code, body(response)) == (401, {"detail": detail})


CHEAP = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def add_gateway_user(site: Site) -> None:
    """Make `ada`, with the password `correct horse`, the one user of the gateway."""
    now, roles = site.now(), site.registry.roles
    with site.engine.begin() as connection:
        for table in (second_factors, memberships, users):
            connection.execute(sa.delete(table))
        add_user(connection, Account("ada", "Ada Byron"), "correct horse", roles=roles, passwords=CHEAP, now=now)


def test_a_token_of_a_gateway_user_ends_when_the_user_is_disabled(api: Api, rows: Rows, ispyb_site: Site) -> None:
    add_gateway_user(ispyb_site)
    rows.person("ada")
    by_gateway = body(log_in(api, plugin="gateway", login="ada", password="correct horse"))["token"]
    by_another = body(log_in(api, login="ada"))["token"]
    for active, statuses in ((True, [200, 200]), (False, [401, 200]), (True, [200, 200])):
        ispyb_site.transact(
            lambda connection, active=active: set_active(connection, "ada", active, now=ispyb_site.now()), write=True
        )
        answers = [api.get("/user/current", token) for token in (by_gateway, by_another)]
        assert [answer.status_code for answer in answers] == statuses
        assert active or body(answers[0]) == {"detail": "Token revoked. Please log in again"}


def test_a_onetime_token_of_a_gateway_user_ends_when_the_user_is_disabled(
    api: Api, rows: Rows, ispyb_site: Site
) -> None:
    add_gateway_user(ispyb_site)
    rows.person("ada")
    by_gateway = body(log_in(api, plugin="gateway", login="ada", password="correct horse"))["token"]
    by_another = body(log_in(api, login="ada"))["token"]
    signed = {"validity": "/user/current"}
    for active, statuses in ((True, [200, 200]), (False, [401, 200])):
        tokens = [
            body(api.call("POST", "/user/sign", token, json=signed))["token"] for token in (by_gateway, by_another)
        ]
        assert [len(token) for token in tokens] == [128, 128]
        ispyb_site.transact(
            lambda connection, active=active: set_active(connection, "ada", active, now=ispyb_site.now()), write=True
        )
        answers = [api.get("/user/current", onetime=token) for token in tokens]
        assert [answer.status_code for answer in answers] == statuses
        assert active or body(answers[0]) == {"detail": "Token revoked. Please log in again"}


def test_the_password_of_a_user_with_a_second_factor_is_not_enough(api: Api, rows: Rows, ispyb_site: Site) -> None:
    add_gateway_user(ispyb_site)
    rows.person("ada")
    factor = {"user_id": "ada", "secret": "", "confirmed": 1, "last_step": 0, "failures": 0, "created": 0}
    ispyb_site.transact(lambda connection: connection.execute(sa.insert(second_factors).values(factor)), write=True)
    refused = log_in(api, plugin="gateway", login="ada", password="correct horse")
    assert (refused.status_code, "Use an API token" in body(refused)["detail"]) == (401, True)


def test_tokens_of_a_gateway_user_end_with_the_password(api: Api, rows: Rows, ispyb_site: Site) -> None:
    add_gateway_user(ispyb_site)
    rows.person("ada")
    by_gateway = body(log_in(api, plugin="gateway", login="ada", password="correct horse"))["token"]
    by_another = body(log_in(api, login="ada"))["token"]
    signed = {"validity": "/user/current"}
    onetime = [body(api.call("POST", "/user/sign", token, json=signed))["token"] for token in (by_gateway, by_another)]
    hashed = CHEAP.hash("another horse")
    ispyb_site.transact(lambda connection: store_password(connection, "ada", hashed, now=ispyb_site.now()), write=True)
    assert [api.get("/user/current", token).status_code for token in (by_gateway, by_another)] == [401, 200]
    assert [api.get("/user/current", onetime=token).status_code for token in onetime] == [401, 200]
    anew = body(log_in(api, plugin="gateway", login="ada", password="another horse"))["token"]
    assert api.get("/user/current", anew).status_code == 200


def test_the_gateways_own_users_log_in_by_their_passwords(api: Api, rows: Rows, ispyb_site: Site) -> None:
    add_gateway_user(ispyb_site)
    rows.person("ada", "own_sessions")
    assert body(log_in(api, plugin="gateway", login="ada", password="correct horse"))["permissions"] == ["own_sessions"]
    assert log_in(api, plugin="gateway", login="ada", password="wrong").status_code == 401


def test_a_log_in_without_a_body_is_a_fault(api: Api) -> None:
    assert faults(api.call("POST", "/auth/login")) == [(["body"], "value_error.missing")]
    assert faults(api.call("POST", "/auth/login", json={"login": []})) == [(["body", "login"], "type_error.str")]


def test_a_person_who_logs_in_for_the_first_time_is_added_when_the_options_say_so(api: Api, rows: Rows) -> None:
    rows.add(t.AdminVar, name="create_person_on_missing", value="true")
    assert body(log_in(api, login="newcomer"))["permissions"] == []
    assert [person["login"] for person in rows.all(t.Person)] == ["newcomer"]
    assert log_in(api, login="newcomer").status_code == 201
    assert rows.count(t.Person) == 1


def test_the_caller_is_told_name_permissions_and_beamlines(api: Api, rows: Rows) -> None:
    rows.add(t.AdminVar, name="beamLineGroups", value=GROUPS)
    person = rows.person("ada")
    token = api.token(person, "mx_staff", login="ada")
    assert body(api.get("/user/current", token)) == {
        "givenName": "Ada",
        "familyName": "Byron",
        "login": "ada",
        "Permissions": ["mx_staff"],
        "personId": person,
        "beamLineGroups": ["MX", "All"],
        "beamLines": ["ID23-1", "ID30A-1"],
    }


@pytest.mark.parametrize(
    "validity", ["/user/current", f"{API_ROOT}/user/current", f"https://host{API_ROOT}/user/current?x=1"]
)
def test_a_onetime_token_opens_its_path_once(api: Api, rows: Rows, validity: str) -> None:
    person = rows.person("ada", "manage_options")
    signed = api.call("POST", "/user/sign", api.token(person), json={"validity": validity})
    assert signed.status_code == 200
    onetime = body(signed)["token"]
    assert (len(onetime), body(signed)["validity"]) == (128, validity)
    refused = {"detail": "Invalid one time token."}
    assert body(api.get("/options/ui", onetime=onetime)) == refused
    assert body(api.get("/user/current", onetime=onetime, other=1))["Permissions"] == ["manage_options"]
    again = api.get("/user/current", onetime=onetime)
    assert (again.status_code, body(again)) == (401, refused)


def test_a_onetime_token_is_used_up_by_a_route_that_refuses(api: Api, rows: Rows) -> None:
    person = rows.person("ada")
    onetime = body(api.call("POST", "/user/sign", api.token(person), json={"validity": "/proteins/7"}))["token"]
    assert api.get("/proteins/7", onetime=onetime).status_code == 404
    assert api.get("/proteins/7", onetime=onetime).status_code == 401


def test_a_bearer_token_leaves_the_onetime_token_alone(api: Api, rows: Rows) -> None:
    person = rows.person("ada")
    token = api.token(person)
    onetime = body(api.call("POST", "/user/sign", token, json={"validity": "/user/current"}))["token"]
    assert api.get("/user/current", token, onetime=onetime).status_code == 200
    assert api.get("/user/current", onetime=onetime).status_code == 200


@pytest.mark.parametrize(("validity", "stored"), [("user/current", "user/current"), ("/user/current", "/user/current")])
def test_a_onetime_token_expires(api: Api, rows: Rows, validity: str, stored: str) -> None:
    person = rows.person("ada")
    rows.add(t.SW_onceToken, token="t" * 128, personId=person, validity=stored, recordTimeStamp=at(2020, 1, 1))
    assert api.get("/user/current", onetime="t" * 128).status_code == 401


def test_a_path_too_long_to_be_signed_is_a_fault(api: Api) -> None:
    response = api.call("POST", "/user/sign", api.token(), json={"validity": "/" + "x" * 200})
    assert faults(response) == [(["body", "validity"], "value_error.any_str.max_length")]


def directory() -> Ldap:
    """A directory in memory, of the library's own making."""
    ldap3 = library()
    server = ldap3.Server("directory")
    client = ldap3.Connection(server, client_strategy=ldap3.MOCK_SYNC)
    client.strategy.add_entry(
        "uid=ada,ou=people,dc=lab",
        {
            "objectClass": "inetOrgPerson",
            "uid": "ada",
            "userPassword": "secret",
            "sn": "Byron",
            "givenName": "Ada",
            "mail": "ada@lab.example",
            "uidNumber": "42",
        },
    )
    return Ldap("ldap://directory", "ou=people,dc=lab", {"server": server, "client_strategy": ldap3.MOCK_SYNC})


@pytest.mark.parametrize(
    ("login", "password", "known"),
    [
        ("ada", "secret", True),
        ("ada", "wrong", False),
        ("ada", "", False),
        ("", "secret", False),
        ("bob", "secret", False),
    ],
)
def test_a_directory_knows_who_gives_the_right_password(
    login: str, password: str, known: bool, ispyb_site: Site
) -> None:
    identity = directory().identify(LoginAttempt(login, password, None, "", ispyb_site.now()))
    expected = Identity("ada", "Ada", "Byron", "ada@lab.example", None, 42)
    assert identity == (expected if known else None)


class Realm(BaseHTTPRequestHandler):
    """A log-in server that knows one token."""

    def do_GET(self) -> None:
        known = self.headers.get("Authorization") == "Bearer good"
        self.send_response(200 if known else 401)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        if known:
            self.wfile.write(
                b'{"preferred_username": "ada", "given_name": "Ada", "family_name": "Byron", "email": "a@b"}'
            )

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def realm() -> Iterator[Keycloak]:
    with HTTPServer(("127.0.0.1", 0), Realm) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield Keycloak(f"http://127.0.0.1:{server.server_port}/", "portal", "lab", "hidden")
        server.shutdown()
        thread.join()


def test_a_log_in_server_knows_whose_token_it_is(realm: Keycloak, ispyb_site: Site) -> None:
    now = ispyb_site.now()
    assert realm.identify(LoginAttempt(None, None, "good", "", now)) == Identity("ada", "Ada", "Byron", "a@b")
    assert realm.identify(LoginAttempt(None, None, "bad", "", now)) is None
    assert realm.identify(LoginAttempt("ada", "x", None, "", now)) is None
    assert "hidden" not in repr(dict(realm.exported))


def with_file(site: Site, directory: Path, text: str) -> Site:
    file = directory / "auth.yaml"
    file.write_text(text)
    return replace(site, settings=replace(site.settings, ispyb_auth=file))


def test_plugins_are_those_switched_on_in_the_order_of_the_file(ispyb_site: Site, tmp_path: Path) -> None:
    text = """
AUTH:
  - staff: {ENABLED: true, AUTH_CLASS: LdapAuthentication, CONFIG: {LDAP_URI: "ldap://x", LDAP_BASE_INTERNAL: "o=x"}}
  - off: {ENABLED: false, AUTH_CLASS: DummyAuthentication}
  - keycloak:
      ENABLED: true
      AUTH_CLASS: KeycloakDBGroupsAuthentication
      CONFIG:
        {KEYCLOAK_SERVER_URL: u, KEYCLOAK_CLIENT_ID: c, KEYCLOAK_REALM_NAME: r, KEYCLOAK_CLIENT_SECRET_KEY: hidden}
"""
    plugins = load_plugins(with_file(ispyb_site, tmp_path, text))
    assert {name: dict(plugin.exported) for name, plugin in plugins.items()} == {
        "staff": {},
        "keycloak": {"KEYCLOAK_SERVER_URL": "u", "KEYCLOAK_CLIENT_ID": "c", "KEYCLOAK_REALM_NAME": "r"},
    }


def test_all_mistakes_of_the_file_are_told(ispyb_site: Site, tmp_path: Path) -> None:
    text = "AUTH: [{a: {ENABLED: true}}, {b: {ENABLED: true, KIND: ldap, CONFIG: {LDAP_URI: x}}}, 7]"
    with pytest.raises(SiteError) as refused:
        load_plugins(with_file(ispyb_site, tmp_path, text))
    assert [line.partition(": AUTH")[2] for line in str(refused.value).splitlines()] == [
        "[0].a: KIND or AUTH_CLASS must tell the kind: dummy, gateway, ldap, keycloak.",
        "[1].b.CONFIG: LDAP_BASE_INTERNAL must be set.",
        "[2]: expected one plugin name with its settings below it.",
    ]


@pytest.mark.parametrize(
    ("kind", "library", "settings"),
    [
        ("ldap", "ldap3", "{LDAP_URI: 'ldaps://a.example', LDAP_BASE_INTERNAL: 'dc=example'}"),
        (
            "keycloak",
            "keycloak",
            "{KEYCLOAK_SERVER_URL: x, KEYCLOAK_CLIENT_ID: x, KEYCLOAK_REALM_NAME: x, KEYCLOAK_CLIENT_SECRET_KEY: x}",
        ),
    ],
)
def test_a_plugin_whose_library_is_missing_stops_the_start(
    ispyb_site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, library: str, settings: str
) -> None:
    text = f"AUTH: [{{mine: {{ENABLED: true, KIND: {kind}, CONFIG: {settings}}}}}]"
    assert set(load_plugins(with_file(ispyb_site, tmp_path, text))) == {"mine"}
    monkeypatch.setattr("objapi.ispyb.auth.configuration.find_spec", lambda name: None)
    with pytest.raises(SiteError) as refusal:
        load_plugins(with_file(ispyb_site, tmp_path, text))
    assert f"the Python library {library} is missing; pip install 'objapi[{kind}]'" in str(refusal.value)
