"""What is allowed, taking a transition, the new status, automatic transitions, creation."""

from datetime import UTC, datetime

import pytest

from tests.workflows.building import NOON, auto, machine, move, review, world_of
from workflows import (
    AutomaticLoop,
    ConditionCall,
    Expression,
    Guard,
    NotUserTransition,
    NoWorkflow,
    PlainWorld,
    Registry,
    State,
    TransitionNotOffered,
    TransitionRefused,
    UndefinedState,
    UnknownWorkflow,
    Variable,
    Workflow,
    allowed,
    fire,
    offers,
    place,
)

NEVER = Guard(conditions=(ConditionCall("never"),))


def test_creation_enters_the_initial_state_with_an_entry_of_the_creator() -> None:
    world = world_of(review())
    with world.acting("ana"):
        document = world.create("Document", "doc")
    entry = {"action": None, "actor": "ana", "comments": "", "time": NOON, "review_state": "draft"}
    assert document.history("wf") == [entry]


def test_a_transition_appends_an_entry_with_comment_and_actor() -> None:
    world = world_of(review())
    document = world.create("Document", "doc")
    with world.acting("ben"):
        (step,) = world.do_action(document, "submit", comment="please look")
    assert (step.old_state, step.new_state, step.transition) == ("draft", "pending", review().transitions["submit"])
    assert document.history("wf")[-1] == {
        "action": "submit",
        "actor": "ben",
        "comments": "please look",
        "time": NOON,
        "review_state": "pending",
    }
    assert len(document.history("wf")) == 2


def test_anonymous_actor_is_none_and_its_name_is_spelt_out() -> None:
    world = world_of(machine(states={"a": ""}, variables=[Variable("who", expression=Expression("actor_name"))]))
    assert world.create("Document", "doc").history("wf")[0]["actor"] is None
    assert world.create("Document", "doc2").history("wf")[0]["who"] == "Anonymous User"


def test_offers_list_user_transitions_that_exist_in_state_order_passed_or_refused() -> None:
    workflow = machine(
        states={"a": "no_such refused  later go"},
        transitions=[move("go"), auto("later", guard=NEVER), move("refused", guard=NEVER), move("unlisted")],
    )
    world = world_of(workflow)
    document = world.create("Document", "doc")
    listed = offers(world, world.registry, document)
    assert [(offer.transition.id, offer.verdict.passed) for offer in listed] == [("refused", False), ("go", True)]
    assert [offer.transition.id for offer in allowed(world, world.registry, document)] == ["go"]


def test_menu_has_only_transitions_with_an_action_name_but_the_others_can_be_taken() -> None:
    world = world_of(machine(states={"a": "quiet loud"}, transitions=[move("quiet", action=""), move("loud")]))
    document = world.create("Document", "doc")
    assert [offer.transition.id for offer in world.actions(document)] == ["loud"]
    assert [step.transition and step.transition.id for step in world.do_action(document, "quiet")] == ["quiet"]


def test_exit_ids_that_are_empty_or_unknown_are_ignored() -> None:
    workflow = machine(states={"a": State("a", "A", ("", "ghost", "go"))}, transitions=[move("go")])
    world = world_of(workflow)
    document = world.create("Document", "doc")
    assert [offer.transition.id for offer in world.actions(document)] == ["go"]
    with pytest.raises(TransitionNotOffered):
        world.do_action(document, "ghost")


def test_not_offered_names_the_state_and_what_is_allowed() -> None:
    world = world_of(review())
    document = world.create("Document", "doc")
    with pytest.raises(TransitionNotOffered) as caught:
        world.do_action(document, "publish")
    assert caught.value.states == {"wf": "draft"}
    assert caught.value.allowed == ("submit",)
    assert "site/doc (wf: draft) cannot take 'publish'" in str(caught.value)
    assert len(document.history("wf")) == 1


