"""Visitors, the senders of requests, by way of Flask-Login: `current_user` is a `Visitor` in every face and route.

Nothing is stored in Flask's own session: the credentials of a request are its `Authorization` header or the cookie
`__ac`, and they are read anew with each request.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final, NoReturn

from flask import Flask, Request, Response, current_app, request
from flask_login import LoginManager, current_user
from sqlalchemy import Connection

from objapi.errors import Unauthorized
from objapi.security.csrf_tokens import VALID_FOR, CsrfTokens, load_csrf_tokens
from objapi.security.identify import Authentication, Identified
from objapi.security.origins import AuthenticationKind
from objapi.security.principals import LoadedUser
from objapi.security.sessions import COOKIE
from objapi.site import Site

_EXTENSION: Final = "objapi.visitors"

NOT_LOGGED_IN: Final = "Nobody is logged in; log in by the form or send Basic credentials."
"""The message of a refusal (401) to a caller without credentials."""


@dataclass(frozen=True)
class Visitors:
    """The visitors of one site: their authentication and tokens."""

    site: Site
    authentication: Authentication

    @cached_property
    def csrf_tokens(self) -> CsrfTokens:
        """The site's tokens, whose secret is in the database."""
        return self.site.transact(load_csrf_tokens, write=False)

    def visitor(self, request: Request) -> "Visitor":
        """The sender of a request; raises Unauthorized or TooManyAttempts for a wrong `Authorization` header."""
        now = self.site.now()
        identified = self.authentication.identify(
            request.headers.get("Authorization"), request.cookies.get(COOKIE), request.remote_addr or "", now
        )
        return Visitor(self, self.csrf_tokens, identified, now)


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

    def __init__(self, visitors: Visitors, csrf_tokens: CsrfTokens, identified: Identified, now: datetime) -> None:
        self._visitors = visitors
        self._csrf_tokens = csrf_tokens
        self._identified = identified
        self._now = now
        self._asked = False
        self.user: LoadedUser | None = None
        """The user as last loaded; None before that, and when nobody is logged in."""

    @property
    def kind(self) -> AuthenticationKind:
        """The way the visitor is authenticated: cookie, basic or none."""
        return self._identified.kind

    def load(self, connection: Connection, key: str | None = None) -> LoadedUser:
        """The user of this moment, in one statement, with the earlier request of an idempotency key.

        Raises Unauthorized (401).
        """
        self._asked = True
        self.user = None
        self.user = self._identified.load(connection, key)
        return self.user

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

    def token(self) -> str:
        """An `_authenticator` for this visitor; only once the user was loaded."""
        return self._csrf_tokens.issue(self.get_id(), self.session_digest, self._now)

    def representation_key(self) -> str:
        """A text that differs for visitors, their sessions, and halves of the time for which tokens are valid.

        An answer that one client stores is then never taken for that of another, and the token in it is not too old.
        """
        period = int(self._now.timestamp() // (VALID_FOR.total_seconds() / 2))
        return f"{self.get_id()}\0{self.session_digest or ''}\0{period}"

    def holds(self, token: str) -> bool:
        """True for an `_authenticator` that was issued to this visitor."""
        return self._csrf_tokens.check(token, self.get_id(), self.session_digest, self._now)

    def renew(self) -> None:
        """Extend the visitor's session when its last use is due to be written; called at the end of a request."""
        if self.user is not None and self.user.session is not None:
            self._visitors.authentication.renew(self.user, self._now)


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
