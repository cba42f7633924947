"""Queries that profiles declare, for worklists and for sheets of results: every name in them is checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from catalog import QueryOptions, parse_request
from objapi.model.loading.tracing import Tracer
from objapi.model.registry import CatalogDeclaration
from objapi.model.worklists import filled, places_in
from workflows import Workflow
from workflows.declarations import Section, listed, suggestion

QUERY_KEYS: Final = ("catalog", "criteria", "columns", "sort_on", "sort_order", "transitions")
_ORDERS: Final = ("ascending", "descending")
_ALWAYS: Final = ("id", "path", "UID", "portal_type", "title")


@dataclass(frozen=True, slots=True)
class DeclaredQuery:
    """What a declaration asks of a catalog, and what is shown of the objects that are found."""

    catalog: str
    criteria: Mapping[str, object]
    types: tuple[str, ...]
    """The types that the criteria name."""
    columns: tuple[str, ...]
    sort_on: tuple[str, ...]
    sort_order: str | None
    transitions: tuple[str, ...]


class QueryReader:
    """Reads queries, noting every name that nothing has."""

    def __init__(
        self,
        tracer: Tracer,
        workflows: Mapping[str, Workflow],
        catalogs: Mapping[str, CatalogDeclaration],
        default_catalog: str,
    ) -> None:
        self._tracer = tracer
        self._types = tracer.types
        self._workflows = workflows
        self._catalogs = catalogs
        self._default = default_catalog

    def read(self, section: Section, places: Mapping[str, str]) -> DeclaredQuery | None:
        """The query of one declaration; None when its catalog is not known, by which all else is judged.

        `places` are the texts that may stand in it for something else, each with an example.
        """
        catalog = section.text("catalog", self._default)
        if not section.choose("catalog", catalog, list(self._catalogs), "catalog"):
            return None
        criteria = section.plain("criteria")
        if not isinstance(criteria, Mapping) or not criteria:
            section.note("it asks for nothing", "criteria: {portal_type: …}", "criteria")
            return None
        types = self._types_asked_for(section, criteria, catalog)
        self._check_query(section, criteria, self._catalogs[catalog], types, places)
        self._check_columns(section, self._catalogs[catalog], types)
        known = {step for one in types for flow in self._chain(one) for step in flow.transitions}
        for step in section.texts("transitions"):
            section.choose("transitions", step, sorted(known), "transition of these types")
        if section.has("sort_order"):
            section.choose("sort_order", section.text("sort_order"), _ORDERS, "order")
        return DeclaredQuery(
            catalog=catalog,
            criteria={str(key): value for key, value in criteria.items()},
            types=types,
            columns=section.texts("columns"),
            sort_on=section.texts("sort_on"),
            sort_order=section.optional_text("sort_order"),
            transitions=section.texts("transitions"),
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
        self,
        section: Section,
        criteria: Mapping[str, object],
        catalog: CatalogDeclaration,
        types: Sequence[str],
        places: Mapping[str, str],
    ) -> None:
        """Every criterion is an index that takes it, and every state is one that there is."""
        inner = section.section("criteria")
        for name, value in criteria.items():
            for place in sorted(places_in(value) - places.keys()):
                inner.note(f"{place} stands for nothing", f"one of {listed(places)}", str(name))
            self._check_states(inner, str(name), value, types)
        now = datetime.now(UTC)
        request = {str(name): filled(value, places) for name, value in criteria.items()}
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
