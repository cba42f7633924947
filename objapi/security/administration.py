"""Administration of users: accounts, roles, groups and local roles.

The command line and the API both come here, with a transaction: the rules of `grant_rules` hold through either door,
and whatever changes is recorded in the history.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from sqlalchemy import select

from objapi.errors import Conflict, NotFound, ValidationError
from objapi.model.registry import GroupDeclaration
from objapi.security.accounts import (
    Account,
    add_pending_user,
    add_user,
    change_user,
    find_account,
    grant_local_roles,
    list_accounts,
    local_role_problems,
    local_roles_of,
    password_version,
    principal_problems,
    revoke_local_roles,
    set_active,
    store_password,
)
from objapi.security.grant_rules import (
    MANAGER,
    check_manager_left,
    check_not_from_groups,
    check_within,
    roles_through,
    site_roles,
)
from objapi.security.password_links import PasswordLink, issue_link, void_links
from objapi.security.passwords import Passwords
from objapi.security.principals import GROUP_PREFIX, group_principal, load_by_login
from objapi.security.user_history import user_event, user_uid
from objapi.store.records import StaleWrite
from objapi.store.requests import AccessEvent, ByPath, GrantTarget, Selector
from objapi.store.schema import entities, local_roles
from objapi.store.transaction import Transaction

MANAGE_USERS: Final = "Manage users"
"""The permission, on the site's root, to manage users; Manager's unless roles.yaml gives it to others."""
MANAGE_WEBHOOKS: Final = "objapi: Manage webhooks"
"""The same, to manage webhooks."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Roles and groups to give to a user or to take; `local_roles` on the object `on` and in it.

    `principal` is a user's id or, for local roles alone, `group:` and the name of a group.
    """

    principal: str
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    local_roles: tuple[str, ...] = ()
    on: Selector | None = None


@dataclass(frozen=True, slots=True)
class LocalGrant:
    """Roles that a user or group has been granted on one object."""

    principal: str
    uid: str
    path: str
    roles: tuple[str, ...]


class UserAdministration:
    """The users and grants of a site, for a holder of the permission `Manage users`.

    Making one checks the permission, so no operation is reached without it; raises Forbidden. In a writing transaction
    all accounts are locked until its end: requests that change users come one after the other.
    """

    def __init__(self, tx: Transaction) -> None:
        # First, so that nobody without the permission makes others wait for the lock.
        tx.require_on_site(MANAGE_USERS)
        token = tx.user.token
        if token is not None and not token.manages_users:
            raise token.refusal("Users are managed by a token that names users or grants among its methods")
        self._tx = tx
        self._roles = tx.registry.roles
        self._accounts = {account.id: account for account in list_accounts(tx.connection, lock=tx.writes)}
        if tx.writes and not tx.user.unrestricted:
            self._check_caller()

    def _check_caller(self) -> None:
        """Begin the request anew when the caller's rights have changed while it waited for the lock.

        Of two users who disable each other the second would otherwise act with the rights it had before.
        """
        caller = load_by_login(self._tx.connection, self._tx.user.user_id, self._roles)
        if caller is None or not caller.active or caller.principal != replace(self._tx.user, token=None):
            raise StaleWrite

    # Reading

    @property
    def is_manager(self) -> bool:
        """True when the caller may give every role; others are held to their own, and to log-ins of persons."""
        return self._tx.user.unrestricted or MANAGER in self._tx.user.roles | self._root().roles

    def accounts(self) -> list[Account]:
        """All accounts, inactive ones included, by id."""
        return list(self._accounts.values())

    def account(self, user_id: str) -> Account:
        """One account. Raises NotFound."""
        return self._accounts.get(user_id) or find_account(self._tx.connection, user_id)

    def group(self, principal: str) -> GroupDeclaration:
        """The group of a principal, `group:` and its name. Raises NotFound."""
        group = self._roles.groups.get(principal.removeprefix(GROUP_PREFIX))
        if group is None:
            raise NotFound(f"There is no group {principal.removeprefix(GROUP_PREFIX)!r}.")
        return group

    def principals_of(self, principal: str) -> tuple[str, ...]:
        """Principals whose local roles a user has: the user's own id first, then the groups; a group's is itself.

        Raises NotFound.
        """
        if principal.startswith(GROUP_PREFIX):
            return (group_principal(self.group(principal).id),)
        account = self.account(principal)
        return (account.id, *(group_principal(group) for group in account.groups))

    def site_roles(self, account: Account) -> frozenset[str]:
        """Roles that an account has on the whole site, itself and through its groups."""
        return site_roles(account, self._roles)

    def uid_of(self, user_id: str) -> str:
        """The UID under which the history holds the changes of a user."""
        return user_uid(self._tx.site_id, user_id)

    def local_grants(self, principals: Sequence[str] | None = None, on: Selector | None = None) -> list[LocalGrant]:
        """Local roles, by path and principal: of some users and groups, on one object, or all of them.

        Those on objects that the caller may not view are left out. Raises NotFound for the object `on`.
        """
        objects = local_roles.join(entities, entities.c.rid == local_roles.c.scope)
        columns = (entities.c.uid, entities.c.path, entities.c.acl, entities.c.scope)
        statement = select(*columns, local_roles.c.principal, local_roles.c.role).select_from(objects)
        if principals is not None:
            statement = statement.where(local_roles.c.principal.in_(principals))
        if on is not None:
            statement = statement.where(local_roles.c.scope == self._tx.grant_target(on).rid)
        found: dict[tuple[str, str, str], list[str]] = {}
        for row in self._tx.connection.execute(statement):
            if self._tx.may_view(row.acl, row.scope):
                found.setdefault((row.path, row.principal, row.uid), []).append(row.role)
        return [LocalGrant(who, uid, path, tuple(sorted(roles))) for (path, who, uid), roles in sorted(found.items())]

    # Changing

    def add(self, account: Account, password: str, passwords: Passwords) -> AccessEvent:
        """Add a user with a password. Raises as `add_user` does, and Forbidden for roles beyond the caller's."""
        self.require_within(account.roles, "give")
        self._check_groups(account.groups, "give")
        tx = self._tx
        add_user(tx.connection, account, password, roles=self._roles, passwords=passwords, now=tx.now)
        self._accounts[account.id] = account
        given = {"fullname": account.fullname, "email": account.email} | _grants_of(account)
        return self.record("create", account.id, {name: (None, value) for name, value in given.items() if value})

    def add_pending(self, account: Account, *, dry_run: bool = False) -> AccessEvent:
        """Add a user without a password, who gets in by a one-time link. Raises as `add` does."""
        self.require_within(account.roles, "give")
        self._check_groups(account.groups, "give")
        tx = self._tx
        add_pending_user(tx.connection, account, roles=self._roles, now=tx.now, dry_run=dry_run)
        self._accounts[account.id] = account
        given = {"fullname": account.fullname, "email": account.email} | _grants_of(account)
        changes = {name: (None, value) for name, value in given.items() if value}
        return self.record("create", account.id, changes, dry_run=dry_run)

    def change(
        self, user_id: str, *, fullname: str | None = None, email: str | None = None, dry_run: bool = False
    ) -> list[AccessEvent]:
        """Change the name or address of a user that are not None; no event when nothing changes.

        Raises NotFound, ValidationError, and Forbidden for a user with roles beyond the caller's.
        """
        account = self.account(user_id)
        self.require_within(self.roles_at_root(account), f"change {user_id}, who has")
        after = replace(
            account,
            fullname=account.fullname if fullname is None else fullname,
            email=account.email if email is None else email,
        )
        changes: dict[str, tuple[object, object]] = {
            name: (getattr(account, name), getattr(after, name))
            for name in ("fullname", "email")
            if getattr(account, name) != getattr(after, name)
        }
        if not changes:
            return []
        change_user(self._tx.connection, after, roles=self._roles, now=self._tx.now, dry_run=dry_run)
        self._accounts[user_id] = after
        return [self.record("change", user_id, changes, dry_run=dry_run)]

    def issue_link(self, user_id: str, lifetime: timedelta) -> PasswordLink:
        """Make a one-time link by which a user sets a password; earlier ones are over.

        Raises NotFound, Conflict for a disabled user, and Forbidden for a user with roles beyond the caller's and for
        a caller who came by an API token. Of the roles that count beside a local role alone the caller needs none.
        """
        self.require_no_token()
        tx, account = self._tx, self.account(user_id)
        wanted = self.roles_at_root(account) - self._roles.scoped_roles
        self.require_within(wanted, f"make a link for the password of {user_id}, who has")
        version = password_version(tx.connection, user_id, lock=True)
        if version is None:
            raise Conflict(f"{user_id} is disabled; enable the user first.")
        link = issue_link(tx.connection, user_id, version, issuer=tx.user.user_id, now=tx.now, lifetime=lifetime)
        self.record("password_link", user_id, {})
        return link

    def store_password(self, user_id: str, password_hash: str) -> AccessEvent:
        """Give a user a new password and end the user's sessions; API tokens stay.

        Raises NotFound, and Forbidden for a user with roles beyond the caller's and for a caller who came by a token.
        """
        self.require_no_token()
        self.require_within(self.roles_at_root(self.account(user_id)), f"change the password of {user_id}, who has")
        store_password(self._tx.connection, user_id, password_hash, now=self._tx.now)
        return self.record("password", user_id, {})

    def set_active(self, user_id: str, active: bool, *, dry_run: bool = False) -> list[AccessEvent]:
        """Disable a user, whose sessions end at once, or enable one again; no event when nothing changes.

        Raises NotFound, Forbidden for a user with roles beyond the caller's, and Conflict for the last Manager.
        """
        account, event = self.account(user_id), "enable" if active else "disable"
        self.require_within(self.roles_at_root(account), f"{event} {user_id}, who has")
        if account.active == active:
            return []
        after = replace(account, active=active)
        check_manager_left(self._accounts, after, self._roles)
        if not dry_run:
            set_active(self._tx.connection, user_id, active, now=self._tx.now)
            void_links(self._tx.connection, [user_id])
        self._accounts[user_id] = after
        return [self.record(event, user_id, {"active": (account.active, active)}, dry_run=dry_run)]

    def give(self, grant: Grant, *, dry_run: bool = False) -> list[AccessEvent]:
        """Give roles, groups and local roles; what is given already brings no event.

        Raises NotFound for the user or object, ValidationError for unknown roles and groups, and Forbidden.
        """
        return self._change(grant, giving=True, dry_run=dry_run)

    def take(self, grant: Grant, *, dry_run: bool = False) -> list[AccessEvent]:
        """Take roles, groups and local roles; what was never given brings no event.

        Raises NotFound for the user or object, Conflict for a role that comes from a group and for the last Manager,
        and Forbidden.
        """
        return self._change(grant, giving=False, dry_run=dry_run)

    def _change(self, grant: Grant, *, giving: bool, dry_run: bool) -> list[AccessEvent]:
        is_group = grant.principal.startswith(GROUP_PREFIX)
        if not (grant.roles or grant.groups or grant.local_roles):
            raise ValidationError("Name a role, a group, or a local role and the object it is for.")
        if bool(grant.local_roles) != (grant.on is not None):
            raise ValidationError("A local role is granted on an object: name both.")
        if is_group and (grant.roles or grant.groups):
            raise ValidationError(
                f"{grant.principal} is a group: its roles are declared in roles.yaml; grant it local roles alone."
            )
        events = []
        # All checks come before the first write of each half; a refusal of the second undoes the first with the
        # transaction.
        if not is_group:
            events += self._change_account(grant, giving=giving, dry_run=dry_run)
        elif giving and (problems := principal_problems(grant.principal, self._roles)):
            raise ValidationError.from_causes(problems)
        if grant.on is not None:
            events += self._change_local(grant, self._tx.grant_target(grant.on), giving=giving, dry_run=dry_run)
        if giving and events and not dry_run:
            self.void_links_of_others([grant.principal])
        return events

    def void_links_of_others(self, principals: Iterable[str]) -> None:
        """Make links of who is given roles void: their makers could take what the caller gives."""
        given: list[str] = []
        for principal in principals:
            group = principal.removeprefix(GROUP_PREFIX) if principal.startswith(GROUP_PREFIX) else None
            given += [account.id for account in self._accounts.values() if group in account.groups] or [principal]
        void_links(self._tx.connection, given, but_of=self._tx.user.user_id)

    def _change_account(self, grant: Grant, *, giving: bool, dry_run: bool) -> list[AccessEvent]:
        account, verb = self.account(grant.principal), "give" if giving else "take"
        after = replace(
            account,
            roles=_changed(account.roles, grant.roles, giving=giving),
            groups=_changed(account.groups, grant.groups, giving=giving),
        )
        self.require_within(grant.roles, verb)
        self._check_groups(grant.groups, verb)
        if not giving:
            check_not_from_groups(after, grant.roles, self._roles)
            check_manager_left(self._accounts, after, self._roles)
        old, new = _grants_of(account), _grants_of(after)
        changes = {name: (old[name], new[name]) for name in old if old[name] != new[name]}
        if not changes:
            return []
        change_user(self._tx.connection, after, roles=self._roles, now=self._tx.now, dry_run=dry_run)
        self._accounts[account.id] = after
        return [self.record("grant" if giving else "revoke", account.id, changes, dry_run=dry_run)]

    def _change_local(self, grant: Grant, target: GrantTarget, *, giving: bool, dry_run: bool) -> list[AccessEvent]:
        if giving and (problems := local_role_problems(grant.local_roles, self._roles)):
            raise ValidationError.from_causes(problems)
        self.require_within(grant.local_roles, f"{'give' if giving else 'take'} on {target.path}", target.roles)
        return self._write_local(grant.principal, target, grant.local_roles, giving=giving, dry_run=dry_run)

    def give_declared(
        self, user_id: str, target: GrantTarget, roles: Sequence[str], *, dry_run: bool = False
    ) -> list[AccessEvent]:
        """Give the local roles that a declaration gives to who logs in as a person; the caller needs none of them."""
        events = self._write_local(user_id, target, roles, giving=True, dry_run=dry_run)
        if events and not dry_run:
            self.void_links_of_others([user_id])
        return events

    def _write_local(
        self, principal: str, target: GrantTarget, roles: Sequence[str], *, giving: bool, dry_run: bool
    ) -> list[AccessEvent]:
        connection = self._tx.connection
        old = local_roles_of(connection, target.rid, principal)
        new = tuple(sorted(_changed(old, roles, giving=giving)))
        if old == new:
            return []
        if not dry_run:
            if giving:
                self._tx.make_scope(target.rid)
                grant_local_roles(connection, target.rid, principal, roles)
            else:
                revoke_local_roles(connection, target.rid, principal, roles)
        event = AccessEvent(
            "grant" if giving else "revoke",
            target.rid,
            target.uid,
            target.path,
            target.portal_type,
            {"local_roles": ({principal: old}, {principal: new})},
        )
        if not dry_run:
            self._tx.record(event)
        return [event]

    # Inside

    def require_no_token(self) -> None:
        """Raise InsufficientScope for a caller who came by an API token: whoever has a link can log in."""
        if self._tx.user.token is not None:
            raise self._tx.user.token.refusal("No token sets a password, nor makes a link for one")

    def require_within(self, wanted: Iterable[str], action: str, own: frozenset[str] | None = None) -> None:
        """Raise Forbidden for roles beyond the caller's, on the site or, with `own`, on an object."""
        if not self._tx.user.unrestricted:
            # A local role on the root counts on every object, so it is one of the whole site.
            check_within(self._tx.user.roles | self._root().roles if own is None else own, wanted, action)

    def _root(self) -> GrantTarget:
        return self._tx.grant_target(ByPath("/"))

    def roles_at_root(self, account: Account) -> frozenset[str]:
        """Roles that an account has on the whole site, those granted as local roles on its root included."""
        root, principals = self._root().rid, self.principals_of(account.id)
        granted = [role for name in principals for role in local_roles_of(self._tx.connection, root, name)]
        return self.site_roles(account).union(granted)

    def _check_groups(self, groups: Iterable[str], verb: str) -> None:
        """Raise Forbidden for a group that brings roles beyond the caller's, anywhere on the site."""
        for group in groups:
            granted = self._tx.connection.scalars(
                select(local_roles.c.role).where(local_roles.c.principal == group_principal(group)).distinct()
            )
            brought = roles_through(group, self._tx.registry) | frozenset(granted)
            self.require_within(brought, f"{verb} the group {group}, which brings")

    def record(
        self, event: str, user_id: str, changes: Mapping[str, tuple[object, object]], *, dry_run: bool = False
    ) -> AccessEvent:
        """Add a change of a user to the history, unless in a dry run."""
        row = user_event(self._tx.site_id, user_id, event, changes)
        if not dry_run:
            self._tx.record(row)
        return row


def _changed(names: tuple[str, ...], wanted: Sequence[str], *, giving: bool) -> tuple[str, ...]:
    if giving:
        return tuple(dict.fromkeys((*names, *wanted)))
    return tuple(name for name in names if name not in wanted)


def _grants_of(account: Account) -> dict[str, object]:
    return {"roles": account.roles, "groups": account.groups}
