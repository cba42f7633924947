"""Users and log-in: `users`, `auth`, `login`, `logout`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from flask import Response, request

from objapi.errors import BadRequest, Cause, Forbidden, NotFound, PasswordNotEnough, Unauthorized
from objapi.http.headers import refuse_cross_site
from objapi.http.visitors import current_visitors, delete_session_cookie, set_session_cookie
from objapi.security.accounts import Account
from objapi.security.administration import MANAGE_USERS, UserAdministration
from objapi.security.credentials import Credentials, parse_basic
from objapi.security.identify import NOT_LOGGED_IN, wrong_credentials
from objapi.security.password_check import CodeRequired, log_in, log_out
from objapi.security.sessions import COOKIE, NewSession
from objapi.senaite.call import SenaiteCall
from objapi.senaite.reading import batch
from objapi.senaite.responses import success
from objapi.store.transaction import Transaction

CURRENT: Final = "current"
NAME: Final = "__ac_name"
PASSWORD: Final = "__ac_password"  # noqa: S105 - the name of a parameter
CODE: Final = "__ac_code"
_ANONYMOUS: Final = "Anonymous User"


def list_users(call: SenaiteCall, tx: Transaction) -> Mapping[str, Any]:
    """All users for managers, page by page; for anybody else the caller."""
    size = max(call.sent.whole("limit", 25), 1) if call.sent.whole("limit", 25) > 0 else 25
    start = max(call.sent.whole("b_start", 0), 0)
    if not _manages(tx):
        return batch(call, [_own_item(call, tx)], 1, 0, size)
    accounts = UserAdministration(tx).accounts()
    shown = accounts[start : start + size]
    persons = tx.persons.of_users([account.id for account in shown])
    items = [_item(call, tx, account, persons.get(account.id, "")) for account in shown]
    return batch(call, items, len(accounts), start, size)


def show_user(call: SenaiteCall, tx: Transaction) -> Mapping[str, Any]:
    """One user: oneself, or for managers any other."""
    login = call.key or ""
    if login == tx.user.user_id:
        return batch(call, [_own_item(call, tx)], 1, 0, 1)
    if not _manages(tx):
        raise Forbidden(f"Other users are shown to managers alone; users/{CURRENT} shows you yourself.")
    known = {account.id: account for account in UserAdministration(tx).accounts()}
    if login not in known:
        raise NotFound(f"There is no user {login[:80]!r}.")
    persons = tx.persons.of_users([login])
    return batch(call, [_item(call, tx, known[login], persons.get(login, ""))], 1, 0, 1)


def show_current(call: SenaiteCall) -> Response:
    """The caller, anonymous ones included."""
    visitor = call.visitor
    if visitor is None or visitor.kind == "none":
        item = {
            "username": _ANONYMOUS,
            "authenticated": False,
            "roles": ["Anonymous"],
            "api_url": call.urls.api("users", CURRENT),
        }
        return success(call.exchange, batch(call, [item], 1, 0, 1))
    with visitor.counting_failures():
        answer = call.site.run(visitor.load, lambda tx: batch(call, [_own_item(call, tx)], 1, 0, 1), write=False)
    visitor.renew()
    return success(call.exchange, answer)


def check_login(call: SenaiteCall) -> Response:
    """Nothing, for a caller who is logged in. Raises Unauthorized for any other."""
    if call.visitor is None or call.visitor.kind == "none":
        raise Unauthorized(NOT_LOGGED_IN)
    call.visitor.require_authenticated()
    return success(call.exchange, {})


def _manages(tx: Transaction) -> bool:
    try:
        tx.require_on_site(MANAGE_USERS)
    except Forbidden:
        return False
    return tx.user.token is None or tx.user.token.manages_users


def _own_item(call: SenaiteCall, tx: Transaction) -> dict[str, Any]:
    user = tx.user
    email = "" if call.visitor is None or call.visitor.user is None else call.visitor.user.email
    account = Account(
        user.user_id, user.fullname, email, roles=tuple(sorted(user.roles)), groups=tuple(sorted(user.groups))
    )
    return _described(call, account, account.roles, tx.persons.of_users([user.user_id]).get(user.user_id, ""), True)


def _item(call: SenaiteCall, tx: Transaction, account: Account, person: str) -> dict[str, Any]:
    groups = tx.registry.roles.groups
    through = [role for name in account.groups if name in groups for role in groups[name].roles]
    roles = sorted({*account.roles, *through, "Authenticated"})
    return _described(call, account, roles, person, account.id == tx.user.user_id)


def _described(
    call: SenaiteCall, account: Account, roles: Sequence[str], person: str, authenticated: bool
) -> dict[str, Any]:
    """A user; `person` is the UID of the contact who logs in so."""
    url = call.urls.api("users", account.id)
    described: dict[str, Any] = {
        "username": account.id,
        "id": account.id,
        "fullname": account.fullname,
        "email": account.email,
        "roles": list(roles),
        "groups": list(account.groups),
        "authenticated": authenticated,
        "api_url": url,
        "url": url,
    }
    if person:
        described["linked_contact_uid"] = person
    return described


# Log-in


def answer_login(call: SenaiteCall) -> Response:
    """Log a user in: the cookie, the same as a token, and the user.

    Raises BadRequest for a name or password that is missing, Unauthorized for wrong ones, TooManyAttempts.
    """
    site, settings = call.site, call.site.settings
    refuse_cross_site(request, call.exchange, "cookie", settings.allowed_origins)
    credentials, warnings = _credentials(call)
    begun = _begun(call, credentials)
    logged_in = replace(call, visitor=current_visitors().of_session(begun.key, request))
    described = site.run(
        logged_in.require_visitor().load,
        lambda tx: batch(logged_in, [_own_item(logged_in, tx)], 1, 0, 1),
        write=False,
    )
    described["token"] = begun.key
    described["expires"] = begun.session.expires.astimezone(settings.timezone).isoformat(timespec="seconds")
    if warnings:
        described["warnings"] = warnings
    response = success(call.exchange, described)
    # The first cookie: a published client keeps no other.
    set_session_cookie(response, begun.key, settings)
    return response


def _begun(call: SenaiteCall, credentials: Credentials) -> NewSession:
    """A session for right credentials, with the code of an app where the user's log-in takes one: `__ac_code`."""
    authentication, now, address = current_visitors().authentication, call.site.now(), request.remote_addr or ""
    begun = log_in(authentication.password_check, credentials, address, now, authentication.sessions)
    if isinstance(begun, CodeRequired):
        code = call.sent.text(CODE)
        if code is None:
            raise PasswordNotEnough(
                f"The password alone is not enough here: send the code of the authenticator app as {CODE}, or use an "
                "API token."
            )
        note = authentication.codes.note(begun, now)
        begun = authentication.codes.log_in(note, code, address, now, authentication.sessions)
    if not isinstance(begun, NewSession):
        raise wrong_credentials()
    return begun


