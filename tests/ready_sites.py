"""Sites for tests, made once a test process and copied from then on: to make tables and objects anew takes much longer.

What makes a site has tests of its own, which use `objapi.upkeep.initialise` itself.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import pymysql
from sqlalchemy.engine import URL, make_url

from objapi import upkeep
from objapi.site import Site
from objapi.store.schema import site_state
from objapi.store.upgrade.versions import PROFILES


@dataclass(frozen=True, slots=True)
class Ready:
    """Definitions of tables, and their rows."""

    definitions: tuple[str, ...]
    rows: tuple[tuple[str, Sequence[tuple[Any, ...]]], ...]

    def made_with(self, profiles: Sequence[str]) -> "Ready":
        """The same for a site whose profiles, with the same declarations, are in other folders."""
        remembered = (PROFILES, orjson.dumps(profiles).decode())
        rows = [
            (name, [remembered if name == site_state.name and row[0] == PROFILES else row for row in found])
            for name, found in self.rows
        ]
        return Ready(self.definitions, tuple(rows))


_made: dict[tuple[object, ...], Ready] = {}


@contextmanager
def quietly(label: str, total: int) -> Iterator[Callable[[int], None]]:
    yield lambda done: None


def initialise(site: Site) -> None:
    """Make the tables and objects of a new site; the database may have tables of others."""
    settings = site.settings
    same = (
        settings.on_sqlite,
        site.registry.fingerprint,
        # Who may do what is in stored acls, and not in the fingerprint.
        repr(site.registry.roles),
        repr(site.registry.layout),
        settings.site_id,
        settings.site_title,
        settings.timezone,
    )
    with closing(_tables(site.engine.url)) as database:
        ready = _made.get(same)
        if ready is not None:
            database.put(ready.made_with(settings.profiles or ()))
            return
        others = database.names()
        upkeep.initialise(site, quietly)
        _made[same] = database.taken(database.names() - others)


def taken_from(url: str) -> Ready:
    """All tables of a database."""
    with closing(_tables(make_url(url))) as database:
        return database.taken(database.names())


def put_into(url: str, ready: Ready) -> None:
    """Make the same tables with the same rows in a database that has none of them."""
    with closing(_tables(make_url(url))) as database:
        database.put(ready)


def _tables(url: URL) -> "_SqliteTables | _MariadbTables":
    return _SqliteTables(url) if url.get_backend_name() == "sqlite" else _MariadbTables(url)


class _SqliteTables:
    """Tables of an SQLite file."""

    def __init__(self, url: URL) -> None:
        self._connection = sqlite3.connect(str(url.database), isolation_level=None)
        self._connection.execute("PRAGMA synchronous=OFF").close()

    def close(self) -> None:
        self._connection.close()

    def names(self) -> set[str]:
        return {name for (name,) in self._connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}

    def taken(self, names: set[str]) -> Ready:
        own = [name for name in sorted(names) if not name.startswith("sqlite_")]
        definitions = [
            text
            for name, text in self._connection.execute(
                "SELECT tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type <> 'table', rowid"
            )
            if name in own
        ]
        rows = [(name, self._connection.execute(f'SELECT * FROM "{name}"').fetchall()) for name in own]
        return Ready(tuple(definitions), tuple((name, found) for name, found in rows if found))

    def put(self, ready: Ready) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        for definition in ready.definitions:
            self._connection.execute(definition)
        for name, rows in ready.rows:
            marks = ",".join("?" * len(rows[0]))
            self._connection.executemany(f'INSERT INTO "{name}" VALUES ({marks})', rows)
        self._connection.execute("COMMIT")


class _MariadbTables:
    """Tables of a database on MariaDB."""

    def __init__(self, url: URL) -> None:
        self._connection = pymysql.connect(
            host=url.host or "127.0.0.1",
            port=url.port or 3306,
            user=url.username,
            password=url.password or "",
            database=url.database,
            charset="utf8mb4",
            ssl_disabled=True,
        )

    def close(self) -> None:
        self._connection.close()

    def names(self) -> set[str]:
        return {str(name) for (name,) in self._ask("SHOW TABLES")}

    def taken(self, names: set[str]) -> Ready:
        own = sorted(names)
        definitions = [str(self._ask(f"SHOW CREATE TABLE `{name}`")[0][1]) for name in own]
        rows = [(name, self._ask(f"SELECT * FROM `{name}`")) for name in own]
        return Ready(tuple(definitions), tuple((name, found) for name, found in rows if found))

    def put(self, ready: Ready) -> None:
        with self._connection.cursor() as cursor:
            # Tables and rows come in the order of names, not in that in which they refer to each other.
            cursor.execute("SET SESSION foreign_key_checks = 0")
            for definition in ready.definitions:
                cursor.execute(definition)
            for name, rows in ready.rows:
                marks = ",".join(["%s"] * len(rows[0]))
                cursor.executemany(f"INSERT INTO `{name}` VALUES ({marks})", rows)
        self._connection.commit()

    def _ask(self, statement: str) -> Sequence[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
        self._connection.commit()
        return rows
