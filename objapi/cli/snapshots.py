"""`objapi export`, `objapi import`: a whole site in a file, for a backup or for another database."""

import os
from dataclasses import replace
from pathlib import Path

import click
from sqlalchemy import Table

from objapi.cli.common import data_option, opened_site, settings_from
from objapi.cli.failures import Refused
from objapi.http.memory import LOADING, limit_collections
from objapi.profiles.ispyb.tables import METADATA
from objapi.progress import progress
from objapi.settings import Settings
from objapi.site import Site
from objapi.snapshots import TO_OUTPUT, export_site, header_of, import_site
from objapi.store.trail.verifying import verify_trail


def own_row_tables(settings: Settings) -> tuple[Table, ...]:
    """The ISPyB tables, where they are the gateway's own."""
    return tuple(METADATA.sorted_tables) if settings.ispyb_url is None else ()


@click.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True))
@data_option
def export_command(file: Path, data_dir: Path | None) -> None:
    r"""Write everything that the site holds to FILE, as it is at one instant, while it is served.

    Objects with their history, files, users, rights, tokens and the trail are in it, and the rows of ISPyB tables that
    are the gateway's own; sessions are not, nor the key that signs the trail, nor other databases. Keep it as you keep
    the database: hashes of passwords are in it. With `-` it goes to the standard output, to be compressed or encrypted.

    \b
    objapi export site.ndjson
    objapi export - | zstd > site.ndjson.zst
    """
    with opened_site(data_dir) as site:
        header = export_site(site, file, own_row_tables(site.settings), progress)
    if file != TO_OUTPUT:
        click.echo(f"{header.total} rows are in {file}. Next: objapi import {file}, with an empty database.", err=True)


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@data_option
def import_command(file: Path, data_dir: Path | None) -> None:
    """Fill an empty database with the site of FILE, which `objapi export` wrote; of SQLite or of MariaDB.

    The file is verified first: a line that was changed, lost or added is told, and nothing is written. An import that
    was cut short goes on where it was when it is run again; the site is served once it has come to the end.
    """
    settings = settings_from(data_dir=data_dir)
    if not os.environ.get("OBJAPI_PROFILES"):
        settings = replace(settings, profiles=header_of(file).profiles)
    site = Site.open(settings)
    limit_collections(LOADING)
    try:
        header = import_site(site, file, own_row_tables(settings), progress)
        trail = site.transact(lambda connection: verify_trail(connection, settings.site_id, {}), write=False)
    finally:
        site.close()
    if trail.problems:
        raise Refused(
            f"All {header.total} rows are imported as they were, but the trail was changed by hand before. "
            "`objapi audit verify` tells each request."
        )
    click.echo(
        f"{header.total} rows are imported, {trail.linked} requests of the trail verified. Next: objapi serve", err=True
    )
