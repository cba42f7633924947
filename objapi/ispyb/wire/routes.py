"""Routes, declared once each: method, path, who may call, what comes in, what goes out.

A `Group` collects the routes of one subject. Its decorators leave the function as it is, so one function may stand
behind several routes. `access` has no default: a route cannot be declared without saying who may call it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any, Final, TypeVar

import marshmallow as mm

from objapi.ispyb import API_ROOT
from objapi.ispyb.values.schema import Property, Schema, optional, reader_of, required
from objapi.ispyb.values.types import DAY, INT, JOINED_IDS, TEXT, ScalarType, integer
from objapi.ispyb.wire.call import Call
from objapi.ispyb.wire.response import AnswerType, Paged
from objapi.store.row_requests import WriteAuthority

Handler = Callable[[Call], Any]
_Handler = TypeVar("_Handler", bound=Handler)

_PARAMETER: Final = re.compile(r"\{(\w+)(?::(\w+))?\}")
_PATH_KINDS: Final[Mapping[str | None, ScalarType]] = {
    None: TEXT,
    "int": INT,
    "day": DAY,
    "ids": JOINED_IDS,
}

PAGING: Final[Mapping[str, Property]] = {
    "skip": optional(integer(least=0), 0),
    "limit": optional(integer(above=0), 25),
}


class Door(Enum):
    """Places of the caller's token in a request."""

    NONE = "no token is asked for"
    BEARER = "the Authorization header, or a one-time token in the query"
    PATH = "the path's parameter `token`"
    QUERY = "the query's parameter `token`"


@dataclass(frozen=True, slots=True)
class RouteAccess:
    """Condition on callers of a route: the door, and permissions of which one is needed (none: any person)."""

    door: Door
    any_of: tuple[str, ...] = ()


ANYBODY: Final = RouteAccess(Door.NONE)
BEARER: Final = RouteAccess(Door.BEARER)


def holder(*permissions: str, door: Door = Door.BEARER) -> RouteAccess:
    """Holders of any one of the permissions."""
    return RouteAccess(door, permissions)


@dataclass(frozen=True)
class IspybRoute:
    """One declared route. `path` is below the API's root, its parameters in braces."""

    method: str
    path: str
    group: str
    access: RouteAccess
    handler: Handler
    query: Mapping[str, Property]
    body: Schema | None
    answer: AnswerType
    status: int
    writes: WriteAuthority | None
    """The tables it writes; None: a transaction that may not write."""
    deferred: bool
    """True if it writes in transactions of its own, once that in which it answers is over."""
    content_type: str = "application/json"

    @property
    def rule(self) -> str:
        """The path as a rule of Werkzeug's routing, in which every parameter is text."""
        return API_ROOT + _PARAMETER.sub(r"<\1>", self.path)

    @property
    def published_path(self) -> str:
        """The path as it is described: below the server's root, without the kinds of its parameters."""
        return API_ROOT + _PARAMETER.sub(r"{\1}", self.path)

    @property
    def path_parameters(self) -> dict[str, Property]:
        """The parameters of the path, text unless they are written `{name:int}`, `{name:day}` or `{name:ids}`."""
        return {name: required(_PATH_KINDS[kind or None]) for name, kind in _PARAMETER.findall(self.path)}

    @property
    def query_parameters(self) -> Mapping[str, Property]:
        """The parameters of the query, the token included where that is one."""
        return {**self.query, "token": required(TEXT)} if self.access.door is Door.QUERY else self.query

    @cached_property
    def path_reader(self) -> mm.Schema:
        """Reader of the parameters of the path, which checks them."""
        return reader_of("path", self.path_parameters)

    @cached_property
    def query_reader(self) -> mm.Schema:
        """Reader of the parameters of the query, which checks them."""
        return reader_of("query", self.query_parameters)

    @property
    def summary(self) -> str:
        """One sentence: the first line of the function's docstring."""
        return (self.handler.__doc__ or "").strip().partition("\n")[0]


@dataclass
class Group:
    """The routes of one subject; `switch` names the option that takes them all away when it was false at start."""

    title: str
    switch: str | None = None
    routes: list[IspybRoute] = field(default_factory=list)

    def route(
        self,
        method: str,
        path: str,
        *,
        access: RouteAccess,
        query: Mapping[str, Property] | None = None,
        body: Schema | None = None,
        answer: AnswerType = None,
        status: int = 200,
        writes: WriteAuthority | None = None,
        deferred: bool = False,
        content_type: str = "application/json",
    ) -> Callable[[_Handler], _Handler]:
        """Decorator: declare a route of which the function is the answer.

        `writes` are the tables that it writes, which every route but GET declares; `deferred` says that it writes in
        transactions of its own. A paged `answer` brings the query parameters skip and limit along.
        Raises TypeError for a route that does not declare its access, what it writes, or a summary.
        """
        if not isinstance(access, RouteAccess):
            raise TypeError(f"{method} {path} does not declare who may call it")
        if (method != "GET") is not isinstance(writes, WriteAuthority):
            raise TypeError(f"{method} {path} does not declare what it writes, which all routes but GET do")
        parameters = dict(query or {}) | (dict(PAGING) if isinstance(answer, Paged) and answer.chosen else {})

        def declare(handler: _Handler) -> _Handler:
            if not handler.__doc__:
                raise TypeError(f"{method} {path} has no summary: give its function a docstring")
            self.routes.append(
                IspybRoute(
                    method=method,
                    path=path,
                    group=self.title,
                    access=access,
                    handler=handler,
                    query=parameters,
                    body=body,
                    answer=answer,
                    status=status,
                    writes=writes,
                    deferred=deferred,
                    content_type=content_type,
                )
            )
            return handler

        return declare

    def get(self, path: str, *, access: RouteAccess, **options: Any) -> Callable[[_Handler], _Handler]:
        """Decorator: declare a GET route; options as for `route`."""
        return self.route("GET", path, access=access, **options)

    def post(self, path: str, *, access: RouteAccess, **options: Any) -> Callable[[_Handler], _Handler]:
        """Decorator: declare a POST route; options as for `route`."""
        return self.route("POST", path, access=access, **options)

    def patch(self, path: str, *, access: RouteAccess, **options: Any) -> Callable[[_Handler], _Handler]:
        """Decorator: declare a PATCH route; options as for `route`."""
        return self.route("PATCH", path, access=access, **options)

    def delete(self, path: str, *, access: RouteAccess, **options: Any) -> Callable[[_Handler], _Handler]:
        """Decorator: declare a DELETE route; options as for `route`."""
        return self.route("DELETE", path, access=access, **options)
