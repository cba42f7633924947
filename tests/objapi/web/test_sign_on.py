"""Log-in by a provider: who gets in and who does not, whatever the provider answers."""

import hmac
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, inspect, select

from objapi.app import create_app
from objapi.security.accounts import Account, find_account
from objapi.security.administration import Grant, UserAdministration
from objapi.security.principals import command_line_user
from objapi.security.sign_on import flow
from objapi.security.sign_on import provider as provider_module
from objapi.security.sign_on.links import link_sign_on
from objapi.settings import SettingsError, load_settings
from objapi.site import Site
from objapi.store.schema import metadata
from tests.objapi.web.openid_provider import CLIENT_ID, KEY, OTHER_KEY, SECRET, OpenIdProvider, serving

BEGIN, CALLBACK, READ = "/Plone/sign_on", "/Plone/sign_on/callback", "/Plone/@@API/read?portal_type=Client"
HTTP = {"Prefer": "http-status"}
ADMIN = ("admin", "secret")


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIdProvider]:
    with serving() as provider:
        yield provider


@pytest.fixture(autouse=True)
def well(provider: OpenIdProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    provider.well()
    monkeypatch.setattr(provider_module, "_LET_ALONE", 0.0)


Make = Callable[..., Flask]


@pytest.fixture(scope="module")
def make(site: Site, provider: OpenIdProvider, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """A function that makes the application of the sample laboratory with the provider, and with further settings."""
    file = tmp_path_factory.mktemp("secret") / "secret"
    file.write_text(f"{SECRET}\n", encoding="utf-8")

    def make(**settings: Any) -> Flask:
        given = {
            "public_url": "http://localhost",
            "oidc_issuer": provider.issuer,
            "oidc_client_id": CLIENT_ID,
            "oidc_client_secret_file": file,
        } | settings
        return create_app(site=replace(site, settings=replace(site.settings, **given)))

    return make


@pytest.fixture(scope="module")
def application(make: Make, site: Site, provider: OpenIdProvider) -> Flask:
    """The laboratory, where the subject `s-una` is the user una."""

    def add(tx: Any) -> None:
        administration = UserAdministration(tx)
        administration.add_pending(Account("una", roles=("Analyst",)))
        link_sign_on(tx, administration, "una", provider.issuer, "s-una")

    site.run(lambda connection: command_line_user(), add, write=True)
    return make()


def begin(client: FlaskClient, came_from: str = "") -> str:
    """Set out for the provider; the URL that the browser is sent to."""
    answer = client.get(BEGIN, query_string={"came_from": came_from} if came_from else {})
    assert answer.status_code == 302, answer.text
    return str(answer.headers["Location"])


def come_back(client: FlaskClient, query: str) -> Any:
    return client.get(f"{CALLBACK}?{query}")


def sign_on(client: FlaskClient, provider: OpenIdProvider, subject: str = "s-una", came_from: str = "") -> Any:
    return come_back(client, provider.log_in(begin(client, came_from), subject))


def user_of(client: FlaskClient) -> str | None:
    """The user whom the browser's cookie stands for."""
    if client.get(READ, headers=HTTP).status_code != 200:
        return None
    found = re.search("logged in as <strong>([^<]*)</strong>", client.get("/Plone").text)
    assert found is not None
    return found[1]


def test_a_linked_user_logs_in_and_a_code_is_good_once(application: Flask, provider: OpenIdProvider) -> None:
    client = application.test_client()
    assert "/Plone/sign_on?came_from=" in client.get("/Plone/login_form?came_from=/Plone/@@API/types").text
    url = begin(client, "/Plone/@@API/types")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert asked["redirect_uri"] == "http://localhost/Plone/sign_on/callback"
    assert asked["scope"].split() == ["openid", "profile", "email"]
    query = provider.log_in(url, "s-una")
    held = client.get_cookie("__sign_on", path="/Plone/sign_on")
    assert held is not None
    answer = come_back(client, query)
    assert (answer.status_code, answer.headers["Location"]) == (302, "http://localhost/Plone/@@API/types")
    cookie = next(text for text in answer.headers.getlist("Set-Cookie") if text.startswith("__ac="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert user_of(client) == "una"

    thief = application.test_client()
    thief.set_cookie("__sign_on", held.value, path="/Plone/sign_on")
    replayed = come_back(thief, query)
    assert (replayed.status_code, "used before" in replayed.text, user_of(thief)) == (403, True, None)
    assert come_back(client, query).status_code == 403

    out = client.get("/Plone/logout")
    assert "/Plone/sign_on/logout" in out.text
    assert client.get("/Plone/sign_on/logout").headers["Location"] == f"{provider.issuer}/logout"
    assert user_of(client) is None


def test_no_token_of_the_provider_is_kept(application: Flask, site: Site, provider: OpenIdProvider) -> None:
    assert sign_on(application.test_client(), provider).status_code == 200

    def rows(connection: Connection) -> str:
        tables = [table for table in metadata.sorted_tables if inspect(connection).has_table(table.name)]
        return str([tuple(row) for table in tables for row in connection.execute(select(table))])

    stored = site.transact(rows, write=False)
    assert "s-una" in stored
    # Every signed token begins like this, and the access token is that word.
    assert not [word for word in ("eyJ", "opaque") if word in stored]


def test_the_session_that_a_browser_had_ends_when_it_logs_in(application: Flask, provider: OpenIdProvider) -> None:
    client = application.test_client()
    client.post("/Plone/login_form", data={"__ac_name": "admin", "__ac_password": "secret"})
    before = client.get_cookie("__ac")
    assert before is not None
    assert sign_on(client, provider).status_code == 200
    assert user_of(client) == "una"
    former = application.test_client()
    former.set_cookie("__ac", before.value)
    assert user_of(former) is None


@pytest.mark.parametrize("came_from", ["https://elsewhere.example/", "//elsewhere.example/", "/\\elsewhere.example"])
def test_nobody_is_led_to_another_site(application: Flask, provider: OpenIdProvider, came_from: str) -> None:
    answer = sign_on(application.test_client(), provider, came_from=came_from)
    assert (answer.status_code, "Location" in answer.headers) == (200, False)


def unsigned(claims: dict[str, Any]) -> str:
    _, payload, _ = OpenIdProvider.signed_by(KEY)(claims).split(".")
    return f"eyJhbGciOiJub25lIn0.{payload}."


def signed_by_what_is_public(claims: dict[str, Any]) -> str:
    """HMAC under the published key, which a reader that believes the header would take for right."""
    _, payload, _ = OpenIdProvider.signed_by(KEY)(claims).split(".")
    signed = f"{encoded(json.dumps({'alg': 'HS256', 'kid': KEY.kid}).encode())}.{payload}"
    return f"{signed}.{encoded(hmac.digest(KEY.as_pem(private=False), signed.encode(), 'sha256'))}"


def encoded(part: bytes) -> str:
    return urlsafe_b64encode(part).decode().rstrip("=")


def of_another_key(claims: dict[str, Any]) -> str:
    return OpenIdProvider.signed_by(OTHER_KEY)(claims)


def by_another_key_under_its_name(claims: dict[str, Any]) -> str:
    return OpenIdProvider.signed_by(OTHER_KEY, kid=KEY.kid)(claims)


NOW = int(datetime.now(UTC).timestamp())


@pytest.mark.parametrize(
    "wrong",
    [
        {"claims": {"nonce": "of another log-in"}},
        {"claims": {"nonce": None}},
        {"claims": {"aud": "another client"}},
        {"claims": {"aud": [CLIENT_ID, "another client"]}},
        {"claims": {"azp": "another client"}},
        {"claims": {"iss": "https://elsewhere.example"}},
        {"claims": {"iss": None}},
        {"claims": {"exp": NOW - 3600}},
        {"claims": {"exp": None}},
        {"claims": {"iat": NOW + 36000, "nbf": NOW + 36000}},
        {"claims": {"sub": None}},
        {"claims": {"sub": ""}},
        {"claims": {"sub": 7}},
        {"claims": {"sub": "s" * 256}},
        {"claims": {"at_hash": "d3Jvbmc"}},
        {"sign": unsigned},
        {"sign": signed_by_what_is_public},
        {"sign": of_another_key},
        {"sign": by_another_key_under_its_name},
        {"sign": lambda claims: "no token"},
        {"sign": lambda claims: 7},
        {"sign": lambda claims: None},
    ],
    # Neither instants nor functions are the same in all processes that test.
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_token_that_is_not_valid_logs_nobody_in(
    application: Flask, provider: OpenIdProvider, wrong: dict[str, Any]
) -> None:
    client = application.test_client()
    for name, value in wrong.items():
        setattr(provider, name, value)
    answer = sign_on(client, provider)
    assert (answer.status_code, "__ac=" in str(answer.headers)) == (403, False), answer.text
    assert user_of(client) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda query: query.replace("state=", "state=x"),
        lambda query: query.partition("&state=")[0],
        lambda query: query.partition("&")[2],
        lambda query: re.sub("code=[^&]*", "code=%C3%A9%00%FF", query),
        lambda query: re.sub("code=[^&]*", "code=guessed", query),
        lambda query: re.sub("code=[^&]*", "error=access_denied", query),
        lambda query: re.sub("code=[^&]*", "error=<script>", query),
        lambda query: query.replace("127.0.0.1", "elsewhere.example"),
    ],
)
def test_an_answer_that_does_not_belong_to_the_log_in_is_refused(
    application: Flask, provider: OpenIdProvider, spoil: Callable[[str], str]
) -> None:
    client, other = application.test_client(), application.test_client()
    query = provider.log_in(begin(client), "s-una")
    answer = come_back(client, spoil(query))
    assert (answer.status_code, user_of(client)) == (403, None), answer.text
    assert "<script>" not in answer.text
    begin(other)
    assert [come_back(other, query).status_code, come_back(application.test_client(), query).status_code] == [403, 403]


def test_a_log_in_that_took_too_long_is_begun_anew(
    application: Flask, provider: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = application.test_client()
    query = provider.log_in(begin(client), "s-una")
    monkeypatch.setattr(flow, "LIFETIME", -flow._CLOCK_SKEW)
    assert come_back(client, query).status_code == 403


def test_a_new_key_of_the_provider_is_learnt(application: Flask, provider: OpenIdProvider) -> None:
    sign_on(application.test_client(), provider)
    provider.keys, provider.sign = [KEY, OTHER_KEY], provider.signed_by(OTHER_KEY)
    client = application.test_client()
    assert sign_on(client, provider).status_code == 200
    provider.asked.clear()
    assert sign_on(application.test_client(), provider).status_code == 200
    assert provider.asked == ["/token"]


def test_a_long_token_with_fields_that_nobody_knows_is_taken(application: Flask, provider: OpenIdProvider) -> None:
    provider.claims = {"groups": [f"group number {number}" for number in range(2000)]}
    provider.sign = provider.signed_by(KEY, x_else="unknown")
    assert sign_on(application.test_client(), provider).status_code == 200


def test_a_provider_that_signs_by_a_shared_secret_is_not_believed(make: Make, provider: OpenIdProvider) -> None:
    provider.description = {"id_token_signing_alg_values_supported": ["HS256", "none"]}
    for sign in (provider.sign, unsigned, signed_by_what_is_public):
        provider.sign = sign
        answer = sign_on(make().test_client(), provider)
        assert (answer.status_code, "no algorithm that is taken" in answer.text) == (403, True)


@pytest.mark.parametrize(
    "spoil",
    [
        {"raw": (500, b"{}")},
        {"raw": (302, b"{}")},
        {"raw": (200, b"<html>")},
        {"raw": (200, b"[]")},
        {"raw": (200, b'{"a": "' + b"x" * 600_000 + b'"}')},
        {"description": {"issuer": "https://elsewhere.example"}},
        {"description": {"token_endpoint": "http://elsewhere.example/token"}},
        {"description": {"authorization_endpoint": "javascript:alert(1)"}},
        {"description": {"jwks_uri": None}},
    ],
    ids=lambda spoil: next(iter(spoil)),
)
def test_a_provider_that_cannot_be_used_is_told(make: Make, provider: OpenIdProvider, spoil: dict[str, Any]) -> None:
    client = make().test_client()
    for name, value in spoil.items():
        setattr(provider, name, value)
    answer = client.get(BEGIN)
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    assert f"{provider.issuer} is not available" in answer.text
    assert "/elsewhere" not in provider.asked


def test_a_provider_that_is_away_or_silent_is_let_alone_for_a_moment(
    make: Make, provider: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = make(oidc_issuer="http://127.0.0.1:1").test_client().get(BEGIN)
    assert (away.status_code, "it cannot be reached" in away.text) == (503, True)
    monkeypatch.setattr(provider_module, "_LET_ALONE", 60.0)
    client = make().test_client()
    provider.raw = (500, b"")
    provider.asked.clear()
    assert [client.get(BEGIN).status_code for _ in range(3)] == [503] * 3
    assert len(provider.asked) == 1


def test_a_gateway_that_the_provider_does_not_know_says_so(make: Make, provider: OpenIdProvider) -> None:
    client = make(oidc_client_secret_file=None).test_client()
    answer = sign_on(client, provider)
    assert (answer.status_code, "invalid_client" in answer.text) == (503, True)


def invite(application: Flask, user: str) -> str:
    """Make a user with a one-time link; the key of the link."""
    form = {"action": "create", "userid": user}
    answer = application.test_client().post("/Plone/@@API/users", data=form, auth=ADMIN).get_json()
    return str(answer["password_link"]).partition("key=")[2]


def follow(client: FlaskClient, key: str) -> str:
    """Open a one-time link and choose the provider; the URL that the page leads to."""
    assert "Use the log-in provider" in client.get(f"/Plone/new_password?key={key}").text
    chosen = client.post(BEGIN, data={"key": key})
    found = re.search(r'href="([^"]*/authorize[^"]*)"', chosen.text)
    assert found is not None, chosen.text
    return found[1].replace("&amp;", "&")


def test_a_one_time_link_ties_an_account_to_its_user_once(application: Flask, provider: OpenIdProvider) -> None:
    key = invite(application, "ivo")
    assert application.test_client().post(BEGIN, data={"key": "x" * 43}).status_code == 404
    elsewhere = {"Origin": "https://elsewhere.example"}
    assert application.test_client().post(BEGIN, data={"key": key}, headers=elsewhere).status_code == 403

    # The account of somebody else is left where it is, and so is the link.
    other = application.test_client()
    taken = come_back(other, provider.log_in(follow(other, key), "s-una"))
    assert (taken.status_code, user_of(other)) == (409, None)

    client = application.test_client()
    assert come_back(client, provider.log_in(follow(client, key), "s-ivo")).status_code == 200
    assert user_of(client) == "ivo"
    again = application.test_client()
    assert sign_on(again, provider, "s-ivo").status_code == 200
    assert application.test_client().get(f"/Plone/new_password?key={key}").status_code == 404
    shown = application.test_client().get("/Plone/@@API/users?userid=ivo", auth=ADMIN).get_json()["user"]
    assert shown["sign_on"] == [{"issuer": provider.issuer, "subject": "s-ivo"}]
    history = application.test_client().get(f"/Plone/@@API/history?UID={shown['UID']}", auth=ADMIN).get_json()
    assert (history["history"][0]["event"], history["history"][0]["actor"]) == ("sign_on_link", "ivo")
    unlinked = {"action": "unlink_sign_on", "userid": "ivo"}
    assert client.post("/Plone/@@API/users", data=unlinked, auth=ADMIN).get_json()["updated"] == ["sign_on"]
    assert user_of(again) is None
    assert sign_on(again, provider, "s-ivo").status_code == 403


def test_strangers_become_users_only_where_that_is_set_and_never_by_a_name_that_is_there(
    application: Flask, make: Make, site: Site, provider: OpenIdProvider
) -> None:
    stranger = sign_on(application.test_client(), provider, "s-new")
    assert (stranger.status_code, "Ask its administrator for a one-time link" in stranger.text) == (403, True)
    groups = (("lab", "group", "Analysts"), ("heads", "role", "Manager"))
    open_to_all = make(oidc_create=True, oidc_groups=groups)
    for name in ("admin", "ADMIN", "", "two words", 7, "n" * 65):
        provider.claims = {"preferred_username": name, "email": "admin@example.org", "email_verified": True}
        client = open_to_all.test_client()
        assert (sign_on(client, provider, "s-new").status_code, user_of(client)) == (403, None)

    def account() -> Account:
        return site.transact(lambda connection: find_account(connection, "nia"), write=False)

    provider.claims = {"preferred_username": "nia", "name": "Nia New", "groups": ["lab", "else"]}
    client = open_to_all.test_client()
    assert (sign_on(client, provider, "s-new").status_code, user_of(client)) == (200, "Nia New")
    assert account() == Account("nia", "Nia New", "", True, (), ("Analysts",))
    # From now on the subject counts, whatever the name is; the groups of each log-in, and no claim is no group.
    given = Grant("nia", roles=("Verifier",))
    site.run(lambda connection: command_line_user(), lambda tx: UserAdministration(tx).give(given), write=True)
    for claims, roles, held in (
        ({"preferred_username": "admin", "groups": "heads"}, ("Verifier", "Manager"), ()),
        ({"groups": {"heads": 1}}, ("Verifier",), ()),
        ({"groups": ["lab", 7]}, ("Verifier",), ("Analysts",)),
        ({}, ("Verifier",), ()),
    ):
        provider.claims = claims
        assert sign_on(open_to_all.test_client(), provider, "s-new").status_code == 200
        assert (account().roles, account().groups) == (roles, held)
    uid = client.get("/Plone/@@API/users?userid=nia", auth=ADMIN).get_json()["user"]["UID"]
    rows = client.get(f"/Plone/@@API/history?UID={uid}", auth=ADMIN).get_json()["history"]
    assert [(row["event"], row["actor"]) for row in reversed(rows)] == [
        ("create", "sign-on"),
        ("sign_on_link", "sign-on"),
        ("grant", "command line"),
        ("grant", "sign-on"),
        ("revoke", "sign-on"),
        ("grant", "sign-on"),
        ("revoke", "sign-on"),
    ]
    disabled = {"action": "disable", "userid": "nia"}
    client.post("/Plone/@@API/users", data=disabled, auth=ADMIN)
    assert sign_on(open_to_all.test_client(), provider, "s-new").status_code == 403


def test_where_log_in_is_by_the_provider_alone_no_password_is_taken(
    make: Make, application: Flask, provider: OpenIdProvider
) -> None:
    alone = make(login="sign-on")
    client = alone.test_client()
    form = client.get("/Plone/login_form").text
    assert ("__ac_password" in form, "/Plone/sign_on" in form) == (False, True)
    typed = client.post("/Plone/login_form", data={"__ac_name": "admin", "__ac_password": "secret"})
    assert (typed.status_code, "login_failed" in typed.text, "Set-Cookie" in typed.headers) == (401, True, False)
    for password in ("secret", "wrong"):
        basic = client.get(READ, auth=("admin", password), headers=HTTP)
        assert (basic.status_code, basic.get_json()["type"]) == (401, "PasswordNotEnough")
        assert "API token" in basic.get_json()["message"]
    assert sign_on(client, provider).status_code == 200
    page = client.get("/Plone").text
    assert ("/Plone/password" in page, "Bearer" in page) == (False, True)
    assert client.get("/Plone/password").status_code == 401
    form_of_token = {"action": "add", "_authenticator": client.get(READ).get_json()["_authenticator"]}
    token = client.post("/Plone/@@API/tokens", data=form_of_token).get_json()["token"]
    by_token = alone.test_client().get(READ, headers={"Authorization": f"Bearer {token}"})
    assert by_token.get_json()["success"]
    key = invite(application, "isa")
    link = alone.test_client().get(f"/Plone/new_password?key={key}").text
    assert ("new_password" in link.replace("/new_password", ""), "Use the log-in provider" in link) == (False, True)
    sent = {"key": key, "new_password": "a long secret"}
    assert alone.test_client().post("/Plone/new_password", data=sent).status_code == 401


def test_without_a_provider_there_is_no_way_to_one(site: Site) -> None:
    client = create_app(site=site).test_client()
    assert client.get(BEGIN).status_code == 404
    assert "sign_on" not in client.get("/Plone/login_form").text


ISSUER = {"OBJAPI_OIDC_ISSUER": "https://id.example.org/", "OBJAPI_PUBLIC_URL": "https://lab.example.org"}


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"OBJAPI_LOGIN": "sign-on"}, "OBJAPI_OIDC_ISSUER"),
        ({"OBJAPI_OIDC_ISSUER": "https://id.example.org"}, "OBJAPI_PUBLIC_URL"),
        (ISSUER | {"OBJAPI_PUBLIC_URL": "http://lab.example.org"}, "OBJAPI_PUBLIC_URL"),
        (ISSUER | {"OBJAPI_OIDC_ISSUER": "http://id.example.org"}, "an https URL"),
        (ISSUER | {"OBJAPI_OIDC_ISSUER": "https://id.example.org?x=1"}, "an https URL"),
        (ISSUER | {"OBJAPI_OIDC_SCOPES": "profile"}, "lacks openid"),
        (ISSUER | {"OBJAPI_OIDC_GROUPS": "lab=Manager"}, "GROUP=role:NAME"),
    ],
)
def test_settings_that_do_not_fit_are_told(environ: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        load_settings(environ)


def test_settings_that_fit_are_taken_to_the_letter() -> None:
    settings = load_settings(ISSUER | {"OBJAPI_OIDC_GROUPS": "/lab/a=b=group:Analysts, x=role:Manager"})
    assert settings.oidc_issuer == "https://id.example.org/"
    assert settings.oidc_groups == (("/lab/a=b", "group", "Analysts"), ("x", "role", "Manager"))
    assert (settings.takes_passwords, settings.takes_sign_on) == (True, True)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"oidc_groups": (("lab", "role", "Managr"), ("x", "group", "Authenticated"))}, "no role 'Managr'"),
        ({"oidc_client_secret_file": Path("/nonexistent/secret")}, "OBJAPI_OIDC_CLIENT_SECRET_FILE"),
    ],
)
def test_mistakes_stop_the_start(make: Make, settings: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        make(**settings)
