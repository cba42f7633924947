"""Failures of a command as one or two lines with the remedy, and the group of commands that ends with them."""

import errno
import sys
import traceback
from collections.abc import Mapping
from typing import Any, Final

import click
from sqlalchemy import exc

from catalog.dialect import DatabaseFault, DriverMissing, database_message, fault_of
from objapi.errors import ApiError
from objapi.model.loading import ProfileError
from objapi.security.audit_key import AuditKeyError
from objapi.serve import ServeError
from objapi.settings import SettingsError
from objapi.site_context import SiteError
from workflows import DefinitionError

DEBUG: Final = "--debug"

_SELF_EXPLAINING: Final = (
    SettingsError,
    SiteError,
    ServeError,
    ApiError,
    ProfileError,
    DefinitionError,
    AuditKeyError,
)
_DATABASE_REMEDIES: Final[Mapping[DatabaseFault, str]] = {
    DatabaseFault.REFUSED_LOGIN: "Correct user and password in {urls}.",
    DatabaseFault.NO_DATABASE: "Create the database, or correct its name in {urls}.",
    DatabaseFault.NO_RIGHT: "GRANT the right to the user that {urls} names.",
    DatabaseFault.UNREACHABLE: "Start the server, or correct host and port in {urls}.",
    DatabaseFault.READ_ONLY: "Give this user the right to write to the database that {urls} names.",
    DatabaseFault.FULL: "Make room on the disk of the database.",
    DatabaseFault.BUSY: "Another program holds the database; run the command again when that has ended.",
    DatabaseFault.OVER_TIME: "Run the command again when the database has less to do.",
    DatabaseFault.HANGS: "Look after the server that {urls} names: it holds connections, but does not answer.",
    DatabaseFault.UNREADABLE: "Name another file in {urls}, or restore it from a backup.",
    DatabaseFault.CHANGED: "Run objapi upgrade, or name the database of this site in {urls}.",
}
_FILE_REMEDIES: Final[Mapping[int, str]] = {
    errno.ENOENT: "Make the folder first, or name another.",
    errno.ENOTDIR: "Part of the path is a file; name another.",
    errno.EEXIST: "A file is in the way; name another.",
    errno.EISDIR: "Name a file in it.",
    errno.EACCES: "Give this user the right, or name another place.",
    errno.EPERM: "Give this user the right, or name another place.",
    errno.EROFS: "Name another place.",
    errno.ENOSPC: "Make room on the disk.",
    errno.EDQUOT: "Make room on the disk, or have the quota raised.",
}
_DATABASE_URLS: Final = "OBJAPI_DATABASE_URL, OBJAPI_ISPYB_URL or OBJAPI_DATABASES"


class Refused(click.ClickException):
    """A command that cannot be carried out; its message says what to do instead. Exit status 1."""


class Commands(click.Group):
    """A group whose commands end with a message and exit status 1, whatever fails, and never with a traceback.

    With --debug, which may stand anywhere before a `--`, the traceback is shown first.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take --debug from wherever it stands, so that it can be added to the end of the line that failed."""
        end = args.index("--") if "--" in args else len(args)
        if DEBUG in args[:end]:
            args = [DEBUG, *(word for word in args[:end] if word != DEBUG), *args[end:]]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Raises Refused for whatever fails, and click's own exceptions as they are."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit) as error:
            if ctx.params.get("debug") and error.__cause__ is not None:
                traceback.print_exception(error.__cause__, file=sys.stderr)
            raise
        except Exception as error:
            # The outermost place of a program: what nobody foresaw is a message too, its traceback one option away.
            if ctx.params.get("debug"):
                traceback.print_exception(error, file=sys.stderr)
            raise Refused(failure_message(error)) from error


def failure_message(error: BaseException) -> str:
    """Message of a failed command: the cause and, where one is known, the remedy."""
    if isinstance(error, exc.DBAPIError):
        return _of_database(error)
    if isinstance(error, ApiError) and isinstance(error.__cause__, exc.DBAPIError):
        return _of_database(error.__cause__)
    if isinstance(error, _SELF_EXPLAINING):
        return str(error)
    if isinstance(error, OSError) and error.strerror is not None:
        place = "" if error.filename is None else f"{error.filename}: "
        return f"{place}{error.strerror}. {_FILE_REMEDIES.get(error.errno or 0, '')}".rstrip()
    if isinstance(error, DriverMissing):
        return f"{error} Install it (pip install 'objapi[mysqlclient]'), or set OBJAPI_MARIADB_DRIVER to auto."
    if isinstance(error, ModuleNotFoundError):
        return f"The Python library {error.name} is missing. Install it with pip where objapi is installed."
    return f"{type(error).__name__}: {_first_line(error)}\nRun the command with {DEBUG} to see where."


def _of_database(error: exc.DBAPIError) -> str:
    fault = fault_of(error)
    said = database_message(error).rstrip(".")
    if fault is None:
        return f"The database refused: {said}.\nRun the command with {DEBUG} to see where."
    return f"The database cannot be used: {said}.\n{_DATABASE_REMEDIES[fault].format(urls=_DATABASE_URLS)}"


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "")
