"""Named conditions, calls to them inside the arguments of others, and filters on objects.

Filters are written `{review_state: [a, b], Result: {not: ""}}`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn, Protocol, TypeAlias

from workflows.definition import ConditionCall
from workflows.errors import ConditionArgument, WorkflowError
from workflows.world import Context, Subject, Verdict, World

ConditionFn: TypeAlias = Callable[[World, Subject, Context, Mapping[str, object]], Verdict | bool]
"""A condition: given the world, the object, who acts and the arguments, whether it holds.

It must not change anything.
"""


Args: TypeAlias = Mapping[str, object]


class Evaluator(Protocol):
    """Look-up of conditions by name, as the registry has it."""

    def evaluate(self, call: ConditionCall, world: World, subject: Subject, context: Context) -> Verdict:
        """The verdict of a named condition."""


ConditionTest: TypeAlias = Callable[[Evaluator, World, Subject, Context], Verdict]
"""What is asked of each object; nested conditions are looked up with the evaluator."""
Preparation: TypeAlias = Callable[[Args], ConditionTest]
"""Reads the arguments of a call once, for all objects that it will be asked of."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that says which arguments it takes, so that calls can be checked when they are declared.

    `nested` are the arguments that hold calls to other conditions, `uses` those of a composed one.
    """

    prepare: Preparation
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    nested: tuple[str, ...] = ()
    uses: tuple[ConditionCall, ...] = ()

    def __call__(self, world: World, subject: Subject, context: Context, args: Args) -> NoReturn:
        """Raise WorkflowError: only a registry finds the other conditions that it may name."""
        raise WorkflowError("a condition is called before it was put into a Registry, so it cannot find others")


def parse_calls(value: object) -> tuple[ConditionCall, ...]:
    """Condition calls as declarations write them: a name, `{name: {argument: value}}`, or a list of these.

    Raises ConditionArgument for any other shape.
    """
    # Nested lists are flattened, since anchors and aliases of YAML put lists of conditions into lists.
    if isinstance(value, list | tuple):
        return tuple(call for item in value for call in parse_calls(item))
    if isinstance(value, ConditionCall):
        return (value,)
    if isinstance(value, str):
        return (ConditionCall(value),)
    if isinstance(value, Mapping) and len(value) == 1:
        ((name, args),) = value.items()
        if isinstance(name, str) and isinstance(args, Mapping) and all(isinstance(key, str) for key in args):
            return (ConditionCall(name, dict(args)),)
        if isinstance(name, str) and args is None:
            return (ConditionCall(name),)
    raise ConditionArgument(f"{value!r} is not a condition: write its name, or {{name: {{argument: value}}}}")


def text_argument(args: Mapping[str, object], name: str) -> str:
    """An argument that must be a text; ConditionArgument otherwise."""
    value = args.get(name)
    if not isinstance(value, str):
        raise ConditionArgument(f"the argument {name!r} must be a text, not {value!r}")
    return value


def values_argument(args: Mapping[str, object], name: str) -> tuple[object, ...]:
    """An argument that is one value or a list of them; ConditionArgument when it is missing."""
    if name not in args:
        raise ConditionArgument(f"the argument {name!r} is missing: one value or a list of values")
    value = args[name]
    return tuple(value) if isinstance(value, list | tuple | set | frozenset) else (value,)


@dataclass(frozen=True, slots=True)
class Where:
    """One filter: the variable or field has one of the values (or none of them, with `negate`)."""

    variable: str
    values: tuple[object, ...]
    negate: bool = False

    def matches(self, subject: Subject) -> bool:
        """True if the object passes the filter."""
        return (subject.value(self.variable) in self.values) is not self.negate


def parse_where(value: object) -> tuple[Where, ...]:
    """Filters as declarations write them: variable -> a value, a list of alternatives, or `{not: value or list}`.

    Raises ConditionArgument for any other shape.
    """
    if value is None:
        return ()
    if isinstance(value, tuple) and all(isinstance(item, Where) for item in value):
        return value
    if not isinstance(value, Mapping):
        raise ConditionArgument(f"'where' must map variables to values, not be {value!r}")
    return tuple(_one(str(variable), wanted) for variable, wanted in value.items())


def _one(variable: str, wanted: object) -> Where:
    if isinstance(wanted, Mapping):
        if set(wanted) != {"not"}:
            raise ConditionArgument(f"'where' of {variable!r} takes values or {{not: values}}, not {wanted!r}")
        return Where(variable, _values(wanted["not"]), negate=True)
    return Where(variable, _values(wanted))


def _values(wanted: object) -> tuple[object, ...]:
    return tuple(wanted) if isinstance(wanted, list | tuple) else (wanted,)
