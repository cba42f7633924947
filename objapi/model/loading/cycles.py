"""Computed values that would be made from themselves."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from declarations import DeclarationProblem, Node
from objapi.model.loading.tracing import BrokenPath, Tracer
from objapi.model.paths import Path, Target
from objapi.model.types import EntityType

Value = tuple[str, str]
"""A type and the name of one of its values."""


def check_cycles(tracer: Tracer, nodes: Mapping[str, Node], problems: list[DeclarationProblem]) -> None:
    """Note every group of values each of which is made from the others.

    One field that is made from the same field of other objects, along a chain of references, is not a mistake: the
    previous results of a retest are those of its forerunner and the forerunner itself.
    """
    edges = {
        (entity_type.portal_type, name): dict(_reads(tracer, entity_type, name))
        for entity_type in tracer.types.values()
        for name in (*entity_type.fields, "title", "sortable_title", "searchable_text")
    }
    for group in _Groups(edges).found():
        at_once = any(edges[value].get(other) for value in group for other in group)
        if len({name for _, name in group}) > 1 or at_once:
            portal_type, name = min(group)
            listed = ", ".join(".".join(value) for value in sorted(group))
            node = nodes[portal_type].nearest(f"fields.{name}")
            message = f"the value is made from itself, by way of {listed}"
            problems.append(node.problem(f"{portal_type}.fields.{name}", message, "computed values without a circle"))


def _reads(tracer: Tracer, entity_type: EntityType, name: str) -> Iterator[tuple[Value, bool]]:
    """The values that a value is made from, and whether they are those of the same object."""
    for path in _made_from(entity_type, name):
        reached = frozenset({entity_type.portal_type})
        try:
            for number, step in enumerate(path.steps):
                if isinstance(step, Target):
                    for portal_type in reached:
                        if step.field in tracer.types[portal_type].fields:
                            yield (portal_type, step.field), number == 0
                reached = tracer.one_step(reached, step)
        except BrokenPath:
            continue
        for portal_type in reached:
            if path.attribute in tracer.names(portal_type):
                yield (portal_type, path.attribute), not path.steps


def _made_from(entity_type: EntityType, name: str) -> Iterator[Path]:
    declared = entity_type.fields.get(name)
    if name == "title" and entity_type.title_path is not None:
        yield entity_type.title_path
    elif name == "sortable_title":
        yield Path((), "title")
    elif name == "searchable_text":
        yield Path((), "title")
        yield from (Path((), item.name) for item in entity_type.fields.values() if item.searchable)
    elif declared is None:
        return
    elif declared.alias_of is not None:
        yield Path((), declared.alias_of)
    elif declared.path is not None:
        yield declared.path
    elif declared.compute is not None:
        yield from declared.depends
    elif declared.stored_on is not None:
        yield Path((Target(declared.stored_on),), name)


@dataclass(slots=True)
class _Groups:
    """Values that reach each other (Tarjan's strongly connected components, without recursion)."""

    edges: Mapping[Value, Mapping[Value, bool]]
    number: dict[Value, int] = field(default_factory=dict)
    lowest: dict[Value, int] = field(default_factory=dict)
    stack: list[Value] = field(default_factory=list)
    waiting: set[Value] = field(default_factory=set)

    def found(self) -> Iterator[set[Value]]:
        """Groups of several values, and single ones that reach themselves at once."""
        for value in self.edges:
            if value not in self.number:
                for group in self._from(value):
                    if len(group) > 1 or any(value in self.edges.get(value, {}) for value in group):
                        yield group

    def _from(self, start: Value) -> Iterator[set[Value]]:
        path = [(start, iter(self.edges.get(start, {})))]
        self._open(start)
        while path:
            value, following = path[-1]
            other = next(following, None)
            if other is None:
                path.pop()
                if path:
                    above = path[-1][0]
                    self.lowest[above] = min(self.lowest[above], self.lowest[value])
                if self.lowest[value] == self.number[value]:
                    yield self._close(value)
            elif other not in self.number:
                self._open(other)
                path.append((other, iter(self.edges.get(other, {}))))
            elif other in self.waiting:
                self.lowest[value] = min(self.lowest[value], self.number[other])

    def _open(self, value: Value) -> None:
        self.number[value] = self.lowest[value] = len(self.number)
        self.stack.append(value)
        self.waiting.add(value)

    def _close(self, value: Value) -> set[Value]:
        group: set[Value] = set()
        while value not in group:
            other = self.stack.pop()
            self.waiting.discard(other)
            group.add(other)
        return group
