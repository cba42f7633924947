"""Worklists from the declarations of all profiles: `worklists.yaml`, every name in it checked."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from catalog import QueryOptions, parse_request
from objapi.model.loading.merging import Declared, declare_all
from objapi.model.loading.profiles import Profile
from objapi.model.loading.tracing import Tracer
from objapi.model.registry import CatalogDeclaration, Roles
from objapi.model.worklists import PLACES, DeclaredWorklist, filled, places_in
from workflows import Workflow
from workflows.declarations import DeclarationProblem, Section, listed, suggestion

FILE: Final = "worklists.yaml"
WORKLIST_KEYS: Final = (
    "extend", "title", "titles", "about", "roles", "catalog", "criteria", "columns", "sort_on", "sort_order",
    "transitions",
)  # fmt: skip
_ORDERS: Final = ("ascending", "descending")
_ALWAYS: Final = ("id", "path", "UID", "portal_type", "title")


def read_worklists(
    profiles: Sequence[Profile],
    tracer: Tracer,
    workflows: Mapping[str, Workflow],
    catalogs: Mapping[str, CatalogDeclaration],
    default_catalog: str,
    roles: Roles,
    problems: list[DeclarationProblem],
) -> dict[str, DeclaredWorklist]:
    """The worklists in the order in which they are declared; a later profile extends, replaces or adds."""
    declared: dict[str, Declared] = {}
    for profile in profiles:
        tree = profile.tree(FILE, problems)
        if tree is not None:
            root = Section(tree, "", problems)
            declare_all(declared, "worklist", profile, [(name, root[name]) for name in root.names()], problems)
    reader = _Reader(tracer, workflows, catalogs, default_catalog, roles.roles)
    found = {}
    for name, item in declared.items():
        section = Section(item.node, name, problems, WORKLIST_KEYS)
        worklist = reader.read(name, section)
        if worklist is not None:
            found[name] = worklist
    return found


class _Reader:
    """Reads worklists, noting every name that nothing has."""

    def __init__(
        self,
        tracer: Tracer,
        workflows: Mapping[str, Workflow],
        catalogs: Mapping[str, CatalogDeclaration],
        default_catalog: str,
        roles: Iterable[str],
    ) -> None:
        self._tracer = tracer
        self._types = tracer.types
        self._workflows = workflows
        self._catalogs = catalogs
        self._default = default_catalog
        self._roles = tuple(roles)

    def read(self, name: str, section: Section) -> DeclaredWorklist | None:
        """One worklist; None when its catalog is not known, by which all else is judged."""
        catalog = section.text("catalog", self._default)
        if not section.choose("catalog", catalog, list(self._catalogs), "catalog"):
            return None
        for role in section.texts("roles"):
            section.choose("roles", role, self._roles, "role")
        criteria = section.plain("criteria")
        if not isinstance(criteria, Mapping) or not criteria:
            section.note("a worklist asks for something", "criteria: {portal_type: …}", "criteria")
            return None
        types = self._types_asked_for(section, criteria, catalog)
        self._check_query(section, criteria, self._catalogs[catalog], types)
        self._check_columns(section, self._catalogs[catalog], types)
        known = {step for one in types for flow in self._chain(one) for step in flow.transitions}
        for step in section.texts("transitions"):
            section.choose("transitions", step, sorted(known), "transition of these types")
        if section.has("sort_order"):
            section.choose("sort_order", section.text("sort_order"), _ORDERS, "order")
        titles = section.section("titles")
        return DeclaredWorklist(
            name=name,
            catalog=catalog,
            criteria={str(key): value for key, value in criteria.items()},
            title=section.text("title", required=True),
            about=section.text("about"),
            roles=frozenset(section.texts("roles")),
            columns=section.texts("columns"),
            sort_on=section.texts("sort_on"),
            sort_order=section.optional_text("sort_order"),
            transitions=section.texts("transitions"),
            types=types,
            titles={language: titles.text(language) for language in titles.names()},
        )

    def _types_asked_for(self, section: Section, criteria: Mapping[str, object], catalog: str) -> tuple[str, ...]:
        asked = criteria.get("portal_type")
        named = [asked] if isinstance(asked, str) else asked if isinstance(asked, list) else []
        inner, held = section.section("criteria"), []
        for portal_type in map(str, named):
            if not inner.choose("portal_type", portal_type, list(self._types), "type"):
                continue
            if catalog in self._types[portal_type].catalogs:
                held.append(portal_type)
            else:
                inner.note(f"{catalog} does not hold {portal_type}", "another catalog", "portal_type")
        if not named:
            section.note("it is not said what is found", "criteria with portal_type", "criteria")
        return tuple(held)

    def _chain(self, portal_type: str) -> list[Workflow]:
        return [self._workflows[name] for name in self._types[portal_type].workflows if name in self._workflows]

    def _check_query(
        self, section: Section, criteria: Mapping[str, object], catalog: CatalogDeclaration, types: Sequence[str]
    ) -> None:
        """Every criterion is an index that takes it, and every state is one that there is."""
        inner = section.section("criteria")
        for name, value in criteria.items():
            for place in sorted(places_in(value) - {*PLACES}):
                inner.note(f"{place} stands for nothing", f"one of {listed(PLACES)}", str(name))
            self._check_states(inner, str(name), value, types)
        now = datetime.now(UTC)
        request = {str(name): filled(value, "somebody", now) for name, value in criteria.items()}
        sortable = [index.name for index in catalog.schema.indexes.values() if index.sortable]
        for index in section.texts("sort_on"):
            section.choose("sort_on", index, sortable, f"index of {catalog.name} to sort by")
        parsed = parse_request(request, catalog.schema, QueryOptions.gateway("site", UTC, now))
        for unknown in parsed.unknown:
            told = suggestion(unknown, catalog.schema.indexes)
            inner.note(f"{catalog.name} has no index {unknown!r}{told}", "an index of the catalog", unknown)
        for problem in (*parsed.problems, *parsed.mistyped):
            at = inner if problem.parameter in inner else section
            at.note(problem.message, "what the index takes", problem.parameter if problem.parameter in at else "")

    def _check_states(self, inner: Section, name: str, value: object, types: Sequence[str]) -> None:
        states = {
            state
            for portal_type in types
            for workflow in self._chain(portal_type)
            if workflow.state_variable == name
            for state in workflow.states
        }
        if not states:
            return
        for state in value if isinstance(value, list) else [value]:
            if isinstance(state, str):
                inner.choose(name, state, sorted(states), "state of these types")

    def _check_columns(self, section: Section, catalog: CatalogDeclaration, types: Sequence[str]) -> None:
        known = {*_ALWAYS, *catalog.returned}
        for portal_type in types:
            known |= {*self._types[portal_type].fields, *self._tracer.variables(portal_type)}
        for column in section.texts("columns"):
            section.choose("columns", column, sorted(known), "field, state or column")
