"""API tokens over HTTP: made and revoked by their users, held to their scope, refused like log-ins."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest
import requests
from requests.adapters import HTTPAdapter

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.conftest import AsUser

Token = Callable[..., Client]
UNKNOWN = "oat_aaaaaaaa_" + "x" * 40


class _From(HTTPAdapter):
    """Sends requests from another address of this machine, whose failed log-ins are counted apart."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, source_address=(self._address, 0))


def bearer(root: str, text: str, address: str | None = None) -> Client:
    """A client that comes by a token alone."""
    client = Client(root)
    client.http.headers["Authorization"] = f"Bearer {text}"
    if address is not None:
        client.http.mount("http://", _From(address))
    return client


def revoke(admin: Client, *prefixes: str) -> dict[str, Any]:
    return admin.call("tokens", {"action": "revoke", "prefix": list(prefixes)})


@pytest.fixture
def token(root: str, admin: Client) -> Iterator[Token]:
    """A function that gives a client which comes by a new token of the administrator with a scope."""
    with ExitStack() as stack:

        def make(**scope: object) -> Client:
            made = succeeded(admin.json("tokens", {"action": "add", **scope}))
            stack.callback(revoke, admin, made["prefix"])
            client = bearer(root, made["token"])
            stack.enter_context(client.http)
            return client

        yield make


def test_a_token_is_shown_once_acts_as_its_user_and_ends_when_it_is_revoked(root: str, as_user: AsUser) -> None:
    rita, admin = as_user("rita"), as_user("admin")
    response = rita.post("tokens", {"action": "add", "name": "balance", "expires": "30"})
    made = succeeded(response)
    assert re.fullmatch(r"oat_[a-z0-9]{8}_[A-Za-z0-9]{40}", made["token"])
    assert made["token"].startswith(f"oat_{made['prefix']}_")
    assert "no-store" in response.headers["Cache-Control"]

    script = bearer(root, made["token"], "127.0.0.2")
    with script.http:
        found = script.read(portal_type="Client")
        assert [item["path"] for item in found["objects"]] == ["/Plone/clients/client-1"]
        assert script.get("read", {"_authenticator": found["_authenticator"]}).status_code == 200
        (listed,) = succeeded(script.get("tokens"))["tokens"]
        assert (listed["prefix"], listed["userid"], listed["name"]) == (made["prefix"], "rita", "balance")
        assert listed["last_used"] is not None
        assert made["token"] not in rita.get("tokens").text
        # The proof that a read gives belongs to the token, and is worth nothing to its user's password.
        failed(
            rita.get("read", {"_authenticator": found["_authenticator"]}, headers={"Prefer": "http-status"}),
            403,
            "CrossSite",
        )

        assert rita.call("tokens", {"action": "revoke", "prefix": made["prefix"], "dry_run": "1"})["dry_run"]
        assert script.get("read").status_code == 200
        assert revoke(rita, made["prefix"])["revoked"] == [{"prefix": made["prefix"], "name": "balance"}]
        refused = script.get("read")
        assert (refused.status_code, failed(refused, 401, "InvalidToken")["objects"]) == (401, [])
        assert refused.headers["WWW-Authenticate"] == 'Bearer realm="objapi", error="invalid_token"'

    uid = succeeded(admin.get("users", {"userid": "rita"}))["user"]["UID"]
    history = succeeded(admin.get("history", {"UID": uid}))["history"]
    assert [row["event"] for row in history[:2]] == ["token_revoke", "token_add"]
    assert history[1]["changes"]["token"]["new"]["prefix"] == made["prefix"]
    assert made["token"].rpartition("_")[2] not in str(history)


def test_invalid_tokens_wait_and_valid_ones_do_not(root: str, token: Token) -> None:
    address = "127.0.0.3"
    valid = bearer(root, str(token().http.headers["Authorization"]).removeprefix("Bearer "), address)
    guesses = [UNKNOWN, "oat_short", "", "eyJhbGciOiJIUzI1NiJ9.e30.x", UNKNOWN + "x"]
    with valid.http:
        for text in guesses:
            response = bearer(root, text, address).get("read")
            assert failed(response, 401, "InvalidToken")
            assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
        response = bearer(root, UNKNOWN, address).get("read")
        assert failed(response, 429, "TooManyAttempts")
        assert int(response.headers["Retry-After"]) > 0
        assert valid.get("read").status_code == 200
        assert Client(root, "admin").get("read").status_code == 200


CLIENT_1, CLIENT_2 = "/Plone/clients/client-1", "/Plone/clients/client-2"
CHANGE = {"obj_path": CLIENT_1, "Phone": "1", "dry_run": "1"}
ELSEWHERE = CHANGE | {"obj_path": CLIENT_2}
NEW = {"obj_type": "Contact", "Firstname": "A", "Surname": "B", "EmailAddress": "a@b.example", "dry_run": "1"}
COPY = {"target_path": CLIENT_1, "fields.EmailAddress:record": "copy@of.example", "dry_run": "1"}


