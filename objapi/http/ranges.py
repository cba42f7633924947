"""Parts of a file that a request asks for (RFC 9110 section 14): single ranges of bytes. Pure."""

from dataclasses import dataclass
from typing import Final

from werkzeug.http import parse_etags, parse_range_header

from objapi.errors import RangeNotSatisfiable


@dataclass(frozen=True, slots=True)
class FileConditions:
    """The headers by which a request asks for a part of a file, or for one that has changed; empty for none."""

    range: str = ""
    if_range: str = ""
    if_none_match: str = ""

    def part(self, size: int, tag: str) -> tuple[int, int] | None:
        """The bytes asked for, from the first to behind the last; None for the whole file.

        Several ranges, other units than bytes and what cannot be read are ignored, as is a range of a file that has
        changed since (`If-Range`; dates are of no use here). Raises RangeNotSatisfiable.
        """
        if not self.range or (self.if_range and self.if_range.strip() != f'"{tag}"'):
            return None
        asked = parse_range_header(self.range)
        if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
            return None
        start, stop = asked.ranges[0]
        if start < 0:
            # The last bytes: of a shorter file all.
            start, stop = max(size + start, 0), size
        if start >= size:
            raise RangeNotSatisfiable(f"The file has {size} bytes; there are none from {start} on.", size=size)
        return start, size if stop is None else min(stop, size)

    def is_current(self, tag: str) -> bool:
        """True when the client has the file that the tag stands for."""
        return bool(self.if_none_match) and parse_etags(self.if_none_match).contains_weak(tag)


NO_CONDITIONS: Final = FileConditions()
"""A request for a whole file."""
