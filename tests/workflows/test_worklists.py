"""Worklists: offered by name, guard and what the query finds; names filled in."""

from collections.abc import Mapping, Sequence

import pytest

from tests.workflows.building import machine, world_of
from workflows import Guard, Worklist, offered_worklists, worklist_query

PENDING = Worklist("w", match={"review_state": ("pending", "due"), "Creator": ("%(user)s",)}, action="Mine (%(count)d)")


def test_match_values_are_filled_in_and_unknown_names_stay() -> None:
    assert worklist_query(PENDING, {"user": "%(x)s ana", "x": "no"}) == {
        "review_state": ("pending", "due"),
        "Creator": ("%(x)s ana",),
    }
    assert worklist_query(PENDING, {})["Creator"] == ("%(user)s",)


@pytest.mark.parametrize(
    ("worklist", "found", "names"),
    [
        pytest.param(PENDING, 3, ["Mine (3)"], id="what is found is counted in the name"),
        pytest.param(PENDING, 0, [], id="nothing found: not offered"),
        pytest.param(Worklist("w", match={"a": ("b",)}), 3, [], id="no action name: not offered"),
        pytest.param(Worklist("w", action="All"), 0, ["All"], id="no match: offered without asking"),
        pytest.param(Worklist("w", action="All", guard=Guard(roles=("Reviewer",))), 0, ["All"], id="guard passes"),
        pytest.param(Worklist("w", action="All", guard=Guard(roles=("Owner",))), 0, [], id="guard fails"),
    ],
)
def test_offered_worklists(worklist: Worklist, found: int, names: list[str]) -> None:
    asked: list[Mapping[str, Sequence[str]]] = []

    def search(query: Mapping[str, Sequence[str]]) -> int:
        asked.append(query)
        return found

    workflow = machine(states={"a": ""}, worklists={"w": worklist})
    world = world_of(workflow)
    with world.acting("ana", ["Reviewer"]):
        offered = offered_worklists(world, world.registry, world.site, [workflow], search, {"user": "ana"})
    assert [item.name for item in offered] == names
    assert bool(asked) is bool(worklist.match and worklist.action)
