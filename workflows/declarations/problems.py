"""Mistakes in declarations, and lists of names in their messages."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches


@dataclass(frozen=True, slots=True, order=True)
class DeclarationProblem:
    """One mistake: file, line (from 1; 0 is the file as a whole), key, what is wrong, what was expected.

    What was read from a plain mapping has no line, and the name that the caller gave it as its file, or none.
    """

    file: str
    line: int
    key: str
    message: str
    expected: str = ""
    unread: bool = field(default=False, compare=False)
    """True if the whole file could not be read, so that names which it declares seem to be missing elsewhere."""

    @property
    def where(self) -> str:
        """The place as text: file, line and key, as far as they are known."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (place, self.key) if part)

    def __str__(self) -> str:
        expected = f" (expected: {self.expected})" if self.expected else ""
        return f"{self.where}: {self.message}{expected}"


def suggestion(name: object, known: Iterable[str]) -> str:
    """A text ``, did you mean 'x'?`` when a known name is close, else the empty text."""
    names = sorted(set(known))
    lowered = {other.lower(): other for other in names}
    close = lowered.get(str(name).lower()) or next(iter(get_close_matches(str(name), names, n=1)), None)
    return f", did you mean {close!r}?" if close is not None else ""


def listed(names: Iterable[str], limit: int = 12) -> str:
    """Names for a message, at most `limit` of them."""
    every = list(names)
    if not every:
        return "none is declared"
    more = f" and {len(every) - limit} more" if len(every) > limit else ""
    return ", ".join(every[:limit]) + more
