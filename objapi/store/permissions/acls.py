"""Access control lists (ACLs) and scopes: the distinct answers to who holds which permission, each stored once.

The permissions of an object follow from the settings written onto it and from its container's. Sites have dozens of
distinct results for millions of objects, so an object carries the number of its result (its *acl*), and asking what a
user may do needs no further row.

A *scope* is an object on which local roles can be granted, for itself and for all it contains. Objects of types that
declare it are scopes from the beginning. Any other object becomes one when it is first granted a role: everything in
it, down to the scopes it contains, then belongs to the new scope.
"""

import hashlib
import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import orjson
from sqlalchemy import ColumnElement, Connection, and_, literal, or_, select, update

from catalog import CatalogTables, set_scope
from catalog.dialect import insert_ignore
from objapi.model.registry import Roles
from objapi.store.permissions.shared_scopes import place_scopes, referred_scopes, scopes_referring_to, shared_scope
from objapi.store.schema import acls, entities, scope_tree
from workflows import PermissionSetting

VIEW = "View"
MANAGER_ONLY = frozenset({"Manager"})


@dataclass(frozen=True, slots=True)
class Acl:
    """Permission → roles that hold it, and group → roles that the workflow state gives it here and below."""

    permissions: Mapping[str, frozenset[str]]
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def roles_with(self, permission: str) -> frozenset[str]:
        """The roles that hold a permission; one that nobody declared belongs to Manager."""
        return self.permissions.get(permission, MANAGER_ONLY)

    def document(self) -> bytes:
        """The canonical JSON form: equal acls have equal documents."""
        return orjson.dumps(
            {
                "permissions": {name: sorted(roles) for name, roles in self.permissions.items()},
                "groups": {name: sorted(roles) for name, roles in self.groups.items() if roles},
            },
            option=orjson.OPT_SORT_KEYS,
        )

    @classmethod
    def from_document(cls, document: str | bytes) -> "Acl":
        """Read what `document` wrote."""
        value = orjson.loads(document)
        return cls(
            {name: frozenset(roles) for name, roles in value["permissions"].items()},
            {name: frozenset(roles) for name, roles in value["groups"].items()},
        )


@dataclass(frozen=True, slots=True)
class PermissionOverrides:
    """Permissions written onto one object: its own settings, and the roles its states give to groups."""

    permissions: Mapping[str, PermissionSetting] = field(default_factory=dict)
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def document(self) -> bytes:
        """The canonical JSON form: equal settings have equal documents."""
        return orjson.dumps(
            {
                "permissions": {name: [item.acquire, list(item.roles)] for name, item in self.permissions.items()},
                "groups": {name: sorted(roles) for name, roles in self.groups.items() if roles},
            },
            option=orjson.OPT_SORT_KEYS,
        )

    @classmethod
    def from_document(cls, document: str | bytes) -> "PermissionOverrides":
        """Read what `document` wrote."""
        value = orjson.loads(document)
        return cls(
            {name: PermissionSetting(acquire, tuple(roles)) for name, (acquire, roles) in value["permissions"].items()},
            {name: frozenset(roles) for name, roles in value["groups"].items()},
        )


def root_acl(roles: Roles) -> Acl:
    """ACL of the site root, before anything is written onto it."""
    return Acl({name: frozenset(item.roles) for name, item in roles.permissions.items()})


def derive(container: Acl, settings: PermissionOverrides) -> Acl:
    """The acl of an object in a container: a setting that acquires adds its roles, one that does not replaces them."""
    permissions = dict(container.permissions)
    for name, item in settings.permissions.items():
        inherited = container.roles_with(name) if item.acquire else frozenset[str]()
        permissions[name] = frozenset(item.roles) | inherited
    groups = dict(container.groups)
    for name, granted in settings.groups.items():
        groups[name] = groups.get(name, frozenset()) | granted
    return Acl(permissions, {name: granted for name, granted in groups.items() if granted})


