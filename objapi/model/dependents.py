"""Routes from a changed value to the objects that must be written again because of it.

Computed once from the declarations: every path that a computed field, a title or an index follows is walked
backwards. A *route* leads from a changed object to objects whose stored answer or index values follow from it, so that
finding them costs a statement a step for any number of changed objects. It names the values that follow; nothing else
of those objects need be computed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from objapi.model.paths import Back, Children, Parent, Path, Step, Target
from objapi.model.registry import Registry
from objapi.model.types import FOLDED_STATE, EntityType

_DEPTH = 12
MEMBERSHIP = "@container"
"""The attribute that changes when an object comes into or leaves its container."""
PLACE: Final = "@place"
"""The attribute that changes when an object is moved from one container to another."""


DerivedValue: TypeAlias = tuple[str | None, str]
"""A value that is stored ready: a catalog and its index; or None and a field, a member of the answer."""

TITLE: Final[DerivedValue] = (None, "@title")
"""The title of an object, by which it is shown and sorted."""
VARIABLES: Final[DerivedValue] = (None, "@variables")
"""The workflow variables that an object answers."""


@dataclass(frozen=True, slots=True)
class DependencyRoute:
    """Steps from a changed object to those that follow from it."""

    steps: tuple[Step, ...]
    values: frozenset[DerivedValue] = field(default=frozenset(), compare=False)
    """The values of those that follow."""


@dataclass(frozen=True, slots=True)
class RouteTree:
    """Routes of which those that begin alike are followed together."""

    values: frozenset[DerivedValue]
    """The values that follow of the objects here."""
    further: Mapping[Step, "RouteTree"]


@dataclass(frozen=True, slots=True)
class _Walk:
    """A path on its way from the dependent type: the types it passed and the step taken at each."""

    origin: str
    value: DerivedValue
    types: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()

    def back(self) -> tuple[Step, ...]:
        """The way from the present end to the beginning."""
        return tuple(
            _reversed(step, origin) for step, origin in zip(reversed(self.steps), reversed(self.types), strict=True)
        )

    def then(self, origin: str, step: Step) -> "_Walk":
        return _Walk(self.origin, self.value, (*self.types, origin), (*self.steps, step))


class Dependents:
    """The routes of a registry, by type and attribute."""

    def __init__(
        self, registry: Registry, followed: Mapping[str, Iterable[tuple[DerivedValue, Path]]] | None = None
    ) -> None:
        """`followed`: type → the paths that its objects follow; by default those of stored answers and index values."""
        self._registry = registry
        self._noted: dict[tuple[str, str], dict[tuple[Step, ...], set[DerivedValue]]] = {}
        self._own: dict[tuple[str, str], set[DerivedValue]] = {}
        self._computed: dict[str, set[DerivedValue]] = {}
        self._undeclared: dict[str, set[DerivedValue]] = {}
        for portal_type, paths in (_answers(registry) if followed is None else followed).items():
            for value, path in paths:
                self._walk(portal_type, path, _Walk(portal_type, value), 0)
            if followed is None:
                for value, declared in _behaviours(registry, portal_type):
                    self._note_computed(portal_type, value, declared=declared)
        self._routes: dict[tuple[str, str], tuple[DependencyRoute, ...]] = {}
        by_type: dict[str, dict[tuple[Step, ...], set[DerivedValue]]] = {}
        for (portal_type, attribute), noted in self._noted.items():
            self._routes[portal_type, attribute] = _as_routes(noted)
            if attribute == PLACE:
                # What is made or removed comes from no other container.
                continue
            for steps, values in noted.items():
                by_type.setdefault(portal_type, {}).setdefault(steps, set()).update(values)
        self._by_type = {portal_type: _as_routes(noted) for portal_type, noted in by_type.items()}
        self._own_of: dict[tuple[str, frozenset[str]], frozenset[DerivedValue]] = {}
        self._trees: dict[tuple[str, frozenset[str] | None], RouteTree] = {}

    def of(self, portal_type: str, attribute: str) -> tuple[DependencyRoute, ...]:
        """The routes from an object of a type when one of its attributes changes."""
        return self._routes.get((portal_type, attribute), ())

    def of_all(self, portal_type: str) -> tuple[DependencyRoute, ...]:
        """The routes from an object that comes or goes."""
        return self._by_type.get(portal_type, ())

    def tree(self, portal_type: str, attributes: frozenset[str] | None) -> RouteTree:
        """The routes from objects of a type of which attributes change, or that come or go (None), as one tree."""
        found = self._trees.get((portal_type, attributes))
        if found is None:
            routes = self.of_all(portal_type) if attributes is None else self._of_any(portal_type, attributes)
            found = self._trees[portal_type, attributes] = _as_tree([(route.steps, route.values) for route in routes])
        return found

    def _of_any(self, portal_type: str, attributes: Iterable[str]) -> list[DependencyRoute]:
        return [route for attribute in sorted(attributes) for route in self.of(portal_type, attribute)]

    def own(self, portal_type: str, attributes: frozenset[str]) -> frozenset[DerivedValue]:
        """The values of an object itself that may differ when attributes of it change.

        What Python computes without a declaration of what it reads is among them in any case.
        """
        found = self._own_of.get((portal_type, attributes))
        if found is None:
            noted = (self._own.get((portal_type, attribute), ()) for attribute in attributes)
            found = frozenset().union(self._undeclared.get(portal_type, ()), *noted)
            self._own_of[portal_type, attributes] = found
        return found

    def computed(self, portal_type: str) -> frozenset[DerivedValue]:
        """The values of an object that Python computes, somewhere on their paths: they may depend on the time."""
        return frozenset(self._computed.get(portal_type, ()))

    def _note(self, portal_type: str, attribute: str, steps: tuple[Step, ...], walk: _Walk) -> None:
        if steps:
            self._noted.setdefault((portal_type, attribute), {}).setdefault(steps, set()).add(walk.value)
        else:
            self._own.setdefault((portal_type, attribute), set()).add(walk.value)

    def _note_computed(self, portal_type: str, value: DerivedValue, *, declared: bool) -> None:
        self._computed.setdefault(portal_type, set()).add(value)
        if not declared:
            self._undeclared.setdefault(portal_type, set()).add(value)

    def _walk(self, portal_type: str, path: Path, walk: _Walk, depth: int) -> None:
        if not path.steps:
            if path.attribute is not None:
                self._attribute(portal_type, path.attribute, walk, depth)
            return
        step, rest = path.steps[0], Path(path.steps[1:], path.attribute)
        for following in self._over(portal_type, step, walk, depth):
            self._walk(following, rest, walk.then(portal_type, step), depth)

    def _over(self, portal_type: str, step: Step, walk: _Walk, depth: int) -> Iterator[str]:
        """Note what the step itself depends on; the types it leads to."""
        types = self._registry.types
        match step:
            case Parent():
                self._note(portal_type, PLACE, walk.back(), walk)
                yield from (name for name in types[portal_type].containers if name in types)
            case Target(name):
                field = types[portal_type].fields.get(name)
                if field is not None:
                    self._attribute(portal_type, name, walk, depth)
                    yield from (target for target in field.targets if target in types)
            case Back(source, field_name):
                self._note(source, field_name, (Target(field_name), *walk.back()), walk)
                yield source
            case Children(names):
                for name in names:
                    self._note(name, MEMBERSHIP, (Parent(), *walk.back()), walk)
                    yield name

    def _attribute(self, portal_type: str, name: str, walk: _Walk, depth: int) -> None:
        if depth > _DEPTH:
            return
        entity_type = self._registry.types[portal_type]
        self._note(portal_type, name, walk.back(), walk)
        found = entity_type.fields.get(name)
        if found is not None and found.compute is not None:
            self._note_computed(walk.origin, walk.value, declared=found.depends is not None)
        for path in made_from(entity_type, name):
            self._walk(portal_type, path, walk, depth + 1)


def _reversed(step: Step, origin: str) -> Step:
    match step:
        case Parent():
            return Children((origin,))
        case Children():
            return Parent()
        case Target(field):
            return Back(origin, field)
        case Back(_, field):
            return Target(field)


def made_from(entity_type: EntityType, name: str) -> Iterator[Path]:
    """The paths, from an object of the type itself, that the value under a name is made from."""
    # Values that every object has come first: no field of a type may be called like them, but for the title.
    if name == "title" and entity_type.title_path is not None:
        yield entity_type.title_path
        return
    if name == "sortable_title":
        yield Path((), "title")
        return
    if name == "searchable_text":
        yield Path((), "title")
        yield from (
            Path((), item.name) for item in entity_type.fields.values() if item.searchable or item.name == "description"
        )
        return
    if name == FOLDED_STATE:
        for variable in dict.fromkeys(variable for rule in entity_type.folds for variable in rule.variables()):
            yield Path((), variable)
        return
    field = entity_type.fields.get(name)
    if field is None:
        return
    if field.alias_of is not None:
        yield Path((), field.alias_of)
    elif field.path is not None:
        yield field.path
    elif field.compute is not None:
        yield from field.depends or ()
    elif field.stored_on is not None:
        yield Path((Target(field.stored_on),), name)


def _as_routes(noted: Mapping[tuple[Step, ...], set[DerivedValue]]) -> tuple[DependencyRoute, ...]:
    return tuple(DependencyRoute(steps, frozenset(values)) for steps, values in noted.items())


def _as_tree(routes: Sequence[tuple[tuple[Step, ...], frozenset[DerivedValue]]]) -> RouteTree:
    further: dict[Step, list[tuple[tuple[Step, ...], frozenset[DerivedValue]]]] = {}
    for steps, values in routes:
        if steps:
            further.setdefault(steps[0], []).append((steps[1:], values))
    here = frozenset[DerivedValue]().union(*(values for steps, values in routes if not steps))
    return RouteTree(here, {step: _as_tree(behind) for step, behind in further.items()})


def _behaviours(registry: Registry, portal_type: str) -> Iterator[tuple[DerivedValue, bool]]:
    """The index values of a type that Python gives without a path, and whether it is declared what that reads."""
    for catalog in registry.catalogs_of(portal_type):
        for name, source in catalog.sources.items():
            if isinstance(source.of(portal_type), str):
                yield (catalog.name, name), source.depends is not None


def _answers(registry: Registry) -> dict[str, Iterable[tuple[DerivedValue, Path]]]:
    # Answers of a row of a table are computed when it is read.
    return {name: _followed(registry, item) for name, item in registry.types.items() if item.table is None}


def _followed(registry: Registry, entity_type: EntityType) -> Iterator[tuple[DerivedValue, Path]]:
    """Every value of an object's stored answer and catalogs, with a path that it is made from."""
    yield TITLE, Path((), "title")
    for name in entity_type.fields:
        yield (None, name), Path((), name)
    for catalog in registry.catalogs_of(entity_type.portal_type):
        for name, source in catalog.sources.items():
            for path in source.paths(entity_type.portal_type):
                yield (catalog.name, name), path
