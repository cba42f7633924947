"""Row visibility as SQL: permissions, and the row rule of a type."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from catalog.dialect import among, counts_by_sets, has_row, unkeyed
from objapi.errors import MissingTable
from objapi.model.paths import Back, Path, Step, Target, parse_path
from objapi.model.principal import Principal, RowViewer
from objapi.model.types import RowRule
from objapi.store.mapped.databases import Connections
from objapi.store.mapped.layouts import Layout
from objapi.store.mapped.row_site import RowSite
from objapi.store.mapped.schema import row_states
from objapi.store.permissions.acls import VIEW
from objapi.store.permissions.rights import Rights

Condition = sa.ColumnElement[bool]

MANY = 5_000
"""Open rows from which on their set costs more than the tests of a page, which finds one of them here and there."""


@dataclass(frozen=True, slots=True)
class _Here:
    """Rows of a type as they stand in a statement: their key and, where a table of the statement holds them, that."""

    portal_type: str
    key: sa.ColumnElement[Any]
    table: sa.FromClause | None = None
    joined: tuple[sa.FromClause, ...] = ()
    """Tables that the statement joins along references, which are gone over without a set of keys."""
    tested: bool = False
    """Whether rows that lead here are looked for row by row, rather than by the set of all that do."""
    walked: bool = False
    """Whether the statement goes over the rows by another condition or order than what is found out here."""


_End = Callable[[_Here], Condition]


class RowVisibility:
    """Rows of tables that one user may see; facts about the user are loaded when a request needs them."""

    def __init__(self, site: RowSite, connections: Connections, rights: Rights) -> None:
        self._site = site
        self._connections = connections
        self._rights = rights
        self._viewers: dict[tuple[str, str], RowViewer] = {}
        self._own_keys: dict[tuple[str, str], dict[tuple[str, Path], list[Any]]] = {}
        self._few: set[tuple[str, Path, frozenset[str]]] = set()

    @property
    def scope(self) -> int:
        """The scope of rows; asked for only where local roles could count."""
        return self._site.root_scope(self._connections.own) if self._rights.principal.local else 0

    def visible(self, portal_type: str, permissions: Iterable[str] = (VIEW,)) -> Condition | None:
        """The rows on which the user holds the permissions and that the rule lets them see; None: all of them."""
        if self._rights.principal.unrestricted:
            return None
        layout = self._site.layout(portal_type, self._connections)
        conditions = [self._permitted(portal_type, layout, permission) for permission in sorted(permissions)]
        conditions.append(self.by_rule(portal_type))
        found = [condition for condition in conditions if condition is not None]
        return sa.and_(*found) if found else None

    def by_rule(
        self,
        portal_type: str,
        table: sa.FromClause | None = None,
        joined: Sequence[sa.FromClause] = (),
        *,
        counted: bool = False,
    ) -> Condition | None:
        """The rows that the rule of the type lets the user see; None: all of them.

        `table` is the type's table as it stands in a statement, `joined` are others that the statement joins to it
        along the references that the rule goes over; without them the condition is about the table itself. Where many
        rows are open to the user, each row is tested by itself, as suits a page; `counted` is for a statement that goes
        over all rows.
        """
        rule = self._site.names.tables[portal_type].rows
        if rule is None or self._holds(portal_type, rule.all_with):
            return None
        viewer = self._viewer(portal_type, rule)
        if viewer.sees_all:
            return None
        if viewer.own is None and not viewer.opened:
            return sa.false()
        try:
            here = self._rows_of(portal_type, table, tuple(joined))
        except MissingTable:
            return sa.false()  # A statement may name a table that the database lacks: it has no rows.
        ways = [path.steps for path in rule.by] or [()]
        database = self._site.names.tables[portal_type].database
        by_sets = counted and counts_by_sets(self._connections.of(database))
        tested = not by_sets and self.opens_many(portal_type)

        def condition(there: _Here) -> Condition:
            return self._rule_condition(replace(there, tested=tested, walked=tested and not counted), rule, viewer)

        return sa.or_(sa.false(), *(self._follow(here, steps, condition) for steps in ways))

    def opens_many(self, portal_type: str) -> bool:
        """True where so many rows are open to the user that finding them all costs more than to test those of a page.

        Once there were many, that is remembered: it is only about the better way.
        """
        rule = self._site.names.tables[portal_type].rows
        viewer = None if rule is None else self._viewer(portal_type, rule)
        if rule is None or viewer is None or not viewer.opened or viewer.sees_all:
            return False
        return any(self._are_many(rule.portal_type, path, viewer.opened) for path in rule.groups)

    def _are_many(self, portal_type: str, path: Path, opened: frozenset[str]) -> bool:
        place = (portal_type, path, opened)
        if place not in self._few and place not in self._site.many:
            last = portal_type
            for step in path.steps:
                last = self._next(last, step)
            there = self._alias(last)
            column = None if there is None else self._column(there, path.attribute or "")
            row = None
            if column is not None:
                statement = sa.select(column).where(column.in_(sorted(opened))).offset(MANY).limit(1)
                row = self._connections.of(self._site.names.tables[last].database).execute(statement).first()
            if row is None:
                self._few.add(place)
            else:
                self._site.many.add(place)
        return place in self._site.many

    def _next(self, portal_type: str, step: Step) -> str:
        """The type to which a step of a path leads."""
        if isinstance(step, Target):
            return self._site.registry.types[portal_type].fields[step.field].targets[0]
        return step.portal_type if isinstance(step, Back) else portal_type

    def _holds(self, portal_type: str, permission: str) -> bool:
        return self._rights.may(permission, self._site.default_acl(portal_type), self.scope)

    def _permitted(self, portal_type: str, layout: Layout, permission: str) -> Condition | None:
        """Rows on which a permission is held: by what all rows of the type have, or by the stored state of one."""
        usually = self._holds(portal_type, permission)
        if not self._site.has_workflow_states(portal_type):
            return None if usually else sa.false()
        everywhere, scoped = self._rights.acls_with(permission)
        allowed = set(everywhere).union(*(acls for scopes, acls in scoped if self.scope in scopes))
        acl = row_states.c.acl.not_in(sorted(allowed)) if usually else row_states.c.acl.in_(sorted(allowed))
        states = sa.select(row_states.c.row_key).where(row_states.c.portal_type == portal_type, acl)
        keys: Any = states
        if self._connections.is_foreign(self._site.names.tables[portal_type].database):
            keys = list(self._connections.own.scalars(states))
        return layout.packed.not_in(keys) if usually else layout.packed.in_(keys)

    # Who asks

    def knows(self, user_id: str) -> bool:
        """True when the rows of a rule would know a user of this id: somebody in its database, with rows to see."""
        other = RowVisibility(self._site, self._connections, replace(self._rights, principal=Principal(user_id)))
        rules = {
            (table.database, table.rows.viewer): (portal_type, table.rows)
            for portal_type, table in self._site.names.tables.items()
            if table.rows is not None and table.rows.viewer is not None
        }
        for portal_type, rule in rules.values():
            with suppress(MissingTable):
                viewer = other._viewer(portal_type, rule)
                if viewer.own is not None or viewer.opened or viewer.sees_all:
                    return True
        return False

    def _viewer(self, portal_type: str, rule: RowRule) -> RowViewer:
        """Facts about the user for the rows of a rule; loaded once a request."""
        principal = self._rights.principal
        if rule.viewer is None:
            return RowViewer(principal.user_id or None)
        database = self._site.names.tables[portal_type].database
        if principal.claims is None and (not principal.user_id or database in self._site.separate_logins):
            return RowViewer()
        known = self._viewers.get((database, rule.viewer))
        if known is None:
            reader = _TableReader(self, database)
            known = self._site.registry.behaviors.row_viewers[rule.viewer](reader, principal)
            self._viewers[database, rule.viewer] = known
        return known

    # The rule

    def _rule_condition(self, here: _Here, rule: RowRule, viewer: RowViewer) -> Condition:
        """The rows of the rule's own type that are one's own, or open to a group."""
        if here.table is None and any(_needs_columns(path) for path in (*rule.own, *rule.groups)):
            return self._in_table(here, lambda there: self._rule_condition(there, rule, viewer))
        found: list[Condition] = []
        if viewer.own is not None:
            found += (self._is_own(here, rule, viewer, path) for path in rule.own)
        if viewer.opened:
            found += (self._lead_to(here, path, sorted(viewer.opened)) for path in rule.groups)
        return sa.or_(sa.false(), *found)

    def _is_own(self, here: _Here, rule: RowRule, viewer: RowViewer, path: Path) -> Condition:
        before, own = _split(path)
        if rule.viewer is None or not own.steps:
            return self._lead_to(here, path, [viewer.own])
        return self._follow(here, before, lambda there: among(there.key, self._keys(there, rule, viewer, own)))

    def _keys(self, here: _Here, rule: RowRule, viewer: RowViewer, own: Path) -> list[Any]:
        """The keys of one's own rows by a path: those of all paths of all rules are asked for in one statement."""
        database = self._site.names.tables[here.portal_type].database
        if (database, rule.viewer or "") not in self._own_keys:
            self._own_keys[database, rule.viewer or ""] = self._load_keys(database, rule.viewer, viewer)
        return self._own_keys[database, rule.viewer or ""][here.portal_type, own]

    def _load_keys(self, database: str, name: str | None, viewer: RowViewer) -> dict[tuple[str, Path], list[Any]]:
        found: dict[tuple[str, Path], list[Any]] = {place: [] for place in self._site.own_paths(database, name)}
        places = list(found)
        statements = [
            statement
            for number, (portal_type, path) in enumerate(places)
            for statement in self._own_statement(number, portal_type, path, viewer)
        ]
        if statements:
            for number, key in self._connections.of(database).execute(sa.union_all(*statements)):
                found[places[number]].append(int(key) if isinstance(key, Decimal) else key)
        return found

    def _own_statement(
        self, number: int, portal_type: str, path: Path, viewer: RowViewer
    ) -> Iterator[sa.Select[tuple[int, Any]]]:
        """The keys of the rows of a type from which a path, which begins by going back, leads to the viewer."""
        step = path.steps[0]
        there = self._alias(step.portal_type) if isinstance(step, Back) else None
        column = None if there is None or not isinstance(step, Back) else self._column(there, step.field)
        if there is None or column is None:
            return
        own = self._lead_to(there, Path(path.steps[1:], path.attribute), [viewer.own])
        yield sa.select(sa.literal(number), column).where(column.is_not(None), own).distinct()

    # Paths

    def _follow(self, here: _Here, steps: Sequence[Step], end: _End) -> Condition:
        """The rows from which steps lead to rows that meet a condition.

        Unless the row is tested, the databases work the innermost set out first, and only once for all rows.
        """
        if not steps:
            return end(here)
        step, rest = steps[0], steps[1:]
        if isinstance(step, Back):
            there = self._alias(step.portal_type)
            column = None if there is None else self._column(there, step.field)
            if there is None or column is None:
                return sa.false()
            if here.tested:
                further = self._follow(replace(there, tested=True, walked=True), rest, end)
                return has_row(sa.select(column).where(column == here.key, further))
            return here.key.in_(sa.select(column).where(column.is_not(None), self._follow(there, rest, end)))
        if not isinstance(step, Target):
            return sa.false()
        if here.table is None:
            return self._in_table(here, lambda there: self._follow(there, steps, end))
        column = self._column(here, step.field)
        if column is None:
            return sa.false()
        portal_type = self._site.registry.types[here.portal_type].fields[step.field].targets[0]
        name = self._site.names.tables[portal_type].name.lower()
        table = next((item for item in here.joined if _name(item) == name), None)
        if table is not None:
            there = self._rows_of(portal_type, table, here.joined)
            return self._follow(replace(there, tested=here.tested, walked=here.walked), rest, end)
        return self._follow(_Here(portal_type, column, tested=here.tested, walked=here.walked), rest, end)

    def _lead_to(self, here: _Here, path: Path, values: Sequence[object]) -> Condition:
        """The rows from which a path leads to one of some values."""
        return self._follow(here, path.steps, lambda there: self._ends(there, path.attribute, values))

    def _in_table(self, here: _Here, condition: _End) -> Condition:
        """A condition on columns of rows of which a statement has the key alone."""
        there = self._alias(here.portal_type)
        if there is None:
            return sa.false()
        if here.tested:
            there = replace(there, tested=True, walked=True)
            return has_row(sa.select(there.key).where(there.key == here.key, condition(there)))
        return here.key.in_(sa.select(there.key).where(condition(there)))

    def _ends(self, here: _Here, attribute: str | None, values: Sequence[object]) -> Condition:
        """The rows whose column, or whose key under the name id, holds one of some values."""
        if attribute == "id":
            return here.key.in_(values)
        if here.table is None:
            return self._in_table(here, lambda there: self._ends(there, attribute, values))
        column = self._column(here, attribute or "")
        if column is None:
            return sa.false()
        # Numbers stay as they are: texts are compared with them by the type of the column.
        walked = here.walked and isinstance(column.type, sa.String)
        return (unkeyed(column) if walked else column).in_(values)

    def _alias(self, portal_type: str) -> _Here | None:
        """The rows of a type under a name of their own; None where the database lacks the table."""
        try:
            table = self._site.layout(portal_type, self._connections).table.alias()
        except MissingTable:
            return None
        return self._rows_of(portal_type, table)

    def _rows_of(self, portal_type: str, table: sa.FromClause | None, joined: tuple[sa.FromClause, ...] = ()) -> _Here:
        layout = self._site.layout(portal_type, self._connections)
        if table is None:
            return _Here(portal_type, layout.referred(layout.key), layout.table)
        key = layout.referred([_named(table, column.name) for column in layout.key])
        return _Here(portal_type, key, table, joined)

    def _column(self, here: _Here, field: str) -> sa.ColumnElement[Any] | None:
        """The column of a field; None where the database lacks it."""
        column = self._site.layout(here.portal_type, self._connections).fields.get(field)
        return None if column is None or here.table is None else _named(here.table, column.name)

    def values(self, database: str, portal_type: str, name: str, path: Path, value: object) -> Sequence[Any]:
        """The values of a field, or under ``id`` the keys, of the rows from which a path leads to a value."""
        here = self._rows_of(portal_type, None)
        column = here.key if name == "id" else self._column(here, name)
        if column is None:
            return []
        statement = sa.select(column).where(self._lead_to(here, path, [value])).order_by(here.key)
        return self._connections.of(database).execute(statement).scalars().all()


