"""Choose the reading of a call's body: form, multipart, JSON under any of its names, or none.

Published clients and libraries send JSON without saying so; a body that is dropped instead of read has widened a
filter to every object before. The rules of `pairs` are Zope's; these are the gateway's, laid over them.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from werkzeug.http import parse_options_header

from objapi.errors import ApiError, BadRequest, UnsupportedMediaType
from objapi.http.forms.pairs import BodyType, body_type

READ_TYPES: Final = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
"""The content types that a call may have; JSON objects are read under other names, too."""

_JSON_TYPES: Final = frozenset({"application/json", "application/x-json", "text/json", "text/x-json"})
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class SentBody:
    """The reading of a body, and what is wrong with that: empty, or a sentence for a warning or a refusal.

    `unread`: nothing of the body is read, rather than read as something that it does not look like.
    """

    type: BodyType
    problem: str = ""
    unread: bool = False

    def as_error(self) -> ApiError:
        """The refusal by a method that acts."""
        return UnsupportedMediaType(self.problem) if self.unread else BadRequest(self.problem)


def sent_body(verb: str, content_type: str | None, body: bytes) -> SentBody:
    """The reading of a body with this HTTP verb and Content-Type. Never raises."""
    declared = body_type(verb, content_type)
    content = body.removeprefix(_BOM).strip()
    if not content or declared.kind in ("json", "multipart"):
        return SentBody(declared)
    media_type, options = parse_options_header(content_type)
    media_type = media_type.lower()
    json = BodyType("json", options.get("charset") or None)
    if verb.upper() == "POST" and (is_json_type(media_type) or (_may_be_json(media_type) and _is_object(content))):
        return SentBody(json)
    if declared.kind == "none":
        return SentBody(declared, unread_problem(verb, media_type), unread=True)
    if _looks_like_json(unquote_to_bytes(content) if content[:1] == b"%" else content):
        message = "The body looks like JSON but was sent as a form; send it with Content-Type: application/json."
        return SentBody(declared, message)
    return SentBody(declared)


def unread_problem(verb: str, media_type: str) -> str:
    """The sentence that a body of this media type is not read."""
    if verb.upper() != "POST":
        return f"The body of a {verb.upper()[:20]} is not read; send it by POST, as {' or '.join(READ_TYPES)}."
    return f"A body of type {media_type[:60] or 'unknown'} is not read; send {' or '.join(READ_TYPES)}."


def is_json_type(media_type: str) -> bool:
    """True for the names of JSON, `application/vnd.x+json` among them; lower case is expected."""
    return media_type in _JSON_TYPES or (media_type.startswith("application/") and media_type.endswith("+json"))


def _may_be_json(media_type: str) -> bool:
    """True for types under which JSON is sent by clients that name none: the browser's default, and no type."""
    return media_type in ("", "text/plain")


def _looks_like_json(content: bytes) -> bool:
    return _is_object(content) or (content.startswith(b"[") and content.endswith(b"]"))


def _is_object(content: bytes) -> bool:
    return content.startswith(b"{") and content.endswith(b"}")
