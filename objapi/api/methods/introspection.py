"""Methods that describe the site itself: `types`, `catalogs`, `workflows`."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from typing import Final

from catalog import QueryOptions
from catalog.facets import FACET_KINDS
from catalog.operators import operators_of
from catalog.schema import OPTIONS
from objapi.api.answer_schemas import RECORD, RECORDS, TEXT
from objapi.api.method import Json, Method, MethodCall, Text
from objapi.api.parameters import LANGUAGE, Control
from objapi.errors import BadRequest, NotFound
from objapi.http.access import API
from objapi.model.labels import AS_DECLARED, Label, Labels
from objapi.model.registry import CatalogDeclaration, Registry
from objapi.model.types import Copying, EntityType, Field, IdKind
from objapi.security.needs import Need
from objapi.store.transaction import Transaction
from workflows import Guard, State, Transition, Workflow, mermaid, svg

_PICTURES: Final[Mapping[str, tuple[str, Callable[[Workflow], str]]]] = {
    "svg": ("image/svg+xml", svg),
    "mermaid": ("text/plain", mermaid),
}


# types


def types(call: MethodCall, tx: Transaction) -> Json:
    """All types in brief, by name, as `types`; or the one that the URL names in full, as `type`."""
    registry, language = tx.registry, call.controls.text("language")
    named = call.tail[0] if call.tail else call.controls.text("portal_type")
    if named is not None:
        return call.with_warnings({"type": described_type(registry, named, language)})
    labels = registry.labels(language)
    return call.with_warnings(
        {
            "types": [
                {
                    "portal_type": name,
                    **asdict(labels.of_type(registry.types[name])),
                    "containers": sorted(registry.types[name].containers),
                    "url": call.method_url("types", name),
                }
                for name in sorted(registry.types)
            ]
        }
    )


def described_type(registry: Registry, portal_type: str, language: str | None = None) -> Json:
    """A type as JSON: its containers, catalogs, workflows and fields, called as in a language."""
    declared = registry.types.get(portal_type)
    if declared is None:
        raise NotFound(f"There is no type {portal_type!r}; the method types lists all.")
    labels = registry.labels(language)
    return {
        "portal_type": portal_type,
        **asdict(labels.of_type(declared)),
        "containers": sorted(declared.containers),
        "contains": sorted(name for name, other in registry.types.items() if portal_type in other.containers),
        "workflows": [
            {
                "id": workflow.id,
                "state_variable": workflow.state_variable,
                **_titled(labels.of_index(workflow.state_variable)),
            }
            for workflow in registry.chain(portal_type)
        ],
        "catalogs": list(declared.catalogs),
        "read_catalog": declared.read_catalog or registry.default_catalog,
        "add_permission": declared.add_permission,
        "title_required": declared.title_required,
        "title_shared": declared.title_shared,
        "copyable": declared.copyable and not _stays(declared),
        "movable": declared.movable and not _stays(declared),
        "natural_keys": [
            {"fields": list(key.fields), "within": key.within, "unique": not key.shared}
            for key in declared.natural_keys
        ],
        "create_parameters": _described_fields(portal_type, declared.create_parameters, labels),
        "fields": _described_fields(portal_type, declared.fields, labels, _common_fields(registry)),
        "embedded": _embedded(declared),
        "result_sheet": _brief_sheet(registry, portal_type),
        "charts": [chart.name for chart in registry.charts.values() if portal_type in chart.of],
    }


def _brief_sheet(registry: Registry, portal_type: str) -> Json | None:
    """What the sheet of results is called that an object of the type has; None without one."""
    sheet = registry.result_sheets.get(portal_type)
    return None if sheet is None else {"title": sheet.title, "titles": dict(sheet.titles)}


def _stays(declared: EntityType) -> bool:
    """True for rows of tables and what the site has once: nobody copies or moves them."""
    return declared.table is not None or declared.id_rule.kind is IdKind.FIXED


def _embedded(declared: EntityType) -> Json:
    return {name: {"portal_type": contained} for name, contained in declared.embed.items()}


def _described_fields(
    portal_type: str, fields: Mapping[str, Field], labels: Labels, common: Collection[str] = ()
) -> list[Json]:
    return [
        {
            **_described_field(field, labels.of_field(portal_type, field), labels.words_of(portal_type, field)),
            **({"common": True} if name in common else {}),
        }
        for name, field in fields.items()
    ]


def _common_fields(registry: Registry) -> frozenset[str]:
    """The fields that objects of most types have, and that tell little of one."""
    stored = [declared for declared in registry.types.values() if declared.table is None]
    having = Counter(name for declared in stored for name in declared.fields)
    return frozenset(name for name, count in having.items() if count > 1 and count * 2 > len(stored))


def _described_field(field: Field, label: Label, words: Mapping[str, str]) -> Json:
    described: dict[str, object] = {
        "name": field.name,
        "title": label.title,
        "kind": field.kind.value,
        "required": field.required,
        "multi": field.multi,
        "read_only": field.system or field.path is not None or field.compute is not None,
    }
    optional = {
        "about": label.about,
        "targets": sorted(field.targets),
        "subfields": list(field.subfields),
        "required_subfields": list(field.required_subfields),
        "vocabulary": words,
        "precision": field.precision,
        "default": field.default,
        "stored_on": field.stored_on,
        "alias_of": field.alias_of,
        "read_permission": field.read_permission,
        "write_permission": field.write_permission,
        "copied": "" if field.copied is Copying.TAKEN else field.copied.value,
    }
    return described | {name: value for name, value in optional.items() if value not in (None, "", [], {})}


# catalogs


def catalogs(call: MethodCall, tx: Transaction) -> Json:
    """All catalogs with their indexes and types; `aliases` are other names, which may narrow to some types."""
    registry = tx.registry
    labels = registry.labels(call.controls.text("language"))
    answer = {
        "default_catalog": registry.default_catalog,
        "catalogs": [_described_catalog(registry, catalog, labels) for _, catalog in sorted(registry.catalogs.items())],
        "aliases": [
            {"name": alias.name, "catalog": alias.catalog, "types": sorted(alias.types) if alias.types else None}
            for _, alias in sorted(registry.aliases.items())
        ],
    }
    return call.with_warnings(answer)


def _described_catalog(registry: Registry, catalog: CatalogDeclaration, labels: Labels) -> Json:
    indexes = (index for index in catalog.schema.indexes.values() if index.name not in catalog.hidden)
    reading = QueryOptions(parts="stored" if catalog.table_of is None else "substring_indexes")
    return {
        "name": catalog.name,
        "title": labels.catalogs.get(catalog.name) or catalog.schema.title,
        "types": sorted(name for name, declared in registry.types.items() if catalog.name in declared.catalogs),
        "indexes": [
            {
                "name": index.name,
                **_titled(labels.of_index(index.name)),
                "kind": index.kind.value,
                "type": index.value_type.value,
                "options": sorted(OPTIONS[index.kind]),
                "operators": list(operators_of(catalog.schema, index, reading)),
                "sortable": index.sortable,
                "counted": index.kind in FACET_KINDS,
                "in_answer": index.name in catalog.returned,
            }
            for index in indexes
        ],
    }


def _titled(title: str) -> Json:
    """The title of an index or variable; none is declared, so there is one only in languages that have it."""
    return {"title": title} if title else {}


# workflows


def workflows(call: MethodCall, tx: Transaction) -> Json | Text:
    """All workflows in brief; or the one that the URL names, in full or as a diagram (`format=svg|mermaid`)."""
    picture, labels = call.controls.text("format"), tx.registry.labels(call.controls.text("language"))
    known = tx.registry.workflows
    if not call.tail:
        if picture:
            raise BadRequest.of_parameter("format", "format: a diagram is of one workflow; name it: workflows/<id>.")
        brief = [_brief(call, tx, workflow, labels) for _, workflow in sorted(known.items())]
        return call.with_warnings({"workflows": brief})
    workflow = known.get(call.tail[0])
    if workflow is None:
        raise NotFound(f"There is no workflow {call.tail[0]!r}; the method workflows lists all.")
    if not picture or picture == "json":
        return call.with_warnings({"workflow": described_workflow(workflow, labels)})
    if picture not in _PICTURES:
        raise BadRequest.of_parameter("format", f"format: {picture!r} is none of json, {', '.join(_PICTURES)}.")
    content_type, draw = _PICTURES[picture]
    return Text(draw(workflow), content_type)


def _brief(call: MethodCall, tx: Transaction, workflow: Workflow, labels: Labels) -> Json:
    return {
        "id": workflow.id,
        "title": labels.of_workflow(workflow),
        "state_variable": workflow.state_variable,
        "types": sorted(name for name, declared in tx.registry.types.items() if workflow.id in declared.workflows),
        "states": list(workflow.states),
        "url": call.method_url("workflows", workflow.id),
    }


def described_workflow(workflow: Workflow, labels: Labels = AS_DECLARED) -> Json:
    """A workflow as JSON, called as in a language."""
    return {
        "id": workflow.id,
        "title": labels.of_workflow(workflow),
        "state_variable": workflow.state_variable,
        "initial_state": workflow.initial_state,
        "managed_permissions": list(workflow.managed_permissions),
        "states": [_state(workflow, state, labels) for state in workflow.states.values()],
        "transitions": [_transition(workflow, item, labels) for item in workflow.transitions.values()],
    }


def _state(workflow: Workflow, state: State, labels: Labels) -> Json:
    return {
        "id": state.id,
        "title": labels.of_state(workflow, state),
        "transitions": [transition.id for transition in workflow.exits(state, automatic=False)],
        "automatic_transitions": [transition.id for transition in workflow.exits(state, automatic=True)],
        "permissions": {
            name: {"acquire": setting.acquire, "roles": list(setting.roles)}
            for name, setting in state.permissions.items()
        },
    }


def _transition(workflow: Workflow, transition: Transition, labels: Labels) -> Json:
    return {
        "id": transition.id,
        "title": labels.of_transition(workflow, transition),
        "new_state": transition.new_state,
        "automatic": transition.automatic,
        "always": transition.always,
        "guard": _guard(transition.guard),
        "signature": None if transition.signature is None else asdict(transition.signature),
    }


def _guard(guard: Guard) -> Json:
    return {
        "permissions": list(guard.permissions),
        "roles": list(guard.roles),
        "groups": list(guard.groups),
        "conditions": [{"name": call.name, "args": dict(call.args)} for call in guard.conditions],
    }


INTROSPECTION: Final = (
    Method(
        name="types",
        access=API,
        needs=(Need.NOTHING,),
        controls=(Control("portal_type", "text", about="The type to describe in full."), LANGUAGE),
        answer={"types?": RECORDS, "type?": RECORD},
        tail=1,
        tail_name="portal_type",
        run=types,
    ),
    Method(
        name="catalogs",
        access=API,
        needs=(Need.NOTHING,),
        controls=(LANGUAGE,),
        answer={"default_catalog": TEXT, "catalogs": RECORDS, "aliases": RECORDS},
        run=catalogs,
    ),
    Method(
        name="workflows",
        access=API,
        needs=(Need.NOTHING,),
        controls=(
            Control("format", "text", about="Of one workflow: json, or svg or mermaid for a diagram."),
            LANGUAGE,
        ),
        answer={"workflows?": RECORDS, "workflow?": RECORD},
        media_types=tuple(content_type for content_type, _ in _PICTURES.values()),
        tail=1,
        tail_name="workflow",
        run=workflows,
    ),
)
