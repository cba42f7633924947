"""Columns of catalogs and further names of types: values of many objects at once, as the dialect declares them."""

from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any, Final

from objapi.model.dialects import ColumnKind, DialectCatalog, DialectColumn
from objapi.model.paths import Children, Path, Step
from objapi.model.types import Kind
from objapi.senaite.urls import Urls
from objapi.senaite.values import instant
from objapi.senaite.vocabulary import FieldPlan, Vocabulary, is_text
from objapi.store.reading.loaded_records import ObjectName, ObjectRecord
from objapi.store.reading.object_records import ObjectRecords

_EMPTY: Final = ("", None)
_HIDDEN: Final = object()
"""In place of a value that the user may not read: the column is left out."""


class Columns:
    """Works out columns for the objects of one answer."""

    def __init__(self, vocabulary: Vocabulary, records: ObjectRecords, urls: Urls) -> None:
        self._vocabulary = vocabulary
        self._records = records
        self._urls = urls
        self._ends: dict[tuple[Step, ...], list[Sequence[ObjectRecord]]] = {}

    def of_catalog(self, catalog: DialectCatalog, objects: Sequence[ObjectRecord]) -> list[dict[str, Any]]:
        """The columns of a catalog for each object."""
        indexes = {str(item.value): None for item in catalog.columns.values() if item.kind is ColumnKind.INDEX}
        rids = [record.rid for record in objects]
        stored = self._records.index_values(catalog.catalog, rids, list(indexes)) if indexes else {}
        return self.of(catalog.columns, objects, stored)

    def of(
        self,
        columns: Mapping[str, DialectColumn],
        objects: Sequence[ObjectRecord],
        stored: Mapping[int, Mapping[str, Any]] | None = None,
    ) -> list[dict[str, Any]]:
        """The values under some names for each object; `stored` are values of indexes by row number."""
        # Many columns lead over the same objects.
        self._ends = {}
        values = [self._values(column, objects, stored or {}) for column in columns.values()]
        rows = zip(*values, strict=True) if values else (() for _ in objects)
        made = [dict(zip(columns, row, strict=True)) for row in rows]
        if any(_HIDDEN in column for column in values):
            return [{name: value for name, value in row.items() if value is not _HIDDEN} for row in made]
        return made

    def _values(
        self, column: DialectColumn, objects: Sequence[ObjectRecord], stored: Mapping[int, Mapping[str, Any]]
    ) -> list[Any]:
        match column.kind:
            case ColumnKind.VALUE:
                return [column.value for _ in objects]
            case ColumnKind.STATE:
                return [self._records.folded_state(record) for record in objects]
            case ColumnKind.STATE_TITLE:
                return [self._records.state_title(record) for record in objects]
            case ColumnKind.SEGMENTS:
                return [["", *record.path.strip("/").split("/")] for record in objects]
            case ColumnKind.ACTOR:
                return [", ".join(self._records.actors(record, str(column.value))) for record in objects]
            case ColumnKind.ACTORS:
                return [len(self._records.actors(record, str(column.value))) for record in objects]
            case ColumnKind.INDEX:
                return [_plain(stored.get(record.rid, {}).get(str(column.value))) for record in objects]
            case ColumnKind.STAMPED:
                return self._stamped(objects, str(column.value))
            case ColumnKind.URL:
                return [self._url(names) for names in self._names(column, objects)]
            case ColumnKind.COUNT:
                return [len(names) for names in self._names(column, objects)]
            case ColumnKind.NUMBERS:
                # Most of many objects contain others in the same few states.
                numbers = cache(partial(_numbers, column))
                return [numbers(tuple([name.state for name in names])) for names in self._names(column, objects)]
            case ColumnKind.PROGRESS:
                progress = cache(partial(_progress, column))
                return [
                    progress(self._records.folded_state(record), tuple([name.state for name in names]))
                    for record, names in zip(objects, self._names(column, objects), strict=True)
                ]
        return self._at_path(column, objects)

    def _at_path(self, column: DialectColumn, objects: Sequence[ObjectRecord]) -> list[Any]:
        path = column.path
        if path is None:
            return [None for _ in objects]
        values = self._records.values(objects, path, self._followed(objects, path))
        if not path.steps and path.attribute is not None and None in values:
            name = path.attribute
            having = {item for item in self._types(objects) if name in self._vocabulary.entity_type(item).fields}
            # A field of the object that the user may not read is no member.
            values = [
                _HIDDEN if value is None and record.portal_type in having and name not in record.members else value
                for record, value in zip(objects, values, strict=True)
            ]
        if column.kind is ColumnKind.JOINED:
            return [_joined(value) for value in values]
        kinds = {name: self._vocabulary.kind_at(name, path) for name in self._types(objects)}
        if len(kinds) == 1:
            return _all_shown(values, *kinds.values())
        return [_shown(value, kinds[record.portal_type]) for record, value in zip(objects, values, strict=True)]

    def _followed(self, objects: Sequence[ObjectRecord], path: Path) -> list[Sequence[ObjectRecord]]:
        """The objects at the end of the steps of a path, found once for all columns."""
        if path.steps not in self._ends:
            self._ends[path.steps] = self._records.follow(objects, path.steps)
        return self._ends[path.steps]

    @staticmethod
    def _types(objects: Sequence[ObjectRecord]) -> set[str]:
        return {record.portal_type for record in objects}

    def _names(self, column: DialectColumn, objects: Sequence[ObjectRecord]) -> list[Sequence[ObjectName]]:
        """The objects that the path of a column leads to from each object, by their names."""
        path = column.path
        if path is None:
            return [[] for _ in objects]
        ends: list[Sequence[ObjectName]]
        if len(path.steps) == 1 and isinstance(path.steps[0], Children):
            inside = self._records.contents([record.rid for record in objects], path.steps[0].types)
            ends = [inside.get(record.rid, []) for record in objects]
        else:
            reached = self._followed(objects, path)
            ends = [[self._records.named(record) for record in records] for records in reached]
        types = column.types
        return ends if types is None else [[name for name in names if name.portal_type in types] for names in ends]

    def _url(self, names: Sequence[ObjectName]) -> str:
        return self._urls.object(names[0].path) if names else ""

    def _stamped(self, objects: Sequence[ObjectRecord], name: str) -> list[str]:
        plans = {
            portal_type: next((plan for plan in self._vocabulary.plans(portal_type) if plan.name == name), None)
            for portal_type in self._types(objects)
        }
        return [
            f"{self._stamp(record, name, plans[record.portal_type]) or ''}.{(record.created or 0) // 1_000_000}"
            for record in objects
        ]

    def _stamp(self, record: ObjectRecord, name: str, plan: FieldPlan | None) -> Any:
        if plan is None:
            return record.members.get(name)
        return record.members.get(plan.field) if plan.words is None else self.word(record, plan)

    def word(self, record: ObjectRecord, plan: FieldPlan) -> str | None:
        """The word that a field is answered with."""
        if plan.words is None:
            return None
        uid = record.members.get(plan.field)
        named = self._records.names([uid]).get(uid) if isinstance(uid, str) and uid else None
        return plan.words.default if named is None else plan.words.answers.get(named.title, plan.words.default)


