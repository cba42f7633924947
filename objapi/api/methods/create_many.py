"""`create_many`: objects of any types in one call, which may refer to each other by names that the call gives them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from objapi.api.answer_schemas import RECORDS
from objapi.api.method import GET_AND_POST, Json, Method, MethodCall, PartlyDone
from objapi.api.methods.batch import bounded_entries, listed_failures
from objapi.api.methods.by_criteria import record_of
from objapi.api.methods.trials import described_error
from objapi.api.methods.writing import (
    DRY_RUN,
    NATURAL_KEY,
    PARTIAL,
    date_warnings,
    plan_of,
    success_or_partial,
    upserted,
)
from objapi.api.parameters import Control
from objapi.errors import ApiError, BadRequest, Cause, joined_messages
from objapi.http.access import API
from objapi.model.natural_keys import asked_key
from objapi.model.references import ITEM_KEY, item_name
from objapi.model.registry import Registry
from objapi.model.types import NaturalKey
from objapi.security.needs import Need
from objapi.store.requests import ByItem, ByPath, ByUid, CreateItem, Entry, Selector
from objapi.store.transaction import Transaction

_KEYS: Final = frozenset({"obj_type", "obj_path", "obj_uid", "obj_id", "id", ITEM_KEY, "fields"})
"""Keys of an entry that are no fields; `fields` holds those of which the name is one of these."""


def create_many(call: MethodCall, tx: Transaction) -> Json | PartlyDone:
    """Create the objects of `input_values`, a list of `{"obj_type", "obj_path", "obj_id", fields…}`."""
    call.refuse_unused()
    values = bounded_entries(call.controls.structure("input_values"), call.settings.max_update_entries)
    if not isinstance(values, list):
        raise BadRequest.of_parameter("input_values", "input_values: a list of objects to create is expected.")
    items = _with_keys(items_of(values, tx.registry), call.controls.values["natural_key"], tx.registry)
    dry_run = call.controls.flag("dry_run")
    outcome = tx.create(items, partial=call.controls.flag("partial"), dry_run=dry_run, with_plan=False, as_batch=True)
    objects = [_described(entry, call.exchange.url) for entry in outcome.entries]
    answer = {
        "objects": [
            {**described, **upserted(entry)} if item.key is not None and entry.error is None else described
            for described, entry, item in zip(objects, outcome.entries, items, strict=True)
        ],
        **plan_of(outcome, dry_run=dry_run),
        **date_warnings(tx, [(item.portal_type, item.values) for item in items]),
    }
    return success_or_partial(answer, outcome)


def _with_keys(items: list[CreateItem], asked: object, registry: Registry) -> list[CreateItem]:
    """The items with the natural keys that `natural_key` names: one for all types, or an object type → key.

    Raises BadRequest that names the keys which a type declares, where it is not one of these.
    """
    if asked is None:
        return items
    is_name = isinstance(asked, str) and not asked.lstrip().startswith("{")
    by_type = {} if is_name else record_of("natural_key", asked, '"ClientID" or {"Client": "ClientID"}')
    of_all = asked if is_name else None
    keys: dict[str, NaturalKey] = {}
    problems: dict[str, str] = {
        name: f"no entry is of the type {name!r}" for name in by_type if all(item.portal_type != name for item in items)
    }
    for name in dict.fromkeys(item.portal_type for item in items):
        declared, named = registry.types.get(name), of_all or by_type.get(name)
        if declared is None or named is None:
            continue
        key = asked_key(declared, named) if isinstance(named, str) else "a text is expected"
        if isinstance(key, str):
            problems[name] = key
        else:
            keys[name] = key
    if problems:
        causes = [Cause("parameter", "natural_key", f"natural_key: {text}.") for text in problems.values()]
        raise BadRequest(joined_messages(cause.message for cause in causes), causes=causes)
    return [replace(item, key=keys.get(item.portal_type)) for item in items]


def items_of(values: list[object], registry: Registry) -> list[CreateItem]:
    """The items that entries mean. Raises BadRequest that names every wrong entry."""
    problems: list[Cause] = []
    items = []
    for number, entry in enumerate(values):
        read = _item(entry, registry) if isinstance(entry, dict) else "an object is expected"
        if isinstance(read, CreateItem):
            items.append(read)
        else:
            text = f"input_values, entry {number}: {read}."
            problems.append(Cause("object", f"entry {number}", text, index=number))
    if problems:
        raise BadRequest(joined_messages(problem.message for problem in problems), causes=problems)
    return items


def _item(entry: Mapping[str, object], registry: Registry) -> CreateItem | str:
    """The item of an entry, or what is wrong with it."""
    portal_type, given_ids = entry.get("obj_type"), [entry[key] for key in ("obj_id", "id") if entry.get(key)]
    declared = registry.types.get(portal_type) if isinstance(portal_type, str) else None
    has_field = declared is not None and "fields" in {**declared.fields, **declared.create_parameters}
    nested = {} if has_field else entry.get("fields", {})
    own = {name: value for name, value in entry.items() if name not in _KEYS or (name == "fields" and has_field)}
    container = _container(entry)
    if not isinstance(portal_type, str) or not portal_type.strip():
        return "obj_type is expected, as text"
    if isinstance(container, str):
        return container
    if any(not isinstance(given, str | int) or isinstance(given, bool) or given != given_ids[0] for given in given_ids):
        return "obj_id is expected once, as text"
    if ITEM_KEY in entry and item_name({ITEM_KEY: entry[ITEM_KEY]}) is None:
        return f"{ITEM_KEY} is the entry's own name and must be a text"
    if not isinstance(nested, dict):
        return "fields must be an object of fields and their values"
    twice = sorted(nested.keys() & own.keys())
    if twice:
        return f"{', '.join(twice)} stands in the entry and in its fields; send it once"
    given_id = str(given_ids[0]) if given_ids else None
    return CreateItem(portal_type, container, {**own, **nested}, given_id, item_name({ITEM_KEY: entry.get(ITEM_KEY)}))


def _container(entry: Mapping[str, object]) -> Selector | ByItem | str | None:
    """What an entry names as its container, or what is wrong with it."""
    match [(key, entry[key]) for key in ("obj_path", "obj_uid") if entry.get(key)]:
        case []:
            return None
        case [("obj_path", str(path))]:
            return ByPath(path)
        case [("obj_uid", str(uid))]:
            return ByUid(uid)
        case [("obj_path", dict() as record)] if (name := item_name(record)) is not None:
            return ByItem(name)
    return f'either obj_path or obj_uid is expected, as text, or obj_path as {{"{ITEM_KEY}": "name of an entry"}}'


def _described(entry: Entry, url: str, *, undone: bool = False) -> Json:
    failed = undone or entry.error is not None
    described: dict[str, object] = {"url": url, "success": not failed, "error": failed}
    if isinstance(entry.selector, ByItem) and entry.selector.name:
        described[ITEM_KEY] = entry.selector.name
    if not failed:
        return {**described, "obj_id": entry.id, "obj_uid": entry.uid, "path": entry.path, **entry.extra_ids}
    if entry.error is not None:
        return described | described_error(entry.error)
    return described | {"message": "Nothing was created, since other entries of the request failed."}


def described_failures(error: ApiError, url: str) -> Json:
    """The `objects` of a failed `create_many`, with the error of each entry, if the entries were looked at."""
    listed = listed_failures(error)
    return {"objects": [_described(entry, url, undone=True) for entry in listed]} if listed else {}


CREATE_MANY: Final = (
    Method(
        name="create_many",
        access=API,
        needs=(Need.ADD, Need.CHANGE),
        controls=(
            Control(
                "input_values",
                "structure",
                about="A list of records, each with obj_type, obj_path or obj_uid, obj_id and the fields of an object.",
                required=True,
                shape=RECORDS,
            ),
            NATURAL_KEY,
            PARTIAL,
            DRY_RUN,
        ),
        answer={"objects": RECORDS},
        writing_verbs=GET_AND_POST,
        run=create_many,
        more_on_failure=described_failures,
    ),
)
