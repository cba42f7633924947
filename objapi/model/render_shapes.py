"""Shapes of rendering: what is computed of an object of one type, found once from the declarations.

A whole object is rendered by the `TypeShape` of its type, and one of which some derived values may differ by the
`RenderShape` of these values.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from catalog import Index, IndexKind, ValueType
from objapi.model.dependents import TITLE, VARIABLES, Dependents, DerivedValue, made_from
from objapi.model.index_values import index_converter
from objapi.model.loading.reserved import INTRINSIC_NAMES
from objapi.model.paths import Parent, Path, Step, Target
from objapi.model.registry import CatalogDeclaration, IndexSource, Registry
from objapi.model.types import EntityType, Field, Kind
from objapi.model.values import nothing_of

NAMES: Final = ("path", "UID", "id", "portal_type")
"""Members of an answer that every object has."""
_DEPTH: Final = 8
_CONVERTED: Final = frozenset({Kind.DATETIME, Kind.FILE})


@dataclass(frozen=True, slots=True)
class MemberSource:
    """The members of an answer that one field gives."""

    field: Field
    members: tuple[str, ...]
    shown: Field
    """The field whose kind decides how the value is answered: for a computed one that at the end of its path."""
    nothing: object
    """What is answered for no value."""
    converted: bool
    """True when the stored form is not what is answered."""


@dataclass(frozen=True, slots=True)
class IndexReader:
    """Source of the value of one index for the objects of one type."""

    name: str
    source: IndexSource
    stored: str | None
    """The field of the object's own document whose value it is, where it is one."""
    field: Field | None
    """Another field of the object itself whose value it is, where it is one."""
    path: Path | None
    """The path of the value, where it is nothing else."""
    name_of_all: str | None
    """The name that every object has, where the value is under one."""
    variable: tuple[str, str, object] | None
    """Name, workflow, and value before that is entered, where it is a workflow variable."""
    convert: Callable[[object], object]
    """Value as the index takes it, of a stored one; None where it has none."""
    nothing: object
    """The value of an object without one: an empty text where that is answered."""


@dataclass(frozen=True, slots=True)
class IndexedValue:
    """A value of the object itself, which is looked up once, and the indexes of all catalogs that take it."""

    reader: IndexReader
    """How it is looked up."""
    taken: tuple[tuple[Callable[[object], object], tuple[tuple[str, str, object], ...]], ...]
    """Conversion → catalog and index, and the value there of an object without one."""


@dataclass(frozen=True, slots=True)
class MetaSource:
    """Source of one name of the metadata that no member of the answer holds."""

    catalog: str
    name: str
    text: IndexSource | None
    """The source of a text index, whose text is answered as it is stored."""


@dataclass(frozen=True, slots=True, eq=False)
class SharedValues:
    """Values that objects of a type have from where one step leads: many of them lead to the same object there."""

    step: Step
    members: tuple[tuple[MemberSource, Path], ...]
    """Members of the answer, with the path on from there."""
    indexes: tuple[tuple[str, IndexReader, Path], ...]
    """Catalog and reader, with the path on from there."""


@dataclass(frozen=True, slots=True)
class ShapeParts:
    """Members of an answer and index values, by what they are computed from."""

    blank: Mapping[str, object]
    """The members in their order, with what is answered for no value."""
    stored: Mapping[str, MemberSource]
    """Field of the object's own document → its members."""
    derived: tuple[MemberSource, ...]
    """Other fields, but for those that are shared."""
    shared: tuple[SharedValues, ...]
    catalogs: tuple[str, ...]
    """The catalogs in whose indexes there may be values."""
    indexed: tuple[IndexedValue, ...]
    """Values of indexes, but for those that are shared."""
    referred: tuple[str, ...]
    """The reference fields of the object's own document over which other values lead."""


@dataclass(frozen=True, slots=True)
class TypeShape:
    """All derived values of the objects of one type."""

    parts: ShapeParts
    readers: Mapping[str, Mapping[str, IndexReader]]
    """Catalog → index → reader, of the indexes in which the objects may have values."""
    metadata: tuple[MetaSource, ...]
    """The first source with a value gives a name."""
    meta_names: Mapping[str, None]
    """The names of the metadata in their order."""
    variables: tuple[tuple[str, str, str, object], ...]
    """Member, workflow variable, its workflow, and its value before that is entered."""


@dataclass(frozen=True, slots=True)
class IndexShape:
    """Indexes of one catalog that may differ; `side`: some are in keyword or text tables, which are written whole."""

    catalog: CatalogDeclaration
    names: tuple[str, ...]
    side: bool