@dataclass(frozen=True, slots=True)
class _TableReader:
    """The tables of one database, as a behaviour asks them."""

    visibility: RowVisibility
    database: str

    def values(self, portal_type: str, name: str, path: str, value: object) -> Sequence[Any]:
        """The values of a field of the rows from which a path leads to a value."""
        return self.visibility.values(self.database, portal_type, name, parse_path(path), value)


def _split(path: Path) -> tuple[tuple[Step, ...], Path]:
    """The steps of a path before it first goes back, and the rest of it."""
    number = next((number for number, step in enumerate(path.steps) if isinstance(step, Back)), len(path.steps))
    return path.steps[:number], Path(path.steps[number:], path.attribute)


def _needs_columns(path: Path) -> bool:
    """True when a path from a row begins with a column other than the key."""
    return isinstance(path.steps[0], Target) if path.steps else path.attribute != "id"


def _name(table: sa.FromClause) -> str:
    """The name of a table, whatever it is called in a statement."""
    while isinstance(table, sa.Alias):
        table = table.element
    return str(getattr(table, "name", "")).lower()


def _named(table: sa.FromClause, name: str) -> sa.ColumnElement[Any]:
    """A column by its name, whose case two descriptions of one table may differ in."""
    found = table.c.get(name)
    return found if found is not None else next(item for item in table.c if item.name.lower() == name.lower())
