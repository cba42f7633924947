"""Translations of what profiles declare (`languages/CODE.yaml`), every name in them checked."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from objapi.model.instrument_files import InstrumentFile
from objapi.model.labels import FieldLabel, Label, Labels, WorkflowLabel
from objapi.model.loading.labels import LABEL_KEYS, field_names, read_label
from objapi.model.loading.profiles import Profile
from objapi.model.registry import CatalogDeclaration
from objapi.model.types import EntityType, Field
from workflows import Workflow
from workflows.declarations import DeclarationProblem, Section

FOLDER: Final = "languages"
LANGUAGE_KEYS: Final = (
    "types",
    "fields",
    "workflows",
    "states",
    "transitions",
    "indexes",
    "catalogs",
    "result_files",
)
_FIELD_KEYS: Final = (*LABEL_KEYS, "words")
_TYPE_KEYS: Final = (*LABEL_KEYS, "fields")
_WORKFLOW_KEYS: Final = ("title", "states", "transitions")


@dataclass(frozen=True, slots=True)
class Translated:
    """What translations may name."""

    types: Mapping[str, EntityType]
    workflows: Mapping[str, Workflow]
    catalogs: Mapping[str, CatalogDeclaration]
    result_files: Mapping[str, InstrumentFile]


def read_languages(
    profiles: Sequence[Profile], translated: Translated, problems: list[DeclarationProblem]
) -> dict[str, Labels]:
    """The translations by the code of their language; a later profile stands above an earlier one."""
    found: dict[str, Labels] = {}
    for profile in profiles:
        for language, tree in profile.named_trees(FOLDER, problems):
            root = Section(tree, "", problems, LANGUAGE_KEYS)
            found[language] = _read(root, translated, found.get(language, Labels()))
    return found


def _read(root: Section, translated: Translated, former: Labels) -> Labels:
    workflows = translated.workflows
    of_types, own_fields = _types(root.section("types"), translated.types)
    states = {name for workflow in workflows.values() for name in workflow.states}
    transitions = {name for workflow in workflows.values() for name in workflow.transitions}
    shared = _fields(root.section("fields"), field_names(translated.types), _vocabularies(translated.types), "any type")
    indexes = _titles(root.section("indexes"), _index_names(translated), "index or variable of a workflow")
    return Labels(
        types={**former.types, **of_types},
        fields={**former.fields, **shared},
        own_fields={**former.own_fields, **own_fields},
        workflows={**former.workflows, **_workflows(root.section("workflows"), workflows)},
        states={**former.states, **_titles(root.section("states"), states, "state")},
        transitions={**former.transitions, **_titles(root.section("transitions"), transitions, "transition")},
        indexes={**former.indexes, **indexes},
        catalogs={**former.catalogs, **_titles(root.section("catalogs"), translated.catalogs, "catalog")},
        result_files={
            **former.result_files,
            **_titles(root.section("result_files"), translated.result_files, "file of an instrument"),
        },
    )


def _types(
    named: Section, types: Mapping[str, EntityType]
) -> tuple[dict[str, Label], dict[tuple[str, str], FieldLabel]]:
    labels: dict[str, Label] = {}
    own: dict[tuple[str, str], FieldLabel] = {}
    for name in named.names():
        if not named.choose(name, name, list(types), "type"):
            continue
        section, declared = named.section(name, _TYPE_KEYS), types[name]
        labels[name] = read_label(section)
        fields = _fields(section.section("fields"), declared.fields, _vocabularies({name: declared}), name)
        own |= {(name, field): label for field, label in fields.items()}
    return labels, own


def _fields(
    section: Section, known: Collection[str], vocabularies: Mapping[str, Collection[str]], of: str
) -> dict[str, FieldLabel]:
    found: dict[str, FieldLabel] = {}
    for name in section.names():
        if section.choose(name, name, list(known), f"field of {of}"):
            own = section.section(name, _FIELD_KEYS)
            words = _titles(own.section("words"), vocabularies.get(name, ()), f"choice of {name}")
            found[name] = FieldLabel(read_label(own), words)
    return found


def _vocabularies(types: Mapping[str, EntityType]) -> dict[str, set[str]]:
    """The choices of the fields of a name, in whatever type."""
    found: dict[str, set[str]] = {}
    for declared in types.values():
        for field in _fields_of(declared):
            found.setdefault(field.name, set()).update(field.vocabulary)
    return found


def _fields_of(declared: EntityType) -> tuple[Field, ...]:
    return (*declared.fields.values(), *declared.create_parameters.values())


def _workflows(named: Section, workflows: Mapping[str, Workflow]) -> dict[str, WorkflowLabel]:
    found: dict[str, WorkflowLabel] = {}
    for name in named.names():
        if named.choose(name, name, list(workflows), "workflow"):
            section, declared = named.section(name, _WORKFLOW_KEYS), workflows[name]
            states = _titles(section.section("states"), declared.states, f"state of {name}")
            transitions = _titles(section.section("transitions"), declared.transitions, f"transition of {name}")
            found[name] = WorkflowLabel(section.text("title"), states, transitions)
    return found


def _titles(section: Section, known: Collection[str], what: str) -> dict[str, str]:
    return {name: section.text(name) for name in section.names() if section.choose(name, name, list(known), what)}


def _index_names(translated: Translated) -> frozenset[str]:
    variables = (workflow.state_variable for workflow in translated.workflows.values())
    indexes = (name for catalog in translated.catalogs.values() for name in catalog.schema.indexes)
    return frozenset(variables) | frozenset(indexes)
