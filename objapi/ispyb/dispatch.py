"""One request from its path to its response, with the checks in the order that clients rely on.

The path (404, 405), a broken JSON body (422), the characters of a one-time token (422), the token (401), the permission
(403), all faults of parameters and body together (422), then the route itself.
"""

import logging
import re
from typing import Any, Final

from flask import Request, Response, request
from sqlalchemy import exc

from objapi.errors import ApiError, Cause, ValidationError
from objapi.http.exchange import CALLED, CALLER, Exchange, current_exchange
from objapi.http.failures import as_api_error, log_failure
from objapi.http.visitors import current_visitors
from objapi.ispyb.auth.caller import Caller, principal_of
from objapi.ispyb.auth.login import caller_of_user
from objapi.ispyb.auth.tokens import use_onetime_token
from objapi.ispyb.database import connection_of
from objapi.ispyb.face import Face
from objapi.ispyb.values.errors import Fault, Invalid, NotAuthenticated, NotAuthorized, PlacedFault, Refusal
from objapi.ispyb.wire.call import Call
from objapi.ispyb.wire.request import Read, read_body, read_onetime, read_request
from objapi.ispyb.wire.response import Later, json_response, respond
from objapi.ispyb.wire.routes import Door, IspybRoute
from objapi.ispyb.wire.routing import Matched, Moved
from objapi.ispyb.wire.services import Services
from objapi.model.token_scope import ISPYB
from objapi.security.api_tokens import MARK
from objapi.store.requests import RequestSource
from objapi.store.transaction import Transaction

_METHODS: Final = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
_TOKEN_IN_PATH: Final = re.compile("(/legacy/)[^/]+")
_PREFLIGHT_SECONDS: Final = "600"

_log = logging.getLogger("objapi.ispyb")


def answer(face: Face) -> Response:
    """The response to the request at hand, refusals and failures included."""
    exchange = current_exchange()
    request.max_content_length = face.services.settings.max_body_size
    if face.services.settings.ispyb_cors and request.method == "OPTIONS" and "Origin" in request.headers:
        return _shared(Response("OK", content_type="text/plain; charset=utf-8"))
    try:
        response = _answer(face, request, exchange)
    except Refusal as refusal:
        response = json_response({"detail": refusal.detail}, refusal.status, refusal.headers)
    except ValidationError as error:
        response = _unfit(error)
    except exc.DataError as error:
        _log.info("%s value refused by the database: %s", exchange.request_id, error)
        response = json_response({"detail": "A value does not fit where it is stored."}, 400)
    except Exception as error:  # noqa: BLE001 - the outermost place; whatever it is gets logged and answered
        response = _failure(error, exchange)
    return _finished(face, response)


def answer_failure(face: Face, error: Exception) -> Response:
    """The response to a request that was refused before it came to its route."""
    return _finished(face, _failure(error, current_exchange()))


def _finished(face: Face, response: Response) -> Response:
    """The response, shared with pages of other origins where the site allows that and such a page asks."""
    return _shared(response) if face.services.settings.ispyb_cors and "Origin" in request.headers else response


def _unfit(error: ValidationError) -> Response:
    """Values that columns cannot hold: each with its column, as a fault of the body."""
    unfit = [cause for cause in error.causes if cause.kind == "field" and cause.code in ("invalid", "required")]
    if not unfit:
        return json_response({"detail": error.message}, 400)
    return json_response({"detail": [_fault_of(cause).as_dict() for cause in unfit]}, 422)


def _fault_of(cause: Cause) -> PlacedFault:
    text = cause.message.removeprefix(f"{cause.name}: ")
    return Fault(text, "value_error.column").at(("body", cause.name))


def _answer(face: Face, request: Request, exchange: Exchange) -> Response:
    found = face.routing.find(request.method, exchange.path)
    if isinstance(found, Moved):
        query = request.query_string.decode("latin-1")
        location = exchange.url_of(found.path) + (f"?{query}" if query else "")
        return Response(status=307, headers={"Location": location})
    route = found.route
    request.environ[CALLED] = f"{route.method} {route.path}"
    caller, read = _checked(face, request, exchange, found)
    values = _run(face.services, route, caller, read, exchange.source)
    if isinstance(values, Later):
        values = values.work()
    return respond(values, route.answer, route.status)


