"""What a caller may not see is answered as what never was, whichever way it is asked for."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final
from uuid import uuid4

import pytest
import requests

from objapi.api.methods import METHODS
from objapi.senaite.routes import listed_routes
from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.conftest import AsUser
from tests.acceptance.hidden_ways import (
    API_WAYS,
    NAMELESS,
    OWN,
    PAGE_WAYS,
    SENAITE_NAMELESS,
    SENAITE_WAYS,
    STREAM_FORMS,
    Names,
    Way,
)
from tests.acceptance.test_changes import now
from tests.acceptance.test_event_streams import Event, stream
from tests.waiting import ENOUGH

CONTROLS: Final = frozenset(
    {
        *("obj_path", "obj_paths", "obj_uid", "uids", "UID", "uid", "id", "path", "target_path", "target_uid"),
        *("request", "request_id", "criteria", "project", "proposal", "input_values", "file"),
    }
)
"""Parameters by which methods are given objects."""
ELSEWHERE: Final = "/clients/client-1"
ALL_WAYS: Final = (*API_WAYS, *SENAITE_WAYS, *PAGE_WAYS)

Asked = Callable[[Way, Names], requests.Response]


def asking(client: Client) -> Asked:
    """A function that asks in a way for an object."""

    def ask(way: Way, names: Names) -> requests.Response:
        request = way.request(names)
        return client.http.request(
            request.pop("method"), client.root + request.pop("url"), timeout=ENOUGH, allow_redirects=False, **request
        )

    return ask


def hidden(admin: Client, kind: str) -> Names:
    """The names of an object of a type that the callers do not see."""
    place = {} if kind in ("Batch", "Worksheet") else {"path": ELSEWHERE}
    found = admin.read(catalog_name="uid_catalog", portal_type=kind, sort_on="id", page_size="1", **place)
    return Names.of(found["objects"][0])


def its_own(admin: Client, names: Names) -> frozenset[str]:
    """The kinds of names that no other object has, nor has in its texts."""
    asked = {
        "id": [{"id": names.id, "catalog_name": "uid_catalog"}],
        "title": [{"title": names.title, "catalog_name": "uid_catalog"}, {"SearchableText": names.title}],
    }
    alone = (
        name
        for name, searches in asked.items()
        if all(admin.read(count_only="1", **search)["total_objects"] <= 1 for search in searches)
    )
    return frozenset({"uid", "path", *alone})


def unlike(ask: Asked, ways: Sequence[Way], there: Names, usable: frozenset[str]) -> Iterator[str]:
    """The ways in which an object and what never was are answered differently, with the answers."""
    gone = there.twin()
    for way in ways:
        if way.names <= usable:
            answers = [_comparable(ask(way, names), names, usable) for names in (there, gone)]
            if answers[0] != answers[1] or answers[0][0] >= 500:
                yield f"{way.name}: {answers[0]} and {answers[1]}"


def _comparable(response: requests.Response, names: Names, usable: frozenset[str]) -> tuple[Any, ...]:
    """Status, headers and body without what differs from request to request."""
    text = response.text.replace(response.headers["X-Request-Id"], "")
    text = re.sub(r'"(_runtime|_authenticator)": ?("[^"]*"|[0-9.e-]+)', "", text)
    changing = ("date", "x-request-id", "content-length", "etag")
    # Whether a body is long enough to be compressed depends on the digits of its times, too.
    told = {name.lower(): value for name, value in response.headers.items()}
    told = {name: value for name, value in told.items() if name not in ("content-encoding", "vary")}
    headers = {name: "" if name in changing else value for name, value in told.items()}
    return response.status_code, names.blanked(json.dumps(sorted(headers.items())), usable), names.blanked(text, usable)


@pytest.mark.parametrize(
    ("user", "kind"),
    [
        ("pavel", "Contact"),
        *(
            pytest.param(user, kind, marks=pytest.mark.extended)
            for user, kinds in {
                "pavel": "Client AnalysisRequest Sample SamplePartition Analysis Batch Worksheet",
                None: "Contact AnalysisRequest",
            }.items()
            for kind in kinds.split()
        ),
    ],
)
def test_what_is_hidden_is_answered_as_what_never_was(
    admin: Client, as_user: AsUser, user: str | None, kind: str
) -> None:
    there = hidden(admin, kind)
    usable = its_own(admin, there)
    assert list(unlike(asking(as_user(user)), ALL_WAYS, there, usable)) == []


@pytest.mark.extended
@pytest.mark.parametrize(
    "scope", [{"path": OWN}, {"types": ["AnalysisRequest", "Client"]}, {"path": OWN, "read_only": True}]
)
def test_what_a_token_does_not_reach_is_answered_as_what_never_was(
    root: str, admin: Client, scope: dict[str, Any]
) -> None:
    made = succeeded(admin.json("tokens", {"action": "add", **scope}))
    script = Client(root)
    script.http.headers["Authorization"] = f"Bearer {made['token']}"
    there = hidden(admin, "Contact")
    # References lead out of the reach of a token, see tokens in the description of the API.
    ways = [way for way in ALL_WAYS if "reference" not in way.about]
    with script.http:
        try:
            assert list(unlike(asking(script), ways, there, its_own(admin, there))) == []
        finally:
            admin.call("tokens", {"action": "revoke", "prefix": made["prefix"]})


def test_a_key_and_a_cursor_of_somebody_else_tell_nothing(admin: Client, as_user: AsUser) -> None:
    pavel, path = as_user("pavel"), hidden(admin, "Contact").path
    key = {"Idempotency-Key": '"somebody-elses"'}
    form = {"obj_path": path, "JobTitle": "Grower"}
    succeeded(admin.post("update", form, headers=key))
    failed(pavel.post("update", form, headers=key), 404, "NotFound")
    search = {"portal_type": "Contact", "sort_on": "id", "page_size": "1"}
    found = pavel.read(**search, next=admin.read(**search)["next"])
    assert [item["path"] for item in found["objects"]] == [f"/Plone{OWN}/contact-3"]


def test_a_stream_of_events_tells_of_what_is_hidden_as_of_what_never_was(admin: Client, as_user: AsUser) -> None:
    there, own = hidden(admin, "Contact"), f"{OWN}/contact-3"
    for form in STREAM_FORMS.values():
        since = now(admin)
        with (
            stream(as_user("pavel"), since, **there.filled(form)) as of_hidden,
            stream(as_user("pavel"), since, **there.twin().filled(form)) as of_nothing,
            stream(as_user("pavel"), since) as of_all,
        ):
            streams = (of_hidden, of_nothing, of_all)
            # Where they begin, told before anything happens.
            assert {next(found).id for found in streams} == {since}
            for path in (there.path, own):
                admin.call("update", {"obj_path": path, "JobTitle": uuid4().hex})
            last = now(admin)
            seen = [list(until(found, last)) for found in streams]
        assert [[event.data["path"] for event in blocks if event.data] for blocks in seen] == [[], [], [f"/Plone{own}"]]
        assert there.uid not in repr(seen) and there.path not in repr(seen)


def until(found: Iterator[Event], cursor: str) -> Iterator[Event]:
    """The blocks of a stream up to the one that says that a place is reached."""
    for event in found:
        yield event
        if event.id == cursor and not event.data:
            return


def test_every_method_and_route_has_its_ways() -> None:
    assert {way.call for way in API_WAYS} | NAMELESS.keys() >= METHODS.keys()
    assert {way.call for way in API_WAYS}.isdisjoint(NAMELESS)
    routes = {f"{route.verb} {route.path}" for route in listed_routes()}
    nameless = {route for route in routes if route.split()[1] in SENAITE_NAMELESS}
    assert {way.call for way in SENAITE_WAYS} == routes - nameless
    names = [way.name for way in ALL_WAYS]
    assert len(set(names)) == len(names)


def test_every_parameter_that_names_objects_has_a_way() -> None:
    missing = []
    for method in METHODS.values():
        ways = [way for way in API_WAYS if way.call in (method.name, *method.aliases)]
        sent = {key for way in ways for key in _keys(way)}
        named = (control for control in method.controls if control.name in CONTROLS and method.name not in NAMELESS)
        missing += [(method.name, item.name) for item in named if sent.isdisjoint((item.name, *item.aliases))]
        if method.others == "fields" and not any("reference" in way.about for way in ways):
            missing.append((method.name, "a reference"))
    assert missing == []


def _keys(way: Way) -> Iterator[str]:
    yield from (key.partition(":")[0].partition(".")[0] for key in way.form)
    yield from way.json if isinstance(way.json, dict) else ()
    if way.sheet is not None:
        yield "file"
