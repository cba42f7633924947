"""`objapi lims`: requests of a laboratory from files."""

from pathlib import Path

import click

from objapi.cli.common import data_option, opened_site
from objapi.cli.failures import Refused
from objapi.cli.sheets import dry_run_option, file_argument, refused_rows, sent_file, with_progress
from objapi.errors import ApiError
from objapi.profiles.lims.ar_imports import ImportedRequests, import_requests
from objapi.security.principals import command_line_user
from objapi.store.requests import ByPath
from objapi.store.transaction import Transaction


@click.group()
def lims() -> None:
    """Make analysis requests of files."""


@lims.command("import-requests")
@file_argument
@click.option("--client", metavar="PATH", help="The client, such as /clients/client-1, if the file names none.")
@dry_run_option
@data_option
def import_requests_command(file: Path, client: str | None, dry_run: bool, data_dir: Path | None) -> None:
    """Make the requests of FILE, a CSV or XLSX of the shape of the import template: all of them, or none.

    Mistakes are named by row and column. The client gets the file, as an import.
    """
    sent = sent_file(file)
    with opened_site(data_dir) as site:
        if "ARImport" not in site.registry.types:
            raise Refused("The site has no requests: add lims to OBJAPI_PROFILES and run `objapi upgrade`.")
        place, most = None if client is None else ByPath(client), site.settings.max_update_entries

        def work(tx: Transaction) -> ImportedRequests:
            return import_requests(tx, sent, place, most_rows=most, dry_run=dry_run)

        try:
            done = with_progress(
                f"Importing {file.name}", lambda: site.run(lambda _: command_line_user(), work, write=not dry_run)
            )
        except ApiError as error:
            raise refused_rows(error) from error
    for row, entry in done.requests:
        click.echo(f"row {row}\t{entry.path}")
    for warning in done.warnings:
        click.echo(warning, err=True)
    click.echo(f"{len(done.requests)} requests {'would be' if dry_run else 'are'} made.", err=True)
