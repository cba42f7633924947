"""Databases to test on: SQLite files, and databases on one private MariaDB server a test session.

Environment:
    OBJAPI_TEST_MARIADB_URL    use this running server (an SQLAlchemy URL; its user may create databases)
    OBJAPI_REQUIRE_MARIADB     1: a missing server fails the tests instead of skipping them
"""

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pymysql
from sqlalchemy.engine import URL, make_url

from tests.ports import free_port
from tests.waiting import ENOUGH, wait_until

SERVER_URL_VARIABLE = "OBJAPI_TEST_MARIADB_URL"
REQUIRE_VARIABLE = "OBJAPI_REQUIRE_MARIADB"
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/usr/libexec"])


class ServerMissing(Exception):
    """No MariaDB server can be had; the message says what to install or to set."""


def mariadb_required() -> bool:
    """Whether a missing MariaDB server is a failure rather than a reason to skip."""
    return os.environ.get(REQUIRE_VARIABLE, "") not in ("", "0")


def program_path(*names: str) -> str:
    """The path of the first of some programs that is installed; raises ServerMissing."""
    for name in names:
        found = shutil.which(name, path=SEARCH_PATH)
        if found:
            return found
    raise ServerMissing(
        f"MariaDB half not tested: {' or '.join(names)} is not installed. "
        f"Install mariadb-server (no service needed) or set {SERVER_URL_VARIABLE}."
    )


def _connect(server: URL) -> pymysql.Connection:
    return pymysql.connect(
        host=server.host or "127.0.0.1",
        port=server.port or 3306,
        user=server.username or "root",
        password=server.password or "",
        charset="utf8mb4",
        autocommit=True,
        ssl_disabled=True,
    )


def administer(server: URL, statement: str) -> None:
    connection = _connect(server)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()


def _drop(server: URL, name: str) -> None:
    """Drop a database; connections that a failed test left open would make this wait for ever, so they are cut."""
    connection = _connect(server)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM information_schema.processlist WHERE db = %s", (name,))
            for (number,) in cursor.fetchall():
                with suppress(pymysql.err.OperationalError):  # it has ended by itself meanwhile
                    cursor.execute("KILL %s", (number,))
            cursor.execute("SET SESSION lock_wait_timeout = %s", (ENOUGH,))
            cursor.execute(f"DROP DATABASE `{name}`")
    finally:
        connection.close()


def wait_until_ready(process: "subprocess.Popen[bytes]", server: URL, log: Path) -> None:
    def answers() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"mariadbd ended with status {process.returncode}:\n{log.read_text(errors='replace')}")
        try:
            _connect(server).close()
        except pymysql.err.OperationalError:
            return False
        return True

    wait_until(answers, "the answer of mariadbd", log)


def server_command(program: str, root: Path, port: int) -> list[str]:
    """The command line of a small, fast, forgetful server that dies with the process that started it."""
    setpriv = shutil.which("setpriv", path=SEARCH_PATH)
    prefix = [setpriv, "--pdeathsig", "TERM"] if setpriv else []
    user = ["--user=root"] if os.geteuid() == 0 else []
    return [
        *prefix,
        program,
        "--no-defaults",
        *user,
        f"--datadir={root / 'data'}",
        f"--socket={root / 'sock'}",
        f"--pid-file={root / 'pid'}",
        f"--port={port}",
        "--bind-address=127.0.0.1",
        "--skip-name-resolve",
        "--skip-log-bin",
        "--performance-schema=OFF",
        "--key-buffer-size=1M",
        "--aria-pagecache-buffer-size=4M",
        "--innodb-buffer-pool-size=64M",
        "--innodb-log-file-size=32M",
        "--innodb-flush-log-at-trx-commit=0",
        "--loose-innodb-flush-method=nosync",
        "--innodb-doublewrite=0",
        "--innodb-file-per-table=0",
        "--innodb-stats-persistent=0",
        "--innodb-fast-shutdown=2",
        f"--innodb-lock-wait-timeout={ENOUGH}",
        "--max-connections=64",
    ]


def install_tables(data: Path, environment: Mapping[str, str]) -> None:
    """Make the directory of a server's data; its user root has no password. Raises ServerMissing."""
    installer = program_path("mariadb-install-db", "mysql_install_db")
    user = ["--user=root"] if os.geteuid() == 0 else []
    subprocess.run(
        [
            installer,
            "--no-defaults",
            *user,
            f"--datadir={data}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
        ],
        check=True,
        capture_output=True,
        env=environment,
    )


@contextmanager
def private_mariadb() -> Iterator[URL]:
    """Start a MariaDB server on a temporary directory and a free loopback port; stop it and remove it afterwards.

    Yields the URL of the server (user root, no password, no database). Raises ServerMissing without the programs.
    """
    program = program_path("mariadbd", "mysqld")
    with tempfile.TemporaryDirectory(prefix="objapi-mariadb-") as name:
        root = Path(name)
        # A server that starts clears its directory of temporary files, so no two of them may share one.
        environment = {**os.environ, "TMPDIR": str(root / "tmp")}
        (root / "tmp").mkdir()
        install_tables(root / "data", environment)
        port = free_port()
        log = root / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                server_command(program, root, port), stdout=output, stderr=output, env=environment
            )
        server = URL.create("mysql+pymysql", username="root", host="127.0.0.1", port=port)
        try:
            wait_until_ready(process, server, log)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(timeout=ENOUGH)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def mariadb_server() -> Iterator[URL]:
    """The server named by OBJAPI_TEST_MARIADB_URL, else a private one."""
    given = os.environ.get(SERVER_URL_VARIABLE)
    if given:
        yield make_url(given).set(database=None)
    else:
        with private_mariadb() as server:
            yield server


@contextmanager
def fresh_mariadb_database(server: URL) -> Iterator[str]:
    """Create an empty database with a unique name; yield its URL; drop it."""
    name = f"objapi_test_{uuid.uuid4().hex[:16]}"
    administer(server, f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        _drop(server, name)


def fresh_sqlite_database(directory: Path) -> str:
    """The URL of an SQLite file that does not exist yet, in `directory`."""
    return f"sqlite:///{directory / 'objapi-test.sqlite'}"
