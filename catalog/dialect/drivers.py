"""Drivers of the MySQL family: PyMySQL, which is always installed, and mysqlclient, which is several times as fast.

The difference between them is known here alone. Values, numbers of errors and time limits are the same with either.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address
from math import ceil
from typing import Any, Final, Literal

from sqlalchemy.engine import URL

Driver = Literal["auto", "pymysql", "mysqlclient"]
"""Name of a driver as a user knows it; `auto`: mysqlclient where it is installed, else PyMySQL."""

TIMED_OUT: Final = "timed out"
"""Part of the message of an error by which a driver gives up a server that went silent."""
_CONNECT_SECONDS: Final = 10.0
_LOST: Final = 2013
STATEMENT_BYTES: Final = 1_000_000
"""Length of the statements into which rows of one insert are put together: below the least limit of servers, 1 MiB."""


class DriverMissing(Exception):
    """A driver that was asked for is not installed."""


def chosen_driver(wanted: Driver = "auto") -> Literal["pymysql", "mysqlclient"]:
    """The driver that a wish amounts to here. Raises DriverMissing."""
    if wanted == "pymysql":
        return "pymysql"
    try:
        import MySQLdb  # noqa: F401, PLC0415 - an extra
    except ImportError as error:
        if wanted == "mysqlclient":
            raise DriverMissing(f"mysqlclient cannot be loaded: {error}.") from error
        return "pymysql"
    return "mysqlclient"


def with_driver(url: URL, wanted: Driver = "auto") -> URL:
    """The URL of a database of the MySQL family with the driver that a wish amounts to. Raises DriverMissing."""
    name = {"pymysql": "pymysql", "mysqlclient": "mysqldb"}[chosen_driver(wanted)]
    return url.set(drivername=f"{url.get_backend_name()}+{name}")


def driver_arguments(
    url: URL, init_command: str, silence: float | None, connect_within: float = _CONNECT_SECONDS
) -> dict[str, Any]:
    """Arguments of a connection of the URL's driver, which gives up a server that is silent for so many seconds.

    A server that does not answer at all is given up after `connect_within` seconds.
    """
    arguments: dict[str, Any] = {"charset": "utf8mb4", "init_command": init_command}
    connect = connect_within if silence is None else min(connect_within, silence)
    if url.get_driver_name() == "pymysql":
        arguments["connect_timeout"] = connect_within
        if _is_on_this_machine(url) and not any(name.startswith(("ssl", "read_default")) for name in url.query):
            # PyMySQL reads all certificates of the system anew for each connection, which takes longer than the rest of
            # it: for nothing where no network is in between.
            arguments["ssl_disabled"] = True
        if silence is not None:
            arguments["read_timeout"] = arguments["write_timeout"] = silence
        return arguments
    arguments |= {
        "connect_timeout": ceil(connect),
        "cursorclass": _cursor_class(silence),
        # Several statements in one text are an invitation to attackers; text that is not UTF-8 is bytes.
        "multi_statements": False,
        "binary_prefix": True,
    }
    if silence is not None:
        arguments["read_timeout"] = arguments["write_timeout"] = ceil(silence)
    return arguments


def connected(dbapi: Any, arguments: Mapping[str, Any], silence: float | None) -> Any:
    """A new connection by a driver, whose server answers in time or is given up."""
    if dbapi.__name__ != "pymysql":
        # Its `connect_timeout` holds until the server has taken the log-in.
        return dbapi.connect(**arguments)
    connection = dbapi.connect(**{**arguments, "read_timeout": arguments["connect_timeout"]})
    # PyMySQL waits for a server's greeting as long as for a statement, and has no other way to tell the two apart.
    connection._read_timeout = silence
    return connection


def _is_on_this_machine(url: URL) -> bool:
    """True for the loopback addresses and the sockets of the file system."""
    if url.host is None or "unix_socket" in url.query or url.host == "localhost":
        return True
    try:
        return ip_address(url.host).is_loopback
    except ValueError:
        return False


def _cursor_class(silence: float | None) -> type[Any]:
    from MySQLdb import OperationalError  # noqa: PLC0415 - an extra
    from MySQLdb.cursors import Cursor  # noqa: PLC0415

    class TellingCursor(Cursor):
        """A cursor of mysqlclient that tells a server that went silent from a connection that was cut."""

        max_stmt_length = STATEMENT_BYTES

        def execute(self, query: Any, args: Any = None) -> Any:
            begun = time.monotonic()
            try:
                return super().execute(query, args)
            except OperationalError as error:
                if silence is None or error.args[0] != _LOST or time.monotonic() - begun < silence:
                    raise
                raise OperationalError(_LOST, f"{error.args[1]} (the server {TIMED_OUT})") from error

        def close(self) -> None:
            # Of a connection that is lost there is nothing left to read, and what lost it is the error to raise.
            with suppress(OperationalError):
                super().close()

    return TellingCursor
