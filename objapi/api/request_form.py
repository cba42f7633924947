"""The parameters of a request: query string and body, of whatever type, as one form."""

from collections.abc import Iterator
from datetime import tzinfo
from typing import Any, Final

from objapi.api.form_model import Form, FormOptions
from objapi.api.forms import marshal
from objapi.api.json_body import merge, parse_body
from objapi.api.multipart import MultipartLimits, parse_multipart
from objapi.api.pairs import BodyType, body_type, parse_pairs
from objapi.errors import Cause, TooLarge, combine
from objapi.settings import Settings

# Keys of a record that holds a file, whose size has a limit of its own.
_FILE_CONTENT: Final = frozenset({"base64", "data"})
# What holds a whole batch in one value, and is bounded by the size of the body and the number of entries.
_UNBOUNDED: Final = frozenset({"input_values"})


def read_form(verb: str, query: bytes, content_type: str | None, body: bytes, settings: Settings) -> Form:
    """The form of a request, checked against the limits of the site.

    Raises BadRequest naming every parameter that cannot be read, TooLarge for every one past a limit.
    """
    kind = body_type(verb, content_type)
    options = FormOptions.gateway(
        max_parameters=settings.max_parameters,
        max_value_length=settings.max_body_size,
        max_list=settings.max_list_length,
    )
    form = _marshalled(kind, query, body, options, settings.timezone, settings)
    form.refuse_problems()
    if kind.kind == "json":
        form = merge(form, parse_body(body, kind.charset))
    _refuse_excess(form, settings)
    return form


def has_json_body(verb: str, content_type: str | None) -> bool:
    """Whether the call sends its parameters as JSON, which tells a new client from a historic one."""
    return body_type(verb, content_type).kind == "json"


def has_body(verb: str, content_type: str | None) -> bool:
    """Whether the body of a call is read at all."""
    return body_type(verb, content_type).kind != "none"


def _marshalled(
    kind: BodyType, query: bytes, body: bytes, options: FormOptions, zone: tzinfo, settings: Settings
) -> Form:
    pairs = parse_pairs(query, body if kind.kind == "form" else None, kind.charset)
    if kind.kind == "multipart":
        limits = MultipartLimits(
            max_parts=settings.max_parameters,
            max_field_size=settings.max_body_size,
            max_file_size=settings.max_body_size,
        )
        pairs.extend(parse_multipart(body, kind.boundary, limits))
    return marshal(pairs, options, zone)


def _refuse_excess(form: Form, settings: Settings) -> None:
    if len(form) > settings.max_parameters:
        raise TooLarge(f"{len(form)} parameters were sent, the limit of this site is {settings.max_parameters}.")
    causes = [cause for name, value in form.items() for cause in _excesses(name, value, settings)]
    if causes:
        raise combine([TooLarge(cause.message, causes=[cause]) for cause in causes])


def _excesses(name: str, value: Any, settings: Settings) -> Iterator[Cause]:
    """What of a parameter is beyond the limits, at any depth of a value that came as JSON."""
    if name in _UNBOUNDED:
        return
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str) and len(part) > settings.max_value_length:
            message = (
                f"{name}: the value has {len(part)} characters, the limit of this site is {settings.max_value_length}."
            )
            yield Cause("parameter", name, message)
        elif isinstance(part, list | tuple):
            if len(part) > settings.max_list_length:
                message = f"{name}: the list has {len(part)} entries, the limit is {settings.max_list_length}."
                yield Cause("parameter", name, message)
            waiting.extend(part)
        elif isinstance(part, dict):
            waiting.extend(member for key, member in part.items() if key not in _FILE_CONTENT)