@pytest.mark.parametrize(
    ("scope", "method", "form", "status"),
    [
        ({}, "update", CHANGE, 200),
        ({}, "users", {}, 403),
        ({}, "grants", {}, 403),
        ({}, "tokens", {"action": "add"}, 403),
        ({}, "tokens", {"action": "revoke", "prefix": "aaaaaaaa"}, 403),
        ({"read_only": True}, "read", {"portal_type": "Client"}, 200),
        ({"read_only": True}, "update", CHANGE, 403),
        ({"read_only": True}, "create", NEW | {"obj_path": CLIENT_1}, 403),
        ({"read_only": True}, "doActionFor", {"action": "deactivate", "UID": "x"}, 403),
        ({"methods": ["read", "update"]}, "update", CHANGE, 200),
        ({"methods": ["read", "update"]}, "types", {}, 403),
        (
            {"methods": ["users", "read"]},
            "users",
            {"action": "change", "userid": "rita", "fullname": "R", "dry_run": 1},
            200,
        ),
        ({"methods": ["users", "read"]}, "users", {"action": "password_link", "userid": "rita", "dry_run": 1}, 403),
        ({"methods": ["users", "read"]}, "users", {"action": "create", "userid": "new", "dry_run": 1}, 403),
        ({"types": ["Client"]}, "update", CHANGE, 200),
        ({"types": ["Contact"]}, "update", CHANGE, 404),
        ({"types": ["Contact"]}, "create", NEW | {"obj_path": CLIENT_1}, 200),
        ({"types": ["Client"]}, "create", NEW | {"obj_path": CLIENT_1}, 403),
        ({"path": "/clients/client-1"}, "update", CHANGE, 200),
        ({"path": "/"}, "update", CHANGE, 200),
        ({"path": "/clients/client-1"}, "update", ELSEWHERE, 404),
        ({"path": "/clients/client-1"}, "create", NEW | {"obj_path": CLIENT_1}, 200),
        ({"path": "/clients/client-1"}, "create", NEW | {"obj_path": CLIENT_2}, 404),
        ({"path": "/clients/client-1"}, "copy", COPY | {"obj_path": f"{CLIENT_1}/contact-1"}, 200),
        ({"path": "/clients/client-1"}, "copy", COPY | {"obj_path": f"{CLIENT_2}/contact-3"}, 404),
        ({"path": "/clients/client-2"}, "copy", COPY | {"obj_path": f"{CLIENT_2}/contact-3"}, 404),
        ({"path": "/clients/client-1"}, "remove", {"obj_path": CLIENT_2}, 400),
    ],
)
def test_a_scope_takes_away_from_what_the_user_may_do(
    token: Token, scope: dict[str, object], method: str, form: dict[str, str], status: int
) -> None:
    response = token(**scope).post(method, form, headers={"Sec-Fetch-Site": "cross-site"})
    assert response.status_code == status, response.text
    if status == 403:
        message = failed(response, 403, "InsufficientScope")["message"]
        assert "the token" in message
        assert 'error="insufficient_scope"' in response.headers["WWW-Authenticate"]
    if status == 404:
        assert "the token" in failed(response, 404, "NotFound")["message"]


def test_what_is_out_of_reach_is_neither_found_nor_shown(admin: Client, token: Token) -> None:
    outside, inside = admin.uid(CLIENT_2), admin.uid(CLIENT_1)
    of_path, of_types = token(path="/clients/client-1"), token(types=["Client", "AnalysisRequest"])
    assert [item["path"] for item in of_path.read(portal_type="Client")["objects"]] == [CLIENT_1]
    assert of_path.read(portal_type="Client", page_size="0")["total_objects"] == 1
    contacts = of_path.read(portal_type="Contact", page_size="1000")
    assert contacts["total_objects"] == len(contacts["objects"]) > 0
    assert {item["path"].startswith(CLIENT_1 + "/") for item in contacts["objects"]} == {True}
    assert of_types.read(portal_type="Contact")["total_objects"] == 0
    assert of_types.read(portal_type="Client", count_only="1")["total_objects"] >= 5
    for method in ("history", "allowedTransitionsFor"):
        name = "uid" if method.startswith("allowed") else "UID"
        assert of_path.get(method, {name: inside}).status_code == 200
        failed(of_path.get(method, {name: outside}), 404, "NotFound")
    everything = of_path.read(catalog_name="uid_catalog", page_size="1000")
    assert everything["total_objects"] == len(everything["objects"])
    assert {(item["path"] + "/").startswith(CLIENT_1 + "/") for item in everything["objects"]} == {True}
    # By criteria nothing is found out there, and a batch is named one by one.
    failed(of_path.post("doActionFor", {"action": "deactivate", "portal_type": "Client", "UID": outside}), 404)
    batch = {"input_values": {CLIENT_1: {"Phone": "1"}, CLIENT_2: {"Phone": "1"}}, "dry_run": True}
    refused = failed(of_path.json("update_many", batch), 422)
    assert [entry.get("type") for entry in refused["updates"]] == [None, "NotFound"]
    assert outside not in of_path.json("update_many", batch | {"partial": True}).text
    # Contained objects that an object is answered with, and those of plans, are of their own types.
    request = of_types.read(portal_type="AnalysisRequest", page_size="1")["objects"][0]
    assert request["Analyses"] == []
    assert admin.only(UID=request["UID"], catalog_name="bika_catalog")["Analyses"]
    cancel = {"uids": request["UID"], "action": "cancel", "dry_run": "1"}
    plans = [client.call("doActionFor_many", cancel)["plan"]["changes"] for client in (of_types, admin)]
    of_token, of_admin = ({change["portal_type"] for change in plan} for plan in plans)
    assert of_token == {"AnalysisRequest"} < of_admin


