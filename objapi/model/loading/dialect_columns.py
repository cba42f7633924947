"""Columns of a dialect: what each of them answers, every name checked."""

from collections.abc import Collection, Mapping
from typing import Final

from objapi.model.dialects import ColumnKind, DialectColumn
from objapi.model.loading.names_and_paths import optional_path, optional_relation
from objapi.model.loading.tracing import BrokenPath, Tracer
from objapi.model.paths import Path
from objapi.model.registry import CatalogDeclaration
from workflows.declarations import Section

_OF_OBJECT: Final = (ColumnKind.STATE, ColumnKind.STATE_TITLE, ColumnKind.SEGMENTS)
COLUMN_KEYS: Final = (
    "own",
    *(kind.value for kind in ColumnKind if kind not in (ColumnKind.PATH, *_OF_OBJECT)),
    "types",
    "without",
    "groups",
    "steps",
    "complete",
)
_RELATIONS: Final = (ColumnKind.URL, ColumnKind.COUNT, ColumnKind.NUMBERS, ColumnKind.PROGRESS)
OWN: Final = {kind.value: kind for kind in _OF_OBJECT}
"""Name → what every object has."""


class ColumnReader:
    """Reads the columns of objects of some types in one catalog."""

    def __init__(
        self,
        tracer: Tracer,
        types: Collection[str],
        catalog: CatalogDeclaration | None,
        transitions: Collection[str],
    ) -> None:
        self._tracer = tracer
        self._types = types
        self._catalog = catalog
        self._transitions = transitions

    def read(self, section: Section, name: str) -> DialectColumn | None:
        """One column: a path, `{own: …}` for what every object has, or one of the other ways; None with a note."""
        if not isinstance(section[name].value, Mapping):
            path = optional_path(section, section.text(name), name)
            if path is not None:
                self._check(section, name, path)
            return None if path is None else DialectColumn(ColumnKind.PATH, path)
        inner = section.section(name, COLUMN_KEYS)
        if inner.has("own"):
            kind = inner.text("own")
            return DialectColumn(OWN[kind]) if inner.choose("own", kind, list(OWN), "value of every object") else None
        for kind in ColumnKind:
            if kind.value in inner:
                return self._of_kind(inner, kind)
        inner.note("it says nothing", f"a path, or one of {', '.join(COLUMN_KEYS)}")
        return None

    def _of_kind(self, inner: Section, kind: ColumnKind) -> DialectColumn | None:
        key = kind.value
        if kind is ColumnKind.VALUE:
            return DialectColumn(kind, value=inner.plain(key))
        if kind in (ColumnKind.ACTOR, ColumnKind.ACTORS):
            inner.choose(key, inner.text(key), self._transitions, "transition")
            return DialectColumn(kind, value=inner.text(key))
        if kind is ColumnKind.INDEX:
            indexes = () if self._catalog is None else list(self._catalog.schema.indexes)
            inner.choose(key, inner.text(key), indexes, "index")
            return DialectColumn(kind, value=inner.text(key))
        if kind is ColumnKind.STAMPED:
            known = {name for item in self._types for name in self._tracer.names(item)}
            inner.choose(key, inner.text(key), known, "field")
            return DialectColumn(kind, value=inner.text(key))
        if kind not in _RELATIONS:
            path = optional_path(inner, inner.text(key), key)
            if path is not None:
                self._check(inner, key, path)
            return None if path is None else DialectColumn(kind, path)
        path = optional_relation(inner, inner.text(key), key)
        if path is None:
            return None
        try:
            self._tracer.follow(self._types, path.steps)
        except BrokenPath as error:
            inner.note(str(error), "a path to objects", key)
        for portal_type in inner.texts("types"):
            inner.choose("types", portal_type, list(self._tracer.types), "type")
        steps = inner.section("steps")
        return DialectColumn(
            kind,
            path,
            types=frozenset(inner.texts("types")) if inner.has("types") else None,
            without=frozenset(inner.texts("without")),
            groups=_groups(inner),
            steps={state: steps.number(state, most=100) or 0 for state in steps.names()},
            complete=frozenset(inner.texts("complete")),
        )

    def _check(self, section: Section, key: str, path: Path) -> None:
        # A key is one of a record as it is answered; that of a file has more than its declaration says.
        try:
            self._tracer.check_value(self._types, Path(path.steps, path.attribute))
        except BrokenPath as error:
            section.note(str(error), "a path to a value", key)


def _groups(section: Section) -> tuple[frozenset[str], ...]:
    if not section.has("groups"):
        return ()
    entries = section.entries("groups", "a list of lists of states")
    return tuple(frozenset(str(item.value) for item in entry.entries()) for entry in entries)
