"""The generic conditions, their composition, and what the registry finds wrong before anything runs."""

from collections.abc import Mapping

import pytest

from tests.workflows.building import machine, move, world_of
from workflows import (
    Cascade,
    Condition,
    ConditionArgument,
    ConditionCall,
    DeclarationError,
    FireRelated,
    Guard,
    PlainSubject,
    PlainWorld,
    Registry,
    RunEffect,
    Verdict,
    Workflow,
    WorkflowError,
    declared_conditions,
    offers,
)
from workflows.condition import ConditionTest


def laboratory() -> tuple[PlainWorld, PlainSubject]:
    """A request with three analyses (received, verified, verified), one of which has a result."""
    life = machine(
        states={"received": "submit", "submitted": "verify", "verified": ""},
        transitions=[move("submit", "submitted"), move("verify", "verified")],
    )
    world = world_of(life)
    request = world.create("Request", "R", fields={"Priority": "high", "Count": 0, "Empty": []})
    analyses = [world.create("Analysis", name, request, fields={"Point": "lab"}) for name in ("Ca", "Mg", "Zn")]
    analyses[0].fields |= {"Result": "7", "Point": "field"}
    for analysis in analyses[1:]:
        with world.acting("ana"):
            world.do_action(analysis, "submit")
        world.do_action(analysis, "verify")
    request.relations |= {"analyses": analyses, "sheets": []}
    return world, request


RELATED = {"relation": "analyses", "variable": "review_state"}


@pytest.mark.parametrize(
    ("name", "args", "passes"),
    [
        ("field_set", {"field": "Priority"}, True),
        ("field_set", {"field": "Count"}, True),
        ("field_set", {"field": "Empty"}, False),
        ("field_set", {"field": "Missing"}, False),
        ("field_empty", {"field": "Missing"}, True),
        ("field_empty", {"field": "Priority"}, False),
        ("field_in", {"field": "Priority", "values": ["low", "high"]}, True),
        ("field_in", {"field": "Priority", "values": "low"}, False),
        ("field_not_in", {"field": "Priority", "values": ["low"]}, True),
        ("field_not_in", {"field": "Priority", "values": "high"}, False),
        ("state_in", {"variable": "review_state", "states": ["received"]}, True),
        ("state_in", {"variable": "review_state", "states": ["verified"]}, False),
        ("state_not_in", {"variable": "review_state", "states": "verified"}, True),
        ("state_not_in", {"variable": "review_state", "states": "received"}, False),
        ("type_in", {"types": ["Request"]}, True),
        ("type_in", {"types": ["Analysis"]}, False),
        ("holds", {"permission": "Verify"}, True),
        ("holds", {"permission": "Retract"}, False),
        ("has_role", {"roles": ["Verifier"]}, True),
        ("has_role", {"roles": "Manager"}, False),
        ("has_related", {"relation": "analyses"}, True),
        ("has_related", {"relation": "sheets"}, False),
        ("has_related", {"relation": "analyses", "where": {"review_state": "ghost"}}, False),
        ("any_related_in", {**RELATED, "states": ["verified"]}, True),
        ("any_related_in", {**RELATED, "states": ["submitted"]}, False),
        ("all_related_in", {**RELATED, "states": ["verified", "received"]}, True),
        ("all_related_in", {**RELATED, "states": ["verified"]}, False),
        ("all_related_in", {**RELATED, "states": ["verified"], "where": {"Point": "lab"}}, True),
        ("none_related_in", {**RELATED, "states": ["submitted"]}, True),
        ("none_related_in", {**RELATED, "states": ["received"]}, False),
        ("none_related_in", {**RELATED, "states": ["received"], "where": {"Point": {"not": "field"}}}, True),
        ("all_related_in", {"relation": "sheets", "variable": "v", "states": []}, True),
        ("related_field_set", {"relation": "analyses", "field": "Result"}, False),
        ("related_field_set", {"relation": "analyses", "field": "Result", "where": {"Point": "field"}}, True),
        ("related_field_set", {"relation": "sheets", "field": "Result"}, False),
        ("related_field_in", {"relation": "analyses", "field": "Point", "values": ["lab", "field"]}, True),
        ("related_field_in", {"relation": "analyses", "field": "Point", "values": ["lab"]}, False),
        ("holds_on_related", {"relation": "analyses", "permission": "Verify"}, False),
        ("holds_on_related", {"relation": "sheets", "permission": "Verify"}, True),
        ("not_last_actor", {"transition": "submit"}, True),
        ("each_related", {"relation": "analyses", "conditions": [{"field_set": {"field": "Point"}}]}, True),
        ("each_related", {"relation": "analyses", "conditions": [{"not_last_actor": {"transition": "submit"}}]}, False),
        ("some_related", {"relation": "analyses", "conditions": [{"field_set": {"field": "Result"}}]}, True),
        ("some_related", {"relation": "analyses", "conditions": ["never"]}, False),
        ("all_of", {"conditions": ["always", "always"]}, True),
        ("all_of", {"conditions": ["always", "never"]}, False),
        ("all_of", {"conditions": []}, True),
        ("any_of", {"conditions": ["never", "always"]}, True),
        ("any_of", {"conditions": ["never", {"negate": {"condition": "always"}}]}, False),
        ("any_of", {"conditions": []}, False),
        ("negate", {"condition": "never"}, True),
        ("negate", {"condition": {"has_role": {"roles": ["Verifier"]}}}, False),
        ("choose", {"if": {"holds": {"permission": "Verify"}}, "then": "never", "else": "always"}, False),
        ("choose", {"if": {"holds": {"permission": "Retract"}}, "then": "never", "else": "always"}, True),
        ("choose", {"if": "never", "then": "never"}, True),
        ("always", {}, True),
        ("never", {}, False),
        ("unsupported_expression", {"expression": "python:f()"}, False),
    ],
)
def test_standard_conditions(name: str, args: Mapping[str, object], passes: bool) -> None:
    world, request = laboratory()
    world.set_permission(request, "Verify", ["Verifier"])
    world.grant(request, "ana", ["Verifier"])
    world.set_permission(request.contents[0], "Verify", [])
    with world.acting("ana"):
        verdict = world.registry.evaluate(ConditionCall(name, args), world, request, world.context(request))
    assert verdict.passed is passes
    assert bool(verdict.reasons) is not passes
    assert all(reason.message for reason in verdict.reasons)
    assert world.registry.check([guarded(ConditionCall(name, args))]) == ()


