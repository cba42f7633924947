"""Cascades, automatic transitions after them, each (object, transition) once, batches."""

from itertools import pairwise

import pytest

from tests.workflows.building import NOON, auto, machine, move, world_of
from workflows import (
    AutomaticLoop,
    Cascade,
    CascadeAction,
    ConditionCall,
    Expression,
    FireRelated,
    Guard,
    NamedValue,
    PlainSubject,
    PlainWorld,
    Registry,
    Run,
    RunEffect,
    SetField,
    TransitionNotOffered,
    TransitionRefused,
    Variable,
    Where,
    Workflow,
    WorkflowError,
    offers,
    state_id,
)


def life(**guards: Guard) -> Workflow:
    """due -> (receive) received -> (submit) submitted -> (verify) verified; retract back to received."""
    return machine(
        states={"due": "receive", "received": "submit", "submitted": "verify retract", "verified": ""},
        transitions=[
            move("receive", "received", guard=guards.get("receive", Guard())),
            move("submit", "submitted", guard=guards.get("submit", Guard())),
            move("verify", "verified", guard=guards.get("verify", Guard())),
            move("retract", "received"),
        ],
    )


def laboratory(count: int = 2, workflow: Workflow | None = None, **options: object) -> tuple[PlainWorld, PlainSubject]:
    """A request with analyses A0, A1 ...; relations `analyses` and `request`."""
    world = world_of(workflow or life(), **options)
    request = world.create("Request", "R")
    analyses = [world.create("Analysis", f"A{number}", request) for number in range(count)]
    request.relations["analyses"] = analyses
    for analysis in analyses:
        analysis.relations["request"] = [request]
    return world, request


def steps(run: Run) -> list[tuple[str, str | None]]:
    return [
        (str(subject.key).removeprefix("site/"), step.transition.id if step.transition else None)
        for subject, step in run.steps
    ]


def after(type_name: str, transition: str, *actions: CascadeAction) -> Cascade:
    return Cascade(type_name, transition, actions)


def test_depth_first_in_declared_order() -> None:
    world, request = laboratory()
    cascades = [
        after("Request", "receive", FireRelated("receive", "analyses"), SetField("Seen", NamedValue("now"))),
        after("Analysis", "receive", FireRelated("submit")),
        after("Analysis", "submit", SetField("By", NamedValue("actor"))),
    ]
    run = Run(world, world.registry, cascades)
    with world.acting("ana"):
        run.fire(request, "receive", comment="came in")
    assert steps(run) == [
        ("R", "receive"),
        ("R/A0", "receive"),
        ("R/A0", "submit"),
        ("R/A1", "receive"),
        ("R/A1", "submit"),
    ]
    assert request.fields == {"Seen": NOON}
    assert [analysis.fields for analysis in request.contents] == [{"By": "ana"}] * 2
    assert [step.status["comments"] for _, step in run.steps] == ["came in", "", "", "", ""]


def test_filters_and_conditions_choose_what_is_fired() -> None:
    world, request = laboratory(4)
    first, second, third, fourth = request.contents
    world.do_action(first, "receive")
    second.fields["Skip"] = True
    third.fields["Result"] = "7"
    fourth.fields["Result"] = "8"
    fourth.fields["Skip"] = True
    action = FireRelated(
        "receive",
        "analyses",
        where=(Where("review_state", ("due",)), Where("Skip", (True,), negate=True)),
        each=(ConditionCall("field_set", {"field": "Result"}),),
        when=(ConditionCall("field_set", {"field": "Go"}),),
    )
    for go, expected in ((None, []), ("yes", ["R/A2"])):
        request.fields["Go"] = go
        run = Run(world, world.registry, [after("Request", "receive", action)])
        run.fire(request, "receive")
        assert [key for key, _ in steps(run)[1:]] == expected
        request.histories["wf"].pop()


def test_attempts_that_are_not_possible_are_passed_over_and_demands_fail() -> None:
    world, request = laboratory()
    world.do_action(request.contents[0], "receive")
    run = Run(world, world.registry, [after("Request", "receive", FireRelated("receive", "analyses", attempt=True))])
    run.fire(request, "receive")
    assert steps(run) == [("R", "receive"), ("R/A1", "receive")]
    world, request = laboratory()
    world.do_action(request.contents[0], "receive")
    run = Run(world, world.registry, [after("Request", "receive", FireRelated("receive", "analyses"))])
    with pytest.raises(TransitionNotOffered, match="site/R/A0"):
        run.fire(request, "receive")


