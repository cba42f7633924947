"""Chains of workflows: who takes an action, which name answers, what catalogs show; reading variables."""

import pytest

from tests.workflows.building import NOON, machine, move, review, world_of
from workflows import ConditionCall, Expression, Guard, TransitionRefused, UnknownInfo, Variable

NEVER = Guard(conditions=(ConditionCall("never"),))


def test_a_type_has_its_chain_or_the_default_one_and_unknown_ids_are_skipped() -> None:
    first, second = machine("first", {"a": ""}), machine("second", {"b": ""})
    world = world_of(first, second, default_chain=["second"], chains={"Both": ["ghost", "first", "second"], "None": []})
    chains = {name: [item.id for item in world.chain_of(name)] for name in ("Both", "None", "Other")}
    assert chains == {"Both": ["first", "second"], "None": [], "Other": ["second"]}


def test_the_first_workflow_that_supports_the_action_takes_it_alone() -> None:
    def go(name: str, **options: object) -> object:
        return machine(name, {"a": "go", "b": ""}, [move("go", "b", **options)], state_variable=f"{name}_state")

    world = world_of(go("refusing", guard=NEVER), go("acting"), go("later"))  # type: ignore[arg-type]
    document = world.create("Document", "doc")
    assert [offer.workflow.id for offer in world.actions(document)] == ["acting"]
    (step,) = world.do_action(document, "go")
    assert step.workflow.id == "acting"
    assert [world.state(document, name) for name in ("refusing", "acting", "later")] == ["a", "b", "a"]
    world.do_action(document, "go")
    assert world.state(document, "later") == "b"
    with pytest.raises(TransitionRefused):
        world.do_action(document, "go")


def test_menu_order_is_chain_then_state_with_the_first_of_equal_ids() -> None:
    first = machine("first", {"a": "x y"}, [move("x"), move("y")])
    second = machine("second", {"b": "y z"}, [move("y"), move("z")], state_variable="s")
    world = world_of(first, second)
    offered = [(offer.transition.id, offer.workflow.id) for offer in world.actions(world.create("Document", "doc"))]
    assert offered == [("x", "first"), ("y", "first"), ("z", "second")]


def test_two_workflows_with_one_state_variable_both_run_and_the_first_is_shown() -> None:
    first = machine("first", {"a": "one", "a2": ""}, [move("one", "a2")])
    second = machine("second", {"b": "two", "b2": ""}, [move("two", "b2")])
    world = world_of(first, second)
    document = world.create("Document", "doc")
    world.do_action(document, "two")
    assert world.state(document, "second") == "b2"
    assert world.info(document, "review_state") == "a"
    assert world.info(document, "review_state", workflow="second") == "b2"
    assert world.catalog_variables(document) == {"review_state": "a"}
    assert document.value("review_state") == "a"


def test_catalog_variables_are_those_for_catalog_and_the_state_variable_unguarded() -> None:
    workflow = machine(
        states={"a": ""},
        variables=[
            Variable("shown", for_catalog=True, default="x", guard=NEVER),
            Variable("computed", for_catalog=True, for_status=False, expression=Expression("now")),
            Variable("hidden", default="y"),
        ],
        state_variable="s",
    )
    world = world_of(workflow)
    document = world.create("Document", "doc")
    assert world.catalog_variables(document) == {"shown": "x", "computed": NOON, "s": "a"}
    fresh = world.create("Document", "doc2", entering=False)
    assert world.catalog_variables(fresh) == {"shown": "x", "computed": NOON, "s": "a"}
    assert world.catalog_variables(world.site) == {"shown": "x", "computed": NOON, "s": "a"}


def test_reading_gives_the_status_then_the_default() -> None:
    world = world_of(review())
    with world.acting("ana"):
        document = world.create("Document", "doc")
    with world.acting("ben"):
        assert world.info(document, "actor") == "ana"
        fresh = world.create("Document", "doc2", entering=False)
        assert [world.info(fresh, name) for name in ("action", "actor", "comments", "time")] == [None, "ben", "", NOON]


def test_review_history_is_guarded_and_the_state_variable_is_not() -> None:
    world = world_of(review())
    document = world.create("Document", "doc")
    world.set_permission(document, "Request review", [])
    world.set_permission(document, "Review portal content", ["Reviewer"])
    with world.acting("ana"):
        assert world.info(document, "review_history", "none for you") == "none for you"
        assert world.info(document, "review_state") == "draft"
        with pytest.raises(UnknownInfo, match="Review portal content"):
            world.info(document, "review_history")
    with world.acting("rev", ["Reviewer"]):
        assert world.info(document, "review_history") == document.history("wf")


def test_a_name_that_no_workflow_has() -> None:
    world = world_of(review(), chains={"File": []})
    document, plain = world.create("Document", "doc"), world.create("File", "f")
    assert world.info(document, "colour", None) is None
    assert world.info(plain, "review_state", "-") == "-"
    assert world.info(document, "review_state", "-", workflow="ghost") == "-"
    for subject in (document, plain):
        with pytest.raises(UnknownInfo, match="'colour'"):
            world.info(subject, "colour")
