"""Reading what a client sent for an object as typed values: the schema of a type, with every problem collected.

Only what the declaration alone can decide is decided here. Looking references up, permissions, named checks and
defaults that depend on other objects are the store's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from marshmallow import Schema, ValidationError

from objapi.errors import Cause
from objapi.model.kinds import marshmallow_field, reading_with
from objapi.model.references import Lookup, ReferenceProblem, parse_references
from objapi.model.types import EntityType, Field, Kind
from objapi.model.values import LoadContext, NewFile, is_empty

Mode = Literal["create", "update"]
_REMEMBERED: Final = 2000


@dataclass(frozen=True, slots=True)
class Validated:
    """Values that were sent, after reading: fields by the names under which they are stored, in the order sent.

    In `values` None is a cleared field; in `references` None is a cleared reference, else the look-ups are still to be
    resolved. Create parameters stand among them. `unused` are names that the type does not have; `problems` have kind
    "field" and one entry for each field that is wrong, and such a field is in none of the mappings.
    """

    values: Mapping[str, object]
    references: Mapping[str, tuple[Lookup, ...] | None]
    files: Mapping[str, NewFile]
    unused: tuple[str, ...] = ()
    problems: tuple[Cause, ...] = ()
    derived_title: str | None = None
    """The title that was sent for a type whose title follows from other fields: right only when it is that one."""

    @property
    def names(self) -> tuple[str, ...]:
        """The fields that were sent and could be read."""
        return (*self.values, *self.references, *self.files)


def validate(entity_type: EntityType, raw: Mapping[str, object], *, mode: Mode, context: LoadContext) -> Validated:
    """Read the values for one object. Nothing is raised for what is wrong with them: it stands in the result.

    In mode "create" required fields must be there, unless a default, the gateway or the target of `stored_on` supplies
    them; an empty value for one with a default is as good as none. In mode "update" an empty value clears a field that
    is not required.
    """
    return _of(entity_type).read(raw, mode, context)


class TypeSchema:
    """The marshmallow schema of a type and what reading with it needs; built once for each type."""

    def __init__(self, entity_type: EntityType) -> None:
        self.entity_type = entity_type
        self._fields: dict[str, Field] = {**entity_type.fields, **entity_type.create_parameters}
        self._required = required_fields(entity_type)
        title = self._fields.get("title")
        self._derives_title = entity_type.title_path is not None if title is None else title.kind is Kind.COMPUTED
        loaded = [field for field in self._fields.values() if _is_loaded(field)]
        # marshmallow takes attribute names, and a field may be named like an attribute of Schema.
        schema = Schema.from_dict({f"field_{number}": marshmallow_field(field) for number, field in enumerate(loaded)})
        self._readers = {str(reader.data_key): reader for reader in schema().fields.values()}

    def read(self, raw: Mapping[str, object], mode: Mode, context: LoadContext) -> Validated:
        """See `validate`."""
        problems: dict[str, Cause] = {}
        title = self._sent_derived_title(raw)
        given, unused = self._resolved(
            raw if title is None else {name: value for name, value in raw.items() if name != "title"}, mode, problems
        )
        references: dict[str, tuple[Lookup, ...] | None] = {}
        plain: dict[str, object] = {}
        for name, value in given.items():
            field = self._fields[name]
            if is_empty(value, field.kind) and name in self._required:
                # In a creation it counts as not sent: a default may supply the field.
                if mode == "update":
                    problems[name] = _cause(name, "the field is required and cannot be emptied", "required")
            elif field.kind is Kind.REFERENCE:
                try:
                    references[name] = parse_references(value, field, context)
                except ReferenceProblem as problem:
                    problems[name] = _cause(name, str(problem), "invalid")
            else:
                plain[name] = value
        loaded = self._load(plain, context, problems)
        if mode == "create":
            self._note_missing(given, references, problems)
        return Validated(
            values={name: value for name, value in loaded.items() if not isinstance(value, NewFile)},
            references=references,
            files={name: value for name, value in loaded.items() if isinstance(value, NewFile)},
            unused=tuple(unused),
            problems=tuple(problems.values()),
            derived_title=title,
        )

    def _sent_derived_title(self, raw: Mapping[str, object]) -> str | None:
        """The title in a request, where the type derives it; clients write back what they have read."""
        title = raw.get("title") if self._derives_title else None
        return title if isinstance(title, str) else None

    def _resolved(
        self, raw: Mapping[str, object], mode: Mode, problems: dict[str, Cause]
    ) -> tuple[dict[str, object], list[str]]:
        """The values under the names of their fields, and the names that are none."""
        given: dict[str, object] = {}
        unused = []
        for name, value in raw.items():
            field = self._fields.get(name)
            if field is None or (mode == "update" and name not in self.entity_type.fields):
                unused.append(name)
                continue
            target = field.alias_of or name
            if field.kind is Kind.COMPUTED or field.system or self._fields[target].system:
                problems[name] = _cause(name, "the field is set by the gateway; leave it out", "read_only")
            elif target in given and given[target] != value:
                problems[name] = _cause(
                    name, f"{name} and {target} are one field and were sent with different values", "duplicate"
                )
            else:
                given[target] = value
        return given, unused

    def _load(
        self, plain: Mapping[str, object], context: LoadContext, problems: dict[str, Cause]
    ) -> Mapping[str, object]:
        # The readers of the schema are asked one by one: `Schema.load` goes through every field of the type, sent or
        # not, and a write of one field in ten thousand objects would spend most of its time there.
        loaded: dict[str, object] = {}
        with reading_with(context):
            for name, value in plain.items():
                try:
                    loaded[name] = self._readers[name].deserialize(value, name, plain)
                except ValidationError as error:
                    problems[name] = _cause(name, "; ".join(_flat(error.messages)), "invalid")
        return loaded

    def _note_missing(
        self,
        given: Mapping[str, object],
        references: Mapping[str, object],
        problems: dict[str, Cause],
    ) -> None:
        for name, field in self._required.items():
            sent = name in given and not is_empty(given[name], field.kind)
            supplied = field.default is not None or field.default_from is not None or field.system
            has_target = field.stored_on is not None and references.get(field.stored_on) is not None
            if not (sent or supplied or has_target or name in problems):
                problems[name] = _cause(name, "the field is required", "required")


def required_fields(entity_type: EntityType) -> dict[str, Field]:
    """The fields that a client cannot leave empty; the one that gives a required title is one of them."""
    declared = {**entity_type.fields, **entity_type.create_parameters}
    required = {
        name: field
        for name, field in declared.items()
        if field.required and field.alias_of is None and not field.system and field.kind is not Kind.COMPUTED
    }
    # A title that comes from a field of the type makes that field required, or the one that the field is a name of;
    # over references it is the target's, which another request writes.
    title = entity_type.title_path
    if entity_type.title_required and (title is None or not title.steps):
        field = declared.get("title" if title is None else title.attribute or "")
        if field is not None and field.alias_of is not None:
            field = declared.get(field.alias_of)
        if field is not None and not field.system and field.kind is not Kind.COMPUTED:
            required.setdefault(field.name, field)
    return required


def _is_loaded(field: Field) -> bool:
    return field.kind not in (Kind.REFERENCE, Kind.COMPUTED) and field.alias_of is None and not field.system


def _cause(name: str, message: str, code: str) -> Cause:
    return Cause("field", name, f"{name}: {message}", code=code)


def _flat(messages: object) -> Iterable[str]:
    """The texts in marshmallow's nested messages."""
    if isinstance(messages, Mapping):
        for inner in messages.values():
            yield from _flat(inner)
    elif isinstance(messages, list | tuple):
        for inner in messages:
            yield from _flat(inner)
    else:
        yield str(messages)


# By identity: types are compared by all their fields, which would cost more than building a schema. The type is kept
# with its schema so that its identity cannot be given to another.
_schemas: dict[int, TypeSchema] = {}


def _of(entity_type: EntityType) -> TypeSchema:
    schema = _schemas.get(id(entity_type))
    if schema is None or schema.entity_type is not entity_type:
        if len(_schemas) >= _REMEMBERED:
            _schemas.clear()
        schema = _schemas[id(entity_type)] = TypeSchema(entity_type)
    return schema
