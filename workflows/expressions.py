"""The few value expressions that workflow variables need, as data; nothing is ever evaluated as code.

A kind is one of `KINDS`. TALES text, as `definition.xml` has it, is recognised by its spelling: see `from_tales`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from workflows.errors import WorkflowError

KINDS = ("transition", "actor", "actor_name", "comment", "now", "history", "kwarg", "constant")

ANONYMOUS_NAME = "Anonymous User"


@dataclass(frozen=True, slots=True)
class Expression:
    """A value worked out when a transition is executed or a variable is read.

    kinds: `transition` (id of the transition, None on creation), `actor` (user id, None for anonymous), `actor_name`
    (user id, or `Anonymous User`), `comment` (the comment of the call, `""` when none), `now` (one instant a
    transition), `history` (the entries so far, oldest first), `kwarg` (keyword argument `name` of the call, `value`
    when it is not given) and `constant` (`value`).
    """

    kind: str
    name: str = ""
    value: object = None


@dataclass(frozen=True, slots=True)
class Environment:
    """What an expression can see: the actor, the call, the instant and the history."""

    user_id: str | None
    transition: str | None
    kwargs: Mapping[str, object]
    now: datetime
    history: Callable[[], list[dict[str, object]]]


def evaluate(expression: Expression, environment: Environment) -> object:
    """The value of an expression; `WorkflowError` for a kind that is not one of `KINDS`."""
    match expression.kind:
        case "constant":
            return expression.value
        case "transition":
            return environment.transition
        case "actor":
            return environment.user_id
        case "actor_name":
            return ANONYMOUS_NAME if environment.user_id is None else environment.user_id
        case "comment":
            return environment.kwargs.get("comment", "")
        case "now":
            return environment.now
        case "history":
            return environment.history()
        case "kwarg":
            return environment.kwargs.get(expression.name, expression.value)
    raise WorkflowError(f"there is no expression {expression.kind!r}; known are {', '.join(KINDS)}")


NOTHING = Expression("constant")

_NAMED = {
    "transition/getId|nothing": Expression("transition"),
    "transition/getId": Expression("transition"),
    "transition/id|nothing": Expression("transition"),
    "user/getId": Expression("actor"),
    "user/getId|nothing": Expression("actor"),
    "python:user.getId()": Expression("actor"),
    "user/getUserName": Expression("actor_name"),
    "python:user.getUserName()": Expression("actor_name"),
    "state_change/getDateTime": Expression("now"),
    "python:state_change.getDateTime()": Expression("now"),
    "state_change/getHistory": Expression("history"),
    "python:state_change.getHistory()": Expression("history"),
    "nothing": NOTHING,
    "python:None": NOTHING,
    "python:True": Expression("constant", value=True),
    "python:False": Expression("constant", value=False),
}
_KWARG_CALL = re.compile(
    r"""python:\s*(?:state_change\.)?kwargs\.get\(\s*(['"])(\w+)\1\s*(?:,\s*(?:(['"])([^'"\\]*)\3|None)\s*)?\)"""
)
_KWARG_PATH = re.compile(r"(?:state_change/)?kwargs/(\w+)\s*\|\s*(?:nothing|string:([^$|]*))")
_INTEGER = re.compile(r"python:\s*(-?\d{1,18})")
_TEXT = re.compile(r"""python:\s*(['"])([^'"\\]*)\1""")


def from_tales(text: str) -> Expression | None:
    """The expression that a TALES text spells, or None when it is not one of those understood here.

    Understood are the usual variable defaults in their usual spellings, `nothing`, `string:` without substitutions,
    Python's `True`, `False`, `None`, whole numbers and plain quoted texts, and `not:` before any constant of these.
    """
    stripped = text.strip()
    if stripped.startswith("string:"):
        return _string(stripped.removeprefix("string:"))
    if stripped.startswith("not:"):
        inner = from_tales(stripped.removeprefix("not:"))
        return Expression("constant", value=not inner.value) if inner and inner.kind == "constant" else None
    if named := _NAMED.get(re.sub(r"^python:\s+", "python:", re.sub(r"\s*\|\s*", "|", stripped))):
        return named
    if match := _KWARG_CALL.fullmatch(stripped):
        return _kwarg(match[2], match[4])
    if match := _KWARG_PATH.fullmatch(stripped):
        return _kwarg(match[1], match[2])
    if match := _INTEGER.fullmatch(stripped):
        return Expression("constant", value=int(match[1]))
    if match := _TEXT.fullmatch(stripped):
        return Expression("constant", value=match[2])
    return None


def _kwarg(name: str, default: str | None) -> Expression:
    if name == "comment" and default == "":
        return Expression("comment")
    return Expression("kwarg", name, default)


def _string(text: str) -> Expression | None:
    if "$" in text.replace("$$", ""):
        return None
    return Expression("constant", value=text.replace("$$", "$"))
