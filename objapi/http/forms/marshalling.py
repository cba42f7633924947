"""Form marshalling: raw name=value pairs to typed values, by the rules of Zope's publisher.

`marshal` makes the form of a request. It does no I/O and never raises for what a client sent: whatever cannot be read
becomes a problem of the form that names its parameter.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any, Final, Literal, Self, TypeAlias

from catalog.dates import IsoZone
from objapi.errors import ApiError, BadRequest, Cause, TooLarge, combine
from objapi.http.forms.converters import CONVERTERS, ConversionContext, is_false, shown
from objapi.http.forms.form_defaults import make_tuples, merge_defaults
from objapi.http.forms.form_records import FormRecord, LimitPassed, MemberRules, last_record
from objapi.http.forms.pairs import (
    FormUpload,
    ParsedName,
    RawPair,
    Recode,
    Upload,
    is_charset,
    known_charset,
    parse_name,
    parse_pairs,
)

__all__ = ["Form", "FormOptions", "Problem", "RawPair", "Record", "Upload", "is_false", "marshal", "parse_pairs"]


_CGI_NAMES: Final = frozenset(
    "SERVER_SOFTWARE SERVER_NAME GATEWAY_INTERFACE SERVER_PROTOCOL SERVER_PORT REQUEST_METHOD PATH_INFO "
    "PATH_TRANSLATED SCRIPT_NAME QUERY_STRING REMOTE_HOST REMOTE_ADDR AUTH_TYPE REMOTE_USER REMOTE_IDENT "
    "CONTENT_TYPE CONTENT_LENGTH SERVER_URL".split()
)


@dataclass(frozen=True, slots=True)
class FormOptions:
    """The options in which Zope's own reading of a form differs from the gateway's.

    `booleans`, `json`, `iso_dates`: see `ConversionContext`. `cgi_names`: names of the CGI environment are dropped, or
    kept. `undecodable_values`: bytes that are not text survive as lone surrogates, or refuse the parameter. `codecs`:
    which codec suffixes are acted upon, all of Python's or character sets only. `attribute_names`: whether a record key
    that spells an attribute of Python's objects (`keys`, `copy`, `__class__`) counts as present before it is set, as it
    does where record keys are attributes. Limits are counts, those of lengths are bytes; None means no limit.
    """

    booleans: Literal["zope", "safe"] = "zope"
    json: Literal["zope", "strict"] = "zope"
    iso_dates: IsoZone = "utc"
    cgi_names: Literal["dropped", "kept"] = "dropped"
    undecodable_values: Literal["surrogate", "refuse"] = "surrogate"
    codecs: Literal["python", "charsets"] = "python"
    attribute_names: bool = True
    max_parameters: int | None = None
    max_name_length: int | None = None
    max_value_length: int | None = None
    max_list: int | None = None

    @classmethod
    def zope(cls) -> Self:
        """The reading of Zope's publisher to the letter, without limits; tests compare with it."""
        return cls()

    @classmethod
    def gateway(
        cls,
        *,
        max_parameters: int = 10_000,
        max_value_length: int = 16 * 1024 * 1024,
        max_list: int = 10_000,
    ) -> Self:
        """The reading of the `@@API` face: safe booleans, strict JSON, local dates, nothing undecodable, and limits."""
        return cls(
            booleans="safe",
            json="strict",
            iso_dates="local",
            undecodable_values="refuse",
            codecs="charsets",
            attribute_names=False,
            max_parameters=max_parameters,
            max_name_length=1_000,
            max_value_length=max_value_length,
            max_list=max_list,
        )


@dataclass(frozen=True, slots=True)
class FormProblem:
    """One parameter that cannot be read. `parameter` is its name as sent, `status` is 400, or 413 past a limit."""

    parameter: str
    message: str
    status: Literal[400, 413] = 400

    def as_error(self) -> ApiError:
        """The refusal of this parameter."""
        kind = TooLarge if self.status == 413 else BadRequest
        return kind(self.message, causes=[Cause("parameter", self.parameter, self.message)])


