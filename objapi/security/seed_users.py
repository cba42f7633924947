"""The users of a content file."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from objapi.errors import Cause, ValidationError
from objapi.model.content import ContentUser
from objapi.model.registry import Registry
from objapi.security.accounts import Account, grant_local_roles, insert_user


def add_content_users(
    connection: Connection,
    users: Sequence[ContentUser],
    hashes: Mapping[str, str],
    made: Mapping[str, int],
    registry: Registry,
    now: datetime,
) -> None:
    """Add users with their password hashes, and grant their local roles on objects that the same file made.

    `made` maps paths below the site to row numbers. Raises ValidationError with every role, group and path that is
    unknown.
    """
    known_roles, known_groups = frozenset(registry.roles.roles), registry.roles.groups
    problems: list[Cause] = []
    for user in users:
        wrong = [
            *(f"role {role!r} is not declared" for role in user.roles if role not in known_roles),
            *(f"group {group!r} is not declared" for group in user.groups if group not in known_groups),
            *(f"local roles on {path}, which this file does not make" for path in user.local_roles if path not in made),
        ]
        problems.extend(Cause("object", user.id, f"user {user.id}: {message}.") for message in wrong)
    if problems:
        raise ValidationError.from_causes(problems)
    for user in users:
        account = Account(user.id, user.fullname, user.email, True, tuple(user.roles), tuple(user.groups))
        insert_user(connection, account, hashes[user.id], now)
        for path, roles in user.local_roles.items():
            grant_local_roles(connection, made[path], user.id, roles)
