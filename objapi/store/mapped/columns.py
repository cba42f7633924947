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
from catalog.dialect.row_keys import joined_text, key_text, key_value, split_text
from objapi.model.kinds import DEFAULT_PRECISION
from objapi.model.types import Field, Kind
from objapi.store.mapped.names import RowNames, decode_id, encode_id


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
                key = self.key_of(value, field.targets[0])
                return None if key is None else self.names.uid(field.targets[0], key)
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

    def key_of(self, value: Any, target: str) -> int | None:
        """The key of the row that a foreign key names; None for one that no row served by the gateway can have."""
        if not self.names.tables[target].text_key:
            return int(value) if isinstance(value, (int, Decimal)) and value >= 0 else None
        text = key_text(value)
        return None if text is None else self.names.key_of_texts(target, (text,))

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
                return self._foreign_key(str(stored), field.targets[0], type_)
            case Kind.BOOLEAN:
                return int(bool(stored))
            case Kind.FIXEDPOINT:
                return Decimal(str(stored))
            case Kind.DATETIME:
                moment = in_zone(datetime.fromisoformat(str(stored)), UTC if in_utc else self.zone)
                return moment.date() if isinstance(type_, sa.Date) else moment.replace(tzinfo=None)
            case Kind.STRING if holds_bytes(type_):
                return bytes.fromhex(str(stored))
            case Kind.STRING if isinstance(type_, sa.Uuid):
                return key_value(str(stored), type_)
            case _:
                return stored

    def _foreign_key(self, uid: str, target: str, type_: sa.types.TypeEngine[Any]) -> Any:
        """The value of a foreign key for the UID of the row that it names."""
        key = self.names.key_of(uid, target)
        if key is None or not self.names.tables[target].text_key:
            return key
        texts = self.names.texts(target, key)
        # Whatever is referred to was loaded in the same request, by which its key is remembered.
        return None if texts is None else key_value(texts[0], type_)


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


class IdOfTexts(TypeDecorator[str]):
    """A column that holds the key of a row, or several as one text, compared with ids and ordered as it is itself."""

    impl = sa.String()
    cache_ok = True

    def __init__(self, width: int, type_: sa.types.TypeEngine[Any]) -> None:
        super().__init__()
        self.width = width
        self.type_ = type_

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """The type of the column itself."""
        return dialect.type_descriptor(self.type_)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        """The value of the column."""
        texts = None if value is None else decode_id(value, self.width)
        if texts is None:
            return None
        return key_value(texts[0], self.type_) if self.width == 1 else joined_text(texts)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """The id."""
        if self.width > 1:
            return None if value is None else encode_id(split_text(value))
        text = key_text(value)
        return None if text is None else encode_id((text,))


class HexadecimalDigits(TypeDecorator[str]):
    """A column of bytes, compared with their hexadecimal digits; text that is none equals nothing."""

    impl = sa.LargeBinary()
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        """The bytes."""
        return None if value is None else key_value(value, sa.LargeBinary())

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """The digits."""
        return None if value is None else bytes(value).hex()
