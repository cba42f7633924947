"""The roles that hold each permission, by type and state, computed from the declarations alone. Pure.

Permissions that an object acquires are those of its container. Objects of a type that lie in several kinds of places
are told apart by these where it makes a difference; containers and other workflows are taken to be in their first
states.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from objapi.model.registry import Registry
from objapi.model.types import EntityType, Field, IdKind
from objapi.security.grant_rules import MANAGER
from objapi.security.needs import ON_SITE, Need
from objapi.store.mapped.row_site import enter_state, first_overrides
from objapi.store.permissions.acls import VIEW, Acl, PermissionOverrides, derive, digest_of, root_acl
from objapi.store.permissions.rights import FieldAccess
from objapi.store.writing.field_rules import DELETE, MODIFY
from workflows import PermissionSetting, Transition, Workflow

_NO_SETTINGS: Final[Mapping[str, PermissionSetting]] = {}


@dataclass(frozen=True, slots=True)
class RoleRow:
    """One right, and the roles that have it."""

    need: Need
    permission: str
    """Empty: none is asked for, but what `also` says."""
    roles: tuple[str, ...]
    """Roles, then groups that have such a role in this state, as `group:NAME`."""
    portal_type: str = ""
    of: str = ""
    """The fields or the transition that the right is about; empty: the object, and fields without a permission."""
    inside: str = ""
    """The place of the objects, a type or a path, where the roles depend on it."""
    state: str = ""
    """Variable and state; empty: whatever the state."""
    also: str = ""
    """What is asked for beside the permission."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where objects of a type lie: the acl of their container, and what is written onto them there."""

    labels: tuple[str, ...]
    container: Acl
    extra: Mapping[str, PermissionSetting] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _InState:
    """Objects of a type at one place, in one state."""

    labels: tuple[str, ...]
    state: str
    acl: Acl


_Move = tuple[Workflow, str]
"""A state of a workflow that an object has entered."""


