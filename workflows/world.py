"""Protocols of the engine: subjects, the world that holds them, the acting user, verdicts and steps.

A store implements `Subject` and `World`; `workflows.testing` has ready ones on plain values.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from workflows.definition import PermissionSetting, Transition, Workflow


def _everything(name: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Context:
    """The acting user, seen from one object.

    `roles`: global, local and implied roles (`Anonymous` or `Authenticated`) on that object. `holds(permission)`:
    whether the user has it on the object under its present permission map. `sees` and `reads(field)`: whether the user
    may know of the object, and the value of a field; reasons of a refusal tell nothing else. `explains`: all reasons of
    a refusal are wanted, not only enough to refuse.
    """

    user_id: str | None
    roles: frozenset[str]
    groups: frozenset[str]
    holds: Callable[[str], bool]
    sees: bool = True
    reads: Callable[[str], bool] = _everything
    explains: bool = False


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a guard said no (`kind`: permission, role, group or condition), and what would change it.

    `names` are the permissions, roles or groups of which one would do.
    """

    kind: str
    message: str
    remedy: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Yes or no, with the reasons of a no."""

    passed: bool
    reasons: tuple[Reason, ...] = ()

    def sentence(self) -> str:
        """The reasons as text, each with its remedy one sentence; empty for a yes."""
        return " ".join(_sentence(reason) for reason in self.reasons)


def _sentence(reason: Reason) -> str:
    text = "; ".join(part.rstrip(".") for part in (reason.message, reason.remedy) if part)
    return text if text.endswith(("!", "?")) else text + "."


PASSED = Verdict(True)


def refused(kind: str, message: str, remedy: str = "") -> Verdict:
    """A no with one reason."""
    return Verdict(False, (Reason(kind, message, remedy),))


@dataclass(frozen=True, slots=True)
class Step:
    """One history entry to be: what executing a transition changes on the object.

    `transition` is None on creation, and when a state was set without one; `old_state` is None on creation.

    `status` is the whole new entry, the state variable included. `permissions` has every managed permission: its
    setting, or None when the setting is removed and the permission acquired. `group_roles` has every managed group
    with the roles it is granted; of the roles that the workflow manages (`workflow.group_managed_roles`) it loses the
    others.
    """

    workflow: Workflow
    transition: Transition | None
    old_state: str | None
    new_state: str
    status: Mapping[str, object]
    permissions: Mapping[str, PermissionSetting | None]
    group_roles: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class StepOrigin:
    """Why a step was taken, and what it follows from.

    `kind`: `request` (somebody asked for it), `creation` (the initial state), `cascade` (an action that follows a
    `transition` of `subject`, or its `event`), `automatic` (of the state that `transition` led to), `always` (a change
    let the guard of an `always` transition pass), or `effect`, of a world's own: a change of `field`, or an `event`.
    """

    kind: str
    subject: "Subject | None" = None
    transition: str = ""
    event: str = ""
    field: str = ""


class Subject(Protocol):
    """An object that has workflow."""

    @property
    def key(self) -> Hashable:
        """Identity of the object; its text names the object in messages."""

    @property
    def type_name(self) -> str:
        """The type, by which cascades are declared."""

    def status(self, workflow_id: str) -> Mapping[str, object] | None:
        """The present status (last history entry, state variable inside).

        None when the object never entered that workflow.
        """

    def last_actor(self, workflow_id: str, transition_id: str) -> str | None:
        """The user who last took that transition; None when no known user did."""

    def value(self, name: str) -> object:
        """The value of a field, attribute or workflow state variable; None when there is none."""


@runtime_checkable
class KeepsHistory(Protocol):
    """A subject that can hand out its whole history; only variables with the `history` expression ask for it."""

    def history(self, workflow_id: str) -> list[dict[str, object]]:
        """Copies of all entries, oldest first."""


@runtime_checkable
class TakesSignatures(Protocol):
    """A world that knows of signatures; one that does not takes signed transitions as it takes all others."""

    def may_sign(self, subject: Subject, transition: Transition, *, taking: bool) -> Verdict:
        """Whether the acting user may sign a transition of the object with `transition.signature`.

        `taking`: it is to be taken now, so that what the signer has to show must be there.
        """


class World(Protocol):
    """Container of subjects, as one user sees it. It sees its own changes: what was applied shows in later guards."""

    def chain(self, subject: Subject) -> Sequence[Workflow]:
        """The workflows of the object, in order."""

    def context(self, subject: Subject) -> Context:
        """The acting user, seen from the object."""

    def related(self, subject: Subject, relation: str) -> Sequence[Subject]:
        """The objects that stand in a named relation to this one, in a fixed order."""

    def apply(self, subject: Subject, step: Step) -> None:
        """Record a step: append the status to the history, set permissions and group roles."""

    def assign(self, subject: Subject, field: str, value: object) -> None:
        """Set a field."""

    def now(self) -> datetime:
        """The present instant, with time zone."""
