"""Charts from the declarations of all profiles: `charts.yaml`, every name in it checked."""

from collections.abc import Mapping, Sequence
from typing import Final

from catalog import IndexKind
from objapi.model.charts import Chart, ExpectedValues, WeeklyCount
from objapi.model.loading.declared_queries import DeclaredQuery, QueryReader
from objapi.model.loading.merging import declared_in
from objapi.model.loading.profiles import Profile
from objapi.model.loading.result_sheets import read_range
from objapi.model.registry import CatalogDeclaration, Roles
from objapi.model.result_sheets import places_of_object
from objapi.model.types import EntityType
from workflows.declarations import DeclarationProblem, Section

FILE: Final = "charts.yaml"
CHART_KEYS: Final = (
    "extend", "title", "titles", "of", "roles", "catalog", "criteria", "value", "date", "date_index", "line", "unit",
    "filters", "range", "expected", "counts",
)  # fmt: skip
EXPECTED_KEYS: Final = ("field", "key", "of", "value", "low", "high")
COUNT_KEYS: Final = ("title", "titles", "index")
_OF_VALUES: Final = ("value", "date", "date_index")
_EXAMPLE: Final = "0" * 32


def read_charts(
    profiles: Sequence[Profile],
    queries: QueryReader,
    types: Mapping[str, EntityType],
    catalogs: Mapping[str, CatalogDeclaration],
    roles: Roles,
    problems: list[DeclarationProblem],
) -> dict[str, Chart]:
    """The charts in the order in which they are declared; a later profile extends, replaces or adds."""
    found = {}
    for name, item in declared_in(FILE, "chart", profiles, problems).items():
        section = Section(item.node, name, problems, CHART_KEYS)
        chart = _chart(name, section, queries, types, catalogs, tuple(roles.roles))
        if chart is not None:
            found[name] = chart
    return found


def _chart(
    name: str,
    section: Section,
    queries: QueryReader,
    types: Mapping[str, EntityType],
    catalogs: Mapping[str, CatalogDeclaration],
    roles: Sequence[str],
) -> Chart | None:
    of = tuple(one for one in section.texts("of") if section.choose("of", one, list(types), "type"))
    for role in section.texts("roles"):
        section.choose("roles", role, roles, "role")
    query = queries.read(section, places_of_object("/", _EXAMPLE) if section.has("of") else {})
    if query is None:
        return None
    drawn = [types[one] for one in query.types]
    _check(section, query, drawn, catalogs[query.catalog])
    return Chart(
        name=name,
        title=section.text("title", required=True),
        catalog=query.catalog,
        criteria=query.criteria,
        types=query.types,
        of=of,
        roles=frozenset(section.texts("roles")),
        value=section.text("value"),
        date=section.text("date"),
        date_index=section.text("date_index"),
        line=section.text("line"),
        unit=section.text("unit"),
        filters=section.texts("filters"),
        range=read_range(section, drawn),
        expected=_expected(section, drawn, [types[one] for one in of]),
        counts=tuple(
            WeeklyCount(key, one.text("title", key), one.text("index", required=True), _titles(one))
            for key, one in section.sections("counts", COUNT_KEYS)
        ),
        titles=_titles(section),
    )


def _titles(section: Section) -> dict[str, str]:
    titles = section.section("titles")
    return {language: titles.text(language) for language in titles.names()}


def _check(section: Section, query: DeclaredQuery, drawn: Sequence[EntityType], catalog: CatalogDeclaration) -> None:
    """Every name is one of what is drawn, and a chart either draws values of an object or counts on the site."""
    indexes = catalog.schema.indexes
    dates = [name for name, index in indexes.items() if index.kind is IndexKind.DATE]
    if section.has("counts"):
        for _, one in section.sections("counts", COUNT_KEYS):
            if one.has("index"):
                one.choose("index", one.text("index"), dates, f"index of dates of {query.catalog}")
        for key in (*_OF_VALUES, "of", "line", "unit", "filters", "range", "expected"):
            if section.has(key):
                section.note("it goes with value, not with counts", "either counts, or value and date", key)
        return
    for key in (*_OF_VALUES, "of"):
        if not section.has(key):
            section.note(f"{key} is missing", "value, date, date_index and of; or counts")
    known = [*dict.fromkeys(name for one in drawn for name in one.fields), *catalog.returned]
    for key in ("value", "date", "line", "unit"):
        if section.has(key):
            section.choose(key, section.text(key), known, "field of these types, or column of the catalog")
    if section.has("date_index"):
        section.choose("date_index", section.text("date_index"), dates, f"index of dates of {query.catalog}")
    for index in section.texts("filters"):
        section.choose("filters", index, list(indexes), f"index of {query.catalog}")


def _expected(section: Section, drawn: Sequence[EntityType], owners: Sequence[EntityType]) -> ExpectedValues | None:
    if not section.has("expected"):
        return None
    inner = section.section("expected", EXPECTED_KEYS)
    for key in EXPECTED_KEYS:
        inner.text(key, required=True)
    for owner in owners:
        if not inner.has("field") or not inner.choose("field", inner.text("field"), list(owner.fields), "field"):
            continue
        for key in ("key", "value", "low", "high"):
            if inner.has(key):
                inner.choose(key, inner.text(key), owner.fields[inner.text("field")].subfields, "subfield of it")
    if inner.has("of"):
        known = list(dict.fromkeys(name for one in drawn for name in one.fields))
        inner.choose("of", inner.text("of"), known, "field of these types")
    return ExpectedValues(*(inner.text(key) for key in EXPECTED_KEYS))
