"""`doActionFor` and `doActionFor_many`: one transition for many objects, all or none of them unless `partial=1`."""

from dataclasses import replace

from objapi.api.call import Call, Json, missing
from objapi.api.outcomes import PartlyDone, described_error, judged, named, plan_of, told_by_kind
from objapi.api.read import search_of
from objapi.errors import BadRequest, Cause, TooLarge
from objapi.store.requests import ByPath, ByUid, Entry, Outcome, Selector
from objapi.store.transaction import Transaction


def do_action_for(call: Call, tx: Transaction) -> Json | PartlyDone:
    """Take `action` on every object that the criteria find, or on one page of them when a page is named."""
    action = call.require_text("action")
    search = search_of(call)
    if search.warnings:
        raise BadRequest(" ".join(search.warnings))
    find = replace(search.find, strict=True, include_fields=None)
    if not {"page_nr", "page_size"} & call.controls.sent:
        find = replace(find, size=0)
    dry_run = call.controls.flag("dry_run")
    with told_by_kind():
        outcome = tx.transition_found(
            find,
            action,
            comment=call.controls.text("comment") or "",
            partial=call.controls.flag("partial"),
            dry_run=dry_run,
        )
    return _answer(outcome, dry_run=dry_run)


def do_action_for_many(call: Call, tx: Transaction) -> Json | PartlyDone:
    """Take `action` on the objects that `obj_paths` (or `f`) and `uids` name."""
    call.refuse_unused()
    action = call.require_text("action")
    selectors = _named_objects(call)
    dry_run = call.controls.flag("dry_run")
    with told_by_kind():
        outcome = tx.transition(
            selectors,
            action,
            comment=call.controls.text("comment") or "",
            partial=call.controls.flag("partial"),
            dry_run=dry_run,
        )
    return _answer(outcome, dry_run=dry_run)


def _named_objects(call: Call) -> list[Selector]:
    paths = dict.fromkeys(call.controls.names("obj_paths"))
    uids = dict.fromkeys(call.controls.names("uids"))
    if not paths and not uids:
        raise missing("obj_paths")
    limit = call.settings.max_update_entries
    if len(paths) + len(uids) > limit:
        message = f"obj_paths: {len(paths) + len(uids)} objects are named, the limit of this site is {limit}."
        raise TooLarge(message, causes=[Cause("parameter", "obj_paths", message)])
    return [*(ByPath(path) for path in paths), *(ByUid(uid) for uid in uids)]


def _answer(outcome: Outcome, *, dry_run: bool) -> Json | PartlyDone:
    answer = {"objects": [described_entry(entry) for entry in outcome.entries], **plan_of(outcome, dry_run=dry_run)}
    return judged(answer, outcome)


def described_entry(entry: Entry) -> Json:
    """An object after its transition: its names and its state variables, or why it was left as it was."""
    described: dict[str, object] = {**entry.states, **named(entry)}
    if entry.error is not None:
        described |= {"success": False, "error": True, **described_error(entry.error)}
    return described
