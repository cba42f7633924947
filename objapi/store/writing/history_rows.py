"""The rows of the history: who changed what, when, and how."""

from collections.abc import Iterator

import orjson
from sqlalchemy import Connection

from catalog.dialect import insert_rows
from objapi.store.instants import to_micros
from objapi.store.requests import AccessEvent
from objapi.store.rowids import rowids
from objapi.store.schema import history
from objapi.store.writing.draft import Draft
from objapi.store.writing.plan_events import Created, Removed, Renamed, Stepped
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.write_set import WriteSet, field_changes


def history_rows(planner: StorePlanner, write_set: WriteSet, request_id: str) -> list[dict[str, object]]:
    """One row for each creation, change of fields, step, new id and removal, in order of happening."""
    at = to_micros(planner.now)
    names = planner.workspace.rows.names
    rows = []
    for draft, event, details in _events(planner, write_set):
        rows.append(
            {
                "id": rowids.next(),
                "seq": None,
                "rid": draft.rid if draft.type.table is None else names.of_rid(draft.rid)[1],
                "uid": draft.uid,
                "path": draft.path,
                "portal_type": draft.portal_type,
                "at": at,
                "actor": planner.user_id,
                "event": event,
                "workflow": details.get("workflow"),
                "transition": details.get("transition"),
                "comment": details.get("comment", ""),
                "changes": orjson.dumps(details["changes"]).decode(),
                "request": request_id,
            }
        )
    return rows


def record_access(connection: Connection, event: AccessEvent, *, at: int, actor: str, request_id: str) -> None:
    """Write the row of a change that no plan brings about; `at` in microseconds since 1970 UTC."""
    row = {
        "id": rowids.next(),
        "seq": None,
        "rid": event.rid,
        "uid": event.uid,
        "path": event.path,
        "portal_type": event.portal_type,
        "at": at,
        "actor": actor,
        "event": event.event,
        "workflow": None,
        "transition": None,
        "comment": "",
        "changes": orjson.dumps(event.changes).decode(),
        "request": request_id,
    }
    insert_rows(connection, history, [row])


def _events(planner: StorePlanner, write_set: WriteSet) -> Iterator[tuple[Draft, str, dict[str, object]]]:
    for event in planner.events:
        draft = event.draft
        if draft.removed and draft.is_new:
            continue
        match event:
            case Created():
                yield draft, "create", {"changes": _fields(draft)}
            case Stepped(_, step):
                change = {step.workflow.state_variable: [step.old_state, step.new_state]}
                transition = step.transition.id if step.transition is not None else None
                comment = str(step.status.get("comments") or "")
                details: dict[str, object] = {
                    "workflow": step.workflow.id,
                    "transition": transition,
                    "comment": comment,
                    "changes": change,
                }
                yield draft, "transition", details
            case Renamed(_, old_id, _):
                yield draft, "rename", {"changes": {"id": [old_id, draft.id]}}
            case Removed():
                yield draft, "remove", {"changes": {name: [value, None] for name, value in draft.data.items()}}
    for draft in write_set.changed:
        changes = _fields(draft)
        if changes:
            yield draft, "update", {"changes": changes}


def _fields(draft: Draft) -> dict[str, list[object]]:
    return {change.field: [change.old, change.new] for change in field_changes(draft)}
