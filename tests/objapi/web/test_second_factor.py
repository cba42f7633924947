"""The second factor by its pages: set up, asked for at log-in, and what a password alone no longer does."""

import re
from base64 import b32decode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from objapi.app import create_app
from objapi.security import code_log_in
from objapi.security.accounts import Account
from objapi.security.administration import UserAdministration
from objapi.security.passwords import Passwords
from objapi.security.principals import command_line_user
from objapi.site import Site
from tests.objapi.security.test_second_factors import code_at

FORM, PAGE, READ = "/Plone/login_form", "/Plone/second_factor", "/Plone/@@API/read?portal_type=Client"
PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def guarded(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The sample laboratory with second factors, and users for these tests."""
    key = tmp_path_factory.mktemp("key") / "key"
    key.write_text("k" * 40, encoding="utf-8")
    for name in ("una", "uwe", "uli", "uma"):
        account = Account(name, roles=("Manager",))
        site.run(
            lambda connection: command_line_user(),
            lambda tx, account=account: UserAdministration(tx).add(account, PASSWORD, Passwords()),
            write=True,
        )
    yield replace(site, settings=replace(site.settings, totp_key_file=key))


@pytest.fixture(scope="module")
def application(guarded: Site) -> Flask:
    return create_app(site=guarded)


def log_in(client: FlaskClient, user: str, **form: str) -> Any:
    return client.post(FORM, data={"__ac_name": user, "__ac_password": PASSWORD} | form)


def set_up(client: FlaskClient, user: str) -> tuple[bytes, list[str]]:
    """Log in and turn the second factor on; the secret and the recovery codes that the pages show."""
    assert log_in(client, user).status_code == 200
    begun = client.post(PAGE, data={"action": "begin", "password": PASSWORD})
    found = re.search(r"<code>([A-Z2-7 ]+)</code>", begun.text)
    assert found is not None, begun.text
    secret = b32decode(found[1].replace(" ", ""))
    assert "otpauth://totp/" in begun.text
    done = client.post(PAGE, data={"action": "confirm", "code": shown(secret)})
    codes = re.findall(r"\b(?:[a-z2-9]{4}-){3}[a-z2-9]{4}\b", done.text)
    assert (done.status_code, len(codes)) == (200, 10)
    return secret, codes


def shown(secret: bytes, steps: int = 0) -> str:
    """The code that an app shows now, or so many steps later."""
    return code_at(secret, datetime.now(UTC), steps)


def note_of(page: Any) -> str:
    found = re.search(r'name="note" value="([^"]+)"', page.text)
    assert found is not None, page.text
    return found[1]


def is_in(client: FlaskClient) -> bool:
    return bool(client.get(READ, headers={"Prefer": "http-status"}).status_code == 200)


def test_the_password_alone_opens_nothing_and_the_code_completes_it(application: Flask) -> None:
    first = application.test_client()
    secret, codes = set_up(first, "una")
    assert is_in(first)
    form = {"action": "add", "_authenticator": first.get(READ).get_json()["_authenticator"]}
    token = first.post("/Plone/@@API/tokens", data=form).get_json()["token"]

    client = application.test_client()
    asked = log_in(client, "una", came_from="/Plone/@@API/types")
    assert (asked.status_code, "login_failed" in asked.text, "Set-Cookie" in asked.headers) == (200, True, False)
    wrong = client.post(FORM, data={"note": note_of(asked), "__ac_code": "000000"})
    assert "The code is wrong" in wrong.text
    assert not is_in(client)
    # That of the next step, so that it is later than the one by which the app was set up.
    code = shown(secret, 1)
    form = {"note": note_of(wrong), "__ac_code": code, "came_from": "https://elsewhere.example/"}
    right = client.post(FORM, data=form)
    assert (right.status_code, "Location" in right.headers) == (200, False)
    assert is_in(client)
    # A code is good once, also for who sends it along with the password.
    other = application.test_client()
    assert "used before" in log_in(other, "una", __ac_code=code).text
    assert log_in(other, "una", __ac_code=codes[0], came_from="/Plone/@@API/types").status_code == 302
    assert is_in(other)

    basic = application.test_client().get(READ, auth=("una", PASSWORD), headers={"Prefer": "http-status"})
    assert (basic.status_code, basic.get_json()["type"]) == (401, "PasswordNotEnough")
    assert "Use an API token" in basic.get_json()["message"]
    assert basic.headers["WWW-Authenticate"].startswith("Bearer")
    by_token = application.test_client().get(READ, headers={"Authorization": f"Bearer {token}"})
    assert by_token.get_json()["success"]


def test_setting_up_takes_the_password_and_turning_off_a_code(application: Flask) -> None:
    client = application.test_client()
    log_in(client, "uwe")
    assert client.post(PAGE, data={"action": "begin", "password": "wrong"}).status_code == 422
    assert client.post(PAGE, data={"action": "confirm", "code": "123456"}).status_code == 409
    elsewhere = {"Origin": "https://elsewhere.example"}
    assert client.post(PAGE, data={"action": "begin"}, headers=elsewhere).status_code == 403
    secret, codes = set_up(client, "uwe")
    for action in ("off", "codes"):
        assert client.post(PAGE, data={"action": action, "code": "000000"}).status_code == 422
    assert "It is on" in client.get(PAGE).text
    renewed = client.post(PAGE, data={"action": "codes", "code": codes[0]})
    assert (renewed.status_code, codes[1] in renewed.text) == (200, False)
    assert client.post(PAGE, data={"action": "off", "code": codes[1]}).status_code == 422
    assert "Set up" in client.post(PAGE, data={"action": "off", "code": shown(secret, 1)}).text
    assert is_in(client)
    assert "Set-Cookie" in log_in(application.test_client(), "uwe").headers


def test_notes_that_are_old_or_forged_begin_the_log_in_anew_and_codes_are_throttled(
    application: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, _ = set_up(application.test_client(), "uli")
    client = application.test_client()
    note = note_of(log_in(client, "uli"))
    for forged in (note[:-2] + "xx", note.replace(".", "", 1), "é", note.partition(".")[0]):
        answer = client.post(FORM, data={"note": forged, "__ac_code": shown(secret, 1)})
        assert (answer.status_code, "__ac_password" in answer.text) == (401, True)
    with monkeypatch.context() as old:
        old.setattr(code_log_in, "_NOTE_LIVES", -code_log_in._CLOCK_SKEW)
        answer = client.post(FORM, data={"note": note, "__ac_code": shown(secret, 1)})
        assert (answer.status_code, "took too long" in answer.text) == (401, True)
    answers = [client.post(FORM, data={"note": note, "__ac_code": "000000"}).status_code for _ in range(6)]
    assert answers == [200, 200, 200, 200, 200, 429]
    # The right password makes the failures of codes no less.
    again = log_in(client, "uli", __ac_code=shown(secret, 1))
    assert (again.status_code, "note" in again.text) == (429, True)
    assert not is_in(client)


def test_a_site_without_a_key_offers_none(site: Site) -> None:
    client = create_app(site=site).test_client()
    client.post(FORM, data={"__ac_name": "admin", "__ac_password": "secret"})
    assert "offers no second factor" in client.get(PAGE).text
    assert client.post(PAGE, data={"action": "begin", "password": "secret"}).status_code == 409


def test_a_log_in_of_senaite_takes_the_code_and_basic_no_longer_suffices(application: Flask) -> None:
    url, client = "/senaite/@@API/senaite/v1", application.test_client(use_cookies=False)
    secret, codes = set_up(application.test_client(), "uma")
    form = {"__ac_name": "uma", "__ac_password": PASSWORD}
    alone = client.post(f"{url}/login", data=form)
    assert (alone.status_code, "Set-Cookie" in alone.headers) == (401, False)
    assert "__ac_code" in alone.json["message"]
    assert client.post(f"{url}/login", data=form | {"__ac_code": "000000"}).status_code == 401
    assert client.get(f"{url}/client", auth=("uma", PASSWORD)).status_code == 401
    logged_in = client.post(f"{url}/login", json=form | {"__ac_code": shown(secret, 1)})
    assert (logged_in.status_code, logged_in.json["items"][0]["authenticated"]) == (200, True)
    bearer = {"Authorization": f"Bearer {logged_in.json['token']}"}
    assert client.get(f"{url}/client", headers=bearer).status_code == 200
    assert client.post(f"{url}/login", data=form | {"__ac_code": codes[0]}).status_code == 200
