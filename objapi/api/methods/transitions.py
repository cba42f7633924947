"""Methods that take transitions: `doActionFor`, `doActionFor_many`.

The step `import` of an import of requests makes the requests; that is a run of the import, not of its workflow alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Final

from objapi.api.answer_schemas import RECORD, TEXT, list_of, record
from objapi.api.method import GET_AND_POST, Json, Method, MethodCall, PartlyDone
from objapi.api.methods.by_criteria import record_of
from objapi.api.methods.reading import SEARCH, search_of
from objapi.api.methods.trials import described_error, path_and_uid, trial_of
from objapi.api.methods.writing import DRY_RUN, PARTIAL, named_objects, plan_of, success_or_partial, unwrap_batch_errors
from objapi.api.parameters import Control
from objapi.api.signers import PROOF, refuse_idle_proof
from objapi.errors import ApiError, BadRequest
from objapi.http.access import API
from objapi.profiles.lims.ar_imports import IMPORT, ImportedRequests, imports_among, run_import
from objapi.security.needs import Need
from objapi.store.requests import ByUid, Entry, Outcome, Plan, Selector
from objapi.store.transaction import Transaction

_TRANSITION: Final = (
    Control("action", "text", about="The id of the transition.", required=True),
    Control("comment", "text", about="A comment for the history."),
    Control("fields", "any", about="A record of fields and values, which are written first.", shape=RECORD),
    DRY_RUN,
    PARTIAL,
    *PROOF,
)
_MOVED: Final = {"objects": list_of(record(UID=TEXT, path=TEXT))}


def do_action_for(call: MethodCall, tx: Transaction) -> Json | PartlyDone:
    """Take `action` on every object that the criteria find, or on one page of them when a page is named.

    `fields` are written to each of them first.
    """
    action = call.require_text("action")
    refuse_idle_proof(call, tx)
    # A criterion that a read may drop would here widen the set of objects that are changed.
    find = search_of(call, acts=True).find
    if not {"page_nr", "page_size"} & call.controls.sent:
        find = replace(find, size=0)
    if action == IMPORT and (ran := _run_imports(call, tx, tx.found(find))) is not None:
        return ran
    return _answered(call, partial(tx.transition_found, find, action))


def do_action_for_many(call: MethodCall, tx: Transaction) -> Json | PartlyDone:
    """Take `action` on the objects that `obj_paths` (or `f`) and `uids` name."""
    call.refuse_unused()
    action = call.require_text("action")
    refuse_idle_proof(call, tx)
    selectors = named_objects(call)
    if action == IMPORT and (ran := _run_imports(call, tx, selectors)) is not None:
        return ran
    return _answered(call, partial(tx.transition, selectors, action))


def _answered(call: MethodCall, take: Callable[..., Outcome]) -> Json | PartlyDone:
    """Take a transition with the options of the call, and answer what it did."""
    dry_run = call.controls.flag("dry_run")
    with unwrap_batch_errors():
        outcome = take(
            comment=call.controls.text("comment") or "",
            fields=_fields_to_write(call),
            partial=call.controls.flag("partial"),
            dry_run=dry_run,
            with_plan=False,
            match=call.version_match(),
        )
    objects = [_described_entry(entry) for entry in outcome.entries]
    return success_or_partial({"objects": objects, **plan_of(outcome, dry_run=dry_run)}, outcome)


def _fields_to_write(call: MethodCall) -> Mapping[str, object] | None:
    """The fields that are written with a transition. Raises BadRequest for what is no record, and for an empty one."""
    if "fields" not in call.controls.sent:
        return None
    fields = record_of("fields", call.controls.values["fields"])
    if not fields:
        raise BadRequest.of_parameter("fields", "fields: name at least one field with its value, or leave it out.")
    return fields


def _run_imports(call: MethodCall, tx: Transaction, selectors: Sequence[Selector]) -> Json | None:
    """Run imports of requests that are to take their step `import`; None when that is a mere step of these objects.

    Each is all or none, and so are all of them. Raises BadRequest for `partial` and `fields`.
    """
    ready = imports_among(tx, selectors)
    if not ready:
        return None
    for name in ("partial", "fields"):
        if name in call.controls.sent:
            message = f"{name}: an import of requests is run as a whole and takes no {name}; send it without."
            raise BadRequest.of_parameter(name, message)
    dry_run, most = call.controls.flag("dry_run"), call.settings.max_update_entries
    comment, match = call.controls.text("comment") or "", call.version_match()
    if match is not None and len(ready) > 1:
        raise BadRequest(f"If-Match is about one object, and the request about {len(ready)}.")
    done = []
    for one in ready:
        with _told_of(one.path if len(ready) > 1 else ""):
            done.append(run_import(tx, ByUid(one.uid), most_rows=most, dry_run=dry_run, comment=comment, match=match))
    answer: dict[str, object] = {"objects": [_described_import(one) for one in done]}
    warnings = [warning for one in done for warning in one.warnings]
    if warnings:
        answer["warnings"] = warnings
    if dry_run:
        answer |= trial_of(sum((one.plan for one in done), Plan()))
    return answer


@contextmanager
def _told_of(path: str) -> Iterator[None]:
    """Name the object of a path in what is raised, and in each of its causes; nothing for an empty path."""
    try:
        yield
    except ApiError as error:
        if not path:
            raise
        causes = [replace(cause, object=cause.object or path) for cause in error.causes]
        raise error.restated(f"{path}: {error.message}", causes) from error


def _described_import(done: ImportedRequests) -> Json:
    requests = [{"row": row, **path_and_uid(entry), **entry.extra_ids} for row, entry in done.requests]
    return {**_described_entry(done.record), "requests": requests}


def _described_entry(entry: Entry) -> Json:
    """An object after its transition: path, UID and state variables, or the error for which it was left as it was."""
    described: dict[str, object] = {**entry.states, **path_and_uid(entry)}
    if entry.signed_as:
        described["signature"] = {"meaning": entry.signed_as}
    if entry.error is not None:
        described |= {"success": False, "error": True, **described_error(entry.error)}
    return described


TRANSITIONS: Final = (
    Method(
        name="doActionFor",
        access=API,
        needs=(Need.TRANSITION,),
        controls=(*_TRANSITION, *SEARCH),
        others="criteria",
        answer=_MOVED,
        writing_verbs=GET_AND_POST,
        honours_if_match=True,
        run=do_action_for,
    ),
    Method(
        name="doActionFor_many",
        access=API,
        needs=(Need.TRANSITION,),
        controls=(
            *_TRANSITION,
            Control("obj_paths", "texts", (), aliases=("f",), about="The paths of the objects."),
            Control("uids", "texts", (), about="The UIDs of the objects."),
        ),
        answer=_MOVED,
        writing_verbs=GET_AND_POST,
        honours_if_match=True,
        run=do_action_for_many,
    ),
)
