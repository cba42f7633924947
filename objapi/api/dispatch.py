"""The road of a call from URL to answer: verb, caller, permission, parameters, method, envelope, in this order."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import orjson
from flask import Blueprint, Request, Response, current_app
from flask.sansio.blueprints import BlueprintSetupState
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.routing import Rule

from objapi.api import responses
from objapi.api.bodies import SentBody, sent_body, unread_problem
from objapi.api.event_calls import EventCall, asks_for_events
from objapi.api.idempotency import fingerprint, keyed_answer
from objapi.api.method import Method, MethodCall
from objapi.api.methods import METHODS
from objapi.api.methods.trials import trial_of
from objapi.api.parameters import Controls, has_json_body, read_controls, read_form
from objapi.api.signers import refuse_secrets_in_url
from objapi.api.waiting import WaitingCall
from objapi.errors import (
    ApiError,
    BadRequest,
    CrossSite,
    MethodNotAllowed,
    TooLarge,
    UnknownMethod,
    combine,
)
from objapi.http.access import API, access
from objapi.http.endpoint import ROUTE, ApiTarget, called_target, name_called
from objapi.http.event_streams import EventStreams
from objapi.http.exchange import CALLED, EARLY_REFUSAL, current_exchange, current_request
from objapi.http.failures import as_api_error, log_failure
from objapi.http.forms.marshalling import Form
from objapi.http.headers import answer_preflight, refuse_cross_site
from objapi.http.keyed_requests import HEADER, KeyedRequest, request_key
from objapi.http.ranges import NO_CONDITIONS, FileConditions
from objapi.http.signers import PASSWORD, SECOND_FACTOR, proven_signer, sign_with
from objapi.http.trail_watch import TrailWatch
from objapi.http.visitors import Visitor, current_visitor
from objapi.security.signers import ProvenSigner
from objapi.settings import Settings
from objapi.site import Site
from objapi.store.idempotency import RequestKey
from objapi.store.requests import Plan
from objapi.store.transaction import Transaction

TRAIL_WATCH: Final = "objapi.trail_watch"
"""The key, among the application's extensions, of what numbers requests and tells who waits for them."""

EVENT_STREAMS: Final = "objapi.event_streams"
"""The key of the streams of events among the application's extensions."""

SITE: Final = "objapi.site"
"""The key of the site among the application's extensions."""

_SAFE: Final = ("GET", "HEAD")
"""Verbs whose answers a client may have already."""

# Bytes of a body that are parsed before the caller is known.
_PARSED_FOR_ANYBODY: Final = 64 * 1024

_SENDS_FILE: Final = "objapi.sends_file"
"""The key under which the WSGI environment says that the answer is a file."""

_HAS_JSON_BODY: Final = "objapi.has_json_body"
"""The key under which the WSGI environment says that the body was read as JSON, whatever it was called."""

blueprint: Final = Blueprint("api", __name__)


@blueprint.record
def add_route(state: BlueprintSetupState) -> None:
    """Add the one route of the endpoint. It takes every verb, so that a wrong one is refused in the envelope too."""
    endpoint = f"{blueprint.name}.{call_api.__name__}"
    state.app.url_map.add(Rule(ROUTE, endpoint=endpoint, methods=None))
    state.app.view_functions[endpoint] = call_api


def answer_for_page(name: str, query: Mapping[str, object]) -> bytes:
    """The answer of a reading method to the visitor of the page that is being made.

    `query` is what a JSON body would hold; `name` may have segments behind the method (`types/Batch`). Raises what the
    method raises.
    """
    called, *rest = name.split("/")
    target = ApiTarget((), "api", called, tuple(rest))
    _, method = _method_called(target)
    site: Site = current_app.extensions[SITE]
    form = read_form("POST", b"", "application/json", orjson.dumps(query), site.settings)
    controls = read_controls(method.controls, form)
    if controls.problems:
        raise combine([problem.as_error() for problem in controls.problems])
    response = _run_for_visitor(current_request(), site, method, target, current_visitor(), _Parameters(controls))
    return response.get_data()


@access(API)
def call_api() -> Response:
    """The view of every URL with the endpoint in it, for all verbs.

    Cheap checks come before dear ones, and nothing of a body is parsed for a caller that a header already refuses.
    """
    target, request = called_target(), current_request()
    name, method = _method_called(target)
    request.environ[CALLED] = method.name
    # A preflight carries no credentials, so it is answered before a caller is asked for.
    if request.method == "OPTIONS":
        return answer_preflight(request, (*method.verbs, "OPTIONS"))
    if request.method not in method.verbs:
        raise MethodNotAllowed(
            f"{name} is not called with {request.method[:20]}; use {' or '.join(method.verbs)}.", allowed=method.verbs
        )
    site: Site = current_app.extensions[SITE]
    # A method open to all looks at no credentials: wrong ones must not keep a monitor from the version.
    if method.run_open is not None:
        controls = _read_parameters(request, method, site.settings, is_open=True).controls()
        return responses.respond(method.run_open(_call(request, site.settings, target, controls)))
    visitor = current_visitor()
    if request.method in method.writing_verbs:
        refuse_cross_site(request, current_exchange(), visitor.kind, site.settings.allowed_origins)
    # Parsing a long body costs memory and time, which no stranger may spend; a short one costs less than the log-in.
    if request.method == "POST" and _is_long(request):
        visitor.require_authenticated()
    return _run_for_visitor(request, site, method, target, visitor, _read_parameters(request, method, site.settings))


