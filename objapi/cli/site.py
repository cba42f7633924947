"""`objapi init`, `content`, `upgrade`, `reindex`, `settings`: make a site, fill it, and bring it up to date."""

import os
from collections.abc import Sequence
from pathlib import Path
from shutil import get_terminal_size

import click

from catalog.dialect import chosen_driver
from objapi import upkeep
from objapi.cli.common import data_option, opened_site, settings_from
from objapi.http.memory import LOADING, limit_collections
from objapi.ispyb.database import prepare
from objapi.model.loading import read_content
from objapi.model.loading.content_lines import SUFFIXES
from objapi.progress import progress
from objapi.settings import describe
from objapi.site import Site


@click.command()
@data_option
def init(data_dir: Path | None) -> None:
    """Make the site: its tables and the objects it begins with. On a site that exists this changes nothing."""
    site = Site.open(settings_from(data_dir=data_dir))
    try:
        made = upkeep.initialise(site, progress)
        prepare(site)
    finally:
        site.close()
    if made:
        click.echo("The site is made. Next: objapi user add NAME --role Manager; objapi serve", err=True)
    else:
        click.echo("The site exists already; nothing was changed.", err=True)


@click.group()
def content() -> None:
    """Load objects and users from files."""


@content.command("load")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@data_option
def load(file: Path, data_dir: Path | None) -> None:
    """Load the users and objects of the YAML file FILE, all or none of them, or the objects of an NDJSON file.

    The profile guide says how such a file is written; the sample laboratory is one. Loading a file again changes
    nothing: objects that exist get the values of the file, users who exist stay as they are but for local roles.

    NDJSON (*.ndjson, *.jsonl), one object a line, is for many objects: it is read and stored in chunks, each of which
    is loaded wholly or not at all. A load that was cut short goes on after the last chunk when it is run again.
    """
    with opened_site(data_dir) as site:
        if file.suffix in SUFFIXES:
            limit_collections(LOADING)
            upkeep.load_lines(site, file, progress, lambda line: click.echo(line, err=True))
            return
        there = upkeep.load_content(site, read_content(file, zone=site.settings.timezone), progress)
    if there:
        click.echo(f"These users were there and keep password, roles and groups: {', '.join(there)}.", err=True)


_MOST_JOBS = 4
jobs_option = click.option(
    "--jobs",
    type=click.IntRange(1),
    default=lambda: min(_MOST_JOBS, len(os.sched_getaffinity(0))),
    show_default=f"one for each core, at most {_MOST_JOBS}",
    help="Processes that compare objects, when there are very many; one writes.",
)


@click.command()
@jobs_option
@click.option("--dry-run", is_flag=True, help="Tell what would be moved and what does not fit, and change nothing.")
@data_option
def upgrade(jobs: int, dry_run: bool, data_dir: Path | None) -> None:
    """Bring the tables and catalogs in step with this version and with the declarations. Repeatable.

    Before anything is changed it tells, by type and field, which stored values the declarations do not take, with their
    number and the UIDs of the first objects. These values stay; states and values that the declarations map are moved.
    """
    site = Site.open(settings_from(data_dir=data_dir))
    limit_collections(LOADING)
    try:
        upkeep.upgrade(site, progress, _report, dry_run=dry_run, jobs=jobs)
        if not dry_run:
            prepare(site)
    finally:
        site.close()
    if dry_run:
        click.echo("Nothing was changed.", err=True)


def _report(lines: Sequence[str]) -> None:
    for line in lines:
        click.echo(line, err=True)


@click.command()
@jobs_option
@data_option
def reindex(jobs: int, data_dir: Path | None) -> None:
    """Compute every index value and every stored answer again from the objects, and write those that differ."""
    with opened_site(data_dir) as site:
        limit_collections(LOADING)
        upkeep.reindex(site, progress, jobs=jobs)


@click.command("settings")
def show_settings() -> None:
    """List every setting: its environment variable, default, value in force where one is set, and meaning.

    Values that cannot be used are listed at the end; exit status 1.
    """
    click.echo(describe(width=min(get_terminal_size().columns, 100), environ=os.environ))
    settings = settings_from()
    if not settings.on_sqlite:
        click.echo(f"Driver of the database: {chosen_driver(settings.mariadb_driver)}.")
