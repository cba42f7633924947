"""Mapped tables of a site, shared by all its requests: names, databases, layouts, default rights."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import tzinfo

from sqlalchemy import Connection, select

from objapi.model.paths import Path, Target
from objapi.model.registry import Registry
from objapi.model.types import EntityType
from objapi.store.mapped.columns import ColumnConversion
from objapi.store.mapped.databases import Connections, DatabasePlace
from objapi.store.mapped.layouts import Layout, learn_layout
from objapi.store.mapped.names import RowNames
from objapi.store.mapped.tables import RowTables
from objapi.store.permissions.acls import Acl, PermissionOverrides, derive, root_acl
from objapi.store.schema import entities
from workflows import PermissionSetting, Workflow


class RowSite:
    """The tables of a site; safe between threads."""

    def __init__(
        self,
        registry: Registry,
        site_id: str,
        zone: tzinfo,
        places: Mapping[str, DatabasePlace],
        *,
        separate_logins: frozenset[str] = frozenset(),
    ) -> None:
        self.registry = registry
        self.names = RowNames(registry, site_id)
        self.places = places
        self.separate_logins = separate_logins
        """The databases in which a user of the gateway is not the person of the same login."""
        self.conversion = ColumnConversion(self.names, zone)
        self.site_acl = derive(root_acl(registry.roles), PermissionOverrides(registry.roles.by_path.get("/", {})))
        """ACL of the site for rows, which are in no container."""
        self.many: set[tuple[str, Path, frozenset[str]]] = set()
        """Paths of row rules by which so many rows are open to a group that each row is tested by itself."""
        self._root = f"/{site_id}"
        self._root_scope: int | None = None
        self._lock = threading.Lock()
        self._tables: dict[str, RowTables] = {}
        self._settings = {name: first_overrides(registry, registry.types[name]) for name in self.names.tables}
        self._acls = {name: derive(self.site_acl, settings) for name, settings in self._settings.items()}

    def default_overrides(self, portal_type: str) -> PermissionOverrides:
        """Permission overrides of a row for which the gateway stores no state."""
        return self._settings[portal_type]

    def default_acl(self, portal_type: str) -> Acl:
        """ACL of a row for which the gateway stores no state."""
        return self._acls[portal_type]

    def has_workflow_states(self, portal_type: str) -> bool:
        """True when the gateway stores workflow states for rows of a type."""
        return bool(self.registry.types[portal_type].workflows)

    def tables(self, portal_type: str, connections: Connections) -> RowTables:
        """The table of a type as a catalog. Raises MissingTable."""
        found = self._tables.get(portal_type)
        if found is not None:
            return found
        entity_type = self.registry.types[portal_type]
        mapping = self.names.tables[portal_type]
        layout = learn_layout(connections.of(mapping.database), entity_type, self.places[mapping.database].schema)
        catalog = self.registry.catalogs[entity_type.catalogs[0]]
        made = RowTables(catalog, layout, self.conversion, self.registry.chain(portal_type))
        with self._lock:
            return self._tables.setdefault(portal_type, made)

    def layout(self, portal_type: str, connections: Connections) -> Layout:
        """Layout of the table of a type. Raises MissingTable."""
        return self.tables(portal_type, connections).layout

    def own_paths(self, database: str, viewer: str | None) -> frozenset[tuple[str, Path]]:
        """First steps back of the rules of a database with a viewer, on the way to the user's own: type and path."""
        rules = {
            (replace(item.rows, by=()), item.rows.portal_type)
            for item in self.names.tables.values()
            if item.database == database and item.rows is not None and item.rows.viewer == viewer
        }
        found = set()
        for rule, portal_type in rules:
            for path in rule.own:
                place, steps = portal_type, path.steps
                while steps and isinstance(steps[0], Target):
                    place, steps = self.registry.types[place].fields[steps[0].field].targets[0], steps[1:]
                if steps:
                    found.add((place, Path(steps, path.attribute)))
        return frozenset(found)

    def root_scope(self, connection: Connection) -> int:
        """The scope of local roles that rows belong to: the site's root."""
        if self._root_scope is None:
            self._root_scope = connection.scalar(select(entities.c.scope).where(entities.c.path == self._root)) or None
        return self._root_scope or 0


def first_overrides(registry: Registry, entity_type: EntityType) -> PermissionOverrides:
    """The permissions of the initial states, and those of the type over them, as a new object gets them."""
    permissions: dict[str, PermissionSetting] = {}
    groups: dict[str, frozenset[str]] = {}
    for workflow in registry.chain(entity_type.portal_type):
        enter_state(workflow, workflow.initial_state, permissions, groups)
    return PermissionOverrides({**permissions, **entity_type.permissions}, groups)


def enter_state(
    workflow: Workflow,
    state_id: str,
    permissions: dict[str, PermissionSetting],
    groups: dict[str, frozenset[str]],
) -> None:
    """Lay over the permissions of an object what a state of one of its workflows sets."""
    state = workflow.states[state_id]
    for name in workflow.managed_permissions:
        setting = state.permissions.get(name)
        if setting is None:
            permissions.pop(name, None)
        else:
            permissions[name] = setting
    for group, roles in state.group_roles.items():
        groups[group] = groups.get(group, frozenset()) | frozenset(roles)
