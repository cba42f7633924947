"""Derived columns of an object: the answer of a read, metadata, and its values in catalogs."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from decimal import Decimal
from functools import partial

import orjson

from catalog import IndexRow, side_digest
from catalog.dates import in_zone
from objapi.model.dependents import DerivedValue
from objapi.model.registry import CatalogDeclaration
from objapi.model.render_shapes import (
    IndexReader,
    MemberSource,
    MetaSource,
    RenderShape,
    RenderShapes,
    ShapeParts,
    SharedValues,
    TypeShape,
)
from objapi.model.types import EntityType, Kind
from objapi.model.values import answer
from objapi.store.writing.draft import NAMES_OF_ALL, Draft, Values
from objapi.store.writing.workspace import uids_in

KEY_LENGTH = 128
_NO_VALUES: Mapping[str, object] = {}


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
    """Renders objects by the shapes of a site and in its time zone."""

    def __init__(self, values: Values, zone: tzinfo, shapes: RenderShapes) -> None:
        self._values = values
        self._zone = zone
        self._shapes = shapes

    def render(self, draft: Draft) -> Rendered:
        """Everything derived of one object, in the present state of the request."""
        self._values.fresh_until = None
        shape = self._whole(draft)
        title = self._values.title(draft)
        members = dict(shape.parts.blank)
        indexes = self._give_parts(draft, shape.parts, members)
        self._give_names(draft, members, shape)
        meta: dict[str, object] = {}
        for source in shape.metadata:
            value = None if source.name in meta else self._metadata(draft, source, indexes[source.catalog])
            if value is not None:
                meta[source.name] = value
        catalogs = self._shapes.catalogs[draft.portal_type]
        return Rendered(
            title=title,
            title_key=_unique_key(draft.type, title),
            answer=_dumps(members)[1:-1].decode(),
            meta=_dumps(meta).decode(),
            sides={catalog.name: side_digest(catalog.schema, indexes[catalog.name]) for catalog in catalogs},
            indexes=indexes,
            fresh_until=self._values.fresh_until,
        )

    def _whole(self, draft: Draft) -> TypeShape:
        return self._shapes.made.get(draft.portal_type) or self._shapes.whole(draft.type)

    def referred(self, draft: Draft, affected: frozenset[DerivedValue] | None) -> Iterator[str]:
        """The UIDs over which values that are to be computed lead; `affected`: these, None: all."""
        parts = (self._whole(draft) if affected is None else self.shape(draft, affected)).parts
        for name in parts.referred:
            yield from uids_in(draft.data.get(name))

    def shape(self, draft: Draft, affected: frozenset[DerivedValue]) -> RenderShape:
        """The shape for an object of which some derived values may differ."""
        return self._shapes.of(draft.type, affected, ends=draft.record is None or draft.record.fresh_until is not None)

    def refresh(self, draft: Draft, shape: RenderShape, answer: str, meta: str) -> Refreshed:
        """Compute anew what may differ of a stored object with its stored answer and metadata."""
        self._values.fresh_until = None
        columns: dict[str, object] = {}
        if shape.title:
            title = self._values.title(draft)
            columns.update(title=title, title_key=_unique_key(draft.type, title))
        members = dict(shape.parts.blank)
        indexes = self._give_parts(draft, shape.parts, members)
        catalogs = (part.catalog for part in shape.indexes if part.side)
        sides = {catalog.name: side_digest(catalog.schema, indexes[catalog.name]) for catalog in catalogs}
        if shape.variables:
            self._give_variables(draft, members, self._whole(draft))
        if shape.answered:
            # Both, whichever differs: objects in which the same columns are written are written by one statement.
            # A member stays in its place, so the answer is the same as one that is rendered whole.
            columns["answer"] = _dumps(orjson.loads(f"{{{answer}}}") | members)[1:-1].decode() if members else answer
            columns["meta"] = self._refreshed_meta(draft, shape, indexes, meta) if shape.meta else meta
        if shape.timed:
            columns["fresh_until"] = self._values.fresh_until
        return Refreshed(columns, shape, indexes, sides)

    def _refreshed_meta(
        self, draft: Draft, shape: RenderShape, indexes: Mapping[str, Mapping[str, object]], meta: str
    ) -> str:
        members: dict[str, object] = orjson.loads(meta)
        stored = frozenset(members)
        for name, sources in shape.meta.items():
            values = (self._metadata(draft, source, indexes[source.catalog]) for source in sources)
            members[name] = next((value for value in values if value is not None), None)
        found = {name: value for name, value in members.items() if value is not None}
        declared = self._whole(draft).meta_names
        if not (found.keys() <= stored <= declared.keys()):
            # In the order in which all of it is rendered, as the names that were there are; without any that catalogs
            # no longer return.
            found = {name: found[name] for name in declared if name in found}
        return _dumps(found).decode()

    def members(self, draft: Draft) -> dict[str, object]:
        """Members of an object in a read's answer: fields, workflow variables, path and names; later wins."""
        shape = self._whole(draft)
        members = dict(shape.parts.blank)
        self._give_parts(draft, replace(shape.parts, indexed=()), members)
        self._give_names(draft, members, shape)
        return members

    def stored_members(self, draft: Draft) -> dict[str, object]:
        """The members that are stored with the object itself: fields, workflow variables, path and names.

        Files are named without an address, since that leads to what is there today.
        """
        shape = self._whole(draft)
        members: dict[str, object] = {}
        for name, source in shape.parts.stored.items():
            self._give(draft, members, source, draft.data.get(name))
            if source.shown.kind is Kind.FILE:
                for member in source.members:
                    value = members[member]
                    members[member] = {**value, "url": None} if isinstance(value, dict) else value
        self._give_names(draft, members, shape)
        return members

    def _give_parts(self, draft: Draft, parts: ShapeParts, members: dict[str, object]) -> dict[str, dict[str, object]]:
        """Write members of an answer; values in catalogs, by index."""
        stored = parts.stored
        data = draft.data
        for name in stored.keys() & data.keys():
            self._give(draft, members, stored[name], data[name])
        field_value, derived = self._values.field_value, dict[str, object]()
        for source in parts.derived:
            value = derived[source.field.name] = field_value(draft, source.field)
            self._give(draft, members, source, value)
        indexes = self._read(draft, parts, derived)
        for shared in parts.shared:
            others = draft.workspace.one_step(draft, shared.step)
            key = (others[0].rid, shared) if len(others) == 1 else (draft.rid, shared)
            of_answer, of_catalogs = self._values.once(key, partial(self._shared, draft, others, shared))
            members.update(of_answer)
            for catalog, values in of_catalogs.items():
                indexes[catalog].update(values)
        return indexes

    def _shared(
        self, draft: Draft, others: Sequence[Draft], shared: SharedValues
    ) -> tuple[dict[str, object], dict[str, dict[str, object]]]:
        """Members and values in catalogs that objects have from others to which they lead."""
        members: dict[str, object] = {}
        indexes: dict[str, dict[str, object]] = {}
        value_from = self._values.value_from
        for source, path in shared.members:
            self._give(draft, members, source, value_from(others, path, path.multiple))
        for catalog, reader, path in shared.indexes:
            value = _as_indexed(reader, value_from(others, path, path.multiple))
            if value is not None:
                indexes.setdefault(catalog, {})[reader.name] = value
        return members, indexes

    def _give_names(self, draft: Draft, members: dict[str, object], shape: TypeShape) -> None:
        self._give_variables(draft, members, shape)
        members.update(path=draft.path, UID=draft.uid, id=draft.id, portal_type=draft.portal_type)

    def _give_variables(self, draft: Draft, members: dict[str, object], shape: TypeShape) -> None:
        """Write the workflow variables, under their names and their other names."""
        states = draft.states
        for member, name, workflow, initial in shape.variables:
            entry = states.get(workflow)
            members[member] = initial if entry is None else entry["status"].get(name)

    def _give(self, draft: Draft, members: dict[str, object], source: MemberSource, value: object) -> None:
        """Write the members that a field gives."""
        if value is None:
            value = source.nothing
        elif source.converted or isinstance(value, datetime):
            value = self._converted(draft, source, value)
        for member in source.members:
            members[member] = value

    def _converted(self, draft: Draft, source: MemberSource, value: object) -> object:
        """An instant, or what a date or file field holds, as it is answered."""
        if isinstance(value, datetime):
            return in_zone(value, self._zone).isoformat()
        if isinstance(value, list) and source.shown.kind is Kind.DATETIME:
            return [answer(item, source.shown, self._zone) for item in value]
        is_file = source.shown.kind is Kind.FILE and value
        url = f"{draft.path}/@@API/file?field={source.field.name}" if is_file else None
        return answer(value, source.shown, self._zone, url)

    def _metadata(self, draft: Draft, source: MetaSource, values: Mapping[str, object]) -> object:
        value = values.get(source.name)
        if isinstance(value, datetime):
            return in_zone(value, self._zone).isoformat()
        if source.text is not None:
            return self._values.index_value(draft, source.text)
        return str(value) if isinstance(value, Decimal) else value

    def index_values(self, draft: Draft, catalog: CatalogDeclaration, names: Iterable[str]) -> dict[str, object]:
        """Values of an object in some indexes of a catalog; those without a value are left out."""
        readers = self._whole(draft).readers[catalog.name]
        wanted = (readers[name] for name in names if name in readers)
        found = {reader.name: _as_indexed(reader, self._source_value(draft, reader, _NO_VALUES)) for reader in wanted}
        return {name: value for name, value in found.items() if value is not None}

    def _read(self, draft: Draft, parts: ShapeParts, derived: Mapping[str, object]) -> dict[str, dict[str, object]]:
        """Catalog → index → value, of those that are not shared; `derived` are values of fields computed before."""
        data = draft.data
        found: dict[str, dict[str, object]] = {catalog: {} for catalog in parts.catalogs}
        for item in parts.indexed:
            field = item.reader.stored
            stored = data.get(field) if field is not None else self._source_value(draft, item.reader, derived)
            for convert, takers in item.taken:
                value = None if stored is None else convert(stored)
                for catalog, name, nothing in takers:
                    if value is not None:
                        found[catalog][name] = value
                    elif nothing is not None:
                        found[catalog][name] = nothing
        return found

    def _source_value(self, draft: Draft, reader: IndexReader, derived: Mapping[str, object]) -> object:
        """The stored value that an index takes; `derived` are values of fields, which are then not computed again."""
        if reader.name_of_all is not None:
            return NAMES_OF_ALL[reader.name_of_all](self._values, draft)
        if reader.stored is not None:
            return draft.data.get(reader.stored)
        if reader.field is not None:
            name = reader.field.name
            return derived[name] if name in derived else self._values.field_value(draft, reader.field)
        if reader.variable is not None:
            name, workflow, initial = reader.variable
            entry = draft.states.get(workflow)
            return initial if entry is None else entry["status"].get(name)
        if reader.path is not None:
            return self._values.evaluate(draft, reader.path)
        return self._values.index_value(draft, reader.source)


def _as_indexed(reader: IndexReader, stored: object) -> object:
    """A stored value as an index takes it; None for none."""
    value = None if stored is None else reader.convert(stored)
    return reader.nothing if value is None else value


def index_row(draft: Draft, acl: int, values: Mapping[str, object]) -> IndexRow:
    """The row of an object in one catalog."""
    return IndexRow(draft.rid, draft.created, acl, draft.scope, values)


def stored_sides(draft: Draft) -> Mapping[str, str]:
    """Catalog → digest of what its keyword and text tables hold of a stored object; none of a new one."""
    if draft.record is None:
        return {}
    found: Mapping[str, str] = orjson.loads(draft.record.sides)
    return found


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
