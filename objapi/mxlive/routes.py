"""The routes of the remote interface, and the form of their answers and errors.

The client cannot read a success other than 200, and follows redirects with another verb; so success is 200 with JSON,
a slash at the end is optional, and nothing redirects.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import orjson
from flask import Blueprint, Flask, Response, request

from objapi.errors import ApiError, MethodNotAllowed, NotFound
from objapi.http.access import API, access
from objapi.http.exchange import CALLED, current_exchange
from objapi.http.failures import as_api_error, log_failure
from objapi.mxlive.accesslists import list_users, report_connections
from objapi.mxlive.calls import PERMISSION, DeviceCall
from objapi.mxlive.keys import list_ssh_keys, register_key
from objapi.mxlive.paths import BASE, DevicePath, MaskedPaths, called_path, read_path, without_token
from objapi.mxlive.sessions import close, launch, list_samples
from objapi.mxlive.uploads import add_data, add_report
from objapi.site import Site

_JSON: Final = "application/json"


def _json(value: object) -> Response:
    return Response(orjson.dumps(value), mimetype=_JSON)


def _register(call: DeviceCall) -> Response:
    # A project with a key answers 304, as the original does: the client then goes on with the key that it has.
    return _json({}) if register_key(call) else Response(status=304)


def _ssh_keys(call: DeviceCall) -> Response:
    return Response(list_ssh_keys(call), mimetype="text/plain")


def _answering(function: Callable[[DeviceCall], object]) -> Callable[[DeviceCall], Response]:
    return lambda call: _json(function(call))


@dataclass(frozen=True, slots=True)
class DeviceRoute:
    """The functions that answer one URL, by verb, and the permission that the signing project needs for it."""

    permission: str | None
    """None: calls are not signed, and act as the gateway itself."""
    verbs: Mapping[str, Callable[[DeviceCall], Response]]

    @property
    def allowed(self) -> tuple[str, ...]:
        """The verbs, OPTIONS included."""
        return (*self.verbs, "OPTIONS")


ROUTES: Final[Mapping[str, DeviceRoute]] = MappingProxyType(
    {
        "project": DeviceRoute(None, {"POST": _register}),
        "launch": DeviceRoute(PERMISSION, {"POST": _answering(launch)}),
        "close": DeviceRoute(PERMISSION, {"POST": _answering(close)}),
        "samples": DeviceRoute(PERMISSION, {"GET": _answering(list_samples), "HEAD": _answering(list_samples)}),
        "data": DeviceRoute(PERMISSION, {"POST": _answering(add_data)}),
        "report": DeviceRoute(PERMISSION, {"POST": _answering(add_report)}),
        "accesslist": DeviceRoute(
            None,
            {
                "GET": _answering(list_users),
                "HEAD": _answering(list_users),
                "POST": _answering(report_connections),
            },
        ),
        "keys": DeviceRoute(None, {"GET": _ssh_keys, "HEAD": _ssh_keys}),
    }
)


def attach_mxlive(application: Flask, site: Site) -> None:
    """Let an application answer the remote interface of its site. Call it last: its
    middleware must see every request first.
    """
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
    request.environ[CALLED] = names.route
    if request.method == "OPTIONS":
        response = _json({})
        response.headers["Allow"] = ", ".join(route.allowed)
        return response
    answer = route.verbs.get(request.method)
    if answer is None:
        raise MethodNotAllowed("This URL is not called with that HTTP verb.", allowed=route.allowed)
    return answer(_call(site, names))


def _call(site: Site, names: DevicePath) -> DeviceCall:
    """The call with its body. Raises RequestEntityTooLarge before a body beyond the limit is read whole."""
    request.max_content_length = site.settings.mxlive_max_body_size
    body = request.get_data(cache=False) if request.method == "POST" else b""
    exchange = current_exchange()
    return DeviceCall(
        site=site,
        names=names,
        body=body,
        root=exchange.root,
        source=exchange.source,
        now=site.now(),
    )


def _answer_failure(error: Exception) -> Response:
    """The answer to an error: one sentence. The error is logged once, without the token."""
    answered: ApiError = as_api_error(error)
    log_failure(
        error,
        answered,
        request_id=current_exchange().request_id,
        method=request.method,
        path=without_token(called_path()),
    )
    response = Response(orjson.dumps({"message": answered.message}), answered.status, mimetype=_JSON)
    response.headers.update(answered.headers)
    return response
