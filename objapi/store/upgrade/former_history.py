"""History in the shape of schema 0003 and before, one table with actor and instant in each row, moved below requests.

Processes of the former version go on writing that table while an upgrade runs. So it is emptied in steps, by the
upgrade and again when a server of this version starts, and dropped by a later upgrade that finds it empty.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy import Connection

from catalog.dialect import insert_rows
from objapi.store.mapped.schema import row_pending
from objapi.store.records import chunks, request_digest
from objapi.store.schema import history_entries, requests

CHUNK: Final = 2000
"""Rows moved in one transaction; more where one request wrote more."""
_SPAN: Final = 600_000 << 22
"""Row numbers given within ten minutes (see `records`): one request's rows lie closer together than that."""

_OWN: Final = ("at", "actor", "request")
"""Columns of a former row that belong to its request."""
_former: Final = sa.table(
    "history",
    *(sa.column(name) for name in ("id", "rid", "uid", "path", "portal_type", *_OWN, "event", "workflow")),
    *(sa.column(name) for name in ("transition", "comment", "changes")),
)

_Row = dict[str, Any]


def has_former(connection: Connection) -> bool:
    """True when the former table is there."""
    return sa.inspect(connection).has_table(_former.name)


def count_former(connection: Connection) -> int:
    """Number of rows that are to be moved."""
    if not has_former(connection):
        return 0
    return connection.scalar(sa.select(sa.func.count()).select_from(_former)) or 0


def move_history(site_id: str, connection: Connection) -> int:
    """Move the history of the next requests, oldest first, and return the number of rows; 0: nothing is left."""
    rows = _next_rows(connection)
    made, entries = _below_requests(site_id, rows)
    insert_rows(connection, requests, made)
    insert_rows(connection, history_entries, entries)
    for chunk in chunks(row["id"] for row in rows):
        connection.execute(sa.delete(_former).where(_former.c.id.in_(chunk)))
    return len(rows)


def convert_pending(site_id: str, connection: Connection) -> None:
    """Bring outboxes that a crash left pending into the present shape."""
    for number, text in connection.execute(sa.select(row_pending.c.id, row_pending.c.document)).all():
        document = orjson.loads(text)
        if "requests" in document:
            continue
        document["requests"], document["history"] = _below_requests(site_id, document["history"])
        changed = sa.update(row_pending).where(row_pending.c.id == number)
        connection.execute(changed.values(document=orjson.dumps(document).decode()))


def drop_empty(connection: Connection) -> None:
    """Drop the former table when nothing was written to it since the last upgrade."""
    if has_former(connection) and not count_former(connection):
        sa.Table(_former.name, sa.MetaData()).drop(connection)


def _next_rows(connection: Connection) -> list[_Row]:
    """Rows of whole requests: the next ones in order, then those later rows that belong to a request among them."""
    ordered = sa.select(_former).order_by(_former.c.id)
    rows = [dict(row) for row in connection.execute(ordered.limit(CHUNK)).mappings()]
    if len(rows) < CHUNK:
        return rows
    last, begun = rows[-1]["id"], max(row["at"] for row in rows)
    later = ordered.where(_former.c.id > last, _former.c.id < last + _SPAN, _former.c.at <= begun)
    whole = {_request_of(row) for row in rows}
    rows += [dict(row) for row in connection.execute(later).mappings() if _request_of(row) in whole]
    return rows


def _request_of(row: Mapping[Any, Any]) -> tuple[object, ...]:
    """Identity of the request of a former row: instant, actor and request id, which is empty at the command line."""
    return tuple(row[name] for name in _OWN)


def _below_requests(site_id: str, rows: Iterable[_Row]) -> tuple[list[_Row], list[_Row]]:
    """Requests of former rows, numbered as their first rows were, and the entries below them."""
    by_request: dict[tuple[object, ...], list[_Row]] = {}
    for row in rows:
        by_request.setdefault(_request_of(row), []).append(row)
    made, entries = [], []
    for group in by_request.values():
        number, (at, actor, request_id) = group[0]["id"], _request_of(group[0])
        request = {
            "id": number, "at": at, "actor": actor, "address": "", "api_key": None, "request_id": request_id,
        }  # fmt: skip
        below = [_entry(row, number) for row in group]
        made.append({**request, "seq": None, "digest": request_digest(site_id, request, below)})
        entries += below
    return made, entries


def _entry(row: _Row, request: int) -> _Row:
    own = {name: value for name, value in row.items() if name not in (*_OWN, "seq")}
    return {**own, "version": None, "request": request}