class RoleTable:
    """The rows of a site's declarations."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._fields = FieldAccess(registry)
        self._order = {name: place for place, name in enumerate(registry.roles.roles)}
        self._root = derive(
            root_acl(registry.roles), PermissionOverrides(registry.roles.by_path.get("/", _NO_SETTINGS))
        )
        self._places = _find_places(registry, self._root)
        self._acls: dict[tuple[int, bytes], Acl] = {}

    def on_site(self, permission: str) -> tuple[str, ...]:
        """The roles that hold a permission on the site's root."""
        return self._holders(self._root, permission)

    def rows(self, need: Need) -> Iterator[RoleRow]:
        """The rows of one right, by type, then what it is of, then state."""
        match need:
            case Need.NOTHING:
                return
            case Need.STAFF:
                yield RoleRow(need, "", tuple(sorted(self._registry.roles.staff_roles, key=self._place_of)))
            case _ if need in ON_SITE:
                yield RoleRow(need, ON_SITE[need], self.on_site(ON_SITE[need]))
            case _:
                for entity_type in self._registry.types.values():
                    yield from self._rows_of_type(need, entity_type)

    def _rows_of_type(self, need: Need, entity_type: EntityType) -> Iterator[RoleRow]:
        match need:
            case Need.VIEW:
                yield from self._permission(need, entity_type, VIEW, also=_row_rule(entity_type))
                for permission, fields in _by_permission(_read_fields(self._fields, entity_type)):
                    yield from self._permission(need, entity_type, permission, of=fields)
            case Need.HISTORY:
                yield from self._permission(need, entity_type, self._registry.roles.history_permission)
            case Need.ADD:
                yield from self._adding(entity_type)
            case Need.CHANGE:
                yield from self._permission(need, entity_type, MODIFY, also=_row_rule(entity_type))
                for permission, fields in _by_permission(_written_fields(entity_type)):
                    yield from self._permission(need, entity_type, permission, of=fields)
            case Need.REMOVE:
                yield from self._removing(entity_type)
            case Need.TRANSITION:
                yield from self._transitions(entity_type)

    def _permission(
        self, need: Need, entity_type: EntityType, permission: str, *, of: str = "", also: str = ""
    ) -> Iterator[RoleRow]:
        found = [(item, self._holders(item.acl, permission)) for item in self._states(entity_type, permission)]
        for label, state, roles in _where_it_matters(found):
            yield RoleRow(need, permission, roles, entity_type.portal_type, of, label, state, also)

    def _adding(self, entity_type: EntityType) -> Iterator[RoleRow]:
        """To add is a right on the container, so place and state are its own."""
        name, permission = entity_type.portal_type, entity_type.add_permission
        if entity_type.table is not None:
            roles = self._holders(derive(self._root, first_overrides(self._registry, entity_type)), permission)
            yield RoleRow(Need.ADD, permission, roles, name)
            return
        for container in sorted(entity_type.containers):
            states = self._states(self._registry.types[container], permission)
            found = [(item, self._holders(item.acl, permission)) for item in states]
            for label, state, roles in _where_it_matters(found, within=container):
                yield RoleRow(Need.ADD, permission, roles, name, "", label or container, state)

    def _removing(self, entity_type: EntityType) -> Iterator[RoleRow]:
        kept = entity_type.keep_after
        found = []
        for item in self._states(entity_type, DELETE, also=tuple(kept)):
            states = dict(part.split(": ", 1) for part in item.state.split(", ") if part)
            stays = any(states.get(name, allowed[0]) not in allowed for name, allowed in kept.items())
            found.append((item, () if stays else self._holders(item.acl, DELETE)))
        for label, state, roles in _where_it_matters(found):
            also = "" if roles else "stays in this state"
            yield RoleRow(Need.REMOVE, DELETE, roles, entity_type.portal_type, "", label, state, also)

    def _transitions(self, entity_type: EntityType) -> Iterator[RoleRow]:
        for workflow in self._registry.chain(entity_type.portal_type):
            for state in workflow.states.values():
                for name in state.exits:
                    transition = workflow.transitions.get(name)
                    if transition is not None and not transition.automatic:
                        yield from self._transition(entity_type, workflow, state.id, transition)

    def _transition(
        self, entity_type: EntityType, workflow: Workflow, state: str, transition: Transition
    ) -> Iterator[RoleRow]:
        """The rows of a transition in one state, and in those of other workflows that set its permissions."""
        guard = transition.guard
        permissions = guard.permissions or (VIEW,)
        others = [item for item in self._telling(entity_type, permissions) if item is not workflow]
        found = []
        for label, moves in _moves(others):
            named = ", ".join(filter(None, (_name(workflow, state), label)))
            for item in self._in_states(entity_type, (*moves, (workflow, state)), named):
                roles = self._holders(item.acl, *permissions)
                bypass = workflow.manager_bypass and MANAGER not in roles
                found.append((item, (MANAGER, *roles) if bypass else roles))
        if len({(item.labels, roles) for item, roles in found}) == len({item.labels for item, _ in found}):
            found = [(replace(item, state=_name(workflow, state)), roles) for item, roles in found]
        asked, also = " or ".join(permissions), _also(transition)
        for label, told, roles in _where_it_matters(found, told=True):
            yield RoleRow(Need.TRANSITION, asked, roles, entity_type.portal_type, transition.id, label, told, also)

    def _states(self, entity_type: EntityType, permission: str, also: Sequence[str] = ()) -> list[_InState]:
        """The states on which a permission depends, at each place; those of no state where it depends on none."""
        return [
            found
            for label, moves in _moves(self._telling(entity_type, (permission,), also))
            for found in self._in_states(entity_type, moves, label)
        ]

    def _telling(self, entity_type: EntityType, permissions: Sequence[str], also: Sequence[str] = ()) -> list[Workflow]:
        """The workflows whose states set one of some permissions, or have one of some variables."""
        chain = self._registry.chain(entity_type.portal_type)
        return [
            item
            for item in chain
            if item.state_variable in also or any(_sets(item, permission) for permission in permissions)
        ]

    def _in_states(self, entity_type: EntityType, moves: Sequence[_Move], label: str) -> list[_InState]:
        """Objects of a type at each of its places that have entered some states, in this order."""
        first = first_overrides(self._registry, entity_type)
        permissions, groups = dict(first.permissions), dict(first.groups)
        for workflow, state in moves:
            if state != workflow.initial_state:
                enter_state(workflow, state, permissions, groups)
        settings = PermissionOverrides(permissions, groups)
        places = self._places.get(entity_type.portal_type, ())
        return [_InState(place.labels, label, self._derived(place, settings)) for place in places]

    def _derived(self, place: _Place, settings: PermissionOverrides) -> Acl:
        """The acl of an object at a place; many rows ask for the same."""
        key = id(place), settings.document()
        if key not in self._acls:
            self._acls[key] = _written(place, settings)
        return self._acls[key]

    def _holders(self, acl: Acl, *permissions: str) -> tuple[str, ...]:
        """The roles, and the groups, that hold one of some permissions."""
        wanted = frozenset[str]().union(*(acl.roles_with(name) for name in permissions))
        groups = sorted(f"group:{name}" for name, granted in acl.groups.items() if not wanted.isdisjoint(granted))
        return (*sorted(wanted, key=self._place_of), *groups)

    def _place_of(self, role: str) -> tuple[int, str]:
        return self._order.get(role, len(self._order)), role


