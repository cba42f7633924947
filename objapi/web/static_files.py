"""Files that the pages load: scripts and styles built from `objapi/web/frontend/`, the same for everybody."""

import json
import re
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from objapi.http.access import PUBLIC, access
from objapi.http.exchange import current_exchange

ROOT: Final = "/static"

_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "ts": "text/plain; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}
# The name of such a file holds a digest of what is in it: another content has another name.
_NAMED_BY_CONTENT: Final = re.compile(r".+-[A-Z0-9]{8}\.\w+")
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_ASKED_EACH_TIME: Final = "public, no-cache"


def make_static_blueprint() -> Blueprint:
    """The blueprint of the files, at the root of the server. Other sites may load the client of the API from here."""
    static = Blueprint("static_files", __name__)

    @static.get(f"{ROOT}/<name>")
    @access(PUBLIC)
    def send_file(name: str) -> Response:
        """A file by its name."""
        found = _files().get(name)
        if found is None:
            raise NotFound
        content, tag = found
        response = Response(content, content_type=_TYPES[name.rpartition(".")[2]])
        response.set_etag(tag)
        response.headers["Cache-Control"] = _FOR_EVER if _NAMED_BY_CONTENT.fullmatch(name) else _ASKED_EACH_TIME
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.make_conditional(request)
        return response

    return static


@cache
def built() -> Mapping[str, tuple[str, ...]]:
    """The files of each part of the console: `console` for those of every page, and a page's own by its name."""
    parts = json.loads(_folder().joinpath("parts.json").read_text(encoding="utf-8"))
    return MappingProxyType({name: tuple(paths) for name, paths in parts.items()})


def static_url(name: str) -> str:
    """The URL of a file, without scheme and host."""
    return f"{urlsplit(current_exchange().root).path}{ROOT}/{name}"


@cache
def _files() -> Mapping[str, tuple[bytes, str]]:
    """Every file with its tag, by name: no other one can be asked for."""
    found = {}
    for place in _folder().iterdir():
        if place.name.rpartition(".")[2] in _TYPES:
            content = place.read_bytes()
            found[place.name] = (content, sha256(content).hexdigest()[:32])
    return MappingProxyType(found)


def _folder() -> Traversable:
    return files("objapi.web").joinpath("static")
