"""Criteria of a read turned into a checked query: its catalog, unknown names, what the user may ask."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, Connection, and_

from catalog import (
    CatalogSchema,
    CatalogTables,
    Index,
    IndexKind,
    Query,
    QueryOptions,
    QueryProblem,
    Searchable,
    Visibility,
    parse_query,
    parse_request,
    visible_condition,
)
from catalog.clauses import Clause, Under
from catalog.dates import other_reading
from catalog.facets import FACET_KINDS
from catalog.operators import operator_named
from objapi.errors import BadRequest, Cause, InsufficientScope, joined_messages, sentence_end
from objapi.model.paths import Path
from objapi.model.registry import CatalogDeclaration, IndexSource
from objapi.model.types import Kind
from objapi.store.context import RequestContext
from objapi.store.mapped.tables import RowTables
from objapi.store.permissions.acls import VIEW
from objapi.store.reading.unknown_names import advice_on_name
from objapi.store.requests import Find
from workflows.declarations import suggestion

DEFAULT_SORT = "id"
ALWAYS_ANSWERED = ("path", "UID", "id", "portal_type", "version", "transitions")
"""Members of the answer for an object of any type; `transitions` on demand."""
ACCESSOR = "get"
"""Beginning of the accessors of published clients; the name of the field follows."""
_MOST_FACETS = 10
"""Indexes whose values one read counts."""
_MOST_NAMES = 20
"""Unknown names of a request that are looked for in other catalogs."""
_MOST_NAMED = 5
"""Catalogs that a warning names."""
_ORDERS = ("ascending", "descending", "reverse")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A query that may be asked, over the tables of its catalog, with the condition of what the user may see."""

    catalog: CatalogDeclaration
    tables: Searchable
    connection: Connection
    query: Query
    seen: tuple[Visibility, ...] | ColumnElement[bool]
    """The documents that the user may see by each permission asked for; a condition for rows of a table."""
    named: bool
    """True when a criterion names an index, and not merely the root of the site, below which everything is."""
    unknown: tuple[str, ...]
    warnings: tuple[str, ...]
    asked: frozenset[str] = frozenset()
    """The indexes by which rows are chosen or ordered."""

    @property
    def visible(self) -> ColumnElement[bool] | None:
        """The condition of what the user may see; None: everything."""
        if isinstance(self.seen, tuple):
            return visible_condition(self.tables, self.seen) if isinstance(self.tables, CatalogTables) else None
        return self.seen


def _sorts_by_default(schema: CatalogSchema) -> bool:
    """True if a catalog can be sorted as a read is that names no order; objects of another come as they were made."""
    index = schema.indexes.get(DEFAULT_SORT)
    return index is not None and index.kind is IndexKind.FIELD


def _finds_all(clause: Clause, site_id: str) -> bool:
    """True for a condition that the path of every object meets: to be at any depth below the site's root."""
    if not isinstance(clause, Under):
        return False
    # Any path begins with the site's id, and has it somewhere (a level below 0).
    everywhere = [
        place.depth < 0 and (not place.components or (place.components == (site_id,) and place.level <= 0))
        for place in clause.places
    ]
    return all(everywhere) if clause.every else any(everywhere)


