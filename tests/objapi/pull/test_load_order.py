"""Objects are ordered so that each can be made when its turn comes, and what closes circles is known."""

from hypothesis import given
from hypothesis import strategies as st

from objapi.pull.load_order import order_objects


def test_containers_and_what_is_referred_to_come_first() -> None:
    order = order_objects({1: 2, 2: None, 3: None}, {2: [3]})
    assert order.numbers == [3, 2, 1]
    assert order.later == {}


def test_what_lies_in_an_object_is_made_after_it_although_that_refers_to_it() -> None:
    order = order_objects({1: None, 2: 1, 3: 2}, {1: [3]})
    assert order.numbers == [1, 2, 3]
    assert order.later == {1: {3}}


@st.composite
def laboratories(draw: st.DrawFn) -> tuple[dict[int, int | None], dict[int, list[int]]]:
    count = draw(st.integers(1, 12))
    names = draw(st.permutations(range(count)))
    containers = {
        names[place]: None if place == 0 else draw(st.none() | st.sampled_from(names[:place])) for place in range(count)
    }
    shuffled = dict(draw(st.permutations(list(containers.items()))))
    references = {name: draw(st.lists(st.sampled_from(names), max_size=4)) for name in names}
    return shuffled, references


@given(laboratories())
def test_every_object_is_made_once_and_nothing_is_missing_when_it_is(
    laboratory: tuple[dict[int, int | None], dict[int, list[int]]],
) -> None:
    containers, references = laboratory
    order = order_objects(containers, references)
    assert sorted(order.numbers) == sorted(containers)
    made: set[int] = set()
    for number in order.numbers:
        assert containers[number] is None or containers[number] in made
        assert set(references[number]) - made <= order.later.get(number, set())
        made.add(number)
