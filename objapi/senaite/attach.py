"""Attachment of the face to the application, and the road of a call: route, caller, parameters, answer."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.routing import Rule

from objapi.errors import MethodNotAllowed, TooLarge
from objapi.http.access import API, access
from objapi.http.endpoint import called_target
from objapi.http.exchange import CALLED, current_exchange
from objapi.http.failures import as_api_error, log_failure
from objapi.http.headers import answer_preflight, refuse_cross_site
from objapi.http.keyed_requests import HEADER, KeyedAnswer, KeyedRequest, digest_of, request_key
from objapi.http.signers import proven_signer, refuse_idle, sign_with
from objapi.http.visitors import Visitor, current_visitors
from objapi.security.signers import ProvenSigner
from objapi.senaite import DIALECT
from objapi.senaite.call import SenaiteCall
from objapi.senaite.parameters import SentValues, read_body, read_query
from objapi.senaite.proofs import SentProof, without_proof
from objapi.senaite.responses import JSON_TYPE, failure, rendered, success
from objapi.senaite.routes import ROUTE, Action, Answer, Route, find_route, overridden
from objapi.senaite.urls import Urls
from objapi.senaite.vocabulary import Vocabulary
from objapi.site import Site
from objapi.store.idempotency import FirstAnswer, RequestKey
from objapi.store.transaction import Transaction

SEGMENTS: Final = (DIALECT, "v1")
"""What stands behind the endpoint in the URLs of the face."""
_BODIES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def site_aliases(site: Site) -> tuple[str, ...]:
    """Other names of a site in the first segment of a URL."""
    dialect = site.registry.dialects.get(DIALECT)
    return () if dialect is None else dialect.site_aliases


def attach(application: Flask, site: Site) -> None:
    """Add the face to the application: one rule for everything below its URL."""
    blueprint = Blueprint("senaite", __name__)
    vocabulary = Vocabulary.of(site.registry, site.context.shapes)

    @access(API)
    def call_senaite() -> Response:
        """Every route of the face, whatever the verb."""
        return _answer(site, vocabulary)

    blueprint.register_error_handler(Exception, _answer_failure)
    application.register_blueprint(blueprint)
    endpoint = "senaite.call_senaite"
    application.url_map.add(Rule(ROUTE, endpoint=endpoint, methods=None))
    application.view_functions[endpoint] = call_senaite


def _answer(site: Site, vocabulary: Vocabulary | None) -> Response:
    segments = called_target().rest[1:]
    route = find_route(segments, vocabulary)
    request.environ[CALLED] = route.name
    allowed = tuple(dict.fromkeys((*route.actions, *(("HEAD",) if "GET" in route.actions else ()), "OPTIONS")))
    if request.method == "OPTIONS":
        return answer_preflight(request, allowed)
    verb = overridden(route, request.method, request.headers.get("X-HTTP-Method-Override"))
    action = route.actions.get("GET" if verb == "HEAD" else verb)
    if action is None:
        raise MethodNotAllowed(
            f"This URL is not called with {verb[:20]}; use {' or '.join(route.actions)}.", allowed=allowed
        )
    visitor = current_visitors().visitor(request, takes_tokens=True, takes_sessions=True) if action.identifies else None
    if action.writes and visitor is not None:
        refuse_cross_site(request, current_exchange(), visitor.kind, site.settings.allowed_origins)
        # A body costs memory and time, which no stranger may spend.
        visitor.require_authenticated()
    call = _call(site, vocabulary, segments, route, visitor)
    if action.run_open is not None:
        return action.run_open(call)
    if not action.writes:
        return _run(call, action, SentProof())
    # Credentials are nothing that is stored, compared or answered, so that nobody behind this line sees them.
    sent, proof = without_proof(call.sent, request.query_string)
    return _run(replace(call, sent=sent), action, proof)


def _call(
    site: Site, vocabulary: Vocabulary | None, segments: tuple[str, ...], route: Route, visitor: Visitor | None
) -> SenaiteCall:
    exchange = current_exchange()
    aliases = site_aliases(site)
    known = vocabulary or Vocabulary.empty(site.registry, site.context.shapes)
    resource, name = route.resource or (None, "")
    return SenaiteCall(
        site=site,
        vocabulary=known,
        exchange=exchange,
        urls=Urls.of(exchange, site.settings.site_id, aliases),
        segments=segments or ("version",),
        sent=_sent(site),
        resource=resource,
        resource_name=name,
        key=route.key,
        visitor=visitor,
        if_match=request.headers.get("If-Match"),
    )


def _sent(site: Site) -> SentValues:
    """The parameters of the request. Raises TooLarge before a body beyond the limit is read whole."""
    settings = site.settings
    if request.method not in _BODIES:
        return read_query(request.query_string, settings, settings.timezone)
    request.max_content_length = settings.max_body_size
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise TooLarge(
            f"The body has more than {settings.max_body_size} bytes, the limit of this site (OBJAPI_MAX_BODY_SIZE)."
        ) from None
    return read_body(request.query_string, request.content_type, body, settings, settings.timezone)


def _run(call: SenaiteCall, action: Action, proof: SentProof) -> Response:
    """Answer in one transaction of the caller, who has to have the permission to use the API."""
    visitor, run = call.require_visitor(), action.run
    if run is None:
        raise TypeError("the action has no answer")
    name = "/".join(call.segments)
    writes = action.writes and not call.sent.flag("dry_run")
    sent_key = request.headers.get(HEADER) if writes else None
    key = None if sent_key is None else _key_of(call, sent_key)
    proven: ProvenSigner | None = None
    if proof.names:
        proven = proven_signer(call.site, visitor, proof.password, proof.second_factor, key)

    def admit(tx: Transaction) -> None:
        tx.require(tx.registry.roles.api_permission)
        if tx.user.token is not None:
            tx.user.token.require_call(_method_of(action, name), acts=action.writes)
        refuse_idle(proof.names, tx)
        if action.writes and (signer := proven or visitor.recent_proof()) is not None:
            sign_with(tx, visitor, signer)

    def work(tx: Transaction) -> Response:
        admit(tx)
        return success(call.exchange, run(call, tx))

    if key is not None:
        return _run_once(call, run, admit, key)
    with visitor.counting_failures():
        answered = call.site.run(visitor.load, work, write=writes, source=call.exchange.source)
    visitor.renew()
    return answered


def _key_of(call: SenaiteCall, sent_key: str) -> RequestKey:
    """The idempotency key of a request, with what the request means."""
    meant = [request.method, call.segments, call.if_match, call.sent.values, call.sent.records]
    return request_key(sent_key, digest_of(meant))


def _run_once(call: SenaiteCall, run: Answer, admit: Callable[[Transaction], None], key: RequestKey) -> Response:
    """Answer a request once under its idempotency key; nothing is stored of one of which parts failed."""

    def work(_: None, tx: Transaction) -> KeyedAnswer:
        answer = run(call, tx)
        body, headers = rendered(call.exchange, answer), {"Content-Type": JSON_TYPE}
        stored = None if answer.get("success") is False else FirstAnswer(headers, body)
        return KeyedAnswer(body, headers, stored)

    done = KeyedRequest(call.site, call.require_visitor(), key, admit, work).answer()
    return Response(done.body, headers=done.headers)


def _method_of(action: Action, route: str) -> str:
    """The method of `@@API` to which a call of the face comes down: API tokens are limited to some of these."""
    words = set(route.split("/"))
    if "create" in words:
        return "create"
    return "update" if action.writes else "read"


def _answer_failure(error: Exception) -> Response:
    """The error handler of this face: any failure with its real status, logged once."""
    exchange, answered = current_exchange(), as_api_error(error)
    log_failure(error, answered, request_id=exchange.request_id, method=request.method, path=exchange.path)
    return failure(exchange, answered)
