"""Changes as server-sent events: by cursor, by rights, and for no longer than the log-in of the caller."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import orjson
import pytest
import requests

from tests.acceptance.client import Client, failed
from tests.acceptance.conftest import SETTINGS, AsUser
from tests.acceptance.test_changes import now
from tests.acceptance.test_metrics import numbers
from tests.acceptance.test_tokens import bearer
from tests.waiting import ENOUGH, wait_until

EVENTS = {"Accept": "text/event-stream"}


@dataclass
class Event:
    """One block of a stream, as the standard has it dispatched."""

    name: str = "message"
    id: str = ""
    data: dict[str, Any] = field(default_factory=dict)


def events(response: requests.Response) -> Iterator[Event]:
    """The blocks of a stream until it ends, those without data included."""
    event = Event()
    for line in response.iter_lines(chunk_size=1):
        name, _, value = line.decode().partition(": ")
        match name:
            case "":
                yield event
                event = Event()
            case "event":
                event.name = value
            case "id":
                event.id = value
            case "data":
                event.data = orjson.loads(value)


@contextmanager
def stream(client: Client, since: str, last_id: str | None = None, **wanted: str) -> Iterator[Iterator[Event]]:
    """The events of a new stream."""
    headers = EVENTS | ({} if last_id is None else {"Last-Event-ID": last_id})
    params = {"since": since, **wanted}
    with client.http.get(client.url("changes"), params=params, headers=headers, stream=True, timeout=ENOUGH) as answer:
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/event-stream")
        yield events(answer)


def told(found: Iterator[Event]) -> Event:
    """The next event that tells something."""
    return next(event for event in found if event.data)


@pytest.fixture
def batch(admin: Client) -> dict[str, Any]:
    return admin.call("create", {"obj_path": "/batches", "obj_type": "Batch", "title": f"Streamed {uuid4().hex}"})


def test_a_stream_tells_changes_as_they_come_and_goes_on_after_the_last_event(
    admin: Client, as_user: AsUser, batch: dict[str, Any]
) -> None:
    since, writer = now(admin), as_user("admin")
    with stream(admin, since, path=batch["path"]) as found:
        # The place is told before there is anything, so that whoever is cut off misses nothing.
        assert next(found).id
        # A stream that waits holds no connection.
        wait_until(lambda: numbers(writer)["objapi_database_connections_in_use"] == 0, "a moment without connections")
        assert numbers(writer)["objapi_event_streams"] == 1
        for text in ("first", "second"):
            writer.call("update", {"obj_uid": batch["obj_uid"], "Remarks": text})
            event = told(found)
            assert (event.id, event.data["fields"]) == (event.data["cursor"], ["Remarks"])
    writer.call("update", {"obj_uid": batch["obj_uid"], "title": batch["obj_id"]})
    with stream(admin, since, event.id, path=batch["path"]) as found:
        assert told(found).data["fields"] == ["title"]
    wait_until(lambda: numbers(writer)["objapi_event_streams"] == 0, "the end of the streams")


@contextmanager
def by_session(root: str, admin: Client) -> Iterator[tuple[Client, Callable[[], object]]]:
    client, other = Client(root), Client(root)
    client.log_in("admin")
    with client.http, other.http:
        other.http.cookies.update(client.http.cookies)
        yield client, lambda: other.http.get(f"{other.site}/logout", timeout=ENOUGH)


@contextmanager
def by_token(root: str, admin: Client) -> Iterator[tuple[Client, Callable[[], object]]]:
    made = admin.call("tokens", {"action": "add", "methods": "changes"})
    with bearer(root, made["token"]).http as http:
        client = Client(root)
        client.http = http
        yield client, lambda: admin.call("tokens", {"action": "revoke", "prefix": made["prefix"]})


@pytest.mark.parametrize("kind", ["session", "token"])
def test_a_stream_ends_with_the_log_in_of_its_caller(root: str, admin: Client, kind: str) -> None:
    log_in = by_session if kind == "session" else by_token
    with log_in(root, admin) as (client, end), stream(client, "now") as found:
        assert next(found).id
        end()
        last = next(event for event in found if event.name == "end")
        assert last.data["status"] == 401
        assert next(found, None) is None


def test_a_stream_beyond_the_bound_is_refused_with_the_time_to_wait(admin: Client) -> None:
    most = int(SETTINGS["OBJAPI_MAX_EVENT_STREAMS"])
    opened = []
    try:
        for _ in range(most):
            opened.append(admin.get("changes", {"since": "now"}, headers=EVENTS, stream=True))
        refused = admin.get("changes", {"since": "now"}, headers=EVENTS)
        assert failed(refused, 503, "Unavailable")["message"].startswith(f"{most} streams of events are open")
        assert int(refused.headers["Retry-After"]) > 0
    finally:
        for response in opened:
            response.close()
    wait_until(lambda: numbers(admin)["objapi_event_streams"] == 0, "the end of the streams")


@pytest.mark.parametrize(
    ("search", "culprit"),
    [({"since": "yesterday"}, "since"), ({"since": "0", "wait": "3"}, "wait"), ({"since": "0", "typ": "x"}, "typ")],
    ids=["no-cursor", "wait", "unknown"],
)
def test_a_stream_that_cannot_be_meant_is_refused_as_any_call(
    admin: Client, search: dict[str, str], culprit: str
) -> None:
    headers = EVENTS | {"Prefer": "http-status"}
    assert culprit in failed(admin.get("changes", search, headers=headers), 400, "BadRequest")["message"]


def test_who_takes_json_as_well_gets_json(admin: Client) -> None:
    both = {"Accept": "application/json, text/event-stream;q=0.9"}
    assert admin.get("changes", {"since": "now"}, headers=both).json()["changes"] == []
