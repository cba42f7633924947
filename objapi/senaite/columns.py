"""Columns of catalogs and further names of types: values of many objects at once, as the dialect declares them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from objapi.model.dialects import ColumnKind, DialectCatalog, DialectColumn
from objapi.model.paths import Children, Path, Step
from objapi.model.types import Kind
from objapi.senaite.urls import Urls
from objapi.senaite.values import instant
from objapi.senaite.vocabulary import FieldPlan, Vocabulary, is_text
from objapi.store.reading.object_records import ObjectName, ObjectRecord, ObjectRecords

_EMPTY: Final = ("", None)
_HIDDEN: Final = object()
"""In place of a value that the user may not read: the column is left out."""


class Columns:
    """Works out columns for the objects of one answer."""

    def __init__(self, vocabulary: Vocabulary, records: ObjectRecords, urls: Urls) -> None:
        self._vocabulary = vocabulary
        self._records = records
        self._urls = urls
        self._ends: dict[tuple[Step, ...], list[list[ObjectRecord]]] = {}

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
        if any(value is _HIDDEN for column in values for value in column):
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
                return [self._stamped(record, str(column.value)) for record in objects]
            case ColumnKind.URL:
                return [self._url(names) for names in self._names(column, objects)]
            case ColumnKind.COUNT:
                return [len(names) for names in self._names(column, objects)]
            case ColumnKind.NUMBERS:
                return [_numbers(names, column) for names in self._names(column, objects)]
            case ColumnKind.PROGRESS:
                names = self._names(column, objects)
                return [self._progress(record, those, column) for record, those in zip(objects, names, strict=True)]
        return self._at_path(column, objects)

    def _at_path(self, column: DialectColumn, objects: Sequence[ObjectRecord]) -> list[Any]:
        path = column.path
        if path is None:
            return [None for _ in objects]
        values = self._records.values(objects, path, self._followed(objects, path))
        if not path.steps and path.attribute is not None and None in values:
            name = path.attribute
            values = [
                _HIDDEN if value is None and self._is_hidden(record, name) else value
                for record, value in zip(objects, values, strict=True)
            ]
        if column.kind is ColumnKind.JOINED:
            return [_joined(value) for value in values]
        kinds = {name: self._vocabulary.kind_at(name, path) for name in {record.portal_type for record in objects}}
        if len(kinds) == 1:
            return _all_shown(values, *kinds.values())
        return [_shown(value, kinds[record.portal_type]) for record, value in zip(objects, values, strict=True)]

    def _followed(self, objects: Sequence[ObjectRecord], path: Path) -> list[list[ObjectRecord]]:
        """The objects at the end of the steps of a path, found once for all columns."""
        if path.steps not in self._ends:
            self._ends[path.steps] = self._records.follow(objects, path.steps)
        return self._ends[path.steps]

    def _is_hidden(self, record: ObjectRecord, name: str) -> bool:
        """True for a field of the object that the user may not read."""
        return name not in record.members and name in self._vocabulary.entity_type(record.portal_type).fields

    def _names(self, column: DialectColumn, objects: Sequence[ObjectRecord]) -> list[list[ObjectName]]:
        """The objects that the path of a column leads to from each object, by their names."""
        path = column.path
        if path is None:
            return [[] for _ in objects]
        ends: list[list[ObjectName]]
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

    def _progress(self, record: ObjectRecord, names: Sequence[ObjectName], column: DialectColumn) -> int:
        if self._records.folded_state(record) in column.complete:
            return 100
        counted = [name for name in names if name.state not in column.without]
        if not counted:
            return 0
        taken = sum(column.steps.get(name.state or "", 0) for name in counted)
        # The last step is that of the whole, when all of its parts are done.
        most = len(counted) * max(column.steps.values(), default=1) + 1
        return min(taken * 100 // most, 100)

    def _stamped(self, record: ObjectRecord, name: str) -> str:
        plan = next((item for item in self._vocabulary.plans(record.portal_type) if item.name == name), None)
        if plan is None:
            value = record.members.get(name)
        else:
            value = record.members.get(plan.field) if plan.words is None else self.word(record, plan)
        return f"{value or ''}.{(record.created or 0) // 1_000_000}"

    def word(self, record: ObjectRecord, plan: FieldPlan) -> str | None:
        """The word that a field is answered with."""
        if plan.words is None:
            return None
        uid = record.members.get(plan.field)
        named = self._records.names([uid]).get(uid) if isinstance(uid, str) and uid else None
        return plan.words.default if named is None else plan.words.answers.get(named.title, plan.words.default)


def _numbers(names: Sequence[ObjectName], column: DialectColumn) -> list[int]:
    states = [name.state for name in names if name.state not in column.without]
    return [sum(not group or state in group for state in states) for group in column.groups]


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
