"""A route that does not say who may call it stops the start; one for users lets nobody else in."""

import pytest
from flask import Flask

from objapi.errors import Unauthorized
from objapi.http.access import API, LOGGED_IN, PUBLIC, Access, UndeclaredAccess, access, require_declarations
from objapi.http.visitors import attach_visitors


class _Nobody:
    """Visitors of a site to which nobody has logged in."""

    authenticators = None

    def visitor(self, request: object) -> None:
        return None


def _application(required: Access | None) -> Flask:
    application = Flask("test", static_folder=None)
    attach_visitors(application, _Nobody())  # type: ignore[arg-type]

    def view() -> str:
        return "done"

    application.add_url_rule("/thing", view_func=view if required is None else access(required)(view))
    return application


def test_a_route_without_a_declaration_is_named() -> None:
    with pytest.raises(UndeclaredAccess, match="/thing"):
        require_declarations(_application(None))


@pytest.mark.parametrize("required", [PUBLIC, LOGGED_IN, API])
def test_a_declared_route_is_fine(required: Access) -> None:
    require_declarations(_application(required))


def test_flask_s_own_route_for_static_files_counts_too() -> None:
    with pytest.raises(UndeclaredAccess, match="static"):
        require_declarations(Flask("test"))


def test_a_route_for_users_is_not_called_for_others() -> None:
    application = _application(LOGGED_IN)
    application.testing = True
    with pytest.raises(Unauthorized):
        application.test_client().get("/thing")
    assert _application(PUBLIC).test_client().get("/thing").text == "done"
