"""Visitors, the senders of requests, by way of Flask-Login: `current_user` is a `Visitor` in every face and route.

Nothing is stored in Flask's own session: the credentials of a request are its `Authorization` header or the cookie
`__ac`, and they are read anew with each request.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final, NoReturn

from flask import Flask, Request, Response, current_app, request
from flask_login import LoginManager, current_user
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from objapi.errors import ApiError, InvalidToken, Unauthorized
from objapi.http.access import API, declared_access
from objapi.http.exchange import current_exchange
from objapi.security.csrf_tokens import VALID_FOR, CsrfTokens, load_csrf_tokens
from objapi.security.identify import NOT_LOGGED_IN, Authentication, Identified
from objapi.security.origins import AuthenticationKind
from objapi.security.principals import LoadedUser
from objapi.security.sessions import COOKIE
from objapi.security.signers import ProvenSigner, prove_signer, proven_by_log_in
from objapi.settings import Settings
from objapi.site import Site

_log = logging.getLogger("objapi.visitors")

_EXTENSION: Final = "objapi.visitors"


@dataclass(frozen=True)
class Visitors:
    """The visitors of one site: their authentication and tokens."""

    site: Site
    authentication: Authentication

    @cached_property
    def csrf_tokens(self) -> CsrfTokens:
        """The site's tokens, whose secret is in the database."""
        return self.site.transact(load_csrf_tokens, write=False)

    def visitor(self, request: Request, *, takes_tokens: bool = False, takes_sessions: bool = False) -> "Visitor":
        """The sender of a request; raises Unauthorized or TooManyAttempts for a wrong `Authorization` header.

        API tokens are taken by the routes of `@@API`, and by others where `takes_tokens` says so: pages, on which
        passwords are changed, take none. With `takes_sessions` the key of a session is taken as a bearer token, too.
        """
        now, address = self.site.now(), request.remote_addr or ""
        identified = self.authentication.identify(
            request.headers.get("Authorization"),
            request.cookies.get(COOKIE),
            address,
            now,
            bearer_sessions=takes_sessions,
        )
        if identified.kind == "token" and not (takes_tokens or _is_api(request)):
            raise Unauthorized("This page takes no API token; log in by the form or send Basic credentials.")
        return Visitor(self, self.csrf_tokens, identified, now, address)

    def of_session(self, key: str, request: Request) -> "Visitor":
        """The sender of a request who has just begun a session by it."""
        now, address = self.site.now(), request.remote_addr or ""
        identified = self.authentication.identify(None, key, address, now)
        return Visitor(self, self.csrf_tokens, identified, now, address)


def set_session_cookie(response: Response, key: str, settings: Settings) -> None:
    """Give the browser the key of a session. Without an age it lives as long as the browser does."""
    response.set_cookie(COOKIE, key, httponly=True, samesite="Lax", secure=cookies_are_secure(settings))


def delete_session_cookie(response: Response, settings: Settings) -> None:
    """Let the browser forget its session."""
    response.delete_cookie(COOKIE, httponly=True, samesite="Lax", secure=cookies_are_secure(settings))


def cookies_are_secure(settings: Settings) -> bool:
    """True when the session cookie is Secure; with `auto` that is when the site is reached by https."""
    return settings.cookie_secure == "on" or (settings.cookie_secure == "auto" and current_exchange().secure)


def _is_api(request: Request) -> bool:
    """True for the routes that declare the access API."""
    return request.endpoint is not None and declared_access(current_app.view_functions[request.endpoint]) is API


class _RequestManager(LoginManager):
    """Flask-Login where Flask's own session is not used: nothing is to be protected, remembered or renewed by it."""

    def _load_user(self) -> None:
        self._update_request_context_with_user(self._request_callback(request))

    def _update_remember_cookie(self, response: Response) -> Response:
        return response


