"""Rights of one user: on objects, by acl and scope, and on fields and indexes that have permissions of their own."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, insert, select

from catalog import CatalogSchema
from objapi.model.dependents import made_from
from objapi.model.paths import Back, Children, Parent, Path, Target
from objapi.model.principal import Principal
from objapi.model.registry import CatalogDeclaration, Registry
from objapi.store.permissions.acls import VIEW, Acl, AclCache, digest_of, holds
from objapi.store.schema import acls


class TransactionAcls:
    """ACLs as one transaction sees them: those of the cache, and its own that are not committed yet."""

    def __init__(self, cache: AclCache, connection: Connection) -> None:
        self._cache = cache
        self._connection = connection
        self._own: dict[int, Acl] = {}
        self._own_numbers: dict[str, int] = {}
        self._unstored: dict[int, Acl] = {}

    def __getitem__(self, number: int) -> Acl:
        own = self._own.get(number) if number > 0 else self._unstored.get(number)
        if own is not None:
            return own
        if number not in self._cache:
            # Committed by another request after this one began.
            self._refresh()
        return self._cache[number]

    def __len__(self) -> int:
        return len(self._cache) + len(self._own)

    def add_unstored(self, acl: Acl) -> int:
        """A number, below 0, by which an acl that is not stored is known in this transaction."""
        number = -1 - len(self._unstored)
        self._unstored[number] = acl
        return number

    def numbers(self, wanted: Iterable[Acl]) -> dict[str, int]:
        """Digest → number of each wanted acl; what is new is stored.

        A number is one more than the highest: of two requests that add one at the same time the primary key stops the
        second, which then runs again.
        """
        by_digest = {digest_of(acl): acl for acl in wanted}
        # Another process may have stored them since the cache was filled; asking is cheaper than a key that is taken.
        if any(self._number(digest) is None for digest in by_digest):
            self._refresh()
        missing = sorted(digest for digest in by_digest if self._number(digest) is None)
        if missing:
            highest = self._connection.scalar(select(func.coalesce(func.max(acls.c.id), 0))) or 0
            self._own_numbers.update((digest, highest + place) for place, digest in enumerate(missing, start=1))
            self._own.update((self._own_numbers[digest], by_digest[digest]) for digest in missing)
            rows = [
                {"id": self._own_numbers[digest], "digest": digest, "document": by_digest[digest].document().decode()}
                for digest in missing
            ]
            self._connection.execute(insert(acls), rows)
        found = {digest: self._number(digest) for digest in by_digest}
        return {digest: number for digest, number in found.items() if number is not None}

    def _number(self, digest: str) -> int | None:
        own = self._own_numbers.get(digest)
        return self._cache.number(digest) if own is None else own

    def _refresh(self) -> None:
        self._cache.refresh(self._connection, without=self._own)

    def visible(self, roles: frozenset[str], groups: frozenset[str], permission: str = VIEW) -> frozenset[int]:
        """The acls in which these roles and groups hold a permission."""
        found = self._cache.visible(roles, groups, permission)
        if not self._own:
            return found
        return found | {number for number, acl in self._own.items() if holds(acl, permission, roles, groups)}


@dataclass(frozen=True, slots=True)
class Rights:
    """Rights of one user, by acl and scope of an object."""

    principal: Principal
    acls: TransactionAcls
    scoped_roles: frozenset[str]
    _held: dict[tuple[str, int, int], tuple[Acl, bool]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )
    """Permission, identity of an acl, scope → the acl, which keeps its identity while it is here, and the answer."""

    def roles_in(self, scope: int, permission: str | None = None) -> frozenset[str]:
        """The roles the user has on an object of a scope; a scoped role counts only beside a local one.

        Local roles on what the object refers to for its access count for View; for all else the scoped ones alone do.
        """
        principal = self.principal
        local = self._local_roles(scope, permission)
        return principal.roles - self.scoped_roles if local is None else principal.roles | local

    def _local_roles(self, scope: int, permission: str | None) -> frozenset[str] | None:
        """The local roles in a scope, by reference too; None: the user has none, so that scoped roles do not count."""
        principal = self.principal
        local, referred = principal.local.get(scope), principal.referred.get(scope)
        if referred is None:
            return local or None
        counting = referred if permission == VIEW else referred & self.scoped_roles
        return counting if local is None else local | counting

    def roles_on(self, acl: Acl, scope: int) -> frozenset[str]:
        """The roles the user has on an object, those that its state gives to the user's groups included."""
        granted = [acl.groups[group] for group in self.principal.groups if group in acl.groups]
        return self.roles_in(scope).union(*granted)

    def may(self, permission: str, acl: Acl, scope: int) -> bool:
        """True when the user holds a permission on an object."""
        if self.principal.unrestricted:
            return True
        # A batch asks for each of its objects, and most share acl and scope.
        place = (permission, id(acl), scope)
        known = self._held.get(place)
        if known is None:
            held = holds(acl, permission, self.roles_in(scope, permission), self.principal.groups)
            known = self._held[place] = (acl, held)
        return known[1]

    def acls_with(self, permission: str) -> tuple[frozenset[int], tuple[tuple[tuple[int, ...], frozenset[int]], ...]]:
        """ACLs under which the user holds a permission: those that suffice anywhere, and (scopes, acls) together."""
        principal = self.principal
        everywhere = self.acls.visible(principal.roles - self.scoped_roles, principal.groups, permission)
        by_roles: dict[frozenset[str], list[int]] = {}
        for scope in principal.local.keys() | principal.referred.keys():
            local = self._local_roles(scope, permission)
            if local is not None:
                by_roles.setdefault(local, []).append(scope)
        scoped = []
        for local, scopes in by_roles.items():
            more = self.acls.visible(principal.roles | local, principal.groups, permission) - everywhere
            if more:
                scoped.append((tuple(sorted(scopes)), more))
        return everywhere, tuple(scoped)

    def sees_all(self, permission: str) -> bool:
        """True when the user holds a permission under every acl, so that no row has to be left out."""
        if self.principal.unrestricted:
            return True
        everywhere = self.acls.visible(self.principal.roles - self.scoped_roles, self.principal.groups, permission)
        return len(everywhere) == len(self.acls)


