"""Who calls: the project whose key signed the URL, or the gateway itself for what nobody signs.

A signed call acts as the user of its project, with the local role Owner on that project and the role MxRemote, which
counts only there. Whatever roles an account of the same name has elsewhere play no part: a key on a beamline's disk
opens the one project and nothing else.
"""

from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import Connection, func, select

from objapi.errors import BadRequest, Forbidden, NotFound
from objapi.model.principal import Principal, system_principal
from objapi.mxlive.tokens import TimeLimits, Token
from objapi.profiles.mxlive.keys import KeyProblem, read_key
from objapi.profiles.mxlive.names import USER_NAME
from objapi.security.principals import LoadedUser
from objapi.security.tables import users
from objapi.store.schema import acls, entities

PROJECTS = "mxlive/projects"
ACTOR = "mxlive"
"""The name under which the gateway itself acts for this face."""


@dataclass(frozen=True, slots=True)
class Project:
    """A project as its row has it now."""

    uid: str
    path: str
    username: str
    scope: int
    key: str
    active: bool
    newest_acl: int


def load_project(connection: Connection, site_id: str, username: str) -> Project:
    """The project of a user, in one statement. Raises NotFound, and Forbidden for one that is not active."""
    found = None
    if USER_NAME.fullmatch(username):
        newest = select(func.max(acls.c.id)).scalar_subquery()
        columns = (entities.c[name] for name in ("uid", "path", "scope", "data", "states"))
        statement = (
            select(*columns, newest.label("newest_acl"), users.c.active)
            .select_from(entities.outerjoin(users, users.c.id == username))
            .where(entities.c.path == f"/{site_id}/{PROJECTS}/{username}")
        )
        found = connection.execute(statement).first()
    if found is None:
        raise NotFound("There is no such project.")
    states = orjson.loads(found.states).get("mx_activation_workflow", {}).get("status", {})
    active = found.active != 0 and states.get("review_state") != "inactive"
    if not active:
        raise Forbidden("The project is not active.")
    key = orjson.loads(found.data).get("key") or ""
    return Project(found.uid, found.path, username, found.scope, key, active, found.newest_acl or 0)


class SignedCaller:
    """The signer of a request. It is loaded in each of the request's transactions, at the instant the request came."""

    def __init__(self, site_id: str, username: str, token: str, now: datetime, limits: TimeLimits) -> None:
        self._site_id = site_id
        self._username = username
        self._token = token
        self._now = now
        self._limits = limits

    def load(self, connection: Connection) -> LoadedUser:
        """The project's user. Raises NotFound (404), BadRequest (400, no key yet) and Forbidden (403)."""
        project = load_project(connection, self._site_id, self._username)
        if not project.key:
            raise BadRequest("The project has no public key yet; register one first.")
        try:
            key = read_key(project.key)
        except KeyProblem:
            raise BadRequest("The key of the project cannot be used; let it be reset, and register anew.") from None
        Token.read(self._token).verify(key, self._username, self._now, self._limits)
        principal = Principal(
            project.username,
            roles=frozenset({"Authenticated", "MxRemote"}),
            local={project.scope: frozenset({"Owner"})},
        )
        return LoadedUser(principal, "", "", 0, True, project.newest_acl)


def load_gateway(connection: Connection, user_id: str = ACTOR) -> LoadedUser:
    """The gateway itself, for what it does on nobody's behalf."""
    newest = connection.scalar(select(func.max(acls.c.id))) or 0
    return LoadedUser(system_principal(user_id), "", "", 0, True, newest)
