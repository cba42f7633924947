"""Schemas: the objects of bodies and answers, declared once as data.

From one declaration come the check of a body (on marshmallow, which gathers the faults of the whole tree), the shape of
an answer (exactly the declared keys), and the component in `openapi.json`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Final

import marshmallow as mm

from objapi.ispyb.values.errors import (
    ROOT,
    Fault,
    FaultPlace,
    PlacedFault,
    missing,
    no_list,
    no_object,
    none_not_allowed,
)
from objapi.ispyb.values.types import ScalarType

ABSENT: Final = object()
"""The default of a field that has none: it stays absent when it is not given."""

Rule = Callable[[Mapping[str, Any]], str | None]
"""A rule over a whole object: what is wrong with it, None when nothing is."""

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OneGiven:
    """The rule that at least one of several keys has a value; `text` is said where none has."""

    names: tuple[str, ...]
    text: str

    def __call__(self, values: Mapping[str, Any]) -> str | None:
        """The text when the rule is broken."""
        return self.text if all(values.get(name) is None for name in self.names) else None


@dataclass(frozen=True)
class ListOf:
    """A list whose entries are all of one kind; `least` is how many there must be."""

    item: "Type"
    least: int = 0


@dataclass(frozen=True)
class MapOf:
    """An object with any keys whose values are all of one kind; for answers only."""

    item: "Type"


@dataclass(frozen=True)
class OneOf:
    """An object of one of several schemas; for answers only, whose values are given as they are shown."""

    choices: tuple["Schema", ...]


@dataclass(frozen=True)
class Property:
    """One key of an object: what it holds, whether it must be there, its default, its label in forms.

    `null` is for answers: the key is always there, and its value may be null.
    """

    type: "Type"
    required: bool
    default: Any = None
    label: str | None = None
    null: bool = False


@dataclass(frozen=True)
class Schema:
    """An object with declared keys, known to clients by its name.

    `sparse` objects are changes: a key that is not given is absent from what was read, not None.
    """

    name: str
    properties: Mapping[str, Property]
    rules: tuple[Rule, ...] = ()
    sparse: bool = False
    shown: Mapping[str, Callable[[Any], Any]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        shown = {name: shower(property_.type) for name, property_ in self.properties.items()}
        object.__setattr__(self, "shown", shown)

    def __hash__(self) -> int:
        return hash(self.name)

    def answer(self, values: Values) -> dict[str, Any]:
        """The object as it is answered: each declared key and no other, None where there is no value."""
        return {name: None if (value := values.get(name)) is None else show(value) for name, show in self.shown.items()}

    @cached_property
    def reader(self) -> mm.Schema:
        """Reader of a body of this schema, which checks it."""
        fields = {name: _reading_field(property_, self.sparse) for name, property_ in self.properties.items()}
        made: type[_ReadObject] = type(self.name, (_ReadObject,), {**fields, "rules": self.rules})
        return made()


Type = ScalarType | ListOf | MapOf | OneOf | Schema


def required(type_: Type, label: str | None = None) -> Property:
    """A key that must be there and must not be null."""
    return Property(type_, True, ABSENT, label)


def stored(type_: Type) -> Property:
    """A key of an answer that is always there, null where its column is."""
    return Property(type_, True, ABSENT, null=True)


def optional(type_: Type, default: Any = None, label: str | None = None) -> Property:
    """A key that may be absent or null."""
    return Property(type_, False, default, label)


def changes(name: str, properties: Mapping[str, Property]) -> Schema:
    """A schema whose keys are changes: what is not given stays as it is."""
    return Schema(name, properties, sparse=True)


def shower(type_: Type) -> Callable[[Any], Any]:
    """The function that turns a value of a type, never None, into its form in an answer."""
    if isinstance(type_, ScalarType):
        return type_.show
    if isinstance(type_, Schema):
        return type_.answer
    if isinstance(type_, ListOf):
        show = shower(type_.item)
        return lambda values: [None if value is None else show(value) for value in values]
    if isinstance(type_, MapOf):
        show = shower(type_.item)
        return lambda values: {str(key): None if value is None else show(value) for key, value in values.items()}
    return lambda value: value


def read_values(reader: mm.Schema, raw: Any, place: FaultPlace) -> tuple[dict[str, Any], list[PlacedFault]]:
    """Values of an object, and all its faults, each at its place below `place`."""
    try:
        values: dict[str, Any] = reader.load(raw)
    except mm.ValidationError as error:
        return {}, list(_placed(error.messages, place))
    return values, []


def reader_of(name: str, properties: Mapping[str, Property]) -> mm.Schema:
    """Reader of values beside the body, such as the parameters of a query."""
    return Schema(name, properties).reader


class _ReadObject(mm.Schema):
    """A marshmallow schema that passes over unknown keys and gives faults their types."""

    rules: ClassVar[tuple[Rule, ...]] = ()
    error_messages: dict[str, Any] = {"type": no_object()}  # noqa: RUF012 - as marshmallow has it

    class Meta:
        unknown = mm.EXCLUDE

    @mm.validates_schema(skip_on_field_errors=False, pass_original=True)
    def follow_rules(self, data: dict[str, Any], original: Any, **_: Any) -> None:
        """Check the rules over the whole object, when it is one."""
        rules = self.rules if isinstance(original, Mapping) else ()
        broken = [text for rule in rules if (text := rule(data)) is not None]
        if broken:
            raise mm.ValidationError([Fault(text, "value_error") for text in broken])


class _ReadValue(mm.fields.Field[Any]):
    """A marshmallow field that reads by a kind of ours."""

    def __init__(self, kind: ScalarType, **options: Any) -> None:
        super().__init__(**options)
        self.kind = kind

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Any:
        try:
            return self.kind.read(value)
        except Fault as fault:
            raise mm.ValidationError([fault]) from fault


def _reading_field(property_: Property, sparse: bool) -> mm.fields.Field[Any]:
    options: dict[str, Any] = {
        "required": property_.required,
        "allow_none": not property_.required,
        "error_messages": {"required": [missing()], "null": [none_not_allowed()]},
    }
    if not property_.required and not sparse and property_.default is not ABSENT:
        options["load_default"] = property_.default
    return _typed_field(property_.type, options)


def _typed_field(type_: Type, options: dict[str, Any]) -> mm.fields.Field[Any]:
    if isinstance(type_, ScalarType):
        return _ReadValue(type_, **options)
    if isinstance(type_, Schema):
        return mm.fields.Nested(type_.reader, **options)
    if isinstance(type_, ListOf):
        item = _typed_field(type_.item, {"error_messages": {"null": [none_not_allowed()]}})
        messages = options["error_messages"] | {"invalid": [no_list()]} if options else {"invalid": [no_list()]}
        return mm.fields.List(item, **(options | {"error_messages": messages}), validate=_at_least(type_.least))
    raise TypeError(f"{type(type_).__name__} is for answers and cannot be read")


def _at_least(least: int) -> Callable[[list[Any]], None]:
    def check(values: list[Any]) -> None:
        if len(values) < least:
            text = f"ensure this value has at least {least} items"
            fault = Fault(text, "value_error.list.min_items", limit_value=least)
            raise mm.ValidationError([fault])

    return check


def _placed(messages: Any, place: FaultPlace) -> Iterator[PlacedFault]:
    if isinstance(messages, Fault):
        whole = place and place[-1] == mm.exceptions.SCHEMA
        if whole:
            place = (*place[:-1], ROOT) if messages.type == "value_error" else place[:-1]
        yield messages.at(place)
    elif isinstance(messages, dict):
        for key, inner in messages.items():
            yield from _placed(inner, (*place, key))
    else:
        for inner in messages:
            yield from _placed(inner, place)
