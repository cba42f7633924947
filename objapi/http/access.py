"""Access that a route requires of its caller, declared at the route and checked before it runs.

A view function without a declaration stops the start of the application: to forget one must not mean to open a door.
"""

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, Final, TypeVar

from flask import Flask
from flask_login import login_required

_DECLARED: Final = "required_access"
_View = TypeVar("_View", bound=Callable[..., Any])


class Access(Enum):
    """The callers that a route admits."""

    PUBLIC = "public"
    """Everybody. A log-in page can be nothing else."""
    LOGGED_IN = "logged in"
    """Every logged-in user; the permissions of each object then decide what they may do."""
    API = "api"
    """Every user with the permission to use the API, checked inside the request's own transaction."""


PUBLIC: Final = Access.PUBLIC
LOGGED_IN: Final = Access.LOGGED_IN
API: Final = Access.API


class UndeclaredAccess(Exception):
    """Routes without a declared access; the message names all of them."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__(
            f"No access is declared for {', '.join(sorted(names))}. Declare one of "
            f"{', '.join(access.name for access in Access)}."
        )


def access(required: Access) -> Callable[[_View], _View]:
    """Decorator: declare the access that a view function requires, and check LOGGED_IN before each call.

    To be put next to the function, under its route. API and PUBLIC are left to the view: the permission of API is asked
    inside the view's own transaction.
    """

    def declare(view: _View) -> _View:
        guarded: _View = login_required(view) if required is LOGGED_IN else view
        setattr(guarded, _DECLARED, required)
        return guarded

    return declare


def declared_access(view: Callable[..., Any]) -> Access | None:
    """The access that a view function declares, None without a declaration."""
    required = getattr(view, _DECLARED, None)
    return required if isinstance(required, Access) else None


def require_declarations(application: Flask) -> None:
    """Raise UndeclaredAccess when a route of the application declares no access."""
    undeclared = [
        f"route {rule.rule} ({rule.endpoint})"
        for rule in application.url_map.iter_rules()
        if declared_access(application.view_functions[rule.endpoint]) is None
    ]
    if undeclared:
        raise UndeclaredAccess(undeclared)