Problem: TypeAlias = FormProblem
Record: TypeAlias = FormRecord
"""The names by which the parts of a form are imported from here."""

_ABSENT: Final = object()
_NOTHING_TO_CUT: Final = re.compile(rb"[A-Za-z][A-Za-z0-9_]{0,99}")
"""Names in which no suffix, member or list is spelt."""


class Form(Mapping[str, Any]):
    """The parameters of a request, typed, in order of first arrival, with every problem found in them.

    A form with problems must not be acted upon: `refuse_problems` raises them all as one error. `dropped` are names of
    the CGI environment that were sent and left out.
    """

    __slots__ = ("_values", "dropped", "problems")

    def __init__(
        self, values: Mapping[str, Any], problems: Iterable[FormProblem] = (), dropped: Iterable[str] = ()
    ) -> None:
        self._values: dict[str, Any] = dict(values)
        self.problems: tuple[FormProblem, ...] = tuple(problems)
        self.dropped: tuple[str, ...] = tuple(dropped)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Form({self._values!r}, problems={self.problems!r})"

    def has_any(self, names: Set[str]) -> bool:
        """True when a parameter of one of the names was sent."""
        return not self._values.keys().isdisjoint(names)

    def refuse_problems(self) -> None:
        """Raise every problem as one BadRequest (or TooLarge); do nothing when there is none."""
        if self.problems:
            raise combine([problem.as_error() for problem in self.problems])

    def one(self, name: str, default: Any = None) -> Any:
        """The single value of a parameter, `default` when it was not sent.

        Looks at `name`, then at `name[]`; a list of one is its member. Raises BadRequest when there are several values.
        """
        value = self._values.get(name, _ABSENT)
        if value is _ABSENT:
            value = self._values.get(f"{name}[]", _ABSENT)
        if value is _ABSENT:
            return default
        if isinstance(value, (list, tuple)):
            if len(value) > 1:
                raise BadRequest.of_parameter(name, f"{name} was sent {len(value)} times; send it once.")
            return value[0] if value else default
        return value

    def many(self, name: str) -> list[Any]:
        """All values of a parameter as a list: those of `name`, then those of `name[]`; empty when neither was sent."""
        values: list[Any] = []
        for spelling in (name, f"{name}[]"):
            value = self._values.get(spelling, _ABSENT)
            if isinstance(value, (list, tuple)):
                values.extend(value)
            elif value is not _ABSENT:
                values.append(value)
        return values


def marshal(pairs: Iterable[RawPair], options: FormOptions, local_zone: tzinfo) -> Form:
    """The form that these pairs make; dates without a zone are in `local_zone`.

    Pairs are taken in order, then defaults are merged, then tuples made. Never raises: see `Form.problems`. When there
    is a problem Zope would refuse the whole request, and so must the caller.
    """
    work = _Marshalling(options, local_zone)
    for number, pair in enumerate(pairs):
        if options.max_parameters is not None and number >= options.max_parameters:
            message = f"More than {options.max_parameters} parameters were sent; send fewer, or a JSON body."
            work.problems.append(FormProblem("", message, 413))
            break
        work.take(pair)
    if work.defaults:
        merge_defaults(work.form, work.defaults, work.rules, work.refuse)
    if work.tuple_names:
        make_tuples(work.form, work.tuple_names, work.rules, work.refuse)
    return Form(work.form, work.problems, work.dropped)


