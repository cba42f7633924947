"""Whose rows are whose: the permissions and the declared rule of a type as SQL conditions."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from objapi.model.paths import Back, Path, Target
from objapi.model.types import RowRule
from objapi.store.mapped.databases import Connections
from objapi.store.mapped.layouts import Layout, packed
from objapi.store.mapped.row_site import RowSite
from objapi.store.mapped.schema import row_states
from objapi.store.permissions.acls import VIEW
from objapi.store.permissions.rights import Rights

Condition = sa.ColumnElement[bool]


class RowVisibility:
    """What one user may see of the rows of tables."""

    def __init__(self, site: RowSite, connections: Connections, rights: Rights) -> None:
        self._site = site
        self._connections = connections
        self._rights = rights

    @property
    def scope(self) -> int:
        """The scope of rows; asked for only where local roles could count."""
        return self._site.root_scope(self._connections.own) if self._rights.principal.local else 0

    def visible(self, portal_type: str, permissions: Iterable[str] = (VIEW,)) -> Condition | None:
        """The rows on which the user holds the permissions and that the rule lets him see; None: all of them."""
        if self._rights.principal.unrestricted:
            return None
        layout = self._site.layout(portal_type, self._connections)
        conditions = [self._permitted(portal_type, layout, permission) for permission in sorted(permissions)]
        conditions.append(self.own(portal_type))
        found = [condition for condition in conditions if condition is not None]
        return sa.and_(*found) if found else None

    def own(self, portal_type: str) -> Condition | None:
        """The rows that the rule of the type lets the user see; None: all of them."""
        rule = self._site.names.tables[portal_type].rows
        if rule is None or self._holds(portal_type, rule.all_with):
            return None
        return self._own(portal_type, rule)

    def _holds(self, portal_type: str, permission: str) -> bool:
        return self._rights.may(permission, self._site.default_acl(portal_type), self.scope)

    def _permitted(self, portal_type: str, layout: Layout, permission: str) -> Condition | None:
        """Rows on which a permission is held: by what all rows of the type have, or by what is kept beside one."""
        usually = self._holds(portal_type, permission)
        if not self._site.has_workflow_states(portal_type):
            return None if usually else sa.false()
        everywhere, scoped = self._rights.acls_with(permission)
        allowed = set(everywhere).union(*(acls for scopes, acls in scoped if self.scope in scopes))
        acl = row_states.c.acl.not_in(sorted(allowed)) if usually else row_states.c.acl.in_(sorted(allowed))
        kept = sa.select(row_states.c.row_key).where(row_states.c.portal_type == portal_type, acl)
        keys: Any = kept
        if self._connections.is_foreign(self._site.names.tables[portal_type].database):
            keys = list(self._connections.own.scalars(kept))
        return layout.packed.not_in(keys) if usually else layout.packed.in_(keys)

    # The rule

    def _own(self, portal_type: str, rule: RowRule) -> Condition:
        if not self._rights.principal.user_id:
            return sa.false()
        layout = self._site.layout(portal_type, self._connections)
        found = [self._leads_to_user(portal_type, layout.table, path) for path in rule.own]
        return sa.or_(sa.false(), *found)

    def _leads_to_user(self, portal_type: str, here: sa.FromClause, path: Path) -> Condition:
        """Whether a path from a row leads to the user's id; `here` is the table of the type as it stands around it.

        The databases work the innermost set out first, from the user's id on, and only once for all rows.
        """
        layout = self._site.layout(portal_type, self._connections)
        if not path.steps:
            end = layout.fields.get(path.attribute or "")
            return sa.false() if end is None else here.c[end.name] == self._rights.principal.user_id
        step, rest = path.steps[0], Path(path.steps[1:], path.attribute)
        if not isinstance(step, Target | Back):
            return sa.false()
        beyond = self._beyond(portal_type, step)
        further = self._site.layout(beyond, self._connections)
        there = further.table.alias()
        column = (layout if isinstance(step, Target) else further).fields.get(step.field)
        if column is None:
            return sa.false()
        own = self._leads_to_user(beyond, there, rest)
        if isinstance(step, Target):
            return here.c[column.name].in_(sa.select(packed(further.keys(there))).where(own))
        return packed(layout.keys(here)).in_(sa.select(there.c[column.name]).where(own))

    def _beyond(self, portal_type: str, step: Target | Back) -> str:
        if isinstance(step, Back):
            return step.portal_type
        return self._site.registry.types[portal_type].fields[step.field].targets[0]