def _method_called(target: ApiTarget) -> tuple[str, Method]:
    """The method of a URL, with the name it was called by. Raises UnknownMethod, which lists all names."""
    name = target.method or ""
    method = METHODS.get(name)
    if method is None or len(target.rest) > method.tail:
        asked = "/".join((name, *target.rest))
        raise UnknownMethod(
            f"There is no method {asked[:100]!r}; there are {', '.join(METHODS)}."
            if asked
            else f"The URL names no method; there are {', '.join(METHODS)}."
        )
    return name, method


def _is_long(request: Request) -> bool:
    """True for a long body, and for one whose length is not declared."""
    length = request.content_length
    return (length is None and "Transfer-Encoding" in request.headers) or (length or 0) > _PARSED_FOR_ANYBODY


@dataclass(frozen=True, slots=True)
class _Parameters:
    """The parameters of a request as they were read, or the error for which they could not be.

    They are read before the transaction, which then holds its locks for a shorter time; a refusal waits until the
    caller has proved access, so that a stranger learns nothing from it.
    """

    read: Controls | ApiError
    key: RequestKey | None = None
    """The key under which a request that changes something is done once."""

    def controls(self) -> Controls:
        """The parameters; raises the error for which they could not be read."""
        if isinstance(self.read, ApiError):
            raise self.read
        return self.read


def _read_parameters(request: Request, method: Method, settings: Settings, *, is_open: bool = False) -> _Parameters:
    """The parameters of this request, those of the query string alone when the method is open to all.

    A body larger than the site allows is refused before it is read whole. A method that acts refuses what it would
    have to drop of a request; any other warns.
    """
    body = b""
    if request.method == "POST" and not is_open:
        body = _body(request, settings.max_body_size)
    try:
        sent = _sent_body(request, body)
        request.environ[_HAS_JSON_BODY] = sent.type.kind == "json"
        if request.method in method.writing_verbs:
            if sent.problem:
                raise sent.as_error()
            if "If-Match" in request.headers and not method.honours_if_match:
                raise BadRequest(f"{method.name} does not look at the version of an object; send it without If-Match.")
        verb = "GET" if is_open else request.method
        query, content_type = request.query_string, request.content_type
        form = read_form(verb, query, content_type, body, settings, method.whole_batches, sent.type)
        controls = read_controls(method.controls, form)
        if controls.problems:
            raise combine([problem.as_error() for problem in controls.problems])
        if method.exports(controls):
            request.environ[_SENDS_FILE] = True
        if method.secret_parameters & controls.sent:
            refuse_secrets_in_url(method, controls, settings)
        key = _request_key(request, method, controls, form)
    except ApiError as refusal:
        return _Parameters(refusal)
    return _Parameters(replace(controls, notes=(sent.problem,)) if sent.problem else controls, key)


def _request_key(request: Request, method: Method, controls: Controls, form: Form) -> RequestKey | None:
    """The idempotency key of a request that changes something; None without one. Raises BadRequest."""
    sent = request.headers.get(HEADER)
    if sent is None or not method.changes(request.method, controls):
        return None
    segments = (method.name, *called_target().rest)
    meant = {name: value for name, value in form.items() if name.removesuffix("[]") not in method.secret_parameters}
    return request_key(sent, fingerprint(request.method, segments, request.headers.get("If-Match"), meant))


def _body(request: Request, most: int) -> bytes:
    """The body of this request. Raises TooLarge before one beyond the limit is read whole."""
    request.max_content_length = most
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise TooLarge(
            f"The body has more than {most} bytes, the limit of this site (its setting OBJAPI_MAX_BODY_SIZE)."
        ) from None


def _sent_body(request: Request, body: bytes) -> SentBody:
    """The body of this request; that of another verb than POST is not looked into, and its presence is a problem."""
    sent = sent_body(request.method, request.content_type, body)
    if request.method != "POST" and ((request.content_length or 0) > 0 or "Transfer-Encoding" in request.headers):
        return replace(sent, problem=unread_problem(request.method, request.mimetype), unread=True)
    return sent


