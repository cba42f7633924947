"""Faults of single values with their place and type, and refusals of whole requests.

Types and messages are those of pydantic 1, by which the clients of this API distinguish errors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

ROOT: Final = "__root__"
"""Last step of the place of a fault that lies in an object as a whole."""

FaultPlace = tuple[str | int, ...]


class Fault(Exception):
    """One value that cannot be accepted: a sentence, a type for programs, and the values of the rule it breaks."""

    def __init__(self, message: str, type_: str, **context: Any) -> None:
        super().__init__(message)
        self.message = message
        self.type = type_
        self.context = context

    def at(self, place: FaultPlace) -> "PlacedFault":
        """The fault with the place where it was found."""
        return PlacedFault(place, self)


@dataclass(frozen=True, slots=True)
class PlacedFault:
    """A fault and where it is: `path`, `query` or `body`, then keys and list indexes from 0."""

    place: FaultPlace
    fault: Fault

    def as_dict(self) -> dict[str, Any]:
        """The fault as it is answered: `loc`, `msg`, `type` and, when the rule has values, `ctx`."""
        entry = {"loc": list(self.place), "msg": self.fault.message, "type": self.fault.type}
        return entry | ({"ctx": self.fault.context} if self.fault.context else {})


def missing() -> Fault:
    """A required value is absent."""
    return Fault("field required", "value_error.missing")


def none_not_allowed() -> Fault:
    """A value is null that must not be."""
    return Fault("none is not an allowed value", "type_error.none.not_allowed")


def no_object() -> Fault:
    """A value is not a JSON object."""
    return Fault("value is not a valid dict", "type_error.dict")


def no_list() -> Fault:
    """A value is not a list."""
    return Fault("value is not a valid list", "type_error.list")


class Refusal(Exception):
    """A request that is not carried out: its HTTP status and what is said in `detail`."""

    def __init__(self, status: int, detail: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


class Invalid(Refusal):
    """Parameters or a body that do not fit their declaration (422); all faults are listed."""

    def __init__(self, faults: Sequence[PlacedFault]) -> None:
        super().__init__(422, [fault.as_dict() for fault in faults])


class ResourceNotFound(Refusal):
    """Something that is not there, or that the caller may not see (404)."""

    def __init__(self, detail: str = "Not Found") -> None:
        super().__init__(404, detail)


class BadCall(Refusal):
    """A call that cannot be carried out as asked (400)."""

    def __init__(self, detail: str) -> None:
        super().__init__(400, detail)


class NotAuthenticated(Refusal):
    """A caller who is not known (401); without WWW-Authenticate, or browsers would ask for a password."""

    def __init__(self, detail: str) -> None:
        super().__init__(401, detail)


class NotAuthorized(Refusal):
    """A caller without the permission (403)."""

    def __init__(self, detail: str = "Not Authorized") -> None:
        super().__init__(403, detail)
