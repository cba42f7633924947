"""Natural keys in one request: held against other requests, looked up together, unique where their type says so."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Final, TypeAlias

import orjson
from sqlalchemy import delete

from catalog.dialect import insert_rows
from objapi.errors import Cause
from objapi.model.natural_keys import CONTAINER, SITE, key_indexes
from objapi.model.registry import CatalogDeclaration
from objapi.model.types import EntityType, NaturalKey
from objapi.store.permissions.acls import VIEW
from objapi.store.records import chunks
from objapi.store.schema import natural_key_locks
from objapi.store.writing.draft import Draft
from objapi.store.writing.naming import unique_title_fields
from objapi.store.writing.workspace import Workspace, uids_in

LOCK_FORMAT: Final = b"objapi natural key 1\n"

KeyValues: TypeAlias = tuple[object, ...]
Groups: TypeAlias = Mapping[tuple[str, NaturalKey], Iterable[KeyValues]]
"""Name of a type and a key of it → values that are looked for."""
SearchOfAll: TypeAlias = Callable[[CatalogDeclaration, Mapping[str, object]], list[int]]
"""A search of a catalog for the row numbers of whatever criteria find, whether or not the user may see it."""


NO_SCOPES: Final[Mapping[NaturalKey, Collection[str]]] = {}


class KeySearch:
    """Finds the objects of one request by natural keys, each once."""

    def __init__(self, workspace: Workspace, search: SearchOfAll) -> None:
        self._workspace = workspace
        self._search = search
        self._held: set[str] = set()
        self._found: dict[tuple[str, NaturalKey, KeyValues], list[Draft]] = {}

    def find(self, groups: Groups, scopes: Mapping[NaturalKey, Collection[str]] = NO_SCOPES) -> None:
        """Keep other requests from some keys, and have the stored objects here that have them.

        `scopes`: within what alone objects are looked for, where an index can tell; without it anywhere.
        """
        if self._workspace.context.writes:
            self._hold(groups)
        for (portal_type, key), wanted in groups.items():
            missing = [values for values in dict.fromkeys(wanted) if (portal_type, key, values) not in self._found]
            if missing:
                self._find(portal_type, key, missing, scopes.get(key, ()))

    def _hold(self, groups: Groups) -> None:
        """Wait until no other request holds one of the keys, and hold them until this one ends."""
        self._hold_names(
            [portal_type, *key.fields, *map(str, values)]
            for (portal_type, key), wanted in groups.items()
            for values in wanted
        )

    def _hold_names(self, names: Iterable[Sequence[str]]) -> None:
        site_id = self._workspace.context.site.site_id
        digests = {sha256(LOCK_FORMAT + orjson.dumps([site_id, *words])).hexdigest() for words in names}
        connection, wanted = self._workspace.connection, sorted(digests - self._held)
        # What is inserted and not committed keeps others from inserting the same; deleted, it leaves nothing behind.
        for chunk in chunks(wanted):
            insert_rows(connection, natural_key_locks, [{"digest": digest} for digest in chunk])
            connection.execute(delete(natural_key_locks).where(natural_key_locks.c.digest.in_(chunk)))
        self._held.update(wanted)

    def _find(self, portal_type: str, key: NaturalKey, wanted: Sequence[KeyValues], scopes: Collection[str]) -> None:
        registry, workspace = self._workspace.registry, self._workspace
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
            if scopes and catalog.table_of is not None:
                # Tables have an index for each reference; a short name may be in thousands of proposals.
                criteria[key.within] = list(scopes)
            rids.extend(self._search(catalog, criteria))
        workspace.load_rids(rids)
        self._found.update({(portal_type, key, values): [] for values in wanted})
        for rid in dict.fromkeys(rids):
            draft = workspace.by_rid.get(rid)
            if draft is not None:
                found = self._found.get((portal_type, key, values_of(draft, key)))
                if found is not None:
                    found.append(draft)

    def having(self, portal_type: str, key: NaturalKey, values: KeyValues) -> list[Draft]:
        """The stored objects with a key that was looked for, but those that the request removes or gives another."""
        found = self._found.get((portal_type, key, values), ())
        return [draft for draft in found if not draft.removed and values_of(draft, key) == values]

    def scope_of(self, draft: Draft, key: NaturalKey) -> object:
        """That within which the key of an object holds."""
        if key.within == CONTAINER:
            container = self._workspace.parent(draft)
            return None if container is None else container.uid
        return None if key.within == SITE else next(iter(uids_in(draft.data.get(key.within))), None)

    def taken(self, written: Iterable[Draft]) -> Iterator[tuple[Draft, Cause]]:
        """Those of new, changed and moved objects that have a key which is another one's, with the reason."""
        claims: dict[tuple[str, NaturalKey, KeyValues], list[Draft]] = {}
        for draft in written:
            for key in draft.type.natural_keys:
                values = values_of(draft, key)
                if not key.shared and _may_be_taken(draft, key) and not any(value in (None, "") for value in values):
                    claims.setdefault((draft.portal_type, key, values), []).append(draft)
        groups: dict[tuple[str, NaturalKey], list[KeyValues]] = {}
        for portal_type, key, values in claims:
            groups.setdefault((portal_type, key), []).append(values)
        with self._workspace.without_locks():
            self.find(groups, self._stored_scopes(claims))
        for (portal_type, key, values), drafts in claims.items():
            taken: dict[object, Draft] = {}
            for other in self.having(portal_type, key, values):
                if other not in drafts:
                    taken.setdefault(self.scope_of(other, key), other)
            for draft in drafts:
                scope = self.scope_of(draft, key)
                if scope is None and key.within != SITE:
                    continue
                first = taken.setdefault(scope, draft)
                if first is not draft:
                    yield draft, self._cause(draft, key, first)

    def taken_logins(self, written: Iterable[Draft]) -> Iterator[tuple[Draft, Cause]]:
        """Those of new and changed persons who are given a log-in that is another one's, with the reason."""
        claims: dict[str, list[Draft]] = {}
        for draft in written:
            user_id = _given_login(draft)
            if user_id:
                claims.setdefault(user_id, []).append(draft)
        if not claims:
            return
        if self._workspace.context.writes:
            self._hold_names(["", user_id] for user_id in claims)
        held = self._persons(claims)
        for user_id, drafts in claims.items():
            others = [draft for draft in held.get(user_id, ()) if draft not in drafts]
            for draft in drafts:
                if others:
                    field = "" if draft.type.login is None else draft.type.login.field
                    yield draft, self._taken(draft, field, f"{field} {user_id!r}", others[0])
                others = others or [draft]

    def _persons(self, user_ids: Collection[str]) -> dict[str, list[Draft]]:
        """User → the persons as whom they log in at the end of the request: one search for each catalog of persons."""
        registry, workspace = self._workspace.registry, self._workspace
        rids: list[int] = []
        for (name, index), types in registry.login_indexes.items():
            for chunk in chunks(user_ids):
                rids += self._search(registry.catalogs[name], {"portal_type": list(types), index: chunk})
        with workspace.without_locks():
            workspace.load_rids(rids)
        found: dict[str, dict[Draft, None]] = {}
        for rid in rids:
            draft = workspace.by_rid.get(rid)
            if draft is not None and draft.type.login is not None and not draft.removed:
                found.setdefault(str(draft.data.get(draft.type.login.field)), {})[draft] = None
        return {user_id: list(drafts) for user_id, drafts in found.items()}

    def _stored_scopes(
        self, claims: Mapping[tuple[str, NaturalKey, KeyValues], Sequence[Draft]]
    ) -> dict[NaturalKey, list[str]]:
        """The stored objects that claimants refer to, and within which their keys hold."""
        scopes: dict[NaturalKey, dict[str, None]] = {}
        for (_, key, _), drafts in claims.items():
            if key.within not in (CONTAINER, SITE):
                found = (self.scope_of(draft, key) for draft in drafts)
                known = {uid: self._workspace.by_uid.get(uid) for uid in found if isinstance(uid, str)}
                stored = (uid for uid, draft in known.items() if draft is not None and not draft.is_new)
                scopes.setdefault(key, {}).update(dict.fromkeys(stored))
        return {key: list(found) for key, found in scopes.items()}

    def _cause(self, draft: Draft, key: NaturalKey, other: Draft) -> Cause:
        values = tuple(draft.data.get(name) for name in key.fields)
        return self._taken(draft, key.fields[-1], named(key, values), other)

    def _taken(self, draft: Draft, field: str, value: str, other: Draft) -> Cause:
        """The reason; it names the other object only to who may see it."""
        if self._workspace.context.rights.may(VIEW, other.acl, other.scope):
            text = f"{value} is that of {other.path}; choose another value"
        else:
            text = _unavailable(value)
        return Cause("field", field, text, object=draft.path, code="taken")


