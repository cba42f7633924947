"""`read` with `as_of`: objects as they were at an instant."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import orjson

from catalog.dates import parse_date
from objapi.api.method import Json, MethodCall
from objapi.errors import BadRequest, Cause, joined_messages
from objapi.store.requests import ByPath, ByUid, Former
from objapi.store.transaction import Transaction

_NAMING: Final = ("UID", "path")
_TAKEN: Final = frozenset({"as_of", "include_fields", "page_size", "strict", "warnings", "authenticator"})
"""The parameters of a read that mean something with `as_of`."""


def read_former(call: MethodCall, tx: Transaction) -> Json:
    """The objects that `UID` and `path` name, as they were at the instant `as_of`."""
    _refuse_others(call)
    instant = _instant(call, tx.now)
    selectors: list[ByUid | ByPath] = [
        *(ByUid(uid) for uid in _texts(call, "UID")),
        *(ByPath(path) for path in _texts(call, "path")),
    ]
    if not selectors:
        raise BadRequest.of_parameter("as_of", "as_of: name the objects by UID or path.")
    most = call.settings.max_page_size
    if len(selectors) > most:
        message = f"UID: {len(selectors)} objects are named, the limit of this site is {most}; send several requests."
        raise BadRequest.of_parameter("UID", message)
    former = tx.former(selectors, instant)
    include = call.controls.names("include_fields")
    objects = [_chosen(item, frozenset(include)) for item in former.objects] if include else former.objects
    head: dict[str, object] = {
        "total_objects": len(objects),
        "first_object_nr": 0,
        "last_object_nr": len(objects),
        "as_of": instant.isoformat(),
    }
    if call.controls.flag("authenticator"):
        head["_authenticator"] = call.authenticator()
    warnings = [*call.controls.notes, *former.warnings]
    return {**head, **({"warnings": warnings} if warnings else {}), **_left_out(former), "objects": objects}


def _refuse_others(call: MethodCall) -> None:
    """Raise BadRequest naming every criterion and every parameter that says nothing about named objects."""
    controls = call.controls
    causes = [
        Cause("parameter", name, f"{name}: with as_of objects are named by UID or path alone, not searched for.")
        for name in (*(name for name in controls.rest if name not in _NAMING), *sorted(controls.sent - _TAKEN))
    ]
    if causes:
        remedy = "Search without as_of first, and send the UIDs that are found."
        raise BadRequest(f"{joined_messages(cause.message for cause in causes)} {remedy}", causes=causes)


def _instant(call: MethodCall, now: datetime) -> datetime:
    text = call.controls.text("as_of") or ""
    try:
        instant = parse_date(text, call.settings.timezone, iso="local")
    except ValueError:
        message = (
            f"as_of: {text[:60]!r} is no date; write it as 2026-03-01T09:30:00 or 2026-03-01T09:30:00+01:00, "
            "in a URL with %2B for +."
        )
        raise BadRequest.of_parameter("as_of", message) from None
    if instant > now:
        raise BadRequest.of_parameter("as_of", f"as_of: {text[:60]!r} has not come yet; leave it out to read what is.")
    return instant


def _texts(call: MethodCall, name: str) -> Iterator[str]:
    """The texts of a parameter, each once. Raises BadRequest for anything but a text or a list of texts."""
    value = call.controls.rest.get(name)
    texts = value if isinstance(value, list | tuple) else [] if value is None else [value]
    if not all(isinstance(text, str) for text in texts):
        raise BadRequest.of_parameter(name, f"{name}: with as_of a text is expected, or a list of texts.")
    yield from dict.fromkeys(text for text in texts if text)


def _chosen(item: orjson.Fragment, names: frozenset[str]) -> Json:
    """The members that were asked for, and the path."""
    members = orjson.loads(orjson.dumps(item))
    return {name: value for name, value in members.items() if name in names or name == "path"}


def _left_out(former: Former) -> Json:
    return {"left_out": {name: list(names) for name, names in former.left_out.items()}} if former.left_out else {}
