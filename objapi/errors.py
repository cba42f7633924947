"""Errors of a request: one tree of exceptions for every layer.

It stands at the bottom of the package and imports nothing of it, so that model, store and faces raise the same
errors. An error knows its stable type name, the HTTP status it stands for, and every cause that was found; how it is
answered is the face's business.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final, Literal, Self

MANY_CAUSES: Final = 1_000
"""Causes, or warnings, up to which an answer lists all of them."""

FIRST_CAUSES: Final = 20
"""Causes that a message names, and causes or warnings that an answer lists of more than MANY_CAUSES."""

CauseKind = Literal["field", "parameter", "object"]


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause of an error: a field, a parameter or an object, and the value that would be right.

    `kind` is the kind of thing that `name` names. `object` is the path or UID of the object whose field it is, `index`
    its place in the request (from 0) when several objects were sent, `code` a short word for programs, `row` (from 1)
    and `column` (its heading) a place in a spreadsheet that was sent.
    """

    kind: CauseKind
    name: str
    message: str
    object: str | None = None
    index: int | None = None
    code: str = ""
    row: int | None = None
    column: str = ""

    def as_dict(self) -> dict[str, str | int]:
        """The cause as it stands in an answer's `errors`: `{kind: name, "message": …}` and all other attributes set."""
        entry: dict[str, str | int] = {self.kind: self.name, "message": self.message}
        if self.object is not None:
            entry["object"] = self.object
        if self.index is not None:
            entry["index"] = self.index
        if self.code:
            entry["code"] = self.code
        if self.row is not None:
            entry["row"] = self.row
        if self.column:
            entry["column"] = self.column
        return entry


class ApiError(Exception):
    """A request that cannot be answered as asked.

    `message` is one human sentence that names the culprit; `causes` are all of them; `headers` are response headers
    that belong to the refusal (`Allow`, `Retry-After`).
    """

    name: ClassVar[str] = "ApiError"
    status: int = 500
    trial: object = None
    """What a dry run that is refused would have done without what is refused: a plan of the store; None: no dry run."""

    def __init__(
        self,
        message: str,
        *,
        causes: Sequence[Cause] = (),
        headers: Mapping[str, str] | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.causes: tuple[Cause, ...] = tuple(causes)
        self.headers: dict[str, str] = dict(headers or {})
        if status is not None:
            self.status = status

    def __str__(self) -> str:
        return self.message

    def restated(self, message: str, causes: Sequence[Cause]) -> Self:
        """The same error, status and headers with another message and other causes."""
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)
        ApiError.__init__(other, message, causes=causes, headers=self.headers, status=self.status)
        return other


class BadRequest(ApiError):
    """The request is malformed: a parameter cannot be read or means nothing here."""

    name = "BadRequest"
    status = 400

    @classmethod
    def of_parameter(cls, parameter: str, message: str) -> "BadRequest":
        """The refusal of one parameter; `message` should name it."""
        return cls(message, causes=[Cause("parameter", parameter, message)])


class InvalidHost(BadRequest):
    """The `Host` header is no host, or there are two: what the request is meant for is not known (RFC 9112 3.2)."""


class UnusedFields(BadRequest):
    """Parameters of a writing request that are not fields of the type."""

    def __init__(
        self,
        names: Iterable[str],
        *,
        near: Mapping[str, str] = MappingProxyType({}),
        object: str | None = None,
        index: int | None = None,
    ) -> None:
        """Take the names, and for some the clause that names a field which may be meant (`near`)."""
        self.names = tuple(dict.fromkeys(names))
        super().__init__(
            f"The following request fields were not used: {_listed(self.names)}",
            causes=[
                Cause("parameter", name, text, object, index, "unused")
                for name in self.names
                for text in [f"{name!r} is not a field of the type{sentence_end(near.get(name, ''))}"]
            ],
        )


class ValidationError(ApiError):
    """Values that were read but do not validate."""

    name = "ValidationError"
    status = 422

    @classmethod
    def from_causes(cls, causes: Sequence[Cause]) -> "ValidationError":
        """The error for causes that are not empty; its message is their messages, in order."""
        return cls(joined_messages(cause.message for cause in causes), causes=causes)


