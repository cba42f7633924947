"""Labels and help of fields that several types have (`fields.yaml`), and translations (`languages/CODE.yaml`)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from objapi.model.labels import Label, Labels
from objapi.model.loading.profiles import Profile
from objapi.model.types import EntityType, Field
from workflows.declarations import DeclarationProblem, Section

FIELDS_FILE: Final = "fields.yaml"
LANGUAGES_FOLDER: Final = "languages"
LABEL_KEYS: Final = ("title", "about")
LANGUAGE_KEYS: Final = ("types", "fields")
_TYPE_KEYS: Final = (*LABEL_KEYS, "fields")


def with_shared_labels(
    profiles: Sequence[Profile], types: Mapping[str, EntityType], problems: list[DeclarationProblem]
) -> dict[str, EntityType]:
    """The types; fields that say nothing of themselves have the title and help that is declared for their name."""
    shared: dict[str, Label] = {}
    known = _field_names(types)
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


def read_languages(
    profiles: Sequence[Profile], types: Mapping[str, EntityType], problems: list[DeclarationProblem]
) -> dict[str, Labels]:
    """The translations by the code of their language; a later profile stands above an earlier one."""
    found: dict[str, Labels] = {}
    known = _field_names(types)
    for profile in profiles:
        for language, tree in profile.named_trees(LANGUAGES_FOLDER, problems):
            root = Section(tree, "", problems, LANGUAGE_KEYS)
            labels = found.get(language, Labels())
            named = root.section("types")
            own = dict(labels.own_fields)
            of_types = dict(labels.types)
            for name in named.names():
                if not named.choose(name, name, list(types), "type"):
                    continue
                section = named.section(name, _TYPE_KEYS)
                of_types[name] = _label(section)
                fields = _labels(section.section("fields"), types[name].fields, f"field of {name}")
                own |= {(name, field): label for field, label in fields.items()}
            shared = _labels(root.section("fields"), known, "field of any type")
            found[language] = Labels(of_types, {**labels.fields, **shared}, own)
    return found


def _labels(section: Section, known: Collection[str], what: str) -> dict[str, Label]:
    names = [name for name in section.names() if section.choose(name, name, list(known), what)]
    return {name: _label(section.section(name, LABEL_KEYS)) for name in names}


def _label(section: Section) -> Label:
    return Label(section.text("title"), section.text("about"))


def _field_names(types: Mapping[str, EntityType]) -> frozenset[str]:
    parameters = (name for declared in types.values() for name in declared.create_parameters)
    return frozenset(name for declared in types.values() for name in declared.fields) | frozenset(parameters)
