"""Numbers of ids: each given once, for good.

The next number is one more than the larger of the stored counter and the highest that is in use. A counter's row is
locked from the first look until the request ends, so two requests never draw the same number; a number drawn by a
request that fails is free again.
"""

from collections.abc import Iterable

from sqlalchemy import Connection, and_, or_, select

from catalog.dialect import upsert_rows
from objapi.model.ids import number_of
from objapi.store.records import chunks
from objapi.store.schema import entities, sequences

SCANNED = 100
"""How many ranges of ids one statement looks through."""


class Sequences:
    """The counters that one request uses."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._stored: dict[str, int] = {}
        self._values: dict[str, int] = {}

    def load(self, prefixes: Iterable[str], portal_type: str) -> None:
        """Have the counters of prefixes here, their rows locked; where there is none, from the ids that are in use."""
        wanted = [prefix for prefix in dict.fromkeys(prefixes) if prefix not in self._values]
        for chunk in chunks(wanted):
            statement = select(sequences.c.name, sequences.c.value).where(sequences.c.name.in_(chunk))
            for row in self._connection.execute(statement.with_for_update()):
                self._stored[row.name] = self._values[row.name] = row.value
        missing = [prefix for prefix in wanted if prefix not in self._values]
        for chunk in chunks(missing, SCANNED):
            self._values.update(self._in_use(chunk, portal_type))

    def next(self, prefix: str, portal_type: str, least: int, *, fresh: bool) -> int:
        """Draw a number for a prefix; `fresh` says that nothing can have used the prefix before this request."""
        value = max(self._highest(prefix, portal_type, fresh) + 1, least)
        self._values[prefix] = value
        return value

    def used(self, prefix: str, portal_type: str, number: int, *, fresh: bool) -> None:
        """Note that an id given by hand uses a number."""
        self._values[prefix] = max(self._highest(prefix, portal_type, fresh), number)

    def _highest(self, prefix: str, portal_type: str, fresh: bool) -> int:
        if prefix not in self._values:
            if fresh:
                self._values[prefix] = 0
            else:
                self.load([prefix], portal_type)
        return self._values[prefix]

    def _in_use(self, prefixes: Iterable[str], portal_type: str) -> dict[str, int]:
        """The highest number in use with each prefix, for counters that have no row yet."""
        highest = dict.fromkeys(prefixes, 0)
        ranges = [and_(entities.c.id >= prefix, entities.c.id < f"{prefix}\x7f") for prefix in highest]
        statement = select(entities.c.id).where(entities.c.portal_type == portal_type, or_(*ranges))
        for found in self._connection.scalars(statement):
            # Digits end an id, and a prefix may end in digits itself, so every way to part it counts.
            for end in range(len(found.rstrip("0123456789")), len(found)):
                number = number_of(found[:end], found)
                if found[:end] in highest and number is not None:
                    highest[found[:end]] = max(highest[found[:end]], number)
        return highest

    def write(self) -> None:
        """Store the counters that have moved."""
        rows = [
            {"name": prefix, "value": value}
            for prefix, value in self._values.items()
            if value != self._stored.get(prefix) and value > 0
        ]
        upsert_rows(self._connection, sequences, rows)
