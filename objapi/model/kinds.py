"""The kinds of fields: what a client's value becomes when it is stored, and what a stored value becomes when answered.

Stored forms are JSON values of one type for each kind, and None for "no value" in all of them:

==============  =====================================================================================
string, text    str
integer         int of 64 bits
fixedpoint      str, a decimal with exactly the field's places: ``"12.50"``
number          float, for what instruments measure and other programs' tables hold in binary
boolean         bool
datetime        str, ISO 8601 in UTC: ``2026-03-01T09:30:00+00:00``
reference       str, a UID; a list of UIDs when multi-valued (found by the store, see `references`)
lines           list of str
record          dict of the subfields; records: list of them
json            any JSON value
file            dict with filename, size and content_type (made by the store from a `NewFile`)
==============  =====================================================================================

Each kind is a marshmallow field, so that the schema of a type collects every problem of a request at once.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import datetime
from decimal import Context, Decimal
from typing import Any, Final

from marshmallow import ValidationError, fields, missing

from catalog.dates import parse_date
from catalog.errors import DateOutOfCalendar, DateSyntaxError
from objapi.model.types import Field, Kind
from objapi.model.values import (
    INTEGER_BOUND,
    LoadContext,
    ValueProblem,
    checked_integer,
    file_of,
    is_empty,
    is_finite,
    is_utc_text,
    plain_json,
    shown,
    text_of,
    utc_text,
)

FALSE_WORDS: Final = frozenset({"", "0", "false", "no", "off"})
TRUE_WORDS: Final = frozenset({"1", "true", "yes", "on"})
DEFAULT_PRECISION: Final = 2
_MAX_WHOLE_DIGITS: Final = 26
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,20}")
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_ARITHMETIC: Final = Context(prec=100)

_context: ContextVar[LoadContext] = ContextVar("objapi_load_context")


@contextmanager
def reading_with(context: LoadContext) -> Iterator[None]:
    """For the length of a with-block: what the marshmallow fields of this module read values with."""
    token = _context.set(context)
    try:
        yield
    finally:
        _context.reset(token)


class DeclaredField(fields.Field[Any]):
    """A marshmallow field made from a declared one; subclasses say what a value that is not empty becomes."""

    def __init__(self, declared: Field) -> None:
        super().__init__(data_key=declared.name, attribute=declared.name, allow_none=True)
        self.declared = declared
        self._any_word = not declared.vocabulary

    def deserialize(
        self, value: Any, attr: str | None = None, data: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> Any:
        """The stored form of a value. No validators hang on these fields and none is required, so none is run."""
        if self._is_stored(value):
            return value
        if value is missing:
            return super().deserialize(value, attr, data, **kwargs)
        return None if value is None else self._deserialize(value, attr, data, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if is_empty(value, self.declared.kind):
            return None
        try:
            return self._stored(value, _context.get())
        except ValueProblem as problem:
            raise ValidationError(str(problem)) from None

    def _stored(self, raw: object, context: LoadContext) -> object:
        """The stored form of a value that is not empty. Raises `ValueProblem` or marshmallow's ValidationError."""
        raise NotImplementedError

    def _is_stored(self, value: object) -> bool:
        """True for a value that is its own stored form, as nearly all are, where that can be told at once."""
        return False

    def _in_vocabulary(self, text: str) -> str:
        """The text itself when the field's vocabulary (if any) holds it."""
        if self.declared.vocabulary and text not in self.declared.vocabulary:
            accepted = ", ".join(repr(word) for word in self.declared.vocabulary)
            raise ValueProblem(f"{shown(text)} is not one of {accepted}")
        return text


class TextField(DeclaredField):
    """string and text."""

    def _is_stored(self, value: object) -> bool:
        return (
            type(value) is str
            and self._any_word
            and value.isascii()
            and value.isprintable()
            and len(value.strip()) > 0
            and len(value) <= _context.get().max_text
        )

    def _stored(self, raw: object, context: LoadContext) -> str:
        return self._in_vocabulary(text_of(raw, context.max_text))


