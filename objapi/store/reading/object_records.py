"""Values that a user may read of objects: their own, at the end of paths, in catalogs and in their histories.

A face whose answers have names and shapes of its own reads them here. Each step of a path costs one statement for all
objects of a page, however many these are.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any

import orjson
from sqlalchemy import select

from catalog.facets import shown_key
from objapi.model.paths import Back, Children, Parent, Path, Step, Target
from objapi.store.reading.loaded_records import LoadedRecords, ObjectName, ObjectRecord
from objapi.store.records import chunks, from_micros
from objapi.store.schema import entities, history_entries, refs, requests


class ObjectRecords(LoadedRecords):
    """Reads values of objects for one user."""

    @cached_property
    def _seconds(self) -> dict[int, str]:
        """Instants as they were answered."""
        return {}

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
