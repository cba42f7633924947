"""The page on which users set up their authenticator app, get recovery codes, and turn it off again."""

from flask import Response, request

from objapi.errors import ApiError, BadRequest, Conflict, TooManyAttempts, ValidationError
from objapi.http.exchange import current_exchange
from objapi.http.headers import refuse_cross_site
from objapi.http.visitors import Visitor, current_visitor, current_visitors
from objapi.security.credentials import Credentials
from objapi.security.sealing import Seal
from objapi.security.second_factors import begin_set_up, confirm, renew_recovery_codes, second_factor_of, turn_off
from objapi.security.totp import otpauth_uri, readable
from objapi.settings import Settings
from objapi.web.pages import page


def answer_page(settings: Settings, problem: str = "", *, status: int = 200) -> Response:
    """The state of the user's second factor, and what can be done about it."""
    visitor, visitors = current_visitor(), current_visitors()
    user_id = visitor.get_id()
    factor = visitors.site.transact(lambda connection: second_factor_of(connection, user_id), write=False)
    offered = visitors.authentication.seal is not None and settings.takes_passwords
    left = factor.codes_left if factor is not None and factor.confirmed else None
    return _page(settings, visitor, status=status, message=problem, codes_left=left, offered=offered)


def answer_change(settings: Settings) -> Response:
    """One step: `begin`, `confirm`, `codes` (new recovery codes) or `off`. Raises BadRequest for another one."""
    visitor = current_visitor()
    refuse_cross_site(request, current_exchange(), visitor.kind, settings.allowed_origins)
    steps = {"begin": _begin, "confirm": _confirm, "codes": _new_codes, "off": _turn_off}
    action = request.form.get("action", "")
    if action not in steps:
        raise BadRequest.of_parameter("action", f"action: one of {', '.join(steps)} is expected.")
    try:
        return steps[action](settings, visitor)
    except (Conflict, ValidationError, TooManyAttempts) as refused:
        return _refused(settings, refused)


def _begin(settings: Settings, visitor: Visitor) -> Response:
    """Make a secret and show it, this once. It takes the password: a session left open must not lock its user out."""
    visitors, user_id, seal = current_visitors(), visitor.get_id(), _seal()
    credentials, now = Credentials(user_id, request.form.get("password", "")), visitors.site.now()
    check = visitors.authentication.password_check
    if check.verify(credentials, request.remote_addr or "", now, code_follows=True) is None:
        raise ValidationError("The password is wrong.")
    secret = visitors.site.transact(lambda connection: begin_set_up(connection, user_id, seal, now), write=True)
    uri = otpauth_uri(secret, user_id, settings.site_title)
    return _page(settings, visitor, secret=readable(secret), uri=uri)


def _confirm(settings: Settings, visitor: Visitor) -> Response:
    code, seal, keep = request.form.get("code", ""), _seal(), visitor.session_digest
    codes = current_visitors().site.run(
        visitor.load, lambda tx: confirm(tx, code, seal, keep), write=True, source=current_exchange().source
    )
    if codes is None:
        problem = "The code is wrong. Is the clock of the telephone right? Wait for the next code, and try again."
        return _page(settings, visitor, status=422, message=problem, waits=True)
    return _page(settings, visitor, codes=codes, done="The second factor is on, and your other sessions have ended.")


def _new_codes(settings: Settings, visitor: Visitor) -> Response:
    _require_code(visitor)
    codes = current_visitors().site.run(
        visitor.load, renew_recovery_codes, write=True, source=current_exchange().source
    )
    return _page(settings, visitor, codes=codes, done="Your former recovery codes are void.")


def _turn_off(settings: Settings, visitor: Visitor) -> Response:
    _require_code(visitor)
    keep = visitor.session_digest
    current_visitors().site.run(
        visitor.load, lambda tx: turn_off(tx, keep), write=True, source=current_exchange().source
    )
    return answer_page(settings)


def _require_code(visitor: Visitor) -> None:
    """Use up the code that was sent. Raises ValidationError for a wrong one, and TooManyAttempts."""
    visitors = current_visitors()
    code, address = request.form.get("code", ""), request.remote_addr or ""
    if not visitors.authentication.codes.check(visitor.get_id(), code, address, visitors.site.now()):
        raise ValidationError("The code is wrong, or was used before.")


def _seal() -> Seal:
    seal = current_visitors().authentication.seal
    if seal is None:
        raise Conflict("This site offers no second factor: OBJAPI_TOTP_KEY_FILE is not set.")
    return seal


def _refused(settings: Settings, refused: ApiError) -> Response:
    response = answer_page(settings, refused.message, status=refused.status)
    response.headers.extend(refused.headers)
    return response


def _page(settings: Settings, visitor: Visitor, *, status: int = 200, **values: object) -> Response:
    return page("second_factor.html", settings, visitor=visitor, status=status, **values)
