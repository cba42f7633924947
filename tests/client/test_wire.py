"""Calls of the Python client without a gateway: what is sent again, with which key, and what is raised."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

import objapi_client
from objapi_client import (
    ApiError,
    BatchStopped,
    NoAnswer,
    NotOne,
    Retries,
    ServerFailure,
    Site,
    TransitionNotAllowed,
    UnexpectedAnswer,
    ValidationError,
    upload,
)
from objapi_client.wire import plain

Handler = Callable[[httpx.Request], httpx.Response]


@contextmanager
def site_of(handler: Handler, tries: int = 3) -> Iterator[tuple[Site, list[float]]]:
    """A site whose answers a function makes, and the pauses that were made."""
    pauses: list[float] = []
    with Site(
        "http://lab.example/Plone/",
        token="oat_x",
        retries=Retries(tries=tries),
        transport=httpx.MockTransport(handler),
        sleep=pauses.append,
    ) as site:
        yield site, pauses


def done(**members: Any) -> httpx.Response:
    return httpx.Response(200, json={"success": True, "error": False, **members})


def refused(name: str, status: int, headers: dict[str, str] | None = None, **members: Any) -> httpx.Response:
    body = {"success": False, "error": True, "type": name, "status": status, "message": "No.", **members}
    return httpx.Response(status, json=body, headers=headers)


ODDS: dict[str, Callable[[httpx.Request], httpx.Response]] = {
    "connection": lambda request: _fail(httpx.ConnectError("refused", request=request)),
    "silence": lambda request: _fail(httpx.ReadTimeout("silent", request=request)),
    "proxy": lambda request: httpx.Response(502, text="<h1>Bad gateway</h1>"),
    "busy": lambda request: refused("Unavailable", 503, {"Retry-After": "7"}),
    "key in use": lambda request: refused("IdempotencyKeyInUse", 409, {"Retry-After": "1"}),
    "outcome unknown": lambda request: refused("OutcomeUnknown", 503),
}


def _fail(error: Exception) -> httpx.Response:
    raise error


@pytest.mark.parametrize("odd", ODDS)
def test_what_found_no_answer_is_sent_again_with_its_key(odd: str) -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return ODDS[odd](request) if len(seen) < 3 else done(path="/Plone/batches/B-1")

    with site_of(handler) as (site, pauses):
        assert site.create("Batch", "/batches", {"title": "Spring"})["path"] == "/Plone/batches/B-1"
    assert len(pauses) == 2
    assert len({request.headers["Idempotency-Key"] for request in seen}) == 1
    assert all(pause >= 7 for pause in pauses) or odd != "busy"
    assert json.loads(seen[0].content) == {"title": "Spring", "obj_path": "/batches", "obj_type": "Batch"}
    assert {str(request.url) for request in seen} == {"http://lab.example/Plone/@@API/create"}
    assert seen[0].headers["Authorization"] == "Bearer oat_x"


@pytest.mark.parametrize("odd", ODDS)
def test_it_gives_up_in_the_end(odd: str) -> None:
    with site_of(ODDS[odd]) as (site, pauses):
        with pytest.raises((NoAnswer, ApiError)):
            site.call("update", obj_path="/a", title="b")
        assert len(pauses) == 2


@pytest.mark.parametrize(
    ("name", "status", "error"),
    [
        ("ValidationError", 422, "ValidationError"),
        ("UnresolvedReference", 422, "UnresolvedReference"),
        ("InternalError", 500, "ServerFailure"),
        ("SomethingNew", 418, "ApiError"),
        ("TooManyAttempts", 429, "TooManyAttempts"),
        ("NoApiAccess", 403, "ApiError"),
    ],
)
def test_refusals_are_raised_at_once_by_name(name: str, status: int, error: str) -> None:
    causes = [{"field": "Name", "message": "required", "code": "required", "new": 1}]
    answer = refused(name, status, errors=causes, request_id="r1")
    with site_of(lambda request: answer) as (site, pauses), pytest.raises(ApiError) as caught:
        site.call("version")
    assert type(caught.value) is getattr(objapi_client, error)
    assert not pauses
    assert (caught.value.status, caught.value.name, caught.value.request_id) == (status, name, "r1")
    assert (caught.value.causes[0].field, caught.value.causes[0].code) == ("Name", "required")


@pytest.mark.parametrize(
    ("response", "told"),
    [
        (httpx.Response(200, text="<html>Welcome"), "Welcome"),
        (httpx.Response(301, headers={"Location": "https://lab.example/Plone"}), "https://lab.example/Plone"),
        (httpx.Response(404, text="nothing here"), "404"),
        (httpx.Response(200, json=[1]), "no answer of the API"),
    ],
    ids=["page", "redirection", "missing", "list"],
)
def test_what_is_no_gateway_is_told(response: httpx.Response, told: str) -> None:
    with site_of(lambda request: response) as (site, _), pytest.raises(UnexpectedAnswer, match=told):
        site.call("version")


def test_pages_are_followed_and_only_the_first_is_strict() -> None:
    asked: list[dict[str, Any]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        asked.append(body)
        if request.url.path.endswith("/types/Batch"):
            return done(type={"catalogs": ["batch_catalog"], "read_catalog": "portal_catalog"})
        if body.get("next") == "b":
            return done(total_objects=3, objects=[{"id": "c"}])
        return done(total_objects=3, objects=[{"id": "a"}, {"id": "b"}], next="b")

    with site_of(handler) as (site, _):
        query = site.query("Batch", include_fields=("id",), page_size=2, created={"since": "2d"})
        assert [item["id"] for item in query] == ["a", "b", "c"]
        assert [len(page) for page in query.pages()] == [2, 1]
        assert query.count() == 3
        with pytest.raises(NotOne, match="3"):
            query.one()
    assert [bool(body.get("strict")) for body in asked] == [False, True, False, True, False, True, True]
    assert all(body["catalog_name"] == "batch_catalog" for body in asked[1:])


def test_a_batch_that_fails_tells_what_was_done() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        entries = json.loads(request.content)["input_values"]
        if any(entry["fields"]["title"] == "bad" for entry in entries):
            return refused("ValidationError", 422)
        return done(updates=[{"success": True, "obj_path": entry["obj_path"]} for entry in entries])

    advanced: list[int] = []
    titles = ["a", "b", "c", "bad", "e"]
    with site_of(handler) as (site, _), pytest.raises(BatchStopped) as caught:
        site.update_many(
            ((f"/b/{n}", {"title": title}) for n, title in enumerate(titles)), batch_size=2, advance=advanced.append
        )
    assert (caught.value.start, advanced) == (2, [2])
    assert [entry["obj_path"] for entry in caught.value.done] == ["/b/0", "/b/1"]
    assert isinstance(caught.value.error, ValidationError)


def test_what_was_partly_done_is_answered_by_entry() -> None:
    updates = [{"success": True, "obj_path": "/a"}, {"success": False, "message": "No."}]
    answer = httpx.Response(
        200, json={"success": False, "type": "PartlyDone", "message": "1 of 2", "updates": updates, "warnings": ["w"]}
    )
    with site_of(lambda request: answer) as (site, _):
        written = site.update_many({"/a": {"title": "x"}, "0" * 32: {"title": "y"}}, partial=True)
    assert (written.done, written.failed, written.warnings) == ([updates[0]], [updates[1]], ["w"])


def test_a_refused_transition_says_why_even_where_nothing_more_is_told() -> None:
    causes = [{"object": "/Plone/a", "message": "it is closed", "code": "not_offered"}]

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("doActionFor_many"):
            return refused("TransitionNotAllowed", 409, errors=causes)
        return refused("Forbidden", 403)

    with site_of(handler) as (site, _), pytest.raises(TransitionNotAllowed) as caught:
        site.transition("close", ["/a", "f" * 32])
    (reason,) = caught.value.reasons
    assert (reason.object, reason.message, reason.needs) == ("/Plone/a", "it is closed", "")


def test_a_signature_is_sent_in_the_body_alone() -> None:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return refused("SignatureRefused", 403)

    with site_of(handler) as (site, _), pytest.raises(objapi_client.SignatureRefused):
        site.transition("verify", "/a", password="secret", second_factor="123456")
    (request,) = asked
    assert (request.method, request.url.query) == ("POST", b"")
    assert {"password": "secret", "second_factor": "123456"}.items() <= json.loads(request.content).items()


def test_values_are_sent_as_the_api_takes_them(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_bytes(b"rain")
    instant = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    sent = [instant, instant.date(), Decimal("1.50"), {"b", "a"}, tmp_path / "note.txt"]
    file = {"filename": "note.txt", "content_type": "text/plain", "base64": "cmFpbg=="}
    assert [plain(value) for value in sent] == ["2026-03-01T12:30:00+00:00", "2026-03-01", "1.50", ["a", "b"], file]
    assert upload("x.unknown", b"")["content_type"] == "application/octet-stream"
    with site_of(lambda request: done()) as (site, _):
        for wrong in (object(), float("nan")):
            with pytest.raises((TypeError, ValueError)):
                site.call("update", obj_path="/a", title=wrong)


def test_pauses_grow_and_are_bounded() -> None:
    retries = Retries(first_pause=1, longest_pause=8)
    assert [2 ** (n - 2) <= retries.pause(n) <= 2 ** (n - 1) for n in (1, 2, 3)] == [True] * 3
    assert retries.pause(99) <= 8
    assert retries.pause(1, asked=20) == 20


def test_credentials_are_of_one_kind() -> None:
    for wrong in ({"token": "t", "user": "u", "password": "p"}, {"user": "u"}):
        with pytest.raises(ValueError, match="password"):
            Site("http://lab.example/Plone", **wrong)  # type: ignore[arg-type]


def test_server_failures_are_one_family() -> None:
    assert issubclass(objapi_client.NotFound, ApiError)
    assert not issubclass(objapi_client.NotFound, ServerFailure)
