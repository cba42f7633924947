"""Numbers of ids that are drawn before a request is done again, which has met others on another node of a cluster.

Writers on different nodes do not wait for each other's locks: they meet at the commit, where one of them fails. The row
of a counter, which each creation changes, would let the slower of two nodes lose again and again. So whoever has lost
draws its numbers in a transaction of its own, too short to meet many others, and leaves the row alone afterwards.
"""

from collections.abc import Mapping

from sqlalchemy import Connection

from catalog.dialect import upsert_rows
from catalog.dialect.nodes import is_in_cluster
from objapi.store.records import rows_of_keys
from objapi.store.schema import sequences


def reserve_numbers(connection: Connection, wanted: Mapping[str, int]) -> dict[str, list[int]]:
    """Draw so many numbers for each prefix as it says, where there is a counter; none on a server without others."""
    if not is_in_cluster(connection):
        return {}
    columns = (sequences.c.name, sequences.c.value)
    rows = rows_of_keys(connection, columns, sequences.c.name, wanted, lock=True)
    found: dict[str, int] = {name: value for name, value in rows}  # noqa: C416 - rows are sequences to the type checker
    upsert_rows(connection, sequences, [{"name": name, "value": value + wanted[name]} for name, value in found.items()])
    return {name: list(range(value + 1, value + wanted[name] + 1)) for name, value in found.items()}
