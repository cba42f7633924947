"""Errors of a transition that is not taken, with what the user could do instead."""

from collections.abc import Mapping

from workflows.errors import WorkflowError
from workflows.world import Subject, Verdict


class TransitionNotOffered(WorkflowError):
    """The present state of the object does not list the transition.

    `states` maps workflow id to present state id, `allowed` holds the ids of the transitions that the user could take
    instead.
    """

    def __init__(
        self, subject: Subject, transition: str, states: Mapping[str, str], allowed: tuple[str, ...], why: str = ""
    ) -> None:
        self.subject = subject
        self.transition = transition
        self.states = states
        self.allowed = allowed
        reason = why or "its state does not list that transition"
        super().__init__(f"{_described(subject, states)} cannot take {transition!r}: {reason}. {_menu(allowed)}")


class NotUserTransition(TransitionNotOffered):
    """The state lists the transition, but it is automatic or not defined, so no user can ask for it."""


class NoWorkflow(TransitionNotOffered):
    """The object has no workflow at all, so every transition is an error."""


class TransitionRefused(WorkflowError):
    """The state lists the transition, but its guard says no; `verdict` has the reasons and what would change them."""

    def __init__(
        self,
        subject: Subject,
        transition: str,
        states: Mapping[str, str],
        allowed: tuple[str, ...],
        verdict: Verdict,
    ) -> None:
        self.subject = subject
        self.transition = transition
        self.states = states
        self.allowed = allowed
        self.verdict = verdict
        super().__init__(
            f"Cannot take {transition!r} on {_described(subject, states)}: {verdict.sentence()} {_menu(allowed)}"
        )


def _described(subject: Subject, states: Mapping[str, str]) -> str:
    if not states:
        return str(subject.key)
    return f"{subject.key} ({', '.join(f'{workflow}: {state}' for workflow, state in states.items())})"


def _menu(allowed: tuple[str, ...]) -> str:
    return f"Allowed now: {', '.join(allowed)}." if allowed else "Nothing is allowed to this user now."
