"""Objects that a user may see, with their states, containers and contents, loaded for a whole page at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import ColumnElement, select

from objapi.model.registry import fold
from objapi.model.types import FOLDED_STATE
from objapi.store.context import RequestContext
from objapi.store.permissions.acls import VIEW
from objapi.store.reading.documents import ANSWER_COLUMNS, Documents, StoredAnswer
from objapi.store.reading.finding import Finder
from objapi.store.records import chunks
from objapi.store.requests import Find
from objapi.store.schema import entities

_MORE: Final = tuple(entities.c[name] for name in ("rid", "id", "title", "creator", "created", "modified", "states"))
_BRIEF: Final = tuple(
    entities.c[name] for name in ("rid", "uid", "parent", "id", "path", "portal_type", "title", "acl", "scope")
)


@dataclass(frozen=True, slots=True)
class ObjectRecord:
    """An object that the user may see, with what they may read of it."""

    rid: int
    uid: str
    parent: int | None
    id: str
    path: str
    portal_type: str
    title: str
    version: int
    creator: str
    created: int | None
    """Microseconds since 1970 UTC; None for a row of a table."""
    modified: int | None
    states: Mapping[str, Any]
    """Workflow id → its stored status."""
    members: Mapping[str, Any]
    """Fields and workflow variables, as a read answers them."""


@dataclass(frozen=True, slots=True)
class ObjectName:
    """An object by its names; those that are read for their states have the folded one."""

    rid: int
    uid: str
    parent: int | None
    id: str
    path: str
    portal_type: str
    title: str
    state: str | None


@dataclass(frozen=True, slots=True)
class FoundRecords:
    """One page of a search."""

    total: int
    records: Sequence[ObjectRecord]
    warnings: tuple[str, ...]


class LoadedRecords:
    """Loads objects for one user, each once."""

    def __init__(self, context: RequestContext, finder: Finder, documents: Documents) -> None:
        self._context = context
        self._connection = context.connection
        self._registry = context.registry
        self._rights = context.rights
        self._finder = finder
        self._documents = documents
        self._by_uid: dict[str, ObjectRecord | None] = {}
        self._by_rid: dict[int, ObjectRecord | None] = {}
        self._names: dict[str, ObjectName | None] = {}
        self._containers: dict[int, ObjectName] = {}
        self._contents: dict[tuple[tuple[int, ...], frozenset[str] | None], dict[int, list[ObjectName]]] = {}
        """Containers, and types or None for all → container → what is in it."""
        self._folded: dict[int, str | None] = {}
        self._seen: dict[tuple[int, int], bool] = {}
        """Acl and scope → whether the user sees objects of these."""

    # Objects

    def find(self, find: Find) -> FoundRecords:
        """One page of what criteria find."""
        found = self._finder.page(find)
        return FoundRecords(found.total, self._made(found.answers), found.warnings)

    def by_uid(self, uids: Iterable[str]) -> dict[str, ObjectRecord]:
        """UID → object, of those that the user may see."""
        wanted = list(dict.fromkeys(uid.lower() for uid in uids))
        missing = [uid for uid in wanted if uid not in self._by_uid]
        if missing:
            self._by_uid.update(dict.fromkeys(missing))
            self._load(entities.c.uid, missing)
            rids = [rid for rid in map(self._context.site.rows.names.of_uid, missing) if rid is not None]
            self._made(self._visible(self._documents.stored(rids)))
        return {uid: record for uid in wanted if (record := self._by_uid[uid]) is not None}

    def by_rid(self, rids: Iterable[int]) -> dict[int, ObjectRecord]:
        """Row number → object, of those that the user may see."""
        wanted = list(dict.fromkeys(rids))
        missing = [rid for rid in wanted if rid not in self._by_rid]
        if missing:
            self._by_rid.update(dict.fromkeys(missing))
            self._load(entities.c.rid, missing)
        return {rid: record for rid in wanted if (record := self._by_rid[rid]) is not None}

    def by_path(self, paths: Iterable[str]) -> dict[str, ObjectRecord]:
        """Whole path → object, of those that the user may see."""
        wanted = list(dict.fromkeys(paths))
        known = {record.path for record in self._by_uid.values() if record is not None}
        self._load(entities.c.path, [path for path in wanted if path not in known])
        by_path = {record.path: record for record in self._by_uid.values() if record is not None}
        return {path: by_path[path] for path in wanted if path in by_path}

    def _names_of(self, rids: Sequence[int]) -> list[ObjectName]:
        found: list[ObjectName] = []
        for chunk in chunks(rids):
            found += self._note_names(self._connection.execute(select(*_BRIEF).where(entities.c.rid.in_(chunk))).all())
        return found

    def _load(self, column: ColumnElement[Any], keys: Sequence[object]) -> None:
        for chunk in chunks(keys):
            found = self._connection.execute(select(*ANSWER_COLUMNS).where(column.in_(chunk))).all()
            self._made(self._documents.fresh(self._visible(StoredAnswer(*row) for row in found)))

    def _visible(self, answers: Iterable[StoredAnswer]) -> list[StoredAnswer]:
        return [row for row in answers if self._may_see(row.portal_type, row.path, row.acl, row.scope)]

    def _may_see(self, portal_type: str, path: str, acl: int, scope: int) -> bool:
        # Of thousands of objects most share acl and scope.
        seen = self._seen.get((acl, scope))
        if seen is None:
            seen = self._seen[acl, scope] = self._rights.may(VIEW, self._rights.acls[acl], scope)
        token = self._rights.principal.token
        return seen and (token is None or token.covers(portal_type, path))

    def _made(self, answers: Sequence[StoredAnswer]) -> list[ObjectRecord]:
        more: dict[int, tuple[Any, ...]] = {}
        for chunk in chunks(row.rid for row in answers if row.rid > 0):
            found = self._connection.execute(select(*_MORE).where(entities.c.rid.in_(chunk))).all()
            more.update((row[0], tuple(row)[1:]) for row in found)
        return [self._record(row, more.get(row.rid)) for row in answers if row.rid < 0 or row.rid in more]

    def _record(self, row: StoredAnswer, more: tuple[Any, ...] | None) -> ObjectRecord:
        members = self._documents.members(row)
        if more is None:
            own_id = row.path.rpartition("/")[2]
            title = str(members.get("title") or own_id)
            more = (own_id, title, "", None, None, "{}")
        own_id, title, creator, created, modified, states = more
        record = ObjectRecord(
            rid=row.rid,
            uid=row.uid,
            parent=row.parent,
            id=own_id,
            path=row.path,
            portal_type=row.portal_type,
            title=title or own_id,
            version=row.version,
            creator=creator,
            created=created,
            modified=modified,
            states=orjson.loads(states),
            members=members,
        )
        self._by_rid[row.rid] = self._by_uid[row.uid] = record
        return record

    def forget(self) -> None:
        """Read everything anew: what was read may have been changed by the request itself."""
        for known in (self._by_uid, self._by_rid, self._names, self._containers, self._contents, self._folded):
            known.clear()
        self._seen.clear()

    # States

    def folded_state(self, record: ObjectRecord) -> str | None:
        """The folded state of an object."""
        # Asked several times of each object of a list.
        if record.rid not in self._folded:
            self._folded[record.rid] = fold(self._registry.types[record.portal_type].folds, record.members.get)
        return self._folded[record.rid]

    def state_title(self, record: ObjectRecord) -> str:
        """The title of the state that is the folded one, in the first workflow that has a state of that name."""
        state = self.folded_state(record) or ""
        for workflow in self._registry.chain(record.portal_type):
            if state in workflow.states and record.members.get(workflow.state_variable) == state:
                return workflow.states[state].title or state
        return state.replace("_", " ").capitalize()

    def actors(self, record: ObjectRecord, transition: str) -> tuple[str, ...]:
        """The users who last took a transition of the object's workflows."""
        taken = (entry.get("last", {}).get(transition) for entry in record.states.values())
        return tuple(dict.fromkeys(actor for actor in taken if isinstance(actor, str)))

    # Names of other objects

    def names(self, uids: Iterable[str]) -> dict[str, ObjectName]:
        """UID → names, of the objects that the user may see."""
        wanted = list(dict.fromkeys(uids))
        missing = [uid for uid in wanted if uid not in self._names]
        if missing:
            self._names.update(dict.fromkeys(missing))
            for chunk in chunks(missing):
                self._note_names(self._connection.execute(select(*_BRIEF).where(entities.c.uid.in_(chunk))).all())
            tabled = [uid for uid in missing if self._context.site.rows.names.of_uid(uid) is not None]
            self._names.update(
                (uid, ObjectName(item.rid, uid, None, item.id, item.path, item.portal_type, item.title, None))
                for uid, item in (self.by_uid(tabled) if tabled else {}).items()
            )
        return {uid: name for uid in wanted if (name := self._names[uid]) is not None}

    def parents(self, records: Iterable[ObjectRecord]) -> dict[int, ObjectName]:
        """Row number → names, of the containers that the user may see."""
        wanted = list(dict.fromkeys(record.parent for record in records if record.parent is not None))
        missing = [rid for rid in wanted if rid not in self._containers]
        for chunk in chunks(missing):
            found = self._note_names(self._connection.execute(select(*_BRIEF).where(entities.c.rid.in_(chunk))).all())
            self._containers.update((name.rid, name) for name in found)
        return {rid: self._containers[rid] for rid in wanted if rid in self._containers}

    def named(self, record: ObjectRecord) -> ObjectName:
        """The names of an object, with its folded state."""
        return ObjectName(
            record.rid,
            record.uid,
            record.parent,
            record.id,
            record.path,
            record.portal_type,
            record.title,
            self.folded_state(record),
        )

    def contents(self, rids: Sequence[int], types: Iterable[str] | None = None) -> Mapping[int, Sequence[ObjectName]]:
        """Container (row number) → what is directly in it that the user may see, in order of creation."""
        wanted = None if types is None else frozenset(types)
        key = tuple(rids)
        if (key, wanted) in self._contents:
            return self._contents[key, wanted]
        everything = self._contents.get((key, None))
        if everything is None:
            everything = self._contents[key, None] = {rid: [] for rid in rids}
            for chunk in chunks(rids):
                for name in self._with_states(entities.c.parent.in_(chunk)):
                    if name.parent is not None:
                        everything[name.parent].append(name)
        if wanted is not None:
            # Several answers about the same objects ask for the same types.
            self._contents[key, wanted] = {
                rid: [name for name in names if name.portal_type in wanted] for rid, names in everything.items()
            }
        return self._contents[key, wanted]

    def _note_names(self, rows: Iterable[Any]) -> list[ObjectName]:
        """The names in rows, those alone that the user may see; a state may be the last of a row."""
        seen = []
        for rid, uid, parent, own_id, path, portal_type, title, acl, scope, *state in rows:
            if self._may_see(portal_type, path, acl, scope):
                name = ObjectName(
                    rid, uid, parent, own_id, path, portal_type, title or own_id, state[0] if state else None
                )
                self._names[uid] = name
                seen.append(name)
        return seen

    def _with_states(self, condition: ColumnElement[bool]) -> list[ObjectName]:
        """The names of the objects that meet a condition, with their folded states, in order of creation."""
        tables = self._context.site.tables[self._registry.uid_catalog]
        state = tables.column(FOLDED_STATE)
        statement = (
            select(*_BRIEF, state)
            .select_from(entities.outerjoin(tables.main, tables.rid == entities.c.rid))
            .where(condition)
            .order_by(entities.c.created, entities.c.rid)
        )
        return self._note_names(self._connection.execute(statement).all())
