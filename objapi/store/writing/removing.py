"""Removing objects with all they contain: rights, states and referrers are asked first."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Row, select

from objapi.errors import ApiError, Cause, Forbidden, ReferenceInUse, ValidationError
from objapi.store.permissions.acls import VIEW
from objapi.store.records import chunks
from objapi.store.schema import refs
from objapi.store.writing.batch_attempt import BatchAttempt
from objapi.store.writing.draft import Draft
from objapi.store.writing.field_rules import failed_checks, not_removable, not_writable
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.row_checks import read_only_errors
from objapi.store.writing.workspace import uids_in

LISTED = 20


def plan_removal(attempt: BatchAttempt, targets: Mapping[int, Draft], *, break_references: bool) -> None:
    """Plan the removal of the targets and of everything in them."""
    planner = attempt.planner
    below = planner.workspace.load_tree(targets.values())
    doomed = {draft.rid: draft for draft in (*targets.values(), *below)}
    for place, target in targets.items():
        tree = [target, *planner.workspace.load_tree([target])]
        rows = (draft for draft in tree if draft.type.table is not None)
        attempt.fail(place, *not_removable(planner, tree), *read_only_errors(rows))
        attempt.drafts[place] = target
    if attempt.errors:
        return
    # Rights and states are checked before referrers: to name these to somebody who may not remove would tell too much.
    referrers = _referrers(planner, doomed)
    blocking = [
        (source, name, uid) for source, name, uid in referrers if not (break_references and _optional(source, name))
    ]
    if blocking:
        attempt.fail(next(iter(targets)), _in_use(planner, blocking))
        return
    # To clear a reference is to write it: what its object, its state and its checks do not allow stops the removal.
    first = next(iter(targets))
    attempt.fail(first, *_not_clearable(planner, referrers))
    if attempt.errors:
        return
    attempt.guarded(first, partial(_clear, planner, referrers))
    causes = [cause for source, name in _fields(referrers) for cause in failed_checks(planner, source, [name])]
    if causes:
        attempt.fail(first, ValidationError.from_causes(causes))
    for place, target in targets.items():
        if not target.removed:
            attempt.guarded(place, partial(planner.remove, target, system=True))


def _referrers(planner: StorePlanner, doomed: Mapping[int, Draft]) -> list[tuple[Draft, str, str]]:
    """The objects outside that refer to something inside: (referrer, field, UID referred to)."""
    found: list[Row[Any, Any, Any]] = []
    for chunk in chunks(rid for rid in doomed if rid > 0):
        statement = select(refs.c.source, refs.c.field, refs.c.target).where(refs.c.target.in_(chunk))
        found.extend(row for row in planner.workspace.connection.execute(statement) if row.source not in doomed)
    planner.workspace.load_rids(row.source for row in found)
    stored = [(planner.workspace.by_rid[row.source], row.field, doomed[row.target].uid) for row in found]
    return stored + _referring_rows(planner, doomed)


def _referring_rows(planner: StorePlanner, doomed: Mapping[int, Draft]) -> list[tuple[Draft, str, str]]:
    """The rows of tables, outside, that refer to a row inside; a statement for each foreign key that leads there."""
    rows, workspace = planner.workspace.rows, planner.workspace
    types = {draft.portal_type for draft in doomed.values() if draft.type.table is not None}
    # One statement for each foreign key, not for each row: negative numbers are those of rows.
    found = [
        (source, field.name, target)
        for portal_type in (rows.names.tables if types else ())
        for field in planner.registry.types[portal_type].fields.values()
        if types.intersection(field.targets) and field.alias_of is None
        for source, target in rows.users_of([rid for rid in doomed if rid < 0], portal_type, field.name)
        if source not in doomed
    ]
    workspace.load_rids(source for source, _, _ in found)
    return [(workspace.by_rid[source], name, doomed[target].uid) for source, name, target in found if target in doomed]


def _fields(referrers: Sequence[tuple[Draft, str, str]]) -> list[tuple[Draft, str]]:
    """The referring fields, each once, without those that the gateway alone writes."""
    fields = dict.fromkeys((source, name) for source, name, _ in referrers)
    return [
        (source, name) for source, name in fields if name in source.type.fields and not source.type.fields[name].system
    ]


def _not_clearable(planner: StorePlanner, referrers: Sequence[tuple[Draft, str, str]]) -> list[ApiError]:
    """Refusals to clear references; objects that the user may not see are not named."""
    refused = [(source, not_writable(planner, source, [name])) for source, name in _fields(referrers)]
    errors = [error for source, found in refused if planner.can(source, VIEW) for error in found]
    if any(found and not planner.can(source, VIEW) for source, found in refused):
        errors.append(Forbidden("Objects that you may not see refer to what should be removed."))
    return errors


def _clear(planner: StorePlanner, referrers: Sequence[tuple[Draft, str, str]]) -> None:
    for source, name, uid in referrers:
        value = source.data.get(name)
        left = [other for other in uids_in(value) if other != uid]
        planner.write(source, name, left if isinstance(value, list) else None)


def _optional(source: Draft, name: str) -> bool:
    field = source.type.fields.get(name)
    return field is None or not field.required


def _in_use(planner: StorePlanner, blocking: Sequence[tuple[Draft, str, str]]) -> ReferenceInUse:
    """The refusal, naming and counting the referrers that the user may see; of others it says no more than that."""
    seen = [(source, name) for source, name, _ in blocking if planner.rights.may(VIEW, source.acl, source.scope)]
    causes = [
        Cause("object", source.path, f"{source.path} refers to it by its field {name}.", code="refers")
        for source, name in seen[:LISTED]
    ]
    if not causes:
        return ReferenceInUse("Objects that you may not see refer to what should be removed.")
    more = f" (and {len(seen) - LISTED} more)" if len(seen) > LISTED else ""
    names = ", ".join(dict.fromkeys(cause.name for cause in causes))
    return ReferenceInUse(
        f"Other objects refer to what should be removed: {names}{more}. Change them first, or send break_references=1 "
        "to clear references that are optional.",
        causes=causes,
    )
