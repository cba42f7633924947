"""The chain: the digest that links a numbered request to the one before, and the head that stands for all of them.

Nothing here reads or writes. Who changes a stored request changes its digest, therefore its link and every later one:
the head is another one then, and whoever has noted it notices.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

import orjson

LINK_FORMAT: Final = b"objapi link 1\n"
"""Domain and version before what is digested, so that no other document of the gateway has the same digest."""
BEGINNING: Final = ""
"""The link before that of the first request."""


def link_digest(site_id: str, previous: str, seq: int, digest: str) -> str:
    """The link of the request with a number: SHA-256 in hexadecimal over canonical JSON (RFC 8785) of texts.

    `previous` is the link of the request before, `digest` that of the request itself, see `records.request_digest`.
    """
    document = {"digest": digest, "previous": previous, "seq": str(seq), "site": site_id}
    return hashlib.sha256(LINK_FORMAT + orjson.dumps(document)).hexdigest()


@dataclass(frozen=True, slots=True)
class Head:
    """The last linked request: its number, 0 before the first, and its link."""

    seq: int = 0
    link: str = BEGINNING
