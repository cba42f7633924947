"""Failures of any kind as one of our errors, each logged once under the id of its request."""

import logging
from typing import Final

from werkzeug.exceptions import HTTPException

from catalog.dialect import database_message
from objapi.errors import ApiError, BadRequest, InternalError, MethodNotAllowed, NotFound, TooLarge

log = logging.getLogger("objapi.requests")

_MOST_OF_CAUSE: Final = 300

_BY_STATUS: Final[dict[int, type[ApiError]]] = {404: NotFound, 413: TooLarge, 431: TooLarge}


def as_api_error(error: Exception) -> ApiError:
    """The error to be answered for `error`.

    One of ours stays itself, one of Werkzeug's becomes ours of the same status; anything else is a fault of the gateway
    whose text no client should see, and gives an `InternalError` with a fixed message.
    """
    if isinstance(error, ApiError):
        return error
    if isinstance(error, HTTPException):
        return _of_werkzeug(error)
    return InternalError("Internal server error. The server log has the cause under this request id.")


def _of_werkzeug(error: HTTPException) -> ApiError:
    status = error.code or 500
    message = error.description or error.name
    allowed = getattr(error, "valid_methods", None)
    if status == 405:
        return MethodNotAllowed("This URL is not called with that HTTP verb.", allowed=sorted(allowed or ()))
    if 400 <= status < 500:
        return _BY_STATUS.get(status, BadRequest)(message, status=status)
    return InternalError("Internal server error.")


def log_failure(error: Exception, answered: ApiError, *, request_id: str, method: str, path: str) -> None:
    """Write the one log entry of a failed request: with the traceback when it is the gateway's fault.

    One that somebody else has to mend (503 and the like) is one line with the cause, for example what the database
    said. What it was asked is left out.

    `method` and `path` are quoted, so that a client cannot write lines of its own into the log. Query strings are left
    out: they hold values of the laboratory.
    """
    text = "%s %s %s %s: %s"
    details: tuple[object, ...] = (request_id, ascii(method), ascii(path), answered.status, ascii(answered.message))
    of_request = {"of_request": {"request_id": request_id, "verb": method, "path": path, "status": answered.status}}
    if answered.status == 500:
        log.error(text, *details, exc_info=error, extra=of_request)
    elif answered.status > 500:
        if error.__cause__ is not None:
            said = ascii(database_message(error.__cause__)[:_MOST_OF_CAUSE])
            text, details = f"{text} (%s: %s)", (*details, type(error.__cause__).__name__, said)
        log.warning(text, *details, extra=of_request)
    else:
        log.info(text, *details, extra=of_request)
