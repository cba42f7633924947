"""The columns of an export: what identifies an object, then what was asked for, else all that its types declare."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from objapi.model.registry import Registry
from objapi.model.types import EntityType, Field, Kind
from objapi.sheets.cells import Hints

UID: Final = "UID"
VERSION: Final = "version"
PATH: Final = "path"
TYPE: Final = "portal_type"
IDENTITY: Final = (UID, VERSION, PATH)
"""The first columns of each sheet, by which its rows are known when it comes back."""
_OF_EVERY_OBJECT: Final = (*IDENTITY, "id", TYPE, "title", "transitions")


@dataclass(frozen=True, slots=True)
class ExportColumns:
    """Columns of an export, by their names."""

    names: tuple[str, ...]
    fields: Mapping[str, Field]
    """The fields among them; of several types with a field of one name that of the first."""
    unknown: tuple[str, ...] = ()
    """What is wrong with names that were asked for and are no columns."""


def columns_of(
    registry: Registry,
    portal_types: Sequence[str],
    include: Sequence[str] = (),
    expand: Sequence[str] = (),
    methods: Sequence[str] = (),
) -> ExportColumns:
    """The columns of objects of some types, all types if none is named: those that `include` names, else every field.

    `expand` and `methods` are those of a read.
    """
    types = [registry.types[name] for name in portal_types if name in registry.types] or list(registry.types.values())
    fields: dict[str, Field] = {}
    for declared in types:
        for name, field in declared.fields.items():
            fields.setdefault(name, field)
    known = dict.fromkeys((*_OF_EVERY_OBJECT, *fields, *methods, *_computed(registry, types)))
    asked = dict.fromkeys(include) if include else _everything(registry, types)
    hints = Hints()
    unknown = [
        f"include_fields: {name[:60]!r} is no field of what was asked for{hints.near(name, known)}"
        for name in asked
        if name not in known
    ]
    names = dict.fromkeys((*IDENTITY, *_with_targets((name for name in asked if name in known), expand), *methods))
    return ExportColumns(tuple(names), fields, tuple(unknown))


def _computed(registry: Registry, types: Iterable[EntityType]) -> Iterable[str]:
    """Members of answers that are no fields: states, columns of catalogs, UIDs of references, contained objects."""
    for declared in types:
        yield from registry.state_variables(declared.portal_type)
        yield from declared.embed
        for field in declared.fields.values():
            if field.kind is Kind.REFERENCE:
                yield f"{field.name}_uid"
        for catalog in registry.catalogs_of(declared.portal_type):
            yield from catalog.returned


def _everything(registry: Registry, types: Sequence[EntityType]) -> Mapping[str, None]:
    names: dict[str, None] = dict.fromkeys(("id", TYPE, "title"))
    for declared in types:
        names.update(dict.fromkeys(registry.state_variables(declared.portal_type)))
    for declared in types:
        # Another name of a field would be a second column with the same values.
        names.update(dict.fromkeys(field.name for field in declared.fields.values() if field.alias_of is None))
    return names


def _with_targets(names: Iterable[str], expand: Sequence[str]) -> Iterable[str]:
    for name in names:
        yield name
        if name in expand:
            yield from (f"{name}_title", f"{name}_path")
