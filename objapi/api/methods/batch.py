"""`update_many`: fields of many objects in one call, all or none of them unless `partial=1`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from objapi.api.answer_schemas import RECORD, RECORDS
from objapi.api.method import GET_AND_POST, Json, Method, MethodCall, PartlyDone, missing
from objapi.api.methods.trials import described_error, path_and_uid
from objapi.api.methods.writing import DRY_RUN, PARTIAL, date_warnings, plan_of, success_or_partial
from objapi.api.parameters import Control
from objapi.errors import FIRST_CAUSES, MANY_CAUSES, ApiError, BadRequest, Cause, TooLarge, joined_messages
from objapi.http.access import API
from objapi.model.references import PathProblem, normalise_path
from objapi.security.needs import Need
from objapi.store.requests import BatchFailed, ByPath, ByUid, Entry, Outcome, Selector, UpdateItem
from objapi.store.transaction import Transaction

_KEYS: Final = frozenset({"obj_path", "obj_uid", "UID", "fields", "version"})


def update_many(call: MethodCall, tx: Transaction) -> Json | PartlyDone:
    """Set the fields in `input_values`: `{path: {field: value}}`, or a list of `{"obj_path"|"obj_uid", "fields"}`.

    The store refuses an object that is named twice.
    """
    call.refuse_unused()
    items = entries_of(call.controls.structure("input_values"), call.settings.max_update_entries)
    _refuse_repetitions(items, call.settings.site_id)
    dry_run = call.controls.flag("dry_run")
    outcome = tx.update(
        items,
        partial=call.controls.flag("partial"),
        dry_run=dry_run,
        with_plan=False,
        as_batch=True,
        match=call.version_match(),
    )
    written = [(entry.portal_type, item.values) for entry, item in zip(outcome.entries, items, strict=True)]
    answer = {
        "updates": described_updates(outcome, call.exchange.url),
        **plan_of(outcome, dry_run=dry_run),
        **date_warnings(tx, written),
    }
    return success_or_partial(answer, outcome)


def entries_of(values: object, limit: int) -> list[UpdateItem]:
    """The items of `input_values`. Raises BadRequest that names every wrong entry, TooLarge for too many."""
    values = bounded_entries(values, limit)
    problems: list[Cause] = []
    read = _of_object(values, problems) if isinstance(values, dict) else _of_list(values, problems)
    items = list(read)
    if problems:
        raise BadRequest(joined_messages(problem.message for problem in problems), causes=problems)
    return items


def bounded_entries(values: object, limit: int) -> dict[str, object] | list[object]:
    """The value of `input_values`. Raises BadRequest for one that is none or empty, TooLarge for too many entries."""
    if values is None:
        raise missing("input_values")
    if not isinstance(values, dict | list):
        raise BadRequest.of_parameter("input_values", "input_values: a JSON object or a list is expected.")
    if not values:
        raise BadRequest.of_parameter("input_values", "input_values: no object is named.")
    if len(values) > limit:
        message = (
            f"input_values: {len(values)} entries were sent, the limit of this site is {limit} "
            "(its setting OBJAPI_MAX_UPDATE_ENTRIES)."
        )
        raise TooLarge(message, causes=[Cause("parameter", "input_values", message)])
    return values


def _refuse_repetitions(items: Sequence[UpdateItem], site_id: str) -> None:
    """Raise BadRequest that names every object which is sent twice, in whatever spelling of its path."""
    seen: set[str] = set()
    problems: list[Cause] = []
    for number, item in enumerate(items):
        name = _sent_name(item.target, site_id)
        if name in seen:
            problems.append(_problem(number, name, "the object is sent twice; send all its fields in one entry"))
        seen.add(name)
    if problems:
        raise BadRequest(joined_messages(problem.message for problem in problems), causes=problems)


def _sent_name(target: Selector, site_id: str) -> str:
    if isinstance(target, ByUid):
        return target.uid.lower()
    try:
        return normalise_path(target.path, site_id) if isinstance(target, ByPath) else ""
    except PathProblem:
        # The store refuses this path, and names the entry.
        return target.path if isinstance(target, ByPath) else ""


def _of_object(values: Mapping[str, object], problems: list[Cause]) -> Iterator[UpdateItem]:
    for number, (path, fields) in enumerate(values.items()):
        if isinstance(fields, dict) and fields:
            yield UpdateItem(ByPath(path), fields)
        else:
            problems.append(_problem(number, path, "an object of at least one field and its value is expected"))


def _of_list(values: Sequence[object], problems: list[Cause]) -> Iterator[UpdateItem]:
    for number, entry in enumerate(values):
        if not isinstance(entry, dict):
            problems.append(_problem(number, f"entry {number}", "an object is expected"))
            continue
        unknown = entry.keys() - _KEYS
        target, name = _target(entry), f"entry {number}"
        fields, version = entry.get("fields"), entry.get("version")
        if unknown:
            problems.append(_problem(number, name, f"unknown keys {', '.join(sorted(unknown))}"))
        elif target is None:
            problems.append(_problem(number, name, "either obj_path or obj_uid is expected, as text"))
        elif not isinstance(fields, dict) or not fields:
            problems.append(_problem(number, name, "fields must be an object of at least one field and its value"))
        elif version is not None and (not isinstance(version, int) or isinstance(version, bool)):
            problems.append(_problem(number, name, "version must be a whole number"))
        else:
            yield UpdateItem(target, fields, version)


def _target(entry: Mapping[str, object]) -> Selector | None:
    named_by = [(key, entry[key]) for key in ("obj_path", "obj_uid", "UID") if entry.get(key)]
    match named_by:
        case [("obj_path", str(path))]:
            return ByPath(path)
        case [(_, str(uid))]:
            return ByUid(uid)
        case _:
            return None


def _problem(number: int, name: str, message: str) -> Cause:
    return Cause("object", name, f"input_values, {name}: {message}.", index=number)


def described_updates(outcome: Outcome, url: str, *, undone: bool = False) -> list[Json]:
    """The entries of `updates`, in the order given; `undone` when the whole request failed because one of them did."""
    return [_described_update(entry, url, undone=undone) for entry in outcome.entries]


def described_failures(error: ApiError, url: str) -> Json:
    """The `updates` of a failed `update_many`, with the error of each entry, if the entries were looked at."""
    listed = listed_failures(error)
    return {"updates": [_described_update(entry, url, undone=True) for entry in listed]} if listed else {}


def listed_failures(error: ApiError) -> Sequence[Entry]:
    """The entries of a failed batch that its answer lists: all; of very many failures, as in `errors`, the first."""
    if not isinstance(error, BatchFailed):
        return ()
    if len(error.causes) <= MANY_CAUSES:
        return error.outcome.entries
    return [entry for entry in error.outcome.entries if entry.error is not None][:FIRST_CAUSES]


def _described_update(entry: Entry, url: str, *, undone: bool) -> Json:
    name, failed = path_and_uid(entry), undone or entry.error is not None
    described: dict[str, object] = {
        "url": url,
        "success": not failed,
        "error": failed,
        "obj_path": name["path"],
        "obj_uid": name["UID"],
        "updated": [] if failed else list(entry.updated),
    }
    if entry.error is not None:
        described |= described_error(entry.error)
    elif undone:
        described["message"] = "Nothing was changed, since other entries of the request failed."
    return described


BATCH: Final = (
    Method(
        name="update_many",
        access=API,
        needs=(Need.CHANGE,),
        controls=(
            Control(
                "input_values",
                "structure",
                about="Paths, each with a record of fields and their new values; or a list of records with the "
                "obj_path or obj_uid of an object and its fields.",
                required=True,
                shape={"type": ["object", "array"], "items": RECORD, "additionalProperties": RECORD},
            ),
            PARTIAL,
            DRY_RUN,
        ),
        answer={"updates": RECORDS},
        writing_verbs=GET_AND_POST,
        honours_if_match=True,
        run=update_many,
        more_on_failure=described_failures,
    ),
)