class IntegerField(DeclaredField):
    """integer."""

    def _is_stored(self, value: object) -> bool:
        return type(value) is int and self._any_word and -INTEGER_BOUND <= value < INTEGER_BOUND

    def _stored(self, raw: object, context: LoadContext) -> int:
        number: int | None = None
        if isinstance(raw, str) and _WHOLE.fullmatch(raw.strip()):
            number = int(raw)
        elif isinstance(raw, int) and not isinstance(raw, bool):
            number = raw
        elif isinstance(raw, float | Decimal) and is_finite(raw) and raw == raw.__floor__():
            number = int(raw)
        if number is None:
            raise ValueProblem(f"a whole number is expected, not {shown(raw)}")
        self._in_vocabulary(str(checked_integer(number)))
        return number


class FixedPointField(DeclaredField):
    """fixedpoint; digits beyond the field's precision are refused: a detection limit that is rounded may be none."""

    def _stored(self, raw: object, context: LoadContext) -> str:
        text = raw.strip() if isinstance(raw, str) else "" if isinstance(raw, bool) else raw
        if isinstance(text, str):
            number = Decimal(text) if _DECIMAL.fullmatch(text) else None
        else:
            number = Decimal(str(text)) if isinstance(text, int | float | Decimal) and is_finite(text) else None
        if number is None:
            raise ValueProblem(f"a decimal number such as 12.5 is expected, not {shown(raw)}")
        if number and number.adjusted() >= _MAX_WHOLE_DIGITS:
            raise ValueProblem(f"a decimal number has at most {_MAX_WHOLE_DIGITS} digits before the point")
        places = DEFAULT_PRECISION if self.declared.precision is None else self.declared.precision
        fitted = number.quantize(Decimal(1).scaleb(-places), context=_ARITHMETIC)
        if fitted != number:
            raise ValueProblem(f"at most {places} digits after the point fit, {shown(raw)} has more")
        return f"{abs(fitted) if fitted.is_zero() else fitted:f}"


class NumberField(DeclaredField):
    """number."""

    def _stored(self, raw: object, context: LoadContext) -> float:
        text = raw.strip() if isinstance(raw, str) else "" if isinstance(raw, bool) else raw
        if isinstance(text, str):
            number = _as_float(Decimal(text)) if _DECIMAL.fullmatch(text) else math.nan
        else:
            number = _as_float(text)
        if not is_finite(number):
            raise ValueProblem(f"a number such as 0.9793 or 1e-10 is expected, not {shown(raw)}")
        return number


def _as_float(raw: object) -> float:
    """A number as float; NaN for anything else, and for what no float can hold, being too large or too small."""
    try:
        number = float(raw) if isinstance(raw, int | float | Decimal) and is_finite(raw) else math.nan
    except OverflowError:
        return math.nan
    return math.nan if number == 0 and raw != 0 else number


class BooleanField(DeclaredField):
    """boolean."""

    def _stored(self, raw: object, context: LoadContext) -> bool:
        if isinstance(raw, bool):
            return raw
        word = raw.strip().casefold() if isinstance(raw, str) else str(raw) if isinstance(raw, int) else None
        if word in TRUE_WORDS:
            return True
        if word in FALSE_WORDS:
            return False
        raise ValueProblem(f"true or false is expected (or 1, yes, on; 0, no, off), not {shown(raw)}")


class DateTimeField(DeclaredField):
    """datetime, in any spelling that Zope's DateTime reads; without an offset it is in the site's zone."""

    def _is_stored(self, value: object) -> bool:
        return type(value) is str and is_utc_text(value)

    def _stored(self, raw: object, context: LoadContext) -> str:
        if isinstance(raw, datetime):
            return utc_text(raw if raw.tzinfo else raw.replace(tzinfo=context.zone))
        if not isinstance(raw, str):
            raise ValueProblem(f"a date such as 2026-03-01T09:30:00+01:00 is expected, not {shown(raw)}")
        try:
            return utc_text(parse_date(raw, context.zone, iso="local"))
        except DateOutOfCalendar as reason:
            raise ValueProblem(str(reason)) from None
        except DateSyntaxError:
            raise ValueProblem(
                f"{shown(raw)} is no date; write it as 2026-03-01 or 2026-03-01T09:30:00+01:00"
            ) from None


