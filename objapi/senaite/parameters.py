"""The parameters of a request: query string and body in the shapes that clients of SENAITE send."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final

from werkzeug.http import parse_options_header

from objapi.errors import BadRequest, TooLarge
from objapi.http.forms.form_records import FormRecord
from objapi.http.forms.marshalling import Form, FormOptions, marshal
from objapi.http.forms.multipart import MultipartLimits, parse_multipart
from objapi.http.forms.pairs import body_type, parse_pairs
from objapi.model.json_text import TooManyValues, parse_json
from objapi.settings import Settings

NOISE: Final = frozenset({"_", "b_size", "__ac_name", "__ac_password", "obj_type", "_authenticator", "sharing"})
"""Names that are sent by habit and mean nothing."""
_TRUE: Final = frozenset({"y", "yes", "1", "true", "on"})
_WHOLE: Final = re.compile(r"\s*-?[0-9]{1,18}\s*")


@dataclass(frozen=True, slots=True)
class SentValues:
    """What a request carries: named values and, where its body is a list, one record for each entry of that."""

    values: Mapping[str, Any]
    records: tuple[Mapping[str, Any], ...] | None = None

    def text(self, name: str) -> str | None:
        """A value as text, the last where there are several; None for an empty one."""
        value = self.values.get(name)
        if isinstance(value, list):
            value = value[-1] if value else None
        if value is None or isinstance(value, Mapping):
            return None
        return str(value).strip() or None

    def texts(self, name: str) -> tuple[str, ...]:
        """The texts under a name: repeated, or with commas between them."""
        value = self.values.get(name)
        items = value if isinstance(value, list) else [] if value is None else [value]
        parts = (part.strip() for item in items for part in str(item).split(","))
        return tuple(dict.fromkeys(part for part in parts if part))

    def flag(self, name: str, default: bool = False) -> bool:
        """True for a switch that is on; `default` where it was not sent."""
        text = self.text(name)
        return default if text is None else is_on(text)

    def whole(self, name: str, default: int) -> int:
        """A whole number; `default` for anything else."""
        text = self.text(name) or ""
        return int(text) if _WHOLE.fullmatch(text) else default


def is_on(value: object) -> bool:
    """True for the words by which a switch is on, in any case."""
    return value is True or str(value).strip().lower() in _TRUE


def read_query(query: bytes, settings: Settings, zone: tzinfo) -> SentValues:
    """The parameters of a query string. Raises BadRequest, TooLarge."""
    return SentValues(plain(_form(parse_pairs(query, None, None), settings, zone)))


def read_body(query: bytes, content_type: str | None, body: bytes, settings: Settings, zone: tzinfo) -> SentValues:
    """The parameters of a body, those of the query string beside them. Raises BadRequest, TooLarge.

    JSON is known by how it begins, whatever it is called; what a form says wins over JSON.
    """
    if parse_options_header(content_type)[0].lower() == "multipart/form-data":
        kind = body_type("POST", content_type)
        limits = MultipartLimits(settings.max_parameters, settings.max_body_size, settings.max_body_size)
        pairs = [*parse_pairs(query, None, None), *parse_multipart(body, kind.boundary, limits)]
        return SentValues(plain(_form(pairs, settings, zone)))
    if body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] not in (b"{", b"["):
        return SentValues(plain(_form(parse_pairs(query, body, None), settings, zone)))
    form = plain(_form(parse_pairs(query, None, None), settings, zone))
    read = _json(body, settings)
    if isinstance(read, list):
        if len(read) > settings.max_update_entries:
            raise TooLarge(
                f"{len(read)} records were sent, the limit of this site is {settings.max_update_entries} "
                "(its setting OBJAPI_MAX_UPDATE_ENTRIES)."
            )
        wrong = [str(number) for number, record in enumerate(read) if not isinstance(record, dict)]
        if wrong:
            raise BadRequest(f"Every entry of the list is a JSON object; {', '.join(wrong[:20])} is none.")
        return SentValues(form, tuple(read))
    return SentValues({**read, **form})


def _json(body: bytes, settings: Settings) -> Any:
    try:
        return parse_json(body.decode("utf-8-sig"), most_values=settings.max_json_values)
    except TooManyValues:
        raise TooLarge(
            f"The JSON body holds more than {settings.max_json_values} values, the limit of this site "
            "(OBJAPI_MAX_JSON_VALUES). Send it in several requests."
        ) from None
    except UnicodeDecodeError as reason:
        raise BadRequest(f"The JSON body is not valid UTF-8 at byte {reason.start}.") from None
    except ValueError as reason:
        raise BadRequest(f"The JSON body cannot be read: {reason}.") from None


def _form(pairs: Sequence[Any], settings: Settings, zone: tzinfo) -> Form:
    options = FormOptions.gateway(
        max_parameters=settings.max_parameters,
        max_value_length=settings.max_body_size,
        max_list=settings.max_list_length,
    )
    form = marshal(pairs, options, zone)
    form.refuse_problems()
    return form


def plain(form: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a form as JSON would have them; `name[]` is a list under `name`."""
    values: dict[str, Any] = {}
    for name, value in form.items():
        read, plain_name = _plain_value(value), name.removesuffix("[]")
        values[plain_name] = [read] if plain_name != name and not isinstance(read, list) else read
    return values


def _plain_value(value: Any) -> Any:
    if isinstance(value, FormRecord):
        return {name: _plain_value(member) for name, member in value.members.items()}
    return [_plain_value(item) for item in value] if isinstance(value, list | tuple) else value
