"""What can go wrong: one exception class for each thing a caller may want to tell apart.

Everything raised on purpose by this package is a `WorkflowError`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workflows.world import Subject, Verdict


class WorkflowError(Exception):
    """Base of all errors of this package."""


class TransitionNotOffered(WorkflowError):
    """The present state of the object does not list the transition.

    `states` maps workflow id to present state id, `allowed` holds the ids of the transitions that the user could take
    instead.
    """

    def __init__(
        self, subject: "Subject", transition: str, states: Mapping[str, str], allowed: tuple[str, ...], why: str = ""
    ) -> None:
        self.subject = subject
        self.transition = transition
        self.states = states
        self.allowed = allowed
        reason = why or "its state does not list that transition"
        super().__init__(f"{_described(subject, states)} cannot take {transition!r}: {reason}. {_menu(allowed)}")


class NotUserTransition(TransitionNotOffered):
    """The state lists the transition, but it is automatic or not defined, so nobody can ask for it."""


class NoWorkflow(TransitionNotOffered):
    """The object has no workflow at all, so every transition is an error."""


class TransitionRefused(WorkflowError):
    """The state lists the transition, but its guard says no; `verdict` tells why and what would change it."""

    def __init__(
        self,
        subject: "Subject",
        transition: str,
        states: Mapping[str, str],
        allowed: tuple[str, ...],
        verdict: "Verdict",
    ) -> None:
        self.subject = subject
        self.transition = transition
        self.states = states
        self.allowed = allowed
        self.verdict = verdict
        super().__init__(
            f"{_described(subject, states)} is refused {transition!r}: {verdict.sentence()} {_menu(allowed)}"
        )


class UndefinedState(WorkflowError):
    """The object is, or the transition would put it, in a state that the workflow does not have.

    Nothing was changed.
    """


class UnknownWorkflow(WorkflowError):
    """A workflow was named that nobody defined."""


class UnknownInfo(WorkflowError):
    """No workflow of the object has a readable variable of the name asked for."""


class AutomaticLoop(WorkflowError):
    """Automatic transitions followed each other beyond the limit: the definition loops."""


class UnknownCondition(WorkflowError):
    """A guard names a condition that the registry does not have."""


class UnknownEffect(WorkflowError):
    """A cascade names an effect that the registry does not have."""


class ConditionArgument(WorkflowError):
    """A condition was called without an argument it needs, or with one of the wrong shape."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a declaration: where (a key path), what is wrong, and what was expected there."""

    where: str
    message: str
    expected: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" + (f" (expected: {self.expected})" if self.expected else "")


class DeclarationError(WorkflowError):
    """A declaration is wrong; `problems` lists every mistake found in it, not only the first."""

    def __init__(self, problems: "Iterable[Problem]") -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class DefinitionError(WorkflowError):
    """A `definition.xml` cannot be read.

    Which source, which line (None when the whole file is at fault), and the cause.
    """

    def __init__(self, source: str, line: int | None, cause: str) -> None:
        self.source = source
        self.line = line
        self.cause = cause
        super().__init__(f"{source}, line {line}: {cause}" if line is not None else f"{source}: {cause}")


def suggestion(name: object, known: "Iterable[str]") -> str:
    """A text `, did you mean X?` when a known name is close to the given one, else the empty text."""
    close = get_close_matches(str(name), sorted(known), n=1)
    return f", did you mean {close[0]!r}?" if close else ""


def _described(subject: "Subject", states: Mapping[str, str]) -> str:
    if not states:
        return str(subject.key)
    return f"{subject.key} ({', '.join(f'{workflow}: {state}' for workflow, state in states.items())})"


def _menu(allowed: tuple[str, ...]) -> str:
    return f"Allowed now: {', '.join(allowed)}." if allowed else "Nothing is allowed to this user now."