_Container = tuple[str, str]
"""Objects of a type that have the same acl: the type, and the digest of the acl."""


def _find_places(registry: Registry, root: Acl) -> Mapping[str, Sequence[_Place]]:
    """The places at which objects of each type may lie, those told apart whose containers have different acls."""
    acls: dict[_Container, Acl] = {}
    origins: dict[_Container, dict[_Container | str, None]] = {}
    places: dict[str, dict[_Container | str, _Place]] = {name: {} for name in registry.types}
    first = {name: first_overrides(registry, item) for name, item in registry.types.items()}

    def add(portal_type: str, origin: _Container | str, place: _Place) -> Acl:
        """Note that objects of a type may lie at a place, in a container or at a path of the layout."""
        places[portal_type][origin] = place
        own = _written(place, first[portal_type])
        made = portal_type, digest_of(own)
        origins.setdefault(made, {})[origin] = None
        return acls.setdefault(made, own)

    on_root = registry.roles.by_path.get("/", _NO_SETTINGS)
    laid_out = {"": add(registry.root_type, "", _Place((), root_acl(registry.roles), on_root))}
    for item in registry.layout:
        path = str(item["path"])
        container = laid_out[path.rpartition("/")[0]]
        laid = _Place((path,), container, registry.roles.by_path.get(path, _NO_SETTINGS))
        laid_out[path] = add(str(item["portal_type"]), path, laid)
    for name, entity_type in registry.types.items():
        if entity_type.table is not None:
            places[name][""] = _Place((), root)
    # Others of a type that is laid out under a fixed id cannot be made.
    unique = {str(item["portal_type"]) for item in registry.layout}
    made = [item for item in registry.types.values() if item.table is None]
    made = [item for item in made if not (item.portal_type in unique and item.id_rule.kind is IdKind.FIXED)]
    known = 0
    while known < len(acls):
        # What was found may contain more of what is looked for.
        known = len(acls)
        for entity_type in made:
            for origin, acl in list(acls.items()):
                if origin[0] in entity_type.containers and origin not in places[entity_type.portal_type]:
                    add(entity_type.portal_type, origin, _Place((), acl))
    alone = Counter(name for name, _ in acls)

    def labels(origin: _Container | str, inside: tuple[_Container, ...] = ()) -> list[str]:
        """Names of a place: the type of the container, with where that lies when there are several sorts of it."""
        if isinstance(origin, str):
            return [origin] if origin else []
        if alone[origin[0]] == 1:
            return [origin[0]]
        found = []
        for outer in origins[origin]:
            # A folder may lie in one of its own sort.
            if outer not in inside:
                names = labels(outer, (*inside, origin))
                joined = "at" if isinstance(outer, str) else "in"
                found += [f"{origin[0]} {joined} {name}" for name in names]
        return found

    return {
        name: tuple(replace(place, labels=tuple(labels(origin))) for origin, place in found.items())
        for name, found in places.items()
    }


