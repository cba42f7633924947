"""The dialect of a site made ready for use: for each type the names and kinds of its values, looked up once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from objapi.errors import NotFound
from objapi.model.dialects import Dialect, DialectCatalog, DialectType, DialectWords
from objapi.model.paths import Back, Children, Parent, Path, Step, Target
from objapi.model.registry import Registry
from objapi.model.render_shapes import RenderShapes
from objapi.model.types import EntityType, Field, Kind
from objapi.senaite import DIALECT

_INSTANTS: Final = frozenset({"created", "modified"})
_TEXTS: Final = (Kind.STRING, Kind.TEXT, Kind.FIXEDPOINT, Kind.REFERENCE)


@dataclass(frozen=True, slots=True)
class FieldPlan:
    """How one field is answered under one name."""

    name: str
    field: str
    kind: Kind
    multi: bool = False
    words: DialectWords | None = None


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The dialect with the declarations that it names."""

    dialect: Dialect
    registry: Registry
    shapes: RenderShapes

    @classmethod
    def of(cls, registry: Registry, shapes: RenderShapes) -> "Vocabulary | None":
        """The vocabulary of a site; None where no profile declares the dialect."""
        dialect = registry.dialects.get(DIALECT)
        return None if dialect is None else cls(dialect, registry, shapes)

    @classmethod
    def empty(cls, registry: Registry, shapes: RenderShapes) -> "Vocabulary":
        """The vocabulary of a site without the dialect, for the routes that need none."""
        return cls(Dialect(DIALECT, {}, {}, ""), registry, shapes)

    # Types

    def type_named(self, name: str) -> tuple[DialectType, str] | None:
        """The type of a resource, in any case and without blanks, with the name as it is spelt; None for none."""
        found = self.dialect.resources.get(name.replace(" ", "").lower())
        return None if found is None else (self.dialect.types[found[0]], found[1])

    def shown_type(self, portal_type: str, asked: Mapping[str, str]) -> str:
        """The name of a type in an answer: that by which it was asked for, if any."""
        known = self.dialect.types.get(portal_type)
        return asked.get(portal_type) or (portal_type if known is None else known.names[0])

    @lru_cache(maxsize=1024)  # noqa: B019 - one vocabulary a process
    def resource(self, portal_type: str) -> str:
        """The name of a type in URLs; empty for a type that is no resource."""
        known = self.dialect.types.get(portal_type)
        return "" if known is None else known.names[0].replace(" ", "").lower()

    def entity_type(self, portal_type: str) -> EntityType:
        """The declaration of a type."""
        return self.registry.types[portal_type]

    @lru_cache(maxsize=1024)  # noqa: B019 - one vocabulary a process
    def plans(self, portal_type: str) -> tuple[FieldPlan, ...]:
        """How the fields of a type are answered: under their own names, then under those of the dialect."""
        entity_type, known = self.registry.types[portal_type], self.dialect.types.get(portal_type)
        names = {} if known is None else known.fields
        own = {name: FieldPlan(name, name, *self._kind(entity_type, name)) for name in entity_type.fields}
        theirs = {
            name: FieldPlan(name, meant.field, *self._kind(entity_type, meant.field), words=meant.words)
            for name, meant in names.items()
        }
        return tuple({**own, **theirs}.values())

    def _kind(self, entity_type: EntityType, name: str) -> tuple[Kind, bool]:
        field = entity_type.fields[name]
        shown = self.shapes.shown(entity_type, field)
        if shown.kind is not Kind.COMPUTED or field.path is None:
            return shown.kind, shown.multi
        # The path leads over containers, at whose other end the value has a kind.
        return self.kind_at(entity_type.portal_type, field.path) or Kind.COMPUTED, field.path.multiple

    @lru_cache(maxsize=1024)  # noqa: B019 - one vocabulary a process
    def own_field(self, portal_type: str, name: str) -> str | None:
        """The field or create parameter that a name of the dialect means for a type; None for no field."""
        entity_type, known = self.registry.types[portal_type], self.dialect.types.get(portal_type)
        if known is not None and name in known.fields:
            return known.fields[name].field
        return name if name in entity_type.fields or name in entity_type.create_parameters else None

    @lru_cache(maxsize=4096)  # noqa: B019 - one vocabulary a process
    def their_name(self, portal_type: str, name: str) -> str:
        """The name by which clients know a field or create parameter."""
        known = self.dialect.types.get(portal_type)
        if known is None:
            return name
        for their, written in known.written.items():
            if written.to == name and name not in self.registry.types[portal_type].fields:
                return their
        return name

    def field(self, portal_type: str, name: str) -> Field:
        """The declaration of a field or create parameter."""
        entity_type = self.registry.types[portal_type]
        return entity_type.fields.get(name) or entity_type.create_parameters[name]

    # Catalogs

    def catalog(self, name: str) -> DialectCatalog:
        """A catalog by any of its names. Raises NotFound."""
        found = self.dialect.catalogs.get(name)
        if found is None:
            raise NotFound(f"There is no catalog {name[:80]!r}; there are {', '.join(self.catalog_names())}.")
        return found

    def catalog_names(self) -> tuple[str, ...]:
        """The names of the catalogs that are listed."""
        listed = {item.name for item in self.dialect.catalogs.values() if item.listed}
        return tuple(sorted(listed))

    def catalog_of(self, portal_type: str) -> DialectCatalog:
        """The first catalog of a type; the one of all objects for a type that is no resource."""
        known = self.dialect.types.get(portal_type)
        return self.dialect.catalogs[self.dialect.everything if known is None else known.catalog]

    def types_in(self, catalog: DialectCatalog) -> tuple[str, ...]:
        """The types that a catalog shows, as far as they are resources."""
        return tuple(name for name in self.dialect.types if self.shows(catalog, name))

    def shows(self, catalog: DialectCatalog, portal_type: str) -> bool:
        """True where a catalog shows a type."""
        if catalog.types is not None:
            return portal_type in catalog.types
        own = self.registry.catalogs[catalog.catalog]
        return own in self.registry.catalogs_of(portal_type)

    # Paths

    @lru_cache(maxsize=4096)  # noqa: B019 - one vocabulary a process
    def kind_at(self, portal_type: str, path: Path) -> Kind | None:
        """The kind of the value at the end of a path; None where it has no kind of its own."""
        types = {portal_type}
        for step in path.steps:
            types = {other for name in types for other in self._beyond(name, step)}
        if path.attribute is None or path.attribute in _INSTANTS:
            return Kind.STRING if path.attribute is None else Kind.DATETIME
        if path.key is not None:
            return None
        for name in types:
            field = self.registry.types[name].fields.get(path.attribute)
            if field is not None:
                return self.shapes.shown(self.registry.types[name], field).kind
        return Kind.STRING

    def _beyond(self, portal_type: str, step: Step) -> Iterable[str]:
        known = self.registry.types
        match step:
            case Parent():
                names: Iterable[str] = known[portal_type].containers
            case Children(types):
                names = types
            case Back(source, _):
                names = (source,)
            case Target(field):
                declared = known[portal_type].fields.get(field)
                names = () if declared is None else self.shapes.shown(known[portal_type], declared).targets
        return [name for name in names if name in known]


def is_text(kind: Kind | None) -> bool:
    """True for kinds of which no value is answered as an empty text."""
    return kind in _TEXTS
