"""What a caller may not see costs what never was costs: no clock tells one from the other."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, event
from werkzeug.test import TestResponse

from objapi import upkeep
from objapi.app import create_app
from objapi.model.loading import read_content
from objapi.site import Site
from tests.acceptance.hidden_ways import API_WAYS, PAGE_WAYS, SENAITE_WAYS, Names, Way
from tests.objapi.store.workshop import open_site, quietly

FEW: Final = frozenset(
    {
        *("read uid", "read words", "read former", "history uid", "file path", "allowedTransitionsFor uid", "can path"),
        *("changes path", "update path", "update id", "update reference", "create reference in own", "copy into"),
        *("move into uid", "remove uid", "doActionFor many partly", "apply sheet uid", "GET <uid> uid", "page object"),
    }
)
"""Ways that are tried by every run: one for each that the store goes."""

Cost = tuple[str, int]
"""A statement and the number of rows that it gives."""


@pytest.fixture(scope="module")
def site(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = open_site(module_database_url, tmp_path_factory.mktemp("laboratory"), ("lims",))
    upkeep.load_content(site, read_content(Path(site.registry.content_files["demo"][0])), quietly, for_trials=True)
    yield site
    site.close()


@contextmanager
def noted(site: Site) -> Iterator[list[Cost]]:
    """The statements inside the block, each query asked once more to know its rows."""
    found: list[Cost] = []

    def note(connection: Connection, cursor: Any, statement: str, parameters: Any, *rest: object) -> None:
        number = 0
        if statement.startswith("SELECT"):
            again = cursor.connection.cursor()
            again.execute(statement, parameters or ())
            number = len(again.fetchall())
            again.close()
        found.append((statement, number))

    event.listen(site.engine, "before_cursor_execute", note)
    yield found
    event.remove(site.engine, "before_cursor_execute", note)


def asked(client: FlaskClient, way: Way, names: Names) -> TestResponse:
    request = way.request(names)
    data = dict(request.get("data", {}))
    if "files" in request:
        filename, text = request["files"]["file"]
        data["file"] = (io.BytesIO(text.encode()), filename)
    body = {"json": request["json"]} if "json" in request else {"data": data or None}
    return client.open(
        request["url"],
        method=request["method"],
        headers=request["headers"],
        query_string=request.get("params"),
        auth=("pavel", "secret"),
        **body,
    )


@pytest.mark.parametrize("kind", ["few", pytest.param("all", marks=pytest.mark.extended)])
def test_what_is_hidden_costs_what_never_was_costs(site: Site, kind: str) -> None:
    client = create_app(site=site).test_client(use_cookies=False)
    search = {"portal_type": "Contact", "path": "/clients/client-1", "catalog_name": "uid_catalog", "sort_on": "id"}
    found = client.get("/Plone/@@API/read", query_string=search, auth=("admin", "secret")).get_json()
    there = Names.of(found["objects"][0])
    ways = [way for way in (*API_WAYS, *SENAITE_WAYS, *PAGE_WAYS) if kind == "all" or way.name in FEW]
    assert kind == "all" or len(ways) == len(FEW)
    unlike = []
    for way in ways:
        costs = []
        for names in (there, there.twin()):
            # The first call of a kind loads what is the same for all.
            asked(client, way, names)
            with noted(site) as statements:
                asked(client, way, names)
            costs.append(statements)
        hidden, missing = costs
        same = [text for text, _ in hidden] == [text for text, _ in missing]
        # One row more: that it is there, and not for the caller, is seen by looking at it.
        more = sum(abs(own - other) for (_, own), (_, other) in zip(hidden, missing, strict=same)) if same else 0
        if not same or more > 1:
            unlike.append((way.name, more, hidden, missing))
    assert unlike == []
