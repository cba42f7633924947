"""Where the tables of types are: in the gateway's own database, in another of the same server, or elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from catalog.dialect import begin_write, create_engine_for
from catalog.dialect.existing import same_database, schema_on_same_server
from objapi.model.registry import Registry
from objapi.model.types import GATEWAY


@dataclass(frozen=True, slots=True)
class DatabasePlace:
    """How the tables of a database are reached.

    `schema` is the name of another database of the same server; `engine` gives connections to one elsewhere. With
    neither the tables are among the gateway's own.
    """

    schema: str | None = None
    engine: Engine | None = None


def find_databases(
    registry: Registry, own: str, urls: Mapping[str, str], *, threads: int, wait: float
) -> dict[str, DatabasePlace]:
    """Where the databases are that types name: database → place. Raises LookupError for one without a URL.

    `own` is the URL of the gateway's database, `urls` those of others by name; `threads` and `wait` as an engine takes
    them.
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
            places[name] = DatabasePlace(engine=create_engine_for(url, threads=threads, wait=wait, own=False))
    return places


class Connections:
    """The connections of one request: the gateway's own, and those to databases elsewhere as they come to be needed.

    Whoever made it closes it; what was written elsewhere is committed by `commit`, else undone.
    """

    def __init__(self, own: Connection, places: Mapping[str, DatabasePlace], *, writes: bool) -> None:
        self.own = own
        self._places = places
        self._writes = writes
        self._foreign: dict[str, Connection] = {}
        self.pending: list[int] = []
        """What is pending until the databases elsewhere have committed."""

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
        """Whether the tables of a database are written in a transaction of their own."""
        return self._places[database].engine is not None

    def commit(self) -> None:
        """Commit what was written elsewhere; a transaction that may not write has nothing to commit."""
        for connection in self._foreign.values() if self._writes else ():
            connection.commit()

    def close(self) -> None:
        """Give the connections elsewhere back; what was not committed is undone."""
        connections, self._foreign = list(self._foreign.values()), {}
        for connection in connections:
            connection.close()
