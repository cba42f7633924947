"""URLs of the remote interface: taken apart before anything else sees them, because they hold a secret.

A token stands in the path. The first step of the application therefore puts the path aside, and routing, logs and error
pages of the other faces only ever see where this one is.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import request

BASE: Final = "/api/v2"
_KEY: Final = "objapi.mxlive_path"
_BELOW_BASE: Final = re.compile(rb"/+api/+v2(?:/+(.*))?", re.DOTALL)
_SIGNED: Final = r"(?P<token>(?P<username>[\w-]+):[^/]+)"
_ROUTES: Final = {
    "project": re.compile(rf"{_SIGNED}/project/?"),
    "launch": re.compile(rf"{_SIGNED}/launch/(?P<beamline>[\w-]+)/(?P<session>[\w-]+)/?"),
    "close": re.compile(rf"{_SIGNED}/close/(?P<beamline>[\w-]+)/(?P<session>[\w-]+)/?"),
    "samples": re.compile(rf"{_SIGNED}/samples/(?P<beamline>[\w-]+)/?"),
    "data": re.compile(rf"{_SIGNED}/data/(?P<beamline>[\w-]+)/?"),
    "report": re.compile(rf"{_SIGNED}/report/(?P<beamline>[\w-]+)/?"),
    "accesslist": re.compile(r"accesslist/?"),
    "keys": re.compile(r"keys/(?P<username>[\w-]+)/?"),
}


@dataclass(frozen=True, slots=True)
class Called:
    """The route that a URL means and the names in it."""

    route: str
    username: str = ""
    token: str = ""
    beamline: str = ""
    session: str = ""

    def __repr__(self) -> str:
        return f"<{self.route} of {self.username!a}>"


class MaskedPaths:
    """WSGI middleware: puts paths of the remote interface aside, so that no token gets into a log."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass the request on; PATH_INFO is bytes as Latin-1 (PEP 3333)."""
        match = _BELOW_BASE.fullmatch(str(environ.get("PATH_INFO", "")).encode("latin-1"))
        if match is not None:
            environ[_KEY] = (match[1] or b"").decode("utf-8", "replace")
            environ["PATH_INFO"] = BASE
        return self._application(environ, start_response)


def read_path(path: str) -> Called | None:
    """What a path behind the base means; None when it is no route. A slash at the end may be missing."""
    for name, pattern in _ROUTES.items():
        match = pattern.fullmatch(path)
        if match is not None:
            return Called(name, **match.groupdict())
    return None


def called_path() -> str:
    """The path behind the base of the request that is being answered; it may hold a token."""
    path: str = request.environ.get(_KEY, "")
    return path


def masked(path: str) -> str:
    """A path as it may be logged: without the token."""
    first, slash, rest = path.partition("/")
    return f"{BASE}/{'***' if ':' in first else first}{slash}{rest}"
