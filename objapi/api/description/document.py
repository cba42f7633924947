"""The whole OpenAPI 3.1 document of a site, written once for its declarations."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

import orjson

from objapi import __version__
from objapi.api.answer_schemas import BOOLEAN, RECORDS, TEXT, TEXT_OR_NULL, WHOLE, Schema, component, record
from objapi.api.description.entity_types import type_schemas
from objapi.api.description.operations import (
    answer_name,
    answer_schema,
    names_of_failures,
    operations,
    refusals,
    tags,
)
from objapi.api.method import Document, Method
from objapi.model.registry import Registry

_ENVELOPE: Final[Mapping[str, Schema]] = {"url": TEXT, "_runtime": {"type": "number"}}
_CAUSE: Final[Schema] = {
    "type": "object",
    "required": ["message"],
    "properties": {
        **dict.fromkeys(("parameter", "field", "object", "message", "code", "column"), TEXT),
        **dict.fromkeys(("index", "row"), WHOLE),
    },
}
_ABOUT: Final = (
    "Every method is called below the site, or below any of its objects. Parameters come from the query string, a form "
    "or a JSON object; names in forms may have converters (`:list`, `:int`, `:record`), and lists may be repeated or "
    "be one text with commas. A failed call in the style of old clients is answered with the status 200 and "
    "`success: false`; one with a JSON body, a bearer token or `Prefer: http-status` gets the real status."
)
_SCHEMES: Final[Mapping[str, Any]] = {
    "basic": {"type": "http", "scheme": "basic", "description": "User id and password."},
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API token, `oat_…`."},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "__ac", "description": "The session of the log-in page."},
    "authenticator": {
        "type": "apiKey",
        "in": "query",
        "name": "_authenticator",
        "description": "The token of a form, which read answers: sent beside the cookie, it must be of the session.",
    },
}


def describe(registry: Registry, methods: Mapping[str, Method]) -> dict[str, Any]:
    """The description of methods (by each of their names) and of the types of a registry."""
    rows = dict.fromkeys(methods.values())
    made: dict[str, Any] = {}
    for name, method in methods.items():
        made |= operations(method, name)
    answers = {answer_name(method): answer_schema(method) for method in rows}
    return {
        "openapi": "3.1.0",
        "info": {"title": "objapi: @@API", "version": __version__, "description": _ABOUT},
        "security": [{"basic": []}, {"bearer": []}, {"cookie": []}, {"cookie": [], "authenticator": []}],
        "tags": tags(),
        "paths": made,
        "components": {
            "securitySchemes": dict(_SCHEMES),
            "responses": refusals(),
            # Names of types are the site's own, so those of the API come last and all begin alike.
            "schemas": {**type_schemas(registry), **answers, **_common()},
        },
    }


def _common() -> dict[str, Schema]:
    said = {"success": BOOLEAN, "error": BOOLEAN}
    failed = {
        "success": {"const": False},
        "error": {"const": True},
        "message": TEXT,
        "status": WHOLE,
        "request_id": TEXT,
    }
    every = record(**_ENVELOPE, **said)
    more = {"errors": {"type": "array", "items": component("ApiCause")}, "error_count": WHOLE}
    return {
        "ApiEnvelope": {**every, "description": "The members of every answer."},
        "ApiSuccess": {"allOf": [component("ApiEnvelope"), {"properties": {"success": {"const": True}}}]},
        "ApiFailure": {
            "allOf": [
                component("ApiEnvelope"),
                _with_optional(record(**failed, type={"enum": names_of_failures()}), more),
            ]
        },
        "ApiProblem": {
            "description": "A failure as a problem of RFC 9457.",
            "allOf": [
                component("ApiEnvelope"),
                _with_optional(record(**failed, type=TEXT, name=TEXT, title=TEXT, detail=TEXT), more),
            ],
        },
        "ApiCause": {**_CAUSE, "description": "One cause of a failure."},
        "ApiObject": {
            "description": "An object; the schema that is called after its portal_type says what else it has.",
            "type": "object",
            "required": ["path"],
            "properties": {"path": TEXT, "UID": TEXT, "id": TEXT_OR_NULL, "portal_type": TEXT, "transitions": RECORDS},
            "additionalProperties": True,
        },
    }


def _with_optional(schema: Schema, members: Mapping[str, Schema]) -> Schema:
    properties: Any = schema["properties"]
    return {**schema, "properties": {**properties, **members}}


@dataclass(frozen=True, slots=True, eq=False)
class _Declarations:
    """Declarations as the key of what is made of them: the same ones are equal, and no others.

    The fingerprint of a registry says less: titles, requirements and mapped tables are not in it.
    """

    registry: Registry
    methods: Mapping[str, Method]

    def __hash__(self) -> int:
        return hash((id(self.registry), id(self.methods)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Declarations) and (self.registry, self.methods) == (other.registry, other.methods)


def document(registry: Registry, methods: Mapping[str, Method], url: str) -> Document:
    """The description as it is answered at the endpoint with this URL."""
    rest, digest = _written(_Declarations(registry, methods))
    servers = orjson.dumps({"servers": [{"url": url}]})
    tag = sha256(digest + servers).hexdigest()[:32]
    return Document(servers[:-1] + b"," + rest[1:], tag)


@lru_cache(maxsize=2)
def _written(declarations: _Declarations) -> tuple[bytes, bytes]:
    """The description without the URL of the endpoint, as JSON, and a digest of it."""
    body = orjson.dumps(describe(declarations.registry, declarations.methods))
    return body, sha256(body).digest()
