"""Entries of an upload, read by name and type; all problems are collected and raised together."""

import math
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from objapi.errors import Cause, ValidationError


class UploadEntries:
    """The entries of one upload. Null means missing: the client writes it for unknown values."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self.values = values
        self._problems: list[Cause] = []

    def note(self, name: str, message: str) -> None:
        """Collect a problem of an entry."""
        self._problems.append(Cause("parameter", name, f"{name}: {message}"))

    def raise_problems(self) -> None:
        """Raise ValidationError with all problems, if there are any."""
        if self._problems:
            raise ValidationError.from_causes(self._problems)

    def text(self, name: str, *, most: int, required: bool = False) -> str | None:
        """A text of at most `most` characters."""
        value = self.values.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            if required:
                self.note(name, "it is required")
            return None
        if not isinstance(value, str):
            self.note(name, "a text is expected")
        elif len(value) > most:
            self.note(name, f"it has at most {most} characters")
        else:
            return value
        return None

    def number(self, name: str, *, required: bool = False, least: float | None = None) -> int | float | None:
        """A finite number."""
        value = self.values.get(name)
        if value is None:
            if required:
                self.note(name, "it is required")
        elif isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            self.note(name, "a finite number is expected")
        elif least is not None and value < least:
            self.note(name, f"it is at least {least:g}")
        else:
            return value
        return None

    def moment(self, name: str, zone: tzinfo) -> datetime | None:
        """An instant in ISO 8601, in `zone` when it has no offset."""
        value = self.values.get(name)
        if value is None:
            return None
        try:
            found = datetime.fromisoformat(value.strip() if isinstance(value, str) else "")
            return found if found.tzinfo is not None else found.replace(tzinfo=zone)
        except ValueError:
            self.note(name, "a date such as 2026-03-01T09:30:00+00:00 is expected")
            return None

    def number_of(self, name: str) -> int | None:
        """The number by which the client refers to an object; None when the value cannot be one."""
        return known_number(self.values.get(name))


def known_number(value: Any) -> int | None:
    """The value if it can be the number of an object, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
