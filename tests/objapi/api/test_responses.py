import json
from datetime import UTC, datetime
from decimal import Decimal

import orjson
import pytest
from werkzeug.datastructures import Headers

from objapi.api.json_body import NumberLiteral
from objapi.api.responses import (
    Answer,
    AnswerFrame,
    CallStyle,
    ErrorStatus,
    answer_status,
    failure,
    partial_failure,
    render,
    success,
)
from objapi.errors import (
    ApiError,
    BadRequest,
    Cause,
    Conflict,
    CrossSite,
    Forbidden,
    InternalError,
    InvalidHost,
    MethodNotAllowed,
    NoApiAccess,
    NotFound,
    TooLarge,
    TooManyAttempts,
    Unauthorized,
    Unavailable,
    UnknownMethod,
    ValidationError,
)
from objapi.http.forms.marshalling import Record

FRAME = AnswerFrame("http://host/Plone/@@API/read", 0.00212345, "4f2a")
OLD = CallStyle()
NEW = CallStyle(has_json_body=True)


def body_of(answer: Answer) -> dict[str, object]:
    members: dict[str, object] = json.loads(answer.body)
    return members


def test_success_has_the_four_keys_and_no_message() -> None:
    objects = [orjson.Fragment(b'{"id":"a"}'), orjson.Fragment(b'{"id":"b"}')]
    answer = success(FRAME, {"total_objects": 1, "objects": objects})
    assert answer.status == 200
    assert answer.headers == {
        "Content-Type": "application/json; charset=utf-8",
        "X-Content-Type-Options": "nosniff",
    }
    assert body_of(answer) == {
        "url": "http://host/Plone/@@API/read",
        "_runtime": 0.002123,
        "success": True,
        "error": False,
        "total_objects": 1,
        "objects": [{"id": "a"}, {"id": "b"}],
    }


def test_success_refuses_a_message() -> None:
    with pytest.raises(ValueError, match="message"):
        success(FRAME, {"message": "done"})


def test_failure_names_type_status_and_causes() -> None:
    error = ValidationError("a is required.", causes=[Cause("field", "a", "a is required.")])
    answer = failure(FRAME, error, NEW)
    assert answer.status == 422
    assert answer.headers["X-Api-Status"] == "422"
    assert body_of(answer) == {
        "url": FRAME.url,
        "_runtime": 0.002123,
        "success": False,
        "error": True,
        "message": "a is required.",
        "type": "ValidationError",
        "status": 422,
        "request_id": "4f2a",
        "errors": [{"field": "a", "message": "a is required."}],
    }


def test_a_historic_client_gets_200_and_finds_the_status_in_the_answer() -> None:
    answer = failure(FRAME, NotFound("no"), OLD)
    assert answer.status == 200
    assert answer.headers["X-Api-Status"] == "404"
    assert body_of(answer)["status"] == 404


@pytest.mark.parametrize("error", [BadRequest("x"), Forbidden("x"), NotFound("x"), Conflict("x"), ValidationError("x")])
@pytest.mark.parametrize(
    ("setting", "style", "is_real"),
    [
        ("auto", OLD, False),
        ("auto", NEW, True),
        ("auto", CallStyle(has_bearer_token=True), True),
        ("auto", CallStyle(prefers_status=True), True),
        ("auto", CallStyle(wants_problem=True), True),
        ("auto", CallStyle(is_ajax=True), False),
        ("http", OLD, True),
        ("historic", NEW, False),
    ],
)
def test_failures_of_a_call_have_the_status_that_the_client_understands(
    error: ApiError, setting: ErrorStatus, style: CallStyle, is_real: bool
) -> None:
    assert answer_status(setting, style, error) == (error.status if is_real else 200)


@pytest.mark.parametrize(
    "error",
    [
        Unauthorized("x"),
        UnknownMethod("x"),
        MethodNotAllowed("x", allowed=["GET"]),
        TooLarge("x"),
        TooManyAttempts("x", retry_after=1),
        CrossSite("x"),
        NoApiAccess("x"),
        InvalidHost("x"),
        InternalError("x"),
        Unavailable("x", retry_after=1),
    ],
)
@pytest.mark.parametrize("setting", ["auto", "http", "historic"])
def test_failures_before_or_beneath_the_call_are_always_real(error: ApiError, setting: ErrorStatus) -> None:
    assert answer_status(setting, OLD, error) == error.status


def test_401_asks_for_credentials_but_not_in_a_browser_script() -> None:
    assert failure(FRAME, Unauthorized("x"), OLD).headers["WWW-Authenticate"].startswith("Basic ")
    assert "WWW-Authenticate" not in failure(FRAME, Unauthorized("x"), CallStyle(is_ajax=True)).headers


def test_headers_of_the_error_are_sent() -> None:
    assert failure(FRAME, Unavailable("x", retry_after=7), OLD).headers["Retry-After"] == "7"


def test_a_failure_may_carry_members_of_its_method() -> None:
    answer = failure(FRAME, Unauthorized("x"), OLD, members={"total_objects": 0, "objects": []})
    assert body_of(answer)["objects"] == []


def test_a_problem_is_an_envelope_too() -> None:
    answer = failure(FRAME, Conflict("taken"), CallStyle(wants_problem=True))
    members = body_of(answer)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (members["type"], members["title"]) == ("urn:objapi:error:Conflict", "Conflict")
    assert (members["status"], members["detail"], members["name"]) == (409, "taken", "Conflict")
    assert (members["success"], members["message"]) == (False, "taken")


def test_a_partial_failure_is_200_without_success() -> None:
    answer = partial_failure(FRAME, "1 of 2 failed.", {"updates": []})
    assert answer.status == 200
    members = body_of(answer)
    assert (members["success"], members["error"], members["message"]) == (False, True, "1 of 2 failed.")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, OLD),
        ({"Authorization": "Basic eA=="}, OLD),
        ({"Authorization": "bearer abc"}, CallStyle(has_bearer_token=True)),
        ({"Prefer": 'wait=10, HTTP-Status; x="y"'}, CallStyle(prefers_status=True)),
        ({"Prefer": "http-statuses"}, OLD),
        ({"Accept": "application/json, application/problem+json;q=0.5"}, CallStyle(wants_problem=True)),
        ({"Accept": "application/problem+json;q=0"}, OLD),
        ({"Accept": "*/*"}, OLD),
        ({"X-Requested-With": "XMLHttpRequest"}, CallStyle(is_ajax=True)),
    ],
)
def test_headers_tell_the_style_of_a_call(headers: dict[str, str], expected: CallStyle) -> None:
    assert CallStyle.of_request(has_json_body=False, headers=Headers(headers)) == expected
    assert CallStyle.of_request(has_json_body=False, headers=headers) == expected


def test_values_are_rendered_exactly() -> None:
    value = {
        "a": Decimal("57.10"),
        "b": NumberLiteral("1e3"),
        "c": datetime(2024, 1, 2, tzinfo=UTC),
        "d": Record({"x": 1}),
        "e": orjson.Fragment('{"raw":  1}'),
        "f": {"b", "a"},
        "g": Decimal("0E-8"),
    }
    assert render(value) == (
        b'{"a":57.10,"b":1000,"c":"2024-01-02T00:00:00+00:00","d":{"x":1},"e":{"raw":  1},"f":["a","b"],"g":0.00000000}'
    )


@pytest.mark.parametrize("value", [object(), Decimal("NaN"), b"x"])
def test_what_json_has_no_form_for_is_a_fault(value: object) -> None:
    with pytest.raises(TypeError):
        render(value)
