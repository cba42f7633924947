"""Labels and help of fields that several types have (`fields.yaml`)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from objapi.model.labels import Label
from objapi.model.loading.profiles import Profile
from objapi.model.types import EntityType, Field
from workflows.declarations import DeclarationProblem, Section

FIELDS_FILE: Final = "fields.yaml"
LABEL_KEYS: Final = ("title", "about")


def with_shared_labels(
    profiles: Sequence[Profile], types: Mapping[str, EntityType], problems: list[DeclarationProblem]
) -> dict[str, EntityType]:
    """The types; fields that say nothing of themselves have the title and help that is declared for their name."""
    shared: dict[str, Label] = {}
    known = field_names(types)
    for profile in profiles:
        tree = profile.tree(FIELDS_FILE, problems)
        if tree is not None:
            shared |= _labels(Section(tree, "", problems), known, "field of any type")
    return {name: _labelled(declared, shared) for name, declared in types.items()}


def _labelled(declared: EntityType, shared: Mapping[str, Label]) -> EntityType:
    fields = {name: _with_label(item, shared) for name, item in declared.fields.items()}
    parameters = {name: _with_label(item, shared) for name, item in declared.create_parameters.items()}
    return replace(declared, fields=fields, create_parameters=parameters)


def _with_label(field: Field, shared: Mapping[str, Label]) -> Field:
    label = shared.get(field.name)
    if label is None:
        return field
    return replace(field, title=field.title or label.title, about=field.about or label.about)


def _labels(section: Section, known: Collection[str], what: str) -> dict[str, Label]:
    names = [name for name in section.names() if section.choose(name, name, list(known), what)]
    return {name: read_label(section.section(name, LABEL_KEYS)) for name in names}


def read_label(section: Section) -> Label:
    """The title and help that a section gives."""
    return Label(section.text("title"), section.text("about"))


def field_names(types: Mapping[str, EntityType]) -> frozenset[str]:
    """The names of all fields, and of what is given when objects are made."""
    parameters = (name for declared in types.values() for name in declared.create_parameters)
    return frozenset(name for declared in types.values() for name in declared.fields) | frozenset(parameters)
