"""Measurements of the py-ISPyB routes that a web page asks again and again: time and statements of each request."""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from flask.testing import FlaskClient

from benchmarks.facility import BEAMLINES, GROUP, PERSON, sessions
from benchmarks.measuring import REPEATS, Measurement, StatementCounter, repeated
from objapi.app import create_app
from objapi.ispyb import API_ROOT
from objapi.ispyb.auth.caller import Caller
from objapi.ispyb.auth.tokens import Tokens
from objapi.progress import progress
from objapi.site import Site

CALLERS: Mapping[str, tuple[str, ...]] = {"everything": ("all_proposals",), "beamlines": ("mx_staff",), "own": ()}
"""Caller → permissions; the last one sees the proposal in which they take part."""

Query = dict[str, str | int]


def measure_polled(site: Site, database: str, *, repeats: int = REPEATS) -> Iterator[Measurement]:
    """Every route for every caller at the present size, each after one request that is not measured."""
    count, counter = sessions(site), StatementCounter(site.engine)
    key = site.settings.ispyb_token_key
    if key is None:
        raise ValueError("the site has no OBJAPI_ISPYB_TOKEN_KEY, by which tokens are made")
    tokens, client = Tokens(key, 24 * 3600.0), create_app(site=site).test_client()
    bearers = {name: tokens.issue(Caller(PERSON, name, permissions)) for name, permissions in CALLERS.items()}
    events = _get(client, bearers["own"], "/events", {"sessionId": 1, "limit": 25})["results"]
    collections = [event["id"] for event in events if event["type"] == "dc"]
    works = [(name, *route) for name in CALLERS for route in _routes(collections)]
    with progress(f"Measuring {database} at {count} sessions", len(works)) as advance:
        for name, what, path, query in works:
            run = partial(_get, client, bearers[name], path, query)
            run()
            before = counter.count
            seconds = repeated(run, repeats=repeats)
            yield Measurement(
                database, count, f"{what}, sees {name}", seconds, (counter.count - before) // len(seconds)
            )
            advance(1)


def _routes(shown: list[int]) -> Iterator[tuple[str, str, Query]]:
    """The polled routes: a name for the table, the path, and the query. `shown` are the data collections of a page."""
    for path in ("/sessions", "/proposals", "/samples", "/proteins", "/events"):
        yield f"{path}, first 25", path, {"limit": 25}
    yield "/sessions, beamline and month", "/sessions", {"beamLineName": BEAMLINES[0], "year": "2015", "month": "1"}
    yield "/sessions/group, previous", "/sessions/group", {"beamLineGroup": GROUP, "previous": "true"}
    yield "/proposals, search", "/proposals", {"search": "MX1", "limit": 25}
    for path in ("/samples", "/proteins"):
        yield f"{path} of a proposal", path, {"proposal": "MX1"}
    for path in ("/events", "/events/types"):
        yield f"{path} of a session", path, {"sessionId": 1}
    yield "/events/types", "/events/types", {}
    ids = json.dumps(shown)
    for path in ("/processings/status", "/processings/messages/status"):
        yield path, path, {"dataCollectionIds": ids}
    yield "/datacollections/quality", "/datacollections/quality", {"dataCollectionId": 1, "limit": 9999}


def _get(client: FlaskClient, token: str, path: str, query: Query) -> Any:
    """The answer to a request that succeeds; whatever else comes back ends the measurements."""
    response = client.get(API_ROOT + path, query_string=query, headers={"Authorization": f"Bearer {token}"})
    if response.status_code != 200:
        raise RuntimeError(f"{path} answered {response.status}: {response.text}")
    return response.get_json()
