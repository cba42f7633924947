"""What a guard looks at, told by its conditions."""

import pytest

from workflows import WorkflowRegistry, declared_conditions
from workflows.condition import parse_calls
from workflows.guard_reads import GuardRead, conditions_in_code, guard_reads

REGISTRY = WorkflowRegistry.standard().extended(
    {
        **declared_conditions(
            {
                "filled": {"all": [{"field_set": {"field": "Level"}}, "in_code"]},
                "round": {"any": ["filled", "round"]},
            }
        ),
        "in_code": lambda world, subject, context, args: True,
    }
)
BOTTLES = ("bottles",)


@pytest.mark.parametrize(
    ("conditions", "reads", "in_code"),
    [
        ([], set(), []),
        ([{"field_set": {"field": "Level"}}], {GuardRead((), "Level")}, []),
        ([{"state_in": {"variable": "review_state", "states": ["a"]}}], {GuardRead((), "review_state")}, []),
        ([{"has_role": {"roles": ["Manager"]}}, "always"], set(), []),
        (
            [{"has_related": {"relation": "bottles", "where": {"Kind": "x"}}}],
            {GuardRead(BOTTLES, None), GuardRead(BOTTLES, "Kind")},
            [],
        ),
        (
            [{"related_field_set": {"relation": "bottles", "field": "Level"}}],
            {GuardRead(BOTTLES, None), GuardRead(BOTTLES, "Level")},
            [],
        ),
        (
            [{"each_related": {"relation": "bottles", "conditions": [{"has_related": {"relation": "corks"}}]}}],
            {GuardRead(BOTTLES, None), GuardRead(("bottles", "corks"), None)},
            [],
        ),
        (
            [{"negate": {"condition": ["filled"]}}, {"choose": {"if": ["in_code"], "then": ["never"]}}],
            {GuardRead((), "Level")},
            ["in_code", "in_code"],
        ),
        (["round"], {GuardRead((), "Level")}, ["in_code"]),
        (["nosuch"], set(), ["nosuch"]),
        ([{"all_of": {"conditions": 3}}], set(), []),
    ],
)
def test_conditions_tell_what_they_look_at(conditions: list[object], reads: set[GuardRead], in_code: list[str]) -> None:
    calls = parse_calls(conditions)
    assert set(guard_reads(calls, REGISTRY)) == reads
    assert list(conditions_in_code(calls, REGISTRY)) == in_code