def _run_for_visitor(
    request: Request, site: Site, method: Method, target: ApiTarget, visitor: Visitor, parameters: _Parameters
) -> Response:
    """Carry a method out in one transaction of the visitor, whose first statement loads the user."""
    run, streamed = method.runner(parameters.read)
    proven: ProvenSigner | None = None
    if isinstance(parameters.read, Controls) and method.secret_parameters & parameters.read.sent:
        sent = parameters.read
        proven = proven_signer(site, visitor, sent.text(PASSWORD), sent.text(SECOND_FACTOR), parameters.key)

    def require_access(tx: Transaction) -> None:
        tx.require(tx.registry.roles.api_permission)
        if tx.user.token is not None:
            tx.user.token.require_call(method.name, acts=acts)

    def admit(tx: Transaction) -> MethodCall:
        require_access(tx)
        controls = parameters.controls()
        _require_own_token(visitor, controls)
        if method.secret_parameters and (proof := proven or visitor.recent_proof()) is not None:
            sign_with(tx, visitor, proof)
        return _call(request, site.settings, target, controls, visitor, may_act=may_act)

    may_act = request.method in method.writing_verbs
    acts = may_act and not (isinstance(parameters.read, Controls) and not method.acts(request.method, parameters.read))
    if method.events is not None and asks_for_events(request):
        streams: EventStreams = current_app.extensions[EVENT_STREAMS]
        return EventCall(site, streams, method, visitor, require_access, admit).respond(request)
    if parameters.key is not None:
        keyed = KeyedRequest(site, visitor, parameters.key, admit, lambda call, tx: keyed_answer(method, run(call, tx)))
        done = keyed.answer()
        return responses.answered(responses.Answer(done.status, done.body, done.headers))
    if streamed:
        with visitor.counting_failures():
            reply = site.stream(visitor.load, lambda tx: run(admit(tx), tx))
        visitor.renew()
        return responses.respond(reply)
    if method.reads_trail and visitor.kind != "none":
        seconds = method.waits(parameters.read) if isinstance(parameters.read, Controls) else 0
        if seconds:
            watch: TrailWatch = current_app.extensions[TRAIL_WATCH]
            return WaitingCall(site, watch, method, visitor, admit, run).respond(seconds)
        site.number_requests()
    # What only asks what would happen keeps nobody from writing meanwhile, nor does what will be refused.
    write = isinstance(parameters.read, Controls) and method.changes(request.method, parameters.read)
    source = current_exchange().source
    with visitor.counting_failures():
        reply = site.run(visitor.load, lambda tx: run(admit(tx), tx), write=write, source=source)
    visitor.renew()
    if method.tagged and request.method in _SAFE:
        return responses.respond_if_changed(reply, request, visitor.representation_key())
    return responses.respond(reply)


def _require_own_token(visitor: Visitor, controls: Controls) -> None:
    if controls.authenticator is not None and not visitor.holds(controls.authenticator):
        raise CrossSite("_authenticator: the token is not of this session, or too old; read again and send its token.")


def _call(
    request: Request,
    settings: Settings,
    target: ApiTarget,
    controls: Controls,
    visitor: Visitor | None = None,
    *,
    may_act: bool = False,
) -> MethodCall:
    return MethodCall(
        settings=settings,
        exchange=current_exchange(),
        target=target,
        controls=controls,
        visitor=visitor,
        if_match=request.headers.get("If-Match"),
        file_conditions=_file_conditions(request),
        may_act=may_act,
        methods=METHODS,
    )


def _file_conditions(request: Request) -> FileConditions:
    """The conditions of this request. A range is of a GET; of a HEAD it is ignored (RFC 9110 14.2)."""
    if request.method not in _SAFE:
        return NO_CONDITIONS
    headers = request.headers
    part = headers.get("Range", "") if request.method == "GET" else ""
    return FileConditions(part, headers.get("If-Range", ""), headers.get("If-None-Match", ""))


@blueprint.errorhandler(Exception)
def answer_failure(error: Exception) -> Response:
    """The error handler of this face: any failure as an envelope, logged once."""
    exchange, request, settings = current_exchange(), current_request(), current_app.extensions[SITE].settings
    answered = as_api_error(error)
    log_failure(error, answered, request_id=exchange.request_id, method=request.method, path=exchange.path)
    style = responses.CallStyle.of_request(
        has_json_body=request.environ.get(_HAS_JSON_BODY, has_json_body(request.method, request.content_type)),
        headers=request.headers,
    )
    method = METHODS.get(name_called())
    # A program that saves what it is sent must not take a failure for the file. What is refused before any method is
    # known, or because it did not come whole, is no answer of a method, in which clients in the historic style look.
    is_file = (method is not None and method.downloads) or _SENDS_FILE in request.environ
    is_real = method is None or is_file or EARLY_REFUSAL in request.environ
    setting: responses.ErrorStatus = "http" if is_real else settings.error_status
    more = dict(method.more_on_failure(answered, exchange.url)) if method is not None else {}
    if isinstance(answered.trial, Plan):
        more |= trial_of(answered.trial)
    answer = responses.failure(responses.frame_of(exchange), answered, style, setting, more)
    return responses.answered(answer)
