"""Values of fields in the shapes of SENAITE, by kind. Pure."""

import re
from typing import Final

_INSTANT: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)?")

_WHOLE: Final = len("2021-11-29T13:17:37+00:00")


def instant(value: object) -> str | None:
    """An instant in whole seconds with a numeric offset; None for no value."""
    if not isinstance(value, str) or not value:
        return None
    if len(value) == _WHOLE and value[19] in "+-":
        return value
    match = _INSTANT.fullmatch(value)
    if match is None:
        return value
    offset = match[2] or "+00:00"
    return f"{match[1]}{'+00:00' if offset == 'Z' else offset}"