@pytest.mark.parametrize(
    ("action", "error"),
    [
        pytest.param("elsewhere", TransitionNotOffered, id="the state does not list it"),
        pytest.param("automatic", NotUserTransition, id="it is automatic"),
        pytest.param("ghost", NotUserTransition, id="the state lists it, but nobody defined it"),
        pytest.param("refused", TransitionRefused, id="its guard fails"),
        pytest.param("astray", UndefinedState, id="its target state does not exist"),
    ],
)
def test_errors_of_a_named_workflow_leave_everything_as_it_was(action: str, error: type[Exception]) -> None:
    workflow = machine(
        states={"a": "automatic ghost refused astray", "b": "elsewhere"},
        transitions=[
            auto("automatic", guard=NEVER),
            move("refused", guard=NEVER),
            move("astray", "nowhere"),
            move("elsewhere"),
        ],
    )
    world = world_of(workflow)
    document = world.create("Document", "doc")
    with pytest.raises(error):
        world.do_action(document, action, workflow="wf")
    assert len(document.history("wf")) == 1


def test_a_named_workflow_must_exist_but_need_not_be_in_the_chain() -> None:
    other = machine("other", {"x": "go", "y": ""}, [move("go", "y")], state_variable="other_state")
    world = world_of(review(), other, default_chain=["wf"])
    document = world.create("Document", "doc")
    with pytest.raises(UnknownWorkflow, match=r"'ghost'.*wf, other"):
        world.do_action(document, "go", workflow="ghost")
    with pytest.raises(TransitionNotOffered):
        world.do_action(document, "go")
    world.do_action(document, "go", workflow="other")
    assert world.state(document, "other") == "y"
    with pytest.raises(UnknownWorkflow, match="its workflows are: wf"):
        fire(world, world.registry, document, "go", workflow="other")


def test_a_missing_target_state_is_found_only_when_fired_and_counts_as_supported() -> None:
    world = world_of(machine(states={"a": "astray"}, transitions=[move("astray", "nowhere")]))
    document = world.create("Document", "doc")
    assert world.supports(document, "astray")
    assert [offer.transition.id for offer in world.actions(document)] == ["astray"]
    with pytest.raises(UndefinedState, match="'nowhere'"):
        world.do_action(document, "astray")
    assert world.state(document, "wf") == "a"


def test_undefined_present_state_allows_nothing() -> None:
    world = world_of(review())
    document = world.create("Document", "doc")
    document.histories["wf"][-1]["review_state"] = "gone"
    assert offers(world, world.registry, document) == ()
    with pytest.raises(TransitionNotOffered, match="wf: gone"):
        world.do_action(document, "submit")
    with pytest.raises(UndefinedState):
        world.do_action(document, "submit", workflow="wf")


@pytest.mark.parametrize("entries", [None, [{"action": "x"}], [{"review_state": None}]])
def test_no_history_or_no_state_in_it_means_the_initial_state(entries: list[dict[str, object]] | None) -> None:
    world = world_of(review())
    document = world.create("Document", "doc", entering=False)
    if entries is not None:
        document.histories["wf"] = entries
    assert world.state(document, "wf") == "draft"
    assert world.supports(document, "submit")
    assert document.permissions == {}


def test_no_workflow_at_all_is_an_error_that_says_so() -> None:
    world = world_of(review(), chains={"File": []})
    document = world.create("File", "doc")
    assert document.histories == {}
    with pytest.raises(NoWorkflow, match="it has no workflow"):
        world.do_action(document, "submit")


def test_transition_without_target_stays_in_the_state_and_is_recorded() -> None:
    world = world_of(machine(states={"a": "note"}, transitions=[move("note")]))
    document = world.create("Document", "doc")
    world.do_action(document, "note")
    assert [(entry["action"], entry["review_state"]) for entry in document.history("wf")] == [
        (None, "a"),
        ("note", "a"),
    ]


def test_system_skips_permissions_roles_and_groups_but_never_conditions() -> None:
    person = Guard(("P",), ("R",), ("G",))
    world = world_of(
        machine(
            states={"a": "go blocked"},
            transitions=[
                move("go", guard=person),
                move("blocked", guard=Guard(("P",), conditions=(ConditionCall("never"),))),
            ],
        )
    )
    document = world.create("Document", "doc")
    with pytest.raises(TransitionRefused):
        fire(world, world.registry, document, "go")
    assert fire(world, world.registry, document, "go", system=True).status["action"] == "go"
    with pytest.raises(TransitionRefused):
        fire(world, world.registry, document, "blocked", system=True)


KEPT = Variable("v", update_always=False, default="default")
FRESH = Variable("v", default="default")
BY_CALL = {"v": Expression("kwarg", "v", "not given")}


