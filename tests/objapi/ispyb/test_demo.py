"""The sample installation: every route has something to look at."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from flask import Flask

from objapi.app import create_app
from objapi.ispyb.demo import DIRECTORY, make_demo, with_demo_files
from objapi.ispyb.demo.accounts import ACCOUNTS
from objapi.ispyb.face import GROUPS
from objapi.ispyb.wire.routes import Door, IspybRoute
from objapi.profiles.ispyb import tables as t
from objapi.settings import load_settings
from objapi.site import Site
from tests.objapi.ispyb.calling import Api, Rows, body

FACILITY: Final = next(account for account in ACCOUNTS if account.login == "facility")

# What fills the parameters of paths, where it is not the key of the table's first row.
_PATHS: Final = {
    "proposal": "MX1001",
    "proposal_id": "mx1001",
    "session_id": "MX1001-2",
    "data_collections_ids": "{em}",
    "data_collections_group_id": "{em_group}",
    "datacollection_id": "{em}",
    "start_date": "20200101",
    "end_date": "20991231",
    "dataCollectionId": "{first}",
    "movie_id": "{movie}",
}
# Parameters without which a route has nothing to show.
_QUERIES: Final[Mapping[str, Mapping[str, str]]] = {
    "/data/images": {"dataCollectionId": "{first}", "imageNumber": "3"},
    "/data/images/header": {"dataCollectionId": "{eiger}", "imageNumber": "4"},
    "/data/images/histogram": {"dataCollectionId": "{eiger}", "imageNumber": "1"},
    "/data/h5grove/attr/": {"dataCollectionId": "{eiger}", "path": "/entry"},
    "/data/h5grove/data/": {"autoProcProgramAttachmentId": "{result}", "path": "/reflections/intensity"},
    "/data/h5grove/meta/": {"robotActionId": "{action}"},
    "/data/h5grove/stats/": {"autoProcProgramAttachmentId": "{result}", "path": "/reflections/intensity"},
    "/datacollections/workflows/steps/{workflowStepId:int}": {"attachmentType": "imageResultFilePath"},
    "/mapping/pixel/{xrfFluorescenceMappingId:int}": {"x": "1", "y": "1"},
    "/processings": {"dataCollectionId": "{first}"},
    "/processings/auto-integrations": {"dataCollectionId": "{first}"},
    "/processings/screenings": {"dataCollectionId": "{strategy}"},
    "/processings/status": {"dataCollectionIds": "[{first}]"},
    "/processings/messages/status": {"dataCollectionIds": "[{first}]"},
    "/sessions/group": {"beamLineGroup": "MX"},
    "/stats/breakdown": {"session": "MX1001-1"},
    "/stats/times": {"session": "MX1001-1"},
    "/stats/errors": {"session": "MX1001-1"},
    "/stats/hourlies": {"session": "MX1001-1"},
    "/stats/parameters/histogram": {"session": "MX1001-1", "parameter": "energy"},
}
_ROUTES: Final = [route for group in GROUPS for route in group.routes if route.method == "GET"]


@pytest.fixture
def settled(ispyb_site: Site, rows: Rows, tmp_path: Path) -> Site:
    """The site with the sample installation."""
    settings = with_demo_files(replace(ispyb_site.settings, data_dir=tmp_path))
    site = replace(ispyb_site, settings=settings)
    make_demo(site)
    return site


@pytest.fixture
def application(settled: Site) -> Flask:
    return create_app(site=settled)


@pytest.fixture
def keys(rows: Rows, settled: Site) -> dict[str, int]:
    """Keys of rows by their purpose."""
    collections = rows.all(t.DataCollection)
    return {
        "first": next(row["dataCollectionId"] for row in collections if "cbf" in (row["fileTemplate"] or "")),
        "eiger": next(row["dataCollectionId"] for row in collections if "h5" in (row["fileTemplate"] or "")),
        "strategy": rows.all(t.Screening)[0]["dataCollectionId"],
        "em": rows.all(t.Movie)[0]["dataCollectionId"],
        "em_group": collections[-1]["dataCollectionGroupId"],
        "movie": rows.all(t.Movie)[0]["movieId"],
        "action": rows.all(t.RobotAction)[0]["robotActionId"],
        "result": next(
            row["autoProcProgramAttachmentId"]
            for row in rows.all(t.AutoProcProgramAttachment)
            if row["fileType"] == "Result"
        ),
    }


def url_of(route: IspybRoute, rows: Rows, keys: Mapping[str, int], token: str) -> str:
    """The path of a route with something in each place."""

    def fill(found: re.Match[str]) -> str:
        name = found[1]
        if name == "token":
            return token
        if name in _PATHS:
            return _PATHS[name].format(**keys)
        table = next(table for table in t.METADATA.sorted_tables if table.primary_key.columns.keys()[0] == name)
        return str(rows.all(table)[0][name])

    return re.sub(r"\{(\w+)(?::\w+)?\}", fill, route.path)


def is_empty(value: Any) -> bool:
    """Whether an answer shows nothing."""
    return value in ({}, [], None) or (isinstance(value, dict) and value.get("results", True) == [])


@pytest.fixture
def nothing_to_see() -> list[str]:
    """Routes that answered badly, or with nothing."""
    return []


def test_every_route_answers_something_to_look_at(
    api: Api, rows: Rows, keys: Mapping[str, int], nothing_to_see: list[str]
) -> None:
    person = next(row["personId"] for row in rows.all(t.Person) if row["login"] == FACILITY.login)
    token = api.token(person, *FACILITY.permissions, login=FACILITY.login)
    for route in _ROUTES:
        query = {name: value.format(**keys) for name, value in _QUERIES.get(route.path, {}).items()}
        if route.access.door is Door.QUERY:
            query["token"] = token
        response = api.call("GET", url_of(route, rows, keys, token), token, query_string=query)
        if response.status_code != 200 or (response.is_json and is_empty(body(response))):
            nothing_to_see.append(f"{route.path} {response.status_code} {response.get_data()[:80]!r}")
        response.close()
    assert nothing_to_see == []


def test_a_full_page_and_one_past_the_end_tell_the_total_of_the_whole_list(
    api: Api, rows: Rows, keys: Mapping[str, int]
) -> None:
    person = next(row["personId"] for row in rows.all(t.Person) if row["login"] == FACILITY.login)
    token = api.token(person, *FACILITY.permissions, login=FACILITY.login)
    paged = [route.path for route in _ROUTES if "skip" in route.query_parameters]
    assert len(paged) > 20
    for path in sorted({*paged} - {"/datacollections/quality"}):
        query = {name: value.format(**keys) for name, value in _QUERIES.get(path, {}).items()}
        pages = ({"limit": 9999}, {"limit": 1}, {"skip": 9999})
        assert len({body(api.get(path, token, **query, **page))["total"] for page in pages}) == 1, path


def test_all_files_that_rows_name_are_there(rows: Rows, settled: Site) -> None:
    root = settled.settings.ispyb_data_roots[0]
    named = set()
    for table in t.METADATA.sorted_tables:
        paths = [column.name for column in table.columns if re.search("path", column.name, re.IGNORECASE)]
        for row in rows.all(table) if paths else ():
            named |= {row[name] for name in paths if (row[name] or "").startswith("/data")}
    missing = [path for path in named if not (root / path.lstrip("/")).exists()]
    assert missing == []
    assert len(named) > 15


def test_it_is_made_once(rows: Rows, settled: Site) -> None:
    before = {table.name: rows.count(table) for table in t.METADATA.sorted_tables}
    picture = settled.settings.data_dir / DIRECTORY / "data/visitor/mx1001/cm01/movie_1.jpeg"
    picture.unlink()
    make_demo(settled)
    assert {table.name: rows.count(table) for table in t.METADATA.sorted_tables} == before
    assert not picture.exists()


def test_the_scientist_sees_the_proposal_and_a_visitor_one_session(api: Api, rows: Rows, settled: Site) -> None:
    people = {row["login"]: row["personId"] for row in rows.all(t.Person)}
    scientist, visitor = api.token(people["scientist"]), api.token(people["visitor"])
    assert len(api.seen("/datacollections/attachments", scientist, "fileType")) == 2
    assert len(api.seen("/datacollections/attachments", visitor, "fileType")) == 2
    assert len(api.seen("/proteins", visitor, "acronym")) == 2


def test_configured_data_roots_are_kept(tmp_path: Path) -> None:
    settings = load_settings({"OBJAPI_ISPYB_DATA_ROOTS": str(tmp_path)})
    assert with_demo_files(settings) == settings


def test_an_existing_database_is_left_alone(ispyb_site: Site, rows: Rows) -> None:
    settings = replace(ispyb_site.settings, ispyb_url="sqlite:////nowhere/existing.sqlite")
    make_demo(replace(ispyb_site, settings=settings))
    assert rows.count(t.Proposal) == 0
