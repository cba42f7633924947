"""Routing of the `@@API` face: every URL with an `@@API` in its path, at any depth, leads to one route."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import request

from objapi.errors import BadRequest
from objapi.http.exchange import EARLY_REFUSAL, begin_exchange, current_request

ROUTE: Final = "/@@API"

_ENDPOINTS: Final = frozenset({"@@API", "API"})
_KEY: Final = "objapi.api_target"
_DOWNLOADS: Final = "at_download"


@dataclass(frozen=True, slots=True)
class ApiTarget:
    """The path of a URL in its segments: `before` the endpoint, the API `method`, and the `rest` behind it.

    Without an endpoint all segments are `before`. `method` is None when the path ends with the endpoint.
    """

    before: tuple[str, ...]
    endpoint: Literal["api"] | None = None
    method: str | None = None
    rest: tuple[str, ...] = ()


def split_path(path_info: bytes) -> ApiTarget:
    """Take a percent-decoded path apart at the last `@@API` or `API` that a method follows.

    Doubled and trailing slashes count as one and none. Raises BadRequest for what is not UTF-8, holds NUL or has a
    `..` segment: no client needs them, and behind a proxy they reach other places than they seem to.
    """
    try:
        path = path_info.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest("The path of the URL is not valid UTF-8.") from None
    if "\0" in path:
        raise BadRequest("The path of the URL holds a NUL character.")
    segments = tuple(segment for segment in path.split("/") if segment)
    if ".." in segments:
        raise BadRequest("The path of the URL holds a '..' segment; send the whole path.")
    # From the right: a folder may be called API, and the names behind the method (a type called API) are its own.
    for place in range(len(segments) - 2, -1, -1):
        if segments[place] in _ENDPOINTS and segments[place + 1] not in _ENDPOINTS:
            return ApiTarget(segments[:place], "api", segments[place + 1], segments[place + 2 :])
    if segments and segments[-1] in _ENDPOINTS:
        return ApiTarget(segments[:-1], "api")
    return ApiTarget(segments)


class ApiPaths:
    """WSGI middleware that notes the exchange and takes the path apart; routing sees `/@@API` or a tidied path.

    A path that cannot be taken apart leads to the API too, which answers the reason. `others` are roots of faces that
    take the path of the exchange apart themselves: whatever is below one is routed to it, and it answers the reason.
    `below` are faces below the endpoint, by the segments that begin their URLs behind it. Where a path begins with one
    of `site_aliases`, the site is meant.
    """

    def __init__(
        self,
        application: WSGIApplication,
        public_url: str | None,
        others: Sequence[str] = (),
        *,
        below: Mapping[tuple[str, ...], str] = MappingProxyType({}),
        site_id: str = "",
        site_aliases: Collection[str] = (),
    ) -> None:
        self._application = application
        self._public_url = public_url
        self._others = others
        self._below = below
        self._site_id = site_id
        self._site_aliases = frozenset(site_aliases) - {site_id}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass the request on with its target in the environment (PEP 3333: PATH_INFO is bytes as Latin-1)."""
        raw = str(environ.get("PATH_INFO", "")).encode("latin-1")
        path = raw.decode("utf-8", "replace")
        other = next((root for root in self._others if path == root or path.startswith(f"{root}/")), None)
        environ.pop(_KEY, None)
        try:
            begin_exchange(environ, path, self._public_url)
            target = _with_downloads(self._with_site(split_path(raw)))
        except BadRequest as refused:
            environ[EARLY_REFUSAL if other else _KEY] = refused
            environ["PATH_INFO"] = other or ROUTE
            return self._application(environ, start_response)
        if target.endpoint == "api" and not other:
            environ[_KEY] = target
            environ["PATH_INFO"] = self._route_of(target)
        else:
            tidy = other or "/" + "/".join(target.before)
            environ["PATH_INFO"] = tidy.encode().decode("latin-1")
        return self._application(environ, start_response)

    def _route_of(self, target: ApiTarget) -> str:
        """The route of the endpoint, or of a face below it."""
        segments = (target.method or "", *target.rest)
        for beginning, route in self._below.items():
            if segments[: len(beginning)] == beginning:
                return route
        return ROUTE

    def _with_site(self, target: ApiTarget) -> ApiTarget:
        """The target below the site where its path begins with another name of it."""
        before = target.before
        known = bool(before) and before[0] in self._site_aliases
        return replace(target, before=(self._site_id, *before[1:])) if known else target


def _with_downloads(target: ApiTarget) -> ApiTarget:
    """`<path>/at_download/NAME`, which pages have always linked to, is the method `file` of the object at that path."""
    if target.endpoint is None and len(target.before) > 1 and target.before[-2] == _DOWNLOADS:
        return ApiTarget(target.before[:-2], "api", "file", target.before[-1:])
    return target


def called_target() -> ApiTarget:
    """The target of the API call that is being answered; raises BadRequest when its path could not be taken apart."""
    target: ApiTarget | BadRequest = current_request().environ[_KEY]
    if isinstance(target, BadRequest):
        raise target
    return target


def name_called() -> str:
    """The name of the method that was called; empty when the URL could not be taken apart or names none."""
    target = request.environ.get(_KEY)
    return (target.method or "") if isinstance(target, ApiTarget) else ""