@dataclass(frozen=True, slots=True, eq=False)
class RenderShape:
    """Derived values of an object that are to be computed together."""

    parts: ShapeParts
    variables: bool
    """True when the members that are workflow variables may differ."""
    title: bool
    timed: bool
    """True when some of it is computed by Python, and may depend on the time."""
    indexes: tuple[IndexShape, ...]
    meta: Mapping[str, tuple[MetaSource, ...]]
    """Metadata to be looked up again: the first of its sources with a value gives a name."""
    answered: bool
    """True when the stored answer or metadata may differ."""


class RenderShapes:
    """Shapes of a site's declarations, each made once; safe between threads."""

    def __init__(self, registry: Registry, dependents: Dependents) -> None:
        self._registry = registry
        self._dependents = dependents
        self.made: dict[str, TypeShape] = {}
        """Type → the shape of all derived values, as far as any was asked for."""
        self._shapes: dict[tuple[str, frozenset[DerivedValue], bool], RenderShape] = {}
        self.catalogs = {name: registry.catalogs_of(name) for name in registry.types}
        """Type → the catalogs that hold it."""

    # Whole objects

    def whole(self, entity_type: EntityType) -> TypeShape:
        """The shape of all derived values."""
        shape = self.made.get(entity_type.portal_type)
        if shape is None:
            shape = self.made[entity_type.portal_type] = self._made_whole(entity_type)
        return shape

    def _made_whole(self, entity_type: EntityType) -> TypeShape:
        portal_type, writers = entity_type.portal_type, self._writers(entity_type)
        sources = self._sources(entity_type)
        variables = tuple(self._variables(portal_type))
        blank: dict[str, object] = {}
        for field in entity_type.fields.values():
            for name in _members_of(field):
                blank[name] = sources[writers[name].name].nothing if name in writers else None
        blank.update((member, None) for member, *_ in variables)
        blank.update(dict.fromkeys(NAMES))
        readers = {catalog.name: tuple(self._readers(entity_type, catalog)) for catalog in self.catalogs[portal_type]}
        metadata = tuple(self._metadata(entity_type))
        return TypeShape(
            parts=_parts(entity_type, blank, sources.values(), readers),
            readers={catalog: {item.name: item for item in found} for catalog, found in readers.items()},
            metadata=metadata,
            meta_names=dict.fromkeys(item.name for item in metadata),
            variables=variables,
        )

    def _sources(self, entity_type: EntityType) -> dict[str, MemberSource]:
        """Field → the members that it gives."""
        members: dict[str, list[str]] = {}
        for name, field in self._writers(entity_type).items():
            members.setdefault(field.name, []).append(name)
        found = {}
        for name, field in entity_type.fields.items():
            shown = self.shown(entity_type, field)
            converted = shown.kind in _CONVERTED
            found[name] = MemberSource(field, tuple(members.get(name, ())), shown, nothing_of(shown), converted)
        return found

    def _writers(self, entity_type: EntityType) -> Mapping[str, Field]:
        """Member of an answer → the field that gives it; later ones win, workflow variables and names over all."""
        found = {name: field for field in entity_type.fields.values() for name in _members_of(field)}
        taken = {*(member for member, *_ in self._variables(entity_type.portal_type)), *NAMES}
        return {name: field for name, field in found.items() if name not in taken}

    def _variables(self, portal_type: str) -> Iterator[tuple[str, str, str, object]]:
        aliases = self._registry.variable_aliases
        for name, (workflow, initial) in self._registry.state_variables(portal_type).items():
            yield name, name, workflow, initial
            if name in aliases:
                yield aliases[name], name, workflow, initial

    def _metadata(self, entity_type: EntityType) -> Iterator[MetaSource]:
        variables = self._variables(entity_type.portal_type)
        members = {*self._writers(entity_type), *(member for member, *_ in variables), *NAMES}
        for catalog in self.catalogs[entity_type.portal_type]:
            for name in catalog.returned:
                index = catalog.schema.indexes.get(name)
                if index is not None and name not in members and name not in catalog.hidden:
                    text = catalog.sources.get(name) if index.kind is IndexKind.TEXT else None
                    yield MetaSource(catalog.name, name, text)

    def shown(self, entity_type: EntityType, field: Field, depth: int = 0) -> Field:
        """The field whose kind decides how a value is answered: for a computed one that at the end of its path."""
        if field.path is None or depth > _DEPTH:
            return field
        return self._end_at(entity_type, field.path, depth) or field

    def _end_at(self, entity_type: EntityType, path: Path, depth: int) -> Field | None:
        """The field at the end of a path over references; None where it ends in none or follows other steps."""
        if path.attribute is None:
            return None
        for step in path.steps:
            link = entity_type.fields.get(step.field) if isinstance(step, Target) else None
            names = link.targets if link is not None else ()
            following = next((self._registry.types[name] for name in names if name in self._registry.types), None)
            if following is None:
                return None
            entity_type = following
        end = entity_type.fields.get(path.attribute)
        return None if end is None else self.shown(entity_type, end, depth + 1)

    def _readers(self, entity_type: EntityType, catalog: CatalogDeclaration) -> Iterator[IndexReader]:
        variables = self._registry.state_variables(entity_type.portal_type)
        for name, index in catalog.schema.indexes.items():
            source = catalog.sources.get(name)
            found = None if source is None else source.of(entity_type.portal_type)
            if source is None or name in catalog.hidden or (found is None and index.kind is not IndexKind.DATE_RANGE):
                continue
            path = found if isinstance(found, Path) and not source.also(entity_type.portal_type) else None
            field = None if path is None else _field_at(entity_type, index, path)
            convert = index_converter(index)
            nothing = convert(None) if index.kind is IndexKind.DATE_RANGE else None
            own_name = None if path is None or path.steps or path.key is not None else path.attribute
            of_all = own_name is not None and field is None and own_name in INTRINSIC_NAMES
            variable = None if own_name is None or of_all else variables.get(own_name)
            yield IndexReader(
                name=name,
                source=source,
                stored=field.name if field is not None and field.is_stored else None,
                field=field if field is not None and not field.is_stored else None,
                path=path,
                name_of_all=own_name if of_all else None,
                variable=None if own_name is None or field is not None or variable is None else (own_name, *variable),
                convert=convert,
                nothing="" if self._is_answered_empty(entity_type, index, source) else nothing,
            )

    def _is_answered_empty(self, entity_type: EntityType, index: Index, source: IndexSource) -> bool:
        """True for a field index of texts over a field that is answered as `""` when it has no value.

        Its key is then the same, so that sorting leaves nothing out. NULL of a mapped row is no value.
        """
        if index.kind is not IndexKind.FIELD or index.value_type is not ValueType.STRING:
            return False
        origin = source.of(entity_type.portal_type)
        if entity_type.table is not None or not isinstance(origin, Path) or origin.key is not None:
            return False
        end = self._end_at(entity_type, origin, 0)
        return end is not None and end.kind in (Kind.STRING, Kind.TEXT)

    # Objects of which some values may differ

    def of(self, entity_type: EntityType, affected: frozenset[DerivedValue], *, ends: bool = True) -> RenderShape:
        """The shape for objects of a type of which these values may differ; `ends`: the stored answer has an end."""
        key = (entity_type.portal_type, affected, ends)
        shape = self._shapes.get(key)
        if shape is None:
            shape = self._shapes[key] = self._made(entity_type, affected, ends)
        return shape

    def _made(self, entity_type: EntityType, affected: frozenset[DerivedValue], ends: bool) -> RenderShape:
        whole, computed = self.whole(entity_type), self._dependents.computed(entity_type.portal_type)
        timed = not affected.isdisjoint(computed)
        if timed and ends:
            # Which of the values gives an answer its end is not stored, so that all are asked again. In an answer
            # without an end none does that is not affected.
            affected |= computed
        names = {item.name for item in whole.metadata if (item.catalog, item.name) in affected}
        # Any catalog may give a name of the metadata, so all that could are asked.
        again = [item for item in whole.metadata if item.name in names]
        meta = {name: tuple(item for item in again if item.name == name) for name in names}
        affected |= {(item.catalog, item.name) for item in again}
        indexes = tuple(self._indexes(entity_type, affected))
        readers = {
            part.catalog.name: tuple(
                reader for name, reader in whole.readers[part.catalog.name].items() if name in part.names
            )
            for part in indexes
        }
        sources = [
            source for name, source in self._sources(entity_type).items() if source.members and (None, name) in affected
        ]
        blank = {member: source.nothing for source in sources for member in source.members}
        variables = bool(whole.variables) and VARIABLES in affected
        return RenderShape(
            parts=_parts(entity_type, blank, sources, readers),
            variables=variables,
            title=TITLE in affected,
            timed=timed,
            indexes=indexes,
            meta=meta,
            answered=bool(sources or variables or meta),
        )

    def _indexes(self, entity_type: EntityType, affected: frozenset[DerivedValue]) -> Iterator[IndexShape]:
        for catalog in self.catalogs[entity_type.portal_type]:
            names = {name for owner, name in affected if owner == catalog.name}
            sided = {index.name for index in catalog.schema.sided}
            side = not names.isdisjoint(sided)
            wanted = names | sided if side else names
            if wanted:
                yield IndexShape(catalog, tuple(name for name in catalog.schema.indexes if name in wanted), side)


