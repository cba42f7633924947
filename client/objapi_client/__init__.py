"""Scripts for a site of objapi: `Site` and what its calls raise."""

from objapi_client.batches import Written
from objapi_client.errors import (
    AmbiguousReference,
    ApiError,
    BadRequest,
    BatchStopped,
    Cause,
    ClientError,
    Conflict,
    Forbidden,
    InsufficientScope,
    InvalidToken,
    LogInFailed,
    NoAnswer,
    NotFound,
    NotOne,
    PasswordNotEnough,
    Reason,
    ReferenceInUse,
    ServerFailure,
    TooLarge,
    TooManyAttempts,
    TransitionNotAllowed,
    Unauthorized,
    UnexpectedAnswer,
    UnresolvedReference,
    ValidationError,
)
from objapi_client.query import Query
from objapi_client.site import Site
from objapi_client.wire import NO_RETRIES, Retries, upload

__version__ = "0.1.0"

__all__ = [
    "NO_RETRIES",
    "AmbiguousReference",
    "ApiError",
    "BadRequest",
    "BatchStopped",
    "Cause",
    "ClientError",
    "Conflict",
    "Forbidden",
    "InsufficientScope",
    "InvalidToken",
    "LogInFailed",
    "NoAnswer",
    "NotFound",
    "NotOne",
    "PasswordNotEnough",
    "Query",
    "Reason",
    "ReferenceInUse",
    "Retries",
    "ServerFailure",
    "Site",
    "TooLarge",
    "TooManyAttempts",
    "TransitionNotAllowed",
    "Unauthorized",
    "UnexpectedAnswer",
    "UnresolvedReference",
    "ValidationError",
    "Written",
    "upload",
]
