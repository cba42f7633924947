"""Events of planning: objects created, moved by a workflow, renamed or removed."""

from dataclasses import dataclass
from typing import TypeAlias

from objapi.store.writing.draft import Draft
from workflows import Step


@dataclass(frozen=True, slots=True)
class Created:
    """An object has come to be."""

    draft: Draft


@dataclass(frozen=True, slots=True)
class Stepped:
    """A workflow step was taken."""

    draft: Draft
    step: Step


@dataclass(frozen=True, slots=True)
class Renamed:
    """An object has got another id."""

    draft: Draft
    old_id: str
    old_path: str


@dataclass(frozen=True, slots=True)
class Removed:
    """An object will be gone."""

    draft: Draft


PlanEvent: TypeAlias = Created | Stepped | Renamed | Removed