class CriteriaReader:
    """Prepares queries for one user."""

    def __init__(self, context: RequestContext) -> None:
        self._context = context
        self._registry = context.registry
        self._tables = context.site.tables
        self._access = context.site.access
        self._rights = context.rights
        self._options = QueryOptions.gateway(context.site.site_id, context.site.zone, context.now)

    def prepare(self, find: Find, *, own_catalog: bool = False) -> Prepared:
        """Read the criteria, order and limits of a read. Raises BadRequest with every problem.

        `own_catalog`: without a catalog named, that of the type asked for is searched rather than the default one.
        """
        catalog, types = self._catalog(find, own_catalog=own_catalog)
        schema = self._access.usable(catalog, self._rights)
        criteria = dict(find.criteria)
        request = {**criteria, "sort_order": find.sort_order}
        if find.sort_on or _sorts_by_default(schema):
            request["sort_on"] = find.sort_on or DEFAULT_SORT
        options = self._options_of(catalog)
        parsed = parse_request(request, schema, options)
        if parsed.problems:
            raise _bad(parsed.problems)
        query = parsed.query
        if types is not None:
            fixed = parse_query({"portal_type": sorted(types)}, schema, options).query
            query = replace(query, clauses=(*query.clauses, *fixed.clauses))
        query = self._within_scope(query, catalog)
        if find.limit:
            query = replace(query, limit=find.limit if query.limit is None else min(query.limit, find.limit))
        # What is refused was neither ignored nor read as anything else.
        ignored = "" if find.strict else ", so it was ignored"
        elsewhere = self._elsewhere(parsed.unknown, find)
        warnings = [
            f"{name}: no index of {catalog.name} has this name{ignored}"
            f"{sentence_end(elsewhere.get(name) or advice_on_name(name, schema, options))}"
            for name in parsed.unknown
        ]
        warnings.extend(f"{problem.parameter}: {problem.message}." for problem in parsed.mistyped)
        if find.sort_order and "sort_on" not in request:
            warnings.append(f"sort_order: {catalog.name} has no index {DEFAULT_SORT}; name another by sort_on.")
        warnings.extend(self._not_indexed(criteria.get("portal_type"), catalog))
        warnings.extend(self._unknown_words(find, catalog))
        warnings.extend(_swapped_dates(parsed.asked, schema))
        site_id = self._context.site.site_id
        named = any(not _finds_all(clause, site_id) for clause in parsed.query.clauses)
        asked = frozenset((*parsed.asked, *(key.index for key in query.sort)))
        return self._prepared(catalog, query, asked, named, parsed.unknown, warnings)

    def _within_scope(self, query: Query, catalog: CatalogDeclaration) -> Query:
        """The query for the objects alone that the caller's API token reaches.

        Raises InsufficientScope for a catalog without the indexes by which it can be held to these.
        """
        token = self._rights.principal.token
        if token is None or not token.limits_objects:
            return query
        if catalog.table_of is not None:
            folder = self._context.rows.names.folder(catalog.table_of)
            return query if token.covers(catalog.table_of, folder) else replace(query, nothing=True)
        criteria: dict[str, object] = {} if token.types is None else {"portal_type": sorted(token.types)}
        if token.path is not None:
            criteria["path"] = token.path
        for name in criteria:
            if catalog.sources.get(name) != IndexSource(default=Path((), name)):
                raise token.refusal(f"{catalog.name} has no index {name} and so cannot be searched")
        held = parse_query(criteria, catalog.schema, self._options_of(catalog)).query
        return replace(query, clauses=(*query.clauses, *held.clauses), nothing=query.nothing or held.nothing)

    def lookup(
        self,
        catalog: CatalogDeclaration,
        criteria: Mapping[str, object],
        *,
        of_everybody: bool = False,
        within_reach: bool = False,
    ) -> Prepared:
        """A query of a reference: whatever it finds, in order of creation. Raises BadRequest with every problem.

        `of_everybody`: no rights are asked. `within_reach`: references lead out of the reach of an API token, this not,
        as far as the catalog has the indexes by which it can be held to it.
        """
        schema = catalog.schema if of_everybody else self._access.usable(catalog, self._rights)
        parsed = parse_query(criteria, schema, self._options_of(catalog))
        if parsed.problems:
            raise _bad(parsed.problems)
        query = replace(parsed.query, nothing=parsed.query.nothing or bool(parsed.unknown))
        if within_reach:
            with suppress(InsufficientScope):
                query = self._within_scope(query, catalog)
        asked = frozenset(parsed.asked)
        return self._prepared(catalog, query, asked, True, parsed.unknown, (), of_everybody=of_everybody)

    def showing(self, prepared: Prepared, index: str) -> Prepared:
        """The query over the rows alone whose values in an index the user may read."""
        if index in prepared.asked:
            return prepared
        if prepared.catalog.table_of is not None:
            self._refuse_foreign_states(prepared.catalog, prepared.catalog.table_of, (index,))
        asked = prepared.asked | {index}
        return replace(prepared, seen=self._seen(prepared.catalog, prepared.tables, asked), asked=asked)

    def facets(self, find: Find, prepared: Prepared) -> tuple[Index, ...]:
        """The indexes whose values a read counts. Raises BadRequest with every name that is none of them."""
        schema = self._access.usable(prepared.catalog, self._rights)
        found, problems = [], []
        for name in find.facets:
            index = schema.indexes.get(name)
            if index is None:
                elsewhere = self._elsewhere((name,), find).get(name, "")
                problems.append(QueryProblem("facets", f"{name!r} is no index of {schema.name}{elsewhere}"))
            elif index.kind not in FACET_KINDS:
                kinds = ", ".join(sorted(kind.value for kind in FACET_KINDS))
                problems.append(QueryProblem("facets", f"{name} is a {index.kind.value} index; counted are {kinds}"))
            else:
                found.append(index)
        if len(find.facets) > _MOST_FACETS:
            problems.append(QueryProblem("facets", f"at most {_MOST_FACETS} indexes are counted at once"))
        if problems:
            raise _bad(problems)
        return tuple(found)

    def _options_of(self, catalog: CatalogDeclaration) -> QueryOptions:
        """The reading of criteria.

        Columns of other programs hold dates that an index of ours does not, and no old client sends them texts for
        numbers and means that nothing should be found.
        """
        return (
            self._options
            if catalog.table_of is None
            else replace(self._options, far_dates="exact", other_types="convert", parts="substring_indexes")
        )

    def _prepared(
        self,
        catalog: CatalogDeclaration,
        query: Query,
        asked: frozenset[str],
        named: bool,
        unknown: tuple[str, ...],
        warnings: Sequence[str],
        *,
        of_everybody: bool = False,
    ) -> Prepared:
        tables: Searchable
        if catalog.table_of is None:
            tables, connection = self._tables[catalog.name], self._context.connection
        else:
            self._refuse_foreign_states(catalog, catalog.table_of, asked)
            rows = self._context.rows
            tables, connection = rows.tables(catalog.table_of), rows.connection(catalog.table_of)
        seen = self._seen(catalog, tables, asked, of_everybody=of_everybody)
        return Prepared(catalog, tables, connection, query, seen, named, unknown, tuple(warnings), asked)

    def _seen(
        self, catalog: CatalogDeclaration, tables: Searchable, asked: Collection[str], *, of_everybody: bool = False
    ) -> tuple[Visibility, ...] | ColumnElement[bool]:
        """The rows that the user may see by some indexes; of a table those alone that can be shown."""
        visible = () if of_everybody else self._visible(catalog, asked)
        served = tables.layout.served if isinstance(tables, RowTables) else None
        if served is None:
            return visible
        return served if isinstance(visible, tuple) else and_(visible, served)

    def _refuse_foreign_states(self, catalog: CatalogDeclaration, portal_type: str, asked: Collection[str]) -> None:
        """Raise BadRequest for a search by workflow state when the rows are in a foreign database."""
        if self._context.rows.is_foreign(portal_type):
            stored = {workflow.state_variable for workflow in self._registry.chain(portal_type)}
            for name in sorted(stored.intersection(asked)):
                message = (
                    f"{name}: cannot filter, sort or count by workflow state here, because the rows of {catalog.name} "
                    "are in another database."
                )
                raise BadRequest(message, causes=[Cause("parameter", name, message)])

    def _catalog(self, find: Find, *, own_catalog: bool) -> tuple[CatalogDeclaration, frozenset[str] | None]:
        registry = self._registry
        if find.catalog:
            alias = registry.aliases.get(find.catalog)
            name = alias.catalog if alias is not None else find.catalog
            if name not in registry.catalogs:
                known = ", ".join(sorted([*registry.catalogs, *registry.aliases]))
                message = f"catalog_name: there is no catalog {find.catalog!r}; known are {known}."
                raise BadRequest(message, causes=[Cause("parameter", "catalog_name", message)])
            return registry.catalogs[name], alias.types if alias is not None else None
        # Types that share one catalog are searched there, any others in the default one.
        asked = [name for name in texts_in(find.criteria.get("portal_type")) if name in registry.types]
        if own_catalog:
            own = {registry.types[name].catalogs[0] for name in asked if registry.types[name].catalogs}
        else:
            own = {registry.types[name].read_catalog or "" for name in asked}
        if len(own) == 1 and own != {""}:
            return registry.catalogs[own.pop()], None
        return registry.catalogs[registry.default_catalog], None

    def _not_indexed(self, asked: object, catalog: CatalogDeclaration) -> list[str]:
        """Warnings for types asked for that the catalog does not index, each naming the catalogs that do."""
        warnings = []
        for name in texts_in(asked):
            known = self._registry.types.get(name)
            if known is None:
                near = suggestion(name, self._registry.types)
                warnings.append(f"portal_type: there is no type {name!r}{sentence_end(near)}")
            elif catalog not in self._registry.catalogs_of(name):
                others = " or ".join(item.name for item in self._registry.catalogs_of(name))
                warnings.append(
                    f"portal_type: Catalog {catalog.name} does not index {name}; use catalog_name={others}."
                )
        return warnings

    def _elsewhere(self, names: Sequence[str], find: Find) -> Mapping[str, str]:
        """For each name that is an index of other catalogs a sentence which names those that the user may ask.

        With types asked for these are catalogs that hold one of them.
        """
        if not names:
            return {}
        types = [item for item in texts_in(find.criteria.get("portal_type")) if item in self._registry.types]
        nearest = {catalog.name for item in types for catalog in self._registry.catalogs_of(item)}
        having: dict[str, dict[str, list[str]]] = {name: {} for name in names[:_MOST_NAMES]}
        for catalog in self._registry.catalogs.values():
            if types and catalog.name not in nearest:
                continue
            schema = self._access.usable(catalog, self._rights)
            for name, found in having.items():
                index = name if name in schema.indexes else (operator_named(name, schema) or ("",))[0]
                if index:
                    found.setdefault(index, []).append(catalog.name)
        return {name: _named_catalogs(*next(iter(found.items()))) for name, found in having.items() if found}

    def _unknown_words(self, find: Find, catalog: CatalogDeclaration) -> list[str]:
        """One warning for each word of a parameter that means nothing here, or nothing that the user may ever see."""
        orders = [find.sort_order] if isinstance(find.sort_order, str) else find.sort_order or ()
        taken = "" if find.strict else "; it was taken for ascending"
        warnings = [
            f"sort_order: {order!r} is not one of {', '.join(_ORDERS)}{taken}."
            for order in dict.fromkeys(orders if isinstance(orders, list | tuple) else ())
            if isinstance(order, str) and order.lower() not in _ORDERS
        ]
        if not (find.include_fields or find.include_methods or find.expand):
            return warnings
        asked = texts_in(find.criteria.get("portal_type"))
        held = self._access.types_of[catalog.name]
        types = [name for name in held if name in asked] or held
        if not (find.include_methods or find.expand) and self._are_open(catalog, types, find.include_fields or ()):
            return warnings
        for parameter, words, is_known, what in (
            ("include_fields", find.include_fields or (), self._is_member, "a field"),
            ("include_methods", find.include_methods, self._is_method, "a computed field"),
            ("expand", find.expand, self._is_reference, "a reference field"),
        ):
            warnings.extend(
                f"{parameter}: {word!r} is not {what} of what is searched"
                f"{sentence_end(self._reason(catalog, types, word, is_known))}"
                for word in words
                if not is_known(catalog, types, word)
            )
        return warnings

    def _are_open(self, catalog: CatalogDeclaration, types: Sequence[str], words: Collection[str]) -> bool:
        """True for names of members that whoever may see objects of the types may see; they are found out once."""
        known = self._context.site.open_members.setdefault((catalog.name, tuple(types)), set())
        if not known.issuperset(words):
            known.update(word for word in words if self._is_open(catalog, types, word))
        return known.issuperset(words)

    def _is_open(self, catalog: CatalogDeclaration, types: Sequence[str], word: str) -> bool:
        """True for a member that needs no permission of its own."""
        restricted = self._access.index_permissions(catalog.name)
        needed = (self._access.by_type[name] for name in types)
        if word in restricted or any(word in names or word.removesuffix("_uid") in names for names in needed):
            return False
        return self._is_member(catalog, types, word)

    def _is_member(self, catalog: CatalogDeclaration, types: Sequence[str], word: str) -> bool:
        """True for a name under which objects of the types are answered something that the user may ever see."""
        if word in ALWAYS_ANSWERED or self._is_field(types, word):
            return True
        if word in catalog.returned and word in self._access.usable(catalog, self._rights).indexes:
            return True
        if word.endswith("_uid") and self._is_reference(catalog, types, word.removesuffix("_uid")):
            return True
        aliases = self._registry.variable_aliases
        return any(
            word in self._registry.types[name].embed
            or any(
                word == variable or word == aliases.get(variable)
                for workflow in self._registry.chain(name)
                for variable in (workflow.state_variable, *workflow.variables)
            )
            for name in types
        )

    def _is_method(self, catalog: CatalogDeclaration, types: Sequence[str], word: str) -> bool:
        """True for a member, also under the name of its accessor."""
        accessor = word.startswith(ACCESSOR) and self._is_member(catalog, types, word.removeprefix(ACCESSOR))
        return accessor or self._is_member(catalog, types, word)

    def _is_reference(self, catalog: CatalogDeclaration, types: Sequence[str], word: str) -> bool:
        fields = (self._registry.types[name].fields.get(word) for name in types)
        is_one = any(field is not None and field.kind is Kind.REFERENCE for field in fields)
        return is_one and self._is_field(types, word)

    def _is_field(self, types: Sequence[str], word: str) -> bool:
        return any(self._access.is_readable(name, word, self._rights) for name in types)

    def _reason(
        self,
        catalog: CatalogDeclaration,
        types: Sequence[str],
        word: str,
        is_known: Callable[[CatalogDeclaration, Sequence[str], str], bool],
    ) -> str:
        """Reason for which a visible word cannot be meant, else a name that can, of those that the user may see."""
        fields = {
            field: self._registry.types[name].fields[field].kind for name in types for field in self._fields(name)
        }
        if word in fields:
            return f", but of kind {fields[word]}, which refers to nothing"
        if self._is_member(catalog, types, word):
            return ", but a member of every answer, which refers to nothing"
        return suggestion(word, {name for name in (*ALWAYS_ANSWERED, *fields) if is_known(catalog, types, name)})

    def _fields(self, portal_type: str) -> Iterator[str]:
        """The fields of a type that the user may ever see."""
        for field in self._registry.types[portal_type].fields:
            if self._access.is_readable(portal_type, field, self._rights):
                yield field

    def _visible(
        self, catalog: CatalogDeclaration, asked: Collection[str]
    ) -> tuple[Visibility, ...] | ColumnElement[bool]:
        """The rows that the user may see and, for an index on restricted values, whose values they may read."""
        rights = self._rights
        if rights.principal.unrestricted:
            return ()
        needed = {VIEW}
        for name, permissions in self._access.index_permissions(catalog.name).items():
            if name in asked:
                needed |= permissions
        if catalog.table_of is not None:
            condition = self._context.rows.visibility.visible(catalog.table_of, needed)
            return () if condition is None else condition
        return tuple(
            _sorted_visibility(*rights.acls_with(permission))
            for permission in sorted(needed)
            if not rights.sees_all(permission)
        )