def _checked(face: Face, request: Request, exchange: Exchange, found: Matched) -> tuple[Caller | None, Read]:
    """The caller and the values of a request that may go on to its route."""
    route = found.route
    body = read_body(request, route)
    onetime, faults = read_onetime(request, route)
    if faults or (route.access.door is Door.QUERY and "token" not in request.args):
        raise Invalid([*faults, *read_request(request, route, found.path, body).faults])
    caller = _caller(face.services, request, exchange, found, onetime)
    if caller is not None:
        request.environ[CALLER] = caller.login
    wanted = route.access.any_of
    if wanted and (caller is None or not any(caller.may(permission) for permission in wanted)):
        raise NotAuthorized
    read = read_request(request, route, found.path, body)
    if read.faults:
        raise Invalid(read.faults)
    return caller, read


def _caller(
    services: Services, request: Request, exchange: Exchange, found: Matched, onetime: str | None
) -> Caller | None:
    door = found.route.access.door
    if door is Door.NONE:
        return None
    if door is Door.PATH:
        return services.tokens.caller(found.path["token"])
    if door is Door.QUERY:
        return services.tokens.caller(request.args["token"])
    header = request.headers.get("Authorization", "")
    if not header and onetime is not None:
        caller = services.database.run(
            lambda tx: use_onetime_token(connection_of(tx), onetime, exchange.path, services.database.now()),
            write=True,
            source=exchange.source,
        )
        return services.tokens.checked(caller)
    scheme, _, token = header.partition(" ")
    if token.lstrip().startswith(MARK) and scheme.lower() == "bearer":
        return _gateway_caller(services, request, found.route)
    if scheme.lower() != "bearer" or not token:
        raise NotAuthenticated("No token provided.")
    if scheme != "Bearer":
        raise NotAuthenticated("Invalid authentication scheme.")
    return services.tokens.caller(token.strip())


def _gateway_caller(services: Services, request: Request, route: IspybRoute) -> Caller:
    """The person of the gateway's user whose API token it is. Raises InsufficientScope for a route out of its scope."""
    visitor = current_visitors().visitor(request, takes_tokens=True)
    user = visitor.require_authenticated()
    visitor.renew()
    if user.principal.token is not None:
        user.principal.token.require_call(ISPYB, acts=route.writes is not None)
        user.principal.token.require_all_objects("Routes of py-ISPyB cannot be held to some objects")
    return caller_of_user(services.database, user)


def _run(services: Services, route: IspybRoute, caller: Caller | None, read: Read, source: RequestSource) -> Any:
    def work(transaction: Transaction) -> Any:
        now, body = services.database.now(), dict(read.body)
        return route.handler(Call(services, transaction, now, read.path, read.query, body, caller, source))

    authority = None if route.deferred else route.writes
    return services.database.run(
        work, write=authority is not None, user=principal_of(caller), source=source, authority=authority
    )


def loggable_path(path: str) -> str:
    """A path as it may be logged, with asterisks in place of the token that old clients put into it."""
    return _TOKEN_IN_PATH.sub(r"\1***", path)


def _failure(error: Exception, exchange: Exchange) -> Response:
    answered: ApiError = as_api_error(error)
    path = loggable_path(exchange.path)
    log_failure(error, answered, request_id=exchange.request_id, method=request.method, path=path)
    return json_response({"detail": answered.message}, answered.status, answered.headers)


def _shared(response: Response) -> Response:
    """The response, readable by pages of any origin: tokens are sent as headers, never by the browser on its own."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = "*"
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = _METHODS
        asked = request.headers.get("Access-Control-Request-Headers", "")
        response.headers["Access-Control-Allow-Headers"] = asked or "*"
        response.headers["Access-Control-Max-Age"] = _PREFLIGHT_SECONDS
    return response
