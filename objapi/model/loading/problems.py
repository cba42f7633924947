"""Mistakes in declarations, all of them at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True, order=True)
class DeclarationProblem:
    """One mistake: file, line (from 1; 0 is the file as a whole), key, what is wrong, what was expected."""

    file: str
    line: int
    key: str
    message: str
    expected: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        key = f" {self.key}:" if self.key else ""
        expected = f" (expected: {self.expected})" if self.expected else ""
        return f"{place}:{key} {self.message}{expected}"


class DeclarationError(Exception):
    """Declarations that cannot be used; `problems` are all that is wrong, by file and line."""

    def __init__(self, problems: Iterable[DeclarationProblem]) -> None:
        # What stands in one place and is found wrong on several ways is one mistake.
        found: dict[tuple[str, int, str], DeclarationProblem] = {}
        for problem in problems:
            found.setdefault((problem.file, problem.line, problem.message), problem)
        self.problems = tuple(sorted(found.values()))
        count = len(self.problems)
        heading = "1 mistake" if count == 1 else f"{count} mistakes"
        super().__init__("\n".join((f"{heading} in the declarations:", *map(str, self.problems))))


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
