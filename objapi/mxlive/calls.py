"""One call of a device, the project that signed it, and the transactions in which it is carried out.

A signed call acts as the user of its project, with the local role Owner on that project and the role MxRemote, which
counts only there. Whatever roles an account of the same name has outside of it do not count: a key on a beamline's disk
opens the one project and nothing else. Unsigned calls act as the gateway itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import orjson
from sqlalchemy import Connection, func, select

from objapi.errors import BadRequest, Forbidden, NotFound
from objapi.model.principal import Principal, system_principal
from objapi.mxlive.paths import DevicePath
from objapi.mxlive.proxy import DataProxy
from objapi.mxlive.tokens import BadToken, TimeLimits, Token
from objapi.profiles.mxlive.keys import KeyProblem, read_key
from objapi.profiles.mxlive.names import USER_NAME
from objapi.security.failed_log_ins import count_failure
from objapi.security.principals import LoadedUser
from objapi.security.tables import users
from objapi.settings import Settings
from objapi.site import Site
from objapi.store.records import to_micros
from objapi.store.requests import ByPath, CreateItem, RequestSource
from objapi.store.schema import acls, entities
from objapi.store.transaction import Transaction

PERMISSION = "MxLIVE: Use Remote API"
_Result = TypeVar("_Result")
PROJECTS = "mxlive/projects"
ACTOR = "mxlive"
"""The name under which the gateway itself acts for this face."""


@dataclass(frozen=True, slots=True)
class SigningProject:
    """A project, its key and state, as loaded from its row."""

    uid: str
    path: str
    username: str
    scope: int
    key: str
    active: bool
    newest_acl: int


def load_project(connection: Connection, site_id: str, username: str) -> SigningProject:
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
    return SigningProject(found.uid, found.path, username, found.scope, key, active, found.newest_acl or 0)


class SignedCaller:
    """The signer of a request, loaded in each of its transactions; tokens are judged at the time of the request."""

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
            by_device=True,
        )
        return LoadedUser(principal, "", "", 0, True, project.newest_acl)


def load_gateway(connection: Connection, user_id: str = ACTOR) -> LoadedUser:
    """The gateway itself, for calls that nobody signed."""
    newest = connection.scalar(select(func.max(acls.c.id))) or 0
    return LoadedUser(system_principal(user_id), "", "", 0, True, newest)


@dataclass(frozen=True, slots=True)
class DeviceCall:
    """A request as received; `root` is the URL of the server."""

    site: Site
    names: DevicePath
    body: bytes
    root: str
    source: RequestSource
    now: datetime

    @property
    def settings(self) -> Settings:
        """The settings of the site."""
        return self.site.settings

    @property
    def proxy(self) -> DataProxy:
        """The data proxy of the site."""
        return DataProxy(self.settings.mxlive_data_proxy, self.settings.mxlive_proxy_timeout)

    @property
    def limits(self) -> TimeLimits:
        """The permitted age of a token."""
        return TimeLimits(self.settings.mxlive_token_age, self.settings.mxlive_clock_lead)

    @property
    def project_path(self) -> str:
        """The path of the signing project below the site."""
        return f"/{PROJECTS}/{self.names.username}"

    def signed(self, work: Callable[[Transaction], _Result], *, write: bool) -> _Result:
        """Run `work` in one transaction as the user of the project that signed. Raises Forbidden."""
        caller = SignedCaller(self.settings.site_id, self.names.username, self.names.token, self.now, self.limits)

        def carry_out(tx: Transaction) -> _Result:
            tx.require(PERMISSION)
            return work(tx)

        try:
            return self.run(caller.load, carry_out, write=write)
        except BadToken:
            # Of a project that there is, whose name is that of its user.
            name, address, at = self.names.username, self.source.address, to_micros(self.now)

            def count(connection: Connection) -> None:
                count_failure(connection, "signature", name, address, at, is_known=True)

            self.site.transact(count, write=True)
            raise

    def run(
        self, load: Callable[[Connection], LoadedUser], work: Callable[[Transaction], _Result], *, write: bool
    ) -> _Result:
        """Run `work` in one transaction of the user that `load` returns."""
        return self.site.run(load, work, write=write, source=self.source)

    def log(self, tx: Transaction, action: str, description: str, touched: tuple[str, str, str]) -> None:
        """Add an entry to the project's activity; `touched` are type, id and title of what it is about."""
        portal_type, object_id, title = touched
        values = {
            "project": self.project_path,
            "action_type": action,
            "description": description,
            "ip_number": self.source.address,
            "object_type": portal_type,
            "object_id": object_id,
            "object_title": title,
        }
        tx.create([CreateItem("MxActivityLog", ByPath(self.project_path), values)])
