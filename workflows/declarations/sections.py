"""Declarations as a tree of nodes that know where they stand, and typed access to it."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Self

from workflows.declarations.problems import DeclarationProblem, closest, listed, suggestion

RENAMED_KEYS: Final[Mapping[str, str]] = {
    "answers_ids": "extra_ids",
    "kept_on": "stored_on",
    "metadata_in_read": "returned",
    "never_answered": "hidden",
}
"""Former name of a key → its name."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a declaration with the file and line where it begins.

    The entries of a value read from a file are nodes of their own; a plain value has plain entries, which become nodes
    at its own place when they are asked for.
    """

    value: object
    file: str = ""
    line: int = 0

    def plain(self) -> object:
        """The value without positions: dicts, lists and scalars; a plain value as it is."""
        match self.value:
            case Mapping():
                return {key: item.plain() if isinstance(item, Node) else item for key, item in self.value.items()}
            case [Node(), *_]:
                return [node.plain() for node in self.entries()]
            case ():
                return []
            case _:
                return self.value

    def items(self) -> dict[str, "Node"]:
        """The entries of a mapping whose keys are texts; none of another value."""
        value = self.value
        # What a file holds is a dict, of which that is known at once.
        if not (type(value) is dict or isinstance(value, Mapping)):
            return {}
        return {key: self._node(item) for key, item in value.items() if isinstance(key, str)}

    def entries(self) -> tuple["Node", ...]:
        """The entries of a list; none of another value."""
        return tuple(self._node(item) for item in self.value) if isinstance(self.value, list | tuple) else ()

    def _node(self, item: object) -> "Node":
        return item if isinstance(item, Node) else Node(item, self.file, self.line)

    def nearest(self, key_path: str) -> "Node":
        """The node that a text such as ``states.due.exits[1]`` names, or the last one on the way that exists."""
        node, rest = self, key_path
        while rest:
            step = node._step(rest)
            if step is None:
                return node
            node, rest = step
        return node

    def _step(self, rest: str) -> "tuple[Node, str] | None":
        rest = rest.lstrip(".")
        number = re.match(r"\[(\d+)\]", rest)
        if number is not None:
            entries, position = self.entries(), int(number[1])
            return (entries[position], rest[number.end() :]) if position < len(entries) else None
        # Keys may hold dots; the longest that fits is meant.
        items = self.items()
        fitting = [key for key in items if rest == key or rest.startswith((f"{key}.", f"{key}["))]
        if not fitting:
            return None
        key = max(fitting, key=len)
        return items[key], rest[len(key) :]

    def problem(self, key: str, message: str, expected: str = "", *, origin: bool = False) -> DeclarationProblem:
        """A mistake at this place; an `origin` is one from which others may follow."""
        return DeclarationProblem(self.file, self.line, key, message, expected, origin=origin)


TEXTS: Final = "a list of texts"


class Section:
    """A mapping under a key; `problems` is shared by all sections of a load.

    `known` are the keys that it may have. What is asked for and has the wrong type is noted and answered by a default;
    a null counts as absent.
    """

    __slots__ = ("_entries", "key", "node", "problems")

    def __init__(
        self,
        node: Node,
        key: str,
        problems: list[DeclarationProblem],
        known: Collection[str] | None = None,
    ) -> None:
        self.node = node
        self.key = key
        self.problems = problems
        self._entries = node.items()
        if node.value is None:
            return
        if not isinstance(node.value, Mapping):
            expected = f"a mapping with the keys {listed(known, 60)}" if known else "a mapping"
            self.problems.append(node.problem(key, f"{shown(node)} is not a mapping", expected, origin=True))
        elif len(node.value) > len(self._entries):
            for name in node.value:
                if not isinstance(name, str):
                    self._note_key(name, node, "is not a text", f"{str(name)!r}, in quotes")
        if known is not None:
            for name, entry in [*self._entries.items()]:
                if name not in known:
                    self._unknown_key(name, entry, known)

    def _unknown_key(self, name: str, entry: Node, known: Collection[str]) -> None:
        renamed = RENAMED_KEYS.get(name)
        if renamed is not None and renamed in known:
            # Read under its name as well, so that the one mistake is not followed by others.
            self._entries.setdefault(renamed, entry)
            self._note_key(name, entry, f"was renamed to {renamed}", renamed)
        else:
            self._note_key(name, entry, f"is not known{suggestion(name, known)}", f"one of {listed(known, 60)}")
            meant = closest(name, known)
            if meant is not None:
                self._entries.setdefault(meant, entry)

    def _note_key(self, name: object, node: Node, fault: str, expected: str) -> None:
        """Note a key that cannot stand here. Kinds of sections differ in the place that they name for it."""
        self.problems.append(node.problem(self.path(str(name)), f"the key {fault}", expected))

    def path(self, name: str) -> str:
        """The key path of an entry."""
        return f"{self.key}.{name}" if self.key else name

    def item_path(self, name: str, number: int) -> str:
        """The key path that is named for an entry of a list."""
        return f"{self.path(name)}[{number}]"

    def note(self, message: str, expected: str = "", at: str = "") -> None:
        """Note a mistake at an entry, which may be a path from here, or without `at` at the section itself."""
        node = self._entries.get(at) or self.node.nearest(at)
        self.problems.append(node.problem(self.path(at) if at else self.key, message, expected))

    def has(self, name: str) -> bool:
        """The entry is there and not null."""
        node = self._entries.get(name)
        return node is not None and node.value is not None

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def __getitem__(self, name: str) -> Node:
        return self._entries[name]

    def names(self) -> Iterable[str]:
        """The names of all entries."""
        return self._entries.keys()

    def plain(self, name: str) -> object:
        """The value of an entry without positions; None when it is not there."""
        return self._entries[name].plain() if name in self._entries else None

    def text(self, name: str, default: str = "", *, required: bool = False) -> str:
        """A text; a note when it is required and missing."""
        found = self.optional_text(name)
        if found is None and required and not self.has(name):
            self.note(f"{name} is missing", "a text", name)
        return default if found is None else found

    def optional_text(self, name: str) -> str | None:
        """A text, None when it is not there."""
        if not self.has(name):
            return None
        value = self._entries[name].value
        if isinstance(value, str):
            return value
        expected = "a text, in quotes when it looks like something else"
        self.note(f"{shown(self._entries[name])} is not a text", expected, name)
        return None

    def flag(self, name: str, default: bool = False) -> bool:
        """True or false."""
        if not self.has(name):
            return default
        value = self._entries[name].value
        if isinstance(value, bool):
            return value
        self.note(f"{shown(self._entries[name])} is neither true nor false", "true or false", name)
        return default

    def number(self, name: str, *, most: int) -> int | None:
        """A whole number from 0 to `most`, None when it is not there."""
        if not self.has(name):
            return None
        value = self._entries[name].value
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most:
            return value
        self.note(f"{shown(self._entries[name])} is no such number", f"a whole number from 0 to {most}", name)
        return None

    def entries(self, name: str, expected: str) -> tuple[Node, ...]:
        """The entries of a list; none, and a note, when it is something else."""
        if not self.has(name):
            return ()
        node = self._entries[name]
        if not isinstance(node.value, list | tuple):
            self.problems.append(node.problem(self.path(name), f"{shown(node)} is not a list", expected, origin=True))
            # One text is read as a list of it, so that names in it are not missing in other declarations.
            return (node,) if isinstance(node.value, str) and expected == TEXTS else ()
        return node.entries()

    def texts(self, name: str, *, repeated: bool = False) -> tuple[str, ...]:
        """A list of texts, each once unless they may be `repeated`."""
        found: list[str] = []
        for number, entry in enumerate(self.entries(name, TEXTS)):
            if not isinstance(entry.value, str):
                message, expected = f"{shown(entry)} is not a text", TEXTS
            elif entry.value in found and not repeated:
                message, expected = f"{entry.value!r} is listed twice", "each name once"
            else:
                found.append(entry.value)
                continue
            self.problems.append(entry.problem(self.item_path(name, number), message, expected))
        return tuple(found)

    def mapping(self, name: str) -> Mapping[str, Node]:
        """The entries of a mapping."""
        return self.section(name).node.items() if self.has(name) else {}

    def section(self, name: str, known: Collection[str] | None = None) -> Self:
        """The mapping under a name; an empty one when it is not there."""
        node = self._entries.get(name, Node(None, self.node.file, self.node.line))
        return type(self)(node, self.path(name), self.problems, known)

    def sections(self, name: str, known: Collection[str]) -> Iterator[tuple[str, Self]]:
        """The entries of a mapping of mappings."""
        inner = self.section(name)
        for entry in inner.node.items():
            yield entry, inner.section(entry, known)

    def list_sections(self, name: str, known: Collection[str]) -> Iterator[Self]:
        """The entries of a list of mappings."""
        for number, entry in enumerate(self.entries(name, "a list of mappings")):
            yield type(self)(entry, f"{self.path(name)}[{number}]", self.problems, known)

    def choose(self, name: str, value: str, known: Collection[str], what: str) -> bool:
        """True for one of the known names; any other is noted at the entry."""
        if value in known:
            return True
        self.note(f"there is no {what} {value!r}{suggestion(value, known)}", f"one of {listed(known)}", name)
        return False


def listed_sections(
    node: Node, key: str, problems: list[DeclarationProblem], known: Collection[str]
) -> Iterator[Section]:
    """The entries of a list of mappings, each a section."""
    for number, entry in enumerate(node.entries()):
        yield Section(entry, f"{key}[{number}]", problems, known)


def shown(node: Node) -> str:
    """A value as messages show it, shortened."""
    match node.value:
        case Mapping():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case None:
            return "nothing"
        case bool():
            return "true" if node.value else "false"
        case str() as text:
            return repr(text if len(text) <= 60 else f"{text[:60]}…")
        case other:
            return str(other)