class Visitor:
    """The sender of a request, by the credentials it carries; the properties are those that Flask-Login asks for.

    A face that opens a transaction calls `load` as its first statement. A page that only needs to know whether a user
    is logged in asks `is_authenticated`, which loads the user in a short transaction of its own.
    """

    def __init__(
        self, visitors: Visitors, csrf_tokens: CsrfTokens, identified: Identified, now: datetime, address: str
    ) -> None:
        self._visitors = visitors
        self._csrf_tokens = csrf_tokens
        self._identified = identified
        self._now = now
        self._address = address
        self._asked = False
        self.user: LoadedUser | None = None
        """The user as last loaded; None before that, and when nobody is logged in."""

    @property
    def kind(self) -> AuthenticationKind:
        """The way the visitor is authenticated: cookie, basic, token or none."""
        return self._identified.kind

    def load(self, connection: Connection, key: str | None = None) -> LoadedUser:
        """The user of this moment, in one statement, with the earlier request of an idempotency key.

        Raises Unauthorized (401).
        """
        self._asked = True
        self.user = None
        self.user = self._identified.load(connection, key)
        return self.user

    def at_present(self) -> "Visitor":
        """The same visitor at this moment, by which the session or token may have expired."""
        now = self._visitors.site.now()
        return Visitor(self._visitors, self._csrf_tokens, self._identified.at(now), now, self._address)

    @contextmanager
    def counting_failures(self) -> Iterator[None]:
        """Count an invalid API token once the transaction that found it so has ended.

        Raises TooManyAttempts in its place when the visitor's address has to wait.
        """
        try:
            yield
        except InvalidToken:
            self._visitors.authentication.count_invalid_token(self._address, self._now)
            raise

    def require_authenticated(self) -> LoadedUser:
        """The user, loaded in a short transaction of its own; raises Unauthorized."""
        if self.kind == "none":
            raise Unauthorized(NOT_LOGGED_IN)
        with self.counting_failures():
            return self._visitors.site.transact(self.load, write=False)

    def prove(self, password: str, code: str | None) -> ProvenSigner:
        """The proof that the visitor is who the credentials say, by the password once more; see `prove_signer`."""
        user = self.require_authenticated()
        return prove_signer(self._visitors.authentication, user, password, code, self._address, self._now)

    def recent_proof(self) -> ProvenSigner | None:
        """The proof of a visitor who has just logged in anew to sign; only once the user was loaded."""
        return None if self.user is None else proven_by_log_in(self.user, self._now)

    @property
    def is_authenticated(self) -> bool:
        """True when the credentials are those of an active user."""
        if not self._asked and self.kind != "none":
            try:
                self._visitors.site.transact(self.load, write=False)
            except Unauthorized:
                self.user = None
        return self.user is not None

    @property
    def is_active(self) -> bool:
        """The same: the credentials of a disabled account never authenticate."""
        return self.is_authenticated

    @property
    def is_anonymous(self) -> bool:
        """True without valid credentials."""
        return not self.is_authenticated

    def get_id(self) -> str:
        """The user's id; empty without valid credentials."""
        return self.user.principal.user_id if self.user is not None and self.is_authenticated else ""

    @property
    def session_digest(self) -> str | None:
        """The digest of the visitor's session, when logged in by cookie."""
        return self.user.session.digest if self.user is not None and self.user.session is not None else None

    @property
    def _credential(self) -> str | None:
        """The session or API token that the visitor came by, as far as it has a digest; None for a password."""
        if self.user is not None and self.user.token is not None:
            return self.user.token.digest
        return self.session_digest

    def token(self) -> str:
        """An `_authenticator` for this visitor; only once the user was loaded."""
        return self._csrf_tokens.issue(self.get_id(), self._credential, self._now)

    def representation_key(self) -> str:
        """A text that differs for visitors, their sessions and API tokens, and halves of an `_authenticator`'s life.

        An answer that one client stores is then never taken for that of another, and the proof in it is not too old.
        """
        period = int(self._now.timestamp() // (VALID_FOR.total_seconds() / 2))
        return f"{self.get_id()}\0{self._credential or ''}\0{period}"

    def holds(self, token: str) -> bool:
        """True for an `_authenticator` that was issued to this visitor."""
        return self._csrf_tokens.check(token, self.get_id(), self._credential, self._now)

    def renew(self) -> None:
        """Note the use of the visitor's session or API token when that is due; called at the end of a request.

        What was asked for is done by then, so a failure is left for the next time.
        """
        if self.user is None:
            return
        try:
            self._visitors.authentication.note_use(self.user, self._now)
        except (ApiError, DBAPIError) as error:
            _log.info("the use of a session or token was not noted: %s", error)


def attach_visitors(application: Flask, visitors: Visitors) -> None:
    """Make `current_user` the visitor of each request."""
    manager = _RequestManager()
    manager.request_loader(visitors.visitor)
    manager.unauthorized_handler(_refuse)
    # Its context processor would load the visitor for every template, the page of a failure included.
    manager.init_app(application, add_context_processor=False)
    application.extensions[_EXTENSION] = visitors


def _refuse() -> NoReturn:
    raise Unauthorized(NOT_LOGGED_IN)


def current_visitors() -> Visitors:
    """The visitors of the application that is answering."""
    visitors: Visitors = current_app.extensions[_EXTENSION]
    return visitors


def current_visitor() -> Visitor:
    """The visitor of the request that is being answered.

    Raises Unauthorized for wrong credentials in the `Authorization` header, TooManyAttempts when it has to wait.
    """
    visitor: Visitor = current_user._get_current_object()
    return visitor
