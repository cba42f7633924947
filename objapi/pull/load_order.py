"""Order in which objects are made: containers first, what is referred to before what refers, circles at the end."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class LoadOrder:
    """Numbers of objects in the order in which they are made, and references that are written after all."""

    numbers: list[int] = field(default_factory=list)
    later: dict[int, set[int]] = field(default_factory=dict)
    """Object → others that it refers to and that are made after it."""


def order_objects(containers: Mapping[int, int | None], references: Mapping[int, Sequence[int]]) -> LoadOrder:
    """The order of objects by number, each with its container (None: one that is not among them) and references."""
    order = LoadOrder()
    # An object is begun while what it needs is placed, and done once it is placed itself.
    begun: set[int] = set()
    done: set[int] = set()
    for first in containers:
        if first in done:
            continue
        begun.add(first)
        stack: list[tuple[int, Iterator[int]]] = [(first, _needs(first, containers, references))]
        while stack:
            number, needs = stack[-1]
            needed = next((other for other in needs if other not in done), None)
            if needed is None:
                stack.pop()
                begun.discard(number)
                done.add(number)
                order.numbers.append(number)
            elif _waits_for(needed, begun, containers):
                order.later.setdefault(number, set()).add(needed)
            else:
                begun.add(needed)
                stack.append((needed, _needs(needed, containers, references)))
    return order


def _needs(number: int, containers: Mapping[int, int | None], references: Mapping[int, Sequence[int]]) -> Iterator[int]:
    container = containers[number]
    if container is not None:
        yield container
    yield from references.get(number, ())


def _waits_for(number: int, begun: set[int], containers: Mapping[int, int | None]) -> bool:
    """True for an object that cannot be placed before one that is begun: it is one of them, or lies in one."""
    above: int | None = number
    while above is not None:
        if above in begun:
            return True
        above = containers[above]
    return False
