"""Nobody holds others up: dry runs and refused requests hold no lock, and a read has a limit of time."""

import json
import string
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from catalog.dialect import begin_write
from objapi.app import create_app
from objapi.cli.demo import demo_content, make_demo_site
from objapi.security.tables import users
from objapi.settings import load_settings
from objapi.site import Site
from objapi.store.schema import entities, sequences
from tests.waiting import wait_until

ADMIN = ("admin", "secret")
CLIENT = {"obj_path": "/clients/client-1"}


@pytest.fixture(scope="module")
def site(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A sample laboratory in which nobody waits longer than a second for a lock."""
    settings = {"OBJAPI_DATABASE_URL": module_database_url, "OBJAPI_LOCK_TIMEOUT": "1s", "OBJAPI_RETRIES": "0"}
    made = Site.open(load_settings(settings | {"OBJAPI_THREADS": "4"}, {"data_dir": tmp_path_factory.mktemp("site")}))
    try:
        make_demo_site(made, demo_content(made))
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def application(site: Site) -> Flask:
    made = create_app(site=site)
    # The log-in itself is written; here it is remembered.
    assert made.test_client().get("/Plone/@@API/read?portal_type=Client&limit=1", auth=ADMIN).get_json()["success"]
    return made


@pytest.fixture
def locked(site: Site, application: Flask) -> Iterator[None]:
    """Another request that has locked all there is and does not end."""
    with site.engine.connect() as connection, begin_write(connection):
        for table in (entities, sequences, users):
            connection.execute(select(table).with_for_update()).all()
        yield


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("create", {"obj_path": "/clients", "obj_type": "Client", "title": "New", "Name": "New", "ClientID": "NEW"}),
    ("create", {"obj_path": "/batches", "obj_type": "Batch", "title": "New"}),
    ("update", CLIENT | {"TaxNumber": "12"}),
    ("update_many", {"input_values": json.dumps({"/clients/client-1": {"TaxNumber": "12"}})}),
    ("doActionFor", {"portal_type": "Client", "id": "client-1", "action": "deactivate"}),
    ("doActionFor_many", {"obj_paths": json.dumps(["/clients/client-1"]), "action": "deactivate"}),
    ("users", {"userid": "clerk1", "action": "disable"}),
    ("grants", {"userid": "clerk1", "action": "give", "roles": "Verifier"}),
]


@pytest.mark.usefixtures("locked")
@pytest.mark.parametrize(("method", "form"), CALLS)
def test_a_dry_run_waits_for_nobody(application: Flask, method: str, form: dict[str, Any]) -> None:
    answer = application.test_client().post(f"/Plone/@@API/{method}", data=form | {"dry_run": "1"}, auth=ADMIN)
    body = answer.get_json()
    assert body["success"], body
    assert body["dry_run"] is True


@pytest.mark.usefixtures("locked")
def test_a_dry_run_of_a_removal_waits_for_nobody(application: Flask) -> None:
    client = application.test_client()
    found = client.get("/Plone/@@API/read?portal_type=Batch&limit=1", auth=ADMIN).get_json()["objects"][0]
    form = {"UID": found["UID"], "dry_run": "1", "break_references": "1"}
    body = client.post("/Plone/@@API/remove", data=form, auth=ADMIN).get_json()
    assert body["success"], body


@pytest.mark.usefixtures("locked")
@pytest.mark.parametrize(("method", "form"), CALLS)
def test_what_cannot_be_read_waits_for_nobody(application: Flask, method: str, form: dict[str, Any]) -> None:
    answer = application.test_client().post(f"/Plone/@@API/{method}", data=form | {"dry_run": "perhaps"}, auth=ADMIN)
    assert answer.get_json()["type"] == "BadRequest"


@pytest.mark.usefixtures("locked")
def test_the_same_write_has_to_wait(application: Flask) -> None:
    answer = application.test_client().post("/Plone/@@API/update", data=CLIENT | {"TaxNumber": "12"}, auth=ADMIN)
    assert answer.status_code == 503


@pytest.mark.parametrize("method", ["users", "grants"])
def test_a_dry_run_is_asked_for_by_post_as_the_act_is(application: Flask, method: str) -> None:
    query = {"userid": "clerk1", "action": "disable" if method == "users" else "give", "dry_run": "1"}
    body = application.test_client().get(f"/Plone/@@API/{method}", query_string=query, auth=ADMIN).get_json()
    assert "send it by POST" in body["message"]


WORDS = " OR ".join(f"{letter}*" for letter in string.ascii_lowercase + string.digits)


def test_a_read_that_takes_the_database_too_long_is_a_503_that_says_so(site: Site) -> None:
    limited = Site.open(replace(site.settings, query_time_limit=0.001), serving=True, registry=site.registry)
    client = create_app(site=limited).test_client()
    answers: list[TestResponse] = []

    def is_refused() -> bool:
        url = f"/Plone/@@API/read?{urlencode({'SearchableText': WORDS, 'page_size': '0'})}"
        answers.append(client.get(url, auth=ADMIN))
        return answers[-1].status_code != 200

    try:
        # SQLite looks at its clock now and then only, and a fast machine may be done before.
        wait_until(is_refused, "a read that takes too long")
    finally:
        limited.close()
    assert answers[-1].status_code == 503
    assert "OBJAPI_QUERY_TIME_LIMIT" in answers[-1].get_json()["message"]
    assert "Retry-After" in answers[-1].headers
