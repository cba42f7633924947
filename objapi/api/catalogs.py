"""`catalogs`: what can be searched by, where, and under which names."""

from objapi.api.call import Call, Json
from objapi.model.registry import CatalogDeclaration, Registry
from objapi.store.transaction import Transaction


def answer_catalogs(call: Call, tx: Transaction) -> Json:
    """`catalogs`: every catalog with its indexes and types; `aliases`: other names and what they narrow to."""
    registry = tx.registry
    answer = {
        "default_catalog": registry.default_catalog,
        "catalogs": [_described(registry, catalog) for _, catalog in sorted(registry.catalogs.items())],
        "aliases": [
            {"name": alias.name, "catalog": alias.catalog, "types": sorted(alias.types) if alias.types else None}
            for _, alias in sorted(registry.aliases.items())
        ],
    }
    return call.with_warnings(answer)


def _described(registry: Registry, catalog: CatalogDeclaration) -> Json:
    indexes = (index for index in catalog.schema.indexes.values() if index.name not in catalog.hidden)
    return {
        "name": catalog.name,
        "title": catalog.schema.title,
        "types": sorted(name for name, declared in registry.types.items() if catalog.name in declared.catalogs),
        "indexes": [
            {
                "name": index.name,
                "kind": index.kind.value,
                "type": index.value_type.value,
                "sortable": index.sortable,
                "in_answer": index.name in catalog.returned,
            }
            for index in indexes
        ],
    }
