"""Removing objects with all they contain: rights, states and referrers are asked first."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any, Final

import orjson
from sqlalchemy import Row, select

from objapi.errors import ApiError, Cause, Conflict, Forbidden, ReferenceInUse, ValidationError
from objapi.store.permissions.acls import VIEW
from objapi.store.records import chunks
from objapi.store.schema import refs
from objapi.store.writing.batch_attempt import BatchAttempt
from objapi.store.writing.draft import Draft
from objapi.store.writing.field_rules import failed_checks, not_removable, not_writable
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.row_checks import read_only_errors
from objapi.store.writing.workspace import uids_in
from objapi.store.writing.write_set import WriteSet
from workflows import StepOrigin
from workflows.cascades import REMOVED

LISTED = 20


PLAN_FORMAT: Final = b"objapi removal 2\n"
"""Domain and version before what is digested, so that no other document of the gateway has the same digest."""


@dataclass(frozen=True, slots=True)
class Removal:
    """Options of a removal; `plan_hash` is that of an earlier plan, which must still be the same."""

    break_references: bool = False
    plan_hash: str | None = None

    def confirmed(self, planner: StorePlanner, write_set: WriteSet) -> str:
        """The digest of a planned removal. Raises Conflict when it is not the expected one."""
        digest = _digest(planner, write_set)
        if self.plan_hash not in (None, digest):
            message = (
                "plan_hash: what would be removed, or what that changes, is not what it was in the dry run that gave "
                "this hash, or that was another user's or another site's. Nothing was removed: ask again with "
                "dry_run=1, and send its plan_hash."
            )
            raise Conflict(message, causes=[Cause("parameter", "plan_hash", message, code="plan")])
        return digest


def _digest(planner: StorePlanner, write_set: WriteSet) -> str:
    """SHA-256 in hexadecimal over user, UIDs and versions of what is removed and changed, as canonical JSON.

    With those of the objects on which fields of these are stored: such a change raises their version alone.
    """
    planned = (*write_set.removed, *write_set.changed)
    document = {
        "site": planner.context.site.site_id,
        "user": planner.user_id,
        "removed": sorted([draft.uid, str(draft.stored_version)] for draft in write_set.removed),
        "changed": sorted([draft.uid, str(draft.stored_version)] for draft in write_set.changed),
        "holding": sorted([draft.uid, str(draft.stored_version)] for draft in _holders(planner, planned)),
    }
    return sha256(PLAN_FORMAT + orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _holders(planner: StorePlanner, drafts: Iterable[Draft]) -> Iterator[Draft]:
    """The objects on which fields of some others are stored, as they referred to them before the request."""
    workspace = planner.workspace
    uids: dict[str, None] = {}
    for draft in drafts:
        for name in {field.stored_on for field in draft.type.fields.values() if field.stored_on is not None}:
            uids.update(dict.fromkeys(uids_in(draft.changed.get(name, draft.data.get(name)))))
    workspace.load_uids(uids)
    return (workspace.by_uid[uid] for uid in uids if uid in workspace.by_uid)


Reference = tuple[Draft, str, str]
"""Referrer, field, and the UID referred to."""


def plan_removal(attempt: BatchAttempt, targets: Mapping[int, Draft], *, break_references: bool) -> None:
    """Plan the removal of the targets and of everything in them; nothing of it when one of them cannot be removed."""
    planner = attempt.planner
    planner.workspace.load_tree(targets.values())
    trees = {place: [target, *planner.workspace.load_tree([target])] for place, target in targets.items()}
    for place, tree in trees.items():
        rows = (draft for draft in tree if draft.type.table is not None)
        attempt.fail(place, *not_removable(planner, tree), *read_only_errors(rows))
        attempt.drafts[place] = tree[0]
    # Rights and states are checked before referrers: to name these to somebody who may not remove would tell too much.
    left = {place: tree for place, tree in trees.items() if place not in attempt.errors}
    clearable = _fail_what_is_referred_to(attempt, left, break_references=break_references)
    for place, references in clearable.items():
        # To clear a reference is to write it: what its object, its state and its checks do not allow stops the removal.
        attempt.fail(place, *_not_clearable(planner, references))
    if attempt.errors:
        return
    for place, references in clearable.items():
        attempt.guarded(place, partial(_clear, planner, references))
        causes = [cause for source, name in _fields(references) for cause in failed_checks(planner, source, [name])]
        if causes:
            attempt.fail(place, ValidationError.from_causes(causes))
    for place, target in targets.items():
        if not target.removed:
            attempt.guarded(place, partial(planner.remove, target, system=True))


def _fail_what_is_referred_to(
    attempt: BatchAttempt, trees: Mapping[int, Sequence[Draft]], *, break_references: bool
) -> dict[int, list[Reference]]:
    """Fail the items to which something refers that stays; of the others, the references to clear.

    What refers to an item, and stays because something else refers to it, makes that item stay, too: along a chain
    of any length, so that a partial request need not be planned once for each of its links.
    """
    left = dict(trees)
    by_place: dict[int, list[Reference]] = {}
    places: dict[str, list[int]] = {}
    for place, tree in trees.items():
        for draft in tree:
            places.setdefault(draft.uid, []).append(place)
    for reference in referrers_of(attempt.planner, {draft.rid: draft for tree in trees.values() for draft in tree}):
        for place in places[reference[2]]:
            by_place.setdefault(place, []).append(reference)
    while True:
        doomed = {draft.rid for tree in left.values() for draft in tree}
        outside = {
            place: [reference for reference in by_place.get(place, ()) if reference[0].rid not in doomed]
            for place in left
        }
        failed = set()
        for place, references in outside.items():
            blocking = [item for item in references if not (break_references and _optional(item[0], item[1]))]
            if blocking:
                attempt.fail(place, in_use(attempt.planner, blocking, "or " + _CLEAR))
                failed.add(place)
        if not failed:
            return {place: references for place, references in outside.items() if references}
        left = {place: tree for place, tree in left.items() if place not in failed}


def referrers_of(planner: StorePlanner, doomed: Mapping[int, Draft]) -> list[Reference]:
    """The references to something inside, those from inside as well."""
    found: list[Row[Any, Any, Any]] = []
    for chunk in chunks(rid for rid in doomed if rid > 0):
        statement = select(refs.c.source, refs.c.field, refs.c.target).where(refs.c.target.in_(chunk))
        found.extend(planner.workspace.connection.execute(statement))
    planner.workspace.load_rids(row.source for row in found)
    stored = [(planner.workspace.by_rid[row.source], row.field, doomed[row.target].uid) for row in found]
    return stored + _referring_rows(planner, doomed)


def _referring_rows(planner: StorePlanner, doomed: Mapping[int, Draft]) -> list[Reference]:
    """The rows of tables that refer to a row inside; a statement for each foreign key that leads there."""
    rows, workspace = planner.workspace.rows, planner.workspace
    types = {draft.portal_type for draft in doomed.values() if draft.type.table is not None}
    # One statement for each foreign key, not for each row: negative numbers are those of rows.
    found = [
        (source, field.name, target)
        for portal_type in (rows.names.tables if types else ())
        for field in planner.registry.types[portal_type].fields.values()
        if types.intersection(field.targets) and field.alias_of is None
        for source, target in rows.users_of([rid for rid in doomed if rid < 0], portal_type, field.name)
    ]
    workspace.load_rids(source for source, _, _ in found)
    return [(workspace.by_rid[source], name, doomed[target].uid) for source, name, target in found if target in doomed]


def _fields(referrers: Sequence[Reference]) -> list[tuple[Draft, str]]:
    """The referring fields, each once, without those that the gateway alone writes."""
    fields = dict.fromkeys((source, name) for source, name, _ in referrers)
    return [
        (source, name) for source, name in fields if name in source.type.fields and not source.type.fields[name].system
    ]


def _not_clearable(planner: StorePlanner, referrers: Sequence[Reference]) -> list[ApiError]:
    """Refusals to clear references; objects that the user may not see are not named."""
    refused = [(source, not_writable(planner, source, [name])) for source, name in _fields(referrers)]
    errors = [error for source, found in refused if planner.can(source, VIEW) for error in found]
    if any(found and not planner.can(source, VIEW) for source, found in refused):
        errors.append(Forbidden("Objects that you may not see refer to what should be removed."))
    return errors


def _clear(planner: StorePlanner, referrers: Sequence[Reference]) -> None:
    for source, name, uid in referrers:
        value = source.data.get(name)
        left = [other for other in uids_in(value) if other != uid]
        with planner.run.following(StepOrigin("effect", planner.workspace.by_uid[uid], event=REMOVED)):
            planner.write(source, name, left if isinstance(value, list) else None)


def _optional(source: Draft, name: str) -> bool:
    field = source.type.fields.get(name)
    return field is None or not field.required


_CLEAR: Final = "send break_references=1 to clear references that are optional"


def in_use(planner: StorePlanner, blocking: Sequence[Reference], otherwise: str = "") -> ReferenceInUse:
    """The refusal, naming and counting the referrers that the user may see; of others it says no more than that.

    `otherwise`: what may be done in place of changing them.
    """
    seen = [(source, name) for source, name, _ in blocking if planner.rights.may(VIEW, source.acl, source.scope)]
    causes = [
        Cause("object", source.path, f"{source.path} refers to it by its field {name}.", code="refers")
        for source, name in seen[:LISTED]
    ]
    if not causes:
        return ReferenceInUse("Objects that you may not see refer to what should be removed.")
    more = f" (and {len(seen) - LISTED} more)" if len(seen) > LISTED else ""
    names = ", ".join(dict.fromkeys(cause.name for cause in causes))
    remedy = f"Change them first{f', {otherwise}' if otherwise else ''}."
    return ReferenceInUse(f"Other objects refer to what should be removed: {names}{more}. {remedy}", causes=causes)
