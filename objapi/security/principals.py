"""Principals: their names, and the first statement of every request, which loads the caller's roles of this moment.

One statement reads the user's row, the session or API token, the local roles of the user and of all groups together
with the scopes below those they were granted in, and the number of the newest acl, from which the store learns whether
it knows all. A change of roles, password or activity, or a token that is revoked, therefore bites at once, in every
process. For a request with an idempotency key it also finds the earlier request with that key.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, FromClause, and_, bindparam, exists, func, select

from catalog.dialect import PreparedSelect
from objapi.errors import PasswordNotEnough
from objapi.model.principal import Principal, system_principal
from objapi.model.registry import Roles
from objapi.model.token_scope import TokenScope
from objapi.security.api_tokens import TokenInUse, digest_of_token, instant
from objapi.security.sessions import Session, digest_of
from objapi.security.tables import USER_ID_LENGTH, api_tokens, memberships, second_factors, sessions, users
from objapi.store.idempotency import EarlierRequest
from objapi.store.records import from_micros
from objapi.store.schema import acls, idempotency_keys, local_roles, scope_tree

_USER_ID = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._@+-]{{0,{USER_ID_LENGTH - 1}}}")

USER_ID_RULE = f"letters without accents, digits and . _ @ + - after a letter or digit, at most {USER_ID_LENGTH}"
"""Rule for a user's id, for messages."""


def is_user_id(text: str) -> bool:
    """Test a text against the rule for a user's id."""
    return _USER_ID.fullmatch(text) is not None


GROUP_PREFIX = "group:"


def group_principal(group: str) -> str:
    """Return the name under which a group is granted local roles; a user's id has no colon, so the two never meet."""
    return f"{GROUP_PREFIX}{group}"


@dataclass(frozen=True, slots=True)
class LoadedUser:
    """A user as the database has it now. Whether the account is active is for the caller to ask."""

    principal: Principal
    email: str
    password_hash: str
    password_version: int
    active: bool
    newest_acl: int
    """The highest id in `acls`; 0: there is none."""
    session: Session | None = None
    earlier: EarlierRequest | None = None
    """The user's request that has the idempotency key with which the user was loaded, if there is one."""
    token: TokenInUse | None = None
    second_factor: bool = False
    """True for a user whose log-in takes a code beside the password; known of one who is loaded by login alone."""

    def require_no_second_factor(self) -> None:
        """Raise PasswordNotEnough for a user whose password was right and whose log-in takes a code beside it."""
        if self.second_factor:
            raise PasswordNotEnough(
                "The password alone is not enough here: this log-in takes a code of an authenticator app. Use an API "
                "token."
            )


@dataclass(frozen=True, slots=True)
class _Loader:
    """The statement that loads a user, with the names of its columns."""

    select: PreparedSelect
    names: tuple[str, ...]

    @classmethod
    def over(
        cls, source: FromClause, condition: ColumnElement[bool], columns: Sequence[ColumnElement[Any]] = ()
    ) -> "_Loader":
        """The statement over `users`, or over other tables joined to it, whose `columns` it reads as well."""
        grants = memberships.join(local_roles, local_roles.c.principal == memberships.c.principal).join(
            scope_tree, scope_tree.c.ancestor == local_roles.c.scope
        )
        newest_acl = select(func.max(acls.c.id)).scalar_subquery()
        statement = (
            select(
                users,
                newest_acl.label("newest_acl"),
                scope_tree.c.scope,
                local_roles.c.role.label("local_role"),
                *columns,
            )
            .select_from(source.outerjoin(grants, memberships.c.user_id == users.c.id))
            .where(condition)
        )
        return cls(PreparedSelect(statement), tuple(statement.selected_columns.keys()))

    def load(self, connection: Connection, roles: Roles, values: Mapping[str, str | None]) -> LoadedUser | None:
        """The user whom the statement finds; `values` are those of its parameters."""
        return _loaded(self.names, self.select.rows(connection, values), roles)


_OF_SESSION = (
    sessions.c.digest.label("session_digest"),
    sessions.c.password_version.label("session_password_version"),
    sessions.c.created.label("session_created"),
    sessions.c.expires.label("session_expires"),
    sessions.c.proved.label("session_proved"),
)
_OF_TOKEN = (
    api_tokens.c.digest.label("token_digest"),
    api_tokens.c.prefix.label("token_prefix"),
    api_tokens.c.scope.label("token_scope"),
    api_tokens.c.expires.label("token_expires"),
    api_tokens.c.last_used.label("token_last_used"),
)
_OF_EARLIER = (
    idempotency_keys.c.fingerprint.label("earlier_fingerprint"),
    idempotency_keys.c.at.label("earlier_at"),
)
_OF_LOGIN = (
    exists().where(second_factors.c.user_id == users.c.id, second_factors.c.confirmed == 1).label("has_second_factor"),
)
_WITH_KEY = and_(idempotency_keys.c.user_id == users.c.id, idempotency_keys.c.key == bindparam("key"))
_LOGIN, _SESSION = users.c.id == bindparam("login"), sessions.c.digest == bindparam("digest")
_TOKEN = api_tokens.c.digest == bindparam("digest")
_SESSIONS = sessions.join(users, users.c.id == sessions.c.user_id)
_TOKENS = api_tokens.join(users, users.c.id == api_tokens.c.user_id)
_BY_LOGIN = _Loader.over(users, _LOGIN, _OF_LOGIN)
_BY_LOGIN_AND_KEY = _Loader.over(users.outerjoin(idempotency_keys, _WITH_KEY), _LOGIN, (*_OF_LOGIN, *_OF_EARLIER))
_BY_SESSION = _Loader.over(_SESSIONS, _SESSION, _OF_SESSION)
_BY_SESSION_AND_KEY = _Loader.over(
    _SESSIONS.outerjoin(idempotency_keys, _WITH_KEY), _SESSION, (*_OF_SESSION, *_OF_EARLIER)
)
_BY_TOKEN = _Loader.over(_TOKENS, _TOKEN, _OF_TOKEN)
_BY_TOKEN_AND_KEY = _Loader.over(_TOKENS.outerjoin(idempotency_keys, _WITH_KEY), _TOKEN, (*_OF_TOKEN, *_OF_EARLIER))
_SCOPE, _LOCAL_ROLE = map(_BY_LOGIN.names.index, ("scope", "local_role"))


