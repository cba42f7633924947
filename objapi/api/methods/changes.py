"""The method `changes`: what has changed since a cursor, for front-ends and other programs that keep a copy."""

from collections.abc import Mapping
from typing import Any, Final

from objapi.api.answer_schemas import BOOLEAN, TEXT, TEXT_OR_NULL, TEXTS, list_of, record
from objapi.api.method import Events, Json, Method, MethodCall, Reply, missing
from objapi.api.methods.reading import page_size_of, whole_path
from objapi.api.parameters import Control, Controls
from objapi.errors import BadRequest, Cause, joined_messages, sentence_end
from objapi.http.access import API
from objapi.http.event_streams import EVENT_STREAM
from objapi.security.needs import Need
from objapi.store.trail.changes import ChangesWanted
from objapi.store.transaction import Transaction
from workflows.declarations import suggestion

LONGEST_WAIT: Final = 30
"""Seconds."""


def changes(call: MethodCall, tx: Transaction) -> Json:
    """What has changed of the objects that the caller may see, after the cursor `since`, in order."""
    controls = call.controls
    since = controls.text("since")
    if since is None:
        raise missing("since")
    types = controls.names("portal_type")
    causes = [
        Cause("parameter", "portal_type", f"portal_type: there is no type {name[:60]!r}{told}")
        for name in types
        if name not in tx.registry.types
        for told in [sentence_end(suggestion(name[:60], tx.registry.types))]
    ]
    if (controls.whole("wait") or 0) > LONGEST_WAIT:
        causes.append(Cause("parameter", "wait", f"wait: at most {LONGEST_WAIT} seconds; ask again after them."))
    if causes:
        raise BadRequest(joined_messages(cause.message for cause in causes), causes=causes)
    found = tx.changes(ChangesWanted(since, types, whole_path(call, "path"), page_size_of(call)))
    return call.with_warnings({"changes": list(found.changes), "cursor": found.cursor, "more": found.more})


def seconds_to_wait(controls: Controls) -> int:
    """Seconds for which the caller waits for a change; 0: not at all."""
    return min(controls.whole("wait") or 0, LONGEST_WAIT)


def _answered(reply: Reply) -> Mapping[str, Any]:
    if not isinstance(reply, Mapping):
        raise TypeError("an answer of changes is a mapping")
    return reply


def following(reply: Reply) -> Mapping[str, str] | None:
    """The parameters with which to ask again when there was no change; None for an answer that has one."""
    answer = _answered(reply)
    return None if answer["changes"] or answer["more"] else {"since": str(answer["cursor"])}


def as_events(reply: Reply) -> Events:
    """The changes of an answer as events, whose ids are their cursors."""
    answer = _answered(reply)
    found = [(str(change["cursor"]), change) for change in answer["changes"]]
    return Events(found, str(answer["cursor"]), bool(answer["more"]))


CHANGES: Final = (
    Method(
        name="changes",
        access=API,
        needs=(Need.VIEW,),
        controls=(
            Control(
                "since",
                "text",
                about="The cursor that an earlier answer gave; 0: the beginning, now: no past changes.",
                required=True,
            ),
            Control("portal_type", "names", (), about="Types whose objects alone are told of."),
            Control("path", "text", aliases=("obj_path",), about="The path of an object: it and its contents alone."),
            Control("page_size", "whole", 100, about="The most changes in one answer."),
            Control("wait", "whole", 0, about="Seconds, 30 at most, to wait for a change when there is none."),
        ),
        answer={
            "changes": list_of(
                record(
                    cursor=TEXT,
                    UID=TEXT,
                    path=TEXT,
                    portal_type=TEXT,
                    kinds=TEXTS,
                    fields=TEXTS,
                    transition=TEXT_OR_NULL,
                    time=TEXT,
                    actor=TEXT,
                )
            ),
            "cursor": TEXT,
            "more": BOOLEAN,
        },
        reads_trail=True,
        waits=seconds_to_wait,
        following=following,
        events=as_events,
        media_types=(EVENT_STREAM,),
        run=changes,
    ),
)
