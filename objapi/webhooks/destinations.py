"""Where webhooks may be sent: hosts that the settings name, at addresses of the public internet or of this machine.

The address that was checked is the one that is connected to: a name that means another address a moment later is no way
into the network of the gateway.
"""

import re
import socket
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import SplitResult, urlsplit

from objapi.settings import Settings

Address = IPv4Address | IPv6Address

LONGEST_URL: Final = 2000
_PORTS: Final = {"https": 443, "http": 80}
_HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?")
_THIS_MACHINE: Final = "localhost"
_NAT64: Final = ip_network("64:ff9b::/96")
"""IPv6 addresses that stand for an IPv4 address each (RFC 6052)."""


class DestinationRefused(Exception):
    """Nothing is sent there; the text is a phrase that says why."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A URL taken apart. `host` is a name or an address, in lower case and without brackets."""

    secure: bool
    host: str
    port: int
    target: str
    """Path and query."""

    @property
    def host_header(self) -> str:
        """The value of the header Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS["https" if self.secure else "http"] else f"{host}:{self.port}"

    @property
    def is_this_machine(self) -> bool:
        """True for a host that is this machine by its own name or address, whatever a look-up says."""
        address = _as_address(self.host)
        return self.host == _THIS_MACHINE if address is None else address.is_loopback


def read_destination(url: str, settings: Settings) -> Destination:
    """The destination that a URL names. Raises DestinationRefused for one that the settings do not allow."""
    if not settings.webhook_hosts:
        raise DestinationRefused("webhooks are off; OBJAPI_WEBHOOK_HOSTS names the hosts that they may be sent to")
    parts = _parts(url)
    destination = Destination(
        parts.scheme == "https",
        (parts.hostname or "").lower(),
        parts.port or _PORTS[parts.scheme],
        (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
    )
    if (destination.host, destination.port) not in _allowed(destination, settings.webhook_hosts):
        raise DestinationRefused(
            f"{destination.host} with port {destination.port} is not among OBJAPI_WEBHOOK_HOSTS "
            f"({', '.join(settings.webhook_hosts)})"
        )
    if not destination.secure and not destination.is_this_machine:
        raise DestinationRefused("https is expected; http is for this machine alone")
    return destination


def _parts(url: str) -> SplitResult:
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise DestinationRefused(f"a URL of at most {LONGEST_URL} ASCII characters without blanks is expected")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise DestinationRefused("it is no URL") from None
    if parts.scheme not in _PORTS or parts.port == 0:
        raise DestinationRefused("an https URL is expected")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise DestinationRefused("a URL without user name, password and fragment is expected")
    if _as_address(host) is None and not _HOST.fullmatch(host.lower()):
        raise DestinationRefused("it names no host")
    return parts


def _allowed(destination: Destination, entries: Iterable[str]) -> Collection[tuple[str, int]]:
    """The hosts and ports that entries of the setting mean; without a port it is the usual one of the scheme."""
    usual = _PORTS["https" if destination.secure else "http"]
    found = set()
    for entry in entries:
        parts = urlsplit(f"//{entry}")
        found.add(((parts.hostname or "").lower(), parts.port or usual))
    return found


def resolve(destination: Destination) -> Address:
    """The address to connect to. Raises DestinationRefused when there is none, or one that nothing is sent to.

    One address of a name that is refused refuses the name: which of them is taken is nobody's choice.
    """
    address = _as_address(destination.host)
    found = [address] if address is not None else _looked_up(destination)
    for each in found:
        reason = _refusal(each, is_this_machine=destination.is_this_machine)
        if reason is not None:
            raise DestinationRefused(f"{destination.host} is {each}, {reason}")
    return found[0]


def _looked_up(destination: Destination) -> list[Address]:
    try:
        found = socket.getaddrinfo(destination.host, destination.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise DestinationRefused(f"the host {destination.host} is unknown") from None
    return list(dict.fromkeys(ip_address(str(place[0]).partition("%")[0]) for *_, place in found))


def _refusal(address: Address, *, is_this_machine: bool) -> str | None:
    """Why nothing is sent to an address; None: it may be."""
    for each in (address, *_meant(address)):
        if is_this_machine:
            if not each.is_loopback:
                return "which is not this machine"
        elif each.is_loopback:
            return "this machine, which a webhook names by localhost or its address"
        elif each.is_link_local:
            return "a link-local address"
        elif not each.is_global or each.is_multicast or each.is_reserved:
            return "an address of a private network or a reserved one"
    return None


def _meant(address: Address) -> Iterable[Address]:
    """Addresses that an IPv6 address stands for or leads to."""
    if isinstance(address, IPv4Address):
        return ()
    found: list[Address] = [each for each in (address.ipv4_mapped, address.sixtofour) if each is not None]
    found += address.teredo or ()
    if address in _NAT64:
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return found


def _as_address(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
