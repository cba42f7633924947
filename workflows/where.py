"""Filters on objects by their values, used by conditions and cascades alike.

They are written `{review_state: [a, b], Result: {not: ""}}`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from workflows.errors import ConditionArgument
from workflows.world import Subject


@dataclass(frozen=True, slots=True)
class Where:
    """One filter: the variable or field has one of the values (or none of them, with `negate`)."""

    variable: str
    values: tuple[object, ...]
    negate: bool = False

    def matches(self, subject: Subject) -> bool:
        """Whether the object passes the filter."""
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
