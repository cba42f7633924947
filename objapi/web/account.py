"""Log-in, log-out, and passwords by forms: one's own, and that of a one-time link.

Published clients use the log-in form too, so its names and texts are those of the historic server.
"""

from functools import partial
from typing import Final
from urllib.parse import quote

from flask import Response, request
from sqlalchemy import Connection

from objapi.errors import NotFound, TooManyAttempts, Unauthorized, Unavailable, ValidationError
from objapi.http.exchange import current_exchange
from objapi.http.headers import refuse_cross_site
from objapi.http.visitors import (
    Visitor,
    current_visitor,
    current_visitors,
    delete_session_cookie,
    set_session_cookie,
)
from objapi.security.api_tokens import count_tokens
from objapi.security.credentials import Credentials
from objapi.security.identify import NOT_LOGGED_IN
from objapi.security.origins import safe_came_from
from objapi.security.password_check import LoginFailed, change_password, log_in, log_out
from objapi.security.password_links import OVER, as_credentials, load_by_link, use_link, user_of_link
from objapi.security.passwords import new_password_hash
from objapi.security.principals import LoadedUser, load_by_login
from objapi.security.sessions import COOKIE, NewSession
from objapi.security.token_administration import TokenAdministration
from objapi.settings import Settings
from objapi.web.pages import page, site_path
from objapi.web.texts import marked

_NOT_TWICE: Final = marked("The new password was not typed the same way twice.")

FAILED: Final = "login_failed"
"""The text by which published clients recognise the page of a failed log-in."""


def answer_login_form(settings: Settings) -> Response:
    """The empty log-in form."""
    return _login_form(settings, request.args.get("came_from"))


def answer_login(settings: Settings) -> Response:
    """Log a user in: the cookie and the way back to `came_from`, or the form again with the reason.

    Users with a second factor are asked for its code next; who knows may send it along, as `__ac_code`.
    """
    refuse_cross_site(request, current_exchange(), "cookie", settings.allowed_origins)
    form, visitors = request.form, current_visitors()
    name, note, came_from = form.get("__ac_name", ""), form.get("note", ""), _came_from()
    authentication, address, now = visitors.authentication, request.remote_addr or "", visitors.site.now()
    try:
        if not note:
            credentials = Credentials(name, form.get("__ac_password", ""))
            begun = log_in(authentication.password_check, credentials, address, now, authentication.sessions)
            if isinstance(begun, LoginFailed):
                return _login_form(settings, came_from, name, marked("The user name or the password is wrong."))
            if isinstance(begun, NewSession):
                return logged_in(settings, begun, came_from)
            note = authentication.codes.note(begun, now)
            if not form.get("__ac_code"):
                return _code_form(settings, note, came_from)
        begun = authentication.codes.log_in(note, form.get("__ac_code", ""), address, now, authentication.sessions)
    except Unauthorized as refused:
        return _login_form(settings, came_from, name, refused.message, status=refused.status)
    except (TooManyAttempts, Unavailable) as refused:
        again = partial(_code_form, settings, note) if note else partial(_login_form, settings, name=name)
        response = again(came_from=came_from, problem=refused.message, status=refused.status)
        response.headers.extend(refused.headers)
        return response
    if isinstance(begun, LoginFailed):
        return _code_form(settings, note, came_from, marked("The code is wrong, or was used before."))
    return logged_in(settings, begun, came_from)


def answer_logout(settings: Settings) -> Response:
    """End the session."""
    refuse_cross_site(request, current_exchange(), "cookie", settings.allowed_origins)
    log_out(current_visitors().site.transact, request.cookies.get(COOKIE))
    response = page(
        "message.html",
        settings,
        heading=marked("Logged out"),
        message=marked("Your session has ended."),
        other_link=f"{site_path(settings)}/sign_on/logout" if settings.takes_sign_on else "",
        other_text=marked("Log out at the log-in provider, too"),
        link=f"{site_path(settings)}/login_form",
        link_text=marked("Log in again"),
    )
    delete_session_cookie(response, settings)
    return response


def answer_password_form(settings: Settings) -> Response:
    """The empty form for a new password."""
    current_visitors().authentication.password_check.require_taken()
    return _password_form(settings, current_visitor())


def answer_password_change(settings: Settings) -> Response:
    """Change the password, which takes the old one, and end the user's other sessions."""
    visitor, visitors, form = current_visitor(), current_visitors(), request.form
    user_id = visitor.get_id()
    refuse_cross_site(request, current_exchange(), visitor.kind, settings.allowed_origins)
    new = form.get("new_password", "")
    if form.get("confirm", new) != new:
        return _password_form(settings, visitor, _NOT_TWICE, status=422)
    try:
        change_password(
            visitors.authentication.password_check,
            Credentials(user_id, form.get("old_password", "")),
            new,
            visitors.site.now(),
            site_id=settings.site_id,
            source=current_exchange().source,
            keep_session=visitor.session_digest,
        )
    except (ValidationError, TooManyAttempts) as refused:
        response = _password_form(settings, visitor, refused.message, status=refused.status)
        response.headers.extend(refused.headers)
        return response
    return page(
        "message.html",
        settings,
        visitor=visitor,
        heading=marked("Password changed"),
        message=f"Your other sessions have ended. {_fate_of_tokens(user_id)}".strip(),
        link=site_path(settings),
        link_text=marked("Go on"),
    )


def answer_new_password_form(settings: Settings) -> Response:
    """The form of a one-time link; to look at it uses nothing up. Raises NotFound for a link that is over."""
    key = request.args.get("key", "")
    return _new_password_form(settings, key, holder_of_link(key))


