"""Admission of whoever has logged in at the provider: which user it is, a new one perhaps, with the roles of groups."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from objapi.errors import Conflict, SignOnFailed
from objapi.model.principal import system_principal
from objapi.security.accounts import Account, change_user, find_account, password_version
from objapi.security.administration import UserAdministration
from objapi.security.grant_rules import check_manager_left
from objapi.security.password_links import take_link, void_links
from objapi.security.principals import USER_ID_RULE, LoadedUser, is_user_id, session_of_principal
from objapi.security.sign_on.links import add_link, user_of_subject
from objapi.security.sign_on.provider_account import ProviderAccount
from objapi.store.transaction import Transaction

ACTOR: Final = "sign-on"
"""Who makes users and gives roles, in the history."""


@dataclass(frozen=True, slots=True)
class GroupGrant:
    """What members of a group of the provider have here: a role, or membership in a group of the gateway."""

    claimed: str
    kind: str
    """`role` or `group`."""
    name: str


@dataclass(frozen=True, slots=True)
class Admission:
    """Whom a site admits, and what its provider's groups give."""

    makes_users: bool
    user_claim: str
    groups_claim: str
    grants: tuple[GroupGrant, ...] = ()


def actor() -> LoadedUser:
    """The user in whose name a log-in makes users and gives roles."""
    return session_of_principal(system_principal(ACTOR))


def admit(tx: Transaction, identity: ProviderAccount, rules: Admission) -> tuple[str, int]:
    """The user whom an account of the provider is linked to, with the roles of this moment's groups.

    Returns the id and the version of the password. Where the rules say so, somebody who is linked to nobody becomes a
    new user. To be called as `actor`. Raises SignOnFailed for whoever is not admitted, and Conflict when the last
    Manager would lose the role.
    """
    connection = tx.connection
    user_id = user_of_subject(connection, identity.issuer, identity.subject)
    if user_id is None:
        user_id = _new_user(tx, identity, rules)
    elif password_version(connection, user_id) is not None:
        _follow_groups(tx, find_account(connection, user_id), identity, rules)
    version = password_version(connection, user_id, lock=True)
    if version is None:
        raise SignOnFailed(f"The user {user_id} is disabled.")
    return user_id, version


def link_invited(tx: Transaction, key: str, identity: ProviderAccount) -> None:
    """Use a one-time link of the acting user up: not for a password, but to log in by the provider from now on.

    Raises NotFound when it has been used meanwhile, and Conflict when the account is another user's; the link stays
    good then.
    """
    add_link(tx, tx.user.user_id, identity.issuer, identity.subject)
    take_link(tx, key)


def _new_user(tx: Transaction, identity: ProviderAccount, rules: Admission) -> str:
    known_as = f"your account at {identity.issuer} ({identity.subject[:100]})"
    if not rules.makes_users:
        raise SignOnFailed(f"No user of this site is linked to {known_as}. Ask its administrator for a one-time link.")
    user_id = identity.text(rules.user_claim)
    if not is_user_id(user_id):
        raise SignOnFailed(
            f"{rules.user_claim} of {known_as}, {user_id!r}, cannot be a user's id here; allowed are {USER_ID_RULE}."
        )
    # A name may have been somebody else's: nobody gets a user, or rows of another database, by the name alone.
    taken = SignOnFailed(f"There is somebody named {user_id} here already, not linked to {known_as}. Ask for a link.")
    if tx.knows_in_tables(user_id):
        raise taken
    account = _with_groups(Account(user_id, identity.text("name"), identity.text("email")), identity, rules)
    try:
        UserAdministration(tx).add_pending(account)
    except Conflict:
        raise taken from None
    add_link(tx, user_id, identity.issuer, identity.subject)
    return user_id


def _follow_groups(tx: Transaction, account: Account, identity: ProviderAccount, rules: Admission) -> None:
    """Give and take what the groups of the provider say; what none of them gives is left to the administrator."""
    after = _with_groups(account, identity, rules)
    changes: Mapping[str, tuple[object, object]] = {
        name: (getattr(account, name), getattr(after, name))
        for name in ("roles", "groups")
        if set(getattr(account, name)) != set(getattr(after, name))
    }
    if not changes:
        return
    roles = tx.registry.roles
    administration = UserAdministration(tx)
    check_manager_left({known.id: known for known in administration.accounts()}, after, roles)
    change_user(tx.connection, after, roles=roles, now=tx.now)
    gains = any(set(getattr(after, name)) - set(getattr(account, name)) for name in changes)
    if gains:
        # Whoever has made a one-time link could use it, and must not come to what its user is given now.
        void_links(tx.connection, [account.id])
    administration.record("grant" if gains else "revoke", account.id, changes)


def _with_groups(account: Account, identity: ProviderAccount, rules: Admission) -> Account:
    member_of = identity.names(rules.groups_claim)
    names: dict[str, tuple[str, ...]] = {}
    for kind, had in (("role", account.roles), ("group", account.groups)):
        managed = {grant.name for grant in rules.grants if grant.kind == kind}
        given = [grant.name for grant in rules.grants if grant.kind == kind and grant.claimed in member_of]
        names[kind] = tuple(dict.fromkeys([name for name in had if name not in managed] + given))
    return replace(account, roles=names["role"], groups=names["group"])
