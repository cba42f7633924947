"""The provider of a site, as its settings have it."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from objapi.model.registry import Roles
from objapi.security.password_check import ThrottledChecks, Transactions
from objapi.security.passwords import CheckTurns
from objapi.security.sealing import read_secret_lines
from objapi.security.sign_on.admission import Admission, GroupGrant
from objapi.security.throttle import ThrottleRules
from objapi.settings import Settings, SettingsError

if TYPE_CHECKING:
    from objapi.security.sign_on.provider import Provider


@dataclass(frozen=True)
class SignOn:
    """Log-in by the provider of one site, in one process."""

    provider: "Provider"
    admission: Admission
    checks: ThrottledChecks
    """With places of its own: a provider that does not answer keeps nobody else's log-in waiting."""


def callback_url(settings: Settings) -> str:
    """The one URL that the provider may send browsers back to; it is registered there."""
    return f"{settings.public_url}/{settings.site_id}/sign_on/callback"


def open_sign_on(settings: Settings, roles: Roles, run: Transactions) -> SignOn | None:
    """The log-in by the provider that the settings name; None: they name none, or take passwords alone.

    Nothing is asked of the provider yet. Raises SettingsError for a library that is missing, a file that cannot be
    read, and roles and groups that are not declared.
    """
    if not settings.takes_sign_on or settings.oidc_issuer is None:
        return None
    problems = []
    if find_spec("authlib") is None:
        problems.append("OBJAPI_OIDC_ISSUER: the library Authlib is missing; pip install 'objapi[sign-on]'.")
    grants = tuple(GroupGrant(*grant) for grant in settings.oidc_groups)
    for grant in grants:
        there = roles.roles if grant.kind == "role" else roles.groups
        if grant.name not in there or grant.name in ("Authenticated", "Anonymous"):
            problems.append(f"OBJAPI_OIDC_GROUPS: there is no {grant.kind} {grant.name!r} to give.")
    if problems:
        raise SettingsError(problems)
    from objapi.security.sign_on.provider import Client, Provider  # noqa: PLC0415 - loads Authlib

    file = settings.oidc_client_secret_file
    secret = "" if file is None else read_secret_lines(file, "OBJAPI_OIDC_CLIENT_SECRET_FILE")[0]
    if not secret.isascii():
        raise SettingsError([f"OBJAPI_OIDC_CLIENT_SECRET_FILE: the secret in {file} must be of ASCII characters."])
    client = Client(
        settings.oidc_issuer,
        settings.oidc_client_id,
        secret,
        callback_url(settings),
        settings.oidc_scopes,
        settings.oidc_timeout,
    )
    admission = Admission(settings.oidc_create, settings.oidc_user_claim, settings.oidc_groups_claim, grants)
    checks = ThrottledChecks(run, ThrottleRules.from_settings(settings), CheckTurns())
    return SignOn(Provider(client), admission, checks)
