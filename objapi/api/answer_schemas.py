"""JSON Schemas of what methods take and answer, put together from a few shapes.

Records are open: an answer may gain a key, and a client that knows fewer of them goes on as before.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

Schema: TypeAlias = Mapping[str, object]

COMPONENTS: Final = "#/components/schemas/"

TEXT: Final[Schema] = {"type": "string"}
TEXT_OR_NULL: Final[Schema] = {"type": ["string", "null"]}
WHOLE: Final[Schema] = {"type": "integer"}
BOOLEAN: Final[Schema] = {"type": "boolean"}
RECORD: Final[Schema] = {"type": "object"}


def list_of(item: Schema) -> Schema:
    """A list of values of one schema."""
    return {"type": "array", "items": item}


def map_of(item: Schema) -> Schema:
    """A record of any keys whose values are of one schema."""
    return {"type": "object", "additionalProperties": item}


def record(**members: Schema) -> Schema:
    """A record that has these members, and perhaps others."""
    return {"type": "object", "required": list(members), "properties": members}


def optional_members(members: Mapping[str, Schema]) -> Schema:
    """A record of members, of which those whose names end with `?` may be missing."""
    needed = [name for name in members if not name.endswith("?")]
    required = {"required": needed} if needed else {}
    properties = {name.removesuffix("?"): schema for name, schema in members.items()}
    return {"type": "object", **required, "properties": properties}


def component(name: str) -> Schema:
    """A reference to a schema that the description has under a name."""
    return {"$ref": COMPONENTS + name}


TEXTS: Final = list_of(TEXT)
RECORDS: Final = list_of(RECORD)
OBJECT_READ: Final = component("ApiObject")
"""An object as `read` answers it."""