class AmbiguousReference(ValidationError):
    """A reference that finds more than one object where one is wanted."""

    name = "AmbiguousReference"


class UnresolvedReference(ValidationError):
    """A reference that finds nothing, or nothing that the caller may see and the field allows."""

    name = "UnresolvedReference"


class CrossDatabase(ValidationError):
    """A request that would have to write in two databases in one transaction."""

    name = "CrossDatabase"


class IdempotencyKeyReused(ValidationError):
    """An idempotency key that an earlier request of the user had, which asked for something else."""

    name = "IdempotencyKeyReused"


class Unauthorized(ApiError):
    """Nobody is logged in, or the credentials are wrong."""

    name = "Unauthorized"
    status = 401


class InvalidToken(Unauthorized):
    """An API token that is none, has expired or was revoked, or whose user is disabled; nobody learns which."""

    name = "InvalidToken"

    def __init__(self, message: str) -> None:
        super().__init__(message, headers={"WWW-Authenticate": 'Bearer realm="objapi", error="invalid_token"'})


class PasswordNotEnough(Unauthorized):
    """A password by itself, of a user whose log-in takes a second factor, or where passwords are not taken."""

    name = "PasswordNotEnough"

    def __init__(self, message: str) -> None:
        # No Basic: a browser would ask for the password again.
        super().__init__(message, headers={"WWW-Authenticate": 'Bearer realm="objapi"'})


class Forbidden(ApiError):
    """The caller is known and may not do this."""

    name = "Forbidden"
    status = 403


class SignOnFailed(Forbidden):
    """A log-in by the log-in provider that is not valid, or of somebody who is no user here."""

    name = "SignOnFailed"


class SignatureRequired(Forbidden):
    """A transition that is taken with a signature, and no proof that it is the signer who asks for it."""

    name = "SignatureRequired"


class SignatureRefused(Forbidden):
    """A proof of the signer that is wrong, or a caller who cannot sign."""

    name = "SignatureRefused"


class InsufficientScope(Forbidden):
    """The API token by which the caller came is not for this, whatever its user may do (RFC 6750 3.1)."""

    name = "InsufficientScope"

    def __init__(self, message: str) -> None:
        super().__init__(message, headers={"WWW-Authenticate": 'Bearer realm="objapi", error="insufficient_scope"'})


class NoApiAccess(Forbidden):
    """The caller lacks the permission to use the API at all, which is asked before anything is looked at."""


class CrossSite(Forbidden):
    """A state-changing call that a browser sent for another site with the user's cookie."""

    name = "CrossSite"


class NotFound(ApiError):
    """No such object, or none that the caller may see."""

    name = "NotFound"
    status = 404


class UnknownMethod(NotFound):
    """The URL names no method of the API; unlike a missing object it is always answered with the real status."""

    name = "UnknownMethod"


class MethodNotAllowed(ApiError):
    """A wrong HTTP verb; `allowed` are the right ones (RFC 9110 section 15.5.6 asks for them in `Allow`)."""

    name = "MethodNotAllowed"
    status = 405

    def __init__(self, message: str, *, allowed: Sequence[str]) -> None:
        super().__init__(message, headers={"Allow": ", ".join(allowed)})


class RangeNotSatisfiable(ApiError):
    """A part of a file was asked for that it does not have; `size` is the number of its bytes (RFC 9110 15.5.17)."""

    name = "RangeNotSatisfiable"
    status = 416

    def __init__(self, message: str, *, size: int) -> None:
        super().__init__(message, headers={"Content-Range": f"bytes */{size}"})


class Conflict(ApiError):
    """The request contradicts what is stored: an id already taken, a version out of date."""

    name = "Conflict"
    status = 409


class ReferenceInUse(Conflict):
    """Objects outside refer to what should be removed; the causes are the referrers."""

    name = "ReferenceInUse"


class TransitionNotAllowed(Conflict):
    """A transition that the state does not offer (409) or that a guard refuses (403, by `refused_by_guard`)."""

    name = "TransitionNotAllowed"

    def __init__(self, message: str, *, causes: Sequence[Cause] = (), refused_by_guard: bool = False) -> None:
        super().__init__(message, causes=causes, status=403 if refused_by_guard else 409)


