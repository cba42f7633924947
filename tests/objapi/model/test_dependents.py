"""The ways from a changed object to what follows from it, read off the workshop's declarations."""

import pytest

from objapi.model.dependents import MEMBERSHIP, PLACE, Dependents
from objapi.model.loading import load_registry
from objapi.model.paths import Back, Children, Parent, Target
from tests.objapi.store.workshop import PROFILE


@pytest.fixture(scope="module")
def dependents() -> Dependents:
    return Dependents(load_registry([str(PROFILE)]))


@pytest.mark.parametrize(
    ("portal_type", "attribute", "steps"),
    [
        ("Person", "title", (Back("Thing", "Owner"),)),
        ("Label", "title", (Back("Thing", "Labels"),)),
        ("Team", "Address", (Children(("Thing",)),)),
        ("Team", "Address", (Children(("Thing",)), Children(("Part",)))),
        ("Part", "Grams", (Parent(),)),
        ("Part", "Grams", (Parent(), Parent())),
        ("Part", MEMBERSHIP, (Parent(),)),
        ("Part", MEMBERSHIP, (Parent(), Parent())),
        ("Thing", MEMBERSHIP, (Parent(),)),
        ("Thing", "Owner", (Target("Owner"),)),
        ("Thing", "Owner", (Children(("Part",)),)),
        ("Thing", "title", (Target("Owner"),)),
        ("Person", "Nickname", (Back("Thing", "Owner"), Children(("Part",)))),
        ("Thing", "Goes", (Target("Goes"),)),
        ("Person", "title", (Back("Thing", "Owner"), Target("Goes"))),
        ("Model", "Colour", (Back("Thing", "Model"),)),
        ("Model", "Until", (Back("Thing", "Model"),)),
    ],
)
def test_what_follows_from_a_change(
    dependents: Dependents, portal_type: str, attribute: str, steps: tuple[object, ...]
) -> None:
    assert steps in [route.steps for route in dependents.of(portal_type, attribute)]
    assert steps in [route.steps for route in dependents.of_all(portal_type)]


@pytest.mark.parametrize(
    ("portal_type", "attribute"),
    [("Person", "description"), ("Thing", "Count"), ("Team", "Room"), ("Settings", "Rows")],
)
def test_what_nobody_reads_leads_nowhere(dependents: Dependents, portal_type: str, attribute: str) -> None:
    assert dependents.of(portal_type, attribute) == ()


@pytest.mark.parametrize("portal_type", ["Person", "Team", "Thing", "Part"])
def test_no_route_leads_from_an_object_to_itself(dependents: Dependents, portal_type: str) -> None:
    routes = dependents.of_all(portal_type)
    assert routes
    assert all(route.steps for route in routes)


@pytest.mark.parametrize(
    ("portal_type", "steps"),
    [("Thing", (Children(("Part",)),)), ("Team", ()), ("Part", ())],
)
def test_what_follows_from_another_container(
    dependents: Dependents, portal_type: str, steps: tuple[object, ...]
) -> None:
    """What an object itself takes from its container needs no route: it is rendered whole when it moves."""
    found = [route.steps for route in dependents.of(portal_type, PLACE)]
    assert found == ([steps] if steps else [])
