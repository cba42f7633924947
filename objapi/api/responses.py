"""Responses of the `@@API` face: the envelope, its failures and their HTTP status, streamed lists, documents, files.

Documents that are JSON already enter the envelope as `orjson.Fragment` and are not parsed again.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Final, Literal, Protocol, TypeAlias
from urllib.parse import quote

import orjson
from flask import Request, Response
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header, parse_list_header

from objapi.api.method import Document, Download, Export, Json, Listing, PartlyDone, Reply, Text
from objapi.errors import FIRST_CAUSES, MANY_CAUSES, ApiError, CrossSite, InvalidHost, NoApiAccess, UnknownMethod
from objapi.http.exchange import Exchange, current_exchange
from objapi.http.failures import as_api_error, log_failure
from objapi.http.forms.form_records import FormRecord
from objapi.http.headers import attachment
from objapi.store.blobs import StoredFile

ErrorStatus: TypeAlias = Literal["auto", "http", "historic"]

PIECE: Final = 32 * 1024
"""Bytes of a streamed answer that are handed to the server at once."""

JSON_TYPE: Final = "application/json; charset=utf-8"
PROBLEM_TYPE: Final = "application/problem+json"

# Failures that are not about what was asked: a client that takes one for an answer must not carry on.
_ALWAYS_REAL: Final = frozenset({401, 405, 408, 413, 415, 429})
_ALWAYS_REAL_CLASSES: Final = (UnknownMethod, CrossSite, NoApiAccess, InvalidHost)


class HeaderLookup(Protocol):
    """Request headers by their usual names; Werkzeug's headers, or a dict in tests."""

    def get(self, name: str, default: str, /) -> str:
        """The value of a header, `default` when it was not sent."""
        ...


PARTLY_DONE: Final = "PartlyDone"
"""The `type` of an answer in which some objects failed and the others were done."""


