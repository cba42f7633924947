"""Answers of a read: stored answers of objects and rendered rows of tables, without what the user may not read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import orjson
from sqlalchemy import Connection, select

from objapi.model.registry import CatalogDeclaration, Registry
from objapi.model.types import Kind
from objapi.store.instants import to_micros
from objapi.store.mapped.names import RowNames
from objapi.store.permissions.acls import VIEW
from objapi.store.permissions.rights import FieldAccess, Rights
from objapi.store.records import chunks
from objapi.store.requests import Find
from objapi.store.schema import entities
from objapi.store.writing.draft import Draft
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.render import Renderer


@dataclass(frozen=True, slots=True)
class RenderedRow:
    """A row as an object, with its answer and metadata as JSON."""

    draft: Draft
    title: str
    acl: int
    version: int
    meta: str
    answer: str


class RowAnswers:
    """Renders rows for one request."""

    def __init__(self, names: RowNames, planner: Callable[[], tuple[StorePlanner, Renderer]]) -> None:
        self._names = names
        self._planner = planner

    def rendered(self, rids: Sequence[int]) -> list[RenderedRow]:
        """The rows with these numbers that are there, with all that a read answers."""
        planner, renderer = self._planner()
        found = []
        for draft in self._drafts(planner, rids):
            title = planner.values.title(draft)
            (catalog,) = planner.registry.catalogs_of(draft.portal_type)
            answer = orjson.dumps(renderer.members(draft), default=str)[1:-1].decode()
            meta = orjson.dumps(dict.fromkeys(catalog.returned, title)).decode()
            found.append(_rendered(draft, title, meta, answer))
        return found

    def named(self, uids: Iterable[str]) -> list[RenderedRow]:
        """The rows that some of the UIDs mean, with their titles alone."""
        rids = [rid for rid in map(self._names.of_uid, uids) if rid is not None]
        if not rids:
            return []
        planner, _ = self._planner()
        return [_rendered(draft, planner.values.title(draft), "{}", "") for draft in self._drafts(planner, rids)]

    @staticmethod
    def _drafts(planner: StorePlanner, rids: Sequence[int]) -> list[Draft]:
        with planner.without_locks():
            planner.workspace.load_rids(rids)
        known = planner.workspace.by_rid
        return [known[rid] for rid in rids if rid in known]


def _rendered(draft: Draft, title: str, meta: str, answer: str) -> RenderedRow:
    record = draft.record
    if record is None:
        raise TypeError(f"{draft!r} is no row yet")
    return RenderedRow(draft, title, record.acl, record.version, meta, answer)


ALWAYS = "path"
TRANSITIONS = "transitions"


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The stored answer of one object."""

    rid: int
    parent: int | None
    uid: str
    path: str
    portal_type: str
    version: int
    acl: int
    scope: int
    meta: str
    answer: str
    fresh_until: int | None


_COLUMNS = tuple(entities.c[name] for name in StoredAnswer.__slots__)


@dataclass(frozen=True, slots=True)
class FieldSelection:
    """Which members of each object are answered."""

    names: frozenset[str] | None
    """None: all of them."""
    expand: tuple[str, ...] = ()
    titles: bool = False
    transitions: bool = False

    @classmethod
    def of(cls, find: Find) -> "FieldSelection":
        """What a read asks for."""
        if find.include_fields is None:
            return cls(None, find.expand, find.reference_titles, find.transitions)
        names = frozenset((*find.include_fields, *find.include_methods))
        return cls(names, find.expand, find.reference_titles, find.transitions or TRANSITIONS in names)

    def wants(self, name: str) -> bool:
        """Whether a member is to be answered."""
        return self.names is None or name in self.names