def command_line_user() -> LoadedUser:
    """The administrator at the command line, whom no permission is asked of; the name stands in the history."""
    return LoadedUser(system_principal("command line"), "", "", 0, True, 0)


def session_of_principal(principal: Principal) -> LoadedUser:
    """The caller whom a face knows by a token of its own, and who need not be a user of the gateway."""
    return LoadedUser(principal, "", "", 0, True, 0)


def load_by_login(connection: Connection, login: str, roles: Roles, key: str | None = None) -> LoadedUser | None:
    """The user with an id, or None. One statement; none for a text that cannot be the id of a user.

    `key`: an idempotency key, of which the earlier request is looked up.
    """
    if not is_user_id(login):
        return None
    loader = _BY_LOGIN if key is None else _BY_LOGIN_AND_KEY
    return loader.load(connection, roles, {"login": login, "key": key})


def load_by_session(
    connection: Connection, session_key: str, roles: Roles, now: datetime, key: str | None = None
) -> LoadedUser | None:
    """The user whose session has this key. One statement; none for a text that cannot be the key of a session.

    None: there is no such session, it has expired, the password was changed since it began, or the user is not active.
    `key`: an idempotency key, of which the earlier request is looked up.
    """
    digest = digest_of(session_key)
    if digest is None:
        return None
    loader = _BY_SESSION if key is None else _BY_SESSION_AND_KEY
    loaded = loader.load(connection, roles, {"digest": digest, "key": key})
    if loaded is None or loaded.session is None or not loaded.active:
        return None
    current = loaded.session.password_version == loaded.password_version and now < loaded.session.expires
    return loaded if current else None


def load_by_token(
    connection: Connection, text: str, roles: Roles, now: datetime, key: str | None = None
) -> LoadedUser | None:
    """The user who has made an API token, restricted to its scope. One statement; none for a text that is no token.

    None: there is no such token, or none any more, it has expired, or the user is not active.
    `key`: an idempotency key, of which the earlier request is looked up.
    """
    digest = digest_of_token(text)
    if digest is None:
        return None
    loader = _BY_TOKEN if key is None else _BY_TOKEN_AND_KEY
    loaded = loader.load(connection, roles, {"digest": digest, "key": key})
    if loaded is None or loaded.token is None or not loaded.active:
        return None
    expires = loaded.token.expires
    return loaded if expires is None or now < expires else None


def _loaded(names: Sequence[str], rows: Sequence[Sequence[Any]], roles: Roles) -> LoadedUser | None:
    """The user of rows that differ in scope and local role alone; `names` are those of their columns."""
    if not rows:
        return None
    user = dict(zip(names, rows[0], strict=True))
    local: defaultdict[int, set[str]] = defaultdict(set)
    referred: defaultdict[int, set[str]] = defaultdict(set)
    for row in rows:
        scope = row[_SCOPE]
        if scope is not None and scope > 0:
            local[scope].add(row[_LOCAL_ROLE])
        elif scope is not None:
            referred[-scope].add(row[_LOCAL_ROLE])
    groups = frozenset[str](orjson.loads(user["groups"]))
    principal = Principal(
        user["id"],
        user["fullname"],
        roles=frozenset({"Authenticated", *orjson.loads(user["roles"]), *roles_of_groups(groups, roles)}),
        groups=groups,
        local={scope: frozenset(held) for scope, held in local.items()},
        referred={scope: frozenset(held) for scope, held in referred.items()},
        token=_scope(user) if "token_digest" in user else None,
    )
    return LoadedUser(
        principal,
        user["email"],
        user["password_hash"],
        user["password_version"],
        bool(user["active"]),
        user["newest_acl"] or 0,
        _session(user) if "session_digest" in user else None,
        _earlier(user) if user.get("earlier_at") is not None else None,
        _token(user) if "token_digest" in user else None,
        bool(user.get("has_second_factor")),
    )


def _scope(row: Mapping[str, Any]) -> TokenScope:
    return TokenScope.from_document(row["token_prefix"], orjson.loads(row["token_scope"]))


def _token(row: Mapping[str, Any]) -> TokenInUse:
    return TokenInUse(row["token_digest"], instant(row["token_expires"]), instant(row["token_last_used"]))


def _session(row: Mapping[str, Any]) -> Session:
    return Session(
        row["session_digest"],
        row["id"],
        row["session_password_version"],
        from_micros(row["session_created"]),
        from_micros(row["session_expires"]),
        None if row["session_proved"] is None else from_micros(row["session_proved"]),
    )


def _earlier(row: Mapping[str, Any]) -> EarlierRequest:
    return EarlierRequest(row["earlier_fingerprint"], row["earlier_at"])


def roles_of_groups(groups: Iterable[str], roles: Roles) -> frozenset[str]:
    """The roles that groups give; a group that is no longer declared gives none."""
    known = (roles.groups.get(group) for group in groups)
    return frozenset(role for group in known if group is not None for role in group.roles)
