"""What is declared is called, and what helps to fill it in: as it is declared, and in other languages."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from objapi.model.types import EntityType, Field
from workflows import State, Transition, Workflow


@dataclass(frozen=True, slots=True)
class Label:
    """A title and help; either may be empty."""

    title: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class FieldLabel:
    """The label of a field, and what the values of its vocabulary are called."""

    label: Label = Label()
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WorkflowLabel:
    """What a workflow is called, and its own names of its states and transitions."""

    title: str = ""
    states: Mapping[str, str] = field(default_factory=dict)
    transitions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels in one language; what has no translation is called as it is declared.

    Those of a field in one type stand above those of all fields of that name, those of a state or transition in one
    workflow above those of all of that id.
    """

    types: Mapping[str, Label] = field(default_factory=dict)
    fields: Mapping[str, FieldLabel] = field(default_factory=dict)
    own_fields: Mapping[tuple[str, str], FieldLabel] = field(default_factory=dict)
    """Type and field."""
    workflows: Mapping[str, WorkflowLabel] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)
    transitions: Mapping[str, str] = field(default_factory=dict)
    indexes: Mapping[str, str] = field(default_factory=dict)
    """Indexes of catalogs, and the variables in which workflows keep their states."""
    catalogs: Mapping[str, str] = field(default_factory=dict)
    result_files: Mapping[str, str] = field(default_factory=dict)

    def of_type(self, declared: EntityType) -> Label:
        """The label of a type."""
        found = self.types.get(declared.portal_type, _NOTHING)
        return Label(found.title or declared.title, found.about or declared.about)

    def of_field(self, portal_type: str, declared: Field) -> Label:
        """The label of a field of a type."""
        own, shared = (item.label for item in self._of_field(portal_type, declared.name))
        return Label(own.title or shared.title or declared.title, own.about or shared.about or declared.about)

    def words_of(self, portal_type: str, declared: Field) -> dict[str, str]:
        """What each value of the vocabulary of a field is called."""
        own, shared = (item.words for item in self._of_field(portal_type, declared.name))
        return {value: own.get(value) or shared.get(value) or word for value, word in declared.vocabulary.items()}

    def of_workflow(self, declared: Workflow) -> str:
        """What a workflow is called."""
        return self.workflows.get(declared.id, _NO_WORKFLOW).title or declared.title

    def of_state(self, workflow: Workflow, declared: State) -> str:
        """What a state of a workflow is called."""
        own = self.workflows.get(workflow.id, _NO_WORKFLOW).states
        return own.get(declared.id) or self.states.get(declared.id) or declared.title

    def of_transition(self, workflow: Workflow, declared: Transition) -> str:
        """What a transition of a workflow is called."""
        own = self.workflows.get(workflow.id, _NO_WORKFLOW).transitions
        return own.get(declared.id) or self.transitions.get(declared.id) or declared.title

    def of_index(self, name: str) -> str:
        """What an index is called, if need be as the field that it is named after; "" if that has no translation."""
        named = (self.fields[other].label.title for other in _fields_of_index(name) if other in self.fields)
        return self.indexes.get(name) or next(filter(None, named), "")

    def _of_field(self, portal_type: str, name: str) -> tuple[FieldLabel, FieldLabel]:
        return self.own_fields.get((portal_type, name), _NO_FIELD), self.fields.get(name, _NO_FIELD)


def _fields_of_index(name: str) -> Iterator[str]:
    """`getClientUID` is named after `getClientUID`, `ClientUID` or `Client`."""
    bare = re.sub("^get(?=[A-Z])", "", name)
    yield from (name, bare, bare.removesuffix("UID"))


_NOTHING: Final = Label()
_NO_FIELD: Final = FieldLabel()
_NO_WORKFLOW: Final = WorkflowLabel()
AS_DECLARED: Final = Labels()
