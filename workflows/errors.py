"""Errors of this package: one class for each case that a caller may want to distinguish.

Everything raised on purpose by this package is a `WorkflowError`.
"""

from collections.abc import Iterable

from workflows.declarations import DeclarationProblem


class WorkflowError(Exception):
    """Base of all errors of this package."""


class UndefinedState(WorkflowError):
    """The object is, or the transition would put it, in a state that the workflow does not have.

    Nothing was changed.
    """


class UnknownWorkflow(WorkflowError):
    """Workflow that is named and not defined."""


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


class DeclarationError(WorkflowError):
    """A declaration is wrong; `problems` lists every mistake found in it, not only the first."""

    def __init__(self, problems: Iterable[DeclarationProblem]) -> None:
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
