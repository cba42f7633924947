"""Rules for whoever changes users and grants; pure, the same for the command line and the API."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from objapi.errors import Conflict, Forbidden
from objapi.model.registry import Registry, Roles
from objapi.security.accounts import Account
from objapi.security.principals import roles_of_groups

MANAGER: Final = "Manager"


def site_roles(account: Account, roles: Roles) -> frozenset[str]:
    """Roles that an account has on the whole site, itself and through its groups."""
    return frozenset({*account.roles, *roles_of_groups(account.groups, roles)})


def check_within(own: Collection[str], wanted: Iterable[str], action: str) -> None:
    """Raise Forbidden when roles exceed those of the caller; for a Manager none does.

    `action` completes the sentence "You may not …", such as "give".
    """
    if MANAGER in own:
        return
    beyond = [role for role in dict.fromkeys(wanted) if role not in own]
    if beyond:
        named = f"the role{'s' if len(beyond) > 1 else ''} {', '.join(sorted(beyond))}"
        raise Forbidden(f"You may not {action} {named}: your own roles do not include {_them(beyond)}.")


def check_manager_left(accounts: Mapping[str, Account], after: Account, roles: Roles) -> None:
    """Raise Conflict when a change of one account leaves the site without an active Manager.

    A group that makes somebody Manager counts like the role.
    """
    before = {account.id for account in accounts.values() if _is_manager(account, roles)}
    if before == {after.id} and not _is_manager(after, roles):
        raise Conflict(
            f"{after.id} is the last active user with the role {MANAGER}; without one nobody could manage the site. "
            f"Give the role to somebody else first."
        )


def check_not_from_groups(after: Account, taken: Iterable[str], roles: Roles) -> None:
    """Raise Conflict when a role that is taken still comes from a group, which has to be taken instead."""
    for role in taken:
        groups = [group for group in after.groups if role in roles_of_groups([group], roles)]
        if groups:
            raise Conflict(
                f"{after.id} has the role {role} through the group {', '.join(groups)}; take the group instead, or too."
            )


def roles_through(group: str, registry: Registry) -> frozenset[str]:
    """Roles that a group gives: those declared, and those that states of workflows give it on objects."""
    given = set(roles_of_groups([group], registry.roles))
    for workflow in registry.workflows.values():
        for state in workflow.states.values():
            given.update(state.group_roles.get(group, ()))
    return frozenset(given)


def _is_manager(account: Account, roles: Roles) -> bool:
    return account.active and MANAGER in site_roles(account, roles)


def _them(roles: Collection[str]) -> str:
    return "them" if len(roles) > 1 else "it"
