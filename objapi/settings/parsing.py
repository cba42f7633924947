"""Reading the text of a setting: one kind for each sort of value.

A kind says in words what it expects and turns text into a value, or raises ValueError with what is wrong. Who the text
came from and what to do about it is the business of `objapi.settings`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from catalog.dialect.nodes import nodes_of

Network = IPv4Network | IPv6Network

_BOOLEANS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
_SIZE = re.compile(r"([0-9]+)\s*(|k|m|g)(?:i?b)?", re.IGNORECASE)
_SIZE_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|min|h|d|)", re.IGNORECASE)
_DURATION_UNITS = {"ms": 0.001, "": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_SECRET_LENGTH = 32
_DATABASES = ("sqlite", "mysql", "mariadb", "mysql+pymysql", "mariadb+pymysql")
_HOST_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?")
_PASSWORD = re.compile(r"(//[^:/@]*|^[^:/@]*(?!://)):.*@")


@dataclass(frozen=True, slots=True)
class SettingKind:
    """One sort of value: what it expects, in words, and how it reads text.

    `parse` raises ValueError for anything else than what `expected` says. `secret` values are never repeated in a
    message; `show` gives the part that may be.
    """

    expected: str
    parse: Callable[[str], Any]
    show: Callable[[str], str] = repr


def whole_number(least: int = 0, most: int | None = None) -> SettingKind:
    """A whole number in decimal digits, from `least` to `most`."""
    expected = f"a whole number of at least {least}" if most is None else f"a whole number from {least} to {most}"

    def parse(text: str) -> int:
        if not re.fullmatch("[0-9]{1,18}", text):
            raise ValueError("not a whole number")
        number = int(text)
        if number < least or (most is not None and number > most):
            raise ValueError("out of range")
        return number

    return SettingKind(expected, parse)


def automatic(kind: SettingKind, meaning: str) -> SettingKind:
    """Another kind, or the word `auto`, which is read as None; `meaning` says what that amounts to."""
    return SettingKind(
        f"{kind.expected}, or auto ({meaning})",
        lambda text: None if text.lower() == "auto" else kind.parse(text),
        kind.show,
    )


def size(least: int = 1) -> SettingKind:
    """A number of bytes, with an optional unit of 2¹⁰ (k), 2²⁰ (M) or 2³⁰ (G)."""

    def parse(text: str) -> int:
        match = _SIZE.fullmatch(text)
        if match is None:
            raise ValueError("not a size")
        number = int(match[1]) * _SIZE_UNITS[match[2].lower()]
        if number < least:
            raise ValueError("too small")
        return number

    return SettingKind(f"a number of bytes of at least {least}, such as 500000, 512k, 16M", parse)


def duration(least: float = 0.0, most: float | None = None) -> SettingKind:
    """A time in seconds, or with one of the units ms, s, min, h, d."""
    limits = f"at least {least:g} s" if most is None else f"from {least:g} to {most:g} s"

    def parse(text: str) -> float:
        match = _DURATION.fullmatch(text)
        if match is None:
            raise ValueError("not a duration")
        seconds = float(match[1]) * _DURATION_UNITS[match[2].lower()]
        if seconds < least or (most is not None and seconds > most):
            raise ValueError("out of range")
        return seconds

    return SettingKind(f"a time of {limits}, such as 500ms, 10s, 5min, 12h", parse)


def choice(*words: str) -> SettingKind:
    """One of a few words, in any case."""

    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError("not one of the words")
        return text.lower()

    return SettingKind(f"one of {', '.join(words)}", parse)


def text(pattern: str, expected: str) -> SettingKind:
    """Text that a regular expression matches as a whole."""

    def parse(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError("does not match")
        return value

    return SettingKind(expected, parse)


def assigned(kind: SettingKind) -> SettingKind:
    """A name, an equals sign and a value, as a pair."""

    def parse(value: str) -> tuple[str, Any]:
        name, equals, rest = value.partition("=")
        if not equals or not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name):
            raise ValueError("no name before an equals sign")
        return name, kind.parse(rest)

    return SettingKind(f"name=value, the value being {kind.expected}", parse, kind.show)


def list_of(kind: SettingKind, separator: str = ",") -> SettingKind:
    """Values between separators (a regular expression), as a tuple; blanks around them and empty ones are dropped."""

    def parse(text: str) -> tuple[Any, ...]:
        return tuple(kind.parse(part.strip()) for part in re.split(separator, text) if part.strip())

    return SettingKind(f"a list, separated by commas, each {kind.expected}", parse, kind.show)


def _boolean(text: str) -> bool:
    if text.lower() not in _BOOLEANS:
        raise ValueError("neither yes nor no")
    return _BOOLEANS[text.lower()]


def _path(text: str) -> Path:
    if "\0" in text:
        raise ValueError("contains NUL")
    return Path(text)


def _secret(text: str) -> str:
    if len(text) < _SECRET_LENGTH:
        raise ValueError("too short to be a secret")
    return text


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (LookupError, OSError) as error:
        raise ValueError("no such time zone") from error


def is_secure_url(text: str) -> bool:
    """True for an https URL, and for an http one of this machine, which nobody listens to on the way."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_this_machine(host))


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _issuer(text: str) -> str:
    # Kept to the letter: the provider's own name for itself has to be equal.
    if not is_secure_url(text) or urlsplit(text).query:
        raise ValueError("not secure, or more than an address")
    return text


