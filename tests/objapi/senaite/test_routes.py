"""Routes by their names, and a site that declares no dialect."""

from collections.abc import Iterator

import pytest
from flask import Flask

from objapi.app import create_app
from objapi.errors import BadRequest, NotFound
from objapi.model.dependents import Dependents
from objapi.model.loading import load_registry
from objapi.model.render_shapes import RenderShapes
from objapi.senaite.routes import find_route, overridden
from objapi.senaite.vocabulary import Vocabulary
from tests.objapi.store.workshop import open_site

UID = "0123456789abcdef0123456789ABCDEF"
PREFIX = "/Plone/@@API/senaite/v1"


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    registry = load_registry(["lims"])
    found = Vocabulary.of(registry, RenderShapes(registry, Dependents(registry)))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("path", "name", "verbs"),
    [
        ("", "version", "GET"),
        ("search", "search", "GET"),
        ("users", "users", "GET"),
        ("users/ada", "users/name", "GET"),
        ("users/current", "users/current", "GET"),
        ("login", "login", "GET POST"),
        ("create", "create", "POST"),
        (f"update/{UID}", "update", "POST"),
        (UID, "uid", "GET PUT PATCH DELETE"),
        ("0", "uid", "GET PUT PATCH DELETE"),
        ("plonesite/0", "type/uid", "GET PUT PATCH DELETE"),
        ("Client", "type", "GET"),
        (f"analysisrequest/{UID}", "type/uid", "GET PUT PATCH DELETE"),
        ("Client/create", "type/create", "POST"),
        (f"Client/create/{UID}", "type/create", "POST"),
        ("schema/Client", "schema/name", "GET"),
        (f"workflow/{UID}", "workflow/name", "GET"),
    ],
)
def test_a_url_leads_to_one_route(vocabulary: Vocabulary, path: str, name: str, verbs: str) -> None:
    route = find_route(tuple(part for part in path.split("/") if part), vocabulary)
    assert (route.name, " ".join(route.actions)) == (name, verbs)


@pytest.mark.parametrize(
    "path",
    ["nothing", "clients", "search/x", "Client/x", f"Client/{UID}/x", "create/x", f"Client/create/{UID}/x", "push/x"],
)
def test_any_other_is_not_found(vocabulary: Vocabulary, path: str) -> None:
    with pytest.raises(NotFound):
        find_route(tuple(path.split("/")), vocabulary)


def test_a_post_on_an_object_names_another_verb(vocabulary: Vocabulary) -> None:
    route = find_route((UID,), vocabulary)
    assert overridden(route, "POST", "patch") == "PATCH"
    for override in (None, "", "GET"):
        with pytest.raises(BadRequest):
            overridden(route, "POST", override)


@pytest.fixture(scope="module")
def other(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A site whose profile declares no dialect."""
    site = open_site(module_database_url, tmp_path_factory.mktemp("workshop"))
    yield create_app(site=site)
    site.close()


def test_without_a_dialect_the_version_alone_is_answered(other: Flask) -> None:
    client = other.test_client()
    assert client.get(f"{PREFIX}/version").status_code == 200
    assert client.get(f"{PREFIX}/search").status_code == 404
    assert client.get("/senaite/@@API/version").status_code == 200
