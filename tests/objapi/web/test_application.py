"""The application as a whole: what a request costs, what it answers when the database is away, how it starts."""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from objapi.app import create_app
from objapi.settings import DEFAULT_PROFILES, load_settings
from objapi.site import Site

ADMIN = ("admin", "secret")


@contextmanager
def statements(site: Site) -> Iterator[list[str]]:
    """The SQL statements that are sent meanwhile; BEGIN and COMMIT are not among them."""
    sent: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        sent.append(statement)

    event.listen(site.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(site.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("way", ["basic", "cookie"])
def test_a_read_of_ten_objects_is_four_statements_at_most_log_in_included(
    application: Flask, site: Site, way: str
) -> None:
    client = application.test_client()
    options: dict[str, Any] = {"auth": ADMIN} if way == "basic" else {}
    if way == "cookie":
        client.post("/Plone/login_form", data={"__ac_name": "admin", "__ac_password": "secret"})
    request = {"portal_type": "Sample", "review_state": "sample_received"}
    client.get("/Plone/@@API/read", query_string=request, **options)
    with statements(site) as sent:
        answer = client.get("/Plone/@@API/read", query_string=request, **options).json
    assert answer is not None
    assert len(answer["objects"]) == 10
    assert len(sent) <= 4, sent


def test_an_api_token_costs_no_more_statements_than_a_session(application: Flask, site: Site) -> None:
    of_types = {"action": "add", "types": "Sample,SamplePartition", "path": "/"}
    of_path = {"action": "add", "path": "/clients"}
    tokens = [
        application.test_client().post("/Plone/@@API/tokens", data=asked, auth=ADMIN).get_json()["token"]
        for asked in ({"action": "add"}, of_types, of_path)
    ]
    by_cookie = application.test_client()
    by_cookie.post("/Plone/login_form", data={"__ac_name": "admin", "__ac_password": "secret"})
    ways = [(by_cookie, {})]
    ways += [(application.test_client(), {"Authorization": f"Bearer {token}"}) for token in tokens]
    calls = [
        ("read", {"portal_type": "Sample", "review_state": "sample_received"}),
        ("update", {"obj_path": "/clients/client-1", "Phone": "5", "dry_run": "1"}),
    ]
    for method, form in calls:
        costs, answers = [], []
        for client, headers in ways:
            # The first request notes the use of a token, as the log-in did that of a session.
            for _ in range(2):
                with statements(site) as sent:
                    response = client.get(f"/Plone/@@API/{method}", query_string=form, headers=headers)
            costs.append(len(sent))
            answers.append(response.status_code)
        assert max(costs[:3]) == costs[0]
        # What is in a subtree is not known by counts that writers keep, as for a session that asks for a path.
        assert costs[3] <= 4
    assert answers == [200, 200, 404, 200]


def test_no_token_outlives_what_the_site_allows(site: Site) -> None:
    client = create_app(site=replace(site, settings=replace(site.settings, token_days=90))).test_client()
    for form, is_made in (({}, False), ({"expires": "91"}, False), ({"expires": "90", "dry_run": "1"}, True)):
        answer = client.post("/Plone/@@API/tokens", data={"action": "add"} | form, auth=ADMIN).get_json()
        assert (answer["success"], "OBJAPI_TOKEN_DAYS" in answer.get("message", "")) == (is_made, not is_made), answer


def test_a_new_password_tells_of_api_tokens_and_revokes_them_on_request(application: Flask) -> None:
    rita = ("rita", "secret")
    client = application.test_client()
    made = client.post("/Plone/@@API/tokens", data={"action": "add"}, auth=rita).get_json()
    bearer = {"Authorization": f"Bearer {made['token']}"}
    for new, more, said, status in (
        ("a longer secret", {}, "1 API token still works.", 200),
        ("secret of rita", {"revoke_tokens": "1"}, "1 API token is revoked.", 401),
        ("another of hers", {}, "Your other sessions have ended.</p>", 401),
    ):
        form = {"old_password": rita[1], "new_password": new} | more
        page = client.post("/Plone/password", data=form, auth=rita)
        assert (page.status_code, said in page.text) == (200, True), page.text
        assert client.get("/Plone/@@API/read", headers=bearer).status_code == status
        rita = ("rita", new)


def test_writing_more_objects_takes_no_more_statements(application: Flask, site: Site) -> None:
    client = application.test_client()
    paths = [
        client.post(
            "/Plone/@@API/create", data={"obj_path": "/batches", "obj_type": "Batch", "title": f"b{number}"}, auth=ADMIN
        ).get_json()["path"]
        for number in range(60)
    ]
    costs = []
    for count in (2, 60):
        values = {path: {"Remarks": f"for {count}"} for path in paths[:count]}
        with statements(site) as sent:
            form = {"input_values": json.dumps(values)}
            answer = client.post("/Plone/@@API/update_many", data=form, auth=ADMIN).get_json()
        assert answer["success"], answer
        costs.append(len(sent))
    assert costs[0] == costs[1]


@pytest.fixture
def away(tmp_path: Path) -> Iterator[Flask]:
    """The application of a site whose database does not answer."""
    settings = load_settings(
        {
            "OBJAPI_DATABASE_URL": "mysql+pymysql://nobody@127.0.0.1:9/none",
            "OBJAPI_RETRIES": "0",
            "OBJAPI_PROFILES": ",".join(DEFAULT_PROFILES),
        },
        {"data_dir": tmp_path},
    )
    site = Site.open(settings)
    yield create_app(site=site)
    site.close()


def test_without_its_database_the_gateway_says_so(away: Flask) -> None:
    response = away.test_client().get("/Plone/@@API/read", auth=ADMIN)
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    body = response.get_json()
    assert (body["success"], body["type"], body["status"]) == (False, "Unavailable", 503)
    assert "127.0.0.1" not in body["message"]


def test_pages_say_so_too(away: Flask) -> None:
    response = away.test_client().post("/Plone/login_form", data={"__ac_name": "admin", "__ac_password": "secret"})
    assert response.status_code == 503
    assert response.content_type == "text/html; charset=utf-8"
    assert "Retry-After" in response.headers


def test_version_needs_no_database(away: Flask) -> None:
    assert away.test_client().get("/@@API/version").get_json()["success"] is True


def test_a_fault_of_the_gateway_tells_nothing_and_is_logged_with_its_id(
    application: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("SELECT secret FROM /etc/passwd")

    monkeypatch.setattr("objapi.store.transaction.Transaction.find", fail)
    response = application.test_client().get("/Plone/@@API/read", auth=ADMIN)
    body = response.get_json()
    assert (response.status_code, body["type"]) == (500, "InternalError")
    assert "secret" not in response.text
    (record,) = [record for record in caplog.records if record.name == "objapi.requests"]
    assert body["request_id"] in record.getMessage()
    assert record.exc_info is not None


def test_queries_and_bodies_stay_out_of_the_log(application: Flask, caplog: pytest.LogCaptureFixture) -> None:
    client = application.test_client()
    sent = {"obj_path": "/nowhere", "title": "walnut"}
    with caplog.at_level(logging.DEBUG):
        found = client.get("/Plone/@@API/read?title=walnut", auth=ADMIN)
        refused = [
            client.get("/Plone/@@API/history?obj_path=/nowhere&walnut=1", auth=ADMIN),
            client.post("/Plone/@@API/update", data=sent, auth=ADMIN),
            client.post("/Plone/@@API/update", json=sent, auth=ADMIN),
        ]
    assert (found.status_code, {answer.headers["X-Api-Status"] for answer in refused}) == (200, {"404"})
    assert caplog.text.count("/nowhere") == len(refused)
    assert "walnut" not in caplog.text


def test_tokens_in_paths_stay_out_of_the_log(application: Flask, caplog: pytest.LogCaptureFixture) -> None:
    path = "/ispyb/api/v1/legacy/eyJ0.eyJ1.sig/session/list"
    with caplog.at_level(logging.DEBUG):
        # Refused before the route is looked for, and by the face, whose tables this site does not have.
        refused = application.test_client().get(path, headers={"Host": "no host"})
        failed = application.test_client().get(path)
    assert (refused.status_code, failed.status_code) == (400, 503)
    assert caplog.text.count("/legacy/***/session/list") == 2
    assert "eyJ0" not in caplog.text


def test_each_answer_is_a_line_for_who_debugs(application: Flask, caplog: pytest.LogCaptureFixture) -> None:
    client = application.test_client()
    with caplog.at_level(logging.DEBUG, "objapi.answers"):
        answer = client.get("/Plone/@@API/read?Title=sought", auth=ADMIN)
        client.get("/nowhere")
    lines = [record.getMessage() for record in caplog.records if record.name == "objapi.answers"]
    assert lines[0] == f"{answer.headers['X-Request-Id']} GET api read: 200"
    assert lines[1].endswith(" GET web unknown: 404")
    caplog.clear()
    with caplog.at_level(logging.INFO):
        client.get("/Plone/@@API/version")
    assert not [record for record in caplog.records if record.name == "objapi.answers"]


@pytest.mark.parametrize(
    ("setting", "user", "told"),
    [(True, "admin", True), (True, "analyst1", False), (True, None, False), (False, "admin", False)],
)
def test_times_are_told_to_managers_where_the_site_says_so(
    site: Site, setting: bool, user: str | None, told: bool
) -> None:
    client = create_app(replace(site.settings, server_timing=setting), site).test_client()
    auth = None if user is None else (user, "secret")
    for method in ("read?portal_type=Client", "version"):
        answer = client.get(f"/Plone/@@API/{method}", auth=auth)
        header = answer.headers.get("Server-Timing", "")
        # What is open to all loads no user.
        assert bool(header) == (told and method != "version")
        if header:
            assert re.fullmatch(r'app;dur=[0-9.]+, db;dur=[0-9.]+;desc="[0-9]+ statements"', header)


@pytest.mark.parametrize(
    ("setting", "scheme", "secure"),
    [("auto", "https", True), ("auto", "http", False), ("on", "http", True), ("off", "https", False)],
)
def test_the_cookie_is_closed_to_scripts_and_secure_where_the_site_is(
    site: Site, setting: str, scheme: str, secure: bool
) -> None:
    environment = {"OBJAPI_PUBLIC_URL": f"{scheme}://lab.example", "OBJAPI_COOKIE_SECURE": setting}
    settings = load_settings(environment, {"data_dir": site.settings.data_dir})
    client = create_app(settings, site).test_client()
    response = client.post("/Plone/login_form", data={"__ac_name": "admin", "__ac_password": "secret"})
    _, *flags = response.headers["Set-Cookie"].split("; ")
    assert set(flags) == {"HttpOnly", "Path=/", "SameSite=Lax"} | ({"Secure"} if secure else set())


def test_the_urls_of_answers_begin_as_the_site_is_reached(site: Site) -> None:
    settings = load_settings({"OBJAPI_PUBLIC_URL": "https://lab.example"}, {"data_dir": site.settings.data_dir})
    answer = create_app(settings, site).test_client().get("/Plone/@@API/version").get_json()
    assert answer["url"] == "https://lab.example/Plone/@@API/version"


def test_a_made_up_cookie_of_flask_login_changes_nothing(application: Flask) -> None:
    client = application.test_client()
    client.set_cookie("remember_token", "admin|0")
    client.set_cookie("session", "x")
    assert client.get("/Plone/@@API/read").status_code == 401
    assert client.get("/Plone/@@API/read", auth=ADMIN).status_code == 200


def test_a_session_ends_with_its_user(application: Flask, site: Site) -> None:
    client = application.test_client()
    client.post("/Plone/login_form", data={"__ac_name": "clerk1", "__ac_password": "secret"})
    assert client.get("/Plone/@@API/read").status_code == 200
    with site.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE users SET active = 0 WHERE id = 'clerk1'")
    assert client.get("/Plone/@@API/read").status_code == 401
    assert client.get("/Plone").status_code == 200


@pytest.mark.parametrize("path", ["/", "/Plone", "/Plone/login_form", "/nosuch"])
def test_pages_have_one_heading_a_language_and_labels(application: Flask, path: str) -> None:
    page = application.test_client().get(path).text
    assert page.count("<h1") == 1
    assert '<html lang="en">' in page
    assert page.count("<label ") == page.count("<input id=")
    assert "http://" not in page.replace("http://localhost", "")
