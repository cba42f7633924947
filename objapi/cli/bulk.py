"""`objapi bulk`: a sheet of objects, or the results in a file of an instrument, written as one request."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import click

from objapi.cli.common import data_option, opened_site
from objapi.cli.failures import Refused
from objapi.cli.sheets import dry_run_option, file_argument, sent_file, with_progress
from objapi.errors import ApiError
from objapi.security.principals import command_line_user
from objapi.sheets.instrument_import import ImportedResults, import_results, shape_of
from objapi.sheets.returned_files import read_returned
from objapi.sheets.returning import CellEdit, SheetOutcome, SheetRequest, take_back
from objapi.site import Site
from objapi.store.requests import RefusedItem
from objapi.store.transaction import Transaction

_T = TypeVar("_T")
_LONGEST = 60


@click.command("bulk")
@file_argument
@click.option(
    "--type", "new_type", metavar="NAME", default="", help="The type of rows without a UID and a portal_type."
)
@click.option("--in", "container", metavar="PATH", default="", help="Where rows without a UID and a path are made.")
@click.option("--instrument", metavar="NAME", help="FILE has results, as the instrument of this name writes them.")
@click.option("--partial", "is_partial", is_flag=True, help="Do the rows that are right, and tell of the others.")
@dry_run_option
@data_option
def bulk(
    file: Path,
    new_type: str,
    container: str,
    instrument: str | None,
    is_partial: bool,
    dry_run: bool,
    data_dir: Path | None,
) -> None:
    """Change and create the objects of FILE, a CSV, XLSX or NDJSON as read exports them: all of them, or nothing.

    Rows are known by their UID, and cells compared with what is there: only what was edited is written. Every change
    is printed, old and new. Exit status 1: something is wrong, told by row and column, and nothing was done; with
    --partial all but these rows.

    With --instrument the results in FILE are entered and submitted, as a profile declares it.
    """
    if instrument is not None and (new_type or container):
        raise click.UsageError("--type and --in are about objects; leave them out with --instrument.")
    with opened_site(data_dir) as site:
        content, most = sent_file(file).content, site.settings.max_update_entries
        if instrument is not None:
            _enter_results(site, file, instrument, dry_run=dry_run, is_partial=is_partial)
            return

        def work(tx: Transaction) -> SheetOutcome:
            sheet, problems = read_returned(content, most)
            request = SheetRequest(site.settings.timezone, new_type, container, dry_run=dry_run, is_partial=is_partial)
            return take_back(tx, sheet, problems, request)

        done = _carried_out(site, file, work, dry_run=dry_run)
    for edit, entry in zip(done.edits, done.entries, strict=True):
        click.echo(f"row {edit.row}\t{edit.event}\t{entry.path or edit.path}\t{_shown(edit.cells)}")
    for warning in done.warnings:
        click.echo(warning, err=True)
    events = [edit.event for edit in done.edits]
    would = "would be " if dry_run else ""
    click.echo(
        f"{events.count('update')} {would}changed, {events.count('create')} {would}created, "
        f"{done.unchanged} unchanged.",
        err=True,
    )
    _tell_refused(done.refused)


def _enter_results(site: Site, file: Path, instrument: str, *, dry_run: bool, is_partial: bool) -> None:
    content, most = sent_file(file).content, site.settings.max_update_entries

    def work(tx: Transaction) -> ImportedResults:
        shape = shape_of(tx, instrument)
        return import_results(tx, content, shape, most_rows=most, dry_run=dry_run, is_partial=is_partial)

    done = _carried_out(site, file, work, dry_run=dry_run)
    for item in done.results:
        click.echo(f"row {item.measured.row}\t{item.entry.path}\t{item.value}")
    for one in done.left_out:
        click.echo(f"row {one.row}: nobody asked for {one.keyword} of {one.sample}; it was left out.", err=True)
    click.echo(f"{len(done.results)} results {'would be' if dry_run else 'are'} entered.", err=True)
    _tell_refused(done.refused)


def _tell_refused(refused: Sequence[RefusedItem]) -> None:
    """Raise Refused with what is wrong with the rows that were left out, if there are any."""
    if refused:
        lines = [cause.message for item in refused for cause in item.error.causes] or [
            item.error.message for item in refused
        ]
        raise Refused("\n".join((*lines, f"{len(refused)} could not be done and were left as they were.")))


def _carried_out(site: Site, file: Path, work: Callable[[Transaction], _T], *, dry_run: bool) -> _T:
    """Do work for a file in one transaction. Raises Refused with a line for each thing that is wrong with the file."""
    label = f"{'Checking' if dry_run else 'Writing'} {file.name}"
    try:
        return with_progress(label, lambda: site.run(lambda _: command_line_user(), work, write=not dry_run))
    except ApiError as error:
        lines = [cause.message for cause in error.causes] or [error.message]
        raise Refused("\n".join(dict.fromkeys((*lines, "Nothing was done.")))) from error


def _shown(cells: tuple[CellEdit, ...]) -> str:
    return ", ".join(f"{cell.field}: {_short(cell.old)} -> {_short(cell.new)}" for cell in cells)


def _short(text: str) -> str:
    one_line = " | ".join(text.splitlines())
    return repr(one_line if len(one_line) <= _LONGEST else f"{one_line[:_LONGEST]}…")
