"""Names by which clients refer to objects: numbers in ids, session ids, ports, addresses. Pure."""

import hashlib
import re
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from typing import Final

USER_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
ACRONYM: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,49}")
SESSION_NAME: Final = re.compile(r"[\w-]{1,100}")
_NUMBER: Final = re.compile(r"[a-z]+-([1-9][0-9]{0,17})")
_LONGEST_PLAIN: Final = 128


def number_in(object_id: str) -> int | None:
    """The number in an id such as ``data-17``, or None."""
    match = _NUMBER.fullmatch(object_id)
    return int(match[1]) if match is not None else None


def session_id(acronym: str, name: str) -> str:
    """The id of a session in its project: ``ACRONYM.name``.

    A name that no id can hold, or a long one, is replaced by a digest; a second dot tells the two apart.
    """
    plain = f"{acronym}.{name}"
    if plain.isascii() and len(plain) <= _LONGEST_PLAIN:
        return plain
    return f"{acronym}.{hashlib.sha256(name.encode()).hexdigest()[:40]}.x"


def port(slots: Iterable[str]) -> str:
    """The port of a sample: the slot names from the outside in, without separators; missing ones are left out."""
    return "".join(slots)


def normal_address(text: str) -> str | None:
    """An IP address in its normal spelling, a mapped IPv4 address as IPv4; None for a text that cannot be read."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)
