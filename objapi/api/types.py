"""`types` and `types/<portal_type>`: what kinds of objects a site has, and what their fields take."""

from collections.abc import Mapping

from objapi.api.call import Call, Json
from objapi.errors import NotFound
from objapi.model.registry import Registry
from objapi.model.types import EntityType, Field
from objapi.store.transaction import Transaction


def answer_types(call: Call, tx: Transaction) -> Json:
    """`types`: all of them in brief, by name; `type`: one of them in full when the URL names it."""
    registry = tx.registry
    named = call.tail[0] if call.tail else call.controls.text("portal_type")
    if named is not None:
        return call.with_warnings({"type": described_type(registry, named)})
    return call.with_warnings(
        {
            "types": [
                {
                    "portal_type": name,
                    "title": registry.types[name].title,
                    "about": registry.types[name].about,
                    "containers": sorted(registry.types[name].containers),
                    "url": call.method_url("types", name),
                }
                for name in sorted(registry.types)
            ]
        }
    )


def described_type(registry: Registry, portal_type: str) -> Json:
    """A type as JSON: where it lives, what it is searched by, its workflows and its fields."""
    declared = registry.types.get(portal_type)
    if declared is None:
        raise NotFound(f"There is no type {portal_type!r}; the method types lists those there are.")
    return {
        "portal_type": portal_type,
        "title": declared.title,
        "about": declared.about,
        "containers": sorted(declared.containers),
        "contains": sorted(name for name, other in registry.types.items() if portal_type in other.containers),
        "workflows": [
            {"id": workflow.id, "state_variable": workflow.state_variable} for workflow in registry.chain(portal_type)
        ],
        "catalogs": list(declared.catalogs),
        "read_catalog": declared.read_catalog or registry.default_catalog,
        "add_permission": declared.add_permission,
        "title_required": declared.title_required,
        "title_shared": declared.title_shared,
        "create_parameters": _described_fields(declared.create_parameters),
        "fields": _described_fields(declared.fields),
        "embedded": _embedded(declared),
    }


def _embedded(declared: EntityType) -> Json:
    return {name: {"portal_type": contained} for name, contained in declared.embed.items()}


def _described_fields(fields: Mapping[str, Field]) -> list[Json]:
    return [_described_field(field) for field in fields.values()]


def _described_field(field: Field) -> Json:
    described: dict[str, object] = {
        "name": field.name,
        "title": field.title,
        "kind": field.kind.value,
        "required": field.required,
        "multi": field.multi,
        "read_only": field.system or field.path is not None or field.compute is not None,
    }
    optional = {
        "targets": sorted(field.targets),
        "subfields": list(field.subfields),
        "required_subfields": list(field.required_subfields),
        "vocabulary": dict(field.vocabulary),
        "precision": field.precision,
        "default": field.default,
        "stored_on": field.stored_on,
        "alias_of": field.alias_of,
        "read_permission": field.read_permission,
        "write_permission": field.write_permission,
    }
    return described | {name: value for name, value in optional.items() if value not in (None, "", [], {})}
