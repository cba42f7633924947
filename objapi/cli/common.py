"""Shared by the commands: settings from options and environment, and an open site."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from objapi import upkeep
from objapi.settings import SQLITE_FILE, Settings, load_settings
from objapi.site import Site
from objapi.site_context import SiteError

data_option = click.option(
    "--data",
    "data_dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory of everything that is written to disk.  [OBJAPI_DATA_DIR; default: var]",
)


def settings_from(**options: str | int | Path | None) -> Settings:
    """The settings of the environment with those of the command line over them; raises SettingsError."""
    return load_settings(os.environ, options)


@contextmanager
def opened_site(data_dir: Path | None) -> Iterator[Site]:
    """The site of the settings, open; raises SiteError when it was never made or is not up to date."""
    settings = settings_from(data_dir=data_dir)
    file = settings.data_dir / SQLITE_FILE
    if settings.database_url is None and not file.is_file():
        # Before anything is opened, which would make the directory and the file.
        raise SiteError(f"There is no site in {file}. Is --data right? `objapi init` makes one.")
    site = Site.open(settings)
    try:
        upkeep.check_current(site)
        yield site
    finally:
        site.close()
