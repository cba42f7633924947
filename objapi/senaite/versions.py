"""Versions that a request names: in a record, or by the header If-Match."""

import re
from typing import Any, Final

from objapi.errors import BadRequest
from objapi.store.requests import VersionMatch

_TAG: Final = re.compile(r'[0-9]{1,9}|"[0-9]{1,9}"')


def require_version(value: Any) -> int | None:
    """The version in a record; None for an empty one. Raises BadRequest for what is not a number."""
    if value in (None, ""):
        return None
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadRequest.of_parameter("version", f"version: a whole number is expected, not {text[:40]!r}.")
    return int(text)


def version_match(header: str | None, version: int | None) -> VersionMatch | None:
    """The versions that the header names (RFC 9110 13.1.1); None without it. Raises BadRequest for several objects."""
    if header is None:
        return None
    if version is None:
        raise BadRequest("If-Match is about one object; send the version of each in its record.")
    tags = [tag.strip() for tag in header.split(",")]
    if "*" in tags:
        return VersionMatch()
    return VersionMatch(frozenset(int(tag.strip('"')) for tag in tags if _TAG.fullmatch(tag)))