@pytest.mark.parametrize(
    ("variable", "state", "assignments", "former", "expected"),
    [
        pytest.param(KEPT, {"v": "state"}, BY_CALL, "old", "state", id="1. the state's assignment beats all"),
        pytest.param(KEPT, {}, BY_CALL, "old", "call", id="2. then the transition's"),
        pytest.param(KEPT, {}, {}, "old", "old", id="3. then the former value, if not update_always"),
        pytest.param(KEPT, {}, {}, None, "default", id="3b. unless the former status has none"),
        pytest.param(FRESH, {}, {}, "old", "default", id="update_always forgets the former value"),
        pytest.param(
            Variable("v", default="text", expression=Expression("transition")), {}, {}, "old", "go", id="4. expression"
        ),
        pytest.param(Variable("v"), {}, {}, "old", "", id="5. an empty default value is the empty text"),
        pytest.param(KEPT, {"v": None}, {}, "old", None, id="a state may assign None"),
        pytest.param(KEPT, {"v": 3}, {}, "old", 3, id="a state's assignment keeps its type"),
    ],
)
def test_precedence_of_values(
    variable: Variable,
    state: dict[str, object],
    assignments: dict[str, Expression],
    former: str | None,
    expected: object,
) -> None:
    workflow = machine(
        states={"a": "go", "b": State("b", "B", assignments=state)},
        transitions=[move("go", "b", assignments=assignments)],
        variables=[variable],
    )
    world = world_of(workflow)
    document = world.create("Document", "doc")
    document.histories["wf"][-1].pop("v")
    if former is not None:
        document.histories["wf"][-1]["v"] = former
    world.do_action(document, "go", v="call")
    assert document.history("wf")[-1]["v"] == expected


def test_state_variable_is_set_last_even_over_a_variable_of_that_name() -> None:
    workflow = machine(
        states={"a": State("a", "A", ("go",)), "b": State("b", "B", assignments={"review_state": "lie"})},
        transitions=[move("go", "b")],
        variables=[Variable("review_state", default="lie")],
    )
    world = world_of(workflow)
    document = world.create("Document", "doc")
    world.do_action(document, "go")
    assert [entry["review_state"] for entry in document.history("wf")] == ["a", "b"]


def test_kept_variables_start_from_their_default_and_stay() -> None:
    workflow = machine(
        states={"a": "go"},
        transitions=[move("go")],
        variables=[Variable("first", update_always=False, expression=Expression("actor"))],
    )
    world = world_of(workflow)
    with world.acting("ana"):
        document = world.create("Document", "doc")
    with world.acting("ben"):
        world.do_action(document, "go")
    assert [(entry["actor"], entry["first"]) for entry in document.history("wf")] == [("ana", "ana"), ("ben", "ana")]


def test_variables_not_for_status_are_never_in_the_history() -> None:
    workflow = machine(
        states={"a": State("a", "A", ("go",), assignments={"shown": "x"})},
        transitions=[move("go", assignments={"shown": Expression("constant", value="y")})],
        variables=[Variable("shown", for_status=False, default="z")],
    )
    world = world_of(workflow)
    document = world.create("Document", "doc")
    world.do_action(document, "go")
    assert all("shown" not in entry for entry in document.history("wf"))
    assert world.info(document, "shown") == "z"


def test_history_expression_gives_the_entries_before_the_one_being_made() -> None:
    workflow = machine(
        states={"a": "go"}, transitions=[move("go")], variables=[Variable("past", expression=Expression("history"))]
    )
    world = world_of(workflow)
    document = world.create("Document", "doc")
    world.do_action(document, "go")
    first, second = document.history("wf")
    assert first["past"] == []
    assert second["past"] == [first]


def test_one_instant_for_all_of_a_status_and_another_for_the_next() -> None:
    ticks = iter(range(100))
    workflow = machine(
        states={"a": "go"}, transitions=[move("go")], variables=[Variable("again", expression=Expression("now"))]
    )
    world = PlainWorld(
        [workflow], default_chain=["wf"], clock=lambda: datetime(2024, 1, 1, 0, 0, next(ticks), tzinfo=UTC)
    )
    document = world.create("Document", "doc")
    world.do_action(document, "go")
    entries = document.history("wf")
    assert all(entry["time"] == entry["again"] for entry in entries)
    assert entries[0]["time"] != entries[1]["time"]


