"""Answers of route functions beside plain values, and answers as HTTP responses."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from flask import Response

from objapi.ispyb.values.schema import Type, shower
from objapi.ispyb.wire.call import Page

# Datetimes are wall clock times without fractions; other keys than texts are written as texts.
_JSON_OPTIONS: Final = orjson.OPT_OMIT_MICROSECONDS | orjson.OPT_NON_STR_KEYS


@dataclass(frozen=True, slots=True)
class Paged:
    """The answer of a list route: the paging envelope with objects of one schema.

    `chosen` says whether the caller chooses the page by skip and limit; else it is always the whole list.
    """

    item: Type
    chosen: bool = True


@dataclass(frozen=True, slots=True)
class RawContent:
    """An answer that is not JSON: its bytes or chunks, their type, and further headers."""

    body: bytes | Iterable[bytes]
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Later:
    """Work to be done once the transaction is over, such as reading a file; it gives what is answered, or raises."""

    work: Callable[[], Any]


AnswerType = Type | Paged | None
"""Declared answer of a route; None where it is declared by no schema or where there is no body."""


def respond(answer: Any, declared: AnswerType, status: int) -> Response:
    """An answer as a response: JSON in the shape of the declared schema, or content as it is."""
    if isinstance(answer, Response):
        return answer
    if isinstance(answer, RawContent):
        return Response(answer.body, status, dict(answer.headers), content_type=answer.content_type)
    if status == 204:
        return Response(status=204)
    return json_response(shaped(answer, declared), status)


def shaped(answer: Any, declared: AnswerType) -> Any:
    """The values of an answer in the shape of its declaration. Raises TypeError when it is not of the declared kind."""
    if isinstance(answer, Page):
        show = shower(declared.item) if isinstance(declared, Paged) else dict
        return {
            "total": answer.total,
            "results": [show(row) for row in answer.results],
            "skip": answer.skip,
            "limit": answer.limit,
        }
    if declared is None or answer is None:
        return answer
    if isinstance(declared, Paged):
        raise TypeError("a route that declares Paged answers with a Page")
    return shower(declared)(answer)


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response."""
    return Response(encode(value), status, dict(headers or {}), content_type="application/json")


def encode(value: Any) -> bytes:
    """JSON text of a value; what JSON does not know is written as text, decimals as numbers."""
    try:
        return orjson.dumps(value, default=_plain, option=_JSON_OPTIONS)
    except orjson.JSONEncodeError:
        # orjson has no integers beyond 64 bits; clients send them in objects of any shape, which are answered as sent.
        return json.dumps(value, default=_plain, ensure_ascii=False, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    if hasattr(value, "as_tuple"):
        return float(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (frozenset, set)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
