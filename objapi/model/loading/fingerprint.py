"""A digest of the declarations that decide what tables look like and what stands in them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass

from objapi.model.dialects import Dialect
from objapi.model.paths import Path
from objapi.model.registry import CatalogDeclaration, IndexSource, counted_indexes
from objapi.model.types import EntityType, Field, FoldRule
from workflows import Workflow


def fingerprint(
    types: Mapping[str, EntityType],
    catalogs: Mapping[str, CatalogDeclaration],
    workflows: Mapping[str, Workflow],
    dialects: Mapping[str, Dialect],
) -> str:
    """SHA-256, as hexadecimal digits, over what the gateway has tables of its own for: mapped tables are left out.

    It changes with an index, its kind, type or source, with the catalogs of a type, with how a field is stored or
    computed, with states and values that are to be moved, with the rules of the folded state, with the field that
    access follows, and with state variables by which documents are counted; titles, permissions and all else in
    workflows leave it alone. Dialects are in it wholly: processes with other names for the same would answer one client
    in two ways.
    """
    own = {name: catalog for name, catalog in catalogs.items() if catalog.table_of is None}
    content: dict[str, object] = {
        "catalogs": {name: _catalog(catalog) for name, catalog in own.items()},
        "counted": {name: counted_indexes(catalog, workflows) for name, catalog in own.items()},
        "types": {name: _type(entity_type) for name, entity_type in types.items() if entity_type.table is None},
    }
    moved = _moved(types, workflows)
    if moved:
        content["moved"] = moved
    if dialects:
        content["dialects"] = {name: _plain(dialect) for name, dialect in dialects.items()}
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _plain(value: object) -> object:
    """A declaration as values of JSON; sets and mappings in one order, whatever the process."""
    if isinstance(value, Path):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: _plain(getattr(value, item.name)) for item in dataclass_fields(value) if item.init}
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(map(str, value))
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _moved(types: Mapping[str, EntityType], workflows: Mapping[str, Workflow]) -> dict[str, object]:
    values = {
        f"{name}.{field.name}": dict(field.moved_values)
        for name, entity_type in types.items()
        for field in entity_type.fields.values()
        if field.moved_values
    }
    states = {name: dict(workflow.moved_states) for name, workflow in workflows.items() if workflow.moved_states}
    return {**values, **states}


def _catalog(catalog: CatalogDeclaration) -> object:
    schema = catalog.schema
    return {
        "types": None if schema.types is None else sorted(schema.types),
        "indexes": {
            name: [index.kind.value, index.value_type.value, index.hot] for name, index in schema.indexes.items()
        },
        "hot_queries": [list(names) for names in schema.hot_queries],
        "sources": {name: _source(source) for name, source in catalog.sources.items()},
    }


def _source(source: IndexSource) -> object:
    more = {name: [str(path) for path in paths] for name, paths in source.more.items()}
    return {
        "by_type": {name: _text(path) for name, path in source.by_type.items()},
        "default": _text(source.default),
        "until": _text(source.until),
        **({"more": more} if more else {}),
        "depends": sorted(str(path) for path in source.depends or ()),
    }


def _type(entity_type: EntityType) -> object:
    found: dict[str, object] = {
        "catalogs": list(entity_type.catalogs),
        "title": _text(entity_type.title_path),
        "workflows": list(entity_type.workflows),
        "fields": {name: _field(field) for name, field in entity_type.fields.items()},
    }
    if len(entity_type.folds) > 1:
        found["folded_state"] = [_fold(rule) for rule in entity_type.folds]
    if entity_type.access_from is not None:
        found["access_from"] = entity_type.access_from
    return found


def _fold(rule: FoldRule) -> object:
    when = {name: sorted(values) for name, values in rule.when.items()}
    return [rule.variable, sorted(rule.values), when, rule.word]


def _field(field: Field) -> object:
    return [
        field.kind.value,
        field.multi,
        field.precision,
        _text(field.path),
        field.compute,
        sorted(str(path) for path in field.depends or ()),
        field.volatile,
        field.stored_on,
        field.alias_of,
        field.searchable,
    ]


def _text(path: Path | str | None) -> str | None:
    return path if path is None or isinstance(path, str) else str(path)
