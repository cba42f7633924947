"""A method as operations of an OpenAPI document: its URLs and verbs, what it takes, and all that it may answer."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from objapi.api.answer_schemas import (
    BOOLEAN,
    RECORD,
    RECORDS,
    TEXT,
    WHOLE,
    Schema,
    component,
    list_of,
    map_of,
    optional_members,
)
from objapi.api.method import Method, OtherParameters
from objapi.api.parameters import MAX_WHOLE, Control, ControlKind
from objapi.api.responses import PARTLY_DONE, PROBLEM_TYPE
from objapi.errors import ApiError, TransitionNotAllowed
from objapi.http.access import PUBLIC
from objapi.security.needs import Need

JSON: Final = "application/json"
_URL_ENCODED: Final = "application/x-www-form-urlencoded"
_MULTIPART: Final = "multipart/form-data"

_LIST_KINDS: Final[frozenset[ControlKind]] = frozenset({"names", "words", "texts"})
_STRUCTURES: Final[frozenset[ControlKind]] = frozenset({"structure", "any"})
_WHOLE: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": MAX_WHOLE}
_FILE: Final[Schema] = {
    "type": "object",
    "required": ["base64"],
    "properties": {"filename": TEXT, "base64": {"type": "string", "contentEncoding": "base64"}},
}
_PLAN: Final = optional_members({"changes": RECORDS, "reindexed": WHOLE, "refused?": RECORDS, "refused_count?": WHOLE})
_PLANNED: Final[Mapping[str, Schema]] = {"dry_run?": BOOLEAN, "plan?": _PLAN}
_WARNED: Final[Mapping[str, Schema]] = {"warnings?": list_of(TEXT), "warning_count?": {"type": "integer"}}

_OF_ALL: Final = (400, 408, 413, 500, 503)
_OF_CALLERS: Final = (401, 403, 404, 422, 429)
_OF_CHANGES: Final = (409, 415)

_OTHERS: Final[Mapping[OtherParameters, str]] = {"criteria": "criteria", "fields": "values"}
"""The name of what stands for all other parameters of a query; it is not sent itself."""

_HEADERS: Final[Mapping[str, str]] = {
    "Prefer": "http-status: a failed call is answered with its real status, whatever its style.",
    "If-None-Match": "The entity tag of an answer that the client has: 304 when it is still right.",
    "If-Match": "The version that the object must have.",
    "Idempotency-Key": "A text of one's own choice: sent again with it, the request is not done twice.",
    "Range": "The part of the file that is wanted.",
}


def operations(method: Method, name: str) -> dict[str, dict[str, Any]]:
    """The URLs of a method under one of its names, below the endpoint, each with an operation for each verb."""
    found = {f"/{name}": _verbs(method, name, "")}
    if method.tail:
        found[f"/{name}/{{{method.tail_name}}}"] = _verbs(method, name, method.tail_name)
    return found


def _verbs(method: Method, name: str, tail_name: str) -> dict[str, Any]:
    return {verb.lower(): _operation(method, name, verb, tail_name) for verb in method.verbs if verb != "HEAD"}


def _operation(method: Method, name: str, verb: str, tail_name: str) -> dict[str, Any]:
    summary, _, more = method.about.partition("\n\n")
    about = " ".join(part for part in (*more.split(), _rights(method)) if part)
    acts = verb in method.writing_verbs
    tail = f"_of_{tail_name}" if tail_name else ""
    # A segment of the URL is the same parameter.
    controls = [control for control in method.controls if control.name != tail_name]
    made: dict[str, Any] = {
        "operationId": f"{verb.lower()}_{name.replace('.', '_')}{tail}",
        "tags": [_tag(method)],
        "summary": " ".join(summary.split()),
        **({"description": about} if about else {}),
        "parameters": [
            *_tail_parameter(tail_name),
            *(_header(header) for header in _headers(method, verb)),
            *(_query(method, controls) if verb == "GET" else ()),
        ],
        "responses": _answers(method, verb, component(answer_name(method))),
    }
    if verb == "POST":
        made["requestBody"] = {"content": _bodies(method, controls, acts=acts)}
    if method.access is PUBLIC:
        made["security"] = []
    return made


def _rights(method: Method) -> str:
    """A sentence on the rights that calls need, in the words of `objapi permissions`."""
    needs = [need.value for need in method.needs if need is not Need.NOTHING]
    return f"Rights that it needs, as `objapi permissions` has them: {', '.join(needs)}." if needs else ""


def _tag(method: Method) -> str:
    """The group of a method in the description."""
    if not method.writing_verbs:
        return "reading"
    return "administration" if method.acts_by else "changing"


def tags() -> list[dict[str, str]]:
    """The groups of methods, in order."""
    return [
        {"name": "reading", "description": "Methods that change nothing."},
        {"name": "changing", "description": "Methods that change objects."},
        {"name": "administration", "description": "Methods that read, and with action change, users and tokens."},
    ]


# What is sent


def _tail_parameter(name: str) -> Iterator[dict[str, Any]]:
    if name:
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _headers(method: Method, verb: str) -> Iterator[str]:
    yield "Prefer"
    if method.tagged and verb == "GET":
        yield "If-None-Match"
    if method.downloads and verb == "GET":
        yield from ("If-None-Match", "Range")
    if verb in method.writing_verbs:
        yield "Idempotency-Key"
        if method.honours_if_match:
            yield "If-Match"


def _header(name: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": _HEADERS[name], "schema": TEXT}


def _query(method: Method, controls: list[Control]) -> Iterator[dict[str, Any]]:
    """The parameters of a query string. Files and credentials are sent by POST alone."""
    for control in controls:
        if control.kind != "file" and not control.secret:
            yield _query_parameter(control)
    yield {"name": "_authenticator", "in": "query", "description": "The token of a form.", "schema": TEXT}
    if method.others != "none":
        # An object whose members are parameters of their own.
        yield {
            "name": _OTHERS[method.others],
            "in": "query",
            "description": _others(method),
            "schema": map_of(TEXT),
        }


def _query_parameter(control: Control) -> dict[str, Any]:
    made: dict[str, Any] = {"name": control.name, "in": "query", **_about(control)}
    if control.required:
        made["required"] = True
    if control.kind in _STRUCTURES:
        return {**made, "content": {JSON: {"schema": schema_of(control)}}}
    made["schema"] = schema_of(control)
    if control.kind in _LIST_KINDS:
        # A list is repeated, or one text with commas.
        made |= {"style": "form", "explode": control.kind == "texts"}
    return made


def schema_of(control: Control) -> dict[str, Any]:
    """The JSON Schema of a parameter in a JSON body."""
    default = {} if control.default in (None, ()) else {"default": _as_json(control.default)}
    if control.kind in _LIST_KINDS:
        return {**list_of(TEXT), **default}
    if control.kind == "whole":
        return {**_WHOLE, **default}
    if control.kind == "boolean":
        return {**BOOLEAN, **default}
    if control.kind == "file":
        return dict(_FILE)
    if control.kind in _STRUCTURES:
        return dict(control.shape or {})
    return {**TEXT, **({"format": "password", "writeOnly": True} if control.secret else {}), **default}


def _as_json(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _about(control: Control) -> dict[str, str]:
    other = f" Other spellings: {', '.join(control.aliases)}." if control.aliases else ""
    text = control.about + other
    return {"description": text} if text else {}


def _others(method: Method) -> str:
    if method.others == "criteria":
        return "Criteria, each the name of an index of the catalog with what is looked for; catalogs lists the indexes."
    return "Fields of the object, each with its value; types lists those of a type."


def _bodies(method: Method, controls: list[Control], *, acts: bool) -> dict[str, Any]:
    properties = {control.name: {**_about(control), **schema_of(control)} for control in controls}
    properties["_authenticator"] = {"description": "The token of a form.", **TEXT}
    needed = [control.name for control in controls if control.required]
    required = {"required": needed} if needed else {}
    # A method that acts refuses what it does not know, any other warns.
    known = {"additionalProperties": False} if acts and method.others == "none" else {}
    others = {"description": f"Beside these: {_others(method)}"} if method.others != "none" else {}
    whole = {"type": "object", **others, **required, "properties": properties, **known}
    forms = {control.name: _form_schema(control, properties[control.name]) for control in controls}
    form = {**whole, "properties": {**properties, **forms}}
    encoding = {control.name: _encoding(control) for control in controls if _encoding(control)}
    bodies: dict[str, Any] = {
        JSON: {"schema": whole},
        _URL_ENCODED: {"schema": form, **({"encoding": encoding} if encoding else {})},
    }
    if any(control.kind == "file" for control in controls) or method.others == "fields":
        bodies[_MULTIPART] = {"schema": form}
        if any(control.kind == "file" and control.required for control in controls):
            # A file is a part of a form, or a record of a JSON object.
            del bodies[_URL_ENCODED]
    return bodies


def _form_schema(control: Control, described: Mapping[str, Any]) -> dict[str, Any]:
    if control.kind == "file":
        return {**_about(control), "type": "string", "contentMediaType": "application/octet-stream"}
    return dict(described)


def _encoding(control: Control) -> dict[str, Any]:
    if control.kind in _STRUCTURES:
        return {"contentType": JSON}
    return {"style": "form", "explode": control.kind == "texts"} if control.kind in _LIST_KINDS else {}


# What is answered


def answer_name(method: Method) -> str:
    """The name of the schema of a method's answer."""
    words = method.name.replace(".", "_").split("_")
    return "Api" + "".join(word[:1].upper() + word[1:] for word in words) + "Answer"