def test_what_an_attempted_transition_sets_off_must_be_possible() -> None:
    world, request = laboratory(1)
    cascades = [
        after("Request", "receive", FireRelated("receive", "analyses", attempt=True)),
        after("Analysis", "receive", FireRelated("verify")),
    ]
    with pytest.raises(TransitionNotOffered):
        Run(world, world.registry, cascades).fire(request, "receive")


def test_system_cascades_skip_the_permission_part_only() -> None:
    guard = Guard(("Receive",), conditions=(ConditionCall("negate", {"condition": {"field_set": {"field": "No"}}}),))
    world, request = laboratory(2, life(receive=guard))
    world.set_permission(request, "Receive", ["Clerk"])
    for analysis in request.contents:
        world.set_permission(analysis, "Receive", [])
    request.contents[0].fields["No"] = 1
    for system, expected in ((False, []), (True, ["R/A1"])):
        action = FireRelated("receive", "analyses", attempt=True, system=system)
        run = Run(world, world.registry, [after("Request", "receive", action)])
        with world.acting("ana", ["Clerk"]):
            run.fire(request, "receive")
        assert [key for key, _ in steps(run)[1:]] == expected
        request.histories["wf"].pop()


def test_without_cascade_the_transition_happens_alone() -> None:
    world, request = laboratory(2)
    cascades = [
        after("Analysis", "receive", FireRelated("receive", "request", cascade=False)),
        after("Request", "receive", FireRelated("receive", "analyses")),
    ]
    run = Run(world, world.registry, cascades)
    run.fire(request.contents[0], "receive")
    assert steps(run) == [("R/A0", "receive"), ("R", "receive")]


def test_each_object_takes_a_transition_once_so_loops_end() -> None:
    world, request = laboratory(2)
    cascades = [
        after("Analysis", "receive", FireRelated("receive", "request")),
        after("Request", "receive", FireRelated("receive", "analyses")),
    ]
    run = Run(world, world.registry, cascades)
    run.fire(request.contents[1], "receive")
    assert steps(run) == [("R/A1", "receive"), ("R", "receive"), ("R/A0", "receive")]


def test_a_batch_member_that_a_cascade_took_along_counts_as_done() -> None:
    world, request = laboratory(2)
    run = Run(world, world.registry, [after("Request", "receive", FireRelated("receive", "analyses"))])
    first, second = request.contents
    assert not run.done(second, "receive")
    run.fire(request, "receive")
    assert run.done(second, "receive")
    run.fire(second, "receive")
    assert len(run.steps) == 3
    with pytest.raises(TransitionNotOffered):
        Run(world, world.registry).fire(first, "receive")


def test_promotion_of_the_parent_by_its_last_child() -> None:
    all_verified = ConditionCall(
        "all_related_in", {"relation": "analyses", "variable": "review_state", "states": ["verified"]}
    )
    guard = Guard(
        conditions=(ConditionCall("any_of", {"conditions": [{"type_in": {"types": ["Analysis"]}}, all_verified]}),)
    )
    world, request = laboratory(3, life(verify=guard))
    for subject in (request, *request.contents):
        world.do_action(subject, "receive")
        world.do_action(subject, "submit")
    cascades = [
        after("Analysis", "verify", FireRelated("verify", "request", attempt=True, cascade=False)),
        after("Request", "verify", FireRelated("verify", "analyses", where=(Where("review_state", ("submitted",)),))),
    ]
    assert world.registry.check([life(verify=guard)], cascades) == ()
    with pytest.raises(TransitionRefused, match="review_state submitted"):
        Run(world, world.registry, cascades).fire(request, "verify")
    run = Run(world, world.registry, cascades)
    for analysis in request.contents:
        run.fire(analysis, "verify")
    assert steps(run) == [("R/A0", "verify"), ("R/A1", "verify"), ("R/A2", "verify"), ("R", "verify")]


