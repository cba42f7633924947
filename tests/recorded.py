"""The history as it is stored: entries with what their requests say of them, the oldest first."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from objapi.store.schema import history_entries, requests

_OF_REQUEST = ("at", "actor", "address", "request_id")


def recorded_history(connection: Connection) -> list[dict[str, Any]]:
    statement = (
        sa.select(*history_entries.c, *(requests.c[name] for name in _OF_REQUEST))
        .join(requests, requests.c.id == history_entries.c.request)
        .order_by(history_entries.c.id)
    )
    return [dict(row) for row in connection.execute(statement).mappings()]


def forget_history(connection: Connection) -> None:
    for table in (history_entries, requests):
        connection.execute(sa.delete(table))
