"""The users of a content file."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from objapi.errors import Cause, ValidationError
from objapi.model.content import ContentUser
from objapi.model.registry import Registry
from objapi.security.accounts import Account, grant_local_roles, insert_user, list_accounts, local_roles_of
from objapi.security.passwords import password_problems
from objapi.security.user_history import user_event
from objapi.store.context import Recorder


def add_content_users(
    connection: Connection,
    users: Sequence[ContentUser],
    hashes: Mapping[str, str],
    objects: Mapping[str, int],
    registry: Registry,
    now: datetime,
    recorder: Recorder,
) -> tuple[str, ...]:
    """Add users with their password hashes, and grant their local roles; the users who were there before.

    Those keep their password, roles and groups. `objects` maps paths below the site to row numbers; the recorder stores
    what has changed. Raises ValidationError with every role, group and path that is unknown.
    """
    known_roles, known_groups = frozenset(registry.roles.roles), registry.roles.groups
    problems: list[Cause] = []
    for user in users:
        wrong = [
            *(f"role {role!r} is not declared" for role in user.roles if role not in known_roles),
            *(f"group {group!r} is not declared" for group in user.groups if group not in known_groups),
            *(f"local roles on {path}, where there is no object" for path in user.local_roles if path not in objects),
        ]
        problems.extend(Cause("object", user.id, f"user {user.id}: {message}.") for message in wrong)
    if problems:
        raise ValidationError.from_causes(problems)
    before = {account.id for account in list_accounts(connection)}
    for user in users:
        if user.id not in before:
            account = Account(user.id, user.fullname, user.email, True, tuple(user.roles), tuple(user.groups))
            insert_user(connection, account, hashes[user.id], now)
        granted: dict[str, list[str]] = {}
        for path, roles in user.local_roles.items():
            new = sorted(set(roles) - set(local_roles_of(connection, objects[path], user.id)))
            if new:
                grant_local_roles(connection, objects[path], user.id, new)
                granted[path] = new
        given = {"fullname": user.fullname, "email": user.email, "roles": list(user.roles), "groups": list(user.groups)}
        changed = {"local_roles": granted} if user.id in before else {**given, "local_roles": granted}
        changes: dict[str, tuple[object, object]] = {name: (None, value) for name, value in changed.items() if value}
        if changes or user.id not in before:
            event = "grant" if user.id in before else "create"
            recorder.note(user_event(recorder.site_id, user.id, event, changes))
    recorder.store(connection)
    return tuple(user.id for user in users if user.id in before)


def check_passwords(users: Sequence[ContentUser]) -> None:
    """Check the passwords of a content file by the rule for new ones. Raises ValidationError with all that break it."""
    problems = [
        Cause("object", user.id, f"user {user.id}: {cause.message}")
        for user in users
        for cause in password_problems(user.password, user.id)
    ]
    if problems:
        raise ValidationError.from_causes(problems)