def answer_new_password(settings: Settings) -> Response:
    """Set the password of whose one-time link it is, and end the user's sessions; the link is then used up."""
    visitors, form = current_visitors(), request.form
    refuse_cross_site(request, current_exchange(), "cookie", settings.allowed_origins)
    visitors.authentication.password_check.require_taken()
    key, new, site = form.get("key", ""), form.get("new_password", ""), visitors.site
    user_id = holder_of_link(key)
    if form.get("confirm", new) != new:
        return _new_password_form(settings, key, user_id, _NOT_TWICE, status=422)
    check = visitors.authentication.password_check
    try:
        password_hash = new_password_hash(new, user_id, check.passwords)
    except (ValidationError, TooManyAttempts) as refused:
        response = _new_password_form(settings, key, user_id, refused.message, status=refused.status)
        response.headers.extend(refused.headers)
        return response
    now = site.now()
    site.run(
        lambda connection: load_by_link(connection, key, check.roles, now),
        lambda tx: use_link(tx, key, password_hash),
        write=True,
        source=current_exchange().source,
    )
    return page(
        "message.html",
        settings,
        heading=marked("Password set"),
        message=f"You can log in as {user_id} now. {_fate_of_tokens(user_id)}".strip(),
        link=f"{site_path(settings)}/login_form",
        link_text=marked("Log in"),
    )


def _fate_of_tokens(user_id: str) -> str:
    """Revoke the API tokens of a user whose password was just set, if the form says so; a sentence about them."""
    visitors = current_visitors()
    site, roles = visitors.site, visitors.authentication.password_check.roles
    now = site.now()
    count = site.transact(lambda connection: count_tokens(connection, user_id, now), write=False)
    if not count:
        return ""
    tokens = "1 API token" if count == 1 else f"{count} API tokens"
    if not request.form.get("revoke_tokens"):
        return f"{tokens} still work{'s' if count == 1 else ''}."

    def load(connection: Connection) -> LoadedUser:
        user = load_by_login(connection, user_id, roles)
        if user is None or not user.active:
            raise Unauthorized(NOT_LOGGED_IN)
        return user

    site.run(load, lambda tx: TokenAdministration(tx).revoke(None), write=True, source=current_exchange().source)
    return f"{tokens} {'is' if count == 1 else 'are'} revoked."


def holder_of_link(key: str) -> str:
    """The user whom the key of a link is for. Raises NotFound, which counts as a failed log-in, and TooManyAttempts."""
    visitors = current_visitors()
    site, now = visitors.site, visitors.site.now()
    user_id = visitors.authentication.password_check.checks.check(
        as_credentials(key),
        request.remote_addr or "",
        now,
        lambda typed: site.transact(lambda connection: user_of_link(connection, typed.password, now), write=False),
    )
    if user_id is None:
        raise NotFound(OVER)
    return user_id


def _new_password_form(settings: Settings, key: str, user_id: str, problem: str = "", *, status: int = 200) -> Response:
    return page(
        "new_password.html",
        settings,
        status=status,
        key=key,
        whose=user_id,
        sign_on_url=sign_on_url(settings),
        takes_passwords=settings.takes_passwords,
        message=problem,
    )


def _password_form(settings: Settings, visitor: Visitor, problem: str = "", *, status: int = 200) -> Response:
    return page("password.html", settings, visitor=visitor, status=status, message=problem)


def _login_form(
    settings: Settings, came_from: str | None, name: str = "", problem: str = "", *, status: int = 200
) -> Response:
    return page(
        "login.html",
        settings,
        status=status,
        action=f"{site_path(settings)}/login_form",
        came_from=safe_target(came_from),
        name=name,
        sign_on_url=sign_on_url(settings, came_from),
        takes_passwords=settings.takes_passwords,
        failure=FAILED if problem else "",
        message=problem,
    )


def sign_on_url(settings: Settings, came_from: str | None = None) -> str:
    """The URL at which the log-in by the provider begins; empty where there is none."""
    if not settings.takes_sign_on:
        return ""
    target = safe_target(came_from)
    return f"{site_path(settings)}/sign_on" + (f"?came_from={quote(target, safe='')}" if target else "")


def _code_form(
    settings: Settings, note: str, came_from: str | None, problem: str = "", *, status: int = 200
) -> Response:
    """The form for the code. It carries the text of a failed log-in: published clients see that they are not in."""
    return page(
        "code.html",
        settings,
        status=status,
        action=f"{site_path(settings)}/login_form",
        came_from=safe_target(came_from),
        note=note,
        failure=FAILED,
        message=problem,
    )


def _came_from() -> str | None:
    return request.form.get("came_from") or request.args.get("came_from")


def logged_in(settings: Settings, begun: NewSession, came_from: str | None) -> Response:
    """The cookie of a session just begun, and the way on; the session that the browser had before ends."""
    log_out(current_visitors().site.transact, request.cookies.get(COOKIE))
    target = safe_target(came_from)
    if target is not None:
        response = Response(status=302)
        response.headers["Location"] = target
    else:
        response = page(
            "message.html",
            settings,
            heading=marked("Logged in"),
            message=marked("You are now logged in."),
            link=f"{site_path(settings)}/console",
            link_text=marked("Go on"),
        )
    # The server alone decides when the session ends.
    set_session_cookie(response, begun.key, settings)
    return response


def safe_target(came_from: str | None) -> str | None:
    """The page to go to after log-in, if it is on this site."""
    return safe_came_from(came_from, [f"{current_exchange().root}/"])
