"""Pages of the console: who gets one, what stands in it, and the policy under which it runs."""

import json
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from objapi.site import Site
from tests.objapi.web.test_application import statements

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
OBJECT = "/Plone/clients/client-1"
CLERK = ("clerk1", "secret")


@pytest.fixture
def client(application: Flask) -> FlaskClient:
    return application.test_client()


def told(text: str) -> dict[str, Any]:
    """What the server has put into a page."""
    (block,) = re.findall(r'<script type="application/json" id="page-data">(.*?)</script>', text, re.DOTALL)
    found: dict[str, Any] = json.loads(block)
    return found


@pytest.mark.parametrize("accept", ["*/*", "application/json", "", "text/html;q=0", None])
@pytest.mark.parametrize("verb", ["GET", "POST", "PUT", "DELETE"])
def test_scripts_get_no_page_at_the_url_of_an_object(client: FlaskClient, verb: str, accept: str | None) -> None:
    headers = {} if accept is None else {"Accept": accept}
    answer = client.open(OBJECT, method=verb, headers=headers, auth=CLERK)
    assert answer.status_code == 404
    assert "page-data" not in answer.text


def test_a_browser_is_no_reason_to_answer_another_verb(client: FlaskClient) -> None:
    assert client.post(OBJECT, headers=BROWSER, auth=CLERK).status_code == 404
    assert client.put("/Plone/password", headers=BROWSER, auth=CLERK).status_code == 405


def test_the_page_of_an_object_holds_what_the_api_answers(client: FlaskClient) -> None:
    page = client.get(OBJECT, headers=BROWSER, auth=CLERK)
    assert page.status_code == 200
    first = told(page.text)["first"]
    (shown,) = first["read"]["objects"]
    (read,) = client.get("/Plone/@@API/read?portal_type=Client&id=client-1", auth=CLERK).get_json()["objects"]
    assert {name: value for name, value in read.items() if name in shown} == {
        name: value for name, value in shown.items() if name in read
    }
    assert (shown["path"], shown["Name"]) == (OBJECT, read["Name"])
    assert first["type"]["type"]["portal_type"] == "Client"
    assert "_authenticator" not in first["read"]


def test_a_browser_without_a_log_in_is_led_to_it_and_back(client: FlaskClient) -> None:
    for url in (OBJECT, "/Plone/console"):
        answer = client.get(url, headers=BROWSER)
        assert answer.status_code == 302
        assert answer.headers["Location"].endswith(
            f"login_form?came_from=http%3A%2F%2Flocalhost{url.replace('/', '%2F')}"
        )


@pytest.mark.parametrize("path", ["/Plone/clients/client-1", "/Plone/clients/nobody", "/Plone/nothing/at/all"])
def test_what_the_user_may_not_see_has_no_page(client: FlaskClient, path: str) -> None:
    """pavel is a contact of another client."""
    answer = client.get(path, headers=BROWSER, auth=("pavel", "secret"))
    assert (answer.status_code, "page-data" in answer.text) == (404, False)


@pytest.mark.parametrize("url", [OBJECT, "/Plone/console"])
def test_a_page_runs_and_loads_files_of_this_site_alone(client: FlaskClient, url: str) -> None:
    page = client.get(url, headers=BROWSER, auth=CLERK)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    for name in ("Referrer-Policy", "Cross-Origin-Opener-Policy"):
        assert page.headers[name] == "same-origin"
    assert "unsafe" not in policy
    assert not re.search(r"<script(?! type=\"(?:module\" src=|application/json\"))|<style|\son\w+=|\sstyle=", page.text)
    parts = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)
    assert len(parts) >= 4
    for part in parts:
        answer = client.get(part)
        assert (answer.status_code, answer.headers["X-Content-Type-Options"]) == (200, "nosniff")


def test_no_value_ends_the_block_that_it_stands_in(client: FlaskClient) -> None:
    hostile = "</script><script src='/x'>&\u2028"
    values = {"obj_path": "/batches", "obj_type": "Batch", "title": hostile}
    made = client.post("/Plone/@@API/create", data=values, auth=CLERK).get_json()
    page = client.get(made["path"], headers=BROWSER, auth=CLERK)
    assert told(page.text)["first"]["read"]["objects"][0]["title"] == hostile
    assert page.text.count("<script") == 2


