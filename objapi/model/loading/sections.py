"""Reading a mapping of a declaration with care: typed access, and every mistake noted with its place."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from objapi.model.loading.nodes import Node
from objapi.model.loading.problems import DeclarationProblem, listed, suggestion

RENAMED_KEYS: Final[Mapping[str, str]] = {
    "answers_ids": "extra_ids",
    "kept_on": "stored_on",
    "metadata_in_read": "returned",
    "never_answered": "hidden",
}
"""Former name of a key → its name."""


class Section:
    """A mapping under a key; `problems` is shared by all sections of a load.

    `known` are the keys that it may have. What is asked for and has the wrong type is noted and answered by a default.
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
        self._entries = dict(node.items())
        if node.value is not None and not isinstance(node.value, Mapping):
            expected = f"a mapping with the keys {listed(known)}" if known else "a mapping"
            self.note(f"{_shown(node)} is no mapping", expected)
        for name, entry in node.items().items():
            if known is not None and name not in known:
                self._unknown_key(name, entry, known)

    def _unknown_key(self, name: str, entry: Node, known: Collection[str]) -> None:
        renamed = RENAMED_KEYS.get(name)
        if renamed is not None and renamed in known:
            # Read under its name as well, so that the one mistake is not followed by others.
            self._entries.setdefault(renamed, entry)
            message, expected = f"the key {name} was renamed to {renamed}", renamed
        else:
            message, expected = f"the key is not known{suggestion(name, known)}", f"one of {listed(known, 60)}"
        self.problems.append(entry.problem(self.path(name), message, expected))

    def path(self, name: str) -> str:
        """The key path of an entry."""
        return f"{self.key}.{name}" if self.key else name

    def note(self, message: str, expected: str = "", at: str = "") -> None:
        """Note a mistake at an entry (or, without `at`, at the section itself)."""
        node = self._entries.get(at, self.node)
        self.problems.append(node.problem(self.path(at) if at else self.key, message, expected))

    def has(self, name: str) -> bool:
        """Whether the entry is there and not null."""
        node = self._entries.get(name)
        return node is not None and node.value is not None

    def __getitem__(self, name: str) -> Node:
        return self._entries[name]

    def names(self) -> Iterable[str]:
        """The names of all entries."""
        return self._entries.keys()

    def text(self, name: str, default: str = "", *, required: bool = False) -> str:
        """A text."""
        found = self.optional_text(name)
        if found is None and required and not self.has(name):
            self.note(f"{name} is missing", "a text")
        return default if found is None else found

    def optional_text(self, name: str) -> str | None:
        """A text, None when it is not there."""
        if not self.has(name):
            return None
        value = self._entries[name].value
        if isinstance(value, str):
            return value
        self.note(
            f"{_shown(self._entries[name])} is no text", "a text, in quotes when it looks like something else", name
        )
        return None

    def flag(self, name: str, default: bool = False) -> bool:
        """True or false."""
        if not self.has(name):
            return default
        value = self._entries[name].value
        if isinstance(value, bool):
            return value
        self.note(f"{_shown(self._entries[name])} is neither true nor false", "true or false", name)
        return default

    def number(self, name: str, *, most: int) -> int | None:
        """A whole number from 0 to `most`, None when it is not there."""
        if not self.has(name):
            return None
        value = self._entries[name].value
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most:
            return value
        self.note(f"{_shown(self._entries[name])} is no such number", f"a whole number from 0 to {most}", name)
        return None

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts, each once."""
        if not self.has(name):
            return ()
        node = self._entries[name]
        if not isinstance(node.value, tuple):
            self.note(f"{_shown(node)} is no list", "a list of texts", name)
            return ()
        found: list[str] = []
        for number, entry in enumerate(node.entries()):
            place = f"{self.path(name)}[{number}]"
            if not isinstance(entry.value, str):
                self.problems.append(entry.problem(place, f"{_shown(entry)} is no text", "a text"))
            elif entry.value in found:
                self.problems.append(entry.problem(place, f"{entry.value!r} is listed twice", "each name once"))
            else:
                found.append(entry.value)
        return tuple(found)

    def mapping(self, name: str) -> Mapping[str, Node]:
        """The entries of a mapping."""
        return self.section(name).node.items() if self.has(name) else {}

    def section(self, name: str, known: Collection[str] | None = None) -> "Section":
        """The mapping under a name; an empty one when it is not there."""
        node = self._entries.get(name, Node(None, self.node.file, self.node.line))
        return Section(node, self.path(name), self.problems, known)

    def sections(self, name: str, known: Collection[str]) -> Iterator[tuple[str, "Section"]]:
        """The entries of a mapping of mappings."""
        for entry_name, node in self.mapping(name).items():
            yield entry_name, Section(node, f"{self.path(name)}.{entry_name}", self.problems, known)

    def list_sections(self, name: str, known: Collection[str]) -> Iterator["Section"]:
        """The entries of a list of mappings."""
        if not self.has(name):
            return
        node = self._entries[name]
        if not isinstance(node.value, tuple):
            self.note(f"{_shown(node)} is no list", "a list of mappings", name)
        yield from listed_sections(node, self.path(name), self.problems, known)

    def choose(self, name: str, value: str, known: Collection[str], what: str) -> bool:
        """Whether a value is one of the known names; if not, that is noted at the entry."""
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


def _shown(node: Node) -> str:
    match node.value:
        case Mapping():
            return "a mapping"
        case tuple():
            return "a list"
        case None:
            return "nothing"
        case bool():
            return "true" if node.value else "false"
        case str() as text:
            return repr(text if len(text) <= 60 else f"{text[:60]}…")
        case number:
            return str(number)
