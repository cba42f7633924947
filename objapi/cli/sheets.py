"""What commands have in common that make objects of a spreadsheet."""

from collections import Counter
from collections.abc import Callable
from mimetypes import guess_type
from pathlib import Path
from typing import Final, TypeVar

import click

from objapi.cli.failures import Refused
from objapi.errors import ApiError
from objapi.model.values import NewFile
from objapi.progress import progress
from objapi.store.requests import Outcome

_T = TypeVar("_T")

file_argument: Final = click.argument(
    "file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
dry_run_option: Final = click.option("--dry-run", is_flag=True, help="Check the whole file, and make nothing.")


def sent_file(path: Path) -> NewFile:
    """The file at a path, as if it had been sent."""
    return NewFile(path.name, guess_type(path.name)[0] or "text/csv", path.read_bytes())


def with_progress(label: str, work: Callable[[], _T]) -> _T:
    """Do work that is done whole or not at all, and show that it goes on."""
    with progress(label, 1) as advance:
        result = work()
        advance(1)
    return result


def refused_rows(error: ApiError) -> Refused:
    """The refusal of a file, with a line for each thing that is wrong with it."""
    lines = [cause.message for cause in error.causes] or [error.message]
    return Refused("\n".join(dict.fromkeys((*lines, "Nothing was made."))))


def tell_shipment(made: Outcome, *, dry_run: bool) -> None:
    """Print the path of a shipment, and how many objects of each type it consists of."""
    counts = Counter(entry.portal_type for entry in made.entries)
    click.echo(made.entries[0].path)
    told = ", ".join(f"{number} {portal_type}" for portal_type, number in counts.items())
    click.echo(f"{told} {'would be' if dry_run else 'are'} made.", err=True)
