"""Calls that are answered by a stream of server-sent events (the standard HTML, section 9.2)."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from flask import Request, Response

from objapi.api import responses
from objapi.api.method import Events, Method, MethodCall, Reply
from objapi.api.parameters import Controls
from objapi.errors import ApiError, BadRequest
from objapi.http.event_streams import EVENT_STREAM, EVENTS, EventStream, EventStreams, Look
from objapi.http.exchange import current_exchange
from objapi.http.failures import as_api_error, log_failure
from objapi.http.visitors import Visitor
from objapi.site import Site
from objapi.store.transaction import Transaction

_JSON: Final = "application/json"
_AGAIN_MILLISECONDS: Final = 2000
_SINCE: Final = "since"
LAST_EVENT_ID: Final = "Last-Event-ID"


def asks_for_events(request: Request) -> bool:
    """True for a caller who names the media type of events, and does not like JSON as much."""
    accepted = request.accept_mimetypes
    named = any(kind.lower() == EVENT_STREAM for kind, quality in accepted if quality > 0)
    return named and request.method != "HEAD" and accepted.best_match((_JSON, EVENT_STREAM)) == EVENT_STREAM


@dataclass(frozen=True, slots=True)
class EventCall:
    """A call that is carried out again and again, for the rights that its caller has at each time.

    `admit` makes the call, when the caller may make it; `require_access` asks for the rights of any call again.
    """

    site: Site
    streams: EventStreams
    method: Method
    visitor: Visitor
    require_access: Callable[[Transaction], None]
    admit: Callable[[Transaction], MethodCall]

    def respond(self, request: Request) -> Response:
        """The first events. Raises what the call raises, and Unavailable (503) when too many streams are open."""
        last_id = request.headers.get(LAST_EVENT_ID)
        self.site.number_requests()
        with self.visitor.counting_failures():
            call, reply = self.site.run(self.visitor.load, lambda tx: self._first(tx, last_id), write=False)
        self.visitor.renew()
        self.streams.take_place()
        following = _Following(self, call, self._events(reply))
        stream = EventStream(self.streams, Look(following.beginning(), following.found.more), following.look)
        response = Response(following.beginning(), content_type=EVENT_STREAM)
        # nginx would gather events until a buffer is full.
        response.headers["X-Accel-Buffering"] = "no"
        response.call_on_close(stream.leave)
        request.environ[EVENTS] = stream
        return response

    def _first(self, tx: Transaction, last_id: str | None) -> tuple[MethodCall, Reply]:
        call = self.admit(tx)
        # There is no place in a stream for warnings.
        call.refuse_unused()
        if "wait" in call.controls.sent:
            raise BadRequest.of_parameter("wait", "wait: a stream of events waits in any case; leave it out.")
        if last_id:
            call = replace(call, controls=_since(call.controls, last_id))
        return call, self.run(call, tx)

    def run(self, call: MethodCall, tx: Transaction) -> Reply:
        """Carry the call out."""
        if self.method.run is None:
            raise TypeError(f"{self.method.name} is not run in a transaction")
        return self.method.run(call, tx)

    def _events(self, reply: Reply) -> Events:
        if self.method.events is None:
            raise TypeError(f"{self.method.name} has no events")
        return self.method.events(reply)

    def next(self, call: MethodCall, last_id: str) -> Events:
        """The events after one, for a caller who is loaded anew. Raises what the call raises."""
        call = replace(call, controls=_since(call.controls, last_id))

        def look(tx: Transaction) -> Reply:
            self.require_access(tx)
            return self.run(call, tx)

        return self._events(self.site.run(self.visitor.at_present().load, look, write=False))


@dataclass(slots=True)
class _Following:
    """The state of one stream: how far it has told."""

    of: EventCall
    call: MethodCall
    found: Events
    request_id: str = field(default_factory=lambda: current_exchange().request_id)
    path: str = field(default_factory=lambda: current_exchange().path)

    def beginning(self) -> bytes:
        """The first events, and how soon to ask again when the connection is lost."""
        return b"retry: %d\n" % _AGAIN_MILLISECONDS + _rendered(self.found)

    def look(self) -> Look:
        """The next events. A failure ends the stream, but one that may be over soon: then it is tried again."""
        try:
            self.found = self.of.next(self.call, self.found.last_id)
        except Exception as error:  # noqa: BLE001 - the outermost place of a stream; whatever it is gets logged
            failure = as_api_error(error)
            log_failure(error, failure, request_id=self.request_id, method="stream", path=self.path)
            if failure.status == 503:
                return Look(b": later\n\n")
            return Look(_farewell(failure), over=True)
        return Look(_rendered(self.found), self.found.more)


def _since(controls: Controls, last_id: str) -> Controls:
    return replace(controls, values={**controls.values, _SINCE: last_id})


def _rendered(found: Events) -> bytes:
    """Events as text. The last block has an id alone: it says where to go on, and shows that the stream lives."""
    blocks = [b"id: %s\ndata: %s\n\n" % (last_id.encode(), responses.render(data)) for last_id, data in found.events]
    return b"".join((*blocks, b"id: %s\n\n" % found.last_id.encode()))


def _farewell(failure: ApiError) -> bytes:
    """The last event of a stream that the gateway ends."""
    data = {"status": failure.status, "type": failure.name, "message": failure.message}
    return b"event: end\ndata: %s\n\n" % responses.render(data)