class LinesField(DeclaredField):
    """lines; blanks around an entry and empty entries are dropped."""

    def _stored(self, raw: object, context: LoadContext) -> list[str] | None:
        entries = raw if isinstance(raw, list | tuple) else [raw]
        lines = [line.strip() for entry in entries for line in _LINE_END.split(text_of(entry, context.max_text))]
        words = [self._in_vocabulary(line) for line in lines if line]
        if len(words) > context.max_entries:
            raise ValueProblem(f"a list has at most {context.max_entries} entries here, this one has {len(words)}")
        return words or None


class RecordField(DeclaredField):
    """record."""

    def _stored(self, raw: object, context: LoadContext) -> dict[str, object] | None:
        return self._one(_structure(raw, context, self.declared), context)

    def _one(self, raw: object, context: LoadContext) -> dict[str, object] | None:
        """One record, None when all its subfields are empty."""
        if not isinstance(raw, Mapping):
            raise ValueProblem(f"a record is expected, not {shown(raw)}; write it as a JSON object")
        names = self.declared.subfields
        unknown = [shown(name) for name in raw if names and name not in names]
        if unknown:
            raise ValueProblem(f"no subfield is named {', '.join(unknown)}; there are {', '.join(names)}")
        record = plain_json(raw, context, exact=True)
        if is_empty(raw, Kind.RECORD) or not isinstance(record, dict):
            return None
        by = self.declared.merge_by
        needed = self.declared.required_subfields if by is None else (by,)
        missing = [name for name in needed if is_empty(record.get(name), Kind.STRING)]
        if missing:
            raise ValueProblem(f"the record lacks {', '.join(missing)}")
        self._check_single(record)
        self._check_subfields(record, context)
        return record

    def _check_single(self, record: Mapping[str, object]) -> None:
        """Raise a ValueProblem for a declared subfield that is a record, or a list where its rule is not `lines`."""
        lists = {name for name, kind in self.declared.subfield_kinds.items() if kind is Kind.LINES}
        wrong = [
            f"{name}: one value is expected, not {shown(record[name])}"
            for name in self.declared.subfields
            if isinstance(record.get(name), dict) or (name not in lists and isinstance(record.get(name), list))
        ]
        if wrong:
            raise ValueProblem("; ".join(wrong))

    def _check_subfields(self, record: Mapping[str, object], context: LoadContext) -> None:
        """Raise a ValueProblem for the values that do not follow the rules of their subfields."""
        problems = []
        for name, kind in self.declared.subfield_kinds.items():
            try:
                if not is_empty(record.get(name), Kind.STRING):
                    FIELD_CLASSES[kind](Field(name, kind))._stored(record[name], context)
            except ValueProblem as problem:
                problems.append(f"{name}: {problem}")
        for name, words in self.declared.subfield_words.items():
            if not is_empty(record.get(name), Kind.STRING) and str(record[name]) not in words:
                accepted = ", ".join(repr(word) for word in words)
                problems.append(f"{name}: {shown(record[name])} is not one of {accepted}")
        if problems:
            raise ValueProblem("; ".join(problems))