def answer_schema(method: Method) -> Schema:
    """The schema of a successful answer."""
    planned = _PLANNED if any(control.name == "dry_run" for control in method.controls) else {}
    return {"allOf": [component("ApiSuccess"), optional_members({**method.answer, **planned, **_WARNED})]}


def _answers(method: Method, verb: str, answer: Schema) -> dict[str, Any]:
    content: dict[str, Any] = {name: {"schema": {}} for name in method.media_types}
    if not method.downloads:
        # Clients in the historic style are told of a failure with the status 200, in place of a document, too.
        done = RECORD if JSON in method.media_types else answer
        content[JSON] = {"schema": {"anyOf": [done, component("ApiFailure")]}}
    found = {"200": {"description": "Done; or refused, where success is false.", "content": content}}
    if verb == "GET" and (method.tagged or method.downloads):
        found["304"] = {"description": "What the client has is still right."}
    if method.downloads:
        found["206"] = {"description": "The part of the file.", "content": {"*/*": {"schema": {}}}}
    found |= {str(status): {"$ref": f"#/components/responses/{status}"} for status in _refusals(method, verb)}
    return found


def _refusals(method: Method, verb: str) -> list[int]:
    found = {*_OF_ALL, *(() if method.access is PUBLIC else _OF_CALLERS)}
    if verb in method.writing_verbs:
        found |= {*_OF_CHANGES}
    if method.downloads:
        found.add(416)
    return sorted(found)