def test_a_run_knows_which_actions_need_no_rights() -> None:
    """Effects need them unless they are declared `system`, and so does what an effect sets off."""
    world, subject = laboratory(
        0, machine(states={"a": "go", "b": "further", "c": ""}, transitions=[move("go", "b"), move("further", "c")])
    )
    seen: list[bool] = []

    def note(world: object, subject: object, args: object, run: Run) -> None:
        seen.append(run.system)

    def nested(world: object, subject: PlainSubject, args: object, run: Run) -> None:
        run.fire(subject, "further")
        seen.append(run.system)

    registry = Registry.standard().extended(effects={"note": note, "nested": nested})
    cascades = [
        after("Request", "go", RunEffect("note"), RunEffect("note", system=True), RunEffect("nested", system=True)),
        after("Request", "further", RunEffect("note")),
    ]
    run = Run(world, registry, cascades)
    run.fire(subject, "go")
    assert (seen, run.system) == ([False, True, False, True], False)


def automatic() -> Workflow:
    marked = Guard(conditions=(ConditionCall("field_set", {"field": "Mark"}),))
    return machine(
        states={"a": "go", "b": "on", "c": "further", "d": ""},
        transitions=[move("go", "b"), auto("on", "c", guard=marked), move("further", "d")],
    )


def test_automatic_transitions_come_after_the_cascade_and_cascade_themselves() -> None:
    world, subject = laboratory(0, automatic())
    cascades = [
        after("Request", "go", SetField("Mark", NamedValue("literal", "x"))),
        after("Request", "on", FireRelated("further")),
    ]
    run = Run(world, world.registry, cascades)
    run.fire(subject, "go", comment="c")
    assert steps(run) == [("R", "go"), ("R", "on"), ("R", "further")]
    assert [step.status["comments"] for _, step in run.steps] == ["c", "c", ""]


def test_a_state_left_within_the_cascade_has_no_automatic_transitions_any_more() -> None:
    workflow = machine(
        states={"a": "go", "b": "leave stray", "c": ""},
        transitions=[move("go", "b"), move("leave", "c"), auto("stray", "a")],
    )
    world, subject = laboratory(0, workflow)
    run = Run(world, world.registry, [after("Request", "go", FireRelated("leave"))])
    run.fire(subject, "go")
    assert steps(run) == [("R", "go"), ("R", "leave")]


def test_automatic_loops_end_with_a_clear_error_at_the_limit() -> None:
    looping = machine(
        states={"start": "go", "a": "to_b", "b": "to_a"},
        transitions=[move("go", "a"), auto("to_b", "b"), auto("to_a", "a")],
    )
    world, subject = laboratory(0, looping)
    run = Run(world, world.registry, limit=5)
    with pytest.raises(AutomaticLoop, match="more than 5"):
        run.fire(subject, "go")
    assert len(run.steps) == 6


def test_creation_enters_the_chain_then_runs_the_cascades_on_created() -> None:
    first = machine("first", {"a": "on", "b": "go", "c": ""}, [auto("on", "b"), move("go", "c")])
    second = machine("second", {"x": ""}, state_variable="other")
    world = world_of(first, second)
    cascades = [Cascade("Document", None, (FireRelated("go"), SetField("Made", NamedValue("now"))), event="created")]
    document = world.create("Document", "doc", entering=False)
    run = Run(world, world.registry, cascades)
    run.enter(document)
    assert [(step.workflow.id, step.new_state) for _, step in run.steps] == [
        ("first", "a"),
        ("first", "b"),
        ("second", "x"),
        ("first", "c"),
    ]
    assert document.fields == {"Made": NOON}


@pytest.mark.parametrize("looks_back", [False, True], ids=["alike", "with its history"])
def test_objects_enter_a_workflow_by_one_step_unless_it_holds_their_history(looks_back: bool) -> None:
    former = Variable("former", expression=Expression("history"))
    world = world_of(machine(states={"a": ""}, variables=[former] if looks_back else None))
    run = Run(world, world.registry)
    documents = [world.create("Document", name, entering=False) for name in ("one", "two")]
    for document in documents:
        run.enter(document)
    (_, first), (_, second) = run.steps
    assert (first is second) is not looks_back
    assert [state_id(step.workflow, document) for (_, step), document in zip(run.steps, documents, strict=True)] == [
        "a",
        "a",
    ]


def test_removal_runs_its_cascades() -> None:
    world, request = laboratory(1)
    run = Run(world, world.registry, [Cascade("Analysis", None, (FireRelated("receive", "request"),), event="removed")])
    run.removed(request.contents[0])
    assert steps(run) == [("R", "receive")]


