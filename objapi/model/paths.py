"""Paths through the object model: how a declaration names another object's value.

A path is read from left to right, starting at an object::

    SampleType.title                  the title of the object that the reference field SampleType names
    parent.Sample.DateSampled         a value of an object that the container refers to
    children(Analysis).Analyst        the values of all contained analyses
    back(Worksheet.Analyses)          the worksheets whose field Analyses names this object
    parent.PhysicalAddress/state      one key of a record field

Computed fields, index values, id rules, relations of cascades and conditions all use this one notation, and because
every step can be walked backwards the store knows which objects must be written again when a value changes.
"""

import re
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Parent:
    """The step from an object to its container."""


@dataclass(frozen=True, slots=True)
class Children:
    """The step from a container to the contained objects of some types."""

    types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """The step from an object to what its reference field names."""

    field: str


@dataclass(frozen=True, slots=True)
class Back:
    """The step from an object to the objects of a type whose reference field names it."""

    portal_type: str
    field: str


Step: TypeAlias = Parent | Children | Target | Back


@dataclass(frozen=True, slots=True)
class Path:
    """Steps to other objects and, at their end, the name of a value; without a name the path means the objects."""

    steps: tuple[Step, ...] = ()
    attribute: str | None = None
    key: str | None = None
    """The key inside a record field, after a slash."""
    multiple: bool = field(init=False, compare=False, repr=False)
    """True if the steps alone can lead to several objects (a multi-valued reference can, too)."""
    rest: "Path | None" = field(init=False, compare=False, repr=False)
    """The path from the end of the first step on; None without steps."""
    end: "Path" = field(init=False, compare=False, repr=False)
    """The path from the end of all steps."""
    _hash: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        rest = Path(self.steps[1:], self.attribute, self.key) if self.steps else None
        object.__setattr__(self, "multiple", any(isinstance(step, Children | Back) for step in self.steps))
        object.__setattr__(self, "rest", rest)
        object.__setattr__(self, "end", self if rest is None else rest.end)
        object.__setattr__(self, "_hash", hash((self.steps, self.attribute, self.key)))

    def __hash__(self) -> int:
        # Paths are keys of what many objects have in common, which is looked up for each of them.
        return self._hash

    def __str__(self) -> str:
        parts = [_step_text(step) for step in self.steps]
        if self.attribute is not None:
            parts.append(self.attribute + (f"/{self.key}" if self.key else ""))
        return ".".join(parts) or "self"


class PathError(ValueError):
    """A path that cannot be read; the message names the part that is wrong."""


_NAME = r"[A-Za-z_][A-Za-z0-9_ ]*"
_STEP = re.compile(
    rf"(?:(?P<call>children|back)\((?P<args>[^()]*)\)|(?P<name>{_NAME})(?:/(?P<key>{_NAME}))?)(?P<dot>\.|$)"
)


def parse_path(text: str) -> Path:
    """Read a path that ends in the name of a value, such as ``parent.Sample.id``. Raises `PathError`."""
    steps, last = _split(text)
    if last is None:
        raise PathError(f"{text!r} ends in a step; the name of a value is expected after it")
    name, key = last
    return Path(tuple(steps), name, key)


def parse_relation(text: str) -> Path:
    """Read a path that means objects, such as ``parent.children(SamplePartition)``; ``self`` is the object itself.

    Raises PathError.
    """
    if text == "self":
        return Path()
    steps, last = _split(text)
    if last is not None:
        name, key = last
        if key is not None:
            raise PathError(f"{text!r} ends in a key of a record; a reference field is expected")
        steps.append(Target(name))
    return Path(tuple(steps))


def _split(text: str) -> tuple[list[Step], tuple[str, str | None] | None]:
    steps: list[Step] = []
    position = 0
    if not text:
        raise PathError("an empty path")
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise PathError(f"{text!r} cannot be read from {text[position:]!r} on")
        position = match.end()
        is_last = match["dot"] == ""
        if match["call"]:
            steps.append(_call(text, match["call"], match["args"]))
        elif match["name"] == "parent":
            steps.append(Parent())
        elif is_last:
            return steps, (match["name"], match["key"])
        elif match["key"]:
            raise PathError(f"{text!r}: nothing can follow the record key {match['key']!r}")
        else:
            steps.append(Target(match["name"]))
    if text.endswith("."):
        raise PathError(f"{text!r} ends in a dot")
    return steps, None


def _call(text: str, call: str, args: str) -> Step:
    names = tuple(name.strip() for name in args.split(","))
    if not all(names):
        raise PathError(f"{text!r}: {call}() names no type")
    if call == "children":
        return Children(names)
    portal_type, dot, field = names[0].partition(".")
    if len(names) > 1 or not dot or not field:
        raise PathError(f"{text!r}: back() takes one Type.Field")
    return Back(portal_type, field)


def _step_text(step: Step) -> str:
    match step:
        case Parent():
            return "parent"
        case Children(types):
            return f"children({', '.join(types)})"
        case Target(field):
            return field
        case Back(portal_type, field):
            return f"back({portal_type}.{field})"


@dataclass(frozen=True, slots=True)
class NamedRelation:
    """A relation that a behaviour works out, for what a path cannot say."""

    name: str


Relation: TypeAlias = Path | NamedRelation
