"""The queries of reference fields: each distinct one asked once, those over the same indexes together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from catalog import IndexKind, ValueType
from objapi.model.references import QueryLookup
from objapi.model.registry import CatalogDeclaration, Registry
from objapi.model.types import Field
from objapi.store.reading.render import Renderer
from objapi.store.writing.draft import Draft
from objapi.store.writing.planner import StorePlanner

CANDIDATES = 5
"""How many objects the refusal of an ambiguous reference names."""
MERGED = 200
"""How many queries over the same indexes are asked at once."""
TYPE = "portal_type"


class CatalogSearch(Protocol):
    """Asks a catalog for row numbers."""

    def rids(self, catalog: CatalogDeclaration, criteria: Mapping[str, object], *, most: int | None) -> list[int]:
        """What the user may see of what matches, in order of creation; at most `most`."""


@dataclass(frozen=True, slots=True)
class Question:
    """A query of a field: the catalogs to be asked in order, and the types that it may find (empty: any)."""

    catalogs: tuple[str, ...]
    lookup: QueryLookup
    types: tuple[str, ...]
    many: bool

    @classmethod
    def of(cls, registry: Registry, field: Field, lookup: QueryLookup) -> "Question":
        """The catalogs of the types named, else the default one and those of the field's targets."""
        terms = dict(lookup.terms)
        types, names = terms.get(TYPE), list[str]()
        if types is None:
            names.append(registry.uid_catalog if {"UID", "uid"} & terms.keys() else registry.default_catalog)
            types = field.targets
        for portal_type in types:
            if portal_type in registry.types:
                names.extend(catalog.name for catalog in registry.catalogs_of(portal_type))
        return cls(tuple(dict.fromkeys(names)), lookup, () if TYPE in terms else field.targets, field.multi)

    @property
    def indexes(self) -> tuple[str, ...]:
        """The indexes that the query names."""
        return tuple(name for name, _ in self.lookup.terms)


class Lookups:
    """Asks for one planner and remembers the answers."""

    def __init__(self, planner: StorePlanner, search: CatalogSearch, renderer: Renderer) -> None:
        self._planner = planner
        self._search = search
        self._renderer = renderer
        self._found: dict[Question, list[Draft]] = {}

    def found(self, field: Field, lookup: QueryLookup) -> list[Draft]:
        """What a query found; nothing when it was not asked."""
        return self._found.get(Question.of(self._planner.registry, field, lookup), [])

    def ask(self, queries: Iterable[tuple[Field, QueryLookup]]) -> None:
        """Ask every query that was not asked yet; the first catalog in which it finds something answers it."""
        registry = self._planner.registry
        asked = dict.fromkeys(Question.of(registry, field, lookup) for field, lookup in queries)
        waiting = [question for question in asked if question not in self._found]
        self._found.update((question, []) for question in waiting)
        place = 0
        while waiting:
            groups: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[Question]] = {}
            for question in waiting:
                key = (question.catalogs[place], question.indexes, question.types)
                groups.setdefault(key, []).append(question)
            for (name, indexes, types), questions in groups.items():
                self._ask_together(registry.catalogs[name], indexes, types, questions)
            place += 1
            waiting = [item for item in waiting if not self._found[item] and place < len(item.catalogs)]

    def _ask_together(
        self,
        catalog: CatalogDeclaration,
        indexes: tuple[str, ...],
        types: tuple[str, ...],
        questions: Sequence[Question],
    ) -> None:
        known = [catalog.schema.indexes[name] for name in indexes if name in catalog.schema.indexes]
        if len(known) < len(indexes):
            return
        within = {TYPE: list(types)} if types and TYPE in catalog.schema.indexes else {}
        plain = all(
            index.kind in (IndexKind.FIELD, IndexKind.UUID) and index.value_type is ValueType.STRING for index in known
        )
        if len(questions) == 1 or not plain:
            self._ask_singly(catalog, within, questions)
            return
        for start in range(0, len(questions), MERGED):
            self._ask_merged(catalog, indexes, within, questions[start : start + MERGED])
        if catalog.table_of is not None:
            # A table's own collation may find equal what is not told to be so here.
            self._ask_singly(catalog, within, [question for question in questions if not self._found[question]])

    def _ask_singly(
        self, catalog: CatalogDeclaration, within: Mapping[str, object], questions: Sequence[Question]
    ) -> None:
        for question in questions:
            criteria = {**within, **{name: list(values) for name, values in question.lookup.terms}}
            most = None if question.many else CANDIDATES + 1
            self._found[question] = self._drafts(catalog, criteria, most)

    def _ask_merged(
        self,
        catalog: CatalogDeclaration,
        indexes: tuple[str, ...],
        within: Mapping[str, object],
        questions: Sequence[Question],
    ) -> None:
        """One statement for several queries: any of their values in every index, told apart by what is found."""
        union = {
            name: list(dict.fromkeys(value for item in questions for value in dict(item.lookup.terms)[name]))
            for name in indexes
        }
        by_values: dict[tuple[object, ...], list[Draft]] = {}
        for draft in self._drafts(catalog, {**within, **union}, None):
            values = self._renderer.index_values(draft, catalog, indexes)
            found = tuple(values.get(name) for name in indexes)
            by_values.setdefault(_compared(catalog, found), []).append(draft)
        for question in questions:
            wanted = dict.fromkeys(_compared(catalog, values) for values in _products(question.lookup))
            self._found[question] = [draft for values in wanted for draft in by_values.get(values, ())]

    def _drafts(self, catalog: CatalogDeclaration, criteria: Mapping[str, object], most: int | None) -> list[Draft]:
        workspace = self._planner.workspace
        rids = self._search.rids(catalog, criteria, most=most)
        workspace.load_rids(rids)
        return [workspace.by_rid[rid] for rid in rids if rid in workspace.by_rid]


def _compared(catalog: CatalogDeclaration, values: tuple[object, ...]) -> tuple[object, ...]:
    """Values as a catalog compares them: the texts of tables that are there already without regard to case."""
    if catalog.table_of is None:
        return values
    return tuple(value.casefold() if isinstance(value, str) else value for value in values)


def _products(lookup: QueryLookup) -> Iterable[tuple[object, ...]]:
    combined: list[tuple[object, ...]] = [()]
    for _, values in lookup.terms:
        combined = [(*before, value) for before in combined for value in values]
    return combined
