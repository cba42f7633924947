"""Catalogs and their aliases from the declarations of all profiles."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from catalog import IndexKind
from catalog.declare import INDEX_KEYS as INDEX_SCHEMA_KEYS
from catalog.declare import read_catalog
from objapi.model.loading.merging import Declared, declare_all
from objapi.model.loading.names_and_paths import optional_path
from objapi.model.loading.profiles import Profile
from objapi.model.loading.reserved import READ_PARAMETERS
from objapi.model.paths import Path
from objapi.model.registry import CatalogAlias, CatalogDeclaration, IndexSource
from objapi.model.types import EntityType
from workflows.declarations import DeclarationProblem, Node, Section

ALIASES: Final = "aliases"
ALL: Final = "all"
CATALOG_KEYS: Final = ("extend", "title", "about", "types", "indexes", "returned", "hot_queries")
INDEX_KEYS: Final = (*INDEX_SCHEMA_KEYS, "source", "sources", "behavior", "depends", "hidden")
ALIAS_KEYS: Final = ("catalog", "types")


def read_catalogs(
    profiles: Sequence[Profile], types: Mapping[str, EntityType], problems: list[DeclarationProblem]
) -> tuple[dict[str, CatalogDeclaration], dict[str, CatalogAlias], dict[str, Node]]:
    """Every catalog, every alias, and the declarations of both by name."""
    declared: dict[str, Declared] = {}
    aliased: dict[str, Declared] = {}
    for profile in profiles:
        named: list[tuple[str, Node]] = []
        for tree in profile.trees("catalogs", problems):
            for name, node in tree.items().items():
                if name == ALIASES:
                    declare_all(aliased, "alias", profile, node.items().items(), problems)
                else:
                    named.append((name, node))
        declare_all(declared, "catalog", profile, named, problems)
    catalogs = {}
    for name, found in declared.items():
        section = Section(found.node, name, problems, CATALOG_KEYS)
        catalogs[name] = _catalog(section, name, types)
    aliases = {}
    for name, found in aliased.items():
        section = Section(found.node, f"{ALIASES}.{name}", problems, ALIAS_KEYS)
        aliases[name] = _alias(section, name, catalogs, types)
    nodes = {name: found.node for name, found in (*declared.items(), *aliased.items())}
    return catalogs, aliases, nodes


def _catalog(section: Section, name: str, types: Mapping[str, EntityType]) -> CatalogDeclaration:
    schema = replace(read_catalog(section, name, INDEX_KEYS), types=_types(section, name, types))
    held = [item for item in types.values() if schema.types is None or item.portal_type in schema.types]
    sources, hidden = {}, set()
    for index, inner in section.sections("indexes", INDEX_KEYS):
        if index in READ_PARAMETERS:
            inner.note(f"{index!r} is a parameter of read, so no client could ask for the index", "another name")
        if inner.flag("hidden"):
            hidden.add(index)
        source = _code_source(inner, held) if _is_kind(inner, IndexKind.CODE) else _source(inner, index)
        if source is not None:
            sources[index] = source
    returned = section.texts("returned")
    for number, index in enumerate(returned):
        section.choose("returned", index, section.mapping("indexes"), f"index (entry {number + 1})")
    return CatalogDeclaration(
        schema=schema,
        sources=sources,
        returned=returned,
        hidden=frozenset(hidden),
    )


def _types(section: Section, name: str, types: Mapping[str, EntityType]) -> frozenset[str] | None:
    """The types that the catalog holds: None for all of them."""
    if not section.has("types"):
        return frozenset(item.portal_type for item in types.values() if name in item.catalogs)
    if section["types"].value == ALL:
        return None
    section.note("a type lists its catalogs itself", f"types: {ALL}, or no such key", "types")
    return frozenset()


def _is_kind(section: Section, kind: IndexKind) -> bool:
    return section.has("kind") and section["kind"].value == kind.value


def _code_source(section: Section, types: Sequence[EntityType]) -> IndexSource:
    """Source of an index of codes: the id of every object, and what its type says that labels carry."""
    for key in ("source", "sources", "behavior", "depends"):
        if section.has(key):
            section.note("an index of codes holds ids, and what the types declare by scan", "leave it out", key)
    return IndexSource(default=Path((), "id"), more={item.portal_type: item.scan for item in types if item.scan})


def _source(section: Section, index: str) -> IndexSource | None:
    """Source of the index's value; None for one that is stored otherwise, such as the roles that may view."""
    by_type: dict[str, Path | str] = {}
    inner = section.section("sources")
    for portal_type in inner.names():
        path = optional_path(inner, inner.text(portal_type), portal_type)
        if path is not None:
            by_type[portal_type] = path
    depends = tuple(
        path for text in section.texts("depends") if (path := optional_path(section, text, "depends")) is not None
    )
    behavior = section.optional_text("behavior")
    if behavior is None and depends:
        section.note("depends belongs to a behavior; what a path reads is known", "leave it out", "depends")
    if behavior is not None and section.has("source"):
        section.note("source and behavior exclude each other", "one of them", "behavior")
    # Without any source an index takes the value of its own name, unless it is hidden: such are filled by the store.
    default, until = _paths(section)
    if behavior is not None:
        return IndexSource(by_type, behavior, depends if section.has("depends") else None)
    if default is None and not section.has("source") and not section.has("sources"):
        return None if section.flag("hidden") else IndexSource(by_type, Path((), index))
    return IndexSource(by_type, default, until=until)


def _paths(section: Section) -> tuple[Path | None, Path | None]:
    """The path of `source`, or the two of a range of dates."""
    if not section.has("source"):
        return None, None
    if not _is_kind(section, IndexKind.DATE_RANGE):
        text = section.optional_text("source")
        return (None if text is None else optional_path(section, text, "source")), None
    texts = section.texts("source")
    if len(texts) != 2:
        section.note(
            "a date_range has a beginning and an end", "source: [path of the beginning, path of the end]", "source"
        )
        return None, None
    beginning, end = (optional_path(section, text, "source") for text in texts)
    return beginning, end


def _alias(
    section: Section, name: str, catalogs: Mapping[str, CatalogDeclaration], types: Mapping[str, EntityType]
) -> CatalogAlias:
    catalog = section.text("catalog", required=True)
    if catalog:
        section.choose("catalog", catalog, list(catalogs), "catalog")
    if name in catalogs:
        section.note("a catalog has this name", "another name")
    names = section.texts("types")
    for portal_type in names:
        section.choose("types", portal_type, list(types), "type")
    return CatalogAlias(name, catalog, frozenset(names) if section.has("types") else None)
