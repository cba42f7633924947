"""Links between items of a request: an order in which all that one refers to comes before it, and what has none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.errors import BadRequest
from objapi.model.item_links import LinkedItem, link_items, names_in_fields
from objapi.model.types import EntityType, Field, IdKind, IdRule, Kind

A, B, C = (LinkedItem(name) for name in "abc")


def test_items_keep_their_order_unless_one_needs_another() -> None:
    links = link_items([LinkedItem("x", ("z",)), LinkedItem("y"), LinkedItem("z"), LinkedItem(None, ("x", "y", "x"))])
    assert links.order == (1, 2, 0, 3)
    assert links.needs == {0: (2,), 3: (0, 1)}
    assert link_items([A, B, C]).order == (0, 1, 2)


@pytest.mark.parametrize(
    ("items", "named", "places"),
    [
        ([A, B, A], "entry 0 has this name already", {2}),
        ([A, LinkedItem(None, ("nobody",))], "'nobody': no entry", {1}),
        ([LinkedItem("a", ("a",))], "circle: 'a' \\(entry 0\\)", {0}),
        ([LinkedItem("a", ("b",)), B, LinkedItem("c", ("d",)), LinkedItem("d", ("c",))], "circle", {2, 3}),
        ([A, A, LinkedItem(None, ("q",))], "'q'", {1, 2}),
    ],
)
def test_names_that_cannot_be_meant_are_refused(items: list[LinkedItem], named: str, places: set[int]) -> None:
    with pytest.raises(BadRequest, match=named) as refused:
        link_items(items)
    assert {cause.index for cause in refused.value.causes} == places


@given(st.lists(st.lists(st.integers(0, 30), max_size=3), max_size=30), st.randoms())
def test_whatever_refers_to_earlier_items_alone_has_an_order_however_it_is_shuffled(
    wanted: list[list[int]], random: object
) -> None:
    items = [
        LinkedItem(f"n{place}", tuple(f"n{other % place}" for other in others) if place else ())
        for place, others in enumerate(wanted)
    ]
    random.shuffle(items)  # type: ignore[attr-defined]
    links = link_items(items)
    turn = {place: number for number, place in enumerate(links.order)}
    assert sorted(links.order) == list(range(len(items)))
    assert all(turn[other] < turn[place] for place, others in links.needs.items() for other in others)


def test_a_long_chain_is_ordered() -> None:
    items = [LinkedItem(f"n{n}", (f"n{n + 1}",)) for n in range(5_000)]
    assert link_items([*items, LinkedItem("n5000")]).order == tuple(range(5_000, -1, -1))


def test_names_are_taken_from_reference_fields_alone() -> None:
    fields = {
        "One": Field("One", Kind.REFERENCE),
        "Many": Field("Many", Kind.REFERENCE, multi=True),
        "Other": Field("Other", Kind.REFERENCE, alias_of="One"),
        "Record": Field("Record", Kind.RECORD),
    }
    made = {"Services": Field("Services", Kind.REFERENCE, multi=True)}
    declared = EntityType("Thing", "Thing", fields, IdRule(IdKind.SEQUENCE, "{n}"), create_parameters=made)
    sent = {
        "One": {"ref": "a"},
        "Many": ["title:x", {"ref": "b"}, [{"ref": "c"}]],
        "Other": {"ref": "d"},
        "Record": {"ref": "e"},
        "Services": [{"ref": "f"}, {"ref": 1}, {"ref": "g", "more": 1}],
        "Unknown": {"ref": "h"},
    }
    assert list(names_in_fields(declared, sent)) == ["a", "b", "c", "d", "f"]
