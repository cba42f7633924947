"""Which fields and indexes a user may read where: fields may have a permission of their own."""

from collections.abc import Iterator, Mapping

from catalog import CatalogSchema
from objapi.model.paths import Back, Children, Parent, Path, Target
from objapi.model.registry import CatalogDeclaration, Registry
from objapi.store.permissions.acls import Acl
from objapi.store.permissions.rights import Rights
from objapi.store.writing.dependents import made_from


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

    def index_permissions(self, catalog: str) -> Mapping[str, frozenset[str]]:
        """The indexes of a catalog that hold restricted values, with the permissions these need."""
        return self._indexes[catalog]

    def usable(self, catalog: CatalogDeclaration, rights: Rights) -> CatalogSchema:
        """The catalog as the user may query it; an index on values that he may read nowhere is an unknown name."""
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
            for portal_type in self._registry.types:
                if catalog in self._registry.catalogs_of(portal_type):
                    origin = source.of(portal_type)
                    paths = [origin] if isinstance(origin, Path) else [*source.depends] if origin is not None else []
                    if source.until is not None:
                        paths.append(source.until)
                    for path in paths:
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
