"""`openapi.json`: the description of the routes, made from their declarations.

Web forms are made from its components by their names; a property that may be null says so in its type, and its title
is the label of its input.

Own code, since apispec would only put the same parts together: its marshmallow plugin describes bodies without titles,
and what may be null by `nullable`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from objapi import __version__
from objapi.ispyb import API_ROOT
from objapi.ispyb.values.schema import ABSENT, ListOf, MapOf, OneGiven, OneOf, Property, Schema, Type
from objapi.ispyb.values.types import ScalarType
from objapi.ispyb.wire.response import AnswerType, Paged
from objapi.ispyb.wire.routes import Door, IspybRoute

_COMPONENTS: Final = "#/components/schemas/"
_FAULTS: Final[dict[str, Any]] = {
    "ValidationError": {
        "title": "ValidationError",
        "type": "object",
        "required": ["loc", "msg", "type"],
        "properties": {
            "loc": {
                "title": "Location",
                "type": "array",
                "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            },
            "msg": {"title": "Message", "type": "string"},
            "type": {"title": "Error Type", "type": "string"},
        },
    },
    "HTTPValidationError": {
        "title": "HTTPValidationError",
        "type": "object",
        "properties": {
            "detail": {"title": "Detail", "type": "array", "items": {"$ref": f"{_COMPONENTS}ValidationError"}}
        },
    },
    "Refused": {
        "title": "Refused",
        "type": "object",
        "required": ["detail"],
        "properties": {"detail": {"title": "Detail", "type": "string"}},
    },
}
_REFUSED: Final[dict[str, Any]] = {"$ref": f"{_COMPONENTS}Refused"}
_INVALID: Final[dict[str, Any]] = {"anyOf": [{"$ref": f"{_COMPONENTS}HTTPValidationError"}, _REFUSED]}

_OF_ALL: Final = {"500": "Fault of the gateway", "503": "Database away, busy or incomplete"}
_OF_CALLERS: Final = {"401": "No token, or none that holds", "403": "Not authorized"}
_OF_ROWS: Final = {"400": "Not possible as asked", "404": "Not there, or not visible to the caller"}
_OF_BODIES: Final = {
    "408": "Body too slow",
    "409": "Changed by another request at the same time",
    "413": "Body too large",
}
_OF_LOG_IN: Final = {"401": "Wrong login or password", "429": "Too many attempts"}
_OF_CONTENT: Final = {
    "206": "Part of the file",
    "304": "Not modified",
    "416": "No such range",
    "501": "A library that this needs is not installed",
}
_JSON_TYPE: Final = "application/json"
_ANY_TYPE: Final = "*/*"
_WITHOUT_TEXT: Final = frozenset({"206", "304"})


def describe(routes: Sequence[IspybRoute]) -> dict[str, Any]:
    """The description of routes as an OpenAPI 3.1 document, whose types may be lists and whose bounds are numbers."""
    components = _Components()
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.published_path, {})[route.method.lower()] = _operation(route, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "ISPyB", "description": f"Routes below {API_ROOT}", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": dict(sorted((components.made | _FAULTS).items())),
            "securitySchemes": {"HTTPBearer": {"type": "http", "scheme": "bearer"}},
        },
        "tags": [{"name": title} for title in dict.fromkeys(route.group for route in routes)],
    }


def json_schema(schema: Schema) -> dict[str, Any]:
    """One schema and those it refers to, as a JSON Schema document of its own."""
    components = _Components("#/definitions/")
    components.described(schema)
    whole = components.made.pop(schema.name)
    return {"$schema": "http://json-schema.org/draft-07/schema#", **whole, "definitions": components.made}


class _Components:
    """The components that were referred to so far; `prefix` is where references look for them."""

    def __init__(self, prefix: str = _COMPONENTS) -> None:
        self._prefix = prefix
        self.made: dict[str, dict[str, Any]] = {}

    def described(self, type_: Type) -> dict[str, Any]:
        """The JSON Schema of a type; what has a name becomes a component and is referred to."""
        if isinstance(type_, Schema):
            return self._object(type_)
        if isinstance(type_, ListOf):
            least = {"minItems": type_.least} if type_.least else {}
            return {"type": "array", "items": self.described(type_.item), **least}
        if isinstance(type_, MapOf):
            return {"type": "object", "additionalProperties": self.described(type_.item)}
        if isinstance(type_, OneOf):
            return {"anyOf": [self.described(choice) for choice in type_.choices]}
        if type_.reference is not None:
            self.made.setdefault(type_.reference, dict(type_.schema))
            return {"$ref": self._prefix + type_.reference}
        return dict(type_.schema)

    def answered(self, answer: AnswerType) -> dict[str, Any]:
        """The JSON Schema of an answer."""
        if answer is None:
            return {}
        return self._envelope(answer.item) if isinstance(answer, Paged) else self.described(answer)

    def _object(self, schema: Schema) -> dict[str, Any]:
        reference = {"$ref": self._prefix + schema.name}
        if schema.name in self.made:
            return reference
        made: dict[str, Any] = {"title": schema.name, "type": "object"}
        self.made[schema.name] = made
        needed = [name for name, property_ in schema.properties.items() if property_.required]
        if needed:
            made["required"] = needed
        made["properties"] = {name: self._property(name, entry) for name, entry in schema.properties.items()}
        for rule in schema.rules:
            if isinstance(rule, OneGiven):
                made["anyOf"] = [
                    {"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in rule.names
                ]
        return reference

    def _property(self, name: str, property_: Property) -> dict[str, Any]:
        described = self.described(property_.type)
        title = property_.label or _title_of(name)
        default = {} if property_.default in (ABSENT, None) else {"default": property_.default}
        may_be_null = property_.null or not property_.required
        if isinstance(property_.type, ScalarType) and "$ref" in described and may_be_null:
            # A vocabulary that may be null is written where it stands: the component stays the vocabulary alone.
            return {"title": title, **_with_null(property_.type.schema), **default}
        if "$ref" in described:
            if may_be_null:
                self._allow_null(described["$ref"].removeprefix(self._prefix))
            label = {"title": title} if property_.label else {}
            return {**label, "allOf": [described], **default} if label or default else described
        if may_be_null and "type" in described:
            described = _with_null(described)
        return {"title": title, **described, **default}

    def _allow_null(self, name: str) -> None:
        """Let a component be null, too, as types that are not named are: by a list of types, which forms understand."""
        made = self.made[name]
        if made.get("type") == "object":
            made["type"] = ["null", "object"]

    def _envelope(self, item: Type) -> dict[str, Any]:
        described = self.described(item)
        name = f"Paged_{described['$ref'].rpartition('/')[2]}_" if "$ref" in described else "Paged"
        number = {"type": "integer"}
        properties = {
            "total": {"title": "Total", **number},
            "results": {"title": "Results", "type": "array", "items": described},
            "skip": {"title": "Skip", **number},
            "limit": {"title": "Limit", **number},
        }
        self.made[name] = {"title": name, "type": "object", "required": list(properties), "properties": properties}
        return {"$ref": self._prefix + name}


def _with_null(described: Mapping[str, Any]) -> dict[str, Any]:
    """A schema whose value may also be null."""
    made = {key: value for key, value in described.items() if key != "title"}
    if isinstance(made.get("type"), str):
        made["type"] = ["null", made["type"]]
    if "enum" in made and None not in made["enum"]:
        made["enum"] = [*made["enum"], None]
    return made


def _title_of(name: str) -> str:
    """The words of a name, each with a capital: `cardName` is Card Name."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name.strip("_").replace("_", " ")).split()
    return " ".join(word[:1].upper() + word[1:] for word in words)