def test_texts_are_in_the_language_of_the_reader(client: FlaskClient) -> None:
    for asked, language in (("de-CH, en;q=0.5", "de"), ("fr, en;q=0.5", "en"), ("", "en")):
        page = client.get("/Plone/console", headers={**BROWSER, "Accept-Language": asked}, auth=CLERK)
        assert (f'<html lang="{language}">' in page.text, told(page.text)["language"]) == (True, language)
        assert "Accept-Language" in page.headers["Vary"]


def test_language_and_colours_are_those_chosen_in_the_page(client: FlaskClient) -> None:
    client.set_cookie("objapi_language", "de")
    client.set_cookie("objapi_theme", "dark")
    for url in ("/Plone/console", "/Plone"):
        page = client.get(url, headers={**BROWSER, "Accept-Language": "en"}, auth=CLERK)
        assert '<html lang="de" data-theme="dark">' in page.text
        assert "Cookie" in page.headers["Vary"]
    assert told(client.get("/Plone/console", auth=CLERK).text)["chosen"] == {"language": "de", "theme": "dark"}
    client.set_cookie("objapi_language", '"><script>')
    client.set_cookie("objapi_theme", '"><script>')
    page = client.get("/Plone/console", headers={**BROWSER, "Accept-Language": "en"}, auth=CLERK)
    assert '<html lang="en">' in page.text


def test_the_page_of_an_object_takes_as_many_statements_whatever_it_is(client: FlaskClient, site: Site) -> None:
    costs = []
    for path in ("/Plone/clients", OBJECT, "/Plone/clients/client-3/AP-0001-R01"):
        client.get(path, headers=BROWSER, auth=CLERK)
        with statements(site) as sent:
            assert client.get(path, headers=BROWSER, auth=CLERK).status_code == 200
        costs.append(len(sent))
    assert max(costs) <= 16, costs


def test_worklists_are_counted_in_a_statement_each_whatever_they_hold(client: FlaskClient, site: Site) -> None:
    manager = ("labmanager1", "secret")
    client.get("/Plone/@@API/worklists?counts=1", auth=manager)
    with statements(site) as sent:
        listed = client.get("/Plone/@@API/worklists?counts=1", auth=manager).get_json()["worklists"]
    with statements(site) as without:
        client.get("/Plone/@@API/worklists", auth=manager)
    assert len(listed) >= 9
    assert len(sent) - len(without) <= 2 * len(listed), sent


def test_files_are_known_by_name_and_kept_as_long_as_their_names_last(client: FlaskClient) -> None:
    page = client.get("/Plone/console", headers=BROWSER, auth=CLERK)
    (script,) = re.findall(r'type="module" src="([^"]+)"', page.text)
    assert client.get(script).headers["Cache-Control"] == "public, max-age=31536000, immutable"
    shared = client.get("/static/objapi.js")
    assert (shared.status_code, shared.headers["Cache-Control"]) == (200, "public, no-cache")
    assert client.get("/static/objapi.js", headers={"If-None-Match": shared.headers["ETag"]}).status_code == 304
    for name in ("parts.json", "..%2froutes.py", "../routes.py", "nothing.js"):
        assert client.get(f"/static/{name}").status_code in (400, 404)


def test_the_first_view_is_small(client: FlaskClient) -> None:
    asked = "/Plone/@@API/read?catalog_name=bika_catalog&id=AP-0001-R01"
    (request,) = client.get(asked, auth=CLERK).get_json()["objects"]
    pages = [f"/Plone/console{place}" for place in ("", "/search", "/files", f"/results/{request['UID']}")]
    for url in (*pages, request["path"]):
        page = client.get(url, headers=BROWSER, auth=CLERK)
        size = len(page.data)
        for part in set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)):
            size += len(client.get(part, headers={"Accept-Encoding": "gzip"}).data)
        assert size < 100_000
