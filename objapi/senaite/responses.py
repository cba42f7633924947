"""Answers and failures as responses: JSON with a blank behind each colon, and the time that it took at its end."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import orjson
from flask import Response

from objapi.errors import FIRST_CAUSES, MANY_CAUSES, ApiError
from objapi.http.exchange import Exchange

JSON_TYPE: Final = "application/json"
CHALLENGE: Final = 'Basic realm="objapi", charset="UTF-8"'


def rendered(exchange: Exchange, answer: Mapping[str, Any]) -> bytes:
    """An answer as JSON text. A published client reads lists by `"uid": "…"`, so that the blank is needed."""
    body = {**answer, "_runtime": round(exchange.runtime, 6)}
    return orjson.dumps(body, default=_plain, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)


def success(exchange: Exchange, answer: Mapping[str, Any]) -> Response:
    """The response for an answer."""
    return Response(rendered(exchange, answer), mimetype=JSON_TYPE)


def failure(exchange: Exchange, error: ApiError) -> Response:
    """The response for an error, with its real status."""
    body: dict[str, Any] = {
        "success": False,
        "message": error.message,
        "type": error.name,
        "status": error.status,
        "errors": [cause.as_dict() for cause in _listed(error)],
        "request_id": exchange.request_id,
    }
    response = Response(rendered(exchange, body), status=error.status, mimetype=JSON_TYPE)
    response.headers["X-Api-Status"] = str(error.status)
    response.headers.update(error.headers)
    if error.status == 401:
        response.headers.setdefault("WWW-Authenticate", CHALLENGE)
    return response


def _listed(error: ApiError) -> Any:
    return error.causes[:FIRST_CAUSES] if len(error.causes) > MANY_CAUSES else error.causes


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} cannot be rendered as JSON")
