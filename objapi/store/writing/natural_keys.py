"""Stored objects that items of a request mean by natural keys: found together, and held against other requests."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import orjson
from sqlalchemy import delete

from catalog.dialect import insert_rows
from objapi.errors import BadRequest, Cause, Conflict, ValidationError
from objapi.model.natural_keys import CONTAINER, SITE, key_indexes
from objapi.model.registry import CatalogDeclaration
from objapi.model.types import EntityType, NaturalKey
from objapi.model.validation import validate
from objapi.model.values import LoadContext
from objapi.store.permissions.acls import VIEW
from objapi.store.records import chunks
from objapi.store.schema import natural_key_locks
from objapi.store.writing.batch_attempt import BatchAttempt
from objapi.store.writing.draft import Draft
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.workspace import uids_in

LOCK_FORMAT: Final = b"objapi natural key 1\n"
CANDIDATES: Final = 5
"""Objects that the refusal of an ambiguous key names, at most."""

KeyValues = tuple[object, ...]
SearchOfAll = Callable[[CatalogDeclaration, Mapping[str, object]], list[int]]
"""A search of a catalog for the row numbers of whatever criteria find, whether or not the user may see it."""


@dataclass(frozen=True, slots=True)
class KeyedItem:
    """An item that names an object by a natural key; `sent` are its values as the client sent them."""

    entity_type: EntityType
    key: NaturalKey
    sent: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class KeyMatch:
    """The object that an item means, if there is one; `hidden`: there is, and the user may not see it."""

    draft: Draft | None = None
    hidden: bool = False


class KeyedItems:
    """The items of one request that name objects by natural keys."""

    def __init__(self, planner: StorePlanner, search: SearchOfAll) -> None:
        self._planner = planner
        self._search = search
        self._items: dict[int, KeyedItem] = {}
        self._values: dict[int, KeyValues] = {}
        self._found: dict[tuple[str, KeyValues], list[Draft]] = {}
        self._taken: dict[tuple[str, KeyValues, object], int] = {}

    def read(self, attempt: BatchAttempt, items: Mapping[int, KeyedItem], context: LoadContext) -> None:
        """Read the keys of all items, keep other requests from them, and find the stored objects that have them.

        A key without a value is an error of its item; one whose value is wrong is left to whoever reads the values.
        """
        for place, item in items.items():
            self._items[place] = item
            values = self._key_values(attempt, place, item, context)
            if values is not None:
                self._values[place] = values
        groups: dict[tuple[str, NaturalKey], dict[KeyValues, None]] = {}
        for place, values in self._values.items():
            item = self._items[place]
            groups.setdefault((item.entity_type.portal_type, item.key), {})[values] = None
        if self._planner.context.writes:
            self._lock(groups)
        for (portal_type, key), wanted in groups.items():
            self._find(portal_type, key, list(wanted))

    def _key_values(self, attempt: BatchAttempt, place: int, item: KeyedItem, context: LoadContext) -> KeyValues | None:
        fields = item.entity_type.fields
        sent = {
            name: raw
            for name, raw in item.sent.items()
            if name in fields and (fields[name].alias_of or name) in item.key.fields
        }
        checked = validate(item.entity_type, sent, mode="create", context=context)
        wrong = {cause.name for cause in checked.problems if cause.code != "required"}
        values = tuple(self._compared(item.entity_type, checked.values.get(name)) for name in item.key.fields)
        missing = [name for name, value in zip(item.key.fields, values, strict=True) if value is None]
        if not missing:
            return values
        causes = [
            Cause("field", name, f"{name}: it is the natural key and has no value here", code="required")
            for name in missing
            if name not in wrong
        ]
        if causes:
            attempt.fail(place, ValidationError.from_causes(causes))
        return None

    @staticmethod
    def _compared(entity_type: EntityType, value: object) -> object:
        """A value as it is compared: texts of existing tables without regard to case."""
        return value.casefold() if entity_type.table is not None and isinstance(value, str) else value

    def _lock(self, groups: Mapping[tuple[str, NaturalKey], Iterable[KeyValues]]) -> None:
        """Wait until no other request holds one of the keys, and hold them until this one ends."""
        site_id = self._planner.context.site.site_id
        digests = sorted(
            sha256(LOCK_FORMAT + orjson.dumps([site_id, portal_type, *key.fields, *map(str, values)])).hexdigest()
            for (portal_type, key), wanted in groups.items()
            for values in wanted
        )
        connection = self._planner.context.connection
        # What is inserted and not committed keeps others from inserting the same; deleted, it leaves nothing behind.
        for chunk in chunks(digests):
            insert_rows(connection, natural_key_locks, [{"digest": digest} for digest in chunk])
            connection.execute(delete(natural_key_locks).where(natural_key_locks.c.digest.in_(chunk)))

    def _find(self, portal_type: str, key: NaturalKey, wanted: Sequence[KeyValues]) -> None:
        registry, workspace = self._planner.registry, self._planner.workspace
        entity_type = registry.types[portal_type]
        place = key_indexes(entity_type, key, registry.catalogs_of(portal_type))
        if place is None:
            raise LookupError(f"no index finds {portal_type} by {', '.join(key.fields)}")
        catalog, indexes = place
        rids: list[int] = []
        for chunk in chunks(wanted):
            criteria: dict[str, object] = (
                {"portal_type": portal_type} if "portal_type" in catalog.schema.indexes else {}
            )
            for field, index in indexes.items():
                position = key.fields.index(field)
                criteria[index] = list(dict.fromkeys(values[position] for values in chunk))
            rids.extend(self._search(catalog, criteria))
        workspace.load_rids(rids)
        for rid in dict.fromkeys(rids):
            draft = workspace.by_rid.get(rid)
            if draft is not None:
                found = (self._compared(entity_type, draft.data.get(name)) for name in key.fields)
                self._found.setdefault((portal_type, tuple(found)), []).append(draft)

    def match(self, place: int, container: Draft | None, values: Mapping[str, object]) -> KeyMatch:
        """The stored object that an item means, by its container and its values as they are stored.

        Raises BadRequest for a key that an earlier item of the request has, Conflict when several objects have it.
        """
        if place not in self._values:
            return KeyMatch()
        item, wanted = self._items[place], self._values[place]
        portal_type, scope = item.entity_type.portal_type, self._scope(item.key, container, values)
        self._take(place, (portal_type, wanted, scope))
        candidates = [
            draft
            for draft in self._found.get((portal_type, wanted), ())
            if not draft.removed and self._scope_of(draft, item.key) == scope
        ]
        rights = self._planner.rights
        seen = [draft for draft in candidates if rights.may(VIEW, draft.acl, draft.scope)]
        if len(seen) > 1:
            paths = ", ".join(draft.path for draft in seen[:CANDIDATES])
            message = f"{self.named(place)} is that of {len(seen)} objects: {paths}. Change one of them by its path."
            raise Conflict(message, causes=[Cause("field", item.key.fields[0], message, code="ambiguous")])
        return KeyMatch(seen[0] if seen else None, bool(candidates) and not seen)

    def named(self, place: int) -> str:
        """The key of an item in words."""
        item = self._items[place]
        return ", ".join(f"{name} {value!r}" for name, value in zip(item.key.fields, self._values[place], strict=True))

    def taken(self, place: int) -> Conflict:
        """The refusal of a new object whose key one has that the user may not see; it says no more than that."""
        key = self._items[place].key
        message = f"{self.named(place)} cannot be given to another object here; choose another value."
        return Conflict(message, causes=[Cause("field", key.fields[0], message, code="taken")])

    def _take(self, place: int, what: tuple[str, KeyValues, object]) -> None:
        first = self._taken.setdefault(what, place)
        if first != place:
            message = f"entry {place}: {self.named(place)} is the natural key of entry {first} as well; send it once"
            raise BadRequest(
                f"{message}. Nothing was done.",
                causes=[Cause("object", f"entry {place}", message, index=place, code="duplicate")],
            )

    @staticmethod
    def _scope(key: NaturalKey, container: Draft | None, values: Mapping[str, object]) -> object:
        if key.within == SITE:
            return None
        if key.within == CONTAINER:
            return None if container is None else container.uid
        return next(iter(uids_in(values.get(key.within))), None)

    def _scope_of(self, draft: Draft, key: NaturalKey) -> object:
        if key.within == SITE:
            return None
        if key.within == CONTAINER:
            container = self._planner.workspace.parent(draft)
            return None if container is None else container.uid
        return next(iter(uids_in(draft.data.get(key.within))), None)