def _parts(
    entity_type: EntityType,
    blank: Mapping[str, object],
    sources: Iterable[MemberSource],
    readers: Mapping[str, Sequence[IndexReader]],
) -> ShapeParts:
    stored: dict[str, MemberSource] = {}
    derived: list[MemberSource] = []
    own: list[tuple[str, IndexReader]] = []
    members: dict[Step, list[tuple[MemberSource, Path]]] = {}
    indexes: dict[Step, list[tuple[str, IndexReader, Path]]] = {}
    referred: dict[str, None] = {}
    for source in sources:
        path = source.field.path
        referred.update(_references(entity_type, Path((), source.field.name)))
        if source.field.is_stored:
            stored[source.field.name] = source
        elif path is not None and path.rest is not None and _is_shared(entity_type, path, source.shown):
            members.setdefault(path.steps[0], []).append((source, path.rest))
        else:
            derived.append(source)
    for catalog, found in readers.items():
        for reader in found:
            path = reader.path if reader.field is None else reader.field.path
            for origin in reader.source.paths(entity_type.portal_type):
                referred.update(_references(entity_type, origin))
            if path is not None and path.rest is not None and _is_shared(entity_type, path):
                indexes.setdefault(path.steps[0], []).append((catalog, reader, path.rest))
            else:
                own.append((catalog, reader))
    shared = tuple(
        SharedValues(step, tuple(members.get(step, ())), tuple(indexes.get(step, ())))
        for step in dict.fromkeys((*members, *indexes))
    )
    indexed = tuple(_indexed(entity_type, own))
    return ShapeParts(blank, stored, tuple(derived), shared, tuple(readers), indexed, tuple(referred))