def _operation(route: IspybRoute, components: _Components) -> dict[str, Any]:
    parameters = [
        *_parameters("path", route.path_parameters, components),
        *_parameters("query", route.query_parameters, components),
    ]
    answers: dict[str, Any] = {str(route.status): {"description": "Successful Response"}}
    if route.status != 204:
        # What a route sends that declares no answer, such as a file, is of whatever type the file is.
        content_type = _ANY_TYPE if route.answer is None and route.content_type == _JSON_TYPE else route.content_type
        answers[str(route.status)]["content"] = {content_type: {"schema": components.answered(route.answer)}}
    # A one-time token, too, is a parameter that may be written wrongly.
    if parameters or route.body is not None or route.access.door is Door.BEARER:
        answers["422"] = {"description": "Validation Error", "content": {_JSON_TYPE: {"schema": _INVALID}}}
    answers.update(
        {status: _refusal(status, text) for status, text in _refusals(route).items() if status not in answers}
    )
    operation: dict[str, Any] = {
        "tags": [route.group],
        "summary": route.summary,
        "operationId": _operation_id(route),
        "responses": answers,
    }
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        body = {"application/json": {"schema": components.described(route.body)}}
        operation["requestBody"] = {"content": body, "required": True}
    if route.access.door is Door.BEARER:
        operation["security"] = [{"HTTPBearer": []}]
    return operation


def _refusals(route: IspybRoute) -> dict[str, str]:
    """Status → description of what a route may answer beside its success and faults of parameters."""
    found = dict(_OF_ALL)
    if route.access.door is not Door.NONE:
        found |= _OF_CALLERS
    if route.path_parameters or route.query_parameters or route.body is not None:
        found |= _OF_ROWS
    if route.writes is not None:
        found |= _OF_BODIES
    if route.access.door is Door.NONE and route.body is not None:
        found |= _OF_LOG_IN
    # Files and pictures are declared by no schema.
    return found | _OF_CONTENT if route.answer is None and route.method == "GET" else found


def _refusal(status: str, text: str) -> dict[str, Any]:
    content = {} if status in _WITHOUT_TEXT else {"content": {"application/json": {"schema": _REFUSED}}}
    return {"description": text, **content}


def _operation_id(route: IspybRoute) -> str:
    name = getattr(route.handler, "__name__", "route")
    places = "".join(letter if letter.isalnum() else "_" for letter in route.published_path)
    return f"{name}{places}_{route.method.lower()}"


def _parameters(where: str, properties: Mapping[str, Property], components: _Components) -> Iterable[dict[str, Any]]:
    for name, property_ in properties.items():
        described = components.described(property_.type)
        default = {} if property_.default in (ABSENT, None) else {"default": property_.default}
        yield {
            "name": name,
            "in": where,
            "required": property_.required,
            "schema": described if "$ref" in described else {"title": name.title(), **described, **default},
        }