class AclCache:
    """The acls that a process knows by number; shared by its threads, only ever added to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_id: dict[int, Acl] = {}
        self._by_digest: dict[str, int] = {}
        self._newest = 0
        self._visible: dict[tuple[frozenset[str], frozenset[str], str], tuple[int, frozenset[int]]] = {}

    def refresh(
        self, connection: Connection, newest: int | None = None, *, without: Collection[int] = frozenset()
    ) -> None:
        """Learn the acls that other processes added; no statement when the newest one is known already.

        `without` are numbers that the connection's transaction gave itself: they are not committed and may never be.
        """
        if newest is not None and newest <= self._newest:
            return
        rows = connection.execute(select(acls.c.id, acls.c.digest, acls.c.document).where(acls.c.id > self._newest))
        for number, digest, document in rows.all():
            if number not in without:
                self._learn(number, digest, Acl.from_document(document))

    def _learn(self, number: int, digest: str, acl: Acl) -> None:
        with self._lock:
            self._by_id[number] = acl
            self._by_digest[digest] = number
            self._newest = max(self._newest, number)

    @property
    def newest(self) -> int:
        """The highest number known."""
        return self._newest

    def __getitem__(self, number: int) -> Acl:
        return self._by_id[number]

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, number: int) -> bool:
        return number in self._by_id

    def number(self, digest: str) -> int | None:
        """The number of an acl, when it is known."""
        return self._by_digest.get(digest)

    def visible(self, roles: frozenset[str], groups: frozenset[str], permission: str = VIEW) -> frozenset[int]:
        """The acls in which these roles and groups hold a permission."""
        key = (roles, groups, permission)
        newest, found = self._visible.get(key, (-1, frozenset[int]()))
        if newest != self._newest:
            with self._lock:
                items = list(self._by_id.items())
                newest = self._newest
            found = frozenset(number for number, acl in items if holds(acl, permission, roles, groups))
            if len(self._visible) > 4096:
                self._visible.clear()
            self._visible[key] = (newest, found)
        return found


def holds(acl: Acl, permission: str, roles: frozenset[str], groups: frozenset[str]) -> bool:
    """True when somebody with these roles and groups holds a permission."""
    wanted = acl.roles_with(permission)
    if "Anonymous" in wanted or not wanted.isdisjoint(roles):
        return True
    return any(not wanted.isdisjoint(acl.groups[group]) for group in groups if group in acl.groups)


def digest_of(acl: Acl) -> str:
    """The name under which an acl is stored."""
    return hashlib.sha256(acl.document()).hexdigest()


def ensure_scope(connection: Connection, tables: Mapping[str, CatalogTables], rid: int) -> None:
    """Make an object a scope, unless it is one.

    The number of statements does not depend on the objects in it, only on the scopes that some of them share.

    Raises LookupError when there is no such object.
    """
    row = connection.execute(
        select(entities.c.path, entities.c.scope).where(entities.c.rid == rid).with_for_update()
    ).first()
    if row is None:
        raise LookupError(f"there is no object with row number {rid}")
    if row.scope == rid:
        return
    inside = and_(_in(row.path), entities.c.scope == row.scope)
    nested = _nested(connection, row.path, outer=row.scope)
    shared = _shared(connection, row.path, (row.scope, *nested))
    connection.execute(update(entities).where(inside).values(scope=rid, stamp=entities.c.stamp + 1))
    _place(connection, rid, outer=row.scope, nested=nested)
    members = select(entities.c.rid).where(_in(row.path), entities.c.scope == rid)
    for catalog in tables.values():
        set_scope(connection, catalog, members, rid)
    if shared:
        _share_with(connection, tables, row.path, rid, former=row.scope, shared=shared)
    followers = scopes_referring_to(connection, nested)
    place_scopes(connection, [(rid, scope) for scope in followers])


def _in(path: str) -> ColumnElement[bool]:
    """The object at a path and everything in it; "0" is the character after "/"."""
    return or_(entities.c.path == path, and_(entities.c.path > f"{path}/", entities.c.path < f"{path}0"))


def _nested(connection: Connection, path: str, *, outer: int) -> list[int]:
    """The scopes in an object, those within others included."""
    statement = select(entities.c.rid).where(_in(path), entities.c.scope == entities.c.rid, entities.c.rid != outer)
    return list(connection.scalars(statement))


def _shared(connection: Connection, path: str, known: Collection[int]) -> list[int]:
    """The scopes of objects in an object that are no object's own."""
    found = connection.scalars(select(entities.c.scope).where(_in(path)).distinct())
    return [scope for scope in found if scope not in known]


def _share_with(
    connection: Connection, tables: Mapping[str, CatalogTables], path: str, rid: int, *, former: int, shared: list[int]
) -> None:
    """Put a new scope in the place of the former one in the scopes that objects in it share, and around the others."""
    around = list(connection.scalars(select(scope_tree.c.ancestor).where(scope_tree.c.scope == rid)))
    referred = referred_scopes(connection, shared)
    for scope in shared:
        targets = referred.get(scope, frozenset())
        target = next((item for item in targets if shared_scope(former, item) == scope), None)
        if target is None:
            place_scopes(connection, [(rid, scope)])
            continue
        new = shared_scope(rid, target)
        place_scopes(connection, [*((above, new) for above in around), *((above, -new) for above in targets)])
        moved = and_(_in(path), entities.c.scope == scope)
        connection.execute(update(entities).where(moved).values(scope=new, stamp=entities.c.stamp + 1))
        members = select(entities.c.rid).where(_in(path), entities.c.scope == new)
        for catalog in tables.values():
            set_scope(connection, catalog, members, new)


def _place(connection: Connection, rid: int, *, outer: int, nested: Iterable[int]) -> None:
    """Put a new scope between those that contain it and those that it contains."""
    for sign in (1, -1):
        outside = select(scope_tree.c.ancestor, literal(sign * rid)).where(scope_tree.c.scope == sign * outer)
        connection.execute(scope_tree.insert().from_select(["ancestor", "scope"], outside))
    inner = [{"ancestor": rid, "scope": scope} for scope in nested]
    insert_ignore(connection, scope_tree, [{"ancestor": rid, "scope": rid}, *inner])
