"""Where a user's roles on objects come from: the log-in, the account, groups, local grants, and states of workflows."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import select

from objapi.errors import NotFound
from objapi.model.principal import Principal
from objapi.security.accounts import Account, find_account
from objapi.security.principals import GROUP_PREFIX, group_principal
from objapi.store.access_requests import ObjectAccess
from objapi.store.records import chunks
from objapi.store.schema import entities, local_roles, scope_tree
from objapi.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class RoleOrigin:
    """One way by which a user has a role on an object.

    `origin`: `login` (who is logged in has it), `user` (given on the whole site), `group` (by a group, on the whole
    site), `local` (granted on an object at or above this one), `reference` (granted on what it refers to for its
    access), or `state` (given to a group by its state). `path` is empty where the asker may not see the object.
    """

    role: str
    origin: str
    group: str = ""
    path: str = ""
    uid: str = ""
    counts: bool = True
    """False for a role that counts beside a local role alone, and for its holder has none here."""


_Grants: TypeAlias = Mapping[int, Sequence[RoleOrigin]]


class RoleOrigins:
    """The origins of the roles of one user on some objects."""

    def __init__(self, tx: Transaction, user: Principal) -> None:
        self._tx = tx
        self._user = user
        self._roles = tx.registry.roles

    def of(self, found: Sequence[ObjectAccess]) -> list[tuple[RoleOrigin, ...]]:
        """The origins on each object, in a constant number of statements."""
        everywhere = self._everywhere()
        local = self._local({access.scope for access in found})
        return [self._of_one(access, everywhere, local.get(access.scope, ())) for access in found]

    def _of_one(
        self, access: ObjectAccess, everywhere: Sequence[RoleOrigin], local: Sequence[RoleOrigin]
    ) -> tuple[RoleOrigin, ...]:
        by_state = [
            RoleOrigin(role, "state", group=group) for group, roles in access.by_state.items() for role in sorted(roles)
        ]
        counted = [
            RoleOrigin(item.role, item.origin, item.group, counts=item.role in access.roles) for item in everywhere
        ]
        return (*counted, *local, *by_state)

    def _everywhere(self) -> list[RoleOrigin]:
        account = self._account()
        groups = [self._roles.groups[group] for group in account.groups if group in self._roles.groups]
        found = [
            *(RoleOrigin(role, "user") for role in account.roles),
            *(RoleOrigin(role, "group", group=group.id) for group in groups for role in group.roles),
        ]
        known = {item.role for item in found}
        return [*(RoleOrigin(role, "login") for role in sorted(self._user.roles - known)), *found]

    def _account(self) -> Account:
        try:
            return find_account(self._tx.connection, self._user.user_id)
        except NotFound:
            # A face may know a caller by a token of its own, who is no user of the gateway.
            return Account(self._user.user_id, "", "", True, (), tuple(sorted(self._user.groups)))

    def _local(self, scopes: set[int]) -> _Grants:
        """Scope of objects → local roles that the user has there."""
        principals = [self._user.user_id, *map(group_principal, sorted(self._user.groups))]
        found: defaultdict[int, list[RoleOrigin]] = defaultdict(list)
        granted = local_roles.join(scope_tree, scope_tree.c.ancestor == local_roles.c.scope)
        columns = (scope_tree.c.scope.label("place"), local_roles.c.principal, local_roles.c.role)
        place = (entities.c.uid, entities.c.path, entities.c.acl, entities.c.scope)
        for chunk in chunks(sorted({*scopes, *(-scope for scope in scopes)})):
            statement = (
                select(*columns, *place)
                .select_from(granted.join(entities, entities.c.rid == local_roles.c.scope))
                .where(scope_tree.c.scope.in_(chunk), local_roles.c.principal.in_(principals))
                .order_by(entities.c.path, local_roles.c.principal, local_roles.c.role)
            )
            for row in self._tx.connection.execute(statement):
                is_seen = self._tx.may_view(row.acl, row.scope) and self._reaches(row.path)
                found[abs(row.place)].append(
                    RoleOrigin(
                        row.role,
                        "local" if row.place > 0 else "reference",
                        row.principal.removeprefix(GROUP_PREFIX) if row.principal != self._user.user_id else "",
                        row.path if is_seen else "",
                        row.uid if is_seen else "",
                    )
                )
        return found

    def _reaches(self, path: str) -> bool:
        """True for an object that the token of the asker, if there is one, reaches by its path."""
        token = self._tx.user.token
        return token is None or not token.limits_objects or (token.path is not None and path.startswith(token.path))
