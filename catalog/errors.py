"""Errors of queries, declarations and rows."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueryProblem:
    """One fault of a query: the parameter at fault, and what is wrong with it and what would be right."""

    parameter: str
    message: str

    def __str__(self) -> str:
        return f"{self.parameter}: {self.message}"


class CatalogError(Exception):
    """Base of what this package raises by itself."""


class QueryError(CatalogError):
    """A query with faults; `problems` names all of them."""

    def __init__(self, problems: Sequence[QueryProblem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class CatalogDeclarationError(CatalogError):
    """A catalog declaration with faults; `problems` names all of them, each with its key path."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class BulkWarning(CatalogError):
    """The database warned after a bulk statement, so values may have been cut; the transaction must be rolled back."""


class TextSyntaxError(CatalogError):
    """A text query that breaks the grammar; the message says where and how."""


class DateSyntaxError(CatalogError, ValueError):
    """A text that is not a date; the message says which."""


class DateOutOfCalendar(DateSyntaxError):
    """A date that is past the years 1 to 9999 in UTC."""
