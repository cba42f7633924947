"""Routes from a changed value to the objects that must be written again because of it.

Computed once from the declarations: every path that a computed field, a title or an index follows is walked
backwards. A *route* leads from a changed object to objects whose stored answer or index values follow from it, so that
finding them costs a statement a step for any number of changed objects.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from objapi.model.paths import Back, Children, Parent, Path, Step, Target
from objapi.model.registry import Registry
from objapi.model.types import EntityType

_DEPTH = 12
MEMBERSHIP = "@container"
"""The attribute that changes when an object comes into or leaves its container."""


@dataclass(frozen=True, slots=True)
class DependencyRoute:
    """Steps from a changed object to those that follow from it."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class _Walk:
    """A path on its way from the dependent type: the types it passed and the step taken at each."""

    types: tuple[str, ...]
    steps: tuple[Step, ...]

    def back(self) -> tuple[Step, ...]:
        """The way from the present end to the beginning."""
        return tuple(
            _reversed(step, origin) for step, origin in zip(reversed(self.steps), reversed(self.types), strict=True)
        )

    def then(self, origin: str, step: Step) -> "_Walk":
        return _Walk((*self.types, origin), (*self.steps, step))


class Dependents:
    """The routes of a registry, by type and attribute."""

    def __init__(self, registry: Registry, followed: Mapping[str, Iterable[Path]] | None = None) -> None:
        """`followed`: type → the paths that its objects follow; by default those of stored answers and index values."""
        self._registry = registry
        self._routes: dict[tuple[str, str], dict[DependencyRoute, None]] = {}
        for portal_type, paths in (_answers(registry) if followed is None else followed).items():
            for path in paths:
                self._walk(portal_type, path, _Walk((), ()), 0)
        self._by_type: dict[str, dict[DependencyRoute, None]] = {}
        for (portal_type, _), routes in self._routes.items():
            self._by_type.setdefault(portal_type, {}).update(routes)

    def of(self, portal_type: str, attribute: str) -> tuple[DependencyRoute, ...]:
        """The routes from an object of a type when one of its attributes changes."""
        return tuple(self._routes.get((portal_type, attribute), ()))

    def of_all(self, portal_type: str) -> tuple[DependencyRoute, ...]:
        """The routes from an object that comes or goes."""
        return tuple(self._by_type.get(portal_type, ()))

    def _note(self, portal_type: str, attribute: str, steps: tuple[Step, ...]) -> None:
        if steps:
            self._routes.setdefault((portal_type, attribute), {})[DependencyRoute(steps)] = None

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
                yield from (name for name in types[portal_type].containers if name in types)
            case Target(name):
                field = types[portal_type].fields.get(name)
                if field is not None:
                    self._attribute(portal_type, name, walk, depth)
                    yield from (target for target in field.targets if target in types)
            case Back(source, field_name):
                self._note(source, field_name, (Target(field_name), *walk.back()))
                yield source
            case Children(names):
                for name in names:
                    self._note(name, MEMBERSHIP, (Parent(), *walk.back()))
                    yield name

    def _attribute(self, portal_type: str, name: str, walk: _Walk, depth: int) -> None:
        if depth > _DEPTH:
            return
        entity_type = self._registry.types[portal_type]
        self._note(portal_type, name, walk.back())
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
    field = entity_type.fields.get(name)
    if field is None:
        return
    if field.alias_of is not None:
        yield Path((), field.alias_of)
    elif field.path is not None:
        yield field.path
    elif field.compute is not None:
        yield from field.depends
    elif field.stored_on is not None:
        yield Path((Target(field.stored_on),), name)


def _answers(registry: Registry) -> dict[str, Iterable[Path]]:
    # Answers of a row of a table are computed when it is read.
    return {name: _followed(registry, item) for name, item in registry.types.items() if item.table is None}


def _followed(registry: Registry, entity_type: EntityType) -> Iterator[Path]:
    """Every path that an object's stored answer and index values are made from."""
    yield Path((), "title")
    for name in entity_type.fields:
        yield from made_from(entity_type, name)
    for catalog in registry.catalogs_of(entity_type.portal_type):
        for source in catalog.sources.values():
            found = source.of(entity_type.portal_type)
            if isinstance(found, Path):
                yield found
            elif found is not None:
                yield from source.depends
            if source.until is not None:
                yield source.until
