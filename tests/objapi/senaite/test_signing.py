"""Transitions that are signed, by the SENAITE face: the password once more, beside the transition, in a body."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from objapi.app import create_app
from objapi.security.accounts import Account
from objapi.security.administration import UserAdministration
from objapi.security.passwords import Passwords
from objapi.security.principals import command_line_user
from objapi.site import Site
from tests.objapi.store.workshop import open_site

BASE = "/senaite/@@API/senaite/v1"
PASSWORD = "correct horse battery"
UNA = ("una", PASSWORD)
SIGNED = """
workflows:
  bika_inactive_workflow:
    extend: true
    transitions:
      deactivate: {extend: true, signature: {meaning: Withdrawn}}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A laboratory in which nothing is put out of use without a signature."""
    folder = tmp_path_factory.mktemp("signed")
    for name, text in {"profile.yaml": "extends: [lims]\n", "workflows/signed.yaml": SIGNED}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    made = open_site(f"sqlite:///{folder / 'site.sqlite'}", folder, ("lims", str(folder)))
    account = Account("una", roles=("Manager",), fullname="Una Signer")
    made.run(
        lambda connection: command_line_user(),
        lambda tx: UserAdministration(tx).add(account, PASSWORD, Passwords()),
        write=True,
    )
    yield made
    made.close()


@pytest.fixture
def client(site: Site) -> FlaskClient:
    return create_app(site=site).test_client(use_cookies=False)


def answered(
    client: FlaskClient, verb: str, route: str, body: object = None, **options: Any
) -> tuple[int, dict[str, Any]]:
    answer = client.open(f"{BASE}/{route}", method=verb, json=body, auth=UNA, **options)
    assert PASSWORD not in answer.text
    return answer.status_code, json.loads(answer.text)


def department(client: FlaskClient, title: str) -> str:
    status, made = answered(client, "POST", "Department/create", {"parent_path": "/setup/departments", "title": title})
    assert status == 200, made
    return str(made["items"][0]["uid"])


def signatures(client: FlaskClient, uid: str) -> list[tuple[str, str]]:
    query = {"UID": uid, "catalog_name": "uid_catalog", "include_fields": "signatures"}
    found = client.get("/Plone/@@API/read", query_string=query, auth=UNA).get_json()
    return [(item["meaning"], item["fullname"]) for item in found["objects"][0]["signatures"]]


@pytest.mark.parametrize("way", ["update", "list", "PATCH", "delete", "form"])
def test_a_transition_is_signed_by_the_password_beside_it(client: FlaskClient, way: str) -> None:
    uid = department(client, f"signed by {way}")
    step = {"transition": "deactivate"}
    verb, route, body = {
        "update": ("POST", "update", {"uid": uid, **step}),
        "list": ("POST", "update", [{"uid": uid, **step}]),
        "PATCH": ("PATCH", uid, step),
        "delete": ("POST", f"delete/{uid}", {}),
        "form": ("POST", f"update/{uid}", step),
    }[way]

    def asked(**proof: str) -> tuple[int, dict[str, Any]]:
        sent: object = [{**item, **proof} for item in body] if isinstance(body, list) else {**body, **proof}
        return answered(client, verb, route, data=sent) if way == "form" else answered(client, verb, route, sent)

    status, refused = asked()
    assert (status, "Withdrawn" in refused["message"], "password" in refused["message"]) == (403, True, True), refused
    assert asked(password="not it")[0] == 403
    assert signatures(client, uid) == []
    status, done = asked(password=PASSWORD)
    assert (status, done["items"][0]["uid"]) == (200, uid), done
    assert signatures(client, uid) == [("Withdrawn", "Una Signer")]


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("update?password=secret-word", {"transition": "deactivate"}),
        ("update?second_factor=secret-word", {"transition": "deactivate"}),
        ("update", [{"password": "one"}, {"password": "two"}]),
        ("update", {"password": {"a": "b"}}),
        ("update", {"second_factor": "123456"}),
    ],
)
def test_a_proof_that_cannot_be_meant_is_refused(client: FlaskClient, route: str, body: object) -> None:
    uid = department(client, f"refused {route} {body}"[:60])
    named = [{**item, "uid": uid} for item in body] if isinstance(body, list) else {**dict(body), "uid": uid}
    status, refused = answered(client, "POST", route, named)
    assert (status, "Nothing was done" in refused["message"]) == (400, True), refused
    assert "secret-word" not in refused["message"]


def test_a_repetition_is_answered_without_the_password_and_a_token_signs_nothing(client: FlaskClient) -> None:
    uid, key = department(client, "once"), {"Idempotency-Key": '"sign-once"'}
    body = {"uid": uid, "transition": "deactivate"}
    assert answered(client, "POST", "update", {**body, "password": PASSWORD}, headers=key)[0] == 200
    assert answered(client, "POST", "update", body, headers=key)[0] == 200
    made = client.post("/Plone/@@API/tokens", json={"action": "add", "name": "robot"}, auth=UNA).get_json()
    other = department(client, "by a token")
    for more in ({}, {"password": PASSWORD}):
        refused = client.post(
            f"{BASE}/update",
            json={"uid": other, "transition": "deactivate", **more},
            headers={"Authorization": f"Bearer {made['token']}"},
        )
        assert (refused.status_code, "token" in refused.text) == (403, True)
    assert signatures(client, other) == []
