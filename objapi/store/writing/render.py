"""Derived columns of an object: the answer of a read, metadata, and its values in catalogs."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal, InvalidOperation
from functools import partial

import orjson

from catalog import Index, IndexKind, IndexRow, ValueType, side_digest
from catalog.dates import in_zone
from catalog.values import DateReading, exact_key
from objapi.model import kinds
from objapi.model.dependents import DerivedValue
from objapi.model.paths import Path, Target
from objapi.model.registry import CatalogDeclaration, IndexSource, Registry
from objapi.model.render_shapes import IndexReader, RenderShape, RenderShapes
from objapi.model.types import EntityType, Field, Kind
from objapi.store.writing.draft import Draft, Values

KEY_LENGTH = 128
_OWN_TITLE = Path((), "title")
_NO_FIELDS: Mapping[str, object] = {}
_WHOLE = re.compile(r"[+-]?[0-9]{1,19}")


@dataclass(frozen=True, slots=True)
class Rendered:
    """The derived columns of one object."""

    title: str
    title_key: str | None
    answer: str
    """A JSON object's members, without the braces."""
    meta: str
    """A JSON object: catalog metadata that is not in the answer."""
    sides: Mapping[str, str]
    """Catalog → digest of what its keyword and text tables hold of the object."""
    indexes: Mapping[str, Mapping[str, object]]
    """Catalog → index → value."""
    fresh_until: int | None = None
    """Instant from which `answer` and `meta` must be computed anew; None: they are valid until something changes."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The derived columns of a stored object that may differ from the stored ones."""

    columns: Mapping[str, object]
    """Columns of `entities`."""
    shape: RenderShape
    indexes: Mapping[str, Mapping[str, object]]
    """Catalog → index → value, of the indexes of the shape that have one."""
    sides: Mapping[str, str]
    """Catalog → digest of what its keyword and text tables hold of the object, where that may differ."""