class IdempotencyKeyInUse(Conflict):
    """An earlier request with the same idempotency key is still under way; `retry_after` is in whole seconds."""

    name = "IdempotencyKeyInUse"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message, headers={"Retry-After": str(retry_after)})


class TooLarge(ApiError):
    """A body, a list or a value beyond a limit of this site."""

    name = "TooLarge"
    status = 413


class RequestTimeout(ApiError):
    """A body that its client sent too slowly."""

    name = "RequestTimeout"
    status = 408


class UnsupportedMediaType(ApiError):
    """A body of a content type that is not read, sent to a method that acts."""

    name = "UnsupportedMediaType"
    status = 415


class _RetryLater(ApiError):
    """An error that passes; `retry_after` is in whole seconds."""

    def __init__(self, message: str, *, retry_after: int, causes: Sequence[Cause] = ()) -> None:
        super().__init__(message, causes=causes, headers={"Retry-After": str(retry_after)})
        self.retry_after = retry_after


class TooManyAttempts(_RetryLater):
    """Too many failed log-ins, or too many at once."""

    name = "TooManyAttempts"
    status = 429


class Unavailable(_RetryLater):
    """The database is away or too busy."""

    name = "Unavailable"
    status = 503


class OutcomeUnknown(Unavailable):
    """The database was lost while the request was being committed: whether it was carried out is not known."""

    name = "OutcomeUnknown"


class MissingTable(Unavailable):
    """The table of a type, or a column of its key, is not in its database."""


class InternalError(ApiError):
    """A fault of the gateway itself; the message must tell the caller nothing of its inside."""

    name = "InternalError"
    status = 500


def _listed(names: Sequence[str]) -> str:
    more = len(names) - FIRST_CAUSES
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:FIRST_CAUSES])} and {more} more"


def sentence_end(clause: str) -> str:
    """The last clause of a sentence with its full stop, which a question does not have."""
    return clause if clause.endswith("?") else f"{clause}."


def joined_messages(messages: Iterable[str], limit: int = FIRST_CAUSES) -> str:
    """The messages as one text, each once, in order, each ended like a sentence; past `limit` only how many."""
    distinct = [text for text in dict.fromkeys(messages) if text]
    ended = [text if text.endswith((".", "!", "?")) else f"{text}." for text in distinct[:limit]]
    if len(distinct) > limit:
        ended.append(f"And {len(distinct) - limit} more.")
    return " ".join(ended)


def combine(errors: Sequence[ApiError]) -> ApiError:
    """All errors of one request as one that carries every cause.

    One error stays itself; several of one class give that class. In a mixture an error that is about the caller or the
    gateway and not about what was sent (401, 403, 429, 5xx) stands for all; else the nearest class that covers them;
    else `BadRequest` when something is malformed and `ValidationError` when not. Raises ValueError when there is no
    error.
    """
    if not errors:
        raise ValueError("combine() needs at least one error")
    first = errors[0]
    if len(errors) == 1:
        return first
    message = joined_messages(error.message for error in errors)
    causes = [cause for error in errors for cause in error.causes]
    # Of one class, the kind of failure stays known. Only TransitionNotAllowed has two statuses: its 409, which
    # another state would mend, covers the 403 of a guard.
    if all(type(error) is type(first) for error in errors):
        return max(errors, key=lambda error: error.status).restated(message, causes)
    not_of_content = [error for error in errors if error.status in (401, 403, 429) or error.status >= 500]
    # Sending other values would not help here, so a client must not be led to try that.
    if not_of_content:
        return max(not_of_content, key=lambda error: error.status).restated(message, causes)
    # Subclasses of one class (an ambiguous and an unresolved reference) share its status.
    for covering in (BadRequest, ValidationError, NotFound, Conflict, TooLarge):
        if all(isinstance(error, covering) for error in errors):
            return covering(message, causes=causes)
    # What cannot be read has to be mended before values are judged, so 400 comes before 422.
    malformed = any(isinstance(error, BadRequest) for error in errors)
    return (BadRequest if malformed else ValidationError)(message, causes=causes)
