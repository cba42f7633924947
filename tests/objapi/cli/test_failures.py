"""Failures of commands: one or two lines with the remedy, exit status 1, and a traceback only when asked for."""

import errno
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pymysql
import pytest
from sqlalchemy import exc
from sqlalchemy.engine import URL, make_url

from catalog.dialect import DriverMissing
from objapi.cli.failures import failure_message
from objapi.errors import Unavailable
from tests.databases import fresh_mariadb_database
from tests.objapi.cli.test_commands import objapi
from tests.objapi.model.loading.small_profile import write_profile


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the surroundings reaches a command."""
    for name in ("OBJAPI_DATA_DIR", "OBJAPI_DATABASE_URL", "OBJAPI_PROFILES"):
        monkeypatch.delenv(name, raising=False)


def of_mysql(code: int, message: str) -> exc.DBAPIError:
    return exc.OperationalError("SELECT secret", {}, pymysql.OperationalError(code, message))


def of_sqlite(code: int, message: str) -> exc.DBAPIError:
    error = sqlite3.OperationalError(message)
    error.sqlite_errorcode = code
    return exc.OperationalError("SELECT secret", {}, error)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (of_mysql(1045, "Access denied for user 'x'@'localhost'"), "Correct user and password"),
        (of_mysql(1049, "Unknown database 'nosuch'"), "Create the database"),
        (of_mysql(1044, "Access denied for user 'x' to database 'lab'"), "GRANT"),
        (of_mysql(1142, "CREATE command denied to user 'x' for table 't'"), "GRANT"),
        (of_mysql(2003, "Can't connect to MySQL server on '127.0.0.1'"), "Start the server"),
        (of_mysql(1036, "Table 'users' is read only"), "right to write"),
        (of_mysql(1290, "The server is running with --read-only"), "right to write"),
        (of_mysql(1114, "The table 't' is full"), "Make room"),
        (of_mysql(1969, "Query execution was interrupted (max_statement_time exceeded)"), "has less to do"),
        (of_mysql(2013, "Lost connection (timed out)"), "holds connections"),
        (of_mysql(1146, "Table 'lab.entities' doesn't exist"), "objapi upgrade"),
        (of_mysql(1176, "Key 'x' doesn't exist in table 'catalog_portal_catalog'"), "objapi upgrade"),
        (of_mysql(4025, "CONSTRAINT `c` failed"), "--debug"),
        (of_sqlite(sqlite3.SQLITE_CANTOPEN, "unable to open database file"), "correct its name"),
        (of_sqlite(sqlite3.SQLITE_ERROR, "no such table: entities"), "objapi upgrade"),
        (of_sqlite(sqlite3.SQLITE_ERROR, "table entities has no column named seq"), "objapi upgrade"),
        (of_sqlite(sqlite3.SQLITE_READONLY_DIRECTORY, "attempt to write a readonly database"), "right to write"),
        (of_sqlite(sqlite3.SQLITE_NOTADB, "file is not a database"), "another file"),
        (of_sqlite(sqlite3.SQLITE_FULL, "database or disk is full"), "Make room"),
        (of_sqlite(sqlite3.SQLITE_BUSY, "database is locked"), "Another program"),
        (PermissionError(errno.EACCES, "Permission denied", "/srv/lab"), "/srv/lab: Permission denied. Give"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "out/x.yaml"), "Make the folder first"),
        (OSError(errno.ENOSPC, "No space left on device"), "Make room"),
        (ModuleNotFoundError("No module named 'ldap3'", name="ldap3"), "ldap3 is missing"),
        (DriverMissing("mysqlclient cannot be loaded: No module named 'MySQLdb'."), "OBJAPI_MARIADB_DRIVER"),
        (KeyError("MxFolder"), "KeyError: 'MxFolder'"),
    ],
)
def test_cause_and_remedy_take_one_or_two_lines(error: Exception, told: str) -> None:
    message = failure_message(error)
    assert told in message
    assert len(message.splitlines()) <= 2
    assert "SELECT" not in message


def test_an_api_error_tells_what_the_database_said() -> None:
    error = Unavailable("The database is away or too busy.", retry_after=2)
    error.__cause__ = of_mysql(2003, "Can't connect to MySQL server on '127.0.0.1'")
    assert "127.0.0.1" in failure_message(error)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    result = objapi("init", "--data", tmp_path / "file" / "var")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {tmp_path}/file")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("place", [("--debug", "init"), ("init", "--debug")])
def test_the_traceback_is_shown_when_asked_for(tmp_path: Path, place: tuple[str, ...]) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    result = objapi(*place, "--data", tmp_path / "file" / "var")
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert "Error: " in result.stderr


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "objapi.sqlite").write_text("no database, but text " * 100, encoding="utf-8")
    result = objapi("user", "list", "--data", tmp_path)
    assert result.exit_code == 1
    assert "OBJAPI_DATABASE_URL" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"username": "nobody", "password": "wrong"}, "Correct user and password"),
        ({}, "Create the database"),
        ({"host": "127.0.0.1", "port": 9, "query": {}}, "Start the server"),
    ],
)
@pytest.mark.parametrize("command", [("init",), ("user", "list"), ("upgrade",), ("serve", "--port", "18081")])
def test_a_server_that_lets_nobody_in_is_told(
    tmp_path: Path,
    mariadb: Callable[[], URL],
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    changes: dict[str, object],
    told: str,
) -> None:
    with fresh_mariadb_database(mariadb()) as good:
        url = make_url(good).set(**changes)  # type: ignore[arg-type]
    monkeypatch.setenv("OBJAPI_DATABASE_URL", url.render_as_string(hide_password=False))
    result = objapi(*command, "--data", tmp_path)
    assert result.exit_code == 1
    assert told in result.stderr
    assert len(result.stderr.splitlines()) == 2


@pytest.mark.parametrize(
    ("source", "line", "told"),
    [
        ("def broken(:\n    pass\n", 1, "no Python can be read here"),
        ("import os\nnosuch.call()\n", 2, "NameError"),
        ("import nosuch_library\n", 1, "nosuch_library"),
    ],
)
def test_python_of_a_profile_that_cannot_be_imported_is_told_by_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, line: int, told: str
) -> None:
    folder = write_profile(tmp_path / "profile", {"profile.yaml": "title: T\nextends: [base]\n"})
    (folder / "behaviors.py").write_text(source, encoding="utf-8")
    monkeypatch.setenv("OBJAPI_PROFILES", str(folder))
    result = objapi("init", "--data", tmp_path / "var")
    assert result.exit_code == 1
    assert f"behaviors.py:{line}: " in result.stderr
    assert told in result.stderr
    assert result.stderr.startswith("Error: 1 mistake")


def test_an_output_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    definition = tmp_path / "definition.xml"
    definition.write_text(
        '<dc-workflow workflow_id="w" state_variable="s" initial_state="a"><state state_id="a"/></dc-workflow>',
        encoding="utf-8",
    )
    result = objapi("workflows", "import", definition, "-o", tmp_path / "nosuch" / "w.yaml")
    assert result.exit_code == 1
    assert "Make the folder first" in result.stderr
