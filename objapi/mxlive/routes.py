"""The routes of the remote interface, and how their answers and failures look.

The client takes any status below 400 other than 200 for an answer it cannot read, and follows redirects with another
verb; so success is 200 with JSON, a missing slash at the end is no matter, and nothing redirects.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import orjson
from flask import Blueprint, Flask, Response, request

from objapi.errors import ApiError, MethodNotAllowed, NotFound
from objapi.http.access import API, access
from objapi.http.exchange import current_exchange
from objapi.http.failures import as_api_error, log_failure
from objapi.mxlive.accesslists import list_ssh_keys, list_users, report_connections
from objapi.mxlive.calls import Call
from objapi.mxlive.datasets import add_data
from objapi.mxlive.paths import BASE, Called, MaskedPaths, called_path, masked, read_path
from objapi.mxlive.registering import register_key
from objapi.mxlive.reports import add_report
from objapi.mxlive.samples import list_samples
from objapi.mxlive.sessions import close, launch
from objapi.site import Site

_JSON: Final = "application/json"


def _json(value: object) -> Response:
    return Response(orjson.dumps(value), mimetype=_JSON)


def _register(call: Call) -> Response:
    # Told 304, the client keeps its key as if it had been taken; that is what it has always been told.
    return _json({}) if register_key(call) else Response(status=304)


def _ssh_keys(call: Call) -> Response:
    return Response(list_ssh_keys(call), mimetype="text/plain")


def _answering(function: Callable[[Call], object]) -> Callable[[Call], Response]:
    return lambda call: _json(function(call))


@dataclass(frozen=True, slots=True)
class Route:
    """What answers which verb of one URL."""

    verbs: Mapping[str, Callable[[Call], Response]]

    @property
    def allowed(self) -> tuple[str, ...]:
        """The verbs, OPTIONS included."""
        return (*self.verbs, "OPTIONS")


ROUTES: Final[Mapping[str, Route]] = MappingProxyType(
    {
        "project": Route({"POST": _register}),
        "launch": Route({"POST": _answering(launch)}),
        "close": Route({"POST": _answering(close)}),
        "samples": Route({"GET": _answering(list_samples), "HEAD": _answering(list_samples)}),
        "data": Route({"POST": _answering(add_data)}),
        "report": Route({"POST": _answering(add_report)}),
        "accesslist": Route(
            {
                "GET": _answering(list_users),
                "HEAD": _answering(list_users),
                "POST": _answering(report_connections),
            }
        ),
        "keys": Route({"GET": _ssh_keys, "HEAD": _ssh_keys}),
    }
)


def attach_mxlive(application: Flask, site: Site) -> None:
    """Let an application answer the remote interface of its site. Called last, so that it sees every request first."""
    blueprint = Blueprint("mxlive", __name__)

    @blueprint.route(BASE, methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    @access(API)
    def call_mxlive() -> Response:
        return _answer(site)

    blueprint.register_error_handler(Exception, _answer_failure)
    application.register_blueprint(blueprint)
    application.wsgi_app = MaskedPaths(application.wsgi_app)  # type: ignore[method-assign]


def _answer(site: Site) -> Response:
    names = read_path(called_path())
    if names is None or "MxProject" not in site.registry.types:
        raise NotFound("There is nothing at this URL.")
    route = ROUTES[names.route]
    if request.method == "OPTIONS":
        response = _json({})
        response.headers["Allow"] = ", ".join(route.allowed)
        return response
    answer = route.verbs.get(request.method)
    if answer is None:
        raise MethodNotAllowed("This URL is not called with that HTTP verb.", allowed=route.allowed)
    return answer(_call(site, names))


def _call(site: Site, names: Called) -> Call:
    """The call with its body; one that is larger than allowed is refused before it is read whole."""
    request.max_content_length = site.settings.mxlive_max_body_size
    body = request.get_data(cache=False) if request.method == "POST" else b""
    exchange = current_exchange()
    return Call(
        site=site,
        names=names,
        body=body,
        address=request.remote_addr or "",
        root=exchange.root,
        request_id=exchange.request_id,
        now=site.now(),
    )


def _answer_failure(error: Exception) -> Response:
    """Whatever went wrong, in one sentence, logged once and without the token."""
    answered: ApiError = as_api_error(error)
    log_failure(
        error,
        answered,
        request_id=current_exchange().request_id,
        method=request.method,
        path=masked(called_path()),
    )
    response = Response(orjson.dumps({"message": answered.message}), answered.status, mimetype=_JSON)
    response.headers.update(answered.headers)
    return response
