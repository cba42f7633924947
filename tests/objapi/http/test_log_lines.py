"""A log entry is one line, whatever clients have sent, or one JSON object a line."""

import json
import logging
import sys
from collections.abc import Callable
from logging.config import DictConfigurator
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, g
from hypothesis import given
from hypothesis import strategies as st

from objapi.errors import Unavailable
from objapi.http.exchange import ANSWERED, CALLER, Answered, begin_exchange
from objapi.http.failures import log_failure
from objapi.http.log_lines import JsonLines, TextLines
from objapi.serve import logging_configuration
from objapi.settings import load_settings


def entry(message: str, *values: object, failed: bool = False) -> logging.LogRecord:
    info = None
    if failed:
        try:
            raise ValueError(message)
        except ValueError:
            info = sys.exc_info()
    return logging.LogRecord("objapi.requests", logging.WARNING, __file__, 1, message, values, info)


@given(st.text())
def test_no_text_of_a_client_begins_a_line(text: str) -> None:
    record = entry("%s asks", text)
    assert TextLines().format(record).isprintable()
    read = json.loads(JsonLines().format(record))
    assert read["message"] == f"{text} asks".encode("utf-8", "backslashreplace").decode()
    assert JsonLines().format(record).count("\n") == 0


def test_lines_of_a_traceback_are_no_entries() -> None:
    record = entry("a\n2026-01-01 00:00:00,000 INFO 1 objapi: all is well", failed=True)
    (first, *rest) = TextLines().format(record).split("\n")
    assert " WARNING " in first
    assert len(rest) > 3
    assert all(line.startswith("    ") for line in rest)
    read = json.loads(JsonLines().format(record))
    assert "ValueError" in read["traceback"]
    assert (read["level"], read["logger"]) == ("warning", "objapi.requests")
    assert read["time"].endswith("+00:00")


@pytest.mark.parametrize(
    ("environ", "visitor", "expected"),
    [
        ({}, None, {"verb": "GET"}),
        ({}, SimpleNamespace(user=None), {"verb": "GET"}),
        ({}, SimpleNamespace(user=SimpleNamespace(principal=SimpleNamespace(user_id="ada"))), {"user": "ada"}),
        ({CALLER: "smith"}, None, {"user": "smith"}),
        ({ANSWERED: Answered("api", "read", 200)}, None, {"face": "api", "method": "read", "status": 200}),
    ],
)
def test_an_entry_says_for_which_request_it_was_made(
    environ: dict[str, Any], visitor: object, expected: dict[str, object]
) -> None:
    assert "request_id" not in json.loads(JsonLines().format(entry("x")))
    with Flask("x").test_request_context("/a", environ_overrides=environ) as context:
        # Before anything of the request is known.
        assert "request_id" not in json.loads(JsonLines().format(entry("x")))
        begin_exchange(context.request.environ, "/a", None)
        g._login_user = visitor
        read = json.loads(JsonLines().format(entry("x")))
    assert len(read["request_id"]) == 16
    assert read["ms"] >= 0
    assert {name: read[name] for name in expected} == expected
    assert ("user" in read) == ("user" in expected)


def test_a_failure_has_its_path_and_status(caplog: pytest.LogCaptureFixture) -> None:
    failure = Unavailable("away", retry_after=1)
    log_failure(failure, failure, request_id="id-1", method="GET", path="/a\nb")
    read = json.loads(JsonLines().format(caplog.records[0]))
    expected = {"request_id": "id-1", "verb": "GET", "path": "/a\nb", "status": 503}
    assert {name: read[name] for name in expected} == expected


@pytest.mark.parametrize(("form", "lines"), [("", TextLines), ("text", TextLines), ("json", JsonLines)])
def test_the_setting_chooses(form: str, lines: Callable[[], logging.Formatter]) -> None:
    settings = load_settings({"OBJAPI_LOG_FORMAT": form})
    configuration = DictConfigurator(logging_configuration(settings.log_level, settings.log_format))
    assert type(configuration.configure_formatter(configuration.config["formatters"]["line"])) is lines