def _credentials(call: SenaiteCall) -> tuple[Credentials, list[dict[str, str]]]:
    name, password = (call.sent.values.get(key) for key in (NAME, PASSWORD))
    if name is None and password is None and "Authorization" in request.headers:
        return parse_basic(request.headers["Authorization"]), []
    missing = [key for key, value in ((NAME, name), (PASSWORD, password)) if not isinstance(value, str) or not value]
    if missing:
        message = f"{' and '.join(missing)} must be sent to log in."
        raise BadRequest(message, causes=[Cause("parameter", key, f"{key} is missing") for key in missing])
    warnings = []
    if PASSWORD.encode() in request.query_string:
        message = "a password in a URL is seen by proxies; send it in the body of a POST, or by Basic"
        if not call.site.settings.query_passwords:
            raise BadRequest.of_parameter(PASSWORD, f"{PASSWORD}: {message}. This site refuses it.")
        warnings.append({"parameter": PASSWORD, "message": message})
    return Credentials(str(name), str(password)), warnings


def answer_logout(call: SenaiteCall) -> Response:
    """End the session of the caller, by cookie or token."""
    refuse_cross_site(request, call.exchange, "cookie", call.site.settings.allowed_origins)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    keys = (request.cookies.get(COOKIE), token.strip() if scheme.lower() == "bearer" else None)
    for key in keys:
        log_out(call.site.transact, key)
    answer = {"url": call.urls.api("users", "logout"), "authenticated": False, "success": True}
    response = success(call.exchange, answer)
    delete_session_cookie(response, call.site.settings)
    return response