def _group_grant(text: str) -> tuple[str, str, str]:
    claimed, _, given = text.rpartition("=")
    kind, _, name = given.partition(":")
    if not claimed.strip() or kind not in ("role", "group") or not name:
        raise ValueError("no group before an equals sign, or no role: or group: behind it")
    return claimed.strip(), kind, name


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("no http or https URL")
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None:
        raise ValueError("more than scheme, host and port")
    if parts.port == 0:
        raise ValueError("no such port")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _host_and_port(text: str) -> str:
    parts = urlsplit(f"//{text.lower()}")
    host = parts.hostname or ""
    if parts.netloc != text.lower() or parts.username is not None or parts.port == 0:
        raise ValueError("more than a host and a port")
    if not _HOST_NAME.fullmatch(host):
        ip_address(host)
    return text.lower()


def _public_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError("no http or https URL")
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("has a query, a fragment or a user name")
    return text.rstrip("/")


def _database(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in _DATABASES:
        raise ValueError("unknown database")
    if scheme == "sqlite":
        if rest in ("", "/") or rest.startswith("/:memory:") or not rest.startswith("/"):
            raise ValueError("names no file")
    elif not all(node.database for node in nodes_of(text)):
        raise ValueError("names no database")
    return text


def without_password(url: str) -> str:
    """A database URL as it may be shown: quoted, its password replaced by `***`."""
    return repr(_PASSWORD.sub(r"\1:***@", url))


BOOLEAN = SettingKind("yes or no (1, true, on; 0, false, off)", _boolean)
DIRECTORY = SettingKind("a directory", _path)
FILE = SettingKind("a file", _path)
SECRET = SettingKind("a secret of at least 32 characters", _secret, lambda text: "the secret that was given")
TIMEZONE = SettingKind("a time zone of the IANA database, such as UTC or Europe/Berlin", _zone)
NETWORK: SettingKind = SettingKind("a network in CIDR notation, such as 10.0.0.0/8 or 127.0.0.1", ip_network)
BEFORE_A_NAME = r",(?=\s*(?:[A-Za-z][A-Za-z0-9_]*=|,|$))"
"""Separator of values that have a name each and may hold commas themselves, as hosts of a URL do."""
ORIGIN = SettingKind("an origin, such as https://lab.example.org", _origin)
HOST_AND_PORT = SettingKind("a host, such as hooks.example.org, [2001:db8::7] or localhost:8443", _host_and_port)
PUBLIC_URL = SettingKind("an http or https URL without query, such as https://lab.example.org", _public_url)
ISSUER = SettingKind("an https URL without query, such as https://id.example.org/realms/lab", _issuer)
GROUP_GRANT = SettingKind("GROUP=role:NAME or GROUP=group:NAME", _group_grant)
DATABASE_URL = SettingKind(
    "sqlite:///FILE or mysql://USER:PASSWORD@HOST/DATABASE (also mariadb, mysql+pymysql, mariadb+pymysql; "
    "of a cluster HOST,HOST,HOST)",
    _database,
    without_password,
)
