"""Catalog declarations (mappings, from YAML or code) become a `CatalogSchema`."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from enum import Enum
from typing import Final, TypeVar

from catalog.errors import CatalogDeclarationError
from catalog.schema import TYPED, CatalogSchema, Index, IndexKind, ValueType
from workflows.declarations import DeclarationProblem, Node, Section, suggestion

ALLOWED_EXTRA: Final = frozenset({"source", "sources", "returned", "aliases"})
"""Keys of a catalog or an index that another module reads."""

CATALOG_KEYS: Final = ("title", "types", "indexes", "hot_queries")
INDEX_KEYS: Final = ("kind", "type", "hot")
_Word = TypeVar("_Word", bound=Enum)


def load_catalog(
    name: str,
    mapping: Mapping[str, object],
    *,
    source: str,
    allowed_keys: Collection[str] = ALLOWED_EXTRA,
) -> CatalogSchema:
    """Read one catalog: `title`, `types` (a list, or `all`), `indexes`, `hot_queries`.

    An index is `{kind: …, type: …, hot: …}` or just its kind. `source` says in messages where the declaration stands;
    `allowed_keys` are keys that another reader takes. Raises CatalogDeclarationError with every fault, each with its
    key path and what was expected; a catalog that no database can hold is a fault too.
    """
    problems: list[DeclarationProblem] = []
    section = Section(Node(mapping, source), name, problems, (*CATALOG_KEYS, *allowed_keys))
    schema = read_catalog(section, name, (*INDEX_KEYS, *allowed_keys))
    if section.has("types") and section.plain("types") != "all":
        schema = replace(schema, types=frozenset(section.texts("types")))
    if problems:
        raise CatalogDeclarationError([str(problem) for problem in problems])
    return schema


def read_catalog(section: Section, name: str, index_keys: Collection[str]) -> CatalogSchema:
    """Read the schema of a catalog that holds all types; faults are noted in the section.

    `index_keys` are the keys that its indexes may have.
    """
    found = len(section.problems)
    indexes = {index.name: index for index in _indexes(section, index_keys)}
    if not section.node.items().get("indexes", Node(None)).value:
        section.note("a catalog needs indexes", "a mapping of index names to their kinds", "indexes")
    hot_queries = tuple(
        _names(section, f"hot_queries[{number}]", entry)
        for number, entry in enumerate(section.entries("hot_queries", "a list of lists of index names"))
    )
    schema = CatalogSchema(name, indexes, section.text("title"), None, hot_queries)
    if len(section.problems) == found:
        for problem in schema.problems():
            complaint = problem.removeprefix(f"catalog {name}: ")
            section.note(complaint, at="hot_queries" if complaint.startswith("hot query") else "indexes")
    return schema


def _indexes(section: Section, known: Collection[str]) -> Iterator[Index]:
    for name, node in section.mapping("indexes").items():
        # Just the kind stands for a mapping with nothing else.
        declared = Node({"kind": node.value}, node.file, node.line) if isinstance(node.value, str) else node
        index = _index(Section(declared, section.path(f"indexes.{name}"), section.problems, known), name)
        if index is not None:
            yield index


def _index(section: Section, name: str) -> Index | None:
    if section.node.value is not None and not isinstance(section.node.value, Mapping):
        return None
    kind = _word(section, "kind", IndexKind)
    value_type = _word(section, "type", ValueType) if "type" in section else ValueType.STRING
    hot = section.flag("hot")
    if kind is IndexKind.SUBSTRING:
        section.note("substring indexes are those of existing tables, which have them by themselves", at="kind")
        return None
    if kind is None or value_type is None:
        return None
    if "type" in section and kind not in TYPED:
        section.note(f"a {kind.value} index has a type of its own", "leave it out", "type")
    return Index(name, kind, value_type, hot)


def _word(section: Section, name: str, choices: type[_Word]) -> _Word | None:
    value = section.plain(name)
    for choice in choices:
        if choice.value == value:
            return choice
    names = [choice.value for choice in choices]
    section.note(f"{value!r} is none of {', '.join(names)}{suggestion(value, names)}", at=name)
    return None


def _names(section: Section, at: str, node: Node) -> tuple[str, ...]:
    names = tuple(entry.value for entry in node.entries() if isinstance(entry.value, str))
    if not isinstance(node.value, list | tuple) or len(names) < len(node.entries()):
        section.note(f"{node.plain()!r} is not a list of index names", "a list of index names", at)
    return names
