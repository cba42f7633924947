"""Mistakes in declarations, and lists of names in their messages."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final


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
    """True if the whole file could not be read, so that names which it declares seem to be missing in other files."""
    origin: bool = field(default=False, compare=False)
    """True if others may follow from it: what the declaration says is lost, or its name is nearly another."""

    @property
    def where(self) -> str:
        """The place as text: file, line and key, as far as they are known."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (place, self.key) if part)

    def __str__(self) -> str:
        expected = f" (expected: {self.expected})" if self.expected else ""
        return f"{self.where}: {self.message}{expected}"


_SUGGESTS: Final = ", did you mean"
_PLACES: Final = frozenset({"cascades", "conditions", "groups", "layout", "permissions", "roles"})
"""First parts of keys that name no declaration."""
_FOLLOWING: Final = {
    "containers": re.compile(r"has no container|leads nowhere|can ever be made|cannot be in "),
    "workflows": re.compile(r"has no transition|leads nowhere|has no '"),
    "catalogs": re.compile(r"does not hold|leads nowhere"),
    "extend": re.compile(r"does not hold|leads nowhere|there is no index"),
    "indexes": re.compile(r"there is no index"),
    "fields": re.compile(r"leads nowhere|has no '|has no field|there is no field"),
}
"""Part of a declaration → messages of the mistakes that one there causes in others."""
_LOST: Final = re.compile("|".join(sorted({item.pattern for item in _FOLLOWING.values()})))
"""Messages of mistakes that follow when a whole declaration is lost."""


def suggestion(name: object, known: Iterable[str]) -> str:
    """A text ``, did you mean 'x'?`` when a known name is close, else the empty text."""
    close = closest(name, known)
    return f"{_SUGGESTS} {close!r}?" if close is not None and close != name else ""


def closest(name: object, known: Iterable[str]) -> str | None:
    """The known name that is close to another one; None when none is."""
    names = sorted(set(known))
    lowered = {other.lower(): other for other in names}
    return lowered.get(str(name).lower()) or next(iter(get_close_matches(str(name), names, n=1)), None)


def without_followers(problems: Iterable[DeclarationProblem]) -> list[DeclarationProblem]:
    """The mistakes without those that only follow from another one, such as a name that one with a slip declares.

    One follows when it suggests no other name and is about the type, workflow or catalog of a mistake that is an
    origin or suggests one. While a file cannot be read, that is the only mistake.
    """
    every = list(problems)
    unread = [problem for problem in every if problem.unread]
    if unread:
        return unread
    origins = [problem for problem in every if problem.origin or _SUGGESTS in problem.message]
    found = [(problem, _FOLLOWING.get(_parts(problem.key)[1], _LOST), _parts(problem.key)[0]) for problem in origins]
    followed = [
        (problem, lost, re.compile(rf"(?<!\w){re.escape(name)}(?!\w)"))
        for problem, lost, name in found
        if name and name not in _PLACES
    ]
    return [problem for problem in every if not _follows(problem, followed)]


def _parts(key: str) -> tuple[str, str]:
    """The declared name that a key begins with, and what of it is meant."""
    name, second, *_ = [*re.split(r"[.\[]", key, maxsplit=2), ""]
    return name, second


def _follows(
    problem: DeclarationProblem, origins: Sequence[tuple[DeclarationProblem, re.Pattern[str], re.Pattern[str]]]
) -> bool:
    if _SUGGESTS in problem.message:
        return False
    text = f"{problem.key} {problem.message}"
    return any(
        origin is not problem and lost.search(problem.message) and name.search(text) for origin, lost, name in origins
    )


def listed(names: Iterable[str], limit: int = 12) -> str:
    """Names for a message, at most `limit` of them."""
    every = list(names)
    if not every:
        return "none is declared"
    more = f" and {len(every) - limit} more" if len(every) > limit else ""
    return ", ".join(every[:limit]) + more
