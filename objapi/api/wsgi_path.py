"""Where a request goes: the path of a URL taken apart before any routing."""

from dataclasses import dataclass
from typing import Final, Literal

from objapi.errors import BadRequest

_ENDPOINTS: Final = frozenset({"@@API", "API"})


@dataclass(frozen=True, slots=True)
class Target:
    """A path in its segments: `before` the endpoint, the API `method`, and the `rest` behind it.

    Without an endpoint all segments are `before`. `method` is None when the path ends with the endpoint.
    """

    before: tuple[str, ...]
    endpoint: Literal["api"] | None = None
    method: str | None = None
    rest: tuple[str, ...] = ()


def split_path(path_info: bytes) -> Target:
    """Take a percent-decoded path apart at the last `@@API` or `API` that a method follows.

    Doubled and trailing slashes count as one and none. Raises BadRequest for what is not UTF-8, holds NUL or has a
    `..` segment: no client needs them, and behind a proxy they reach other places than they seem to.
    """
    try:
        path = path_info.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest("The path of the URL is not valid UTF-8.") from None
    if "\0" in path:
        raise BadRequest("The path of the URL holds a NUL character.")
    segments = tuple(segment for segment in path.split("/") if segment)
    if ".." in segments:
        raise BadRequest("The path of the URL holds a '..' segment; send the whole path.")
    for place in range(len(segments) - 2, -1, -1):
        if segments[place] in _ENDPOINTS and segments[place + 1] not in _ENDPOINTS:
            return Target(segments[:place], "api", segments[place + 1], segments[place + 2 :])
    if segments and segments[-1] in _ENDPOINTS:
        return Target(segments[:-1], "api")
    return Target(segments)
