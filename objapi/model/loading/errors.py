"""The error of profiles that cannot be used."""

from collections.abc import Iterable

from declarations import DeclarationProblem


class ProfileError(Exception):
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
