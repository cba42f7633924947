"""Answers of a read: stored answers of objects and rendered rows of tables, without what the user may not read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import orjson
from sqlalchemy import select

from objapi.model.registry import CatalogDeclaration
from objapi.model.signed_values import SIGNATURES
from objapi.model.types import Kind
from objapi.store.context import RequestContext
from objapi.store.permissions.acls import VIEW
from objapi.store.reading.criteria import ACCESSOR
from objapi.store.reading.signatures import signatures_of
from objapi.store.records import chunks, to_micros
from objapi.store.requests import Find
from objapi.store.schema import entities
from objapi.store.writing.draft import Draft
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.transitions import offered

ALWAYS = "path"
TRANSITIONS = "transitions"
_MOST_HINTS = 20


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


ANSWER_COLUMNS = tuple(entities.c[name] for name in StoredAnswer.__slots__)
"""The columns of a `StoredAnswer`, in its order."""


@dataclass(frozen=True, slots=True)
class FieldSelection:
    """Fields of each object to include in the response."""

    names: frozenset[str] | None
    """None: all of them."""
    expand: tuple[str, ...] = ()
    titles: bool = False
    transitions: bool = False
    methods: tuple[str, ...] = ()
    """Fields under the names of their accessors, such as getCategoryTitle."""

    @classmethod
    def of(cls, find: Find) -> "FieldSelection":
        """Selection that a read asks for."""
        if find.include_fields is None:
            return cls(None, find.expand, find.reference_titles, find.transitions, find.include_methods)
        names = frozenset((*find.include_fields, *find.include_methods))
        transitions = find.transitions or TRANSITIONS in names
        return cls(names, find.expand, find.reference_titles, transitions, find.include_methods)

    @property
    def is_everything(self) -> bool:
        """True when the stored answers are answered as they are."""
        accessors = any(name.startswith(ACCESSOR) for name in self.methods)
        return self.names is None and not (self.expand or self.titles or self.transitions or accessors)

    def wants(self, name: str) -> bool:
        """True when a member is included."""
        return self.names is None or name in self.names


_EVERYTHING = FieldSelection(None)


class Documents:
    """Loads and composes answers for one user."""

    def __init__(self, context: RequestContext, open_planner: Callable[[], StorePlanner]) -> None:
        self._connection = context.connection
        self._registry = context.registry
        self._access = context.site.access
        self._rights = context.rights
        self._names = context.site.rows.names
        self._public_url = context.site.public_url
        self._open_planner = open_planner
        self._site_id = context.site.site_id
        self._zone = context.site.zone
        self._signed_types = context.site.signed_types
        self._now = to_micros(context.now)
        self._hidden_of: dict[tuple[str, int, int], frozenset[str]] = {}
        """Type, acl and scope → fields that the user may not read there."""

    def answer(
        self, rids: Sequence[int], catalog: CatalogDeclaration, selection: FieldSelection
    ) -> list[orjson.Fragment]:
        """The objects with these row numbers, in their order; one that has gone meanwhile is left out."""
        return self.answered(rids, catalog, selection)[0]

    def answered(
        self,
        rids: Sequence[int],
        catalog: CatalogDeclaration,
        selection: FieldSelection,
        stored: list[StoredAnswer] | None = None,
    ) -> tuple[list[orjson.Fragment], frozenset[str]]:
        """As `answer`, with the names asked for of fields that the user may read in none of the objects.

        `stored` are the stored answers in their order, when they have been loaded already.
        """
        if stored is not None:
            rows = self._fresh(stored)
        else:
            by_rid = {row.rid: row for row in self._load(rids)}
            rows = [by_rid[rid] for rid in rids if rid in by_rid]
        embedded = self._embedded(rows, selection)
        self._add_signatures(rows, selection, embedded)
        transitions = self._transitions([row.rid for row in rows]) if selection.transitions else {}
        # Whole objects are the usual case: their stored text goes into the answer without being parsed.
        if selection.is_everything:
            whole = [self._spliced(row, catalog, embedded.get(row.rid, {})) for row in rows]
            return [orjson.Fragment(text) for text in whole], frozenset()
        objects = [self._chosen(row, catalog, embedded.get(row.rid, {}), selection) for row in rows]
        for row, composed in zip(rows, objects, strict=True):
            if row.rid in transitions:
                composed[TRANSITIONS] = transitions[row.rid]
        if selection.expand or selection.titles:
            self._name_targets(rows, objects, selection)
        return [orjson.Fragment(orjson.dumps(composed)) for composed in objects], self._all_hidden(rows, selection)

    def other_catalogs(self, uids: Sequence[str], catalog: CatalogDeclaration) -> tuple[str, ...]:
        """A hint for each type of the objects with these UIDs, as far as the user may see them, that is not indexed.

        At most twenty of the UIDs are looked up.
        """
        wanted = [uid.lower() for uid in uids[:_MOST_HINTS]]
        if not wanted:
            return ()
        columns = (entities.c.portal_type, entities.c.acl, entities.c.scope, entities.c.path)
        found = self._connection.execute(select(*columns).where(entities.c.uid.in_(wanted)))
        token = self._rights.principal.token
        types = dict.fromkeys(
            row.portal_type
            for row in found
            if self._rights.may(VIEW, self._rights.acls[row.acl], row.scope)
            and (token is None or token.covers(row.portal_type, row.path))
        )
        return tuple(
            f"UID: {catalog.name} does not index {name}; ask with catalog_name "
            f"{' or '.join(other.name for other in self._registry.catalogs_of(name))}."
            for name in types
            if catalog not in self._registry.catalogs_of(name)
        )

    def _all_hidden(self, rows: Sequence[StoredAnswer], selection: FieldSelection) -> frozenset[str]:
        if not any(map(self._hidden, rows)):
            return frozenset()
        hidden: set[str] = set()
        seen: set[str] = set()
        for row in rows:
            closed = self._hidden(row)
            fields = self._registry.types[row.portal_type].fields
            named = fields.keys() & (selection.names or ())
            hidden.update(named & closed)
            seen.update(named - closed)
        return frozenset(hidden - seen)

    def stored(self, rids: Iterable[int]) -> list[StoredAnswer]:
        """The stored answers of objects in their order; one that has gone meanwhile is left out."""
        wanted = list(rids)
        by_rid = {row.rid: row for row in self._load(wanted)}
        return [by_rid[rid] for rid in wanted if rid in by_rid]

    def fresh(self, rows: Iterable[StoredAnswer]) -> list[StoredAnswer]:
        """The answers, those that have expired computed anew, all of them together."""
        return self._fresh(list(rows))

    def members(self, row: StoredAnswer) -> dict[str, object]:
        """The members of an object that the user may read; of a file a path."""
        hidden = self._hidden(row)
        stored: dict[str, object] = orjson.loads(f"{{{row.answer}}}")
        return {name: value for name, value in stored.items() if not _covers(hidden, name)} if hidden else stored

    def _load(self, rids: Iterable[int]) -> list[StoredAnswer]:
        wanted = list(rids)
        mapped = [rid for rid in wanted if rid < 0]
        found = self._rendered_rows(mapped) if mapped else []
        for chunk in chunks(rid for rid in wanted if rid > 0):
            found.extend(
                StoredAnswer(*row)
                for row in self._connection.execute(select(*ANSWER_COLUMNS).where(entities.c.rid.in_(chunk)))
            )
        return self._fresh(found)

    def _fresh(self, rows: list[StoredAnswer]) -> list[StoredAnswer]:
        """The rows, those whose answer has expired computed anew, all of them together."""
        stale = [row.rid for row in rows if row.fresh_until is not None and row.fresh_until <= self._now]
        if not stale:
            return rows
        renewed = self._renewed(stale)
        return [
            replace(row, meta=renewed[row.rid][0], answer=renewed[row.rid][1]) if row.rid in renewed else row
            for row in rows
        ]

    def _hidden(self, row: StoredAnswer) -> frozenset[str]:
        # The objects of a page have few acls and scopes between them.
        key = (row.portal_type, row.acl, row.scope)
        if key not in self._hidden_of:
            self._hidden_of[key] = self._access.hidden(
                row.portal_type, self._rights.acls[row.acl], row.scope, self._rights
            )
        return self._hidden_of[key]

    def _spliced(self, row: StoredAnswer, catalog: CatalogDeclaration, embedded: Mapping[str, object]) -> bytes:
        """The whole object; its stored answer goes in as it is when nothing in it is hidden from the user."""
        hidden, files = self._hidden(row), self._file_fields(row)
        members: dict[str, object] = self._metadata(row, catalog)
        if hidden or files:
            members.update(self._stored_members(row, hidden, files))
            answer = ""
        else:
            answer = row.answer
        members["version"] = row.version
        members.update(embedded)
        head = orjson.dumps(members)
        return head[:-1] + b"," + answer.encode() + b"}" if answer else head

    def _stored_members(self, row: StoredAnswer, hidden: frozenset[str], files: Sequence[str]) -> dict[str, object]:
        """The stored answer without what the user may not read, and with whole URLs of files."""
        stored: dict[str, object] = orjson.loads(f"{{{row.answer}}}")
        if not hidden and not files:
            return stored
        members = {name: value for name, value in stored.items() if not _covers(hidden, name)}
        for name in files:
            value = members.get(name)
            if isinstance(value, dict) and isinstance(value.get("url"), str):
                members[name] = {**value, "url": f"{self._public_url}{value['url']}"}
        return members

    def _file_fields(self, row: StoredAnswer) -> Sequence[str]:
        """The file fields of an object, where the URL of the site is known; else paths are answered as stored."""
        if not self._public_url:
            return ()
        fields = self._registry.types[row.portal_type].fields.values()
        return [field.name for field in fields if field.kind is Kind.FILE]

    def _metadata(self, row: StoredAnswer, catalog: CatalogDeclaration) -> dict[str, object]:
        meta: dict[str, object] = orjson.loads(row.meta)
        permissions = self._access.index_permissions(catalog.name)
        if not permissions:
            return {name: meta[name] for name in catalog.returned if name in meta}
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
        embedded: Mapping[str, object],
        selection: FieldSelection,
    ) -> dict[str, object]:
        """The members that were asked for."""
        members: dict[str, object] = self._metadata(row, catalog)
        members.update(self._stored_members(row, self._hidden(row), self._file_fields(row)))
        members["version"] = row.version
        members.update(embedded)
        for name in selection.methods:
            field = name.removeprefix(ACCESSOR)
            if name not in members and name != field and field in members:
                members[name] = members[field]
        if selection.names is None:
            return members
        chosen = {name: value for name, value in members.items() if name in selection.names}
        chosen[ALWAYS] = row.path
        return chosen

    def _embedded(self, rows: Sequence[StoredAnswer], selection: FieldSelection) -> dict[int, dict[str, object]]:
        """Contained objects that are answered whole inside their container, by its row number; one statement a type."""
        wanted: dict[tuple[str, str], list[int]] = {}
        for row in rows:
            for name, portal_type in self._registry.types[row.portal_type].embed.items():
                if selection.wants(name):
                    wanted.setdefault((name, portal_type), []).append(row.rid)
        found: dict[int, dict[str, object]] = {}
        token = self._rights.principal.token
        for (name, portal_type), parents in wanted.items():
            lists: dict[int, list[orjson.Fragment]] = {parent: [] for parent in parents}
            for parent, contained in lists.items():
                found.setdefault(parent, {})[name] = contained
            own = self._registry.catalogs_of(portal_type)[0]
            children: list[StoredAnswer] = []
            for chunk in chunks(parents):
                statement = (
                    select(*ANSWER_COLUMNS)
                    .where(entities.c.parent.in_(chunk), entities.c.portal_type == portal_type)
                    .order_by(entities.c.id)
                )
                children.extend(StoredAnswer(*values) for values in self._connection.execute(statement))
            seen = [
                child
                for child in self._fresh(children)
                if child.parent is not None
                and self._rights.may(VIEW, self._rights.acls[child.acl], child.scope)
                and (token is None or token.covers(child.portal_type, child.path))
            ]
            offered = self._transitions([child.rid for child in seen]) if selection.transitions else {}
            signed: dict[int, dict[str, object]] = {}
            self._add_signatures(seen, _EVERYTHING, signed)
            for child in seen:
                more = signed.get(child.rid, {})
                if child.rid in offered:
                    more = {**more, TRANSITIONS: offered[child.rid]}
                lists[child.parent or 0].append(orjson.Fragment(self._spliced(child, own, more)))
        return found

    def _add_signatures(
        self, rows: Sequence[StoredAnswer], selection: FieldSelection, members: dict[int, dict[str, object]]
    ) -> None:
        """Add the signatures of objects whose types have any, in one statement for all of them."""
        if not selection.wants(SIGNATURES):
            return
        signed = [row.rid for row in rows if row.portal_type in self._signed_types]
        if not signed:
            return
        found = signatures_of(self._connection, self._site_id, self._registry.types, signed, self._zone)
        for rid in signed:
            members.setdefault(rid, {})[SIGNATURES] = found.get(rid, [])

    # Referred objects

    def _name_targets(
        self, rows: Sequence[StoredAnswer], objects: Sequence[dict[str, object]], selection: FieldSelection
    ) -> None:
        """Add titles and paths of referred objects; those that the user may not see stay UIDs."""
        references = [
            (composed, field.name)
            for row, composed in zip(rows, objects, strict=True)
            for field in self._registry.types[row.portal_type].fields.values()
            if field.kind is Kind.REFERENCE
            and field.name in composed
            and (selection.titles or field.name in selection.expand)
        ]
        targets = self._targets(dict.fromkeys(uid for members, name in references for uid in _as_list(members[name])))
        for members, name in references:
            value = members[name]
            titles = [targets.get(uid, (uid, ""))[0] for uid in _as_list(value)]
            if name in selection.expand:
                paths = [targets[uid][1] if uid in targets else None for uid in _as_list(value)]
                members[f"{name}_title"] = _like(value, titles)
                members[f"{name}_path"] = _like(value, paths)
            if selection.titles:
                members[f"{name}_uid"] = value
                members[name] = _like(value, titles)

    def titles(self, uids: Sequence[str]) -> dict[str, str]:
        """UID → title of the objects that the user may see."""
        return {uid: title for uid, (title, _) in self._targets(uids).items()} if uids else {}

    def _targets(self, uids: Iterable[str]) -> dict[str, tuple[str, str]]:
        """UID → title and path of the objects that the user may see."""
        wanted = list(uids)
        found: dict[str, tuple[str, str]] = {}
        columns = (entities.c.uid, entities.c.title, entities.c.path, entities.c.acl, entities.c.scope)
        for chunk in chunks(wanted):
            statement = select(*columns).where(entities.c.uid.in_(chunk))
            for uid, title, path, acl, scope in self._connection.execute(statement):
                if self._rights.may(VIEW, self._rights.acls[acl], scope):
                    found[uid] = (title, path)
        rids = [rid for rid in map(self._names.of_uid, wanted) if rid is not None]
        if rids:
            planner = self._open_planner()
            for draft in _drafts(planner, rids):
                if self._rights.may(VIEW, draft.acl, draft.scope):
                    found[draft.uid] = (planner.values.title(draft), draft.path)
        return found

    # Computed for this request

    def _rendered_rows(self, rids: Sequence[int]) -> list[StoredAnswer]:
        """Answers of rows of tables, rendered from the rows as they are now: nothing of them is stored."""
        planner = self._open_planner()
        found = []
        for draft in _drafts(planner, rids):
            if draft.record is None:
                raise TypeError(f"{draft!r} is not stored")
            (catalog,) = planner.registry.catalogs_of(draft.portal_type)
            # As the index has it: a row without a title is not found by its id as title, and so not answered with it.
            titles = {name: planner.values.index_value(draft, catalog.sources[name]) for name in catalog.returned}
            found.append(
                StoredAnswer(
                    rid=draft.rid,
                    parent=None,
                    uid=draft.uid,
                    path=draft.path,
                    portal_type=draft.portal_type,
                    version=draft.record.version,
                    acl=draft.record.acl,
                    scope=draft.scope,
                    meta=orjson.dumps(
                        {name: "" if title is None else str(title) for name, title in titles.items()}
                    ).decode(),
                    answer=orjson.dumps(planner.renderer.members(draft), default=str)[1:-1].decode(),
                    fresh_until=None,
                )
            )
        return found

    def _renewed(self, rids: Sequence[int]) -> Mapping[int, tuple[str, str]]:
        """Metadata and answer of objects, computed for this instant, by row number."""
        planner = self._open_planner()
        drafts = _drafts(planner, rids)
        with planner.workspace.without_locks():
            rendered = {draft.rid: planner.renderer.render(draft) for draft in drafts}
        return {rid: (item.meta, item.answer) for rid, item in rendered.items()}

    def _transitions(self, rids: Sequence[int]) -> Mapping[int, list[Mapping[str, object]]]:
        """Transitions that the user may take, by row number."""
        planner = self._open_planner()
        planner.workspace.load_rids(rids)
        known = planner.workspace.by_rid
        return {rid: offered(planner, known[rid]).described() for rid in rids if rid in known}


def _drafts(planner: StorePlanner, rids: Sequence[int]) -> list[Draft]:
    with planner.workspace.without_locks():
        planner.workspace.load_rids(rids)
    known = planner.workspace.by_rid
    return [known[rid] for rid in rids if rid in known]


def _covers(hidden: frozenset[str], name: str) -> bool:
    return name in hidden or (name.endswith("_uid") and name[:-4] in hidden)


def _as_list(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _like(value: object, items: Sequence[str | None]) -> object:
    """The items in the shape of a reference field's value: a list of them, or the one."""
    if isinstance(value, list):
        return items
    return items[0] if items else None
