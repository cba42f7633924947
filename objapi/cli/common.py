"""Shared by the commands: settings from options and environment, an open site, and failures in plain words."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

import click

from objapi.errors import ApiError
from objapi.model.loading import ProfileError
from objapi.serve import ServeError
from objapi.settings import Settings, SettingsError, load_settings
from objapi.site import Site, SiteError
from workflows import DefinitionError

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")

data_option = click.option(
    "--data",
    "data_dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory of everything that is written to disk.  [OBJAPI_DATA_DIR; default: var]",
)


class Refused(click.ClickException):
    """A command that cannot be carried out; its message says what to do instead. Exit status 1."""


def explained(command: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Decorator of commands: a failure that the user can mend ends with its message, not with a traceback."""

    @wraps(command)
    def run(*args: _Parameters.args, **options: _Parameters.kwargs) -> _Result:
        try:
            return command(*args, **options)
        except SettingsError as error:
            raise Refused("\n".join(error.problems)) from error
        except (SiteError, ServeError, ApiError, ProfileError, DefinitionError) as error:
            raise Refused(str(error)) from error

    return run


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
