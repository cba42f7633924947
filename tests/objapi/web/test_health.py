"""`/healthz` and `/readyz` are open, and the latter says when the database cannot be used as it is."""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import make_url, update

from objapi import upkeep
from objapi.app import create_app
from objapi.settings import Settings
from objapi.site import Site
from objapi.store.schema import site_state
from objapi.web import health
from tests.objapi.store.workshop import PROFILE, quietly
from tests.ready_sites import initialise


@pytest.fixture
def site(database_url: str, tmp_path: Path) -> Iterator[Site]:
    """A site that has not been made yet."""
    opened = Site.open(Settings(data_dir=tmp_path / "site", database_url=database_url, profiles=(str(PROFILE),)))
    yield opened
    opened.close()


@pytest.fixture
def client(site: Site) -> FlaskClient:
    return create_app(site=site).test_client()


def test_a_site_is_ready_once_it_is_made(site: Site, client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "objapi")
    for _ in range(3):
        answer = client.get("/readyz")
        assert (answer.status_code, answer.get_json()["status"]) == (503, "unavailable")
        assert "objapi init" not in answer.text
    assert [record.message for record in caplog.records if "not ready" in record.message] == [
        "not ready: The database holds no site yet. Run `objapi init`."
    ]
    upkeep.initialise(site, quietly)
    for path in ("/readyz", "/healthz"):
        answer = client.get(path)
        assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})
        assert answer.headers["Cache-Control"] == "no-store"
    assert "ready again" in caplog.text


def test_other_declarations_than_those_of_the_database_are_no_readiness(site: Site, client: FlaskClient) -> None:
    upkeep.initialise(site, quietly)
    with site.engine.begin() as connection:
        connection.execute(update(site_state).values(value="another"))
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200


def test_a_database_that_is_away_is_told_without_its_address(database_url: str, tmp_path: Path) -> None:
    url = make_url(database_url)
    away = url.set(database=str(tmp_path / "gone" / "gone") if url.get_backend_name() == "sqlite" else "gone")
    address = away.render_as_string(hide_password=False)
    site = Site.open(Settings(data_dir=tmp_path / "site", database_url=address, profiles=(str(PROFILE),)))
    client = create_app(site=site).test_client()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["reason"]
    assert "gone" not in answer.text
    assert client.get("/healthz").status_code == 200
    site.close()


def test_a_database_that_hangs_is_told_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "ANSWER_SECONDS", 0.2)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"mysql://root@127.0.0.1:{silent.getsockname()[1]}/lab"
        site = Site.open(Settings(data_dir=tmp_path, database_url=url, profiles=(str(PROFILE),)))
        client = create_app(site=site).test_client()
        for _ in range(2):
            answer = client.get("/readyz")
            assert (answer.status_code, answer.get_json()["reason"]) == (503, "A database does not answer.")
        assert client.get("/healthz").status_code == 200
        # One look at a time, however many ask.
        assert [thread.name for thread in threading.enumerate()].count("readiness") == 1


def test_a_database_of_another_program_that_is_away_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    other = tmp_path / "other" / "ispyb.sqlite"
    settings = Settings(data_dir=tmp_path / "site", profiles=("ispyb",), ispyb_url=f"sqlite:///{other}")
    with closing(Site.open(settings)) as site:
        initialise(site)
        client = create_app(site=site).test_client()
        answer = client.get("/readyz")
        assert (answer.status_code, answer.get_json()["databases"]) == (503, ["ispyb"])
        assert (str(other) in answer.text, "unable to open" in caplog.text) == (False, True)
        other.parent.mkdir()
        assert client.get("/readyz").get_json() == {"status": "ok"}


@pytest.mark.parametrize("path", ["/readyz", "/healthz"])
def test_only_reading_is_offered(client: FlaskClient, path: str) -> None:
    assert client.post(path).status_code == 405
    assert client.head(path).data == b""
