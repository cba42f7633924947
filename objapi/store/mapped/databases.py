"""Databases of mapped tables: the gateway's own, another of the same server, or a foreign one."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from catalog.dialect import Driver, begin_write, create_engine_for
from catalog.dialect.existing import same_database, schema_on_same_server
from objapi.model.registry import Registry
from objapi.model.types import GATEWAY
from objapi.store.mapped.outbox import RowOutbox


@dataclass(frozen=True, slots=True)
class DatabasePlace:
    """Way to the tables of a database.

    `schema` is the name of another database of the same server; `engine` gives connections to a foreign one. With
    neither the tables are among the gateway's own.
    """

    schema: str | None = None
    engine: Engine | None = None


def find_databases(
    registry: Registry,
    own: str,
    urls: Mapping[str, str],
    *,
    threads: int,
    wait: float,
    limit: float | None = None,
    driver: Driver = "auto",
) -> dict[str, DatabasePlace]:
    """Places of the databases that types name, by name. Raises LookupError for one without a URL, DriverMissing.

    `own` is the URL of the gateway's database, `urls` those of others by name; `threads`, `wait`, `limit` and `driver`
    as an engine takes them.
    """
    places: dict[str, DatabasePlace] = {}
    for item in registry.types.values():
        if item.table is None or item.table.database in places:
            continue
        name = item.table.database
        if name != GATEWAY and name not in urls:
            raise LookupError(
                f"{item.source}: {item.portal_type} is a table of the database {name!r}, and no setting says where "
                f"that is. Set OBJAPI_DATABASES={name}=URL."
            )
        url = urls.get(name, own)
        schema = schema_on_same_server(own, url)
        if same_database(own, url):
            places[name] = DatabasePlace()
        elif schema is not None:
            places[name] = DatabasePlace(schema=schema)
        else:
            places[name] = DatabasePlace(
                engine=create_engine_for(url, threads=threads, wait=wait, own=False, limit=limit, driver=driver)
            )
    return places


class Connections:
    """The connections of one request: the gateway's own, and those to foreign databases, opened when needed.

    Whoever made it closes it; writes to foreign databases are committed by `commit`, else undone.
    """

    def __init__(self, own: Connection, places: Mapping[str, DatabasePlace], *, writes: bool) -> None:
        self.own = own
        self._places = places
        self._writes = writes
        self._foreign: dict[str, Connection] = {}
        self.outboxes: list[tuple[str, RowOutbox]] = []
        """Foreign database → what is to be stored once it has committed."""
        self.pending: list[int] = []
        """Numbers of outboxes that are pending until the foreign databases have committed."""

    def of(self, database: str) -> Connection:
        """The connection on which the tables of a database are reached."""
        engine = self._places[database].engine
        if engine is None:
            return self.own
        if database not in self._foreign:
            connection = self._foreign[database] = engine.connect()
            if self._writes:
                begin_write(connection)
        return self._foreign[database]

    def is_foreign(self, database: str) -> bool:
        """True when the tables of a database are written in a transaction of their own."""
        return self._places[database].engine is not None

    def store_pending(self, at: int) -> None:
        """Store the outboxes as pending, in the gateway's own transaction."""
        outboxes, self.outboxes = self.outboxes, []
        self.pending += [outbox.store_pending(self.own, database, at) for database, outbox in outboxes]

    def commit(self) -> None:
        """Commit the writes to foreign databases; a transaction that may not write has nothing to commit."""
        for connection in self._foreign.values() if self._writes else ():
            connection.commit()

    def close(self) -> None:
        """Give the foreign connections back; what was not committed is undone."""
        connections, self._foreign = list(self._foreign.values()), {}
        for connection in connections:
            connection.close()
