"""Users in the history: they are no objects, but have a path and a UID there."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import Connection

from objapi.store.context import Recorder
from objapi.store.records import to_micros
from objapi.store.requests import USERS, AccessEvent, RequestSource

USER_TYPE: Final = "User"
"""The `portal_type` of users in the history."""


def user_path(site_id: str, user_id: str) -> str:
    """The path of a user; no object has it, since no id of one contains "@"."""
    return f"/{site_id}{USERS}{user_id}"


def user_uid(site_id: str, user_id: str) -> str:
    """The UID under which the history holds the changes of a user."""
    return uuid5(NAMESPACE_URL, f"objapi:{user_path(site_id, user_id)}").hex


def user_event(site_id: str, user_id: str, event: str, changes: Mapping[str, tuple[object, object]]) -> AccessEvent:
    """A change of a user: names with their values before and after. Secrets are none of them."""
    return AccessEvent(event, 0, user_uid(site_id, user_id), user_path(site_id, user_id), USER_TYPE, changes)


def record_own_change(
    connection: Connection, site_id: str, user_id: str, event: str, *, source: RequestSource, now: datetime
) -> None:
    """Store a change that a user makes of the own account, as a request of its own."""
    recorder = Recorder(site_id, to_micros(now), user_id, source)
    recorder.note(user_event(site_id, user_id, event, {}))
    recorder.store(connection)
