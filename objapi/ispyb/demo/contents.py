"""Rows of the sample installation, read from `content.yaml` beside this module, which says how they are written."""

import gzip
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

import orjson
import sqlalchemy as sa
import yaml
from sqlalchemy.engine import Connection

from objapi.profiles.ispyb.tables import METADATA, Person, Proposal

CONTENT: Final = Path(__file__).with_name("content.yaml")

_GZIPPED: Final = "json+gzip"
_MOMENT: Final = re.compile(r"@(-?\d+) (\d\d):(\d\d)")
_PERSON: Final = "=person "


def load_contents(connection: Connection, now: datetime) -> bool:
    """Put the rows into the tables unless there are proposals already; whether it did. `now` is the wall clock."""
    if connection.execute(sa.select(Proposal.c.proposalId).limit(1)).first() is not None:
        return False
    people = connection.execute(sa.select(Person.c.login, Person.c.personId).where(Person.c.login.is_not(None)))
    loading = _Loading(datetime.combine(now.date(), time()), {row.login: row.personId for row in people})
    for entry in yaml.safe_load(CONTENT.read_text(encoding="utf-8")):
        ((name, declared),) = entry.items()
        table = METADATA.tables[name]
        for values in _numbered(declared):
            key = connection.execute(sa.insert(table).values(loading.values(table, values))).inserted_primary_key
            if "as" in values and key is not None:
                loading.keys[values["as"]] = int(key[0])
    return True


class _Loading:
    """Names that values may refer to: the day, people by their login, and rows that were named."""

    def __init__(self, midnight: datetime, people: Mapping[str, int]) -> None:
        self._midnight = midnight
        self._people = people
        self.keys: dict[str, int] = {}

    def values(self, table: sa.Table, declared: Mapping[str, Any]) -> dict[str, Any]:
        """The values of a row, as they are stored."""
        compressed = declared.get("dataFormat") == _GZIPPED
        return {name: self._value(table.c[name], value, compressed) for name, value in declared.items() if name != "as"}

    def _value(self, column: sa.Column[Any], value: Any, compressed: bool) -> Any:
        if isinstance(value, list):
            text = orjson.dumps(value)
            if isinstance(column.type, sa.LargeBinary):
                return gzip.compress(text, mtime=0) if compressed else text
            return text.decode()
        if not isinstance(value, str):
            return value
        if value.startswith(_PERSON):
            return self._people[value.removeprefix(_PERSON)]
        if value.startswith("="):
            return self.keys[value.removeprefix("=")]
        moment = _MOMENT.fullmatch(value)
        if moment is None:
            return value
        days, hours, minutes = (int(part) for part in moment.groups())
        return self._midnight + timedelta(days=days, hours=hours, minutes=minutes)


def _numbered(declared: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A row, or the rows of a numbered one."""
    values = {name: value for name, value in declared.items() if name != "number"}
    if "number" not in declared:
        yield values
        return
    first, last = declared["number"]
    for number in range(first, last + 1):
        yield {
            name: float(value.replace("#", str(number))) if isinstance(value, str) and "#" in value else value
            for name, value in values.items()
        }
