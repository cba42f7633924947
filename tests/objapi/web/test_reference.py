"""`/docs` shows the descriptions by Swagger UI, of files that come from this site alone and under a strict policy."""

import json
import re
from html import unescape

import pytest
from flask import Flask

from objapi.settings import Settings
from objapi.web.reference import make_reference_blueprint


def test_the_page_loads_its_own_files_and_runs_nothing_else(application: Flask) -> None:
    client = application.test_client()
    page = client.get("/docs")
    assert page.status_code == 200
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'; style-src 'self';" in policy
    assert "unsafe" not in policy
    # Neither scripts nor styles stand in the page itself, which such a policy would not let run.
    assert not re.search(r"<script(?! src=)|<style|\son\w+=|\sstyle=", page.text)
    parts = re.findall(r'(?:src|href)="(/docs/[^"]+)"', page.text)
    assert len(parts) == 5
    for part in parts:
        answer = client.get(part)
        assert (answer.status_code, answer.headers["X-Content-Type-Options"]) == (200, "nosniff")
        assert answer.mimetype == ("text/css" if part.endswith(".css") else "text/javascript")
        assert client.get(part, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_the_page_is_readable_on_a_telephone(application: Flask) -> None:
    client = application.test_client()
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in client.get("/docs").text
    style = client.get("/docs/reference.css").text
    assert "overflow-wrap: anywhere" in style
    assert not re.search(r"(?<!max-)width: ?[0-9]+(px|rem)|nowrap", style)


def test_the_descriptions_are_those_of_the_site(application: Flask) -> None:
    client = application.test_client()
    (told,) = re.findall(r'data-descriptions="([^"]*)"', client.get("/docs").text)
    assert json.loads(unescape(told)) == [{"name": "@@API", "url": "/Plone/@@API/openapi.json"}]
    assert client.get("/Plone/@@API/openapi.json", headers={"X-Requested-With": "XMLHttpRequest"}).status_code == 401
    client.post("/Plone/login_form", data={"__ac_name": "admin", "__ac_password": "secret"})
    assert client.get("/Plone/@@API/openapi.json").status_code == 200


def test_who_is_not_logged_in_is_led_to_the_form(application: Flask) -> None:
    client = application.test_client()
    assert "/login_form?came_from=http%3A//localhost/docs" in client.get("/docs").text
    client.post("/Plone/login_form", data={"__ac_name": "admin", "__ac_password": "secret"})
    assert "login_form" not in client.get("/docs").text
    assert 'href="http://localhost/docs"' in client.get("/Plone").text


@pytest.mark.parametrize("name", ["swagger-ui.js", "..%2Freference.py", "reference.py", "__init__.py"])
def test_no_other_file_is_sent(name: str) -> None:
    application = Flask("other")
    application.register_blueprint(make_reference_blueprint(Settings(), {}))
    assert application.test_client().get(f"/docs/{name}").status_code == 404
