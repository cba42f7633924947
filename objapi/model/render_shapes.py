"""Shapes of rendering: the derived values to compute of an object of one type when some of them may differ."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from catalog import IndexKind
from objapi.model.dependents import TITLE, VARIABLES, Dependents, DerivedValue
from objapi.model.paths import Path
from objapi.model.registry import CatalogDeclaration, IndexSource, Registry
from objapi.model.types import EntityType, Field, Kind

NAMES = ("path", "UID", "id", "portal_type")
"""Members of an answer that every object has."""


@dataclass(frozen=True, slots=True)
class IndexReader:
    """Source of the value of one index for the objects of one type."""

    name: str
    source: IndexSource
    field: str | None
    """The field of the object itself whose value it is, where it is one."""
    path: Path | None
    """The path of the value, where it is nothing else."""
    title: Field | None
    """The own title as it is answered, which a field index takes: without the id for none."""
    answered_empty: bool
    """The value of an object without one is an empty text, as it is answered."""
    convert: Callable[[object], object]
    """Value as the index takes it, of a stored one; None where it has none."""


@dataclass(frozen=True, slots=True)
class IndexShape:
    """Indexes of one catalog to be computed; `side`: some are in keyword or text tables, which are written whole."""

    catalog: CatalogDeclaration
    names: tuple[str, ...]
    side: bool


@dataclass(frozen=True, slots=True)
class RenderShape:
    """Derived values of an object that are to be computed together."""

    members: tuple[tuple[str, Field], ...]
    """Members of the answer, with the fields that give them."""
    variables: tuple[str, ...]
    """Members that are workflow variables."""
    title: bool
    timed: bool
    """True when some of it is computed by Python, and may depend on the time."""
    indexes: tuple[IndexShape, ...]
    meta: frozenset[str]
    """Metadata to be looked up again."""

    @property
    def answered(self) -> bool:
        """True when the stored answer or metadata may differ."""
        return bool(self.members or self.variables or self.meta)


class RenderShapes:
    """Shapes of a site's declarations, each made once; safe between threads."""

    def __init__(self, registry: Registry, dependents: Dependents) -> None:
        self._registry = registry
        self._dependents = dependents
        self._shapes: dict[tuple[str, frozenset[DerivedValue]], RenderShape] = {}
        self.catalogs = {name: registry.catalogs_of(name) for name in registry.types}
        """Type → the catalogs that hold it."""
        self.shown: dict[tuple[str, str], Field] = {}
        """Type and field → the field whose kind decides how it is answered; filled by renderers."""
        self.readers: dict[tuple[str, str], Mapping[str, IndexReader]] = {}
        """Type and catalog → index → reader; filled by renderers."""
        self._variables = {name: _variables(registry, name) for name in registry.types}
        self.metadata: Mapping[str, tuple[tuple[CatalogDeclaration, str], ...]] = {
            name: tuple(self._metadata(item)) for name, item in registry.types.items()
        }
        """Type → catalog and name of the metadata that no member holds; the first catalog with a value gives it."""

    def of(self, entity_type: EntityType, affected: frozenset[DerivedValue]) -> RenderShape:
        """The shape for objects of a type of which these values may differ."""
        key = (entity_type.portal_type, affected)
        shape = self._shapes.get(key)
        if shape is None:
            shape = self._shapes[key] = self._made(entity_type, affected)
        return shape

    def _made(self, entity_type: EntityType, affected: frozenset[DerivedValue]) -> RenderShape:
        portal_type = entity_type.portal_type
        computed = self._dependents.computed(portal_type)
        timed = not affected.isdisjoint(computed)
        if timed:
            # When an answer is out of date follows from everything that is computed.
            affected |= computed
        meta = frozenset(name for catalog, name in self.metadata[portal_type] if (catalog.name, name) in affected)
        # Any catalog may give a name of the metadata, so all that could are asked.
        affected |= {(catalog.name, name) for catalog, name in self.metadata[portal_type] if name in meta}
        writers = self._writers(entity_type)
        return RenderShape(
            members=tuple((name, field) for name, field in writers.items() if (None, field.name) in affected),
            variables=tuple(self._variables[portal_type]) if VARIABLES in affected else (),
            title=TITLE in affected,
            timed=timed,
            indexes=tuple(self._indexes(entity_type, affected)),
            meta=meta,
        )

    def _indexes(self, entity_type: EntityType, affected: frozenset[DerivedValue]) -> Iterator[IndexShape]:
        for catalog in self.catalogs[entity_type.portal_type]:
            names = {name for owner, name in affected if owner == catalog.name}
            sided = {index.name for index in catalog.schema.of_kind(IndexKind.KEYWORD, IndexKind.TEXT)}
            side = not names.isdisjoint(sided)
            wanted = names | sided if side else names
            if wanted:
                yield IndexShape(catalog, tuple(name for name in catalog.schema.indexes if name in wanted), side)

    def _writers(self, entity_type: EntityType) -> Mapping[str, Field]:
        """Member of an answer → the field that gives it; later ones win, workflow variables and names over all."""
        found: dict[str, Field] = {}
        for field in entity_type.fields.values():
            found[field.name] = field
            if field.kind is Kind.REFERENCE:
                found[f"{field.name}_uid"] = field
        taken = self._variables[entity_type.portal_type].union(NAMES)
        return {name: field for name, field in found.items() if name not in taken}

    def _metadata(self, entity_type: EntityType) -> Iterator[tuple[CatalogDeclaration, str]]:
        members = {*self._writers(entity_type), *self._variables[entity_type.portal_type], *NAMES}
        for catalog in self.catalogs[entity_type.portal_type]:
            for name in catalog.returned:
                if name not in members and name not in catalog.hidden and name in catalog.schema.indexes:
                    yield catalog, name


def _variables(registry: Registry, portal_type: str) -> frozenset[str]:
    """The members of an answer that are workflow variables, by their own and their other names."""
    found: set[str] = set()
    for workflow in registry.chain(portal_type):
        found.add(workflow.state_variable)
        found.update(item.id for item in workflow.variables.values() if item.for_catalog and item.for_status)
    found.update(registry.variable_aliases[name] for name in tuple(found) if name in registry.variable_aliases)
    return frozenset(found)
