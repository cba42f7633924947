"""A transition with `offered_if` is not there while its conditions do not hold."""

import pytest

from tests.workflows.building import machine, move, world_of
from workflows import ConditionCall, PlainSubject, PlainWorld, Registry, Run, TransitionNotOffered, offers
from workflows.declare import dump_workflow, load_workflow

SWITCHED = ConditionCall("field_in", {"field": "switch", "values": ["on"]})


def shop(switch: str) -> tuple[PlainWorld, PlainSubject]:
    """A subject in `open`, which offers `close` always and `burn` while its switch is on."""
    workflow = machine(
        states={"open": "close burn", "closed": "", "burnt": ""},
        transitions=[move("close", "closed"), move("burn", "burnt", offered_if=(SWITCHED,))],
    )
    world = world_of(workflow)
    subject = world.create("Shop", "S")
    subject.fields["switch"] = switch
    Run(world, Registry.standard()).enter(subject)
    return world, subject


@pytest.mark.parametrize(("switch", "shown"), [("on", ["close", "burn"]), ("off", ["close"])])
def test_it_is_shown_while_its_conditions_hold(switch: str, shown: list[str]) -> None:
    world, subject = shop(switch)
    assert [offer.transition.id for offer in offers(world, Registry.standard(), subject)] == shown


@pytest.mark.parametrize("system", [False, True])
@pytest.mark.parametrize("workflow", [None, "wf"])
def test_nobody_takes_it_while_they_do_not(system: bool, workflow: str | None) -> None:
    world, subject = shop("off")
    run = Run(world, Registry.standard())
    with pytest.raises(TransitionNotOffered, match="close") as refusal:
        run.fire(subject, "burn", workflow=workflow, system=system)
    assert "burn" not in refusal.value.allowed
    assert not run.attempt(subject, "burn", system=system)
    subject.fields["switch"] = "on"
    assert run.attempt(subject, "burn", system=system)


def test_it_is_read_and_written() -> None:
    written = {
        "states": {"a": {"exits": ["go"]}},
        "initial_state": "a",
        "transitions": {"go": {"offered_if": ["never"]}},
    }
    workflow = load_workflow("w", written)
    assert workflow.transitions["go"].offered_if == (ConditionCall("never"),)
    assert load_workflow("w", dump_workflow(workflow)) == workflow


def test_a_condition_that_is_not_there_is_a_mistake() -> None:
    workflow = machine(states={"a": "go"}, transitions=[move("go", offered_if=(ConditionCall("nevr"),))])
    (problem,) = Registry.standard().check([workflow])
    assert "nevr" in str(problem)
    assert "offered_if" in str(problem)
