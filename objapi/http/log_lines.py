"""Lines of the log, as text or as JSON. No client can begin a line of its own: control characters are escaped in both.

An entry that is made while a request is answered carries what is known of the request by then.
"""

import logging
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from flask import g, has_request_context, request

from objapi.http.exchange import ANSWERED, CALLER, current_exchange, has_exchange

_TEXT: Final = "%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s"
_INDENT: Final = "    "


class TextLines(logging.Formatter):
    """One line an entry: date, severity, process, logger, message; those of a traceback follow, indented."""

    def __init__(self) -> None:
        super().__init__(_TEXT)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is that of the base class
        """The line without the traceback."""
        record.message = escaped(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802
        """A traceback, every line of it indented, so that none looks like another entry."""
        return "\n".join(_INDENT + escaped(line) for line in super().formatException(ei).split("\n"))


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The entry with its time in UTC and, if a request is being answered, what is known of that."""
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": record.process,
            "logger": record.name,
            "message": record.getMessage(),
            **_of_request(),
            **getattr(record, "of_request", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            entry["traceback"] = self.formatException(record.exc_info)
        # A text may hold halves of surrogate pairs, which are no UTF-8.
        return orjson.dumps(_encodable(entry)).decode()


def _of_request() -> dict[str, object]:
    """Id, verb, user and time so far of the request that is being answered; nothing when there is none."""
    if not has_request_context() or not has_exchange():
        return {}
    exchange = current_exchange()
    found: dict[str, object] = {"request_id": exchange.request_id, "verb": request.method}
    user = _user_id()
    if user:
        found["user"] = user
    answered = request.environ.get(ANSWERED)
    if answered is not None:
        found |= {"face": answered.face, "method": answered.called, "status": answered.status}
    return {**found, "ms": round(exchange.runtime * 1000, 1)}


def _user_id() -> str:
    """The id of the user as far as the request has loaded one; to log must ask no database."""
    visitor = g.get("_login_user")
    user = getattr(visitor, "user", None)
    return str(request.environ.get(CALLER, "")) if user is None else str(user.principal.user_id)


def escaped(text: str) -> str:
    """A text on one line: what cannot be printed is written as its escape in Python."""
    if text.isprintable():
        return text
    return "".join(item if item.isprintable() else ascii(item)[1:-1] for item in text)


def _encodable(entry: dict[str, object]) -> dict[str, object]:
    return {
        name: value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
        for name, value in entry.items()
    }
