"""Form marshalling: raw name=value pairs to typed values, by the rules of Zope's publisher.

The one public function is `marshal`. It does no I/O and never raises for what a client sent: whatever cannot be read
becomes a problem of the form that names its parameter.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import tzinfo
from itertools import groupby
from typing import Any, Final, Literal, TypeAlias

from objapi.api.converters import CONVERTERS, ConversionContext, is_false, shown
from objapi.api.form_model import Form, FormOptions, FormProblem, FormRecord
from objapi.api.pairs import (
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

Problem: TypeAlias = FormProblem
Record: TypeAlias = FormRecord
"""The names by which the parts of a form are imported from here."""

_CGI_NAMES: Final = frozenset(
    "SERVER_SOFTWARE SERVER_NAME GATEWAY_INTERFACE SERVER_PROTOCOL SERVER_PORT REQUEST_METHOD PATH_INFO "
    "PATH_TRANSLATED SCRIPT_NAME QUERY_STRING REMOTE_HOST REMOTE_ADDR AUTH_TYPE REMOTE_USER REMOTE_IDENT "
    "CONTENT_TYPE CONTENT_LENGTH SERVER_URL".split()
)
# What every record has as an attribute where record keys are attributes of a plain object, beside Python's own.
_RECORD_METHODS: Final = frozenset({"get", "keys", "items", "values", "copy", "_guarded_writes"})
_RECORD_ATTRIBUTES: Final = (
    frozenset(dir(type("record", (), {"__contains__": None, "__getitem__": None, "__iter__": None, "__len__": None})))
    | _RECORD_METHODS
    | {"__getattr__", "__allow_access_to_unprotected_subobjects__"}
)
_UNWRITABLE: Final = frozenset({"__class__", "__dict__", "__weakref__"})
# Work that grows with the product of two lists (members compared each with each, keys filled into each record) is
# refused beyond this many steps.
_MAX_STEPS: Final = 1_000_000


class _TooMuch(ValueError):
    """A value beyond a limit of the options; answered as 413, unlike other refusals."""


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
    work.merge_defaults()
    work.make_tuples()
    return Form(work.form, work.problems, work.dropped)


class _Marshalling:
    """The work on one request: the form and the defaults as they grow, and the problems met."""

    def __init__(self, options: FormOptions, local_zone: tzinfo) -> None:
        self.options = options
        self.context = ConversionContext(local_zone, options.booleans, options.json)
        self.form: dict[str, Any] = {}
        self.defaults: dict[str, Any] = {}
        self.tuple_names: dict[str, None] = {}
        self.problems: list[FormProblem] = []
        self.dropped: dict[str, None] = {}

    def take(self, pair: RawPair) -> None:
        """Decode one pair, cut its suffixes, convert and store it; note a failure as a problem of the parameter."""
        limit = self.options.max_name_length
        name = ascii(pair.name[:60])[2:-1]
        try:
            if limit is not None and len(pair.name) > limit:
                raise _TooMuch(f"the parameter name has {len(pair.name)} bytes, the limit is {limit}")
            name = _decoded_name(pair)
            self._take_named(name, pair)
        except (ValueError, LookupError, RecursionError) as reason:
            self._refuse(name, reason)

    def _refuse(self, name: str, reason: Exception) -> None:
        status: Literal[400, 413] = 413 if isinstance(reason, _TooMuch) else 400
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
            raise _TooMuch(f"the value has {len(pair.value)} bytes, the limit is {limit}")
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
            self._check_length(len(converted))
        return converted

    def _default_for(self, parsed: ParsedName, key: str, attribute: str) -> Any:
        value = self.defaults[key]
        if parsed.is_record:
            value = self._get(value, attribute)
        if parsed.is_records:
            value = self._get(_last(value), attribute)
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
            self._append(found, value)
        else:
            mapping[key] = [found, value]

    def _store_in_record(self, mapping: dict[str, Any], key: str, attribute: str, value: Any, is_list: bool) -> None:
        if key not in mapping:
            record = FormRecord()
            self._set(record, attribute, [value] if is_list else value)
            mapping[key] = record
            return
        record = mapping[key]
        if is_list and self._has(record, attribute):
            found = self._get(record, attribute)
            if not isinstance(found, list):
                raise ValueError(f"{shown(attribute)} already has a plain value; send every value with :list")
            self._check_length(len(found) + 1)
            value = [*found, value]
        elif is_list:
            value = [value]
        self._set(record, attribute, value)

    def _store_in_records(self, mapping: dict[str, Any], key: str, attribute: str, value: Any, is_list: bool) -> None:
        if key not in mapping:
            record = FormRecord()
            self._set(record, attribute, [value] if is_list else value)
            mapping[key] = [record]
            return
        records = mapping[key]
        last = _last(records)
        if not self._has(last, attribute):
            self._set(last, attribute, [value] if is_list else value)
        elif is_list:
            found = self._get(last, attribute)
            if not isinstance(found, list):
                raise ValueError(f"{shown(attribute)} already has a plain value; send every value with :list")
            self._append(found, value)
        else:
            record = FormRecord()
            self._set(record, attribute, value)
            self._append(records, record)

    def _append(self, values: list[Any], value: Any) -> None:
        if value is values:
            raise ValueError("the default is a list and cannot become a member of itself")
        self._check_length(len(values) + 1)
        values.append(value)

    def _check_length(self, length: int) -> None:
        limit = self.options.max_list
        if limit is not None and length > limit:
            raise _TooMuch(f"more than {limit} values")

    # After the last pair

    def merge_defaults(self) -> None:
        """Put the defaults in: absent names whole, of records the missing keys, of lists the missing members."""
        for key, default in self.defaults.items():
            try:
                if key not in self.form:
                    self.form[key] = default
                elif isinstance(default, FormRecord):
                    self._fill(self.form[key], default)
                elif isinstance(default, list):
                    self._extend(key, default)
            except (ValueError, RecursionError) as reason:
                self._refuse(key, reason)

    def _fill(self, record: Any, default: FormRecord) -> None:
        for attribute, value in default.items():
            if not self._has(record, attribute):
                self._set(record, attribute, value)

    def _extend(self, key: str, default: list[Any]) -> None:
        given = self.form[key]
        values = given if isinstance(given, list) else [given]
        members = _Members(values)
        for are_records, run in groupby(list(default), lambda member: isinstance(member, FormRecord)):
            if are_records:
                self._fill_all(values, run)
                continue
            for member in run:
                if member not in members:
                    self._append(values, member)
                    members.add(member)
        self.form[key] = values

    def _fill_all(self, values: list[Any], defaults: Iterable[FormRecord]) -> None:
        """Fill the missing keys of every value from several records, of which the first that has a key gives it."""
        together = FormRecord()
        for default in defaults:
            for attribute, value in default.items():
                together.members.setdefault(attribute, value)
        if len(together) * len(values) > _MAX_STEPS:
            raise _TooMuch("the records and their defaults have too many keys to fill in")
        for value in values:
            self._fill(value, together)

    def make_tuples(self) -> None:
        """Make tuples of what was sent with `:tuple`: a plain value, or that key of a record or of every record."""
        for name in self.tuple_names:
            key, _, attribute = name.rpartition(".")
            attribute = _without_suffixes(attribute)
            try:
                if key in self.form:
                    self._make_tuple_in(self.form[key], attribute)
                elif name in self.form:
                    self.form[name] = _as_tuple(self.form[name])
            except ValueError as reason:
                self._refuse(name, reason)

    def _make_tuple_in(self, value: Any, attribute: str) -> None:
        records = (value,) if isinstance(value, FormRecord) else _as_tuple(value)
        for record in records:
            if self._has(record, attribute):
                self._set(record, attribute, _as_tuple(self._get(record, attribute)))

    # Records and what stands in their place

    def _has(self, owner: Any, attribute: str) -> bool:
        if isinstance(owner, FormRecord):
            return attribute in owner or (self.options.attribute_names and attribute in _RECORD_ATTRIBUTES)
        return self.options.attribute_names and attribute in dir(type(owner))

    def _get(self, owner: Any, attribute: str) -> Any:
        if not isinstance(owner, FormRecord) or attribute not in owner:
            raise ValueError(f"{shown(attribute)} is not a key of a record here")
        return owner[attribute]

    def _set(self, owner: Any, attribute: str, value: Any) -> None:
        if not isinstance(owner, FormRecord):
            raise ValueError("a plain value and a record cannot share one name")
        if self.options.attribute_names and attribute in _UNWRITABLE:
            raise ValueError(f"{shown(attribute)} cannot be a key of a record")
        owner.members[attribute] = value


class _Members:
    """Membership by equality in a list that may hold what cannot be hashed, without comparing each with each."""

    def __init__(self, values: list[Any]) -> None:
        self._hashable: set[Any] = set()
        self._others: list[Any] = []
        self._comparisons = 0
        for value in values:
            self.add(value)

    def add(self, value: Any) -> None:
        if isinstance(value, (list, dict, FormRecord)):
            self._others.append(value)
        else:
            self._hashable.add(value)

    def __contains__(self, value: Any) -> bool:
        if not isinstance(value, (list, dict, FormRecord)):
            return value in self._hashable
        self._comparisons += len(self._others)
        if self._comparisons > _MAX_STEPS:
            raise _TooMuch("the list and its default have too many structured members to compare")
        return value in self._others


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


def _last(values: Any) -> Any:
    if not isinstance(values, list) or not values:
        raise ValueError("this name has a plain value or a single record already; use :records for all or none")
    return values[-1]


def _as_tuple(value: Any) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple, str, bytes, dict, FormRecord)):
        raise ValueError(":tuple needs several values or a text")
    return tuple(value)


def _without_suffixes(attribute: str) -> str:
    """The first part of a record key that may still carry suffixes, as `a` of `a:int`; of `:int` it is `int`."""
    head = attribute
    part = ""
    while head:
        head, _, part = head.rpartition(":")
    return part