def guarded(*calls: ConditionCall) -> Workflow:
    return machine(states={"a": "go"}, transitions=[move("go", guard=Guard(conditions=calls))])


@pytest.mark.parametrize(
    ("user", "granted", "passes"),
    [("ana", (), False), ("ben", (), True), (None, (), True), ("ana", ("Owner",), True)],
)
def test_not_last_actor_refuses_the_one_who_did_it_unless_permitted(
    user: str | None, granted: tuple[str, ...], passes: bool
) -> None:
    world, request = laboratory()
    verified = request.contents[1]
    world.set_permission(verified, "Verify own", ["Owner"])
    call = ConditionCall("not_last_actor", {"transition": "submit", "unless_holds": "Verify own"})
    with world.acting(user, granted):
        assert world.registry.evaluate(call, world, verified, world.context(verified)).passed is passes


def test_a_blocker_is_named() -> None:
    world, request = laboratory()
    call = ConditionCall("none_related_in", {**RELATED, "states": ["received"]})
    verdict = world.registry.evaluate(call, world, request, world.context(request))
    assert "site/R/Ca of its analyses has review_state received" in verdict.sentence()


def test_own_conditions_answer_yes_or_no_or_with_reasons() -> None:
    world, request = laboratory()
    registry = Registry.standard().extended(
        conditions={"yes": lambda *_: True, "no": lambda *_: False, "why": lambda *_: Verdict(False)}
    )
    answers = [
        registry.evaluate(ConditionCall(n), world, request, world.context(request)) for n in ("yes", "no", "why")
    ]
    assert [answer.passed for answer in answers] == [True, False, False]
    assert "the condition no does not hold" in answers[1].sentence()


def test_extending_makes_a_new_registry_in_which_compositions_see_the_additions() -> None:
    world, request = laboratory()
    standard = Registry.standard()
    extended = standard.extended(conditions={"yes": lambda *_: True})
    call = ConditionCall("all_of", {"conditions": ["yes"]})
    assert extended.evaluate(call, world, request, world.context(request)).passed
    assert "yes" not in standard.conditions


