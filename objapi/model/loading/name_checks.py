"""Checking that workflows name roles, groups and permissions that the profiles declare."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Final

from objapi.model.registry import Roles
from objapi.model.types import EntityType
from workflows import Guard, Workflow, usual_variables
from workflows.declarations import DeclarationProblem, Node, listed, suggestion
from workflows.definition import mapped_groups, mapped_permissions

OWN_PERMISSIONS: Final = frozenset({"View", "Modify portal content", "Add portal content", "Delete objects"})
"""Permissions that the gateway itself asks for; they need no declaration."""
_OF_USUAL_VARIABLES: Final = frozenset(name for item in usual_variables().values() for name in item.guard.permissions)
"""Permissions in the guards of the variables that a workflow has when it declares none."""


def known_permissions(roles: Roles, types: Iterable[EntityType] = ()) -> frozenset[str]:
    """The permissions that `roles.yaml` of the profiles and the types declare or ask for."""
    known = {*OWN_PERMISSIONS, *_OF_USUAL_VARIABLES, *roles.permissions, roles.api_permission, roles.history_permission}
    known.update(name for settings in roles.by_path.values() for name in settings)
    for item in types:
        known.update((item.add_permission, *item.permissions))
        for field in item.fields.values():
            by_value = field.write_permission_by[1].values() if field.write_permission_by else ()
            known.update(name for name in (field.read_permission, field.write_permission, *by_value) if name)
    return frozenset(known)


def check_workflow_names(
    workflows: Iterable[Workflow],
    nodes: Mapping[str, Node],
    roles: Roles,
    types: Iterable[EntityType],
    problems: list[DeclarationProblem],
) -> None:
    """Note roles and groups that are not declared, and permissions that nothing asks for or that look misspelt."""
    permissions = known_permissions(roles, types)
    every = list(workflows)
    # A permission that is declared nowhere belongs to Manager, and guards may well ask for one. Unless it is nearly the
    # name of another, which makes it a slip.
    asked = {name for item in every for guard in _guards(item).values() for name in guard.permissions}
    asked = {name for name in asked if not get_close_matches(name, permissions, cutoff=0.8)}
    known = {"role": frozenset(roles.roles), "group": frozenset(roles.groups), "permission": permissions | asked}
    for workflow in every:
        for place, what, name in _named(workflow):
            if name not in known[what]:
                message = f"there is no {what} {name!r}{suggestion(name, known[what])}"
                expected = f"a {what} of roles.yaml: {listed(sorted(known[what]), 24)}"
                node = nodes[workflow.id].nearest(place)
                problems.append(node.problem(f"{workflow.id}.{place}", message, expected))


def check_type_permissions(
    types: Iterable[EntityType], nodes: Mapping[str, Node], roles: Roles, problems: list[DeclarationProblem]
) -> None:
    """Note permissions of types and fields that are nearly the name of a declared one: a slip gives Manager alone."""
    declared = {*OWN_PERMISSIONS, *roles.permissions}
    for item in types:
        named = [("add_permission", item.add_permission), *((f"permissions.{name}", name) for name in item.permissions)]
        for field in item.fields.values():
            start = f"fields.{field.name}"
            named.append((f"{start}.read_permission", field.read_permission or ""))
            named.append((f"{start}.write_permission", field.write_permission or ""))
        for place, name in named:
            if name and name not in declared and get_close_matches(name, declared, n=1, cutoff=0.9):
                message = f"there is no permission {name!r}{suggestion(name, declared)}"
                node = nodes[item.portal_type].nearest(place)
                problems.append(node.problem(f"{item.portal_type}.{place}", message, "a permission of roles.yaml"))


def _named(workflow: Workflow) -> Iterator[tuple[str, str, str]]:
    """Place, kind and name of everything that a workflow names."""
    for place, guard in _guards(workflow).items():
        yield from _of_guard(place, guard)
    for state in workflow.states.values():
        start = f"states.{state.id}"
        for permission, setting in state.permissions.items():
            place = f"{start}.permissions.{permission}"
            yield place, "permission", permission
            yield from ((f"{place}.roles", "role", role) for role in setting.roles)
        for group, group_roles in state.group_roles.items():
            yield f"{start}.group_roles.{group}", "group", group
            yield from ((f"{start}.group_roles.{group}", "role", role) for role in group_roles)
    # Those that states map are named there.
    mapped = {*mapped_permissions(workflow.states), *mapped_groups(workflow.states)}
    yield from (("permissions", "permission", name) for name in workflow.managed_permissions if name not in mapped)
    yield from (("groups", "group", name) for name in workflow.managed_groups if name not in mapped)
    yield from (("managed_roles", "role", name) for name in workflow.group_managed_roles or ())


def _guards(workflow: Workflow) -> dict[str, Guard]:
    guards = {"creation_guard": workflow.creation_guard}
    guards |= {f"transitions.{name}.guard": item.guard for name, item in workflow.transitions.items()}
    guards |= {f"variables.{name}.guard": item.guard for name, item in workflow.variables.items()}
    return guards | {f"worklists.{name}.guard": item.guard for name, item in workflow.worklists.items()}


def _of_guard(place: str, guard: Guard) -> Iterator[tuple[str, str, str]]:
    yield from ((f"{place}.roles", "role", name) for name in guard.roles)
    yield from ((f"{place}.groups", "group", name) for name in guard.groups)
    yield from ((f"{place}.permissions", "permission", name) for name in guard.permissions)
