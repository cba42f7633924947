"""The log-in plugins of a site, from the YAML file that `OBJAPI_ISPYB_AUTH` names.

The file has the form that AUTH_CONFIG has for py-ISPyB:

    AUTH:
      - ldap:
          ENABLED: true
          AUTH_CLASS: LdapAuthentication
          CONFIG: {LDAP_URI: 'ldaps://directory.example', LDAP_BASE_INTERNAL: 'ou=people,dc=example'}

The name of a plugin is what clients send. Its kind is given by `KIND` (dummy, gateway, ldap or keycloak) or, in a file
that is taken over, by the name of `AUTH_CLASS`, which is never imported. Without a file there is one plugin, `gateway`.
"""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import yaml

from objapi.ispyb.auth.keycloak import Keycloak
from objapi.ispyb.auth.ldap import Ldap
from objapi.ispyb.auth.plugins import Counted, Dummy, GatewayUsers, Plugin, Throttled
from objapi.security.password_check import PasswordCheck, ThrottledChecks, open_password_check
from objapi.security.passwords import CheckTurns
from objapi.site import Site
from objapi.site_context import SiteError

DUMMY: Final = "dummy"
_LDAP: Final = ("LDAP_URI", "LDAP_BASE_INTERNAL")
_KEYCLOAK: Final = (
    "KEYCLOAK_SERVER_URL",
    "KEYCLOAK_CLIENT_ID",
    "KEYCLOAK_REALM_NAME",
    "KEYCLOAK_CLIENT_SECRET_KEY",
)


def load_plugins(site: Site) -> dict[str, Plugin]:
    """The plugins that are switched on, by name, in the order of the file. Raises SiteError with all its mistakes."""
    settings = site.settings
    password_check = open_password_check(settings, site.registry.roles, site.transact)
    problems: list[str] = []
    if settings.ispyb_auth is None:
        plugins: dict[str, Plugin] = {"gateway": GatewayUsers(password_check)}
    else:
        plugins = _plugins_of(settings.ispyb_auth, _makers(password_check), problems)
    if settings.ispyb_dummy_login:
        plugins.setdefault(DUMMY, Dummy())
    if problems:
        raise SiteError("\n".join(problems))
    return plugins


_LIBRARIES: Final[Mapping[str, str]] = {"ldap": "ldap3", "keycloak": "keycloak"}
"""Kind of plugin → library, which the extra of the kind's name installs."""
Maker = Callable[[Mapping[str, Any]], Plugin]


def _makers(password_check: PasswordCheck) -> dict[str, tuple[tuple[str, ...], Maker]]:
    """Makers of plugins by kind: the settings that a CONFIG needs, and the function that makes a plugin of it."""

    def ldap(config: Mapping[str, Any]) -> Plugin:
        uri, base = (str(config[name]) for name in _LDAP)
        # Places of its own: a directory that does not answer keeps no user of the gateway waiting.
        return Throttled(Ldap(uri, base), ThrottledChecks(password_check.run, password_check.rules, CheckTurns()))

    def keycloak(config: Mapping[str, Any]) -> Plugin:
        return Counted(Keycloak(*(str(config[name]) for name in _KEYCLOAK)), password_check.run)

    return {
        DUMMY: ((), lambda config: Dummy()),
        "gateway": ((), lambda config: GatewayUsers(password_check)),
        "ldap": (_LDAP, ldap),
        "keycloak": (_KEYCLOAK, keycloak),
    }


def _plugins_of(
    file: Path, makers: Mapping[str, tuple[tuple[str, ...], Maker]], problems: list[str]
) -> dict[str, Plugin]:
    try:
        written = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        problems.append(f"OBJAPI_ISPYB_AUTH: {file} cannot be read: {error}")
        return {}
    listed = written.get("AUTH") if isinstance(written, dict) else None
    if not isinstance(listed, list):
        problems.append(f"{file}: expected a key AUTH with a list of plugins.")
        return {}
    plugins: dict[str, Plugin] = {}
    for place, entry in enumerate(listed):
        if not isinstance(entry, dict) or len(entry) != 1 or not isinstance(next(iter(entry.values())), dict):
            problems.append(f"{file}: AUTH[{place}]: expected one plugin name with its settings below it.")
            continue
        ((name, declared),) = entry.items()
        if declared.get("ENABLED", False):
            plugin = _plugin(f"{file}: AUTH[{place}].{name}", declared, makers, problems)
            if plugin is not None:
                plugins[str(name)] = plugin
    return plugins


def _plugin(
    where: str,
    declared: Mapping[str, Any],
    makers: Mapping[str, tuple[tuple[str, ...], Maker]],
    problems: list[str],
) -> Plugin | None:
    named = str(declared.get("KIND") or declared.get("AUTH_CLASS") or "").lower()
    kind = next((kind for kind in makers if kind in named), None)
    if kind is None:
        problems.append(f"{where}: KIND or AUTH_CLASS must tell the kind: {', '.join(makers)}.")
        return None
    needed, make = makers[kind]
    config = declared.get("CONFIG") or {}
    lacking = [name for name in needed if not isinstance(config, dict) or not config.get(name)]
    if lacking:
        problems.append(f"{where}.CONFIG: {', '.join(lacking)} must be set.")
        return None
    library = _LIBRARIES.get(kind)
    if library is not None and find_spec(library) is None:
        problems.append(f"{where}: the Python library {library} is missing; pip install 'objapi[{kind}]'.")
        return None
    return make(config)
