"""Numbers of ids: each given once, for good.

The next number is one more than the larger of the stored counter and the highest that is in use. A counter's row is
locked from the first look until the request ends, so two requests never draw the same number; a number drawn by a
request that fails is free again.
"""

from sqlalchemy import Connection, select

from catalog.dialect import for_update, upsert_rows
from objapi.model.ids import number_of
from objapi.store.schema import entities, sequences


class Sequences:
    """The counters that one request uses."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._stored: dict[str, int | None] = {}
        self._values: dict[str, int] = {}

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
            stored = None if fresh else self._load(prefix)
            self._stored[prefix] = stored
            self._values[prefix] = self._in_use(prefix, portal_type) if stored is None and not fresh else stored or 0
        return self._values[prefix]

    def _load(self, prefix: str) -> int | None:
        statement = select(sequences.c.value).where(sequences.c.name == prefix)
        value: int | None = self._connection.scalar(for_update(statement))
        return value

    def _in_use(self, prefix: str, portal_type: str) -> int:
        """The highest number in use, for a counter that has no row yet."""
        statement = select(entities.c.id).where(
            entities.c.portal_type == portal_type, entities.c.id >= prefix, entities.c.id < f"{prefix}\x7f"
        )
        numbers = (number_of(prefix, found) for (found,) in self._connection.execute(statement))
        return max((number for number in numbers if number is not None), default=0)

    def write(self) -> None:
        """Store the counters that have moved."""
        rows = [
            {"name": prefix, "value": value}
            for prefix, value in self._values.items()
            if value != self._stored.get(prefix) and value > 0
        ]
        upsert_rows(self._connection, sequences, rows)