def refusals() -> dict[str, Any]:
    """The answers of failed calls by status, each with the names of the errors that have it."""
    made: dict[str, Any] = {}
    for status, names in sorted(error_names().items()):
        failure = {"allOf": [component("ApiFailure"), {"properties": {"type": {"enum": names}}}]}
        made[str(status)] = {
            "description": f"{HTTPStatus(status).phrase}: {', '.join(names)}",
            "content": {JSON: {"schema": failure}, PROBLEM_TYPE: {"schema": component("ApiProblem")}},
        }
    return made


def error_names() -> dict[int, list[str]]:
    """The names of all errors by the status that they have."""
    found: dict[int, set[str]] = {TransitionNotAllowed("", refused_by_guard=True).status: {TransitionNotAllowed.name}}
    for error in _classes(ApiError):
        found.setdefault(error.status, set()).add(error.name)
    found[500].discard(ApiError.name)
    return {status: sorted(names) for status, names in found.items()}


def _classes(error: type[ApiError]) -> list[type[ApiError]]:
    # Those of other modules, tests among them, are answered under the names of these.
    own = [error] if error.__module__ == ApiError.__module__ else []
    return [*own, *(found for other in error.__subclasses__() for found in _classes(other))]


def names_of_failures() -> list[str]:
    """The values that `type` may have in an answer of a failed call."""
    return sorted({PARTLY_DONE, *(name for names in error_names().values() for name in names)})
