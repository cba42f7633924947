"""Values of a request, read as its route declares them; all faults of a request are gathered."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import marshmallow as mm
from flask import Request

from objapi.ispyb.values.errors import BadCall, Fault, Invalid, PlacedFault, missing, no_object
from objapi.ispyb.values.schema import ListOf, Property, optional, read_values, reader_of
from objapi.ispyb.values.types import pattern
from objapi.ispyb.wire.routes import Door, IspybRoute
from objapi.model.json_text import check_shape

ONETIME: Final = "onetime"
_TOKEN: Final[Mapping[str, Property]] = {ONETIME: optional(pattern(r"^([\w\-_])+$"))}
_NO_BODY: Final = object()


@dataclass(frozen=True, slots=True)
class Read:
    """The values of a request, and its faults in the order path, query, body."""

    path: dict[str, Any]
    query: dict[str, Any]
    body: dict[str, Any]
    faults: list[PlacedFault]


def read_body(request: Request, route: IspybRoute) -> Any:
    """The JSON value of the body, unchecked; raises Invalid when it is broken.

    A body of another content type than JSON is taken as text, which then is not an object.
    """
    if route.body is None:
        return _NO_BODY
    raw = request.get_data(cache=False)
    if not raw:
        return None
    if request.mimetype and not request.is_json:
        return ""
    try:
        text = raw.decode("utf-8")
        check_shape(text)
        return json.loads(text)
    except UnicodeDecodeError:
        raise BadCall("There was an error parsing the body") from None
    except json.JSONDecodeError as error:
        context = {"msg": error.msg, "doc": error.doc, "pos": error.pos, "lineno": error.lineno, "colno": error.colno}
        fault = Fault(str(error), "value_error.jsondecode", **context)
        raise Invalid([fault.at(("body", error.pos))]) from None
    except ValueError as error:
        # Nested too deep, too many values, or a number of more digits than Python converts.
        fault = Fault(str(error), "value_error.jsondecode")
        raise Invalid([fault.at(("body", 0))]) from None


def read_onetime(request: Request, route: IspybRoute) -> tuple[str | None, list[PlacedFault]]:
    """The one-time token of the query, and its fault when its characters cannot be those of one."""
    if route.access.door is not Door.BEARER:
        return None, []
    values, faults = read_values(_onetime_reader(), _query(request, _TOKEN), ("query",))
    return values.get(ONETIME), faults


def read_request(request: Request, route: IspybRoute, path: Mapping[str, str], body: Any) -> Read:
    """All values of a request; `body` is what `read_body` gave."""
    in_path, faults = read_values(route.path_reader, dict(path), ("path",))
    in_query, more = read_values(route.query_reader, _query(request, route.query_parameters), ("query",))
    faults += more
    in_body: dict[str, Any] = {}
    if route.body is not None:
        if body is None:
            faults.append(missing().at(("body",)))
        elif not isinstance(body, dict):
            faults.append(no_object().at(("body",)))
        else:
            in_body, more = read_values(route.body.reader, body, ("body",))
            faults += more
    return Read(in_path, in_query, in_body, faults)


@cache
def _onetime_reader() -> mm.Schema:
    return reader_of("onetime", _TOKEN)


def _query(request: Request, parameters: Mapping[str, Property]) -> dict[str, Any]:
    """The given values of declared parameters: the last one where a parameter is repeated, all of a list."""
    given = {}
    for name, property_ in parameters.items():
        values = request.args.getlist(name)
        if values:
            given[name] = values if isinstance(property_.type, ListOf) else values[-1]
    return given
