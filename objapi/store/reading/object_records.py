"""Objects with the values that a user may read, and what paths from them lead to, loaded for a whole page at once.

A face whose answers have names and shapes of its own reads them here. Each step of a path costs one statement for all
objects of a page, however many these are.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, Final

import orjson
from sqlalchemy import ColumnElement, select

from catalog.facets import shown_key
from objapi.model.paths import Back, Children, Parent, Path, Step, Target
from objapi.model.registry import fold
from objapi.model.types import FOLDED_STATE
from objapi.store.context import RequestContext
from objapi.store.permissions.acls import VIEW
from objapi.store.reading.documents import ANSWER_COLUMNS, Documents, StoredAnswer
from objapi.store.reading.finding import Finder
from objapi.store.records import chunks, from_micros
from objapi.store.requests import Find
from objapi.store.schema import entities, history_entries, refs, requests
from objapi.store.writing.planner import StorePlanner

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


class ObjectRecords:
    """Reads objects for one user."""

    def __init__(
        self, context: RequestContext, finder: Finder, documents: Documents, open_planner: Callable[[], StorePlanner]
    ) -> None:
        self._context = context
        self._connection = context.connection
        self._registry = context.registry
        self._rights = context.rights
        self._finder = finder
        self._documents = documents
        self._open_planner = open_planner
        self._by_uid: dict[str, ObjectRecord | None] = {}
        self._by_rid: dict[int, ObjectRecord | None] = {}
        self._names: dict[str, ObjectName | None] = {}
        self._containers: dict[int, ObjectName] = {}
        self._contents: dict[tuple[tuple[int, ...], frozenset[str] | None], dict[int, list[ObjectName]]] = {}
        """Containers, and types or None for all → container → what is in it."""
        self._folded: dict[int, str | None] = {}
        self._seconds: dict[int, str] = {}
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

    def called(self, types: Iterable[str], index: str, texts: Iterable[str]) -> dict[str, list[ObjectName]]:
        """Text → the objects of some types that have it in an index: one search for each first catalog of the types.

        Only indexes of the title, the id, and others with one text an object are asked.
        """
        found: dict[str, list[ObjectName]] = {}
        wanted = list(dict.fromkeys(texts))
        by_catalog: dict[str, list[str]] = {}
        for name in types:
            if name in self._registry.types and wanted:
                by_catalog.setdefault(self._registry.catalogs_of(name)[0].name, []).append(name)
        for name, of_catalog in by_catalog.items():
            catalog = self._registry.catalogs[name]
            if index not in catalog.schema.indexes:
                continue
            rids = self._finder.rids(catalog, {"portal_type": of_catalog, index: wanted}, most=None)
            values = self.index_values(name, rids, [index])
            for other in self._names_of(rids):
                text = values.get(other.rid, {}).get(index)
                if isinstance(text, str):
                    found.setdefault(text, []).append(other)
        return found

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

    # Along paths

    def values(
        self,
        records: Sequence[ObjectRecord],
        path: Path,
        ends: Sequence[Sequence[ObjectRecord]] | None = None,
    ) -> list[Any]:
        """The value at the end of a path from each object; a list where its steps can lead to several.

        `ends` are the objects at the end of the steps from each, where they have been found already.
        """
        if not path.steps:
            return self._own_values(records, path)
        if ends is None:
            ends = self.follow(records, path.steps)
        types = {record.portal_type for record in records}
        multiple = {name: path.multiple or self._is_multi(name, path.steps[0]) for name in types}
        # The paths of many objects end at few others.
        distinct = {end.rid: end for reached in ends for end in reached}
        at_end = {rid: self._own_value(end, path.end) for rid, end in distinct.items()}
        if not any(multiple.values()):
            return [at_end[reached[0].rid] if reached else None for reached in ends]
        found: list[Any] = []
        for record, reached in zip(records, ends, strict=True):
            if multiple[record.portal_type]:
                values = [at_end[end.rid] for end in reached]
                flat = [item for value in values for item in (value if isinstance(value, list) else [value])]
                found.append([value for value in flat if value not in (None, "")])
            else:
                found.append(at_end[reached[0].rid] if reached else None)
        return found

    def _own_values(self, records: Sequence[ObjectRecord], path: Path) -> list[Any]:
        """The values of a path without steps."""
        name = path.attribute
        if name is None or path.key is not None:
            return [self._own_value(record, path) for record in records]
        intrinsic = self._intrinsic.get(name)
        if intrinsic is None:
            return [record.members.get(name) for record in records]
        if name == "title":
            return [record.title for record in records]
        return [record.members[name] if name in record.members else intrinsic(record) for record in records]

    def _is_multi(self, portal_type: str, step: Step) -> bool:
        field = self._registry.types[portal_type].fields.get(step.field) if isinstance(step, Target) else None
        return field is not None and field.multi

    def follow(self, records: Sequence[ObjectRecord], steps: Sequence[Step]) -> list[Sequence[ObjectRecord]]:
        """The objects at the end of steps from each object, each once."""
        if len(steps) == 1:
            beyond = self._beyond(records, steps[0])
            return [beyond[record.rid] for record in records]
        ends: list[Sequence[ObjectRecord]] = [[record] for record in records]
        for step in steps:
            distinct = list({item.rid: item for reached in ends for item in reached}.values())
            beyond = self._beyond(distinct, step)
            ends = [
                list({other.rid: other for item in reached for other in beyond[item.rid]}.values()) for reached in ends
            ]
        return ends

    def _beyond(self, records: Sequence[ObjectRecord], step: Step) -> Mapping[int, Sequence[ObjectRecord]]:
        match step:
            case Target(name):
                return self._targets(records, name)
            case Parent():
                above = self.by_rid(record.parent for record in records if record.parent is not None)
                alone: Mapping[int | None, Sequence[ObjectRecord]] = {rid: (found,) for rid, found in above.items()}
                return {record.rid: alone.get(record.parent, ()) for record in records}
            case Children(types):
                inside = self.contents([record.rid for record in records], types)
                found_rids = self.by_rid(name.rid for names in inside.values() for name in names)
                return {
                    rid: [found_rids[name.rid] for name in names if name.rid in found_rids]
                    for rid, names in inside.items()
                }
            case Back(portal_type, name):
                return self._referring(records, portal_type, name)

    def _targets(self, records: Sequence[ObjectRecord], field: str) -> Mapping[int, Sequence[ObjectRecord]]:
        """The objects that a reference field names; those of one object are one sequence for all that name it."""
        values = [record.members.get(field) for record in records]
        several = {
            record.rid: uids_of(value) for record, value in zip(records, values, strict=True) if type(value) is list
        }
        single = dict.fromkeys(value for value in values if type(value) is str and value)
        found = self.by_uid(chain(single, *several.values()))
        alone: Mapping[object, Sequence[ObjectRecord]] = {uid: (found[uid],) for uid in single if uid in found}
        ends = {
            record.rid: alone.get(value, ()) if type(value) is str else ()
            for record, value in zip(records, values, strict=True)
        }
        ends.update((rid, [found[uid] for uid in uids if uid in found]) for rid, uids in several.items())
        return ends

    def _referring(
        self, records: Sequence[ObjectRecord], portal_type: str, field: str
    ) -> dict[int, list[ObjectRecord]]:
        pairs: list[tuple[int, int]] = []
        for chunk in chunks(record.rid for record in records):
            statement = (
                select(refs.c.target, refs.c.source)
                .join(entities, entities.c.rid == refs.c.source)
                .where(refs.c.target.in_(chunk), refs.c.field == field, entities.c.portal_type == portal_type)
                .order_by(entities.c.created, entities.c.rid)
            )
            pairs.extend((row[0], row[1]) for row in self._connection.execute(statement))
        found = self.by_rid(source for _, source in pairs)
        referring: dict[int, list[ObjectRecord]] = {record.rid: [] for record in records}
        for target, source in pairs:
            if source in found:
                referring[target].append(found[source])
        return referring

    def _own_value(self, record: ObjectRecord, path: Path) -> Any:
        name = path.attribute
        if name is None:
            return record.uid
        value = record.members.get(name)
        intrinsic = self._intrinsic.get(name)
        # Fields come first, but for the title: a derived one is no field.
        if intrinsic is not None and (name == "title" or name not in record.members):
            value = intrinsic(record)
        if path.key is None:
            return value
        if isinstance(value, list):
            return [item.get(path.key) for item in value if isinstance(item, Mapping)]
        return value.get(path.key) if isinstance(value, Mapping) else None

    @cached_property
    def _intrinsic(self) -> Mapping[str, Callable[[ObjectRecord], object]]:
        return {
            "id": lambda record: record.id,
            "uid": lambda record: record.uid,
            "title": lambda record: record.title,
            "path": lambda record: record.path,
            "portal_type": lambda record: record.portal_type,
            "type_title": lambda record: self._registry.types[record.portal_type].title,
            "creator": lambda record: record.creator,
            "created": lambda record: self.instant(record.created),
            "modified": lambda record: self.instant(record.modified),
            "sortable_title": lambda record: record.title.lower(),
            "folded_state": self.folded_state,
        }

    def instant(self, micros: int | None) -> str | None:
        """An instant as it is answered, in the zone of the site."""
        return None if micros is None else from_micros(micros).astimezone(self._context.site.zone).isoformat()

    def second(self, micros: int | None) -> str | None:
        """An instant in whole seconds, in the zone of the site."""
        if micros is None:
            return None
        found = self._seconds.get(micros)
        if found is None:
            moment = from_micros(micros).astimezone(self._context.site.zone)
            found = self._seconds[micros] = moment.isoformat(timespec="seconds")
        return found

    # Values of catalogs

    def index_values(self, catalog: str, rids: Sequence[int], indexes: Sequence[str]) -> dict[int, dict[str, Any]]:
        """Row number → index → value, of indexes with one value an object whose values the user may read."""
        tables = self._context.site.tables.get(catalog)
        found: dict[int, dict[str, Any]] = {}
        if tables is None or not indexes:
            return found
        usable = self._context.site.access.usable(self._registry.catalogs[catalog], self._rights)
        restricted = self._context.site.access.index_permissions(catalog)
        names = [name for name in indexes if name in usable.indexes and name not in restricted]
        columns = [tables.column(name) for name in names]
        for chunk in chunks(rids):
            for rid, *values in self._connection.execute(select(tables.rid, *columns).where(tables.rid.in_(chunk))):
                found[rid] = {
                    name: shown_key(usable.indexes[name], value, column.type, self._context.site.zone)
                    for name, value, column in zip(names, values, columns, strict=True)
                }
        return found

    # History

    def steps_taken(self, records: Sequence[ObjectRecord]) -> dict[str, list[dict[str, Any]]]:
        """UID → the transitions that the objects have taken, the oldest first, of those whose history one may read."""
        permission = self._registry.roles.history_permission
        readable = self._holding(records, permission)
        taken: dict[str, list[dict[str, Any]]] = {uid: [] for uid in readable}
        for chunk in chunks(readable):
            statement = (
                select(history_entries, requests.c.at, requests.c.actor)
                .join(requests, requests.c.id == history_entries.c.request)
                .where(history_entries.c.uid.in_(chunk), history_entries.c.event == "transition")
                .order_by(history_entries.c.id)
            )
            for row in self._connection.execute(statement).mappings():
                changes = orjson.loads(str(row["changes"]))
                taken[row["uid"]].append(
                    {
                        "workflow": row["workflow"],
                        "transition": row["transition"],
                        "actor": row["actor"],
                        "comment": row["comment"],
                        "at": from_micros(int(row["at"])).astimezone(self._context.site.zone),
                        "states": {name: new for name, (_, new) in changes.items()},
                    }
                )
        return taken

    def _holding(self, records: Sequence[ObjectRecord], permission: str) -> list[str]:
        """The UIDs of the objects on which the user holds a permission."""
        holding: list[str] = []
        for chunk in chunks(record.rid for record in records if record.rid > 0):
            statement = select(entities.c.uid, entities.c.acl, entities.c.scope).where(entities.c.rid.in_(chunk))
            holding.extend(
                uid
                for uid, acl, scope in self._connection.execute(statement)
                if self._rights.may(permission, self._rights.acls[acl], scope)
            )
        return holding


def uids_of(value: object) -> list[str]:
    """The UIDs that a reference field is answered with."""
    if isinstance(value, str):
        return [value] if value else []
    return [uid for uid in value if isinstance(uid, str)] if isinstance(value, list) else []