def _written(place: _Place, settings: PermissionOverrides) -> Acl:
    return derive(place.container, PermissionOverrides({**settings.permissions, **place.extra}, settings.groups))


def _where_it_matters(
    found: Sequence[tuple[_InState, tuple[str, ...]]], *, told: bool = False, within: str = ""
) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Place, state and roles, without what makes no difference; `told`: the state is told in any case.

    The place is that of objects of the type `within`, in which others lie.
    """
    states = told or len({(item.labels, roles) for item, roles in found}) > len({item.labels for item, _ in found})
    by_state: dict[str, dict[tuple[str, ...], set[str]]] = {}
    for item, roles in found:
        by_state.setdefault(item.state if states else "", {}).setdefault(roles, set()).update(item.labels)
    for state, by_roles in by_state.items():
        for roles, labels in by_roles.items():
            named = sorted(f"{within} in {name}" if within and name[:1] != "/" else name for name in labels)
            yield ", ".join(named) if len(by_roles) > 1 else "", state, roles


def _moves(workflows: Sequence[Workflow]) -> Iterator[tuple[str, tuple[_Move, ...]]]:
    """The first states of all workflows together, then each other state of one of them, with the name of what is told.

    Of an object that has left the first states of several, the state that it entered last counts.
    """
    yield ", ".join(_name(workflow, workflow.initial_state) for workflow in workflows), ()
    for workflow in workflows:
        for state in workflow.states:
            if state != workflow.initial_state:
                yield _name(workflow, state), ((workflow, state),)


def _sets(workflow: Workflow, permission: str) -> bool:
    """True when what a state of the workflow sets may change who holds a permission."""
    return permission in workflow.managed_permissions or any(state.group_roles for state in workflow.states.values())


def _name(workflow: Workflow, state: str) -> str:
    return f"{workflow.state_variable}: {state}"


def _by_permission(fields: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Permission → the fields that need it, as one text, in the order of the permissions."""
    found: dict[str, list[str]] = {}
    for name, permission in fields:
        found.setdefault(permission, []).append(name)
    return [(permission, ", ".join(names)) for permission, names in sorted(found.items())]


def _read_fields(fields: FieldAccess, entity_type: EntityType) -> Iterator[tuple[str, str]]:
    """Fields that are read with permissions of their own; one may need several, each of them."""
    for name, permissions in sorted(fields.by_type[entity_type.portal_type].items()):
        for permission in permissions:
            yield name, permission


def _written_fields(entity_type: EntityType) -> Iterator[tuple[str, str]]:
    """Fields that are written with permissions of their own."""
    for name, declared in sorted(entity_type.fields.items()):
        own: Field = entity_type.fields.get(declared.alias_of or "", declared)
        if own.system or own.path is not None or own.compute is not None:
            continue
        if own.write_permission is not None:
            yield name, own.write_permission
        if own.write_permission_by is not None:
            other, by_value = own.write_permission_by
            for value, permission in by_value.items():
                yield f"{name} where {other} is {value}", permission


def _row_rule(entity_type: EntityType) -> str:
    if entity_type.table is not None and entity_type.table.rows is not None:
        return f"rows that are one's own; with {entity_type.table.rows.all_with}, all"
    return ""


def _also(transition: Transition) -> str:
    """What a transition asks for beside the permissions of its guard."""
    guard, signature = transition.guard, transition.signature
    parts = [f"one of the roles {', '.join(guard.roles)}"] if guard.roles else []
    parts += [f"one of the groups {', '.join(guard.groups)}"] if guard.groups else []
    parts += [f"condition {call.name}" for call in (*guard.conditions, *transition.offered_if)]
    if signature is not None:
        parts.append(f"signature {signature.meaning}{', not by the author' if signature.not_the_author else ''}")
    return "; ".join(parts)
