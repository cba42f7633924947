"""Entity types as JSON Schemas: one of their objects as they are answered, one of the values that clients send."""

from collections.abc import Mapping
from typing import Final

from objapi.api.answer_schemas import (
    BOOLEAN,
    RECORD,
    RECORDS,
    TEXT,
    TEXT_OR_NULL,
    TEXTS,
    WHOLE,
    Schema,
    list_of,
    record,
)
from objapi.model.registry import Registry
from objapi.model.signed_values import SIGNATURES, takes_signatures
from objapi.model.types import EntityType, Field, Kind

VALUES: Final = "Values"
"""What the name of the schema of values ends with."""

_FILE: Final[Schema] = {
    "type": ["object", "null"],
    "properties": {"filename": TEXT_OR_NULL, "size": {"type": ["integer", "null"]}, "url": TEXT_OR_NULL},
}
_SENT_FILE: Final[Schema] = {
    "type": "object",
    "required": ["filename", "base64"],
    "properties": {"filename": TEXT, "base64": {"type": "string", "contentEncoding": "base64"}},
}
_ANSWERED: Final[Mapping[Kind, Schema]] = {
    Kind.STRING: TEXT_OR_NULL,
    Kind.TEXT: TEXT_OR_NULL,
    Kind.INTEGER: {"type": ["integer", "null"]},
    Kind.FIXEDPOINT: TEXT_OR_NULL,
    Kind.NUMBER: {"type": ["number", "null"]},
    Kind.BOOLEAN: {"type": ["boolean", "null"]},
    Kind.DATETIME: TEXT_OR_NULL,
    Kind.LINES: TEXTS,
    Kind.RECORD: RECORD,
    Kind.RECORDS: RECORDS,
    Kind.FILE: _FILE,
    Kind.JSON: {},
    Kind.COMPUTED: {},
}
_SENT: Final[Mapping[Kind, Schema]] = {
    Kind.FIXEDPOINT: {"type": ["string", "number", "null"]},
    Kind.LINES: {"type": ["array", "string", "null"], "items": TEXT},
    Kind.RECORD: {"type": ["object", "null"]},
    Kind.RECORDS: {"type": ["array", "null"], "items": RECORD},
    Kind.FILE: _SENT_FILE,
}
_SIGNATURE: Final = record(meaning=TEXT, user_id=TEXT, fullname=TEXT, time=TEXT, version=WHOLE, valid=BOOLEAN)
_OF_EVERY_OBJECT: Final[Mapping[str, Schema]] = {
    "UID": TEXT,
    "id": TEXT,
    "path": TEXT,
    "version": {"type": ["integer", "null"]},
}


def type_schemas(registry: Registry) -> dict[str, Schema]:
    """The schemas of all types: `<portal_type>` for what is answered, `<portal_type>Values` for what is sent."""
    made: dict[str, Schema] = {}
    for portal_type, declared in sorted(registry.types.items()):
        name = schema_name(portal_type)
        made[name] = _answered_object(registry, declared)
        made[name + VALUES] = _sent_values(declared)
    return made


def schema_name(portal_type: str) -> str:
    """The name of a type among the schemas, which is of letters, digits, `.`, `_` and `-` alone."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in portal_type)


def _answered_object(registry: Registry, declared: EntityType) -> Schema:
    # The name of a schema is not always that of its type.
    properties: dict[str, Schema] = {**_OF_EVERY_OBJECT, "portal_type": {**TEXT, "const": declared.portal_type}}
    properties |= dict.fromkeys(registry.state_variables(declared.portal_type), TEXT_OR_NULL)
    for field in declared.fields.values():
        properties[field.name] = _answered(field)
        if field.kind is Kind.REFERENCE:
            properties[f"{field.name}_uid"] = _reference(field)
    # What is contained comes with the members that these objects have for those who ask.
    properties |= dict.fromkeys(declared.embed, RECORDS)
    if takes_signatures(registry, declared.portal_type):
        properties[SIGNATURES] = list_of(_SIGNATURE)
    about = {"description": declared.about} if declared.about else {}
    return {"title": declared.title or declared.portal_type, **about, "type": "object", "properties": properties}


def _sent_values(declared: EntityType) -> Schema:
    taken = {**declared.fields, **declared.create_parameters}
    writable = {name: field for name, field in taken.items() if is_writable(field)}
    needed = [name for name, field in writable.items() if field.required]
    title = f"Values of {declared.title or declared.portal_type}"
    about = "What create takes beside its own parameters, and update in part."
    if needed:
        about += f" A new object needs {', '.join(needed)}."
    properties = {name: _sent(field) for name, field in writable.items()}
    return {"title": title, "description": about, "type": "object", "properties": properties}


def is_writable(field: Field) -> bool:
    """True for a field that clients may send."""
    return not field.system and field.kind is not Kind.COMPUTED and field.path is None and field.compute is None


def _answered(field: Field) -> Schema:
    if field.kind is Kind.REFERENCE:
        return {**_about(field), **_reference(field)}
    # What a behaviour works out, or a path leads to, is of whatever kind it finds.
    worked_out = field.path is not None or field.compute is not None
    return {**_about(field), **({} if worked_out else _ANSWERED[field.kind])}


def _reference(field: Field) -> Schema:
    return list_of(TEXT) if field.multi else TEXT_OR_NULL


def _sent(field: Field) -> Schema:
    if field.kind is Kind.REFERENCE:
        targets = f" Of {', '.join(sorted(field.targets))}." if field.targets else ""
        told = f" {field.about}" if field.about else ""
        about = f"{field.title or field.name}.{told}{targets} UID, path, id, or a query such as portal_type:…|title:…."
        schema: Schema = (
            {"type": ["array", "string", "null"], "items": {}} if field.multi else {"type": ["string", "null"]}
        )
        return {"description": about, **schema}
    schema = _SENT.get(field.kind, _ANSWERED[field.kind])
    if field.vocabulary and field.kind in (Kind.STRING, Kind.TEXT):
        # An empty text clears a field.
        return {**_about(field), "enum": [*field.vocabulary, *({"": ""} if "" not in field.vocabulary else {}), None]}
    return {**_about(field), **schema}


def _about(field: Field) -> Schema:
    named = {"title": field.title} if field.title and field.title != field.name else {}
    return {**named, "description": field.about} if field.about else named
