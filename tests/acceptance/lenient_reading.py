"""Hooks for schemathesis: a check of its own in place of `negative_data_rejection`, which knows the lenient reading.

A body that does not fit its schema may be accepted only where that reading (see `objapi.ispyb.values.types`) takes the
value: numbers and booleans for texts, digits in text for integers, Unix times for times, and the like.
"""

from collections.abc import Mapping
from typing import Any, Final

import jsonschema_rs
import schemathesis
from schemathesis.specs.openapi.checks import AcceptedNegativeData, negative_data_rejection

_NUMBER: Final = {"type": "string", "pattern": r"^\s*[+-]?[0-9._]+([eE][+-]?[0-9]+)?\s*$"}
_TRUTH: Final = {"type": "string", "pattern": "^(?i:1|0|on|off|t|f|true|false|y|yes|n|no)$"}
_READ_AS: Final[Mapping[str, list[dict[str, Any]]]] = {
    "string": [{"type": ["number", "boolean"]}],
    "integer": [{"type": ["number", "boolean"]}, _NUMBER],
    "number": [{"type": "boolean"}, _NUMBER],
    "boolean": [{"enum": [0, 1]}, _TRUTH],
}


@schemathesis.check
def negative_data_rejection_beyond_lenience(ctx: Any, response: Any, case: Any) -> bool | None:
    """Fail for an accepted body that not even the lenient reading takes, and for any other accepted invalid value."""
    try:
        return negative_data_rejection(ctx, response, case)
    except AcceptedNegativeData:
        description = case.operation.schema.raw_schema
        operation = description["paths"][case.operation.path][case.operation.method]
        if "requestBody" not in operation:
            raise
        body = operation["requestBody"]["content"]["application/json"]["schema"]
        lenient = {"allOf": [body], "components": _loosened(description["components"])}
        if not jsonschema_rs.is_valid(lenient, case.body):
            raise
    return None


def _loosened(schema: Any) -> Any:
    """A schema that also accepts what is read as a value of it."""
    if isinstance(schema, list):
        return [_loosened(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: value if key == "enum" else _loosened(value) for key, value in schema.items()}
    types = schema.get("type")
    named = [types] if isinstance(types, str) else types if isinstance(types, list) else []
    also = [entry for name in named if isinstance(name, str) for entry in _READ_AS.get(name, [])]
    # A vocabulary is read as it is written, and what is no schema has no type: `type` may be the name of a key.
    return {"anyOf": [made, *also]} if also and "enum" not in schema else made