class Documents:
    """Loads and composes answers for one user."""

    def __init__(
        self,
        connection: Connection,
        registry: Registry,
        access: FieldAccess,
        rights: Rights,
        transitions: Callable[[Sequence[int]], Mapping[int, list[dict[str, str]]]],
        renew: Callable[[Sequence[int]], Mapping[int, tuple[str, str]]],
        rows: RowAnswers,
        now: datetime,
    ) -> None:
        self._connection = connection
        self._registry = registry
        self._access = access
        self._rights = rights
        self._transitions = transitions
        """Works out the allowed transitions of objects by row number."""
        self._renew = renew
        """Works out metadata and answer of objects whose stored ones have run out, by row number."""
        self._rows = rows
        """Answers of the objects that are rows of tables."""
        self._now = to_micros(now)

    def answer(
        self, rids: Sequence[int], catalog: CatalogDeclaration, selection: FieldSelection
    ) -> list[orjson.Fragment]:
        """The objects with these row numbers, in their order; one that has gone meanwhile is left out."""
        by_rid = {row.rid: row for row in self._load(rids)}
        rows = [by_rid[rid] for rid in rids if rid in by_rid]
        embedded = self._embedded(rows, selection)
        offered = self._transitions([row.rid for row in rows]) if selection.transitions else {}
        if selection.names is None and not (selection.expand or selection.titles or selection.transitions):
            return [orjson.Fragment(self._spliced(row, catalog, embedded.get(row.rid, {}))) for row in rows]
        objects = [self._chosen(row, catalog, embedded.get(row.rid, {}), selection) for row in rows]
        for row, composed in zip(rows, objects, strict=True):
            if row.rid in offered:
                composed[TRANSITIONS] = offered[row.rid]
        if selection.expand or selection.titles:
            self._name_targets(rows, objects, selection)
        return [orjson.Fragment(orjson.dumps(composed)) for composed in objects]

    def _load(self, rids: Iterable[int]) -> list[StoredAnswer]:
        wanted = list(rids)
        mapped = [rid for rid in wanted if rid < 0]
        found = [_of_row(row) for row in self._rows.rendered(mapped)] if mapped else []
        for chunk in chunks(rid for rid in wanted if rid > 0):
            found.extend(
                StoredAnswer(*row)
                for row in self._connection.execute(select(*_COLUMNS).where(entities.c.rid.in_(chunk)))
            )
        return self._fresh(found)

    def _fresh(self, rows: list[StoredAnswer]) -> list[StoredAnswer]:
        """The rows with what has run out by now worked out anew, for all of them together."""
        stale = [row.rid for row in rows if row.fresh_until is not None and row.fresh_until <= self._now]
        if not stale:
            return rows
        renewed = self._renew(stale)
        return [
            replace(row, meta=renewed[row.rid][0], answer=renewed[row.rid][1]) if row.rid in renewed else row
            for row in rows
        ]

    def _hidden(self, row: StoredAnswer) -> frozenset[str]:
        return self._access.hidden(row.portal_type, self._rights.acls[row.acl], row.scope, self._rights)

    def _spliced(
        self, row: StoredAnswer, catalog: CatalogDeclaration, embedded: Mapping[str, list[orjson.Fragment]]
    ) -> bytes:
        """The whole object; its stored answer goes in as it is when nothing in it is hidden from the user."""
        hidden = self._hidden(row)
        members: dict[str, object] = self._metadata(row, catalog)
        if hidden:
            stored = orjson.loads(f"{{{row.answer}}}")
            members.update((name, value) for name, value in stored.items() if not _covers(hidden, name))
            answer = ""
        else:
            answer = row.answer
        members["version"] = row.version
        members.update(embedded)
        head = orjson.dumps(members)
        return head[:-1] + b"," + answer.encode() + b"}" if answer else head

    def _metadata(self, row: StoredAnswer, catalog: CatalogDeclaration) -> dict[str, object]:
        meta: dict[str, object] = orjson.loads(row.meta)
        permissions = self._access.index_permissions(catalog.name)
        acl = self._rights.acls[row.acl]
        return {
            name: meta[name]
            for name in catalog.returned
            if name in meta
            and (
                name not in permissions or all(self._rights.may(needed, acl, row.scope) for needed in permissions[name])
            )
        }

    def _chosen(
        self,
        row: StoredAnswer,
        catalog: CatalogDeclaration,
        embedded: Mapping[str, list[orjson.Fragment]],
        selection: FieldSelection,
    ) -> dict[str, object]:
        """The members that were asked for."""
        hidden = self._hidden(row)
        members: dict[str, object] = self._metadata(row, catalog)
        stored = orjson.loads(f"{{{row.answer}}}")
        members.update((name, value) for name, value in stored.items() if not _covers(hidden, name))
        members["version"] = row.version
        members.update(embedded)
        if selection.names is None:
            return members
        chosen = {name: value for name, value in members.items() if name in selection.names}
        chosen[ALWAYS] = row.path
        return chosen

    def _embedded(
        self, rows: Sequence[StoredAnswer], selection: FieldSelection
    ) -> dict[int, dict[str, list[orjson.Fragment]]]:
        """Contained objects that are answered whole inside their container, by its row number; one statement a type."""
        wanted: dict[tuple[str, str], list[int]] = {}
        for row in rows:
            for name, portal_type in self._registry.types[row.portal_type].embed.items():
                if selection.wants(name):
                    wanted.setdefault((name, portal_type), []).append(row.rid)
        found: dict[int, dict[str, list[orjson.Fragment]]] = {}
        for (name, portal_type), parents in wanted.items():
            for parent in parents:
                found.setdefault(parent, {})[name] = []
            own = self._registry.catalogs_of(portal_type)[0]
            children: list[StoredAnswer] = []
            for chunk in chunks(parents):
                statement = (
                    select(*_COLUMNS)
                    .where(entities.c.parent.in_(chunk), entities.c.portal_type == portal_type)
                    .order_by(entities.c.id)
                )
                children.extend(StoredAnswer(*values) for values in self._connection.execute(statement))
            for child in self._fresh(children):
                if child.parent is not None and self._rights.may(VIEW, self._rights.acls[child.acl], child.scope):
                    found[child.parent][name].append(orjson.Fragment(self._spliced(child, own, {})))
        return found

    def _name_targets(
        self, rows: Sequence[StoredAnswer], objects: Sequence[dict[str, object]], selection: FieldSelection
    ) -> None:
        """Add titles and paths of referred objects; those that the user may not see stay UIDs."""
        wanted: list[tuple[dict[str, object], str]] = []
        for row, composed in zip(rows, objects, strict=True):
            for field in self._registry.types[row.portal_type].fields.values():
                if (
                    field.kind is Kind.REFERENCE
                    and field.name in composed
                    and (selection.titles or field.name in selection.expand)
                ):
                    wanted.append((composed, field.name))
        uids = dict.fromkeys(uid for composed, name in wanted for uid in _as_list(composed[name]))
        known: dict[str, tuple[str, str]] = {}
        for chunk in chunks(uids):
            columns = (entities.c.uid, entities.c.title, entities.c.path, entities.c.acl, entities.c.scope)
            for uid, title, path, acl, scope in self._connection.execute(
                select(*columns).where(entities.c.uid.in_(chunk))
            ):
                if self._rights.may(VIEW, self._rights.acls[acl], scope):
                    known[uid] = (title, path)
        for named in self._rows.named(uids):
            if self._rights.may(VIEW, self._rights.acls[named.acl], named.draft.scope):
                known[named.draft.uid] = (named.title, named.draft.path)
        for composed, name in wanted:
            value = composed[name]
            many = isinstance(value, list)
            titles: list[str | None] = [known.get(uid, (uid, ""))[0] for uid in _as_list(value)]
            if name in selection.expand:
                paths: list[str | None] = [known.get(uid, ("", None))[1] for uid in _as_list(value)]
                composed[f"{name}_title"] = titles if many else _first(titles)
                composed[f"{name}_path"] = paths if many else _first(paths)
            if selection.titles:
                composed[f"{name}_uid"] = value
                composed[name] = titles if many else _first(titles)


def _of_row(row: RenderedRow) -> StoredAnswer:
    draft = row.draft
    return StoredAnswer(
        draft.rid,
        None,
        draft.uid,
        draft.path,
        draft.portal_type,
        row.version,
        row.acl,
        draft.scope,
        row.meta,
        row.answer,
        None,
    )


def _covers(hidden: frozenset[str], name: str) -> bool:
    return name in hidden or (name.endswith("_uid") and name[:-4] in hidden)


def _as_list(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _first(items: Sequence[str | None]) -> str | None:
    return items[0] if items else None