def test_what_follows_from_a_write_stays_within_reach(admin: Client, token: Token) -> None:
    asked = {"portal_type": "AnalysisRequest", "catalog_name": "bika_catalog", "review_state": "sample_received"}
    request = admin.read(**asked, page_size="1")["objects"][0]
    batch = admin.call("create", {"obj_path": "/batches", "obj_type": "Batch", "title": "of a token"})["obj_uid"]
    admin.call("update", {"obj_path": request["path"], "Batch": batch})
    try:
        removal = {"UID": batch, "break_references": "1", "dry_run": "1"}
        reaching = token(types=["Batch", "AnalysisRequest"])
        assert {change["portal_type"] for change in reaching.call("remove", removal)["plan"]["changes"]} == {
            "Batch",
            "AnalysisRequest",
        }
        refused = failed(token(types=["Batch"]).post("remove", removal), 403, "InsufficientScope")
        assert "What follows from it" in refused["message"]
        assert request["path"] not in refused["message"]
    finally:
        admin.call("update", {"obj_path": request["path"], "Batch": request["Batch"] or ""})
        admin.call("remove", {"UID": batch})


def test_what_a_token_wrote_is_told_in_the_history(admin: Client, token: Token) -> None:
    made = token(methods=["update"])
    path = "/Plone/clients/client-4"
    before = admin.at(path)["Fax"]
    made.call("update", {"obj_path": path, "Fax": "4711"})
    admin.call("update", {"obj_path": path, "Fax": before})
    rows = succeeded(admin.get("history", {"UID": admin.uid(path)}))["history"]
    prefix = str(made.http.headers["Authorization"])[len("Bearer oat_") :][:8]
    assert [row.get("token") for row in rows[:2]] == [None, prefix]


def test_a_request_that_is_repeated_tells_no_secret_and_nothing_out_of_reach(admin: Client, token: Token) -> None:
    key = {"Idempotency-Key": f"add a token {uuid4()}"}
    first, again = (succeeded(admin.post("tokens", {"action": "add"}, headers=key)) for _ in range(2))
    assert (first["prefix"], "token" in again) == (again["prefix"], False)
    revoke(admin, first["prefix"])
    form = {"obj_path": CLIENT_1, "Phone": admin.at(CLIENT_1)["Phone"]}
    limited, key = token(path="/clients/client-1"), {"Idempotency-Key": f"update {uuid4()}"}
    admin.call("update", form, headers=key)
    limited.refused("update", form, status=422, type="IdempotencyKeyReused", headers=key)
    answers = [limited.call("update", form, headers={"Idempotency-Key": f"{key} once more"}) for _ in range(2)]
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("wish", "named"),
    [
        ({"methods": "read,reed", "types": "Clint", "path": "/nowhere", "expires": "yesterday"}, 4),
        ({"expires": "2001-01-01"}, 1),
        ({"name": "two\nlines"}, 1),
        ({"methods": "users", "types": "Client"}, 1),
        ({"userid": "rita"}, 1),
    ],
)
def test_every_fault_of_a_wish_is_named(admin: Client, wish: dict[str, str], named: int) -> None:
    body = failed(admin.json("tokens", {"action": "add", **wish}), 422, "ValidationError")
    assert len(body["errors"]) == named


def test_only_who_manages_users_sees_and_revokes_tokens_of_others(as_user: AsUser) -> None:
    rita, admin, analyst = as_user("rita"), as_user("admin"), as_user("analyst1")
    prefix = rita.call("tokens", {"action": "add"})["prefix"]
    failed(analyst.get("tokens", {"userid": "rita"}, headers={"Prefer": "http-status"}), 403)
    analyst.refused("tokens", {"action": "revoke", "prefix": prefix}, status=404)
    listed = succeeded(admin.get("tokens", {"userid": "rita"}))["tokens"]
    assert prefix in [item["prefix"] for item in listed]
    assert admin.call("tokens", {"action": "revoke", "userid": "rita", "prefix": prefix})["revoked"]
    admin.refused("tokens", {"action": "revoke", "userid": "rita", "prefix": prefix}, status=404)
    assert rita.get("tokens", {"action": "add"}, headers={"Prefer": "http-status"}).status_code == 400


def test_pages_take_no_token(token: Token) -> None:
    script = token()

    def page(verb: str) -> requests.Response:
        return script.http.request(
            verb, f"{script.site}/password", data={"new_password": "x"} if verb == "POST" else None
        )

    assert [page(verb).status_code for verb in ("GET", "POST")] == [401, 401]
