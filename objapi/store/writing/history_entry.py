"""One row of the history, whatever changed."""

from dataclasses import dataclass

import orjson

from objapi.store.instants import rowids
from objapi.store.mapped.names import RowNames


@dataclass(frozen=True, slots=True)
class Recorder:
    """Instant, actor and request that all history rows of one request have in common.

    `at` in microseconds since 1970 UTC.
    """

    at: int
    actor: str
    request_id: str

    def entry(self, rid: int, uid: str, path: str, portal_type: str, **event: object) -> dict[str, object]:
        """One history row. `event` gives its columns event and changes, of a transition also the others."""
        return {
            "id": rowids.next(),
            "seq": None,
            "rid": rid,
            "uid": uid,
            "path": path,
            "portal_type": portal_type,
            "at": self.at,
            "actor": self.actor,
            "event": event["event"],
            "workflow": event.get("workflow"),
            "transition": event.get("transition"),
            "comment": event.get("comment", ""),
            "changes": orjson.dumps(event["changes"]).decode(),
            "request": self.request_id,
        }

    def row(self, names: RowNames, portal_type: str, key: int, event: str, changes: object) -> dict[str, object]:
        """The history row of a change of a mapped row, known by its key."""
        uid, path = names.uid(portal_type, key), names.path(portal_type, key)
        return self.entry(key, uid, path, portal_type, event=event, changes=changes)
