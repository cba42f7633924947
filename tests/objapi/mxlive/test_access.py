"""Who is let in, what is answered to whom, and what gets into the log."""

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import msgpack
import pytest

from tests.objapi.mxlive.signing import new_signer
from tests.objapi.mxlive.station import Station, User, opened_station

NOW = datetime.now(UTC)


def form(user: User, line: str | None, **more: Any) -> Any:
    """The upload of a key."""
    url = f"/api/v2/{more.pop('token', None) or user.signer.token(user.name)}/project/"
    return user.station.application.test_client().post(url, data={} if line is None else {"public": line}, **more)


def test_a_client_registers_its_key_when_it_is_told_that_there_is_none(station: Station, shared_line: str) -> None:
    user = station.user(registered=False)
    assert user.refused(f"launch/{shared_line}/week-1/") == 400
    response = form(user, f"{user.signer.public} me@beamline\n")
    assert (response.status_code, response.json) == (200, {})
    user.post(f"launch/{shared_line}/week-1/")
    logged = station.read("MxActivityLog", project=user.uid)
    assert (logged[0]["action_type"], logged[0]["description"]) == ("Modify", "User Key Initialized")


def test_a_key_is_written_once_until_an_administrator_resets_it(station: Station, shared_line: str) -> None:
    user = station.user()
    second = User(station, user.name, new_signer(), user.uid)
    for client in (user, second):
        response = form(client, client.signer.public)
        assert (response.status_code, response.data) == (304, b"")
    assert second.refused(f"launch/{shared_line}/week-1/") == 403
    station.update(user.uid, key="")
    assert form(second, second.signer.public).status_code == 200
    second.post(f"launch/{shared_line}/week-1/")
    assert user.refused(f"launch/{shared_line}/week-1/") == 403


@pytest.mark.parametrize("line", [None, "", "nonsense", "ssh-rsa AAAA", "ssh-dss " + "A" * 3000, "ssh-dss \x07"])
def test_what_is_no_key_is_refused(station: Station, line: str | None) -> None:
    user = station.user(registered=False)
    assert form(user, line).status_code == 400
    assert not station.read("MxProject", username=user.name)[0]["key"]


@pytest.mark.parametrize("wrong", ["other key", "old", "other user", "malformed"])
def test_a_key_must_have_signed_its_own_upload(station: Station, wrong: str) -> None:
    user = station.user(registered=False)
    tokens = {
        "other key": new_signer().token(user.name),
        "old": user.signer.token(user.name, at=datetime.now(UTC) - timedelta(minutes=2)),
        "other user": user.signer.token(f"{user.name}:extra"),
        "malformed": f"{user.name}:x:y",
    }
    assert form(user, user.signer.public, token=tokens[wrong]).status_code == 403


def test_an_unknown_account_is_never_made(station: Station) -> None:
    stranger = User(station, "nobody", new_signer(), "")
    assert form(stranger, stranger.signer.public).status_code == 404
    assert stranger.refused("launch/BL/week-1/") == 404
    assert station.read("MxProject", username="nobody") == []


@pytest.mark.parametrize(
    ("seconds", "status"), [(0, 200), (-50, 200), (-70, 403), (30, 200), (86_400, 403), (-86_400, 403)]
)
def test_tokens_are_good_for_a_minute(visitor: User, shared_line: str, seconds: int, status: int) -> None:
    token = visitor.signer.token(visitor.name, at=datetime.now(UTC) + timedelta(seconds=seconds))
    assert visitor.call("POST", f"launch/{shared_line}/week-1/", token=token).status_code == status


def test_a_token_may_be_used_again(visitor: User, shared_line: str) -> None:
    token = visitor.signer.token(visitor.name)
    for _ in range(2):
        assert visitor.call("POST", f"launch/{shared_line}/week-1/", token=token).status_code == 200


def test_an_escaped_token_means_the_same(visitor: User, shared_line: str) -> None:
    token = quote(visitor.signer.token(visitor.name), safe="")
    assert "%3A" in token
    assert visitor.call("POST", f"launch/{shared_line}/week-1/", token=token).status_code == 200


@pytest.mark.parametrize("token", ["{name}:x", "{name}:1r*1eq:AAAA", "{name}:1r31eq:%%%", "{name}:" + "a" * 3000])
def test_a_malformed_token_is_forbidden(visitor: User, shared_line: str, token: str) -> None:
    assert visitor.call("POST", f"launch/{shared_line}/w/", token=token.format(name=visitor.name)).status_code == 403


def test_an_account_that_is_not_active_is_forbidden(station: Station, shared_line: str) -> None:
    user = station.user()
    station.transition(user.uid, "deactivate")
    assert user.refused(f"launch/{shared_line}/week-1/") == 403


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "project/", 405),
        ("GET", "launch/BL/x/", 405),
        ("PUT", "data/BL/", 405),
        ("POST", "samples/BL/", 405),
        ("GET", "bogus/", 404),
        ("GET", "samples/", 404),
        ("GET", "samples/BL/more/", 404),
    ],
)
def test_wrong_verbs_and_unknown_routes(visitor: User, method: str, path: str, status: int) -> None:
    response = visitor.call(method, path)
    assert response.status_code == status
    assert json.loads(response.data)["message"]


