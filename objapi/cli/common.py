"""Shared by the commands: settings from options and environment, and an open site."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from objapi.settings import Settings, load_settings
from objapi.site import Site

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
    site = Site.open(settings_from(data_dir=data_dir))
    try:
        site.check_current()
        yield site
    finally:
        site.close()