class FieldAccess:
    """The read permissions of a site's fields, and what follows from them for catalogs."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.by_type: Mapping[str, Mapping[str, frozenset[str]]] = {
            portal_type: {
                name: needed
                for name in entity_type.fields
                if (needed := frozenset(self._permissions_along(portal_type, Path((), name), 0)))
            }
            for portal_type, entity_type in registry.types.items()
        }
        """Type → field → the permissions that reading it needs: its own, and those of what it is made from."""
        self.types_of: Mapping[str, tuple[str, ...]] = {
            name: tuple(portal_type for portal_type in registry.types if catalog in registry.catalogs_of(portal_type))
            for name, catalog in registry.catalogs.items()
        }
        """Catalog → the types that it holds."""
        self._indexes = {name: self._restricted_indexes(catalog) for name, catalog in registry.catalogs.items()}

    def hidden(self, portal_type: str, acl: Acl, scope: int, rights: Rights) -> frozenset[str]:
        """The fields of an object that the user may not read."""
        needed = self.by_type[portal_type]
        if not needed or rights.principal.unrestricted:
            return frozenset()
        return frozenset(
            name
            for name, permissions in needed.items()
            if not all(rights.may(permission, acl, scope) for permission in permissions)
        )

    def is_readable(self, portal_type: str, name: str, rights: Rights) -> bool:
        """True for a field of a type that the user may read on some object, by the permissions there are."""
        if name not in self._registry.types[portal_type].fields:
            return False
        needed = self.by_type[portal_type].get(name, frozenset())
        return rights.principal.unrestricted or all(_anywhere(rights, permission) for permission in needed)

    def index_permissions(self, catalog: str) -> Mapping[str, frozenset[str]]:
        """The indexes of a catalog that hold restricted values, with the permissions these need."""
        return self._indexes[catalog]

    def usable(self, catalog: CatalogDeclaration, rights: Rights) -> CatalogSchema:
        """The catalog as the user may query it; an index on values that they may read nowhere is unknown."""
        if rights.principal.unrestricted:
            return catalog.schema.without(catalog.hidden)
        closed = {
            name
            for name, permissions in self._indexes[catalog.name].items()
            if not all(_anywhere(rights, permission) for permission in permissions)
        }
        return catalog.schema.without(catalog.hidden | closed)

    def _restricted_indexes(self, catalog: CatalogDeclaration) -> dict[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {}
        for name, source in catalog.sources.items():
            permissions: set[str] = set()
            for portal_type in self.types_of[catalog.name]:
                for path in source.paths(portal_type):
                    permissions.update(self._permissions_along(portal_type, path, 0))
            if permissions:
                found[name] = frozenset(permissions)
        return found

    def _permissions_along(self, portal_type: str, path: Path, depth: int) -> Iterator[str]:
        if depth > 8 or path.attribute is None:
            return
        types = {portal_type}
        for step in path.steps:
            types = {following for name in types for following in self._beyond(name, step)}
        for name in types:
            field = self._registry.types[name].fields.get(path.attribute)
            if field is not None and field.read_permission is not None:
                yield field.read_permission
            for source in made_from(self._registry.types[name], path.attribute):
                yield from self._permissions_along(name, source, depth + 1)

    def _beyond(self, portal_type: str, step: Parent | Children | Target | Back) -> tuple[str, ...]:
        known = self._registry.types
        match step:
            case Parent():
                names: tuple[str, ...] = tuple(known[portal_type].containers)
            case Children(types):
                names = types
            case Back(source, _):
                names = (source,)
            case Target(field):
                declared = known[portal_type].fields.get(field)
                names = declared.targets if declared is not None else ()
        return tuple(name for name in names if name in known)


def _anywhere(rights: Rights, permission: str) -> bool:
    everywhere, scoped = rights.acls_with(permission)
    return bool(everywhere or scoped)