def _sorted_visibility(acls: Collection[int], scoped: Sequence[tuple[Collection[int], Collection[int]]]) -> Visibility:
    """Visibility in one order, so that a statement serves all users of the same roles."""
    pairs = ((tuple(sorted(scopes)), tuple(sorted(local_acls))) for scopes, local_acls in scoped)
    return Visibility(tuple(sorted(acls)), tuple(sorted(pairs, key=lambda pair: pair[1])))


def _named_catalogs(index: str, having: Sequence[str]) -> str:
    shown = sorted(having)
    more = f" and {len(shown) - _MOST_NAMED} more" if len(shown) > _MOST_NAMED else ""
    return f"; {index} is an index of {', '.join(shown[:_MOST_NAMED])}{more}: use catalog_name={shown[0]}"


def texts_in(value: object) -> list[str]:
    """The texts in a criterion, whatever its form."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return texts_in(value.get("query"))
    if isinstance(value, list | tuple):
        return [item for item in value if isinstance(item, str)]
    return []


def _bad(problems: Sequence[QueryProblem]) -> BadRequest:
    causes = [Cause("parameter", problem.parameter, problem.message) for problem in problems]
    return BadRequest(
        joined_messages(f"{problem.parameter}: {problem.message}." for problem in problems), causes=causes
    )


def _swapped_dates(criteria: Mapping[str, object], schema: CatalogSchema) -> Iterator[str]:
    """A warning for each date among the criteria whose day and month could be swapped."""
    for name, value in criteria.items():
        index = schema.indexes.get(name)
        if index is None or index.kind not in (IndexKind.DATE, IndexKind.DATE_RANGE):
            continue
        asked = value.get("query") if isinstance(value, Mapping) else value
        for text in asked if isinstance(asked, list | tuple) else (asked,):
            swapped = other_reading(text) if isinstance(text, str) else None
            if swapped is not None:
                yield f"{name}: {text!r} was read month first; write {swapped.date()} if that is meant."
