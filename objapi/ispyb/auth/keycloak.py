"""Log-in by a Keycloak token, through python-keycloak (extra `keycloak`), which is imported when it is first used."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from objapi.errors import Unavailable
from objapi.ispyb.auth.plugins import Identity, LoginAttempt

_SECONDS: Final = 10
_RETRY_AFTER: Final = 5

_log = logging.getLogger("objapi.ispyb.auth")


@dataclass(frozen=True)
class Keycloak:
    """Asks a realm's server whose access token it is."""

    server_url: str
    client_id: str
    realm: str
    secret: str

    @property
    def exported(self) -> Mapping[str, str]:
        """Settings that a web page needs to send somebody to the realm's log-in."""
        return {
            "KEYCLOAK_SERVER_URL": self.server_url,
            "KEYCLOAK_CLIENT_ID": self.client_id,
            "KEYCLOAK_REALM_NAME": self.realm,
        }

    def identify(self, attempt: LoginAttempt) -> Identity | None:
        """The person whose token it is; raises Unavailable when the server does not answer."""
        from keycloak import KeycloakOpenID  # noqa: PLC0415 - an extra, needed by those who configure it
        from keycloak.exceptions import KeycloakConnectionError, KeycloakError  # noqa: PLC0415

        if not attempt.token:
            return None
        client = KeycloakOpenID(
            server_url=self.server_url,
            client_id=self.client_id,
            realm_name=self.realm,
            client_secret_key=self.secret,
            timeout=_SECONDS,
        )
        try:
            info = client.userinfo(attempt.token)
        except KeycloakConnectionError as error:
            raise Unavailable("The log-in server does not answer; try again.", retry_after=_RETRY_AFTER) from error
        except KeycloakError as error:
            _log.info("token refused by the log-in server: %s", error.response_code)
            return None
        return _identity(info) if isinstance(info, dict) else None


def _identity(info: Mapping[str, Any]) -> Identity | None:
    login = info.get("preferred_username")
    if not isinstance(login, str) or not login:
        return None
    return Identity(login, info.get("given_name"), info.get("family_name"), info.get("email"))
