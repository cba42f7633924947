"""What is computed anew of an object when attributes of it change, read off the workshop's declarations."""

from dataclasses import replace

import pytest

from objapi.model.dependents import TITLE, VARIABLES, Dependents
from objapi.model.loading import load_registry
from objapi.model.registry import Registry
from objapi.model.render_shapes import RenderShape, RenderShapes
from objapi.model.types import Field, Kind
from tests.objapi.store.workshop import PROFILE


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry([str(PROFILE)])


def _shape(registry: Registry, portal_type: str, *attributes: str) -> RenderShape:
    dependents = Dependents(registry)
    affected = dependents.own(portal_type, frozenset(attributes))
    return RenderShapes(registry, dependents).of(registry.types[portal_type], affected)


def _indexes(shape: RenderShape) -> dict[str, set[str]]:
    return {part.catalog.name: set(part.names) for part in shape.indexes}


COMPUTED = {"Weight", "Current", "SecretLength"}
"""Members of a thing that Python computes: if one may differ, all are computed, since each may depend on the time."""

SIDED = {"Title", "SearchableText", "getLabels", "things", "secrets", "allowedRolesAndUsers"}


@pytest.mark.parametrize(
    ("portal_type", "attribute", "members", "indexes"),
    [
        ("Thing", "Count", {"Count"}, {"Count"}),
        ("Thing", "Maker", {"Maker", "Maker_uid"}, set()),
        ("Thing", "Owner", {"Owner", "Owner_uid", "OwnerName"}, {"getOwner"}),
        ("Thing", "review_state", set(), {"review_state"}),
        ("Thing", "modified", set(), set()),
        ("Thing", "Model", {"Model", "Model_uid", "Colour"} | COMPUTED, {"getWeight"}),
        ("Person", "Nickname", {"Nickname"}, set()),
        ("Person", "description", {"description"}, SIDED),
        ("Part", "Grams", {"Grams"}, set()),
        ("Team", "Address", {"Address"}, {"city"}),
    ],
)
def test_only_what_reads_an_attribute_is_computed(
    registry: Registry, portal_type: str, attribute: str, members: set[str], indexes: set[str]
) -> None:
    shape = _shape(registry, portal_type, attribute)
    assert shape.parts.blank.keys() == members
    assert {name for names in _indexes(shape).values() for name in names} == indexes
    assert not shape.title


def test_a_title_is_read_by_its_indexes_and_members(registry: Registry) -> None:
    shape = _shape(registry, "Part", "Kind")
    assert shape.title
    assert shape.parts.blank.keys() == {"title", "Kind"}
    assert {"title", "Title", "SearchableText"} <= _indexes(shape)["portal_catalog"]
    assert shape.meta.keys() == {"Title"}


def test_what_is_not_computed_is_never_out_of_date(registry: Registry) -> None:
    assert _shape(registry, "Thing", "Model").timed
    assert not _shape(registry, "Thing", "Count").timed
    assert not _shape(registry, "Part", "Grams").timed


def test_a_value_that_follows_from_another_object_brings_what_is_computed_when_it_is(registry: Registry) -> None:
    shapes = RenderShapes(registry, Dependents(registry))
    thing = registry.types["Thing"]
    plain = shapes.of(thing, frozenset({(None, "City"), ("portal_catalog", "city")}))
    assert (plain.parts.blank.keys(), plain.timed) == ({"City"}, False)
    timed = shapes.of(thing, frozenset({(None, "Weight")}))
    assert (timed.parts.blank.keys(), timed.timed) == (COMPUTED, True)


def test_in_an_answer_without_an_end_only_what_may_differ_is_computed(registry: Registry) -> None:
    shapes = RenderShapes(registry, Dependents(registry))
    shape = shapes.of(registry.types["Thing"], frozenset({(None, "Weight")}), ends=False)
    assert (shape.parts.blank.keys(), shape.timed) == ({"Weight"}, True)


def test_a_behaviour_that_does_not_say_what_it_reads_is_computed_with_every_change(registry: Registry) -> None:
    part = registry.types["Part"]
    told = Field("Told", Kind.COMPUTED, compute="weight", depends=())
    untold = Field("Untold", Kind.COMPUTED, compute="weight")
    fields = {**part.fields, "Told": told, "Untold": untold}
    changed = replace(registry, types={**registry.types, "Part": replace(part, fields=fields)})
    shape = _shape(changed, "Part", "Grams")
    assert {"Grams", "Untold"} <= shape.parts.blank.keys()
    assert Dependents(changed).own("Part", frozenset({"Grams"})) >= {(None, "Untold")}
    assert (None, "Told") not in Dependents(changed).own("Part", frozenset({"Grams"}))


def test_nothing_affected_is_nothing_to_do(registry: Registry) -> None:
    shape = RenderShapes(registry, Dependents(registry)).of(registry.types["Part"], frozenset())
    assert not shape.answered
    assert not shape.indexes


def test_a_value_is_looked_up_once_for_the_indexes_of_all_catalogs(registry: Registry) -> None:
    shapes = RenderShapes(registry, Dependents(registry))
    taken: dict[str, int] = {}
    for entity_type in registry.types.values():
        parts = shapes.whole(entity_type).parts
        readers = [item.reader for item in parts.indexed]
        # The title of a field index is that of the field; under the name of all, an object without one has its id.
        origins = [(item.stored, item.name_of_all, item.source.of(entity_type.portal_type)) for item in readers]
        assert len(set(origins)) == len(origins)
        takers = [(catalog, name) for item in parts.indexed for _, those in item.taken for catalog, name, _ in those]
        assert len(set(takers)) == len(takers)
        taken[entity_type.portal_type] = len(takers) - len(origins)
    assert max(taken.values()) > 0


def test_variables_and_title_are_asked_for_by_their_own_names(registry: Registry) -> None:
    shape = RenderShapes(registry, Dependents(registry)).of(registry.types["Thing"], frozenset({TITLE, VARIABLES}))
    assert shape.title
    assert shape.variables


def test_shapes_are_made_once(registry: Registry) -> None:
    shapes = RenderShapes(registry, Dependents(registry))
    affected = frozenset({(None, "Grams")})
    assert shapes.of(registry.types["Part"], affected) is shapes.of(registry.types["Part"], affected)
