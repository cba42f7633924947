"""URLs of the remote interface, removed from the request before logs and other faces see them.

A token, which is a secret, is part of the path. A WSGI middleware therefore moves the path into a variable of its own;
routing, logs and error pages of the other faces only see the base of this one.
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
class DevicePath:
    """A parsed URL: the name of its route and the names in it."""

    route: str
    username: str = ""
    token: str = ""
    beamline: str = ""
    session: str = ""

    def __repr__(self) -> str:
        return f"<{self.route} of {self.username!a}>"


class MaskedPaths:
    """WSGI middleware that hides paths of the remote interface, so that tokens stay out of logs."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass the request on; PATH_INFO is bytes as Latin-1 (PEP 3333)."""
        match = _BELOW_BASE.fullmatch(str(environ.get("PATH_INFO", "")).encode("latin-1"))
        if match is not None:
            environ[_KEY] = (match[1] or b"").decode("utf-8", "replace")
            environ["PATH_INFO"] = BASE
        return self._application(environ, start_response)


def read_path(path: str) -> DevicePath | None:
    """Parse a path below the base; None when no route matches. The slash at the end may be missing."""
    for name, pattern in _ROUTES.items():
        match = pattern.fullmatch(path)
        if match is not None:
            return DevicePath(name, **match.groupdict())
    return None


def called_path() -> str:
    """The path below the base of the current request; it may contain a token."""
    path: str = request.environ.get(_KEY, "")
    return path


def without_token(path: str) -> str:
    """A path as it may be logged, with asterisks in place of the token."""
    first, slash, rest = path.partition("/")
    return f"{BASE}/{'***' if ':' in first else first}{slash}{rest}"