def test_a_composition_outside_of_a_registry_is_an_error() -> None:
    world, request = laboratory()
    loose = Condition(lambda *_: True)
    with pytest.raises(WorkflowError, match="before it was put into a Registry"):
        loose(world, request, world.context(request), {})


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("field_set", {}),
        ("field_set", {"field": 3}),
        ("field_in", {"field": "Priority"}),
        ("all_of", {"conditions": 3}),
        ("all_of", {"conditions": [{"a": {}, "b": {}}]}),
        ("has_related", {"relation": "analyses", "where": ["x"]}),
        ("has_related", {"relation": "analyses", "where": {"x": {"maybe": 1}}}),
    ],
)
def test_wrong_arguments_are_errors_when_asked(name: str, args: Mapping[str, object]) -> None:
    world, request = laboratory()
    with pytest.raises(ConditionArgument):
        world.registry.evaluate(ConditionCall(name, args), world, request, world.context(request))


def test_the_arguments_of_a_call_are_read_once_for_all_objects() -> None:
    world, request = laboratory()
    read: list[Mapping[str, object]] = []

    def prepare(args: Mapping[str, object]) -> ConditionTest:
        read.append(args)
        return lambda *_: Verdict(True)

    registry = Registry.standard().extended(conditions={"rare": Condition(prepare, ("depth",))})
    call = ConditionCall("any_of", {"conditions": ["never", {"rare": {"depth": 3}}]})
    for subject in (request, *request.contents):
        assert registry.evaluate(call, world, subject, world.context(subject)).passed
    assert read == [{"depth": 3}]


def test_a_condition_inside_others_is_asked_once_of_an_object() -> None:
    asked: list[object] = []

    def counting(_: object, subject: PlainSubject, *rest: object) -> bool:
        asked.append(subject.key)
        return True

    registry = Registry.standard().extended(conditions={"counting": counting})  # type: ignore[dict-item]
    guards = [
        Guard(conditions=(ConditionCall("all_of", {"conditions": ["counting"]}),)),
        Guard(conditions=(ConditionCall("any_of", {"conditions": ["never", "counting"]}), ConditionCall("counting"))),
    ]
    moves = [move(name, guard=guard) for name, guard in zip(("go", "stay"), guards, strict=True)]
    world = world_of(machine(states={"a": "go stay"}, transitions=moves))
    document = world.create("Document", "doc")
    assert [offer.verdict.passed for offer in offers(world, registry, document)] == [True, True]
    assert asked == [document.key]


def test_check_lists_everything_that_is_missing_at_once() -> None:
    registry = Registry.standard()
    workflow = guarded(
        ConditionCall("field_sett", {"field": "x"}),
        ConditionCall("field_set", {"feild": "x"}),
        ConditionCall("field_set"),
        ConditionCall("any_of", {"conditions": ["always", {"negate": {"condition": "ghost"}}]}),
        ConditionCall("all_of", {"conditions": 7}),
    )
    cascades = [
        Cascade("T", "go", (FireRelated("x", when=(ConditionCall("lost"),)), RunEffect("efect"))),
        Cascade("T", None, (FireRelated("x", each=(ConditionCall("gone"),)),), event="created"),
    ]
    extended = registry.extended(effects={"effect": lambda *_: None})
    found = [str(problem) for problem in extended.check([workflow], cascades)]
    expected = [
        ("wf.transitions.go.guard", "'field_sett'", "did you mean 'field_set'"),
        ("wf.transitions.go.guard", "no argument 'feild', did you mean 'field'"),
        ("wf.transitions.go.guard", "needs the argument 'field'"),
        ("wf.transitions.go.guard.any_of.negate", "'ghost'"),
        ("wf.transitions.go.guard", "all_of: 7 is not a condition"),
        ("cascades.T.go.do[0]", "'lost'"),
        ("cascades.T.created.do[0]", "'gone'"),
        ("cascades.T.go.do[1]", "'efect'", "did you mean 'effect'"),
    ]
    assert len(found) == len(expected)
    for text, parts in zip(found, expected, strict=True):
        assert all(part in text for part in parts), (text, parts)


