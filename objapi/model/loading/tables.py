"""Types mapped onto existing tables: their `table`, and the catalog that follows from it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from catalog import CatalogSchema, Index, IndexKind, ValueType
from objapi.model.loading.reserved import READ_PARAMETERS
from objapi.model.loading.row_rules import read_rows
from objapi.model.paths import Path
from objapi.model.references import PathProblem, normalise_path
from objapi.model.registry import CatalogDeclaration, IndexSource
from objapi.model.types import GATEWAY, EntityType, Field, Kind, RowRule, TableMapping
from workflows import Workflow
from workflows.declarations import DeclarationProblem, Node, Section

ROWS_KEYS: Final = ("own", "all_with", "rule", "by")
TABLE_KEYS: Final = ("name", "key", "key_type", "read_only", "database", "folder", "rows")
CONTAINS: Final = "_contains"
"""Ending of the indexes that search the text of a field for a part of it."""
KEY_TYPES: Final = ("number", "text")
MOST_NUMBERS: Final = 2
"""The most columns of a key of whole numbers."""

_UNFIT_KINDS: Final = (Kind.RECORD, Kind.RECORDS, Kind.LINES, Kind.FILE)
_INDEX_TYPES: Final[Mapping[Kind, tuple[IndexKind, ValueType]]] = {
    Kind.STRING: (IndexKind.FIELD, ValueType.STRING),
    Kind.TEXT: (IndexKind.FIELD, ValueType.STRING),
    Kind.INTEGER: (IndexKind.FIELD, ValueType.INTEGER),
    Kind.FIXEDPOINT: (IndexKind.FIELD, ValueType.DECIMAL),
    Kind.NUMBER: (IndexKind.FIELD, ValueType.DECIMAL),
    Kind.BOOLEAN: (IndexKind.BOOLEAN, ValueType.STRING),
    Kind.DATETIME: (IndexKind.DATE, ValueType.STRING),
    Kind.REFERENCE: (IndexKind.UUID, ValueType.STRING),
}
"""Kind of field → the index that its column serves as; others have none."""
_NOT_FOR_ROWS: Final = (
    "containers",
    "id",
    "catalogs",
    "scope",
    "creator",
    "container_from",
    "embed",
    "title_required",
    "title_shared",
)
"""Keys of a type that mean nothing where the objects are rows of a table."""


def read_table(
    section: Section, portal_type: str, fields: Mapping[str, Field], rules: Mapping[str, RowRule]
) -> TableMapping | None:
    """The `table` of a type; None for a type that the gateway stores itself. `rules` are the named row rules."""
    nodes = section.section("fields")
    if not section.has("table"):
        for name in fields:
            if nodes.section(name).has("column"):
                nodes.section(name).note("only a type with a table has columns", "leave it out", "column")
        return None
    inner = section.section("table", TABLE_KEYS)
    for key in _NOT_FOR_ROWS:
        if section.has(key):
            section.note(f"{key} has no meaning for a type whose objects are rows of a table", "leave it out", key)
    columns = {
        field.name: nodes.section(field.name).text("column", field.name)
        for field in fields.values()
        if field.kind is not Kind.COMPUTED and field.alias_of is None
    }
    for name, other in _twice(columns):
        nodes.note(f"{name} and {other} are the same column {columns[name]}", "alias_of, or another column", name)
    key_type = inner.text("key_type", KEY_TYPES[0])
    inner.choose("key_type", key_type, KEY_TYPES, "type of key")
    text_key = key_type == "text"
    return TableMapping(
        name=inner.text("name", portal_type),
        key=_key(inner, columns, text_key=text_key),
        text_key=text_key,
        read_only=inner.flag("read_only"),
        database=inner.text("database", GATEWAY),
        folder=_folder(inner),
        columns=columns,
        rows=read_rows(inner.section("rows", ROWS_KEYS), portal_type, rules) if inner.has("rows") else None,
    )


def _twice(columns: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    known: dict[str, str] = {}
    for name, column in columns.items():
        other = known.setdefault(column.lower(), name)
        if other != name:
            yield name, other


def _key(inner: Section, columns: Mapping[str, str], *, text_key: bool) -> tuple[str, ...]:
    if not inner.has("key"):
        inner.note("key is missing", "the name of the primary key's column, or a list of them")
        return ("id",)
    value = inner["key"].value
    key = inner.texts("key") if isinstance(value, list | tuple) else (inner.text("key"),)
    if not key or (len(key) > MOST_NUMBERS and not text_key):
        expected = f"1 to {MOST_NUMBERS} columns of whole numbers, or key_type: text"
        inner.note(f"a key of {len(key)} columns cannot be served", expected, "key")
        return ("id",)
    if len(key) > 1:
        for column in key:
            if column not in columns.values():
                inner.note(f"no field has the key column {column}", "a required field for each of several", "key")
    return key


def _folder(inner: Section) -> str:
    text = inner.text("folder", "/")
    try:
        return normalise_path(text, "")
    except PathProblem as problem:
        inner.note(str(problem), "a path such as /stock", "folder")
        return "/"


def check_tables(
    types: Mapping[str, EntityType], nodes: Mapping[str, Node], problems: list[DeclarationProblem]
) -> None:
    """Note what keeps types from being rows of tables, and references from leading there."""
    taken: dict[tuple[str, str], str] = {}
    for name, item in types.items():
        for field in item.fields.values():
            _check_field(types, item, field, nodes[name], problems)
        if item.table is None:
            continue
        for path in item.scan:
            if path.steps or path.attribute not in item.table.columns:
                node = nodes[name].nearest("scan")
                problems.append(node.problem(f"{name}.scan", f"{path} is no column of the table", "its own fields"))
        place = (item.table.database, item.table.name.lower())
        other = taken.setdefault(place, name)
        if other != name:
            node = nodes[name].nearest("table")
            message = f"the rows of {item.table.name} are the objects of {other} ({types[other].source}) already"
            problems.append(node.problem(f"{name}.table", message, "each table once"))


def _check_field(
    types: Mapping[str, EntityType],
    item: EntityType,
    field: Field,
    node: Node,
    problems: list[DeclarationProblem],
) -> None:
    def note(message: str, expected: str) -> None:
        key = f"fields.{field.name}"
        problems.append(node.nearest(key).problem(f"{item.portal_type}.{key}", message, expected))

    # A reference is a foreign key, which the database joins: it can lead neither from a stored object to a row nor
    # into another database, and one column holds one key.
    targets = [types[name] for name in field.targets if name in types]
    if item.table is None:
        mapped = [target.portal_type for target in targets if target.table is not None]
        if mapped:
            note(f"{mapped[0]} is a table, which only types of the same database refer to", "a stored type")
        return
    if field.kind in _UNFIT_KINDS or field.stored_on is not None:
        note("no column can hold such a field", "a kind with one value: string, integer, datetime, reference …")
    if field.kind is Kind.REFERENCE and field.alias_of is None:
        one = targets[0].table if len(targets) == 1 else None
        if one is None or field.multi:
            note("a foreign key leads to one row of one table", "targets: [one type with a table], not multi")
        elif one.database != item.table.database or len(one.key) > 1:
            note("a foreign key leads to a table with one key column in the same database", "another target")


def snake_case(name: str) -> str:
    """The name of the catalog of a type that names no other one."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "_", name).lower()