class _Marshalling:
    """The work on one request: the form and the defaults as they grow, and the problems met."""

    def __init__(self, options: FormOptions, local_zone: tzinfo) -> None:
        self.options = options
        self.rules = MemberRules(options.attribute_names, options.max_list)
        self.context = ConversionContext(local_zone, options.booleans, options.json, options.iso_dates)
        self.form: dict[str, Any] = {}
        self.defaults: dict[str, Any] = {}
        self.tuple_names: dict[str, None] = {}
        self.problems: list[FormProblem] = []
        self.dropped: dict[str, None] = {}

    def take(self, pair: RawPair) -> None:
        """Decode one pair, cut its suffixes, convert and store it; note a failure as a problem of the parameter."""
        if self._took_plain(pair):
            return
        limit = self.options.max_name_length
        name = ascii(pair.name[:60])[2:-1]
        try:
            if limit is not None and len(pair.name) > limit:
                raise LimitPassed(f"the parameter name has {len(pair.name)} bytes, the limit is {limit}")
            name = _decoded_name(pair)
            self._take_named(name, pair)
        except (ValueError, LookupError, RecursionError) as reason:
            self.refuse(name, reason)

    def _took_plain(self, pair: RawPair) -> bool:
        """Store a value that stands for itself, under a name that does; false for any pair that takes more than that.

        Most parameters are of this kind.
        """
        value, options = pair.value, self.options
        if pair.name_charset is not None or pair.value_charset is not None or not isinstance(value, bytes):
            return False
        if not value.isascii() or _NOTHING_TO_CUT.fullmatch(pair.name) is None:
            return False
        for most, text in ((options.max_name_length, pair.name), (options.max_value_length, value)):
            if most is not None and len(text) > most:
                return False
        name = pair.name.decode("ascii")
        if name in self.form or name in _CGI_NAMES or name.startswith("HTTP_"):
            return False
        self.form[name] = value.decode("ascii")
        return True

    def refuse(self, name: str, reason: Exception) -> None:
        """Note a failure as a problem of the parameter of that name."""
        status: Literal[400, 413] = 413 if isinstance(reason, LimitPassed) else 400
        text = "not readable in the named charset" if isinstance(reason, (UnicodeError, LookupError)) else str(reason)
        self.problems.append(FormProblem(name, f"{shown(name)[1:-1]}: {text}.", status))

    def _take_named(self, name: str, pair: RawPair) -> None:
        value, encoding = self._decoded_value(pair)
        parsed = parse_name(name)
        self.tuple_names.update(dict.fromkeys(parsed.tuple_names))
        value, encoding, is_dropped = self._apply_steps(parsed, value, encoding)
        if self.options.cgi_names == "dropped" and (parsed.name in _CGI_NAMES or parsed.name.startswith("HTTP_")):
            self.dropped[parsed.name] = None
            return
        if is_dropped:
            return
        key, attribute = parsed.name, ""
        if parsed.is_record or parsed.is_records:
            key, _, attribute = parsed.name.rpartition(".")
        if parsed.converter:
            value = self._converted(parsed, key, attribute, value, encoding)
        self._store(parsed, key, attribute, value)

    # Reading one value

    def _decoded_value(self, pair: RawPair) -> tuple[Any, str]:
        """The value as text and its charset; an upload stays itself and has none."""
        if isinstance(pair.value, FormUpload):
            return pair.value, ""
        limit = self.options.max_value_length
        if limit is not None and len(pair.value) > limit:
            raise LimitPassed(f"the value has {len(pair.value)} bytes, the limit is {limit}")
        encoding = _declared_charset(pair.value_charset)
        if self.options.undecodable_values == "refuse":
            try:
                return pair.value.decode(encoding), encoding
            except UnicodeError:
                raise ValueError(f"the value is not valid {encoding}; send UTF-8") from None
        return pair.value.decode(encoding, "surrogateescape"), encoding

    def _apply_steps(self, parsed: ParsedName, value: Any, encoding: str) -> tuple[Any, str, bool]:
        """Codec and `ignore_empty` suffixes, right to left: the value, its charset, and whether it is dropped."""
        is_dropped = False
        for step in parsed.steps:
            if isinstance(step, Recode):
                value, encoding = self._recoded(step, value, encoding)
            elif not value:
                is_dropped = True
        return value, encoding, is_dropped

    def _recoded(self, step: Recode, value: Any, encoding: str) -> tuple[str, str]:
        if isinstance(value, FormUpload):
            raise ValueError(f":{step.suffix} names a charset, which an uploaded file has not")
        if self.options.codecs == "charsets" and not is_charset(step.codec):
            raise ValueError(f":{step.suffix} is not a charset that is read here")
        return value.encode(encoding, "surrogateescape").decode(step.codec), step.codec

    def _converted(self, parsed: ParsedName, key: str, attribute: str, value: Any, encoding: str) -> Any:
        """The converter's result; where it fails on an empty value, the default that was sent before, if any."""
        try:
            if isinstance(value, FormUpload):
                converted = _converted_upload(parsed.converter, value)
            else:
                context = replace(self.context, encoding=encoding) if parsed.converter == "bytes" else self.context
                converted = CONVERTERS[parsed.converter](value, context)
        except (ValueError, OverflowError) as reason:
            if value or parsed.is_default or key not in self.defaults:
                raise ValueError(str(reason)) from None
            return self._default_for(parsed, key, attribute)
        if isinstance(converted, list):
            self.rules.check_length(len(converted))
        return converted

    def _default_for(self, parsed: ParsedName, key: str, attribute: str) -> Any:
        value = self.defaults[key]
        if parsed.is_record:
            value = self.rules.get(value, attribute)
        if parsed.is_records:
            value = self.rules.get(last_record(value), attribute)
        return value

    # Storing one value

    def _store(self, parsed: ParsedName, key: str, attribute: str, value: Any) -> None:
        mapping = self.defaults if parsed.is_default else self.form
        if parsed.is_records:
            self._store_in_records(mapping, key, attribute, value, parsed.is_list)
        elif parsed.is_record:
            self._store_in_record(mapping, key, attribute, value, parsed.is_list)
        elif key not in mapping:
            mapping[key] = [value] if parsed.is_list else value
        elif isinstance(found := mapping[key], list):
            self.rules.append(found, value)
        else:
            mapping[key] = [found, value]

    def _store_in_record(self, mapping: dict[str, Any], key: str, attribute: str, value: Any, is_list: bool) -> None:
        if key not in mapping:
            record = FormRecord()
            self.rules.set(record, attribute, [value] if is_list else value)
            mapping[key] = record
            return
        record = mapping[key]
        if is_list and self.rules.has(record, attribute):
            found = self.rules.get(record, attribute)
            if not isinstance(found, list):
                raise ValueError(f"{shown(attribute)} already has a plain value; send every value with :list")
            self.rules.check_length(len(found) + 1)
            value = [*found, value]
        elif is_list:
            value = [value]
        self.rules.set(record, attribute, value)

    def _store_in_records(self, mapping: dict[str, Any], key: str, attribute: str, value: Any, is_list: bool) -> None:
        if key not in mapping:
            record = FormRecord()
            self.rules.set(record, attribute, [value] if is_list else value)
            mapping[key] = [record]
            return
        records = mapping[key]
        last = last_record(records)
        if not self.rules.has(last, attribute):
            self.rules.set(last, attribute, [value] if is_list else value)
        elif is_list:
            found = self.rules.get(last, attribute)
            if not isinstance(found, list):
                raise ValueError(f"{shown(attribute)} already has a plain value; send every value with :list")
            self.rules.append(found, value)
        else:
            record = FormRecord()
            self.rules.set(record, attribute, value)
            self.rules.append(records, record)


def _decoded_name(pair: RawPair) -> str:
    encoding = _declared_charset(pair.name_charset)
    try:
        return pair.name.decode(encoding)
    except UnicodeError:
        raise ValueError(f"the parameter name is not valid {encoding}; send UTF-8") from None


def _declared_charset(name: str | None) -> str:
    if name is None:
        return "utf-8"
    codec = known_charset(name)
    if codec is None:
        raise ValueError(f"the body's charset {shown(name)} is unknown; send UTF-8")
    return codec


def _converted_upload(converter: str, upload: FormUpload) -> Any:
    """An uploaded file converted: its bytes, true when a file was chosen, or itself when one is required."""
    if converter == "bytes":
        return upload.content
    if converter == "boolean":
        return bool(upload)
    if converter == "required" and upload:
        return upload
    raise ValueError(f":{converter} cannot be applied to an uploaded file")
