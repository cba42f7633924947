"""Signing over HTTP: the password once more, in the body of a POST; and that it is stored nowhere."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from objapi import upkeep
from objapi.app import create_app
from objapi.security.accounts import Account
from objapi.security.administration import UserAdministration
from objapi.security.passwords import Passwords
from objapi.security.principals import command_line_user, load_by_login
from objapi.security.sealing import Seal
from objapi.security.second_factors import begin_set_up, confirm
from objapi.security.sign_on.links import link_sign_on
from objapi.settings import load_settings
from objapi.site import Site
from objapi.store.requests import ByPath, CreateItem
from objapi.store.schema import metadata
from tests.objapi.security.test_second_factors import code_at
from tests.objapi.store.workshop import quietly
from tests.objapi.web.openid_provider import CLIENT_ID, SECRET, serving

PASSWORD = "correct horse battery"
ACT = "/Plone/@@API/doActionFor_many"
NOTE = """
Note:
  containers: [Plone Site]
  catalogs: [portal_catalog]
  workflows: [note_workflow]
  fields:
    title: {kind: string}
    Text: {kind: text}
"""
WORKFLOW = """
workflows:
  note_workflow:
    initial_state: draft
    states:
      draft: {exits: [approve, plain]}
      approved: {}
    transitions:
      approve: {to: approved, guard: {permissions: [Modify portal content]}, signature: {meaning: Approved}}
      plain: {guard: {permissions: [Modify portal content]}}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of notes, which are approved with a signature."""
    folder = tmp_path_factory.mktemp("notes")
    for name, text in {"profile.yaml": "extends: [base]\n", "types/n.yaml": NOTE, "workflows/n.yaml": WORKFLOW}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    key = folder / "key"
    key.write_text("k" * 40, encoding="utf-8")
    values = {
        "data_dir": folder,
        "profiles": str(folder),
        "totp_key_file": key,
        "login_failures": "2",
        "login_wait": "60",
    }
    made = Site.open(load_settings({}, values))
    upkeep.initialise(made, quietly)
    for name in ("una", "uwe", "uli"):
        account = Account(name, roles=("Manager",), fullname=f"{name} Signer")
        made.run(
            lambda connection: command_line_user(),
            lambda tx, account=account: UserAdministration(tx).add(account, PASSWORD, Passwords()),
            write=True,
        )
    yield made
    made.close()


@pytest.fixture(scope="module")
def application(site: Site) -> Flask:
    return create_app(site=site)


@pytest.fixture
def client(application: Flask) -> FlaskClient:
    return logged_in(application, "una")


def logged_in(application: Flask, user: str, **form: str) -> FlaskClient:
    client = application.test_client()
    client.post("/Plone/login_form", data={"__ac_name": user, "__ac_password": PASSWORD} | form)
    return client


def basic(user: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:{PASSWORD}".encode()).decode()}


def note(client: FlaskClient, title: str) -> str:
    """The path of a new draft."""
    sent = {"obj_path": "/", "obj_type": "Note", "title": title, "obj_id": title}
    made = client.post("/Plone/@@API/create", json=sent, headers=basic("uli")).json
    assert made is not None
    assert made["success"], made
    return str(made["path"])


def approve(client: FlaskClient, path: str, password: str | None = PASSWORD, **more: Any) -> dict[str, Any]:
    """The answer to an approval by JSON, with its real status."""
    headers = more.pop("headers", {})
    sent = {"obj_paths": [path], "action": "approve", "password": password, **more}
    answer = client.post(ACT, json={name: value for name, value in sent.items() if value is not None}, headers=headers)
    assert isinstance(answer.json, dict)
    return {"status": answer.status_code, **answer.json}


def state(client: FlaskClient, path: str) -> str:
    found = client.get(f"/Plone/@@API/read?path={path}").json
    assert found is not None
    return str(found["objects"][0]["review_state"])


@pytest.mark.parametrize("by", ["cookie", "basic"])
def test_the_password_is_typed_once_more_for_each_request(application: Flask, client: FlaskClient, by: str) -> None:
    """What the request came by is no proof, Basic neither; nothing is done without one."""
    path, headers = note(client, f"once-{by}"), basic("una") if by == "basic" else {}
    sender = client if by == "cookie" else application.test_client()
    offer = client.get(f"/Plone/@@API/allowedTransitionsFor?uid={uid(client, path)}").json
    assert offer is not None
    assert offer["transitions"][0]["transitions"][0] == {
        "id": "approve",
        "title": "approve",
        "signature": {"meaning": "Approved"},
    }
    refused = approve(sender, path, None, headers=headers)
    assert (refused["status"], refused["type"]) == (403, "SignatureRequired")
    refused = approve(sender, path, "not it", headers=headers)
    assert (refused["status"], refused["type"], state(client, path)) == (403, "SignatureRefused", "draft")
    done = approve(sender, path, headers=headers)
    assert (done["status"], done["objects"][0]["signature"]) == (200, {"meaning": "Approved"})
    found = client.get(f"/Plone/@@API/read?path={path}&include_fields=signatures").json
    assert found is not None
    (own,) = found["objects"][0]["signatures"]
    assert (own["fullname"], own["valid"]) == ("una Signer", True)
    trail = client.get(f"/Plone/@@API/history?obj_path={path}").json
    assert trail is not None
    assert trail["history"][0]["signature"]["proof"] == "password"


def uid(client: FlaskClient, path: str) -> str:
    found = client.get(f"/Plone/@@API/read?path={path}").json
    assert found is not None
    return str(found["objects"][0]["UID"])


@pytest.mark.parametrize("name", ["password", "second_factor", "password[]", "password:list"])
@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_a_credential_in_a_url_is_refused(client: FlaskClient, verb: str, name: str) -> None:
    query = {"obj_paths": "/nowhere", "action": "approve", name: PASSWORD}
    answer = client.open(ACT, method=verb, query_string=query, headers={"Prefer": "http-status"})
    assert isinstance(answer.json, dict)
    assert (answer.status_code, "in the body of a POST" in answer.json["message"]) == (400, True), answer.json
    assert PASSWORD not in answer.text


def test_wrong_passwords_wait_as_failed_log_ins_do(application: Flask) -> None:
    client = logged_in(application, "uwe")
    path = note(client, "waiting")
    assert [approve(client, path, "not it")["status"] for _ in range(2)] == [403, 403]
    assert approve(client, path)["status"] == 429
    refused = client.post("/Plone/login_form", data={"__ac_name": "uwe", "__ac_password": PASSWORD})
    assert refused.status_code == 429


def test_nobody_signs_by_a_token_nor_where_nothing_is_signed(client: FlaskClient, application: Flask) -> None:
    made = client.post("/Plone/@@API/tokens", json={"action": "add", "name": "robot"}).json
    assert made is not None
    path, token = note(client, "by-token"), {"Authorization": f"Bearer {made['token']}"}
    stranger = application.test_client()
    for password in (None, PASSWORD):
        refused = approve(stranger, path, password, headers=token)
        assert (refused["status"], refused["type"]) == (403, "SignatureRefused"), refused
    assert approve(stranger, path, headers={})["status"] == 401
    plain = approve(client, path, action="plain")
    assert (plain["status"], "signature" in plain["objects"][0]) == (200, False)


def test_who_has_an_app_sends_its_code_and_a_repetition_needs_no_other(
    application: Flask, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """And neither password nor code is in any table, or in the log."""
    caplog.set_level("DEBUG")
    seal = Seal.from_settings(site.settings)
    assert seal is not None
    client = logged_in(application, "uli")
    path = note(client, "by-app")
    now = datetime.now(UTC)
    secret = site.transact(lambda connection: begin_set_up(connection, "uli", seal, now), write=True)
    codes = site.run(
        lambda connection: load_by_login_of(site, connection, "uli"),
        lambda tx: confirm(tx, code_at(secret, now, -1), seal, None),
        write=True,
    )
    assert codes is not None
    client = logged_in(application, "uli", __ac_code=codes[0])
    code, key = code_at(secret, datetime.now(UTC)), {"Idempotency-Key": "approval"}
    for wrong in ({}, {"second_factor": "000000"}):
        assert approve(client, path, **wrong)["type"] == "SignatureRefused"
    assert approve(client, path, None, second_factor=code)["status"] == 400
    first = approve(client, path, second_factor=code, headers=key)
    assert (first["status"], state(client, path)) == (200, "approved")
    again = client.post(
        ACT,
        json={"obj_paths": [path], "action": "approve", "password": "another", "second_factor": code},
        headers=key,
    )
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
    trail = client.get(f"/Plone/@@API/history?obj_path={path}").json
    assert trail is not None
    assert trail["history"][0]["signature"]["proof"] == "password and code"
    with site.engine.connect() as connection:
        rows = [str(tuple(row)) for table in metadata.sorted_tables for row in connection.execute(select(table))]
    assert [row for row in rows if PASSWORD in row or f"'{code}'" in row] == []
    assert PASSWORD not in caplog.text
    assert code not in caplog.text


def test_who_has_no_password_logs_in_anew_to_sign_once(site: Site, tmp_path: Path) -> None:
    """The provider has to say that they have logged in just now; the session that begins signs one request."""
    file = tmp_path / "secret"
    file.write_text(SECRET, encoding="utf-8")
    with serving() as provider:
        given = {"public_url": "http://localhost", "oidc_issuer": provider.issuer, "oidc_client_id": CLIENT_ID}
        settings = replace(site.settings, oidc_client_secret_file=file, login="sign-on", **given)
        application = create_app(site=replace(site, settings=settings))
        for name in ("una", "uwe"):
            site.run(
                lambda connection: command_line_user(),
                lambda tx, name=name: link_sign_on(tx, UserAdministration(tx), name, provider.issuer, f"s-{name}"),
                write=True,
            )
        client = application.test_client()

        def sign_on(query: str, auth_time: int | None, subject: str = "s-una") -> tuple[int, str]:
            provider.claims = {"auth_time": auth_time}
            url = client.get(f"/Plone/sign_on{query}").headers["Location"]
            answer = client.get(f"/Plone/sign_on/callback?{provider.log_in(url, subject)}")
            return answer.status_code, url

        status, url = sign_on("", None)
        assert (status, "prompt=login" in url) == (200, False)
        paths = [drafted(site, f"signed-on-{number}") for number in (1, 2)]
        assert approve(client, paths[0])["type"] == "SignatureRefused"
        assert approve(client, paths[0], None)["type"] == "SignatureRequired"
        now = int(datetime.now(UTC).timestamp())
        for auth_time in (None, now - 600):
            assert sign_on("?sign=1", auth_time)[0] == 403
        assert sign_on("?sign=1", now, "s-uwe")[0] == 403
        status, url = sign_on("?sign=1", now)
        assert (status, "prompt=login" in url, "max_age=0" in url) == (200, True, True)
        assert [approve(client, path, None)["status"] for path in paths] == [200, 403]
        trail = client.get(f"/Plone/@@API/history?obj_path={paths[0]}").json
        assert trail is not None
        assert trail["history"][0]["signature"]["proof"] == "sign-on"


def drafted(site: Site, title: str) -> str:
    """The path of a new draft, made at the command line."""
    item = CreateItem("Note", ByPath("/"), {"title": title}, title)
    outcome = site.run(lambda connection: command_line_user(), lambda tx: tx.create([item]), write=True)
    return outcome.entries[0].path


def load_by_login_of(site: Site, connection: Any, name: str) -> Any:
    return load_by_login(connection, name, site.registry.roles)