@dataclass(frozen=True, slots=True)
class CallStyle:
    """The way a client calls, by which it heeds or ignores the HTTP status.

    `wants_problem`: it accepts RFC 9457 bodies. `is_ajax`: a browser script, which a log-in dialogue would disturb.
    """

    has_json_body: bool = False
    has_bearer_token: bool = False
    prefers_status: bool = False
    wants_problem: bool = False
    is_ajax: bool = False

    @property
    def looks_at_status(self) -> bool:
        """True for a client of the kind that looks at the HTTP status before the body."""
        return self.has_json_body or self.has_bearer_token or self.prefers_status or self.wants_problem

    @classmethod
    def of_request(cls, *, has_json_body: bool, headers: HeaderLookup) -> "CallStyle":
        """The style of a request.

        `Prefer` is read as in RFC 7240, a list of preferences of which `http-status` is ours.
        """
        preferences = parse_list_header(headers.get("Prefer", ""))
        accepted = parse_accept_header(headers.get("Accept", ""), MIMEAccept)
        return cls(
            has_json_body=has_json_body,
            has_bearer_token=headers.get("Authorization", "").lower().startswith("bearer "),
            prefers_status="http-status" in [item.partition(";")[0].strip().lower() for item in preferences],
            wants_problem=any(kind.lower() == PROBLEM_TYPE and quality > 0 for kind, quality in accepted),
            is_ajax=headers.get("X-Requested-With", "").lower() == "xmlhttprequest",
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as data: HTTP status, body and headers, Content-Type among them."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AnswerFrame:
    """The members of every answer that describe its request: URL called, seconds it took, id in the log."""

    url: str
    runtime: float
    request_id: str


def answer_status(setting: ErrorStatus, style: CallStyle, error: ApiError) -> int:
    """The HTTP status to answer `error` with.

    Log-in, unknown method, wrong verb, size and type of the body, throttle, cross-site, lacking access to the API and
    faults of the server are always real. Any other failure is a 200 to clients in the historic style, who lose the body
    of a 4xx, and real to those that look at the status; the setting `http` or `historic` makes all clients one of the
    two.
    """
    if error.status in _ALWAYS_REAL or error.status >= 500 or isinstance(error, _ALWAYS_REAL_CLASSES):
        return error.status
    if setting == "http" or (setting == "auto" and style.looks_at_status):
        return error.status
    return 200


_REVALIDATED: Final = "private, no-cache"
"""Stored by the client alone, and used again only when the gateway says that it has not changed."""
_VARIES: Final = "Authorization, Cookie, Accept-Encoding"
_LONGEST_WARNING: Final = 300
"""Characters of a warning in a header."""
_LONGEST_LINKED: Final = 4000
"""Characters of a query up to which a link repeats it: servers bound the size of headers."""
_PLACE: Final = re.compile(r"(?:page_nr|next)(?:(?:%3A|%5B|[:\[])[^=]*)?(?:=|$)", re.IGNORECASE)
"""Parameters that name another page than the next one."""
_QUERY_SAFE: Final = "%/?:@!$&'()*+,;=-._~"


def success(frame: AnswerFrame, members: Mapping[str, Any]) -> Answer:
    """The answer of a successful call.

    `members` must not hold `message`, whose presence published clients take for failure: ValueError if it does.
    """
    if "message" in members:
        raise ValueError("a successful answer has no 'message'")
    headers = _headers(JSON_TYPE)
    if "_authenticator" in members:
        headers["Cache-Control"] = "no-store, no-transform"
    return Answer(200, render({**_head(frame, True), **_with_few_warnings(members)}), headers)


def partial_failure(frame: AnswerFrame, message: str, members: Mapping[str, Any]) -> Answer:
    """The answer of a `partial=1` call of which a part failed: status 200, since the other changes were made."""
    body = {
        **_head(frame, False),
        "message": message,
        "type": PARTLY_DONE,
        "status": 200,
        "request_id": frame.request_id,
        **_with_few_warnings(members),
    }
    return Answer(200, render(body), {**_headers(JSON_TYPE), "X-Api-Status": "200"})


def _with_few_warnings(members: Mapping[str, Any]) -> Mapping[str, Any]:
    """The members of an answer; of very many warnings the first and their number, as a failure has its causes."""
    warnings = members.get("warnings", ())
    if len(warnings) <= MANY_CAUSES:
        return members
    return {**members, "warnings": warnings[:FIRST_CAUSES], "warning_count": len(warnings)}


def failure(
    frame: AnswerFrame,
    error: ApiError,
    style: CallStyle,
    setting: ErrorStatus = "auto",
    members: Mapping[str, Any] | None = None,
) -> Answer:
    """The answer of a call that failed; `members` are its further keys (`updates`, empty `objects`).

    The real status is in the header `X-Api-Status` and in the body. A 401 asks for Basic credentials, except where a
    browser script is calling. With `wants_problem` the body is also a problem of RFC 9457: `type` is then a URI, and
    the error name stands under `name`.
    """
    body: dict[str, Any] = {
        **_head(frame, False),
        "message": error.message,
        "type": error.name,
        "status": error.status,
        "request_id": frame.request_id,
    }
    if error.causes:
        many = len(error.causes) > MANY_CAUSES
        body["errors"] = [cause.as_dict() for cause in (error.causes[:FIRST_CAUSES] if many else error.causes)]
        if many:
            body["error_count"] = len(error.causes)
    if style.wants_problem:
        body.update(_problem(error))
    body.update(members or {})
    headers = {
        **_headers(PROBLEM_TYPE if style.wants_problem else JSON_TYPE),
        "X-Api-Status": str(error.status),
        **error.headers,
    }
    if error.status == 401 and not style.is_ajax:
        headers.setdefault("WWW-Authenticate", 'Basic realm="objapi", charset="UTF-8"')
    return Answer(answer_status(setting, style, error), render(body), headers)


def render(value: Any) -> bytes:
    """JSON of a value: aware date-times as ISO 8601 with offset, decimals as exact numbers."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS)


def _head(frame: AnswerFrame, is_success: bool) -> dict[str, Any]:
    return {
        "url": frame.url,
        "_runtime": round(frame.runtime, 6),
        "success": is_success,
        "error": not is_success,
    }


def _headers(content_type: str) -> dict[str, str]:
    return {"Content-Type": content_type, "X-Content-Type-Options": "nosniff"}


def _problem(error: ApiError) -> dict[str, Any]:
    """The members of RFC 9457 section 3.1 that the envelope does not have under these names."""
    return {
        "type": f"urn:objapi:error:{error.name}",
        "title": HTTPStatus(error.status).phrase,
        "detail": error.message,
        "name": error.name,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(format(value, "f") if abs(value.adjusted()) < 40 else str(value))
    if isinstance(value, FormRecord):
        return value.members
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} cannot be rendered as JSON")


def respond(reply: Reply) -> Response:
    """The response for the reply of a method."""
    match reply:
        case Text():
            return _text(reply)
        case Document():
            return Response(reply.body, content_type=JSON_TYPE)
        case Download():
            return _download(reply)
        case Export():
            return _export(reply, current_exchange())
        case Listing():
            return _listing(reply, current_exchange())
        case _:
            return answered(rendered(frame_of(current_exchange()), reply))


def rendered(frame: AnswerFrame, reply: Json | PartlyDone) -> Answer:
    """The answer for a reply that is whole and JSON."""
    if isinstance(reply, PartlyDone):
        return partial_failure(frame, reply.message, reply.answer)
    return success(frame, reply)


def respond_if_changed(reply: Reply, request: Request, visitor: str) -> Response:
    """The response for the reply to a GET or HEAD, with an entity tag; 304 for a client that has this answer already.

    The tag is weak: a digest of the answer without its running time and `_authenticator`, different for each visitor
    (`visitor` is a text that tells them apart) and query.
    """
    if isinstance(reply, Document):
        response = Response(reply.body, content_type=JSON_TYPE)
        _tag(response, request, reply.tag)
        return response
    if not isinstance(reply, Mapping):
        return respond(reply)
    exchange = current_exchange()
    frame, members = frame_of(exchange), dict(_with_few_warnings(reply))
    own: dict[str, Any] = {"url": frame.url, "_runtime": round(frame.runtime, 6)}
    if "_authenticator" in members:
        own["_authenticator"] = members.pop("_authenticator")
    body = render({**own, "success": True, "error": False, **members})
    tag = sha256(f"{visitor}\0{frame.url}\0".encode())
    tag.update(request.query_string + b"\0")
    # What changes with every answer comes first; the rest is digested where it stands.
    tag.update(memoryview(body)[len(render(own)) - 1 :])
    etag = tag.hexdigest()[:32]
    response = Response(body, headers=_headers(JSON_TYPE))
    _tag(response, request, etag)
    if "_authenticator" in own:
        response.headers["Cache-Control"] = f"{_REVALIDATED}, no-transform"
    following = members.get("next")
    if isinstance(following, str) and len(request.query_string) <= _LONGEST_LINKED:
        response.headers["Link"] = f'<{_next_url(frame.url, request.query_string, following)}>; rel="next"'
    return response


def _tag(response: Response, request: Request, etag: str) -> None:
    """Give a response its weak entity tag, and leave out the body for a client that has it."""
    if request.if_none_match.contains_weak(etag):
        response.set_data(b"")
        response.status_code = 304
        for name in ("Content-Type", "Content-Length"):
            response.headers.pop(name, None)
    response.set_etag(etag, weak=True)
    response.headers["Cache-Control"] = _REVALIDATED
    response.headers["Vary"] = _VARIES


def _next_url(url: str, query: bytes, following: str) -> str:
    """The URL of the page behind the one that a query asks for (RFC 8288)."""
    parts = (part for part in query.decode("latin-1").split("&") if part)
    kept = [part for part in parts if _PLACE.match(part) is None]
    return f"{url}?{quote('&'.join([*kept, f'next={quote(following)}']), safe=_QUERY_SAFE)}"


def frame_of(exchange: Exchange) -> AnswerFrame:
    """The frame of the answer to a request."""
    return AnswerFrame(exchange.url, exchange.runtime, exchange.request_id)


def answered(answer: Answer) -> Response:
    """An answer as a response."""
    return Response(answer.body, status=answer.status, headers=answer.headers)


def _text(reply: Text) -> Response:
    """A document; it is shown, with its own styles, but may load and run nothing."""
    response = Response(reply.body, content_type=f"{reply.content_type}; charset=utf-8")
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    return response


def _download(reply: Download) -> Response:
    """A file, to be saved under its name: nothing that a user has uploaded runs on this site."""
    blob = reply.blob
    if reply.is_current:
        getattr(blob.chunks, "close", _nothing)()
        return _of_file(Response(status=304), blob)
    pieces = (piece for chunk in _logged(blob.chunks, current_exchange()) for piece in _cut(chunk))
    response = Response(pieces, content_type=blob.content_type)
    start, stop = blob.part or (0, blob.size)
    response.content_length = stop - start
    if blob.part is not None:
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{blob.size}"
    response.call_on_close(getattr(blob.chunks, "close", _nothing))
    response.headers["Content-Disposition"] = attachment(blob.filename)
    return _of_file(response, blob)


def _of_file(response: Response, blob: StoredFile) -> Response:
    response.set_etag(blob.tag)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Cache-Control"] = _REVALIDATED
    response.headers["Vary"] = _VARIES
    return response


def _listing(reply: Listing, exchange: Exchange) -> Response:
    """A long list. Its first chunk is read here, so that what fails at once is still answered as a failure.

    What fails later ends the answer before the closing bracket, so that no client takes half a list for the whole, and
    breaks the connection off.
    """
    chunks = reply.chunks
    first = next(chunks, b"")
    head = success(frame_of(exchange), reply.head)
    response = Response(_pieces(head.body, first, chunks, exchange), headers=head.headers)
    response.call_on_close(getattr(chunks, "close", _nothing))
    return response


def _export(reply: Export, exchange: Exchange) -> Response:
    """A file of objects. As of a list, what fails before its first chunk is a failure, and later breaks it off."""
    chunks = reply.chunks
    try:
        first = next(chunks, b"")
    except BaseException:
        # What was read may be right, and have no place in the file.
        reply.close()
        raise
    charset = "; charset=utf-8" if reply.content_type.startswith("text/") else ""
    response = Response(_file_pieces(first, chunks, exchange), content_type=reply.content_type + charset)
    response.call_on_close(reply.close)
    response.headers["Content-Disposition"] = attachment(reply.filename)
    response.headers["X-Api-Total-Objects"] = str(reply.total)
    if reply.warnings:
        few = [warning[:_LONGEST_WARNING] for warning in reply.warnings[:FIRST_CAUSES]]
        # The members of a header are ASCII, which JSON can be.
        response.headers["X-Api-Warnings"] = json.dumps(few)
    return response


def _file_pieces(first: bytes, chunks: Iterator[bytes], exchange: Exchange) -> Iterator[bytes]:
    yield from _cut(first)
    for chunk in _logged(chunks, exchange):
        yield from _cut(chunk)


def _nothing() -> None:
    """Do nothing: an iterator without `close` needs none."""


def _pieces(head: bytes, first: bytes, chunks: Iterator[bytes], exchange: Exchange) -> Iterator[bytes]:
    yield head.removesuffix(b"}") + b',"objects":['
    yield from _cut(first)
    for chunk in _logged(chunks, exchange):
        yield b","
        yield from _cut(chunk)
    yield b"]}"


def _cut(chunk: bytes) -> Iterator[bytes]:
    """A chunk in pieces: servers queue a number of them for a slow client, however large each is."""
    for start in range(0, len(chunk), PIECE):
        yield chunk[start : start + PIECE]


def _logged(chunks: Iterator[bytes], exchange: Exchange) -> Iterator[bytes]:
    """The chunks; a failure on the way, for which an answer comes too late, is logged and breaks off the response."""
    try:
        yield from chunks
    except Exception as error:
        log_failure(error, as_api_error(error), request_id=exchange.request_id, method="stream", path=exchange.path)
        raise