def test_declared_conditions_compose_with_their_own_words() -> None:
    declared = declared_conditions(
        {
            "not_received": {
                "not": {"state_in": {"variable": "review_state", "states": ["received"]}},
                "reason": "the request is only received",
                "remedy": "submit it",
            },
            "ready": {"all": ["not_received", {"field_set": {"field": "Missing"}}], "reason": "not ready: {detail}"},
            "either": {"any": ["never", {"field_set": {"field": "Priority"}}]},
        }
    )
    world, request = laboratory()
    registry = world.registry.extended(conditions=declared)
    assert registry.check([]) == ()
    context = world.context(request)
    first = registry.evaluate(ConditionCall("not_received"), world, request, context)
    assert [(r.message, r.remedy) for r in first.reasons] == [("the request is only received", "submit it")]
    second = registry.evaluate(ConditionCall("ready"), world, request, context)
    assert [r.message for r in second.reasons] == [
        "not ready: the request is only received; Missing is not set",
    ]
    assert second.reasons[0].remedy == "submit it; set Missing"
    assert registry.evaluate(ConditionCall("either"), world, request, context).passed


def test_declared_conditions_collect_all_mistakes() -> None:
    declared = {
        "empty": {"all": []},
        "both": {"all": ["always"], "any": ["always"]},
        "typo": {"al": ["always"]},
        "wrong": {"not": 3},
        "flat": "always",
    }
    with pytest.raises(DeclarationError) as caught:
        declared_conditions(declared, source="lab.yaml")
    places = {problem.where for problem in caught.value.problems}
    assert places == {
        "lab.yaml: conditions.empty.all",
        "lab.yaml: conditions.both",
        "lab.yaml: conditions.typo",
        "lab.yaml: conditions.wrong.not",
        "lab.yaml: conditions.flat",
    }


@pytest.mark.parametrize(
    "declared",
    [
        {"a": {"all": ["a"]}},
        {"a": {"all": ["b"]}, "b": {"not": "a"}},
        {"a": {"any": [{"negate": {"condition": {"all_of": {"conditions": ["a"]}}}}]}},
    ],
)
def test_a_declared_condition_that_uses_itself_is_found(declared: Mapping[str, object]) -> None:
    registry = Registry.standard().extended(conditions=declared_conditions(declared))
    assert any("depends on itself" in problem.message for problem in registry.check([]))


BEFORE_VERIFIED = ["received", "submitted"]
VERIFY_RULE = {
    "verify_rule": {
        "all": [
            {
                "choose": {
                    "if": {"holds": {"permission": "Verify"}},
                    "then": {
                        "each_related": {
                            "relation": "analyses",
                            "where": {"review_state": "submitted"},
                            "conditions": [{"not_last_actor": {"transition": "submit", "unless_holds": "Verify own"}}],
                        }
                    },
                    "else": {
                        "none_related_in": {
                            "relation": "analyses",
                            "variable": "review_state",
                            "states": BEFORE_VERIFIED,
                        }
                    },
                }
            }
        ],
        "reason": "the request cannot be verified: {detail}",
    }
}


@pytest.mark.parametrize(
    ("user", "roles", "states", "passes"),
    [
        pytest.param("ben", (), ["verified", "verified"], True, id="without the permission: promotion by the last one"),
        pytest.param("ben", (), ["verified", "submitted"], False, id="without the permission: one is left"),
        pytest.param("ben", ("Verifier",), ["submitted", "received"], True, id="with it: submitted by somebody else"),
        pytest.param("ana", ("Verifier",), ["submitted", "received"], False, id="with it: own submission"),
        pytest.param("ana", ("Verifier", "Chief"), ["submitted"], True, id="with it: may verify own results"),
    ],
)
def test_a_rule_with_two_sides_is_data(user: str, roles: tuple[str, ...], states: list[str], passes: bool) -> None:
    world, request = laboratory()
    registry = world.registry.extended(conditions=declared_conditions(VERIFY_RULE))
    assert registry.check([]) == ()
    world.set_permission(request, "Verify", ["Verifier"])
    world.set_permission(request, "Verify own", ["Chief"])
    request.relations["analyses"] = analyses = [
        world.create("Analysis", f"A{n}", request) for n, _ in enumerate(states)
    ]
    for analysis, state in zip(analyses, states, strict=True):
        for action in {"received": (), "submitted": ("submit",), "verified": ("submit", "verify")}[state]:
            with world.acting("ana"):
                world.do_action(analysis, action)
    with world.acting(user, roles):
        verdict = registry.evaluate(ConditionCall("verify_rule"), world, request, world.context(request))
    assert verdict.passed is passes
