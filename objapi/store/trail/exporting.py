"""Export of the trail: every linked request with its entries as a line of JSON, in the order of the numbers.

A line has all that digest and link are computed of, so that they can be verified without the database.
"""

from collections.abc import Iterator

import orjson
from sqlalchemy import Connection, func, select

from objapi.store.records import from_micros
from objapi.store.schema import requests
from objapi.store.trail.verifying import entries_by_request, linked_pages


def count_linked(connection: Connection, after: int = 0) -> int:
    """The number of linked requests after a number."""
    return connection.scalar(select(func.count()).select_from(requests).where(requests.c.seq > after)) or 0


def export_lines(connection: Connection, after: int, to: int) -> Iterator[bytes]:
    """The requests with the numbers after one up to another, a line of JSON each, with their columns and entries."""
    for page in linked_pages(connection, after):
        entries = {number: list(below) for number, below in entries_by_request(connection, page)}
        for request in page:
            if request["seq"] > to:
                return
            time = from_micros(request["at"]).isoformat()
            yield orjson.dumps({**request, "time": time, "entries": entries.pop(request["id"], [])}) + b"\n"
