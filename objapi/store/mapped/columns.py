"""Values of columns as stored forms of fields, and the other way round; and columns compared with keys of an index."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from catalog.dates import in_zone
from catalog.dialect.existing import holds_bytes
from objapi.model.kinds import DEFAULT_PRECISION
from objapi.model.types import Field, Kind
from objapi.store.mapped.names import RowNames


@dataclass(frozen=True, slots=True)
class ColumnConversion:
    """Conversion of values of columns into stored forms and back, for tables of one database.

    `zone` is the zone of their wall-clock times.
    """

    names: RowNames
    zone: tzinfo

    def stored(self, value: Any, field: Field, *, in_utc: bool = False) -> object:
        """The stored form of what a column holds; None for what its kind has no form for, such as a date of zeros."""
        if value is None:
            return None
        # Other programs write the columns: a negative key or a date of zeros must not take the whole list away.
        match field.kind:
            case Kind.REFERENCE:
                return self.names.uid(field.targets[0], int(value)) if int(value) >= 0 else None
            case Kind.INTEGER:
                return int(value)
            case Kind.BOOLEAN:
                return bool(value)
            case Kind.NUMBER:
                return float(value)
            case Kind.FIXEDPOINT:
                return _fixed(value, field)
            case Kind.DATETIME:
                return self._instant(value, UTC if in_utc else self.zone)
            case Kind.JSON:
                return value
            case _:
                return value.hex() if isinstance(value, bytes) else str(value)

    @staticmethod
    def _instant(value: Any, zone: tzinfo) -> str | None:
        if isinstance(value, datetime):
            return in_zone(value.replace(tzinfo=zone), UTC).isoformat()
        if isinstance(value, date):
            return in_zone(datetime.combine(value, time(), zone), UTC).isoformat()
        return None

    def written(self, stored: object, field: Field, type_: sa.types.TypeEngine[Any], *, in_utc: bool = False) -> Any:
        """Value of a column for a stored form."""
        if stored is None:
            return None
        match field.kind:
            case Kind.REFERENCE:
                return self.names.key_of(str(stored), field.targets[0])
            case Kind.BOOLEAN:
                return int(bool(stored))
            case Kind.FIXEDPOINT:
                return Decimal(str(stored))
            case Kind.DATETIME:
                moment = in_zone(datetime.fromisoformat(str(stored)), UTC if in_utc else self.zone)
                return moment.date() if isinstance(type_, sa.Date) else moment.replace(tzinfo=None)
            case Kind.STRING if holds_bytes(type_):
                return bytes.fromhex(str(stored))
            case _:
                return stored


def _fixed(value: Any, field: Field) -> str:
    places = DEFAULT_PRECISION if field.precision is None else field.precision
    return f"{Decimal(str(value)).quantize(Decimal(1).scaleb(-places)):f}"


class UidOfRow(TypeDecorator[str]):
    """A column with keys of a type's rows, compared with UIDs; a UID of anything else equals no key."""

    impl = sa.BigInteger()
    cache_ok = True

    def __init__(self, names: RowNames, portal_type: str) -> None:
        super().__init__()
        self.names = names
        self.portal_type = portal_type

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        """The key."""
        return None if value is None else self.names.key_of(value, self.portal_type)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """The UID."""
        return None if value is None else self.names.uid(self.portal_type, int(value))


class IdOfRow(TypeDecorator[str]):
    """The key column of a type's table, compared with ids, and ordered as the keys are."""

    impl = sa.BigInteger()
    cache_ok = True

    def __init__(self, names: RowNames, portal_type: str) -> None:
        super().__init__()
        self.names = names
        self.portal_type = portal_type

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        """The key."""
        return None if value is None else self.names.key_of_id(self.portal_type, value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """The id."""
        return None if value is None else self.names.id(self.portal_type, int(value))
