"""Natural keys: fields by whose values clients know the objects of a type, such as the number of a customer."""

from collections.abc import Iterable, Mapping
from typing import Final

from catalog import IndexKind, ValueType
from objapi.model.paths import Path
from objapi.model.references import CATALOG_TERM, QueryLookup
from objapi.model.registry import CatalogDeclaration, Registry
from objapi.model.types import EntityType, Field, Kind, NaturalKey

CONTAINER: Final = "container"
SITE: Final = "site"
_VALUES: Final = {Kind.STRING: ValueType.STRING, Kind.INTEGER: ValueType.INTEGER}


def asked_key(entity_type: EntityType, asked: str) -> NaturalKey | str:
    """The declared key that names of fields, separated by commas, mean; or what is wrong with them."""
    names = [name.strip() for name in asked.split(",")]
    stored = [field.alias_of or name if (field := entity_type.fields.get(name)) else name for name in names]
    for key in entity_type.natural_keys:
        if sorted(key.fields) == sorted(stored):
            return key
    known = " or ".join(", ".join(key.fields) for key in entity_type.natural_keys)
    declared = f"it has {known}" if known else "it declares none"
    return f"{asked[:80]!r} is no natural key of {entity_type.portal_type}: {declared}"


def key_indexes(
    entity_type: EntityType, key: NaturalKey, catalogs: Iterable[CatalogDeclaration]
) -> tuple[CatalogDeclaration, Mapping[str, str]] | None:
    """The catalog that finds objects by a key, with the index over each field that it has one for; None: none does."""
    best: tuple[CatalogDeclaration, Mapping[str, str]] | None = None
    for catalog in catalogs:
        found: dict[str, str] = {}
        for name, index in catalog.schema.indexes.items():
            source = catalog.sources.get(name)
            path = None if source is None or source.until is not None else source.of(entity_type.portal_type)
            field = path.attribute if isinstance(path, Path) and not path.steps and path.key is None else None
            if field in key.fields and index.kind is IndexKind.FIELD:
                kind = entity_type.fields[field].kind
                if index.value_type is _VALUES.get(kind):
                    found.setdefault(field, name)
        if found and (best is None or len(found) > len(best[1])):
            best = (catalog, found)
    return best


def key_faults(
    entity_type: EntityType, key: NaturalKey, catalogs: Iterable[CatalogDeclaration]
) -> Iterable[tuple[str, str]]:
    """What keeps declared fields from being a natural key, each with what is expected."""
    for name in key.fields:
        field = entity_type.fields.get(name)
        if field is None:
            yield f"the type has no field {name!r}", "fields of the type, separated by commas"
        elif field.kind not in _VALUES or field.alias_of or field.stored_on or field.system or field.read_permission:
            yield (
                f"{name} cannot be part of a natural key",
                "a string or integer of the object's own, which is no other name and which all may read",
            )
    if key.within not in (SITE, CONTAINER):
        scope = entity_type.fields.get(key.within)
        if scope is None or scope.kind is not Kind.REFERENCE or scope.multi or scope.alias_of:
            yield (
                f"{key.within!r} is nothing within which a key holds",
                "site, container, or a field with one reference",
            )
    elif key.within == CONTAINER and entity_type.table is not None:
        yield "rows of a table have no container", "site, or a field with one reference"
    if all(name in entity_type.fields for name in key.fields) and key_indexes(entity_type, key, catalogs) is None:
        yield (
            f"no catalog of {entity_type.portal_type} has an index of kind field over {' or '.join(key.fields)}",
            f"an index with source: {key.fields[0]}",
        )


def query_by_key(registry: Registry, field: Field, lookup: QueryLookup) -> QueryLookup | None:
    """The query for objects by the natural key that was sent to a reference field as an id; None for any other query.

    The key has to be a single text that means one object on the whole site.
    """
    terms = dict(lookup.terms)
    for portal_type in field.targets if list(terms) == ["id"] else ():
        declared = registry.types[portal_type]
        for key in declared.natural_keys:
            name = key.fields[0]
            if key.within != SITE or len(key.fields) > 1 or declared.fields[name].kind is not Kind.STRING:
                continue
            found = key_indexes(declared, key, registry.catalogs_of(portal_type))
            if found is not None:
                catalog, indexes = found
                named = ((CATALOG_TERM, (catalog.name,)), ("portal_type", (portal_type,)))
                return QueryLookup((*named, (indexes[name], terms["id"])))
    return None
