"""The step before routing: every URL with an `@@API` in it, at whatever depth, leads to one route."""

from collections.abc import Iterable
from typing import Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import request

from objapi.api.wsgi_path import Target, split_path
from objapi.errors import BadRequest
from objapi.http.exchange import begin_exchange

ROUTE: Final = "/@@API"

_KEY: Final = "objapi.api_target"
_DOWNLOADS: Final = "at_download"


class ApiPaths:
    """WSGI middleware that notes the exchange and takes the path apart; routing sees `/@@API` or a tidied path.

    A path that cannot be taken apart leads to the API too, which answers why: what was meant is not known.
    """

    def __init__(self, application: WSGIApplication, public_url: str | None) -> None:
        self._application = application
        self._public_url = public_url

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass the request on with its target in the environment (PEP 3333: PATH_INFO is bytes as Latin-1)."""
        raw = str(environ.get("PATH_INFO", "")).encode("latin-1")
        try:
            begin_exchange(environ, raw.decode("utf-8", "replace"), self._public_url)
            target = _with_downloads(split_path(raw))
        except BadRequest as refused:
            environ[_KEY] = refused
            environ["PATH_INFO"] = ROUTE
        else:
            environ.pop(_KEY, None)
            if target.endpoint == "api":
                environ[_KEY] = target
            tidy = ROUTE if target.endpoint == "api" else "/" + "/".join(target.before)
            environ["PATH_INFO"] = tidy.encode().decode("latin-1")
        return self._application(environ, start_response)


def _with_downloads(target: Target) -> Target:
    """`<path>/at_download/NAME`, which pages have always linked to, is the method `file` of the object at that path."""
    if target.endpoint is None and len(target.before) > 1 and target.before[-2] == _DOWNLOADS:
        return Target(target.before[:-2], "api", "file", target.before[-1:])
    return target


def called_target() -> Target:
    """The target of the API call that is being answered; raises BadRequest when its path could not be taken apart."""
    target: Target | BadRequest = request.environ[_KEY]
    if isinstance(target, BadRequest):
        raise target
    return target


def name_called() -> str:
    """The name of the method that was called; empty when the URL could not be taken apart or names none."""
    target = request.environ.get(_KEY)
    return (target.method or "") if isinstance(target, Target) else ""
