"""A span of each request for OpenTelemetry, where a setting says to whom it is sent: an extra that costs nothing else.

A span is made once the request is answered, from what was noted of it. It holds names that the software declares,
numbers and the request id, never a path, a parameter or a value, which are the laboratory's. A caller who is traced
itself (`traceparent`) becomes its parent.
"""

import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Final
from wsgiref.types import WSGIEnvironment

from catalog.dialect import DATABASE_USE
from objapi import __version__
from objapi.http.exchange import ANSWERED, UNKNOWN, request_id_of
from objapi.settings import Settings

Observe = Callable[[WSGIEnvironment, float], None]

_SECOND: Final = 1_000_000_000
_SOON_MS: Final = 1_000
"""Milliseconds after which spans are sent that were gathered."""
_NEEDED: Final = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")
REMEDY: Final = (
    "OBJAPI_TELEMETRY_URL needs OpenTelemetry, which is not installed: pip install 'objapi[telemetry]', or unset it."
)


class TelemetryMissing(Exception):
    """Spans are to be sent and the libraries are not installed; the message has the remedy."""


def require_telemetry(settings: Settings) -> None:
    """Raise TelemetryMissing when spans are to be sent and cannot be."""
    if settings.telemetry_url is None:
        return
    try:
        specifications = [find_spec(name) for name in _NEEDED]
    except ModuleNotFoundError:
        specifications = [None]
    if None in specifications:
        raise TelemetryMissing(REMEDY)


def sending_spans(settings: Settings, observe: Observe) -> Observe:
    """The same observer, and a span of each request sent where the settings say; to be called in a worker.

    Spans are sent by a thread, many at once; who cannot keep up loses some, and no request waits.
    """
    if settings.telemetry_url is None:
        return observe
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    exporter = OTLPSpanExporter(endpoint=settings.telemetry_url)
    return with_spans(settings, observe, BatchSpanProcessor(exporter, schedule_delay_millis=_SOON_MS))


def with_spans(settings: Settings, observe: Observe, processor: Any) -> Observe:
    """The same observer, which gives a span processor of the SDK a span of each request, too."""
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.trace import SpanKind, Status, StatusCode  # noqa: PLC0415
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    about = {"service.name": "objapi", "service.version": __version__, "objapi.site": settings.site_id}
    provider = TracerProvider(resource=Resource.create(about))
    provider.add_span_processor(processor)
    tracer, propagator = provider.get_tracer("objapi", __version__), TraceContextTextMapPropagator()

    def observed(environ: WSGIEnvironment, seconds: float) -> None:
        observe(environ, seconds)
        answered, use, end = environ.get(ANSWERED, UNKNOWN), DATABASE_USE, time.time_ns()
        parent = environ.get("HTTP_TRACEPARENT")
        span = tracer.start_span(
            f"{answered.face} {answered.called}",
            context=None if parent is None else propagator.extract({"traceparent": parent}),
            kind=SpanKind.SERVER,
            start_time=end - int(seconds * _SECOND),
            attributes={
                "http.request.method": str(environ.get("REQUEST_METHOD", "")),
                "http.response.status_code": answered.status,
                "objapi.face": answered.face,
                "objapi.method": answered.called,
                "objapi.request_id": request_id_of(environ),
                "objapi.database.statements": use.statements,
                "objapi.database.seconds": use.seconds,
                "objapi.database.repeats": use.repeats,
            },
        )
        if answered.status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        span.end(end)

    return observed
