"""Sections of workflow declarations: the common reader, and what only workflows have: guards, calls, filters."""

from collections.abc import Iterator, Mapping

from workflows.condition import Where, parse_calls, parse_where
from workflows.declarations import Node, Section, listed, suggestion
from workflows.definition import ConditionCall, Guard
from workflows.errors import ConditionArgument

GUARD_KEYS = ("permissions", "roles", "groups", "conditions")


class WorkflowSection(Section):
    """A mapping of a workflow declaration. A key that cannot stand there is noted at the mapping that has it."""

    __slots__ = ()

    def _note_key(self, name: object, node: Node, fault: str, expected: str) -> None:
        self.problems.append(node.problem(self.key, f"the key {name!r} {fault}", expected))

    def item_path(self, name: str, number: int) -> str:
        """The key path of the list itself: its entries have names, which say more than numbers."""
        return self.path(name)

    def texts(self, name: str, *, repeated: bool = True) -> tuple[str, ...]:
        """A list of texts; what an import wrote twice is harmless."""
        return super().texts(name, repeated=repeated)

    def items(self, name: str) -> Iterator[tuple[str, object]]:
        """The entries of a mapping, as plain values."""
        for key, node in self.mapping(name).items():
            yield key, node.plain()

    def lists(self, name: str) -> dict[str, tuple[str, ...]]:
        """A mapping of lists of texts."""
        inner = self.section(name)
        return {key: inner.texts(key) for key in inner.names()}

    def calls(self, name: str) -> tuple[ConditionCall, ...]:
        """Condition calls: names or `{name: {argument: value}}`, one or a list."""
        if not self.has(name):
            return ()
        try:
            return parse_calls(self.plain(name))
        except ConditionArgument as error:
            self.note(str(error), "names of conditions, or {name: {argument: value}}", name)
            return ()

    def filters(self, name: str) -> tuple[Where, ...]:
        """Filters on objects, see `workflows.condition`."""
        try:
            return parse_where(self.plain(name))
        except ConditionArgument as error:
            self.note(str(error), "{variable: value, list of values, or {not: ...}}", name)
            return ()

    def guard(self, name: str) -> Guard:
        """A guard: permissions, roles, groups, conditions; absent is the empty guard."""
        inner = self.section(name, GUARD_KEYS)
        return Guard(inner.texts("permissions"), inner.texts("roles"), inner.texts("groups"), inner.calls("conditions"))

    def reference(self, at: str, name: str, known: Mapping[str, object] | tuple[str, ...], what: str) -> None:
        """Note a name that refers to nothing."""
        if name not in known:
            self.note(f"there is no {what} {name!r}{suggestion(name, known)}", f"one of: {listed(known, 60)}", at)
