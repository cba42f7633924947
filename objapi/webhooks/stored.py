"""Webhooks as the database has them: found, changed, and when one that fails is tried again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Row, delete, insert, select, update

from objapi.security.csrf_tokens import derived_key
from objapi.store.schema import webhooks

PAUSES: Final = tuple(map(timedelta, (0,) * 8, (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400)))
"""Time after the first failure of a message, the second, and so on, until it is tried again; the last goes on."""
GIVEN_UP_AFTER: Final = timedelta(days=3)
"""Time after the first failure of a message after which no more is tried."""
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Webhook:
    """One hook. Instants are microseconds since 1970 UTC; see the table for what is what."""

    id: str
    owner: str
    url: str
    name: str
    types: tuple[str, ...]
    path: str | None
    created: int
    place: str
    due: int
    attempted: str | None = None
    failures: int = 0
    failing_since: int | None = None
    delivered: int | None = None
    outcome: str = ""
    stopped: str | None = None

    def is_due(self, now: int) -> bool:
        """True when something may be sent.

        It waits for no longer than the pause after its last failure: that was by a clock that has been set back since.
        """
        return self.stopped is None and not now < self.due <= now + _pause(self.failures - 1)

    def failed(self, outcome: str, last: str, now: int) -> "Webhook":
        """The hook after a message, whose last change has that cursor, was not delivered: to be tried again, or not."""
        # A clock that has been set back since must not keep it failing for longer.
        since = min(self.failing_since or now, now)
        if now - since >= GIVEN_UP_AFTER // _MICROSECOND:
            return self.stopping(f"given up after {GIVEN_UP_AFTER.days} days: {outcome}")
        return replace(
            self,
            attempted=last,
            failures=self.failures + 1,
            failing_since=since,
            due=now + _pause(self.failures),
            outcome=outcome,
        )

    def moved(self, place: str, now: int, outcome: str | None = None) -> "Webhook":
        """The hook at a later place of the feed; with an `outcome` a message has brought it there."""
        found = replace(self, place=place, attempted=None, failures=0, failing_since=None, due=now)
        return found if outcome is None else replace(found, delivered=now, outcome=outcome)

    def stopping(self, reason: str) -> "Webhook":
        """The hook that sends nothing more until somebody lets it go on."""
        return replace(self, stopped=reason)

    def resumed(self, place: str, now: int) -> "Webhook":
        """The hook that goes on from a place of the feed."""
        return replace(self.moved(place, now), stopped=None)


def _pause(failures: int) -> int:
    """Microseconds to wait after a failure with as many before it; none after no failure, which is -1."""
    return 0 if failures < 0 else PAUSES[min(failures, len(PAUSES) - 1)] // _MICROSECOND


def list_webhooks(connection: Connection) -> list[Webhook]:
    """All hooks, the oldest first."""
    return [_hook(row) for row in connection.execute(select(webhooks).order_by(webhooks.c.created, webhooks.c.id))]


def find_webhooks(connection: Connection, ids: Sequence[str]) -> dict[str, Webhook]:
    """Id → hook, of those that are there."""
    found = connection.execute(select(webhooks).where(webhooks.c.id.in_(ids)))
    return {row.id: _hook(row) for row in found}


def add_webhook(connection: Connection, hook: Webhook) -> None:
    """Store a new hook."""
    connection.execute(insert(webhooks).values(**_columns(hook)))


def remove_webhook(connection: Connection, hook_id: str) -> None:
    """Delete a hook."""
    connection.execute(delete(webhooks).where(webhooks.c.id == hook_id))


def replace_webhook(connection: Connection, before: Webhook, after: Webhook) -> bool:
    """Store a hook in another state, unless somebody else has changed it since it was read."""
    row = webhooks.c
    same = [row.id == before.id, row.place == before.place, row.due == before.due, row.failures == before.failures]
    same.append(row.stopped.is_(None) if before.stopped is None else row.stopped == before.stopped)
    return connection.execute(update(webhooks).where(*same).values(**_columns(after))).rowcount == 1


def webhook_key(connection: Connection, hook_id: str) -> bytes:
    """The key by which the messages of a hook are signed: derived from the site's secret, and stored nowhere."""
    return bytes.fromhex(derived_key(connection, f"webhook {hook_id}"))


def _hook(row: Row[Any]) -> Webhook:
    values = dict(row._mapping)
    return Webhook(**{**values, "types": tuple(orjson.loads(values["types"]))})


def _columns(hook: Webhook) -> dict[str, object]:
    names = [column.name for column in webhooks.columns]
    return {name: getattr(hook, name) for name in names} | {"types": orjson.dumps(hook.types).decode()}