def catalogs_of_tables(types: Mapping[str, EntityType]) -> dict[str, str]:
    """Type → the name of the catalog that its table is: its read_catalog, else its own name in snake case."""
    return {name: item.read_catalog or snake_case(name) for name, item in types.items() if item.table is not None}


@dataclass(frozen=True, slots=True)
class _TableIndexes:
    """Indexes of a table's catalog while they are collected: the first of a name stays."""

    indexes: dict[str, Index]
    sources: dict[str, IndexSource]

    def add(self, index: str, kind: IndexKind, value_type: ValueType, attribute: str) -> None:
        if index not in self.indexes and index not in READ_PARAMETERS:
            self.indexes[index] = Index(index, kind, value_type)
            self.sources[index] = IndexSource(default=Path((), attribute))

    def add_fields(self, item: EntityType, keys: Mapping[str, ValueType]) -> None:
        """Add the indexes of the fields; `keys` are the types of the keys that references lead to."""
        for field in item.fields.values():
            shape = _INDEX_TYPES.get(field.kind)
            stored = field.alias_of or field.name
            if shape is not None and item.table is not None and stored in item.table.columns:
                self.add(field.name, *shape, stored)
                if field.kind is Kind.REFERENCE:
                    self.add(item.table.columns[stored], IndexKind.FIELD, keys[field.targets[0]], stored)
        for field in item.fields.values():
            stored = field.alias_of or field.name
            if field.kind in (Kind.STRING, Kind.TEXT) and item.table is not None and stored in item.table.columns:
                self.add(f"{field.name}{CONTAINS}", IndexKind.SUBSTRING, ValueType.STRING, stored)

    def add_title(self, item: EntityType) -> None:
        title = item.title_path
        if title is not None and not title.steps and title.attribute in self.indexes:
            shown = self.indexes[title.attribute]
            for name in _TITLES:
                self.add(name, shown.kind, shown.value_type, title.attribute)


def _key_type(target: EntityType | None) -> ValueType:
    is_text = target is not None and target.table is not None and target.table.text_key
    return ValueType.STRING if is_text else ValueType.INTEGER


_TITLES: Final = ("title", "Title")
_NAMES: Final = (
    ("UID", IndexKind.UUID, "uid"),
    ("id", IndexKind.FIELD, "id"),
    ("path", IndexKind.PATH, "path"),
    ("portal_type", IndexKind.FIELD, "portal_type"),
)


def catalog_of_table(
    item: EntityType, name: str, workflows: Mapping[str, Workflow], types: Mapping[str, EntityType]
) -> CatalogDeclaration:
    """The catalog that a table is: every column an index, and the names and states that every object has."""
    keys = {target: _key_type(types.get(target)) for field in item.fields.values() for target in field.targets}
    found = _TableIndexes({}, {})
    # The type's own fields come first: a column named id or path is asked for as the table has it.
    found.add_fields(item, keys)
    for index, kind, attribute in _NAMES:
        found.add(index, kind, ValueType.STRING, attribute)
    found.add_title(item)
    found.add("scan", IndexKind.CODE, ValueType.STRING, "id")
    if item.scan and found.indexes["scan"].kind is IndexKind.CODE:
        found.sources["scan"] = IndexSource(default=Path((), "id"), more={item.portal_type: item.scan})
    for workflow in (workflows[name] for name in item.workflows if name in workflows):
        found.add(workflow.state_variable, IndexKind.FIELD, ValueType.STRING, workflow.state_variable)
    schema = CatalogSchema(name, found.indexes, title=item.title, types=frozenset({item.portal_type}))
    returned = tuple(index for index in _TITLES if index in found.indexes and index not in item.fields)
    return CatalogDeclaration(schema, found.sources, returned=returned, table_of=item.portal_type)
