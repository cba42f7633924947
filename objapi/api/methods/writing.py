"""The method `create`, and what all methods that write share: outcomes as JSON, and objects that are named.

One object or many, each call is one transaction: all of its changes are made or none, unless `partial=1`.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from catalog.dates import other_reading, parse_date
from objapi.api.answer_schemas import BOOLEAN, TEXT_OR_NULL, TEXTS, WHOLE
from objapi.api.method import GET_AND_POST, Json, Method, MethodCall, PartlyDone, missing
from objapi.api.methods.reading import selected
from objapi.api.methods.trials import trial_of
from objapi.api.parameters import Control
from objapi.errors import BadRequest, Cause, TooLarge, combine
from objapi.http.access import API
from objapi.model.natural_keys import asked_key
from objapi.model.types import EntityType, Kind, NaturalKey
from objapi.security.needs import Need
from objapi.store.requests import BatchFailed, ByPath, ByUid, CreateItem, Entry, Outcome, Selector
from objapi.store.transaction import Transaction

DRY_RUN: Final = Control("dry_run", "boolean", False, about="Answer the plan of what would be done, and do nothing.")
PARTIAL: Final = Control("partial", "boolean", False, about="Do what can be done, and tell of the rest.")
NATURAL_KEY: Final = Control(
    "natural_key", "any", about="The fields by which an object that exists is changed in place of making another."
)


# Outcomes as JSON


def success_or_partial(answer: Json, outcome: Outcome) -> Json | PartlyDone:
    """The answer as it is, or as `PartlyDone` when entries of the outcome failed."""
    failed = len(outcome.errors)
    return PartlyDone(answer, failed, len(outcome.entries)) if failed else answer


@contextmanager
def unwrap_batch_errors() -> Iterator[None]:
    """Re-raise BatchFailed as the combined error of its items.

    All of them not found is a 404, all of them refused the transition a 409; a mixture is what covers it.
    """
    try:
        yield
    except BatchFailed as failed:
        error = combine(failed.outcome.errors)
        error.trial = failed.trial
        raise error from failed


def plan_of(outcome: Outcome, *, dry_run: bool) -> dict[str, object]:
    """The keys of a dry run: that it was one, and every change that would have been made. Empty for any other."""
    return trial_of(outcome.plan) if dry_run else {}


def date_warnings(tx: Transaction, written: Iterable[tuple[str, Mapping[str, object]]]) -> Json:
    """The key `warnings` with a sentence for each date whose day and month could be swapped; empty without any.

    `written`: the type of each object and the values that were sent for it.
    """
    found: dict[str, None] = {}
    for portal_type, values in written:
        declared = tx.registry.types.get(portal_type)
        for name, value in values.items():
            field = None if declared is None else declared.fields.get(name)
            if field is None or field.kind is not Kind.DATETIME or not isinstance(value, str):
                continue
            swapped = other_reading(value)
            if swapped is not None:
                read = parse_date(value).date()
                sentence = (
                    f"{name}: {value!r} was read as {read}, month first; write {swapped.date()} if the day is meant."
                )
                found[sentence] = None
    return {"warnings": list(found)} if found else {}


# create


def create(call: MethodCall, tx: Transaction) -> Json:
    """Create an object of `obj_type` in `obj_path` (or the container `obj_uid`); all other parameters are its fields.

    A type that names its own container (a request goes to its client) needs no `obj_path`, and ignores it.
    Rows of a table are in no container, and need none either. With `natural_key` an object that has it is changed.
    """
    portal_type = call.require_text("obj_type")
    container = _container(call, tx)
    declared = tx.registry.types.get(portal_type)
    values, key = call.controls.rest, None
    if "natural_key" in call.controls.sent and declared is not None:
        if "natural_key" in declared.fields:
            values = {**values, "natural_key": call.controls.values["natural_key"]}
        else:
            key = _natural_key(declared, call.controls.values["natural_key"])
    # An unknown type is the store's to refuse, which knows the types that may be created there.
    needs_path = declared is None or (declared.container_from is None and declared.table is None and key is None)
    if container is None and needs_path:
        raise missing("obj_path")
    dry_run = call.controls.flag("dry_run")
    item = CreateItem(portal_type, container, values, call.controls.text("obj_id"), key=key)
    outcome = tx.create([item], dry_run=dry_run, with_plan=False)
    entry = outcome.entries[0]
    return {
        "obj_id": entry.id,
        "obj_uid": entry.uid,
        "path": entry.path,
        **entry.extra_ids,
        **(upserted(entry) if key is not None else {}),
        **plan_of(outcome, dry_run=dry_run),
        **date_warnings(tx, [(portal_type, item.values)]),
    }


def _natural_key(declared: EntityType, asked: object) -> NaturalKey:
    """The natural key that a parameter names. Raises BadRequest that names those that the type declares."""
    key = asked_key(declared, asked) if isinstance(asked, str) else "a text is expected"
    if isinstance(key, str):
        raise BadRequest.of_parameter("natural_key", f"natural_key: {key}.")
    return key


def upserted(entry: Entry) -> Json:
    """The keys of an object that was created or changed by its natural key: which of the two."""
    return {"created": entry.created, "updated": list(entry.updated), "version": entry.version}


def _container(call: MethodCall, tx: Transaction) -> Selector | None:
    """The container that `obj_path` or `obj_uid` names; None when neither was sent."""
    if call.controls.text("obj_path") is None and call.controls.text("obj_uid") is None:
        return None
    return selected(call, tx)


# Objects by name


def named_objects(call: MethodCall, *, repeated: bool = False) -> list[Selector]:
    """The objects that `obj_paths` and `uids` name, each name once unless `repeated`.

    Raises BadRequest for none, TooLarge for too many.
    """
    paths, uids = call.controls.names("obj_paths"), call.controls.names("uids")
    if not repeated:
        paths, uids = tuple(dict.fromkeys(paths)), tuple(dict.fromkeys(uids))
    if not paths and not uids:
        raise missing("obj_paths")
    limit = call.settings.max_update_entries
    if len(paths) + len(uids) > limit:
        message = (
            f"obj_paths: {len(paths) + len(uids)} objects are named, the limit of this site is {limit} "
            "(its setting OBJAPI_MAX_UPDATE_ENTRIES)."
        )
        raise TooLarge(message, causes=[Cause("parameter", "obj_paths", message)])
    return [*(ByPath(path) for path in paths), *(ByUid(uid) for uid in uids)]


WRITING: Final = (
    Method(
        name="create",
        access=API,
        needs=(Need.ADD, Need.CHANGE),
        controls=(
            Control("obj_path", "text", about="The path of the container."),
            Control("obj_uid", "text", about="The UID of the container."),
            Control("obj_type", "text", about="The type of the new object.", required=True),
            Control("obj_id", "text", aliases=("id",), about="The id of the new object; by default its type's rule."),
            NATURAL_KEY,
            DRY_RUN,
        ),
        others="fields",
        answer={
            "obj_id": TEXT_OR_NULL,
            "obj_uid": TEXT_OR_NULL,
            "path": TEXT_OR_NULL,
            "created?": BOOLEAN,
            "updated?": TEXTS,
            "version?": WHOLE,
        },
        writing_verbs=GET_AND_POST,
        run=create,
    ),
)