def _numbers(column: DialectColumn, states: tuple[str | None, ...]) -> list[int]:
    """How many objects there are in each group of states."""
    counted = [state for state in states if state not in column.without]
    return [sum(not group or state in group for state in counted) for group in column.groups]


def _progress(column: DialectColumn, whole: str | None, states: tuple[str | None, ...]) -> int:
    """How far the objects in some states have come, in percent; `whole` is the state of what they are parts of."""
    if whole in column.complete:
        return 100
    counted = [state for state in states if state not in column.without]
    if not counted:
        return 0
    taken = sum(column.steps.get(state or "", 0) for state in counted)
    # The last step is that of the whole, when all of its parts are done.
    most = len(counted) * max(column.steps.values(), default=1) + 1
    return min(taken * 100 // most, 100)


def _joined(value: Any) -> str:
    items = value if isinstance(value, list) else [value]
    return ", ".join(str(item) for item in items if item not in _EMPTY)


def _plain(value: Any) -> Any:
    """The value of an index; dates come as text with an offset."""
    return instant(value) if isinstance(value, str) else value


def _all_shown(values: list[Any], kind: Kind | None) -> list[Any]:
    """The values of one kind; most kinds are answered as they are."""
    if kind is Kind.DATETIME:
        return [_shown(value, kind) for value in values]
    return ["" if value is None else value for value in values] if is_text(kind) else values


def _shown(value: Any, kind: Kind | None) -> Any:
    if kind is Kind.DATETIME and value is not _HIDDEN:
        return [instant(item) for item in value] if isinstance(value, list) else instant(value)
    return "" if value is None and is_text(kind) else value
