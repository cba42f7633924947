"""Log-in by an LDAP directory, through the library ldap3 (extra `ldap`), which is imported when it is first used."""

import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Final

from objapi.errors import Unavailable
from objapi.ispyb.auth.plugins import Identity, LoginAttempt

_ATTRIBUTES: Final = ("mail", "uidNumber", "sn", "givenName", "telephoneNumber")
_SECONDS: Final = 5
_RETRY_AFTER: Final = 5

_log = logging.getLogger("objapi.ispyb.auth")


def library() -> ModuleType:
    """The library; raises ImportError when the extra is not installed.

    It takes names from pyasn1 that have new ones by now, and pyasn1 says so to whoever imports it.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(tagMap|typeMap) is deprecated", DeprecationWarning)
        import ldap3  # noqa: PLC0415 - an extra, needed by those who configure it
        import ldap3.core.exceptions  # noqa: PLC0415
        import ldap3.utils.dn  # noqa: PLC0415
    return ldap3


@dataclass(frozen=True)
class Ldap:
    """Binds as `uid=<login>,<base>` with the password, and reads the person's own entry.

    `client` are arguments of the library's connection beside those given here, such as its strategy.
    """

    uri: str
    base: str
    client: Mapping[str, Any] = field(default_factory=dict)
    exported: Mapping[str, str] = field(default_factory=dict)

    def identify(self, attempt: LoginAttempt) -> Identity | None:
        """The person whose entry takes the password; raises Unavailable when the directory does not answer."""
        ldap3 = library()
        # An empty password would be an anonymous bind, which any directory accepts.
        if not attempt.login or not attempt.password:
            return None
        name = f"uid={ldap3.utils.dn.escape_rdn(attempt.login)},{self.base}"
        server = self.client.get("server") or ldap3.Server(self.uri, connect_timeout=_SECONDS)
        options = {key: value for key, value in self.client.items() if key != "server"}
        try:
            connection = ldap3.Connection(
                server, name, attempt.password, receive_timeout=_SECONDS, read_only=True, **options
            )
            if not connection.bind():
                return None
            connection.search(name, "(objectClass=*)", ldap3.BASE, attributes=list(_ATTRIBUTES))
            entries = [entry.entry_attributes_as_dict for entry in connection.entries]
            connection.unbind()
        except ldap3.core.exceptions.LDAPException as error:
            _log.warning("the directory did not answer: %s", type(error).__name__)
            raise Unavailable(
                "The directory does not answer; try again in a moment.", retry_after=_RETRY_AFTER
            ) from error
        return _identity(attempt.login, entries[0] if entries else {})


def _identity(login: str, entry: Mapping[str, Any]) -> Identity:
    def first(name: str) -> str | None:
        values = entry.get(name) or [None]
        return None if values[0] is None else str(values[0])

    number = first("uidNumber")
    return Identity(
        login,
        given_name=first("givenName"),
        family_name=first("sn"),
        email=first("mail"),
        phone=first("telephoneNumber"),
        site_id=int(number) if number is not None and number.isascii() and number.isdigit() else None,
    )
