"""Following paths through the declarations alone: the types that they reach, the values there, and circles of them."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from objapi.model.loading.reserved import INTRINSIC_NAMES
from objapi.model.paths import Back, Children, Parent, Path, PathError, Step, Target, parse_relation
from objapi.model.types import EntityType, Field, Kind
from workflows import Workflow
from workflows.declarations import DeclarationProblem, Node, listed, suggestion


class BrokenPath(Exception):
    """A path that leads nowhere; the message says at which step and why.

    A name that is not known comes with those that are. The one that may have been meant is looked for when the
    message is read: most ways are tried in vain, since it is enough that one of several types has them.
    """

    def __init__(self, message: str, name: str = "", known: Iterable[str] = ()) -> None:
        super().__init__(message)
        self._name = name
        self._known = known

    def __str__(self) -> str:
        return f"{self.args[0]}{suggestion(self._name, self._known)}"


class Tracer:
    """Paths through types. A way that some of the types have is enough; the others have no value there."""

    def __init__(self, types: Mapping[str, EntityType], workflows: Mapping[str, Workflow]) -> None:
        self.types = types
        self._names: dict[str, frozenset[str]] = {}
        self._variables: dict[str, frozenset[str]] = {}
        for name, entity_type in types.items():
            chain = [workflows[workflow] for workflow in entity_type.workflows if workflow in workflows]
            states = {workflow.state_variable for workflow in chain}
            shown = {item.id for workflow in chain for item in workflow.variables.values() if item.for_catalog}
            self._variables[name] = frozenset(states | shown)
            self._names[name] = frozenset({*entity_type.fields, *INTRINSIC_NAMES, *states, *shown})

    def names(self, portal_type: str) -> frozenset[str]:
        """Everything that has a value on an object of a type: fields, what every object has, workflow variables."""
        return self._names.get(portal_type, frozenset())

    def variables(self, portal_type: str) -> frozenset[str]:
        """The workflow variables that an object of a type answers, its state variables among them."""
        return self._variables.get(portal_type, frozenset())

    def follow(self, start: Iterable[str], steps: Iterable[Step]) -> frozenset[str]:
        """The types at the end of steps. Raises `BrokenPath`."""
        reached = frozenset(name for name in start if name in self.types)
        for step in steps:
            reached = self.one_step(reached, step)
        return reached

    def relation(self, portal_type: str, relation: str) -> frozenset[str] | None:
        """The types that a relation of a type leads to, None when a behaviour decides. Raises `BrokenPath`."""
        declared = self.types[portal_type].relations.get(relation)
        if declared is None:
            try:
                declared = parse_relation(relation)
            except PathError as error:
                raise BrokenPath(str(error)) from None
        return self.follow([portal_type], declared.steps) if isinstance(declared, Path) else None

    def check_value(self, start: Iterable[str], path: Path) -> None:
        """See that the path ends in a value on one type at least. Raises `BrokenPath`."""
        reached = self.follow(start, path.steps)
        if path.attribute is None:
            return
        having = [name for name in reached if path.attribute in self._names[name]]
        if not having:
            known = {name for portal_type in reached for name in self._names[portal_type]}
            raise BrokenPath(f"{_named(reached)} has no {path.attribute!r}", path.attribute, known)
        if path.key is not None:
            self._check_key(having, path.attribute, path.key)

    def one_step(self, origin: frozenset[str], step: Step) -> frozenset[str]:
        """The types that a step leads to. Raises `BrokenPath` when it leads nowhere from any of the types."""
        match step:
            case Parent():
                reached = {container for name in origin for container in self.types[name].containers}
            case Children(names):
                reached = self._children(origin, names)
            case Target(field):
                reached = self._targets(origin, field)
            case Back(portal_type, field):
                reached = self._back(origin, portal_type, field)
        reached &= set(self.types)
        if not reached:
            raise BrokenPath(f"{_named(origin)} has no container")
        return frozenset(reached)

    def _children(self, origin: frozenset[str], names: Collection[str]) -> set[str]:
        for name in names:
            if name not in self.types:
                raise BrokenPath(f"there is no type {name!r}", name, self.types)
            if not self.types[name].containers & origin:
                allowed = listed(sorted(self.types[name].containers))
                raise BrokenPath(f"{_named(origin)} holds no {name}, which lives in {allowed}")
        return set(names)

    def _targets(self, origin: frozenset[str], name: str) -> set[str]:
        fields = [field for portal_type in origin if (field := self.types[portal_type].fields.get(name)) is not None]
        references = [self._reference(origin, field) for field in fields]
        if not any(references):
            known = {
                field.name
                for portal_type in origin
                for field in self.types[portal_type].fields.values()
                if field.kind is Kind.REFERENCE
            }
            raise BrokenPath(f"{_named(origin)} has no reference field {name!r}", name, {*known, "parent", "self"})
        return {target for field in references if field is not None for target in field.targets}

    def _reference(self, origin: frozenset[str], field: Field) -> Field | None:
        """The field itself when it is a reference, or that of which it is another name."""
        if field.alias_of is not None:
            found = (self.types[name].fields.get(field.alias_of) for name in origin)
            field = next((item for item in found if item is not None), field)
        return field if field.kind is Kind.REFERENCE else None

    def _back(self, origin: frozenset[str], portal_type: str, name: str) -> set[str]:
        if portal_type not in self.types:
            raise BrokenPath(f"there is no type {portal_type!r}", portal_type, self.types)
        fields = self.types[portal_type].fields
        field = fields.get(name)
        if field is None or field.kind is not Kind.REFERENCE:
            known = [item.name for item in fields.values() if item.kind is Kind.REFERENCE]
            raise BrokenPath(f"{portal_type} has no reference field {name!r}", name, known)
        if not origin & set(field.targets):
            raise BrokenPath(f"{portal_type}.{name} leads to {listed(field.targets)}, never to {_named(origin)}")
        return {portal_type}

    def _check_key(self, having: Iterable[str], attribute: str, key: str) -> None:
        fields = [field for name in having if (field := self.types[name].fields.get(attribute)) is not None]
        records = [field for field in fields if field.kind in (Kind.RECORD, Kind.JSON)]
        if not records:
            raise BrokenPath(f"{attribute!r} is no record, so it has no {key!r}")
        if all(field.subfields and key not in field.subfields for field in records):
            known = {subfield for field in records for subfield in field.subfields}
            raise BrokenPath(f"{attribute!r} has no subfield {key!r}", key, known)


def _named(types: Iterable[str]) -> str:
    return " or ".join(sorted(types)[:4]) or "nothing"


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
        yield from declared.depends or ()
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
