"""What can go wrong with a call, as exceptions: one class for each error of the gateway that scripts tell apart."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final


class ClientError(Exception):
    """Anything that this package raises about a call."""


class NoAnswer(ClientError):
    """The gateway could not be reached, or fell silent, at every try; `__cause__` says how.

    The request may have been done all the same: look, before it is made again by another call.
    """


class UnexpectedAnswer(ClientError):
    """What answered is no gateway: a proxy, or another address than that of a site."""


class LogInFailed(ClientError):
    """The gateway does not take this user, password or code."""


class NotOne(ClientError):
    """A query that should find one object found none, or several."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One of the things that are wrong with a request."""

    message: str
    code: str = ""
    field: str = ""
    parameter: str = ""
    object: str = ""
    index: int | None = None
    row: int | None = None
    column: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """The reason for which an object did not take a transition."""

    object: str
    """Its path."""
    message: str
    needs: str = ""
    """What would let it through, where a guard holds it back."""


class ApiError(ClientError):
    """A call that the gateway refused, or could not carry out. Nothing of it was done."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self.answer = answer
        """The whole answer."""
        self.message: str = str(answer.get("message", ""))
        self.name: str = str(answer.get("type", ""))
        """The name of the error, such as `ValidationError`."""
        self.status: int = int(answer.get("status", 0))
        self.request_id: str = str(answer.get("request_id", ""))
        """The id by which the gateway's log knows the request."""
        self.causes: tuple[Cause, ...] = tuple(_causes(answer))
        super().__init__(f"{self.name} ({self.status}): {self.message}")


class BadRequest(ApiError):
    """A parameter is missing, cannot be read, or means nothing to the method."""


class Unauthorized(ApiError):
    """Nobody is logged in, or the credentials are wrong."""


class InvalidToken(Unauthorized):
    """The API token is unknown, has expired or was revoked, or its user is disabled."""


class PasswordNotEnough(Unauthorized):
    """The user has a second factor: use an API token, or `Site.log_in` with a code."""


class Forbidden(ApiError):
    """The caller lacks a permission."""


class InsufficientScope(Forbidden):
    """The API token is not for this, whatever its user may do."""


class SignatureRequired(Forbidden):
    """The transition takes a signature: send the password once more."""


class SignatureRefused(Forbidden):
    """The password or code is wrong, or the caller came by an API token, which cannot sign."""


class NotFound(ApiError):
    """There is no such object, or the caller may not see it."""


class Conflict(ApiError):
    """An id is taken, a version is out of date, or a state forbids it."""


class IdempotencyKeyInUse(Conflict):
    """An earlier request with the same key is still under way."""


class ReferenceInUse(Conflict):
    """Objects refer to what should be removed; the causes name them."""


class TransitionNotAllowed(ApiError):
    """Objects cannot take a transition; none has taken it."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        super().__init__(answer)
        self.reasons: Sequence[Reason] = [
            Reason(cause.object, cause.message) for cause in self.causes if cause.object
        ] or [Reason("", self.message)]
        """Why, for each object."""


class TooLarge(ApiError):
    """A limit of the site is exceeded; the message names it."""


class ValidationError(ApiError):
    """Values do not validate; the causes name the fields."""


class UnresolvedReference(ValidationError):
    """A reference finds nothing."""


class AmbiguousReference(ValidationError):
    """A reference finds several objects where one is wanted."""


class TooManyAttempts(ApiError):
    """Too many log-ins failed; it is too early to try again."""


class ServerFailure(ApiError):
    """A fault of the gateway or its database; the log has it under the `request_id`."""


class Unavailable(ServerFailure):
    """The database is away or too busy."""


class OutcomeUnknown(ServerFailure):
    """The database was lost while the request was committed: look whether it was done."""


class BatchStopped(ClientError):
    """One of several batches failed. Those before it are done, it and those after it are not."""

    def __init__(self, start: int, stop: int, done: Sequence[Mapping[str, Any]], error: ClientError) -> None:
        self.start = start
        """The place of the first entry that was not done, counted from 0."""
        self.done = done
        """The answers of the entries before it."""
        self.error = error
        answer = error.answer if isinstance(error, ApiError) else {}
        entries = answer.get("updates") or answer.get("objects") or []
        self.failed = [entry for entry in entries if "type" in entry]
        """The entries for which it failed, with `message`, `type` and `status`, where the gateway has named them."""
        super().__init__(f"The entries {start} to {stop - 1} were not done, those before them were. {error}")


def _classes(error: type[ApiError]) -> Iterator[type[ApiError]]:
    for other in error.__subclasses__():
        yield other
        yield from _classes(other)


_BY_NAME: Final = {error.__name__: error for error in _classes(ApiError)}


def error_of(answer: Mapping[str, Any]) -> ApiError:
    """The exception for a failed answer: by its name, else by its status."""
    # A problem of RFC 9457 has a URI as its type, and the name apart.
    named = _BY_NAME.get(str(answer.get("name") or answer.get("type", "")))
    if named is None:
        named = ServerFailure if int(answer.get("status", 0)) >= 500 else ApiError
    return named(answer)


def _causes(answer: Mapping[str, Any]) -> Iterator[Cause]:
    known = Cause.__dataclass_fields__
    for cause in answer.get("errors") or ():
        yield Cause(**{name: value for name, value in {"message": "", **cause}.items() if name in known})
