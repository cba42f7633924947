"""`application/json` request bodies: one object whose members are parameters with their JSON types.

Numbers with a fraction or an exponent arrive as `NumberLiteral`: a Decimal whose `text` is what the client wrote.
"""

from collections.abc import Mapping
from typing import Any, Final

from objapi.errors import BadRequest, Cause, TooLarge, joined_messages
from objapi.http.forms.converters import shown
from objapi.http.forms.marshalling import Form
from objapi.model.json_text import MAX_VALUES, NumberLiteral, TooManyValues, parse_json

__all__ = ["NumberLiteral", "merge", "parse_body"]

_UTF8_NAMES: Final = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})


def parse_body(body: bytes, charset: str | None = None, *, most_values: int = MAX_VALUES) -> dict[str, Any]:
    """The members of a JSON body; an empty body has none.

    Raises TooLarge for more than `most_values` values, and BadRequest for a charset other than UTF-8, for JSON that is
    not an object, for everything that `parse_json` refuses, and for keys with a `:`, all of which it names: form
    suffixes have no meaning where values have types.
    """
    if charset is not None and charset.lower() not in _UTF8_NAMES:
        raise BadRequest(f"A JSON body is UTF-8, not {shown(charset)}.")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as reason:
        raise BadRequest(f"The JSON body is not valid UTF-8 at byte {reason.start}.") from None
    if not text.strip():
        return {}
    try:
        members = parse_json(text, most_values=most_values)
    except TooManyValues:
        raise TooLarge(
            f"The JSON body holds more than {most_values} values, the limit of this site (OBJAPI_MAX_JSON_VALUES). "
            "Send it in several requests."
        ) from None
    except ValueError as reason:
        raise BadRequest(f"The JSON body cannot be read: {reason}.") from None
    if not isinstance(members, dict):
        raise BadRequest("The JSON body must be an object whose keys are parameters.")
    _refuse_suffixes(members)
    return members


def _refuse_suffixes(members: Mapping[str, Any]) -> None:
    causes = [
        Cause("parameter", key, f"{shown(key)}: suffixes have no meaning in JSON; send {shown(key.partition(':')[0])}.")
        for key in members
        if ":" in key
    ]
    if causes:
        raise BadRequest(joined_messages(cause.message for cause in causes), causes=causes)


def merge(form: Form, members: Mapping[str, Any]) -> Form:
    """The query string's form with the members of a JSON body: a key replaces `key` and `key[]` of the query."""
    replaced = set(members) | {f"{name}[]" for name in members} | {name.removesuffix("[]") for name in members}
    values = {name: value for name, value in form.items() if name not in replaced}
    return Form({**values, **members}, form.problems, form.dropped)