def compared(entity_type: EntityType, value: object) -> object:
    """A value as it is compared: texts of existing tables without regard to case."""
    return value.casefold() if entity_type.table is not None and isinstance(value, str) else value


def values_of(draft: Draft, key: NaturalKey) -> KeyValues:
    """The key of an object in the present state of the request, as it is compared."""
    return tuple(compared(draft.type, draft.data.get(name)) for name in key.fields)


def named(key: NaturalKey, values: KeyValues) -> str:
    """A key in words."""
    return ", ".join(f"{name} {value!r}" for name, value in zip(key.fields, values, strict=True))


def not_to_be_given(key: NaturalKey, values: KeyValues) -> str:
    """The refusal of a key that an object has which the user may not see; it says no more than that."""
    return _unavailable(named(key, values))


def _unavailable(value: str) -> str:
    return f"{value} cannot be given to another object here; choose another value."


def _given_login(draft: Draft) -> str:
    """The user as whom an object lets log in since this request; nothing if it did before, or lets nobody."""
    login = draft.type.login
    if login is None or not (draft.is_new or login.field in draft.changed):
        return ""
    return str(draft.data.get(login.field) or "")


def _may_be_taken(draft: Draft, key: NaturalKey) -> bool:
    """True for an object whose key, or that within which it holds, may be another than the stored one."""
    by_title = key.within == CONTAINER and unique_title_fields(draft.type) == frozenset(key.fields)
    if by_title:
        # Titles of siblings are held apart in any case.
        return False
    written = any(name in draft.changed for name in (*key.fields, key.within))
    return draft.is_new or written or (draft.is_moved and key.within == CONTAINER)
