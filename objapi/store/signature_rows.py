"""Rows of `signatures`, made of the entries of the history that hold them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson


def signature_rows(entries: Iterable[Mapping[str, Any]], at: int) -> Iterator[dict[str, object]]:
    """The row for each entry that has a signature; `at` in microseconds since 1970 UTC."""
    for entry in entries:
        if entry["signature"] is not None:
            held = orjson.loads(entry["signature"])
            yield {
                "entry": entry["id"],
                "uid": entry["uid"],
                "version": entry["version"],
                "at": at,
                "user_id": held["user_id"],
                "fullname": held["fullname"],
                "meaning": held["meaning"],
                "document": held["document"],
                "independent": int(held["independent"]),
            }
