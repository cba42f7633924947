"""Checks of outside values before their kinds read them, files among them; context of reading; what is answered."""

import base64
import binascii
import math
import mimetypes
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Final, Protocol, runtime_checkable

from catalog.dates import in_zone
from objapi.model.types import Field, Kind

INTEGER_BOUND: Final = 2**63
"""Whole numbers are below this and not below its negative: 64 bits, what both databases and JSON readers hold."""
MAX_DEPTH: Final = 64
_UTC_TEXT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\+00:00")


class ValueProblem(ValueError):
    """A value that cannot be stored; the message is a sentence about the value that does not name its field."""


@dataclass(frozen=True, slots=True)
class LoadContext:
    """Context that reading values needs beside the declaration.

    `zone` is where days without an offset are; `parse_structured` reads a record that came as text (JSON or the
    look-alike of old clients) and raises ValueError; `now` is the instant of the request; `site_id` and `index_names`
    serve for references. The limits are in characters, entries of a list and bytes; `max_json` is both for
    what is inside a JSON value, which as a whole is bounded by the request's body.
    """

    zone: tzinfo
    parse_structured: Callable[[str], object]
    now: datetime
    site_id: str = "Plone"
    index_names: frozenset[str] = frozenset()
    max_text: int = 1_000_000
    max_entries: int = 10_000
    max_file: int = 100 * 1024 * 1024
    max_json: int = 100 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that a client sent and that is not yet stored."""

    filename: str
    content_type: str
    content: bytes


@runtime_checkable
class UploadedFile(Protocol):
    """A file part of a form, as the marshalling of forms gives it."""

    @property
    def filename(self) -> str | None:
        """The name that the client gave."""

    @property
    def content_type(self) -> str | None:
        """The media type that the client gave."""

    @property
    def content(self) -> bytes:
        """All bytes."""


def shown(value: object, limit: int = 60) -> str:
    """A client's value, quoted and shortened, fit for a message: no control characters, no lone surrogates."""
    if isinstance(value, str):
        cut = value if len(value) <= limit else f"{value[:limit]}…"
        return ascii(cut) if any("\ud800" <= character <= "\udfff" for character in cut) else repr(cut)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float | Decimal):
        return str(value)[:limit]
    if isinstance(value, Mapping):
        return "a record"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, datetime):
        return "a date"
    return "a file" if isinstance(value, UploadedFile) else "a value of another kind"


def clean_text(text: str, max_text: int) -> str:
    """The text itself, when every database and every JSON reader can hold it, else `ValueProblem`."""
    if len(text) > max_text:
        raise ValueProblem(f"a text has at most {max_text} characters here, this one has {len(text)}")
    if "\0" in text:
        raise ValueProblem("the text holds a NUL character, which cannot be stored")
    try:
        if not text.isascii():
            text.encode()
    except UnicodeEncodeError:
        raise ValueProblem(f"the text {shown(text)} holds half of a surrogate pair") from None
    return text


def text_of(raw: object, max_text: int) -> str:
    """A single value as text: numbers in the client's spelling, booleans as ``true`` and ``false``.

    Raises ValueProblem for another value, or a text too long.
    """
    if isinstance(raw, str):
        return clean_text(raw, max_text)
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, int | Decimal):
        return clean_text(str(raw), max_text)
    if isinstance(raw, float) and math.isfinite(raw):
        return repr(raw)
    raise ValueProblem(f"a text is expected, not {shown(raw)}")


def is_empty(raw: object, kind: Kind) -> bool:
    """True if what a client sent means "no value".

    That is nothing, blanks, a list or record of nothing else, and a file input left alone. An empty boolean is false;
    of JSON only null and a blank text are no value, since an empty list means something there.
    """
    if raw is None:
        return True
    if isinstance(raw, str):
        return kind is not Kind.BOOLEAN and not raw.strip()
    if kind is Kind.JSON:
        return False
    if isinstance(raw, Mapping):
        return all(is_empty(value, Kind.STRING) for value in raw.values())
    if isinstance(raw, list | tuple):
        return all(is_empty(value, Kind.STRING) for value in raw)
    return kind is Kind.FILE and isinstance(raw, UploadedFile) and not raw.filename and not raw.content


def utc_text(moment: datetime) -> str:
    """ISO 8601 in UTC, with microseconds only when there are any; `ValueProblem` outside the years 1 to 9999."""
    try:
        return moment.astimezone(UTC).isoformat()
    except OverflowError:
        raise ValueProblem("the date is outside the years 1 to 9999") from None


def is_utc_text(text: str) -> bool:
    """True for a text as `utc_text` gives it, of whole seconds; told without reading it as a date."""
    if _UTC_TEXT.fullmatch(text) is None:
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_finite(number: int | float | Decimal) -> bool:
    """True if it is a number: no infinity and no NaN, a signalling one (which `math.isfinite` raises for) included."""
    return number.is_finite() if isinstance(number, Decimal) else isinstance(number, int) or math.isfinite(number)


def checked_integer(number: int) -> int:
    """The number itself when 64 bits hold it, else `ValueProblem`."""
    if not -INTEGER_BOUND <= number < INTEGER_BOUND:
        raise ValueProblem(f"a whole number is between {-INTEGER_BOUND} and {INTEGER_BOUND - 1}")
    return number