class RecordsField(RecordField):
    """records; a record alone is a list of one."""

    def _stored(self, raw: object, context: LoadContext) -> list[dict[str, object]] | None:  # type: ignore[override]
        whole = _structure(raw, context, self.declared)
        entries = whole if isinstance(whole, list | tuple) else [whole]
        if len(entries) > context.max_entries:
            raise ValueProblem(f"a list has at most {context.max_entries} entries here, this one has {len(entries)}")
        records, problems = [], []
        for number, entry in enumerate(entries, 1):
            try:
                record = self._one(_structure(entry, context, self.declared), context)
            except ValueProblem as problem:
                problems.append(f"record {number}: {problem}")
            else:
                if record is not None:
                    records.append(record)
        for name in self.declared.unique_subfields:
            texts = [str(record[name]).strip() for record in records if not is_empty(record.get(name), Kind.STRING)]
            twice = [text for text, times in Counter(texts).items() if times > 1]
            if twice:
                problems.append(f"{', '.join(map(shown, twice))} stands in {name} of several records")
        if problems:
            raise ValidationError(problems)
        return records or None


class JsonField(DeclaredField):
    """json; a text is a text, not JSON to be parsed. As a whole it is one value, bounded by the body like a file."""

    def _stored(self, raw: object, context: LoadContext) -> object:
        return plain_json(raw, replace(context, max_text=context.max_json, max_entries=context.max_json))


class FileField(DeclaredField):
    """file."""

    def _stored(self, raw: object, context: LoadContext) -> object:
        return file_of(raw, context)


class ReferenceField(DeclaredField):
    """reference; never read here, because what is found depends on the site."""

    def _stored(self, raw: object, context: LoadContext) -> object:
        raise ValueProblem("a reference is looked up, not loaded")


class ComputedField(DeclaredField):
    """computed; read only."""

    def _stored(self, raw: object, context: LoadContext) -> object:
        raise ValueProblem("the value is computed by the gateway and cannot be set")


def _structure(raw: object, context: LoadContext, declared: Field) -> object:
    """A record or list that may have been sent as text."""
    if not isinstance(raw, str):
        return raw
    try:
        return context.parse_structured(raw)
    except ValueError as problem:
        # Who has not written JSON has no use for the place at which it cannot be read.
        found = f", not the text {shown(raw)}" if raw.lstrip()[:1] not in ("{", "[", "(") else f": {problem}"
        raise ValueProblem(f"JSON is expected, such as {_example(declared)}{found}") from None


def _example(declared: Field) -> str:
    """The JSON text of a record, or a list of one, with the subfields of a field."""
    lists = {name for name, kind in declared.subfield_kinds.items() if kind is Kind.LINES}
    values = {name: '["…"]' if name in lists else '"…"' for name in declared.subfields[:3] or ("name",)}
    members = [f'"{name}": {value}' for name, value in values.items()]
    record = f"{{{', '.join(members)}}}"
    return f"[{record}]" if declared.kind is Kind.RECORDS else record


FIELD_CLASSES: Final[Mapping[Kind, type[DeclaredField]]] = {
    Kind.STRING: TextField,
    Kind.TEXT: TextField,
    Kind.INTEGER: IntegerField,
    Kind.FIXEDPOINT: FixedPointField,
    Kind.NUMBER: NumberField,
    Kind.BOOLEAN: BooleanField,
    Kind.DATETIME: DateTimeField,
    Kind.REFERENCE: ReferenceField,
    Kind.LINES: LinesField,
    Kind.RECORD: RecordField,
    Kind.RECORDS: RecordsField,
    Kind.FILE: FileField,
    Kind.JSON: JsonField,
    Kind.COMPUTED: ComputedField,
}


def load(raw: object, field: Field, context: LoadContext) -> object:
    """The stored form of what a client sent for a field; None when that is empty.

    Raises marshmallow's `ValidationError` with sentences that do not name the field. References are refused here: a
    UID is found by the store, from what `references` reads. A file gives a `NewFile`.
    """
    with reading_with(context):
        return marshmallow_field(field).deserialize(raw)


def marshmallow_field(field: Field) -> fields.Field[Any]:
    """The marshmallow field that reads the values of a declared field; it must be used within `reading_with`."""
    return FIELD_CLASSES[field.kind](field)