def _indexed(entity_type: EntityType, readers: Iterable[tuple[str, IndexReader]]) -> Iterator[IndexedValue]:
    """The values that readers of several catalogs take, each with all that take it."""
    alike: dict[object, list[tuple[str, IndexReader]]] = {}
    for catalog, reader in readers:
        origin = reader.source.of(entity_type.portal_type), reader.source.also(entity_type.portal_type)
        alike.setdefault((reader.stored, reader.name_of_all, origin), []).append((catalog, reader))
    for found in alike.values():
        taken: dict[Callable[[object], object], list[tuple[str, str, object]]] = {}
        for catalog, reader in found:
            taken.setdefault(reader.convert, []).append((catalog, reader.name, reader.nothing))
        yield IndexedValue(found[0][1], tuple((convert, tuple(takers)) for convert, takers in taken.items()))


def _references(entity_type: EntityType, path: Path, depth: int = 0) -> dict[str, None]:
    """The reference fields of the object's own document over which a path, and what its value is made from, begin."""
    name = path.attribute
    if path.steps:
        name = path.steps[0].field if isinstance(path.steps[0], Target) else None
    field = None if name is None else entity_type.fields.get(name)
    found: dict[str, None] = {}
    if path.steps and field is not None and field.is_stored:
        found[field.name] = None
    for origin in made_from(entity_type, name) if name is not None and depth <= _DEPTH else ():
        found |= _references(entity_type, origin, depth + 1)
    return found


def _is_shared(entity_type: EntityType, path: Path, shown: Field | None = None) -> bool:
    """True for a path whose first step leads to one object, and whose value says nothing of where it began."""
    step = path.steps[0]
    field = entity_type.fields.get(step.field) if isinstance(step, Target) else None
    single = isinstance(step, Parent) or (field is not None and not field.multi)
    # The address of a file is that in the object itself.
    return single and (shown is None or shown.kind is not Kind.FILE)


def _members_of(field: Field) -> tuple[str, ...]:
    return (field.name, f"{field.name}_uid") if field.kind is Kind.REFERENCE else (field.name,)


def _field_at(entity_type: EntityType, index: Index, path: Path) -> Field | None:
    """The field of the object itself whose value a path gives; a name that every object has is none.

    The own title is one for a field index, which takes it as it is answered: without the id for none.
    """
    if path.steps or path.key is not None or path.attribute is None:
        return None
    if path.attribute == "title":
        return entity_type.fields.get("title") if index.kind is IndexKind.FIELD else None
    return None if path.attribute in INTRINSIC_NAMES else entity_type.fields.get(path.attribute)
