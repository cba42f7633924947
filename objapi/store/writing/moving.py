"""Moving and renaming objects with all they contain: rights, states and links are asked first."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from objapi.errors import ApiError, BadRequest, Cause, ValidationError
from objapi.model.types import IdKind
from objapi.store.requests import MoveItem
from objapi.store.writing.batch_attempt import BatchAttempt
from objapi.store.writing.draft import Draft
from objapi.store.writing.field_rules import failed_checks, leans_on_out_of_use, not_addable, not_removable
from objapi.store.writing.naming import require_short
from objapi.store.writing.placing import containers_of, refuse_repetitions, require_few, within
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.removing import referrers_of
from objapi.store.writing.resolve import Resolver

_Broken: TypeAlias = tuple[Draft, str, Draft, Cause]
"""An object, its reference field, the moved object that makes the reference wrong, and the reason."""


def plan_moves(attempt: BatchAttempt, items: Mapping[int, MoveItem], resolver: Resolver) -> None:
    """Plan that objects get the containers and ids asked for."""
    planner = attempt.planner
    targets = attempt.targets(resolver, {place: item.target for place, item in items.items()})
    attempt.drafts.update(targets)
    named = {place: items[place].container for place in targets if items[place].container is not None}
    containers = containers_of(attempt, resolver, {place: item for place, item in named.items() if item is not None})
    laid_out = laid_out_paths(planner)
    for place, draft in targets.items():
        parent = planner.workspace.parent(draft)
        if items[place].container is None and parent is not None:
            containers[place] = parent
        attempt.fail(place, *unmovable(draft, laid_out))
    refuse_repetitions(attempt, targets)
    ready = {place: draft for place, draft in targets.items() if place in containers and place not in attempt.errors}
    require_few(planner, ready.values())
    planner.workspace.load_tree(ready.values())
    for place, draft in ready.items():
        attempt.fail(place, *_not_movable(planner, draft, containers[place], items[place]))
    ready = {place: draft for place, draft in ready.items() if place not in attempt.errors}
    moving = [draft for place, draft in ready.items() if containers[place].rid != draft.parent_rid]
    before = _broken_links(planner, moving)
    for place, draft in ready.items():
        attempt.guarded(place, partial(_move, planner, draft, containers[place], items[place].id))
    places = {draft.rid: place for place, draft in ready.items()}
    _note_broken(attempt, places, moving, before)
    attempt.refuse_taken(places)


def laid_out_paths(planner: StorePlanner) -> frozenset[str]:
    """The paths of the objects that the site is made with."""
    return frozenset(planner.context.full_path(str(entry["path"])) for entry in planner.registry.layout)


def unmovable(draft: Draft, laid_out: Collection[str]) -> list[ApiError]:
    """The refusal of an object that stays where it is, whoever asks; an upgrade would lay it out once more."""
    if draft.type.table is not None:
        message = f"{draft.path} is a row of a table; it has no other place and keeps its key."
    elif draft.type.id_rule.kind is IdKind.FIXED or draft.path in laid_out:
        message = f"{draft.path} is part of the site's layout; it keeps its place and its id."
    elif not draft.type.movable:
        message = f"A {draft.portal_type} keeps its place and its id; {draft.path} is neither moved nor renamed."
    else:
        return []
    return [ValidationError(message, causes=[Cause("object", draft.path, message, code="not_movable")])]


def _not_movable(planner: StorePlanner, draft: Draft, container: Draft, item: MoveItem) -> list[ApiError]:
    """Refusals of one move: into itself, against rights, states or the rule of containers."""
    if container is draft or container.path.startswith(f"{draft.path}/"):
        return [
            BadRequest.of_parameter("target_path", f"{draft.path} cannot be moved into itself or what it contains.")
        ]
    tree = [draft, *planner.workspace.load_tree([draft])]
    errors = not_removable(planner, tree, "move")
    errors += not_addable(planner, draft.type, container, "target_path")
    by_field = draft.type.container_from
    if by_field is not None and container.rid != draft.parent_rid:
        named = planner.values.value(draft, by_field)
        if named != container.uid:
            message = f"{draft.path} lies in what its field {by_field} names, which is not {container.path}."
            errors.append(ValidationError(message, causes=[Cause("field", by_field, message, object=draft.path)]))
    return errors


def _move(planner: StorePlanner, draft: Draft, container: Draft, wanted: str | None) -> None:
    new_id = planner.naming.relocated(draft, container, wanted)
    if container.rid == draft.parent_rid and new_id == draft.id:
        return
    if within(container, draft):
        # An earlier item of the request has put the container in there.
        raise BadRequest.of_parameter("target_path", f"{draft.path} is not moved into itself or what it contains.")
    planner.relocate(draft, container, new_id)
    planner.naming.count(draft)
    for item in (draft, *planner.workspace.load_tree([draft])):
        require_short(item.path, "target_path")


def _note_broken(
    attempt: BatchAttempt, places: Mapping[int, int], moving: Sequence[Draft], before: Iterable[_Broken]
) -> None:
    """Fail the moves after which a link is wrong that was right before, or that lead into what is out of use."""
    planner, known = attempt.planner, {(draft, name, cause.code) for draft, name, _, cause in before}
    for draft, name, top, cause in _broken_links(planner, moving):
        if (draft, name, cause.code) not in known:
            told = replace(cause, message=f"Were {top.stored_path} at {top.path}: {cause.message}")
            attempt.fail(places[top.rid], ValidationError.from_causes([told]))
    for draft in moving:
        leaning = leans_on_out_of_use(planner, draft)
        if leaning:
            attempt.fail(places[draft.rid], ValidationError.from_causes(leaning))


def _broken_links(planner: StorePlanner, moving: Sequence[Draft]) -> list[_Broken]:
    """Causes that the checks of reference fields give, in what is moved and in what refers to it from outside.

    A check may ask in which container an object lies, so that a link can be wrong though nobody has written it.
    """
    if not moving:
        return []
    workspace = planner.workspace
    inside = {item.rid: item for top in moving for item in (top, *workspace.load_tree([top]))}
    top_of = {item.uid: top for top in moving for item in (top, *workspace.load_tree([top]))}
    with workspace.without_locks():
        links = {
            (draft, field.name): top_of[draft.uid]
            for draft in inside.values()
            for field in draft.type.fields.values()
            if field.checks and field.targets
        }
        for source, name, uid in referrers_of(planner, inside):
            links.setdefault((source, name), top_of[uid])
        return [
            (draft, name, top, cause)
            for (draft, name), top in links.items()
            for cause in failed_checks(planner, draft, [name])
        ]