def chained(**guards: Guard) -> Workflow:
    return machine(
        states={"a": "go", "b": "x y", "c": "z", "d": ""},
        transitions=[
            move("go", "b"),
            auto("x", "d", guard=guards.get("x", NEVER)),
            auto("y", "c", guard=guards.get("y", Guard())),
            auto("z", "d", guard=guards.get("z", Guard())),
        ],
    )


def test_automatic_transitions_follow_in_exit_order_with_the_same_actor_comment_and_arguments() -> None:
    workflow = chained()
    by_call = {"note": Expression("kwarg", "note")}
    transitions = {
        name: move(name, item.new_state, automatic=item.automatic, guard=item.guard, assignments=by_call)
        for name, item in workflow.transitions.items()
    }
    noting = machine(
        states=dict(workflow.states), transitions=transitions.values(), variables=[Variable("note", default="none")]
    )
    world = world_of(noting)
    document = world.create("Document", "doc")
    with world.acting("ana"):
        steps = world.do_action(document, "go", comment="now", note="n")
    assert [step.status["action"] for step in steps] == ["go", "y", "z"]
    assert {(step.status["actor"], step.status["comments"], step.status["note"]) for step in steps} == {
        ("ana", "now", "n")
    }
    assert world.state(document, "wf") == "d"


def test_the_first_automatic_exit_whose_guard_passes_is_taken() -> None:
    world = world_of(chained(x=Guard()))
    document = world.create("Document", "doc")
    assert [step.status["action"] for step in world.do_action(document, "go")] == ["go", "x"]


def test_automatic_guards_are_asked_of_the_same_user_and_see_the_status_just_written() -> None:
    seen: list[object] = []

    def recording(_: object, subject: object, context: object, __: object) -> bool:
        seen.append((subject.value("review_state"), context.user_id))  # type: ignore[attr-defined]
        return True

    registry = Registry.standard().extended(conditions={"recording": recording})
    world = world_of(chained(y=Guard(conditions=(ConditionCall("recording"),))), registry=registry)
    document = world.create("Document", "doc")
    with world.acting("ana"):
        world.do_action(document, "go")
    assert seen == [("b", "ana")]


def test_a_transition_that_stays_looks_for_automatic_ones_too() -> None:
    ready = Guard(conditions=(ConditionCall("field_set", {"field": "Ready"}),))
    world = world_of(
        machine(states={"a": "note leave", "b": ""}, transitions=[move("note"), auto("leave", "b", guard=ready)])
    )
    document = world.create("Document", "doc")
    document.fields["Ready"] = "yes"
    assert world.state(document, "wf") == "a"
    assert [step.status["action"] for step in world.do_action(document, "note")] == ["note", "leave"]


def test_creation_is_followed_by_automatic_transitions() -> None:
    world = world_of(machine(states={"a": "on", "b": ""}, transitions=[auto("on", "b")]))
    document = world.create("Document", "doc")
    assert [(entry["action"], entry["review_state"]) for entry in document.history("wf")] == [(None, "a"), ("on", "b")]


def test_endless_automatic_transitions_are_a_clear_error() -> None:
    world = world_of(machine(states={"a": "to_b", "b": "to_a"}, transitions=[auto("to_b", "b"), auto("to_a", "a")]))
    with pytest.raises(AutomaticLoop, match=r"site/doc.*wf.*loops"):
        world.create("Document", "doc")


def test_creation_leaves_out_workflows_that_have_history_already() -> None:
    world = world_of(review())
    document = world.create("Document", "doc")
    world.do_action(document, "submit")
    assert world.enter(document) == []
    assert world.state(document, "wf") == "pending"


def test_an_initial_state_that_is_not_defined_is_an_error_on_creation() -> None:
    world = world_of(machine(states={"a": ""}, initial_state="ghost"))
    document = world.create("Document", "doc", entering=False)
    with pytest.raises(UndefinedState, match="creation leads to the state 'ghost'"):
        world.enter(document)
    assert document.histories == {}


def test_place_sets_a_state_without_a_transition() -> None:
    world = world_of(review())
    document = world.create("Document", "doc")
    step = place(world, document, "published", comment="moved here")
    assert (step.transition, step.old_state, step.new_state) == (None, "draft", "published")
    assert step.status["action"] is None
    assert world.state(document, "wf") == "published"
    with pytest.raises(UndefinedState):
        place(world, document, "ghost")
