"""Rendering of types all of whose derived values follow from the object alone, for millions of objects at a time.

No behaviour, no path over other objects and no file is among their values, so one look-up in a mapping gives each. What
comes out is what `Renderer` makes of the same object; all other types are rendered by that.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from functools import lru_cache, partial
from operator import attrgetter
from typing import Any, Final, NamedTuple

import orjson

from catalog import CatalogSchema, Index, IndexKind, ValueType, side_digest
from catalog.dates import in_zone
from catalog.schema import SIDE_KINDS
from objapi.model.index_values import index_value
from objapi.model.paths import Path
from objapi.model.registry import CatalogDeclaration, fold
from objapi.model.types import FOLDED_STATE, EntityType, Field, Kind
from objapi.model.values import nothing_of
from objapi.store.context import SiteContext
from objapi.store.records import from_micros, to_text
from objapi.store.writing.draft import Draft, sortable, texts_in
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.render import Rendered, Renderer, title_key

_OF_OBJECT: Final = "\0"
"""Begins the names of what every object has, among those of its fields."""
_OF_WORKFLOW: Final = "\1"
_ATTRIBUTES: Final = {"id": "id", "uid": "uid", "path": "path", "creator": "creator", "position": "created"}
"""Values that every object has → attributes of `PlainObject`."""
_OWN_TITLE: Final = Path((), "title")
_CONVERTED: Final = frozenset(
    {IndexKind.DATE, IndexKind.DATE_RANGE, *SIDE_KINDS, IndexKind.BOOLEAN, IndexKind.POSITION}
)


@dataclass(slots=True)
class PlainObject:
    """The stored values of an object; instants in microseconds since 1970 UTC."""

    uid: str
    id: str
    path: str
    creator: str
    created: int
    modified: int
    data: Mapping[str, Any]
    states: Mapping[str, Any]


class NotPlain(Exception):
    """A type with a value or access that other objects, behaviours or files give."""


def plain_renderers(site: SiteContext) -> dict[str, "PlainRenderer"]:
    """Type → its renderer, of those types that are plain."""
    found = {}
    for name, entity_type in site.registry.types.items():
        try:
            found[name] = PlainRenderer(site, entity_type)
        except NotPlain:
            continue
    return found


class _PlainIndex(NamedTuple):
    """An index of a plain type: a tuple, since each object goes through some twenty of them."""

    name: str
    source: str
    """Name in the mapping of values."""
    convert: Callable[[Any], Any]
    answered_empty: bool
    keeps_text: bool
    """A text is its own value, and `convert` not asked for it."""


@dataclass(frozen=True, slots=True)
class _PlainCatalog:
    name: str
    indexes: tuple[_PlainIndex, ...]
    schema: CatalogSchema
    has_sides: bool
    """Some indexes are in keyword or text tables."""
    empty_digest: str


class PlainRenderer:
    """Renders the objects of one type. Making it raises NotPlain for a type that is not."""

    def __init__(self, site: SiteContext, entity_type: EntityType) -> None:
        self.type = entity_type
        self._zone = site.zone
        self._needed: dict[str, Callable[[PlainObject, str], object]] = {}
        self._own: dict[str, str] = {}
        """Name in the mapping of values → attribute of the object."""
        self._fixed: dict[str, object] = {}
        """Values that all objects of the type have in common."""
        self._variables = site.registry.state_variables(entity_type.portal_type)
        self._intrinsic = self._intrinsic_values()
        self._common = {
            "portal_type": entity_type.portal_type,
            "type_title": entity_type.title,
            "is_folderish": any(entity_type.portal_type in item.containers for item in site.registry.types.values()),
        }
        follows = entity_type.table is not None or entity_type.access_from is not None
        if follows or any(field.kind is Kind.FILE for field in entity_type.fields.values()):
            raise NotPlain(entity_type.portal_type)
        self._instants: dict[int, str] = {}
        self._shown: dict[datetime, str] = {}
        self._title = self._title_source()
        self._searchable = [
            self._field_source(field)
            for field in entity_type.fields.values()
            if field.searchable or field.name == "description"
        ]
        self._members = list(self._member_sources())
        aliases = site.registry.variable_aliases
        self._answered = [
            (name, workflow, initial, aliases.get(name))
            for name, (workflow, initial) in site.registry.state_variables(entity_type.portal_type).items()
        ]
        catalogs = site.registry.catalogs_of(entity_type.portal_type)
        self._catalogs = [self._catalog(catalog) for catalog in catalogs]
        self._meta = list(self._meta_sources(site))
        self._unique = entity_type.title_required and not entity_type.title_shared
        # Two more that are always there, since of one alone no tuple is given.
        self._own_values = attrgetter(*self._own.values(), "uid", "id")

    # What is computed, found once for the type

    def _intrinsic_values(self) -> dict[str, Callable[[PlainObject, str], object]]:
        return {
            "title": lambda item, title: title,
            "created": lambda item, title: self._instant(item.created),
            "modified": lambda item, title: self._instant(item.modified),
            "sortable_title": lambda item, title: sortable(title),
            "searchable_text": self._texts,
            FOLDED_STATE: self._folded_state,
        }

    def _folded_state(self, item: PlainObject, title: str) -> str | None:
        def value_of(name: str) -> object:
            workflow, initial = self._variables.get(name, ("", None))
            status = item.states.get(workflow)
            return initial if status is None else status["status"].get(name)

        return fold(self.type.folds, value_of)

    def _instant(self, micros: int) -> str:
        # Objects that were loaded together have these instants in common.
        found = self._instants.get(micros)
        if found is None:
            if len(self._instants) > 100:
                self._instants.clear()
            found = self._instants[micros] = to_text(from_micros(micros))
        return found

    def _shown_instant(self, instant: datetime) -> str:
        found = self._shown.get(instant)
        if found is None:
            if len(self._shown) > 100:
                self._shown.clear()
            found = self._shown[instant] = in_zone(instant, self._zone).isoformat()
        return found

    def _texts(self, item: PlainObject, title: str) -> list[str]:
        texts = [item.id, title]
        for source in self._searchable:
            texts.extend(texts_in(item.data.get(source)))
        return texts

    def _title_source(self) -> str:
        path = self.type.title_path
        if path is None:
            return "title"
        if path.steps or path.key is not None or path.attribute is None:
            raise NotPlain(self.type.portal_type)
        return self._stored_source(path.attribute)

    def _stored_source(self, name: str) -> str:
        """The field whose stored value is that under a name."""
        field = self.type.fields.get(name)
        if field is None or name in self._intrinsic or name in self._common or name in _ATTRIBUTES:
            raise NotPlain(self.type.portal_type)
        return self._field_source(field)

    def _field_source(self, field: Field) -> str:
        if field.alias_of is not None:
            return self._stored_source(field.alias_of)
        if field.path is not None or field.compute is not None or field.stored_on is not None:
            raise NotPlain(self.type.portal_type)
        return field.name

    def _source(self, name: str) -> str:
        """The name, among the values of an object, of a value that a path ends in."""
        if name in _ATTRIBUTES:
            self._own[_OF_OBJECT + name] = _ATTRIBUTES[name]
            return _OF_OBJECT + name
        if name in self._common:
            self._fixed[_OF_OBJECT + name] = self._common[name]
            return _OF_OBJECT + name
        if name in self._intrinsic:
            self._needed[_OF_OBJECT + name] = self._intrinsic[name]
            return _OF_OBJECT + name
        field = self.type.fields.get(name)
        if field is None:
            return _OF_WORKFLOW + name
        return self._source(field.alias_of) if field.alias_of is not None else self._field_source(field)

    def _member_sources(self) -> Iterator[tuple[str, str, object, bool]]:
        """Member of the answer, source, what stands for no value, and True for instants."""
        for field in self.type.fields.values():
            source = self._source(field.alias_of) if field.alias_of is not None else self._field_source(field)
            nothing = nothing_of(field)
            yield field.name, source, nothing, field.kind is Kind.DATETIME
            if field.kind is Kind.REFERENCE:
                yield f"{field.name}_uid", source, nothing, False

    def _catalog(self, catalog: CatalogDeclaration) -> _PlainCatalog:
        schema = catalog.schema
        has_sides = bool(schema.sided)
        return _PlainCatalog(catalog.name, tuple(self._indexes(catalog)), schema, has_sides, side_digest(schema, {}))

    def _indexes(self, catalog: CatalogDeclaration) -> Iterator[_PlainIndex]:
        for name, index in catalog.schema.indexes.items():
            source = catalog.sources.get(name)
            found = None if source is None else source.of(self.type.portal_type)
            if source is None or name in catalog.hidden or found is None:
                continue
            if isinstance(found, str) or found.steps or found.attribute is None or found.key:
                raise NotPlain(self.type.portal_type)
            if source.also(self.type.portal_type):
                raise NotPlain(self.type.portal_type)
            title = self.type.fields.get("title") if index.kind is IndexKind.FIELD and found == _OWN_TITLE else None
            own = self._source(found.attribute) if title is None else self._source_of_title(title)
            end = self.type.fields.get(found.attribute)
            texts = index.kind is IndexKind.FIELD and index.value_type is ValueType.STRING
            answered = texts and end is not None and end.kind in (Kind.STRING, Kind.TEXT)
            yield _PlainIndex(name, own, _converter(index), answered, _keeps_text(index))

    def _source_of_title(self, title: Field) -> str:
        return self._source(title.alias_of) if title.alias_of is not None else self._field_source(title)

    def _meta_sources(self, site: SiteContext) -> Iterator[tuple[str, str, str | None]]:
        """Name, catalog, and for a text index the source of the text as it is stored."""
        sources = {(item.name, index.name): index.source for item in self._catalogs for index in item.indexes}
        for item in site.shapes.whole(self.type).metadata:
            text = None if item.text is None else sources.get((item.catalog, item.name), _OF_WORKFLOW)
            yield item.name, item.catalog, text

    # What is done for each object

    def render(self, item: PlainObject) -> Rendered:
        """Everything derived of one object."""
        data = item.data
        found = data.get(self._title)
        title = str(found) if found else item.id
        values: dict[str, Any] = {**self._fixed, **data}
        values.update(zip(self._own, self._own_values(item), strict=False))
        for name, read in self._needed.items():
            values[name] = read(item, title)
        for name, workflow, initial, _ in self._answered:
            status = item.states.get(workflow)
            values[_OF_WORKFLOW + name] = initial if status is None else status["status"].get(name)
        indexes = {catalog.name: _index_values(catalog, values) for catalog in self._catalogs}
        return Rendered(
            title=title,
            title_key=title_key(title) if self._unique else None,
            answer=orjson.dumps(self._answer(item, values))[1:-1].decode(),
            meta=orjson.dumps(self._metadata(values, indexes)).decode(),
            sides={catalog.name: _sides(catalog, indexes[catalog.name]) for catalog in self._catalogs},
            indexes=indexes,
        )

    def _answer(self, item: PlainObject, values: Mapping[str, Any]) -> dict[str, object]:
        members: dict[str, object] = {}
        for name, source, nothing, instant in self._members:
            value = values.get(source)
            if value is None:
                members[name] = nothing
            elif instant:
                members[name] = _in_zone(value, self._zone)
            else:
                members[name] = value
        for name, _, _, alias in self._answered:
            members[name] = values[_OF_WORKFLOW + name]
            if alias is not None:
                members[alias] = values[_OF_WORKFLOW + name]
        members["path"] = item.path
        members["UID"] = item.uid
        members["id"] = item.id
        members["portal_type"] = self.type.portal_type
        return members

    def _metadata(self, values: Mapping[str, Any], indexes: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
        meta: dict[str, object] = {}
        for name, catalog, text in self._meta:
            if name in meta:
                continue
            value = indexes[catalog].get(name) if text is None else values.get(text)
            if isinstance(value, datetime):
                value = self._shown_instant(value)
            elif isinstance(value, Decimal):
                value = str(value)
            if value is not None:
                meta[name] = value
        return meta


class MixedRenderer(Renderer):
    """Renders the objects of plain types by their renderers, and all others in general."""

    def __init__(self, planner: StorePlanner, plain: Mapping[str, PlainRenderer]) -> None:
        site = planner.context.site
        super().__init__(planner.values, site.zone, site.shapes)
        self._plain = plain

    def render(self, draft: Draft) -> Rendered:
        """Everything derived of one object, in the present state of the request."""
        plain = self._plain.get(draft.type.portal_type)
        if plain is None:
            return super().render(draft)
        created, modified = draft.created, draft.modified
        item = PlainObject(draft.uid, draft.id, draft.path, draft.creator, created, modified, draft.data, draft.states)
        return plain.render(item)


def _index_values(catalog: _PlainCatalog, values: Mapping[str, Any]) -> dict[str, object]:
    found: dict[str, object] = {}
    get = values.get
    for name, source, convert, answered_empty, keeps_text in catalog.indexes:
        value = get(source)
        if not (keeps_text and type(value) is str):
            value = convert(value)
            if value is None:
                if not answered_empty:
                    continue
                value = ""
        found[name] = value
    return found


def _converter(index: Index) -> Callable[[Any], Any]:
    general = partial(index_value, index)
    if index.kind is IndexKind.DATE:
        return lambda stored: _instant_of(stored) if type(stored) is str and stored else general(stored)
    return general


_instant_of = lru_cache(maxsize=1024)(datetime.fromisoformat)
"""Objects that were made together have few instants, each in indexes of several catalogs."""


def _keeps_text(index: Index) -> bool:
    """True for an index whose value a text is as it stands."""
    return index.kind not in (IndexKind.DATE, *_CONVERTED) and index.value_type is ValueType.STRING


def _in_zone(value: object, zone: tzinfo) -> object:
    if isinstance(value, list):
        return [_in_zone(item, zone) for item in value]
    return in_zone(datetime.fromisoformat(value), zone).isoformat() if isinstance(value, str) else value


def _sides(catalog: _PlainCatalog, values: Mapping[str, object]) -> str:
    return side_digest(catalog.schema, values) if catalog.has_sides else catalog.empty_digest
