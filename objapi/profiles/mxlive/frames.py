"""Lists of frame numbers, such as ``1-4,8,10-99``, and the times that follow from their number. Pure."""

import re
from datetime import datetime, timedelta
from typing import Final

LONGEST: Final = 100_000
"""Characters of a list."""
MOST: Final = 10_000_000
"""Frames in one dataset; the largest detectors write some hundred thousand."""
_ITEM: Final = re.compile(r"[ \t]*([0-9]{1,18})[ \t]*(?:-[ \t]*([0-9]{1,18})[ \t]*)?")


class FramesProblem(ValueError):
    """A text that cannot be read as a list of frames; the message names the wrong item."""


def count_frames(text: str | None) -> int:
    """Number of frames in a list, those in overlapping items counted twice; 1 without a list.

    Items `n` or `n-m` are separated by commas, with blanks around numbers allowed. Counted, never expanded. Raises
    FramesProblem for anything else and for more than `MOST` frames.
    """
    if text is None or not text.strip():
        return 1
    if len(text) > LONGEST:
        raise FramesProblem(f"a list of frames has at most {LONGEST} characters")
    total = 0
    for item in text.split(","):
        match = _ITEM.fullmatch(item)
        if match is None:
            raise FramesProblem(f"{item[:40]!r} is neither a frame number nor a range such as 1-20")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise FramesProblem(f"the range {item.strip()[:40]!r} ends before it begins")
        total += last - first + 1
        if total > MOST:
            raise FramesProblem(f"a dataset has at most {MOST} frames")
    return total


def fill_times(
    start: datetime | None, end: datetime | None, *, frames: int, exposure: float, now: datetime
) -> tuple[datetime, datetime]:
    """The start and end of a dataset, of which either may be missing: they lie frames × exposure (in seconds) apart.

    Without both, the dataset ends now. Raises OverflowError when that leads beyond the calendar.
    """
    length = timedelta(seconds=frames * exposure)
    if start is None:
        end = end or now
        return end - length, end
    return start, end or start + length