class Renderer:
    """Renders objects with the declarations of a site and its time zone."""

    def __init__(self, registry: Registry, values: Values, zone: tzinfo, shapes: RenderShapes) -> None:
        self._registry = registry
        self._values = values
        self._zone = zone
        self._shapes = shapes

    def render(self, draft: Draft) -> Rendered:
        """Everything derived of one object, in the present state of the request."""
        self._values.fresh_until = None
        title = self._values.title(draft)
        fields = self._field_values(draft)
        members = self._members(draft, fields)
        catalogs = self._shapes.catalogs[draft.portal_type]
        indexes = {catalog.name: self.index_values(draft, catalog, known=fields) for catalog in catalogs}
        meta: dict[str, object] = {}
        for catalog, name in self._shapes.metadata[draft.portal_type]:
            value = None if name in meta else self._metadata(draft, catalog, name, indexes[catalog.name])
            if value is not None:
                meta[name] = value
        return Rendered(
            title=title,
            title_key=_unique_key(draft.type, title),
            answer=_dumps(members)[1:-1].decode(),
            meta=_dumps(meta).decode(),
            sides={catalog.name: side_digest(catalog.schema, indexes[catalog.name]) for catalog in catalogs},
            indexes=indexes,
            fresh_until=self._values.fresh_until,
        )

    def shape(self, draft: Draft, affected: frozenset[DerivedValue]) -> RenderShape:
        """The shape for an object of which some derived values may differ."""
        return self._shapes.of(draft.type, affected)

    def refresh(self, draft: Draft, shape: RenderShape, answer: str, meta: str) -> Refreshed:
        """Compute anew what may differ of a stored object with its stored answer and metadata."""
        self._values.fresh_until = None
        columns: dict[str, object] = {}
        if shape.title:
            title = self._values.title(draft)
            columns.update(title=title, title_key=_unique_key(draft.type, title))
        indexes, sides = {}, {}
        for part in shape.indexes:
            values = indexes[part.catalog.name] = self.index_values(draft, part.catalog, part.names)
            if part.side:
                sides[part.catalog.name] = side_digest(part.catalog.schema, values)
        if shape.answered:
            # Both, whichever differs: objects in which the same columns are written are written by one statement.
            columns["answer"] = self._refreshed_answer(draft, shape, answer)
            columns["meta"] = self._refreshed_meta(draft, shape, indexes, meta) if shape.meta else meta
        if shape.timed:
            columns["fresh_until"] = self._values.fresh_until
        return Refreshed(columns, shape, indexes, sides)

    def _refreshed_answer(self, draft: Draft, shape: RenderShape, answer: str) -> str:
        if not shape.members and not shape.variables:
            return answer
        # A member stays in its place, so the answer is the same as one that is rendered whole.
        members = orjson.loads(f"{{{answer}}}")
        for name, field in shape.members:
            members[name] = self._answer(draft, field, self._values.field_value(draft, field))
        if shape.variables:
            members.update(self._variables(draft))
        return _dumps(members)[1:-1].decode()

    def _refreshed_meta(
        self, draft: Draft, shape: RenderShape, indexes: Mapping[str, Mapping[str, object]], meta: str
    ) -> str:
        stored, found = orjson.loads(meta), dict[str, object]()
        for catalog, name in self._shapes.metadata[draft.portal_type]:
            if name not in found:
                again = name in shape.meta
                value = self._metadata(draft, catalog, name, indexes[catalog.name]) if again else stored.get(name)
                if value is not None:
                    found[name] = value
        return _dumps(found).decode()

    def members(self, draft: Draft) -> dict[str, object]:
        """Members of an object in a read's answer: fields, workflow variables, path and names; later wins."""
        return self._members(draft, self._field_values(draft))

    def _field_values(self, draft: Draft) -> dict[str, object]:
        """The values of all fields, in stored form."""
        return {name: self._values.field_value(draft, field) for name, field in draft.type.fields.items()}

    def _members(self, draft: Draft, values: Mapping[str, object]) -> dict[str, object]:
        members: dict[str, object] = {}
        for field in draft.type.fields.values():
            members[field.name] = self._answer(draft, field, values[field.name])
            if field.kind is Kind.REFERENCE:
                members[f"{field.name}_uid"] = members[field.name]
        members.update(self._variables(draft))
        members.update(path=draft.path, UID=draft.uid, id=draft.id, portal_type=draft.portal_type)
        return members

    def _variables(self, draft: Draft) -> dict[str, object]:
        """The workflow variables, under their names and their other names."""
        aliases, found = self._registry.variable_aliases, dict[str, object]()
        for name, value in self._values.variables(draft).items():
            found[name] = value
            if name in aliases:
                found[aliases[name]] = value
        return found

    def _answer(self, draft: Draft, field: Field, value: object) -> object:
        if isinstance(value, datetime):
            return in_zone(value, self._zone).isoformat()
        shown = self._shown_as(draft.type, field)
        if isinstance(value, str) and shown.kind is not Kind.DATETIME and shown.kind is not Kind.FILE:
            return value
        if isinstance(value, list) and shown.kind is Kind.DATETIME:
            return [kinds.answer(item, shown, self._zone) for item in value]
        url = f"{draft.path}/@@API/file?field={field.name}" if shown.kind is Kind.FILE and value else None
        return kinds.answer(value, shown, self._zone, url)

    def _shown_as(self, entity_type: EntityType, field: Field) -> Field:
        """The field whose kind decides how a value is answered: for a computed one that at the end of its path."""
        key = (entity_type.portal_type, field.name)
        found = self._shapes.shown.get(key)
        if found is None:
            found = self._shapes.shown[key] = self._end_of(entity_type, field, 0)
        return found

    def _end_of(self, entity_type: EntityType, field: Field, depth: int) -> Field:
        if field.path is None or depth > 8:
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
        return None if end is None else self._end_of(entity_type, end, depth + 1)

    def _metadata(self, draft: Draft, catalog: CatalogDeclaration, name: str, values: Mapping[str, object]) -> object:
        index = catalog.schema.indexes.get(name)
        if index is None:
            return None
        value = values.get(name)
        if isinstance(value, datetime):
            return in_zone(value, self._zone).isoformat()
        if index.kind is IndexKind.TEXT and name in catalog.sources:
            return self._values.index_value(draft, catalog.sources[name])
        if isinstance(value, Decimal):
            return str(value)
        return value

    def index_values(
        self,
        draft: Draft,
        catalog: CatalogDeclaration,
        names: Iterable[str] | None = None,
        *,
        known: Mapping[str, object] = _NO_FIELDS,
    ) -> dict[str, object]:
        """Values of an object in all indexes of a catalog, or some; those without a value are left out.

        `known` are values of its fields, which are then not computed again.
        """
        readers = self._shapes.readers.get((draft.portal_type, catalog.name))
        if readers is None:
            readers = {reader.name: reader for reader in self._made_readers(draft.type, catalog)}
            self._shapes.readers[draft.portal_type, catalog.name] = readers
        values: dict[str, object] = {}
        for reader in readers.values() if names is None else [readers[name] for name in names if name in readers]:
            own = reader.field
            stored = known[own] if own is not None and own in known else self._source_value(draft, reader)
            value = reader.convert(stored)
            if value is None and reader.answered_empty:
                value = ""
            if value is not None:
                values[reader.name] = value
        return values

    def _source_value(self, draft: Draft, reader: IndexReader) -> object:
        """The stored value that an index takes."""
        if reader.title is not None:
            return self._values.field_value(draft, reader.title)
        if reader.path is not None:
            return self._values.evaluate(draft, reader.path)
        return self._values.index_value(draft, reader.source)

    def _made_readers(self, entity_type: EntityType, catalog: CatalogDeclaration) -> Iterator[IndexReader]:
        """Readers of the indexes in which the objects of a type may have values."""
        for name, index in catalog.schema.indexes.items():
            source = catalog.sources.get(name)
            found = None if source is None else source.of(entity_type.portal_type)
            if source is None or name in catalog.hidden or (found is None and index.kind is not IndexKind.DATE_RANGE):
                continue
            own_title = index.kind is IndexKind.FIELD and found == _OWN_TITLE
            path = found if isinstance(found, Path) and source.until is None else None
            is_field = path is not None and self._is_field(entity_type, path)
            yield IndexReader(
                name=name,
                source=source,
                field=path.attribute if path is not None and is_field else None,
                path=path,
                title=entity_type.fields.get("title") if own_title else None,
                answered_empty=self._is_answered_empty(entity_type, index, source),
                convert=_converter(index),
            )

    def _is_field(self, entity_type: EntityType, path: Path) -> bool:
        """True for a path to a field of the object itself; a name that every object has is none."""
        own = not path.steps and path.key is None
        return own and path.attribute in entity_type.fields and path.attribute not in self._values.intrinsic

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