def test_an_event_is_not_a_transition_of_the_same_name() -> None:
    workflow = machine(states={"a": "created"}, transitions=[move("created")])
    world = world_of(workflow)
    cascades = [Cascade("Document", None, (SetField("event", NamedValue("literal", 1)),), event="created")]
    document = world.create("Document", "doc")
    Run(world, world.registry, cascades).fire(document, "created")
    assert document.fields == {}


def test_effects_may_set_fire_attempt_and_place() -> None:
    seen: list[object] = []

    def effect(world: object, subject: object, args: object, run: Run) -> None:
        analysis, other = request.contents
        run.fire(analysis, "receive")
        seen.append(
            (args, run.attempt(analysis, "receive"), run.attempt(other, "verify"), run.attempt(other, "receive"))
        )
        run.place(other, "verified", comment="by hand")

    registry = Registry.standard().extended(effects={"effect": effect})
    world, request = laboratory(2)
    run = Run(world, registry, [after("Request", "receive", RunEffect("effect", {"n": 1}))])
    run.fire(request, "receive")
    assert seen == [({"n": 1}, False, False, True)]
    assert steps(run) == [("R", "receive"), ("R/A0", "receive"), ("R/A1", "receive"), ("R/A1", None)]


@pytest.mark.parametrize("cascade", [True, False])
def test_whoever_asks_may_leave_the_cascade_out(cascade: bool) -> None:
    expected = [("R", "receive"), ("R/A0", "receive")] if cascade else [("R", "receive")]
    for attempted in (True, False):
        world, request = laboratory(1)
        run = Run(world, world.registry, [after("Request", "receive", FireRelated("receive", "analyses"))])
        if attempted:
            assert run.attempt(request, "receive", cascade=cascade)
        else:
            run.fire(request, "receive", cascade=cascade)
        assert steps(run) == expected


def test_values_to_assign() -> None:
    world, request = laboratory(2)
    request.fields["Date"] = "2024"
    actions = (
        SetField("D", NamedValue("field", "Date"), "analyses"),
        SetField("L", NamedValue("literal", [1]), "analyses", where=(Where("Skip", (None,)),)),
        SetField("W", NamedValue("literal", 1), when=(ConditionCall("never"),)),
    )
    request.contents[0].fields["Skip"] = True
    Run(world, world.registry, [after("Request", "receive", *actions)]).fire(request, "receive")
    assert [a.fields for a in request.contents] == [{"Skip": True, "D": "2024"}, {"D": "2024", "L": [1]}]
    assert "W" not in request.fields
    with pytest.raises(WorkflowError, match="'guess'"):
        Run(world, world.registry, [after("Request", "submit", SetField("G", NamedValue("guess")))]).fire(
            request, "submit"
        )


def test_several_cascades_of_one_trigger_run_in_declared_order() -> None:
    world, request = laboratory(1)
    cascades = [
        after("Request", "receive", FireRelated("receive", "analyses")),
        after("Request", "receive", FireRelated("submit", "analyses")),
    ]
    run = Run(world, world.registry, cascades)
    run.fire(request, "receive")
    assert steps(run) == [("R", "receive"), ("R/A0", "receive"), ("R/A0", "submit")]


def test_a_chain_of_five_thousand_objects_needs_no_deeper_python() -> None:
    world, request = laboratory(5000)
    analyses = request.contents
    for one, following in pairwise(analyses):
        one.relations["next"] = [following]
    run = Run(world, world.registry, [after("Analysis", "receive", FireRelated("receive", "next"))])
    run.fire(analyses[0], "receive")
    assert len(run.steps) == 5000


def test_a_guard_asks_each_of_its_conditions_once_for_each_object() -> None:
    asked: list[object] = []

    def counting(world: object, subject: PlainSubject, context: object, args: object) -> bool:
        asked.append(subject.key)
        return True

    registry = Registry.standard().extended(conditions={"counting": counting})  # type: ignore[dict-item]
    guard = Guard(("View",), conditions=(ConditionCall("counting"),) * 10)
    world, request = laboratory(1000, life(receive=guard))
    run = Run(world, registry, [after("Request", "receive", FireRelated("receive", "analyses", attempt=True))])
    run.fire(request, "receive")
    assert len(run.steps) == 1001
    assert len(asked) == 10 * 1001