@pytest.mark.parametrize("path", ["/api/v2/", "/api/v2", "/api/v2/x", "/api/v2/a:b/../launch", "/api/v2/accesslist/x"])
def test_nothing_else_is_there_and_nothing_redirects(station: Station, path: str) -> None:
    response = station.application.test_client().get(path)
    assert response.status_code == 404
    assert "Location" not in response.headers


def test_a_missing_slash_at_the_end_is_no_matter(visitor: User, shared_line: str) -> None:
    assert visitor.call("POST", f"launch/{shared_line}/week-1").status_code == 200


def test_no_token_gets_into_the_log(visitor: User, shared_line: str, caplog: pytest.LogCaptureFixture) -> None:
    token = visitor.signer.token(visitor.name)
    caplog.set_level(logging.DEBUG)
    for method, path in (
        ("POST", f"launch/{shared_line}/week-1/"), ("POST", "launch/NOWHERE/x/"), ("GET", "bogus/"),
        ("PUT", "project/"),
        ("POST", "../x"), ("GET", "\udcff".encode("utf-8", "surrogateescape").decode("latin-1")), ("PURGE", "project/"),
        ("POST", "@@API/read"), ("POST", "API/x"),
    ):  # fmt: skip
        visitor.call(method, path, token=token)
    visitor.station.application.test_client().get(f"/api//v2//{token}/x")
    logged = "\n".join(f"{record.getMessage()} {record.exc_text or ''}" for record in caplog.records)
    assert "NOWHERE" in logged
    assert token.rsplit(":", 1)[1] not in logged
    assert token.rsplit(":", 2)[1] not in logged


def test_a_body_beyond_the_limit_is_refused(station: Station, visitor: User, shared_line: str) -> None:
    limit = station.site.settings.mxlive_max_body_size
    assert limit >= 2 * 2**20
    assert visitor.refused(f"data/{shared_line}/", b"\xa0" * (limit + 1)) == 413


def node(station: Station, *users: User, address: str, active: bool = True) -> None:
    station.create(
        "MxAccessList",
        "/mxlive/accesslists",
        name=f"node {address}",
        address=address,
        active=active,
        users=[user.uid for user in users],
    )


def from_address(station: Station, method: str, path: str, address: str, body: Any = None) -> Any:
    return station.application.test_client().open(
        f"/api/v2/{path}", method=method, data=body, environ_overrides={"REMOTE_ADDR": address}
    )


def test_an_access_node_is_told_its_users(station: Station) -> None:
    first, second = station.user(), station.user()
    node(station, first, second, address="2001:DB8:0::7")
    node(station, first, address="10.0.0.9", active=False)
    assert from_address(station, "GET", "accesslist/", "2001:db8::7").json == [first.name, second.name]
    assert from_address(station, "GET", "accesslist/", "10.0.0.9").json == []
    assert from_address(station, "GET", "accesslist/", "10.0.0.10").json == []
    assert from_address(station, "DELETE", "accesslist/", "10.0.0.10").status_code == 405


def test_a_forwarded_address_is_not_believed_from_anyone(station: Station) -> None:
    user = station.user()
    node(station, user, address="10.1.0.1")
    client = station.application.test_client()
    assert client.get("/api/v2/accesslist/", headers={"X-Forwarded-For": "10.1.0.1"}).json == []


def test_connections_are_noted_once_and_followed(station: Station) -> None:
    user = station.user()
    node(station, user, address="10.2.0.1")
    entry = {"project": user.name, "name": "conn-" + "x" * 60, "status": "Connected", "date": "2026-03-01 10:00:00"}
    ended = entry | {"status": "Finished", "date": "2026-03-01 11:30:00"}
    strange = [{"project": "nobody"} | entry, entry | {"date": "soon"}, {}, entry | {"status": None}]
    for body in ([entry], [entry, *strange], [entry, ended], [entry, ended]):
        response = from_address(station, "POST", "accesslist/", "10.2.0.1", msgpack.packb(body))
        assert response.json == [user.name]
    found = station.read("MxRemoteConnection", user=user.uid)
    assert [(item["status"], item["start"], item["end"]) for item in found] == [
        ("Finished", "2026-03-01T10:00:00+00:00", "2026-03-01T11:30:00+00:00")
    ]


def test_a_body_is_only_read_from_an_address_with_a_list(station: Station) -> None:
    node(station, address="10.3.0.1")
    assert from_address(station, "POST", "accesslist/", "10.3.0.1", b"\xc1").status_code == 400
    assert from_address(station, "POST", "accesslist/", "10.3.0.2", b"\xc1").json == []


def test_ssh_keys_are_given_to_access_nodes_alone(station: Station) -> None:
    user = station.user()
    station.update(user.uid, sshkeys=[{"name": "a", "key": "ssh-ed25519 A"}, {"name": "b", "key": "ssh-ed25519 B"}])
    node(station, user, address="10.4.0.1")
    told = from_address(station, "GET", f"keys/{user.name}", "10.4.0.1")
    assert (told.text, told.mimetype) == ("ssh-ed25519 A\nssh-ed25519 B\n", "text/plain")
    assert from_address(station, "GET", "keys/nobody", "10.4.0.1").text == ""
    assert from_address(station, "GET", f"keys/{user.name}", "10.4.0.2").status_code == 403


def test_a_site_without_beamlines_has_no_such_routes(tmp_path: Any) -> None:
    with opened_station(f"sqlite:///{tmp_path}/a.sqlite", tmp_path, OBJAPI_PROFILES="base") as plain:
        assert plain.application.test_client().get("/api/v2/accesslist/").status_code == 404