def index_row(draft: Draft, acl: int, values: Mapping[str, object]) -> IndexRow:
    """The row of an object in one catalog."""
    return IndexRow(draft.rid, draft.created, acl, draft.scope, values)


def _converter(index: Index) -> Callable[[object], object]:
    """The conversion of `index_value`, without a look at the kind for each value."""
    if index.kind in _BY_KIND:
        return _BY_KIND[index.kind]
    return _own_text if index.value_type is ValueType.STRING else partial(index_value, index)


def _own_text(stored: object) -> str | None:
    return None if stored is None else _text(stored)


def index_value(index: Index, stored: object) -> object:
    """A stored value as an index takes it; None where it cannot be of the index's type: the index has no value then."""
    if index.kind in _BY_KIND:
        return _BY_KIND[index.kind](stored)
    value = None if stored is None else _BY_TYPE[index.value_type](stored)
    # A number beyond the range of the column cannot be found there.
    return None if isinstance(value, int | Decimal) and exact_key(index, value, DateReading()) is None else value


def _range(stored: object) -> tuple[datetime | None, datetime | None]:
    start, end = stored if isinstance(stored, list | tuple) and len(stored) == 2 else (None, None)
    return (_instant(start), _instant(end))


def _keywords(stored: object) -> list[str] | None:
    items = stored if isinstance(stored, list) else [stored]
    return [str(item) for item in items if item not in (None, "")] or None


def _words(stored: object) -> str | list[object] | None:
    if stored is None or isinstance(stored, str | list):
        return stored
    return str(stored)


def _truth(stored: object) -> bool | None:
    return None if stored is None else bool(stored)


def _position(stored: object) -> int | None:
    return stored if isinstance(stored, int) else None


def _boolean(stored: object) -> bool | None:
    return stored if isinstance(stored, bool) else None


def _text(stored: object) -> str:
    if isinstance(stored, str):
        return stored
    if isinstance(stored, list):
        return ", ".join(str(item) for item in stored)
    return _dumps(stored).decode() if isinstance(stored, dict) else str(stored)


def _integer(stored: object) -> int | None:
    if isinstance(stored, int):
        return int(stored)
    return int(stored) if isinstance(stored, str) and _WHOLE.fullmatch(stored.strip()) else None


def _decimal(stored: object) -> Decimal | None:
    try:
        value = Decimal(str(stored))
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def _instant(stored: object) -> datetime | None:
    if isinstance(stored, datetime):
        return stored
    return datetime.fromisoformat(stored) if isinstance(stored, str) and stored else None


_BY_KIND: Mapping[IndexKind, Callable[[object], object]] = {
    IndexKind.DATE: _instant,
    IndexKind.DATE_RANGE: _range,
    IndexKind.KEYWORD: _keywords,
    IndexKind.TEXT: _words,
    IndexKind.BOOLEAN: _truth,
    IndexKind.POSITION: _position,
}
_BY_TYPE: Mapping[ValueType, Callable[[object], object]] = {
    ValueType.STRING: _text,
    ValueType.INTEGER: _integer,
    ValueType.DECIMAL: _decimal,
    ValueType.DATETIME: _instant,
    ValueType.BOOLEAN: _boolean,
}
"""Conversions for indexes of other kinds, by the type of their values."""


def _unique_key(entity_type: EntityType, title: str) -> str | None:
    """The key of a title that must be unique in its container; None for one that need not."""
    return title_key(title) if entity_type.title_required and not entity_type.title_shared else None


def title_key(title: str) -> str:
    """The title as a key of at most 128 characters: a long one is cut, and a digest keeps it apart from its like."""
    if len(title) <= KEY_LENGTH:
        return title
    return f"{title[:96]}\0{hashlib.sha256(title.encode()).hexdigest()[:31]}"


def _dumps(value: object) -> bytes:
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