def test_offers_of_an_object_ask_a_condition_without_arguments_once() -> None:
    asked: list[object] = []

    def counting(world: object, subject: PlainSubject, context: object, args: object) -> bool:
        asked.append(subject.key)
        return True

    registry = Registry.standard().extended(conditions={"counting": counting})  # type: ignore[dict-item]
    guard = Guard(conditions=(ConditionCall("counting"),))
    world = world_of(machine(states={"a": "go stay leave"}, transitions=[move(n, guard=guard) for n in ("go", "stay")]))
    document = world.create("Document", "doc")
    for _ in range(2):
        assert [offer.verdict.passed for offer in offers(world, registry, document)] == [True, True]
    assert len(asked) == 2


def crates() -> tuple[PlainWorld, PlainSubject]:
    """A crate that is full once its bottles have a level, and open again when one has none."""
    bottles = {"relation": "contents", "field": "Level"}
    filled = Guard(conditions=(ConditionCall("related_field_set", bottles),))
    empty = ConditionCall("negate", {"condition": [ConditionCall("related_field_set", bottles)]})
    workflow = machine(
        states={"open": "fill", "full": "reopen", "sealed": ""},
        transitions=[
            auto("fill", "full", guard=filled, always=True),
            auto("reopen", "open", guard=Guard(conditions=(empty,)), always=True),
        ],
    )
    return laboratory(2, workflow)


def test_always_transitions_follow_any_change_and_cascade() -> None:
    world, crate = crates()
    run = Run(world, world.registry, [after("Request", "fill", SetField("Marked", NamedValue("literal", "x")))])
    run.follow_changes([crate])
    assert steps(run) == []
    for bottle in crate.contents:
        bottle.fields["Level"] = 1
    run.follow_changes([crate])
    assert (steps(run), crate.fields["Marked"]) == ([("R", "fill")], "x")
    crate.contents[0].fields["Level"] = ""
    run.follow_changes([crate])
    assert steps(run) == [("R", "fill"), ("R", "reopen")]


def test_always_transitions_of_one_object_let_those_of_another_pass() -> None:
    done = ConditionCall("all_related_in", {"relation": "after", "variable": "review_state", "states": ["b"]})
    chained = machine(
        states={"a": "on", "b": ""}, transitions=[auto("on", "b", guard=Guard(conditions=(done,)), always=True)]
    )
    world = world_of(chained)
    first, second, third = (world.create("Document", name, entering=False) for name in ("1", "2", "3"))
    first.relations["after"], second.relations["after"], third.relations["after"] = [second], [third], []
    run = Run(world, world.registry)
    run.follow_changes([first, second, third])
    assert [subject.key for subject, _ in run.steps] == ["site/3", "site/2", "site/1"]


def test_always_transitions_that_take_turns_end_at_the_limit() -> None:
    def other(state: str) -> Guard:
        call = ConditionCall("all_related_in", {"relation": "other", "variable": "review_state", "states": [state]})
        return Guard(conditions=(call,))

    follower = machine(
        "follower",
        states={"a": "to_b", "b": "to_a"},
        transitions=[
            auto("to_b", "b", guard=other("b"), always=True),
            auto("to_a", "a", guard=other("a"), always=True),
        ],
    )
    fleeing = machine(
        "fleeing",
        states={"a": "to_b", "b": "to_a"},
        transitions=[
            auto("to_b", "b", guard=other("a"), always=True),
            auto("to_a", "a", guard=other("b"), always=True),
        ],
    )
    world = PlainWorld([follower, fleeing], chains={"Dog": ["follower"], "Cat": ["fleeing"]})
    dog, cat = world.create("Dog", "dog", entering=False), world.create("Cat", "cat", entering=False)
    dog.relations["other"], cat.relations["other"] = [cat], [dog]
    run = Run(world, world.registry, limit=5)
    with pytest.raises(AutomaticLoop, match="more than 5"):
        run.follow_changes([dog, cat])


def test_plain_automatic_transitions_wait_for_a_step_of_their_object() -> None:
    marked = Guard(conditions=(ConditionCall("field_set", {"field": "Mark"}),))
    world, subject = laboratory(0, machine(states={"a": "on", "b": ""}, transitions=[auto("on", "b", guard=marked)]))
    subject.fields["Mark"] = "x"
    run = Run(world, world.registry)
    run.follow_changes([subject])
    assert steps(run) == []
