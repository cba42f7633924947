"""Failures of any kind become one of ours and are logged once, with the traceback only for our own faults."""

import logging

import pytest
from pymysql.err import OperationalError as PyMySqlError
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import ImATeapot, MethodNotAllowed, NotFound, RequestEntityTooLarge, ServiceUnavailable

from catalog.dialect import DATABASE_USE
from objapi.errors import ApiError, BadRequest, Unavailable
from objapi.http.failures import as_api_error, log_failure
from objapi.store.failures import to_api_error


@pytest.mark.parametrize(
    ("error", "name", "status"),
    [
        (BadRequest("x"), "BadRequest", 400),
        (NotFound(), "NotFound", 404),
        (RequestEntityTooLarge(), "TooLarge", 413),
        (ImATeapot(), "BadRequest", 418),
        (MethodNotAllowed(["POST", "GET"]), "MethodNotAllowed", 405),
        (ServiceUnavailable(), "InternalError", 500),
        (KeyError("secret"), "InternalError", 500),
    ],
)
def test_every_failure_has_a_name_and_a_status(error: Exception, name: str, status: int) -> None:
    answered = as_api_error(error)
    assert (answered.name, answered.status) == (name, status)
    assert "secret" not in answered.message


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (PoolTimeout("x"), "no connection free"),
        (DBAPIError("x", None, PyMySqlError(2006, "x"), connection_invalidated=True), "lost"),
        (DBAPIError("x", None, PyMySqlError(1205, "x")), "busy"),
        (DBAPIError("x", None, PyMySqlError(1213, "x")), "other"),
    ],
)
def test_failures_of_the_database_are_of_a_few_kinds(error: Exception, kind: str) -> None:
    DATABASE_USE.fault = ""
    assert isinstance(to_api_error(error), Unavailable)
    assert DATABASE_USE.fault == kind


def test_a_wrong_verb_names_the_right_ones() -> None:
    assert as_api_error(MethodNotAllowed(["POST", "GET"])).headers == {"Allow": "GET, POST"}


@pytest.mark.parametrize(
    ("error", "level", "traceback"),
    [
        (BadRequest("x"), logging.INFO, False),
        (Unavailable("x", retry_after=1), logging.WARNING, False),
        (ValueError("inside"), logging.ERROR, True),
    ],
)
def test_a_failure_is_logged_once_at_its_level(
    caplog: pytest.LogCaptureFixture, error: Exception, level: int, traceback: bool
) -> None:
    answered: ApiError = as_api_error(error)
    with caplog.at_level(logging.DEBUG):
        log_failure(error, answered, request_id="id-1", method="GET", path="/a\nb")
    (record,) = caplog.records
    assert (record.levelno, bool(record.exc_info and record.exc_info[0])) == (level, traceback)
    assert "id-1" in record.getMessage()
    assert "\n" not in record.getMessage()


def test_an_absent_database_is_one_line_that_says_what_it_said(caplog: pytest.LogCaptureFixture) -> None:
    answered = Unavailable("The database is away.", retry_after=1)
    answered.__cause__ = OperationalError("SELECT secret", {}, Exception(2013, "Lost connection\nto the server"))
    with caplog.at_level(logging.DEBUG):
        log_failure(answered, answered, request_id="id-1", method="GET", path="/a")
    (record,) = caplog.records
    assert record.exc_info is None
    assert record.getMessage() == (
        "id-1 'GET' '/a' 503: 'The database is away.' (OperationalError: 'Lost connection\\nto the server')"
    )


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1969, "OBJAPI_QUERY_TIME_LIMIT"),
        (3024, "OBJAPI_QUERY_TIME_LIMIT"),
        (1021, "disk of the database is full"),
        (1114, "disk of the database is full"),
        (2002, "away or too busy"),
        (1213, "away or too busy"),
        (1036, "can only be read at present"),
        (1290, "can only be read at present"),
        (1045, "cannot use its database"),
        (1049, "cannot use its database"),
        (1054, "has to restart it"),
        (1146, "has to restart it"),
        (1176, "has to restart it"),
    ],
)
def test_a_failure_of_the_database_says_which(code: int, words: str) -> None:
    answered = to_api_error(OperationalError("SELECT secret", {}, Exception(code, "said the server")))
    assert isinstance(answered, Unavailable)
    assert words in answered.message
    assert answered.retry_after >= 1
