import pytest

from objapi.errors import (
    AmbiguousReference,
    ApiError,
    BadRequest,
    Cause,
    Conflict,
    CrossDatabase,
    CrossSite,
    Forbidden,
    InternalError,
    MethodNotAllowed,
    NoApiAccess,
    NotFound,
    ReferenceInUse,
    TooLarge,
    TooManyAttempts,
    TransitionNotAllowed,
    Unauthorized,
    Unavailable,
    UnknownMethod,
    UnresolvedReference,
    UnusedFields,
    ValidationError,
    combine,
    joined_messages,
)


@pytest.mark.parametrize(
    ("error", "name", "status"),
    [
        (BadRequest("x"), "BadRequest", 400),
        (UnusedFields(["a"]), "BadRequest", 400),
        (ValidationError("x"), "ValidationError", 422),
        (AmbiguousReference("x"), "AmbiguousReference", 422),
        (UnresolvedReference("x"), "UnresolvedReference", 422),
        (CrossDatabase("x"), "CrossDatabase", 422),
        (Unauthorized("x"), "Unauthorized", 401),
        (Forbidden("x"), "Forbidden", 403),
        (NoApiAccess("x"), "Forbidden", 403),
        (CrossSite("x"), "CrossSite", 403),
        (NotFound("x"), "NotFound", 404),
        (UnknownMethod("x"), "UnknownMethod", 404),
        (MethodNotAllowed("x", allowed=["GET", "POST"]), "MethodNotAllowed", 405),
        (Conflict("x"), "Conflict", 409),
        (ReferenceInUse("x"), "ReferenceInUse", 409),
        (TransitionNotAllowed("x"), "TransitionNotAllowed", 409),
        (TransitionNotAllowed("x", refused_by_guard=True), "TransitionNotAllowed", 403),
        (TooLarge("x"), "TooLarge", 413),
        (TooManyAttempts("x", retry_after=5), "TooManyAttempts", 429),
        (Unavailable("x", retry_after=5), "Unavailable", 503),
        (InternalError("x"), "InternalError", 500),
    ],
)
def test_every_error_has_a_stable_name_and_status(error: ApiError, name: str, status: int) -> None:
    assert (error.name, error.status) == (name, status)


def test_headers_belong_to_the_refusal() -> None:
    assert MethodNotAllowed("x", allowed=["GET", "POST"]).headers == {"Allow": "GET, POST"}
    assert Unavailable("x", retry_after=3).headers == {"Retry-After": "3"}


def test_unused_fields_are_all_named_once() -> None:
    error = UnusedFields(["b", "a", "b"], object="/Plone/x", index=2)
    assert str(error) == "The following request fields were not used: b, a"
    assert [(cause.kind, cause.name, cause.object, cause.index) for cause in error.causes] == [
        ("parameter", "b", "/Plone/x", 2),
        ("parameter", "a", "/Plone/x", 2),
    ]


def test_a_cause_says_only_what_is_known() -> None:
    assert Cause("field", "Title", "is required").as_dict() == {"field": "Title", "message": "is required"}
    assert Cause("object", "/x", "is gone", object="/x", index=0, code="gone").as_dict() == {
        "object": "/x",
        "message": "is gone",
        "index": 0,
        "code": "gone",
    }


def test_causes_make_the_message() -> None:
    causes = [Cause("field", "a", "a is required"), Cause("field", "b", "b is no date.")]
    error = ValidationError.from_causes(causes)
    assert error.message == "a is required. b is no date."
    assert error.causes == tuple(causes)


def test_messages_are_joined_once_each() -> None:
    assert joined_messages(["One", "Two?", "", "One"]) == "One. Two?"
    assert joined_messages(["a", "b", "c"], limit=2) == "a. b. And 1 more."


@pytest.mark.parametrize(
    ("errors", "expected", "status"),
    [
        ([UnusedFields(["a"]), UnusedFields(["b"])], UnusedFields, 400),
        ([UnresolvedReference("a"), UnresolvedReference("b")], UnresolvedReference, 422),
        ([UnresolvedReference("a"), AmbiguousReference("b")], ValidationError, 422),
        ([UnusedFields(["a"]), BadRequest("b")], BadRequest, 400),
        ([BadRequest("a"), ValidationError("b")], BadRequest, 400),
        ([NotFound("a"), ValidationError("b")], ValidationError, 422),
        ([NotFound("a"), Conflict("b")], ValidationError, 422),
        ([ReferenceInUse("a"), Conflict("b")], Conflict, 409),
        ([ValidationError("a"), Forbidden("b")], Forbidden, 403),
        ([Forbidden("a"), InternalError("b")], InternalError, 500),
        ([TransitionNotAllowed("a"), TransitionNotAllowed("b", refused_by_guard=True)], TransitionNotAllowed, 409),
    ],
)
def test_many_errors_become_one(errors: list[ApiError], expected: type[ApiError], status: int) -> None:
    combined = combine(errors)
    assert type(combined) is expected
    assert combined.status == status
    assert combined.causes == tuple(cause for error in errors for cause in error.causes)
    assert all(error.message in combined.message for error in errors)


def test_one_error_stays_itself() -> None:
    error = BadRequest("x")
    assert combine([error]) is error


def test_no_error_cannot_be_combined() -> None:
    with pytest.raises(ValueError, match="at least one"):
        combine([])


def test_a_combined_error_keeps_headers_and_attributes() -> None:
    combined = combine([Unavailable("a", retry_after=3), Unavailable("b", retry_after=4)])
    assert isinstance(combined, Unavailable)
    assert combined.headers["Retry-After"] == str(combined.retry_after)
