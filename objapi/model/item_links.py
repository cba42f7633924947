"""Links between the items of one request, which refer to each other by names that the request gives them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from heapq import heapify, heappop, heappush
from typing import Final

from objapi.errors import BadRequest, Cause, joined_messages
from objapi.model.references import named_items
from objapi.model.types import EntityType, Kind


@dataclass(frozen=True, slots=True)
class LinkedItem:
    """One item: its own name, if it has one, and the names that it refers to."""

    name: str | None
    refers_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ItemLinks:
    """Places of named items, places that each item refers to, and an order in which these come before it."""

    places: Mapping[str, int] = field(default_factory=dict)
    needs: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    order: tuple[int, ...] = ()


NO_LINKS: Final = ItemLinks()


def names_in_fields(entity_type: EntityType, values: Mapping[str, object]) -> Iterator[str]:
    """The names of items in the values of reference fields and create parameters, as a client sent them."""
    for name, raw in values.items():
        if isinstance(raw, Mapping | list | tuple):
            declared = entity_type.create_parameters.get(name) or entity_type.fields.get(name)
            if declared is not None and declared.alias_of is not None:
                declared = entity_type.fields[declared.alias_of]
            if declared is not None and declared.kind is Kind.REFERENCE:
                yield from named_items(raw)


def link_items(items: Sequence[LinkedItem]) -> ItemLinks:
    """The links of a request.

    Raises BadRequest with a cause for each name that two items have, that no item has, or that leads in a circle.
    """
    places: dict[str, int] = {}
    problems: list[Cause] = []
    for place, item in enumerate(items):
        if item.name is None:
            continue
        first = places.setdefault(item.name, place)
        if first != place:
            problems.append(_problem(place, item.name, f"entry {first} has this name already; choose another"))
    for place, item in enumerate(items):
        for name in dict.fromkeys(item.refers_to):
            if name not in places:
                problems.append(_problem(place, name, "no entry of this request has this name as its ref"))
    if problems:
        raise _refusal(problems)
    needs = {
        place: tuple(dict.fromkeys(places[name] for name in item.refers_to))
        for place, item in enumerate(items)
        if item.refers_to
    }
    return ItemLinks(places, needs, _ordered(items, needs))


def _ordered(items: Sequence[LinkedItem], needs: Mapping[int, tuple[int, ...]]) -> tuple[int, ...]:
    """The places, each behind those that it needs and else in their order. Raises BadRequest for a circle."""
    if not needs:
        return tuple(range(len(items)))
    sorter = TopologicalSorter({place: needs.get(place, ()) for place in range(len(items))})
    try:
        sorter.prepare()
    except CycleError as error:
        circle: list[int] = error.args[1][:-1]
        road = ", ".join(f"{items[place].name!r} (entry {place})" for place in reversed(circle))
        text = f"the entries refer to each other in a circle: {road}; set one of the references by a later update"
        raise _refusal([_problem(place, str(items[place].name), text) for place in sorted(circle)]) from None
    ready = list(sorter.get_ready())
    heapify(ready)
    order: list[int] = []
    while ready:
        order.append(heappop(ready))
        sorter.done(order[-1])
        for place in sorter.get_ready():
            heappush(ready, place)
    return tuple(order)


def _problem(place: int, name: str, message: str) -> Cause:
    return Cause("object", f"entry {place}", f"entry {place}: ref {name!r}: {message}.", index=place, code="ref")


def _refusal(problems: Sequence[Cause]) -> BadRequest:
    messages = dict.fromkeys(problem.message for problem in problems)
    return BadRequest(f"{joined_messages(messages)} Nothing was done.", causes=problems)
