"""Users of the other laboratory: without a password, with the roles and groups that there are here."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection

from objapi.model.content import ContentUser
from objapi.pull.pull_plan import PullPlan
from objapi.pull.spool import PullMisfit, Spool
from objapi.security.accounts import list_accounts
from objapi.security.principals import USER_ID_RULE, command_line_user, is_user_id, roles_of_groups
from objapi.security.seed_users import add_content_users
from objapi.site import Site
from objapi.store.context import Recorder
from objapi.store.permissions.acls import ensure_scope
from objapi.store.records import to_micros
from objapi.store.requests import COMMAND_LINE
from objapi.store.upgrade.installing import numbers_of_paths

_NOBODYS: Final = frozenset({"Authenticated", "Anonymous"})
"""Roles that one has by being there."""
_LONGEST: Final = 255


def read_users(site: Site, spool: Spool, persons: Mapping[str, Mapping[str, tuple[str, ...]]]) -> list[ContentUser]:
    """The users that the site does not have yet; what does not fit goes to the misfits of the stage `users`.

    `persons`: user → path → roles there, as persons with a log-in give them.
    """
    spool.forget_misfits("users")
    here = {account.id.lower() for account in site.transact(list_accounts, write=False)}
    users, misfits = [], []
    for login, told in spool.users():
        if not is_user_id(login):
            misfits.append(PullMisfit(login[:_LONGEST], "user", f"allowed are {USER_ID_RULE}"))
            continue
        if login.lower() in here:
            continue
        here.add(login.lower())
        user, problems = _user(site, login, told, persons.get(login, {}))
        users.append(user)
        misfits.extend(PullMisfit(login, "user", problem) for problem in problems)
    spool.add_misfits("users", misfits)
    return users


def _user(
    site: Site, login: str, told: Mapping[str, Any], local: Mapping[str, tuple[str, ...]]
) -> tuple[ContentUser, list[str]]:
    known = site.registry.roles
    groups, roles = _names(told, "groups"), _names(told, "roles")
    own = tuple(name for name in groups if name in known.groups)
    through = roles_of_groups(own, known) | known.scoped_roles | _NOBODYS
    unknown = [
        *(f"there is no group {name[:80]!r} here" for name in groups if name not in known.groups),
        *(f"there is no role {name[:80]!r} here" for name in roles if name not in known.roles and name not in _NOBODYS),
    ]
    user = ContentUser(
        id=login,
        password="",
        fullname=_text(told, "fullname"),
        email=_text(told, "email"),
        groups=own,
        roles=tuple(name for name in roles if name in known.roles and name not in through),
        local_roles=local,
    )
    return user, unknown


def _names(told: Mapping[str, Any], key: str) -> list[str]:
    value = told.get(key)
    return list(dict.fromkeys(name for name in value if isinstance(name, str))) if isinstance(value, list) else []


def _text(told: Mapping[str, Any], key: str) -> str:
    value = told.get(key)
    return value.strip()[:_LONGEST] if isinstance(value, str) else ""


def persons_of(site: Site, plan: PullPlan, logins: Mapping[str, str]) -> dict[str, dict[str, tuple[str, ...]]]:
    """User → path of a container → roles there, of pulled persons; `logins` are those by the path of the person."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for path, login in logins.items():
        declared = site.registry.types[plan.types[path]].login
        if declared is not None and declared.local_roles:
            found.setdefault(login, {})[path.rpartition("/")[0] or "/"] = declared.local_roles
    return found


def add_users(site: Site, users: list[ContentUser]) -> None:
    """Add users whom no password lets in yet, with their local roles. Raises ValidationError, Conflict."""
    site.transact(partial(_add, site, users), write=True)


def _add(site: Site, users: list[ContentUser], connection: Connection) -> None:
    rids = numbers_of_paths(connection, {path for user in users for path in user.local_roles}, site.settings.site_id)
    for path in sorted(rids):
        ensure_scope(connection, site.context.tables, rids[path])
    now = site.now()
    recorder = Recorder(site.settings.site_id, to_micros(now), command_line_user().principal.user_id, COMMAND_LINE)
    hashes = {user.id: "" for user in users}
    add_content_users(connection, users, hashes, rids, site.registry, now, recorder)
