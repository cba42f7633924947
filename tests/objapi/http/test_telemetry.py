"""Spans of requests for OpenTelemetry: what they hold, where they go, and that they are an extra."""

import sys
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from objapi.app import create_app
from objapi.http.telemetry import TelemetryMissing, require_telemetry, sending_spans, with_spans
from objapi.settings import Settings
from tests.databases import fresh_sqlite_database
from tests.objapi.store.workshop import open_site
from tests.waiting import wait_until

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def spans_of(tmp_path: Path, *calls: tuple[str, dict[str, str]]) -> tuple[list[Any], list[ReadableSpan]]:
    """The answers to some requests, and the spans of them."""
    exporter, counted = InMemorySpanExporter(), []
    with closing(open_site(fresh_sqlite_database(tmp_path), tmp_path)) as site:
        observe = with_spans(
            site.settings, lambda environ, seconds: counted.append(seconds), SimpleSpanProcessor(exporter)
        )
        application, environs = create_app(site=site), []
        served = application.wsgi_app

        def noting(environ: dict[str, Any], start_response: Any) -> Any:
            environs.append(environ)
            return served(environ, start_response)

        application.wsgi_app = noting  # type: ignore[method-assign]
        answers = []
        for path, headers in calls:
            answers.append(application.test_client().get(path, headers=headers))
            observe(environs[-1], 0.25)
    assert counted == [0.25] * len(calls)
    return answers, list(exporter.get_finished_spans())


def test_a_span_holds_what_the_software_names_and_nothing_of_a_client(tmp_path: Path) -> None:
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "Prefer": "http-status"}
    (refused, unknown), (first, second) = spans_of(
        tmp_path, ("/Plone/@@API/read?secret=value", headers), ("/secret/page", {})
    )
    assert (first.name, second.name) == ("api read", "web unknown")
    assert first.attributes is not None
    assert second.attributes is not None
    assert first.attributes["objapi.request_id"] == refused.headers["X-Request-Id"]
    assert first.attributes["http.response.status_code"] == refused.status_code
    assert isinstance(first.attributes["objapi.database.statements"], int)
    assert second.attributes["http.response.status_code"] == unknown.status_code == 404
    assert "secret" not in first.to_json() + second.to_json()
    assert first.start_time is not None
    assert first.end_time is not None
    assert first.end_time - first.start_time == 250_000_000
    # Who called is its parent.
    assert first.parent is not None
    assert (f"{first.context.trace_id:032x}", f"{first.parent.span_id:016x}") == (TRACE, PARENT)
    assert second.parent is None


def test_spans_are_sent_to_where_the_setting_says() -> None:
    bodies: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/v1/traces"
        observe = sending_spans(Settings(telemetry_url=url), lambda environ, seconds: None)
        observe({"REQUEST_METHOD": "GET"}, 0.1)
        wait_until(lambda: bool(bodies), "the span")
        server.shutdown()
    sent = ExportTraceServiceRequest.FromString(bodies[0])
    (span,) = sent.resource_spans[0].scope_spans[0].spans
    assert span.name == "web unknown"


def test_without_the_setting_nothing_is_asked_of_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)

    def observe(environ: dict[str, Any], seconds: float) -> None:
        """Count nothing."""

    require_telemetry(Settings())
    assert sending_spans(Settings(), observe) is observe
    with pytest.raises(TelemetryMissing, match=r"pip install 'objapi\[telemetry\]'"):
        require_telemetry(Settings(telemetry_url="http://127.0.0.1:4318/v1/traces"))
