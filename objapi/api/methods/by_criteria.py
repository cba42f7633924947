"""Criteria that choose the objects of a method which acts: a JSON object, or a record of a form, in one parameter."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from objapi.api.answer_schemas import RECORD
from objapi.api.method import MethodCall
from objapi.api.methods.reading import SEARCH, search_of
from objapi.api.parameters import Control, read_controls
from objapi.errors import BadRequest, combine
from objapi.http.forms.marshalling import Form
from objapi.model.literal import parse_structured
from objapi.store.requests import Find

CRITERIA: Final = Control(
    "criteria", "any", about="A record of criteria, as read takes them: the objects that they find.", shape=RECORD
)


def find_of(call: MethodCall) -> Find:
    """The search that `criteria` describe: what doActionFor takes beside its action, all pages unless one is named.

    Raises BadRequest for what is no record, and for whatever a read would warn about.
    """
    form = Form(record_of("criteria", call.controls.values["criteria"]))
    controls = read_controls(SEARCH, form)
    if controls.problems:
        raise combine([problem.as_error() for problem in controls.problems])
    find = search_of(replace(call, controls=controls), acts=True).find
    return find if {"page_nr", "page_size"} & controls.sent else replace(find, size=0)


def record_of(name: str, value: object, example: str = '{"portal_type": "Batch"}') -> Mapping[str, object]:
    """The record that a parameter holds, as such or as JSON text. Raises BadRequest, with an example, for others."""
    try:
        read = parse_structured(value) if isinstance(value, str) else value
    except ValueError as reason:
        raise BadRequest.of_parameter(name, f"{name}: {reason}.") from None
    if not isinstance(read, Mapping):
        raise BadRequest.of_parameter(name, f"{name}: a JSON object is expected, such as {example}.")
    return read
