"""Log-in by the provider: there and back, for users who are linked, and for the one-time link of who is not yet."""

import re
import secrets

from flask import Blueprint, Response, request

from objapi.errors import ApiError, NotFound, SignOnFailed
from objapi.http.access import PUBLIC, access
from objapi.http.exchange import current_exchange
from objapi.http.headers import refuse_cross_site
from objapi.http.visitors import cookies_are_secure, current_visitor, current_visitors
from objapi.security.credentials import Credentials
from objapi.security.csrf_tokens import derived_key
from objapi.security.password_check import LoginFailed, begin_checked
from objapi.security.password_links import load_by_link
from objapi.security.sign_on.admission import actor, admit, link_invited
from objapi.security.sign_on.configuration import SignOn
from objapi.security.sign_on.flow import COOKIE, LIFETIME, PURPOSE, Flow
from objapi.security.sign_on.provider_account import ProviderAccount
from objapi.settings import Settings
from objapi.web.account import holder_of_link, logged_in, safe_target
from objapi.web.pages import page, site_path


def make_sign_on_blueprint(settings: Settings, sign_on: SignOn) -> Blueprint:
    """The blueprint of the routes below `/<site>/sign_on`."""
    blueprint = Blueprint("sign_on", __name__)
    site = f"/{settings.site_id}/sign_on"

    @blueprint.get(site)
    @access(PUBLIC)
    def begin() -> Response:
        """Send the browser to the provider."""
        return answer_begin(settings, sign_on)

    @blueprint.post(site)
    @access(PUBLIC)
    def begin_by_link() -> Response:
        """Begin to use a one-time link."""
        return answer_begin_by_link(settings, sign_on)

    @blueprint.get(f"{site}/callback")
    @access(PUBLIC)
    def come_back() -> Response:
        """Take the provider's answer."""
        return answer_callback(settings, sign_on)

    @blueprint.get(f"{site}/logout")
    @access(PUBLIC)
    def leave() -> Response:
        """Send the browser to where one logs out at the provider."""
        return answer_logout(settings, sign_on)

    return blueprint


def answer_begin(settings: Settings, sign_on: SignOn) -> Response:
    """To the provider, by a link that a page or another site may hold: whoever follows it logs in as themselves.

    With `sign=1` they log in anew, whoever is logged in there, and may then sign what takes a signature, once.
    """
    came_from, anew = safe_target(request.args.get("came_from")) or "", request.args.get("sign") == "1"
    flow = Flow.begin(current_visitors().site.now(), came_from=came_from, anew=anew)
    return _holding(settings, flow, _sent_to(sign_on.provider.authorization_url(flow)))


def answer_begin_by_link(settings: Settings, sign_on: SignOn) -> Response:
    """A page that leads to the provider, for the holder of a one-time link, who is linked on the way back.

    No redirection: a browser follows none from a form to another site where the page's policy has `form-action`. And by
    a form alone: a link on another site must not tie somebody's account to a user of whoever made it.
    """
    refuse_cross_site(request, current_exchange(), "cookie", settings.allowed_origins)
    key = request.form.get("key", "")
    user_id = holder_of_link(key)
    flow = Flow.begin(current_visitors().site.now(), link=key)
    response = page(
        "message.html",
        settings,
        heading=f"Log-in for {user_id}",
        message=f"Your account at {sign_on.provider.client.issuer} will log you in as {user_id} from now on.",
        link=sign_on.provider.authorization_url(flow),
        link_text="Go on",
    )
    return _holding(settings, flow, response)


def answer_callback(settings: Settings, sign_on: SignOn) -> Response:
    """Log in whoever the provider's answer is about. Raises SignOnFailed, TooManyAttempts and Unavailable."""
    visitors, arguments = current_visitors(), request.args
    site, now = visitors.site, visitors.site.now()
    flow = Flow.read(request.cookies.get(COOKIE, ""), arguments.get("state", ""), _key(), now)
    error = arguments.get("error")
    if error is not None:
        reason = error if re.fullmatch("[a-z_]{1,40}", error) else "it does not say why"
        raise SignOnFailed(f"The log-in provider has not logged you in: {reason}.")
    # Sent by providers that know RFC 9207, against answers that were meant for another one.
    if arguments.get("iss", sign_on.provider.client.issuer) != sign_on.provider.client.issuer:
        raise SignOnFailed("The answer comes from another log-in provider. Begin again.")
    identity = _identified(sign_on, arguments.get("code", ""), flow)
    if flow.link:
        site.run(
            lambda connection: load_by_link(connection, flow.link, visitors.authentication.password_check.roles, now),
            lambda tx: link_invited(tx, flow.link, identity),
            write=True,
            source=current_exchange().source,
        )
    user_id, version = site.run(
        lambda connection: actor(),
        lambda tx: admit(tx, identity, sign_on.admission),
        write=True,
        source=current_exchange().source,
    )
    authentication = visitors.authentication
    if flow.anew:
        _require_same_user(user_id)
    check, rules = authentication.password_check, authentication.sessions
    begun = begin_checked(check, user_id, version, now, rules, signs=flow.anew)
    if isinstance(begun, LoginFailed):
        raise SignOnFailed(f"The user {user_id} was changed just now. Begin again.")
    response = logged_in(settings, begun, flow.came_from)
    response.delete_cookie(COOKIE, path=_cookie_path(settings))
    return response


def _require_same_user(user_id: str) -> None:
    """Raise SignOnFailed when the browser is that of another user, who was about to sign something."""
    visitor = current_visitor()
    if visitor.is_authenticated and visitor.get_id() != user_id:
        raise SignOnFailed(
            f"{visitor.get_id()} is logged in here, and {user_id} has logged in at the provider. Log out first to sign "
            f"as {user_id}."
        )


def answer_logout(settings: Settings, sign_on: SignOn) -> Response:
    """To where one logs out at the provider. The session here has its own log-out. Raises Unavailable, NotFound."""
    url = sign_on.provider.end_session_url()
    if url is None:
        raise NotFound(f"{sign_on.provider.client.issuer} names no address to log out at; close the browser.")
    return _sent_to(url)


def _identified(sign_on: SignOn, code: str, flow: Flow) -> ProviderAccount:
    """Who has logged in. A code that is not taken counts as a failed log-in of this flow, and of the address."""
    refused: list[ApiError] = []
    now = current_visitors().site.now()

    def look(attempt: Credentials) -> ProviderAccount | None:
        try:
            return sign_on.provider.redeem(code, flow, now)
        except SignOnFailed as error:
            refused.append(error)
            return None

    # Made unique, so that a code that arrives twice is asked about twice, and the provider refuses the second.
    attempt = Credentials(f"@@sign-on:{flow.state}", secrets.token_hex(16))
    identity = sign_on.checks.check(attempt, request.remote_addr or "", now, look, kind="sign-on")
    if identity is None:
        raise refused[0]
    return identity


def _sent_to(url: str) -> Response:
    response = Response(status=302)
    response.headers["Location"] = url
    return response


def _holding(settings: Settings, flow: Flow, response: Response) -> Response:
    """The response with the cookie of a flow, which is Lax: from the provider a link of another site leads here."""
    response.set_cookie(
        COOKIE,
        flow.cookie(_key()),
        max_age=LIFETIME,
        path=_cookie_path(settings),
        httponly=True,
        samesite="Lax",
        secure=cookies_are_secure(settings),
    )
    return response


def _cookie_path(settings: Settings) -> str:
    return f"{site_path(settings)}/sign_on"


def _key() -> str:
    return current_visitors().site.transact(lambda connection: derived_key(connection, PURPOSE), write=False)
