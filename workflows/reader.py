"""Reading plain mappings with care.

Typed access, and every mistake noted under its key path instead of stopping at the first.
"""

from collections.abc import Iterator, Mapping, Sequence

from workflows.condition import parse_calls
from workflows.definition import ConditionCall, Guard
from workflows.errors import ConditionArgument, Problem, suggestion
from workflows.where import Where, parse_where

GUARD_KEYS = ("permissions", "roles", "groups", "conditions")


class Section:
    """A mapping under a key path. Whatever is asked of it is checked; mistakes go to the shared list `problems`."""

    __slots__ = ("_values", "problems", "where")

    def __init__(self, problems: list[Problem], where: str, value: object, known: Sequence[str]) -> None:
        """Wraps `value`; not being a mapping, and keys that are not `known`, are problems."""
        self.problems = problems
        self.where = where
        self._values: Mapping[object, object] = {}
        if isinstance(value, Mapping):
            self._values = value
            for key in value:
                if key not in known:
                    self.problem(f"the key {key!r} is not known{suggestion(key, known)}", f"one of {', '.join(known)}")
        elif value is not None:
            self.problem(f"{value!r} is not a mapping", f"a mapping with the keys {', '.join(known)}")

    def problem(self, message: str, expected: str = "", key: str = "") -> None:
        """Notes a mistake here, or under one of the keys."""
        self.problems.append(Problem(self.path(key) if key else self.where, message, expected))

    def path(self, key: str) -> str:
        """The key path of a key."""
        return f"{self.where}.{key}" if self.where else key

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return key in self._values

    def raw(self, key: str) -> object:
        """The value as it is; None when there is none."""
        return self._values.get(key)

    def text(self, key: str, default: str = "", *, required: bool = False) -> str:
        """A text; absent or null gives the default."""
        value = self._values.get(key)
        if value is None:
            if required:
                self.problem(f"the key {key!r} is missing", "a text", key)
            return default
        if not isinstance(value, str):
            self.problem(f"{value!r} is not a text", "a text (in quotes when it looks like something else)", key)
            return default
        return value

    def flag(self, key: str, default: bool) -> bool:
        """A boolean."""
        value = self._values.get(key, default)
        if not isinstance(value, bool):
            self.problem(f"{value!r} is neither true nor false", "true or false", key)
            return default
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; absent gives none."""
        return tuple(str(item) for item in self._list(key, "a list of texts") if self._is_text(key, item))

    def _is_text(self, key: str, item: object) -> bool:
        if isinstance(item, str):
            return True
        self.problem(f"{item!r} is not a text", "a list of texts", key)
        return False

    def _list(self, key: str, expected: str) -> Sequence[object]:
        value = self._values.get(key)
        if value is None:
            return ()
        if isinstance(value, list | tuple):
            return value
        self.problem(f"{value!r} is not a list", expected, key)
        return ()

    def items(self, key: str, of: str) -> Iterator[tuple[str, object]]:
        """The entries of a mapping under the key, whose keys must be texts; `of` says of what, for messages."""
        value = self._values.get(key)
        if value is None:
            return
        if not isinstance(value, Mapping):
            self.problem(f"{value!r} is not a mapping", f"a mapping of {of}", key)
            return
        for name, entry in value.items():
            if isinstance(name, str):
                yield name, entry
            else:
                self.problem(f"the key {name!r} is not a text", f"{of}; write {str(name)!r} in quotes", key)

    def sections(self, key: str, of: str, known: Sequence[str]) -> Iterator[tuple[str, "Section"]]:
        """The entries of a mapping of mappings."""
        for name, entry in self.items(key, of):
            yield name, Section(self.problems, f"{self.path(key)}.{name}", entry, known)

    def calls(self, key: str) -> tuple[ConditionCall, ...]:
        """Condition calls: names or `{name: {argument: value}}`, one or a list."""
        if self._values.get(key) is None:
            return ()
        try:
            return parse_calls(self._values[key])
        except ConditionArgument as error:
            self.problem(str(error), "names of conditions, or {name: {argument: value}}", key)
            return ()

    def filters(self, key: str) -> tuple[Where, ...]:
        """Filters on objects, see `workflows.where`."""
        try:
            return parse_where(self._values.get(key))
        except ConditionArgument as error:
            self.problem(str(error), "{variable: value, list of values, or {not: ...}}", key)
            return ()

    def guard(self, key: str) -> Guard:
        """A guard: permissions, roles, groups, conditions; absent is the empty guard."""
        inner = Section(self.problems, self.path(key), self._values.get(key), GUARD_KEYS)
        return Guard(inner.texts("permissions"), inner.texts("roles"), inner.texts("groups"), inner.calls("conditions"))

    def reference(self, key: str, name: str, known: Sequence[str] | Mapping[str, object], what: str) -> None:
        """Notes a problem when a name refers to nothing."""
        if name not in known:
            listed = ", ".join(known) or "none is defined"
            self.problem(f"there is no {what} {name!r}{suggestion(name, known)}", f"one of: {listed}", key)