def plain_json(raw: object, context: LoadContext, *, exact: bool = False, depth: int = 0) -> object:
    """A structured value reduced to what JSON holds, checked throughout; `ValueProblem` names the part that is wrong.

    With `exact` a fraction stays the text that the client wrote, as in records of decimals; without, it is a number.
    Dates become ISO 8601 in UTC.
    """
    match raw:
        case None | bool():
            return raw
        case str():
            return clean_text(raw, context.max_text)
        case int():
            return checked_integer(raw)
        case Decimal() | float():
            return _fraction(raw, exact=exact)
        case datetime():
            return utc_text(raw if raw.tzinfo else raw.replace(tzinfo=context.zone))
    if depth >= MAX_DEPTH:
        raise ValueProblem(f"the value is nested more than {MAX_DEPTH} levels deep")
    match raw:
        case Mapping():
            _check_count(len(raw), context)
            return {
                _key(key, context): plain_json(value, context, exact=exact, depth=depth + 1)
                for key, value in raw.items()
            }
        case list() | tuple():
            _check_count(len(raw), context)
            return [plain_json(value, context, exact=exact, depth=depth + 1) for value in raw]
    raise ValueProblem(f"a JSON value is expected, not {shown(raw)}")


def _fraction(raw: Decimal | float, *, exact: bool) -> object:
    if not is_finite(raw):
        raise ValueProblem("a number must be finite")
    if exact:
        return str(raw) if isinstance(raw, Decimal) else repr(raw)
    number = float(raw)
    if not math.isfinite(number):
        raise ValueProblem(f"the number {shown(raw)} is out of range")
    return number


def _key(key: object, context: LoadContext) -> str:
    if not isinstance(key, str):
        raise ValueProblem(f"the names in a record are texts, not {shown(key)}")
    return clean_text(key, context.max_text)


def _check_count(count: int, context: LoadContext) -> None:
    if count > context.max_entries:
        raise ValueProblem(f"a list or record has at most {context.max_entries} entries here, this one has {count}")


DEFAULT_CONTENT_TYPE: Final = "application/octet-stream"
MAX_FILENAME: Final = 255
_MEDIA_TYPE: Final = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,100}/[A-Za-z0-9!#$&^_.+-]{1,100}")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")
_KEYS: Final = frozenset({"filename", "content_type", "base64", "data"})


def file_of(raw: object, context: LoadContext) -> NewFile:
    """The file in an upload, or in ``{"filename", "content_type", "base64"}`` (``data`` is another name of ``base64``).

    Raises `ValueProblem`. The directories that some browsers send with a file name are left off.
    """
    if isinstance(raw, UploadedFile):
        filename, content_type, content = raw.filename, raw.content_type, raw.content
    elif isinstance(raw, Mapping):
        filename, content_type, content = _from_record(raw, context)
    else:
        raise ValueProblem(
            f"a file is expected, not {shown(raw)}: a part of a form, or a record of filename, content_type and base64"
        )
    if len(content) > context.max_file:
        raise ValueProblem(f"a file has at most {context.max_file} bytes here, this one has {len(content)}")
    name = _checked_name(filename or "file")
    return NewFile(name, _checked_type(content_type, name), content)


def _from_record(raw: Mapping[object, object], context: LoadContext) -> tuple[str, str | None, bytes]:
    unknown = [shown(key) for key in raw if key not in _KEYS]
    if unknown:
        raise ValueProblem(f"a file has no {', '.join(unknown)}; it has filename, content_type and base64")
    filename, content_type = raw.get("filename"), raw.get("content_type")
    encoded = raw.get("base64", raw.get("data"))
    if not isinstance(encoded, str) or not isinstance(filename, str):
        raise ValueProblem("a file in JSON needs filename and base64, both texts")
    if content_type is not None and not isinstance(content_type, str):
        raise ValueProblem("content_type is a text such as application/pdf")
    # Classic encoders break lines at 76 characters (RFC 2045 6.8).
    encoded = "".join(encoded.split())
    if len(encoded) > context.max_file // 3 * 4 + 4:
        raise ValueProblem(f"a file has at most {context.max_file} bytes here")
    try:
        return filename, content_type, base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as problem:
        raise ValueProblem(f"base64 cannot be decoded: {problem}") from None


def _checked_name(filename: str) -> str:
    name = clean_text(filename, 10_000).replace("\\", "/").rpartition("/")[2].strip()
    if not name or _CONTROLS.search(name):
        raise ValueProblem(f"{shown(filename)} is no name of a file")
    if len(name.encode()) > MAX_FILENAME:
        raise ValueProblem(f"the name of a file has at most {MAX_FILENAME} bytes")
    return name


def _checked_type(content_type: str | None, filename: str) -> str:
    """The media type without parameters; guessed from the name when none is given."""
    if not content_type:
        return mimetypes.guess_type(filename)[0] or DEFAULT_CONTENT_TYPE
    media_type = content_type.partition(";")[0].strip().lower()
    if _MEDIA_TYPE.fullmatch(media_type) is None:
        raise ValueProblem(f"{shown(content_type)} is not a media type such as application/pdf")
    return media_type


def answer(stored: object, field: Field, zone: tzinfo, url: str | None = None) -> object:
    """The JSON value that a read gives for a stored form; `url` is where a file can be fetched.

    Without a value texts are ``""``, lists ``[]``, records ``{}``, all else None. Dates carry the offset of `zone`.
    """
    if stored is None:
        return nothing_of(field)
    if field.kind is Kind.DATETIME and isinstance(stored, str):
        return in_zone(datetime.fromisoformat(stored), zone).isoformat()
    if field.kind is Kind.FILE and isinstance(stored, Mapping):
        return {name: stored.get(name) for name in ("filename", "size", "content_type")} | {"url": url}
    return stored


def nothing_of(field: Field) -> object:
    """What is answered for no value."""
    match field.kind:
        case Kind.STRING | Kind.TEXT:
            return ""
        case Kind.LINES | Kind.RECORDS:
            return []
        case Kind.RECORD:
            return {}
        case Kind.REFERENCE if field.multi:
            return []
    return None
