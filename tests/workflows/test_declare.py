"""Workflows and cascades from mappings: what they become, what is found wrong, and the way back."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows import (
    Cascade,
    ConditionCall,
    DeclarationError,
    Expression,
    FireRelated,
    Guard,
    NamedValue,
    PermissionSetting,
    RunEffect,
    SetField,
    Signature,
    State,
    Transition,
    Variable,
    Where,
    Workflow,
    Worklist,
    usual_variables,
)
from workflows.declare import dump_workflow, load_cascades, load_workflow

WRITTEN = """
title: Samples
state_variable: sample_state
initial_state: due
manager_bypass: true
creation_guard: {permissions: [Add portal content]}
states:
  due:
    title: Due
    exits: [receive, check]
    permissions:
      View: {acquire: false, roles: [Manager, Analyst]}
      Edit: {roles: []}
    group_roles: {staff: [Reader]}
    assignments: {colour: red}
  received: {exits: []}
transitions:
  receive:
    title: Receive
    to: received
    guard:
      permissions: [Receive]
      roles: [Clerk]
      groups: [staff]
      conditions: [active, {field_set: {field: DateSampled}}]
    assignments: {colour: {kwarg: colour, default: green}}
  check: {to: null, automatic: true, action: ""}
variables:
  colour: {for_catalog: true, update_always: false, default: none, expression: {constant: white}}
worklists:
  waiting: {action: "Waiting (%(count)d)", match: {sample_state: [due]}, guard: {roles: [Clerk]}}
"""


def test_a_declaration_becomes_a_workflow() -> None:
    guard = Guard(
        ("Receive",),
        ("Clerk",),
        ("staff",),
        (ConditionCall("active"), ConditionCall("field_set", {"field": "DateSampled"})),
    )
    settings = {"View": PermissionSetting(False, ("Manager", "Analyst")), "Edit": PermissionSetting(False, ())}
    assert load_workflow("samples", yaml.safe_load(WRITTEN)) == Workflow(
        id="samples",
        title="Samples",
        state_variable="sample_state",
        initial_state="due",
        manager_bypass=True,
        managed_permissions=("Edit", "View"),
        managed_groups=("staff",),
        states={
            "due": State("due", "Due", ("receive", "check"), settings, {"staff": ("Reader",)}, {"colour": "red"}),
            "received": State("received", "received"),
        },
        transitions={
            "receive": Transition(
                "receive",
                "Receive",
                "received",
                guard=guard,
                action="Receive",
                assignments={"colour": Expression("kwarg", "colour", "green")},
            ),
            "check": Transition("check", "check", automatic=True),
        },
        variables={
            "colour": Variable("colour", True, True, False, "none", Expression("constant", value="white")),
        },
        worklists={
            "waiting": Worklist(
                "waiting", "", {"sample_state": ("due",)}, "Waiting (%(count)d)", Guard(roles=("Clerk",))
            )
        },
        creation_guard=Guard(("Add portal content",)),
    )


def test_variables_left_out_are_the_usual_five_and_an_empty_mapping_is_none() -> None:
    least: dict[str, object] = {"initial_state": "a", "states": {"a": {}}}
    assert load_workflow("w", least).variables == usual_variables()
    assert list(usual_variables()) == ["action", "actor", "comments", "time", "review_history"]
    assert load_workflow("w", least | {"variables": {}}).variables == {}


GOOD: dict[str, object] = {"initial_state": "a", "states": {"a": {"exits": ["go"]}}, "transitions": {"go": {"to": "a"}}}


@pytest.mark.parametrize(
    ("change", "where", "message"),
    [
        ({"initial_state": None}, "initial_state", "is missing"),
        ({"initial_state": "b"}, "initial_state", "no state 'b'"),
        ({"initial_state": ""}, "initial_state", "no state ''"),
        ({"initial_sate": "a"}, "", "'initial_sate' is not known, did you mean 'initial_state'"),
        ({"title": 3}, "title", "3 is not a text"),
        ({"moved_states": {"old": "b"}}, "moved_states.old", "no state 'b'"),
        ({"moved_states": {"a": "a"}}, "moved_states.a", "'a' is declared, so nothing is moved out of it"),
        ({"moved_states": ["old"]}, "moved_states", "not a mapping"),
        ({"transitions": {"go": {"automatic": "alway"}}}, "transitions.go.automatic", "did you mean 'always'"),
        ({"transitions": {"go": {"automatic": 1}}}, "transitions.go.automatic", "1 is neither true nor false"),
        (
            {"transitions": {"go": {"automatic": True, "depends": []}}},
            "transitions.go.depends",
            "only for a transition that is `automatic: always`",
        ),
        ({"manager_bypass": "yes"}, "manager_bypass", "neither true nor false"),
        ({"states": ["a"]}, "states", "not a mapping"),
        ({"states": {"a": {"exits": "go"}}}, "states.a.exits", "'go' is not a list"),
        ({"states": {"a": {"exits": [3]}}}, "states.a.exits", "3 is not a text"),
        ({"states": {"a": {"exits": ["goo"]}}}, "states.a.exits[0]", "no transition 'goo', did you mean 'go'"),
        ({"states": {"a": {}, True: {}}}, "states", "the key True is not a text"),
        ({"states": {"a": {"permissions": {"View": ["Owner"]}}}}, "states.a.permissions.View", "not a mapping"),
        (
            {"states": {"a": {"permissions": {"V": {"acquired": True}}}}},
            "states.a.permissions.V",
            "did you mean 'acquire'",
        ),
        ({"states": {"a": {"group_roles": {"g": "R"}}}}, "states.a.group_roles.g", "not a list"),
        ({"states": {"a": {"assignments": {"actr": 1}}}}, "states.a.assignments", "did you mean 'actor'"),
        ({"transitions": {"go": {"to": "b"}}}, "transitions.go.to", "no state 'b'"),
        ({"transitions": {"go": {"target": "a"}}}, "transitions.go", "'target' is not known"),
        ({"transitions": {"go": {"automatic": 1}}}, "transitions.go.automatic", "1 is neither"),
        ({"transitions": {"go": {"guard": ["P"]}}}, "transitions.go.guard", "not a mapping"),
        ({"transitions": {"go": {"guard": {"role": ["P"]}}}}, "transitions.go.guard", "did you mean 'roles'"),
        (
            {"transitions": {"go": {"guard": {"conditions": [3]}}}},
            "transitions.go.guard.conditions",
            "3 is not a condition",
        ),
        ({"transitions": {"go": {"signature": {}}}}, "transitions.go.signature.meaning", "is missing"),
        ({"transitions": {"go": {"signature": {"mean": "A"}}}}, "transitions.go.signature", "did you mean 'meaning'"),
        (
            {"transitions": {"go": {"automatic": True, "signature": {"meaning": "A"}}}},
            "transitions.go.signature",
            "taken by nobody who could sign",
        ),
        ({"transitions": {"go": {"assignments": {"actor": "magic"}}}}, "transitions.go.assignments.actor", "'magic'"),
        ({"variables": {"v": {"expression": {"now": True}}}}, "variables.v.expression", "is not an expression"),
        ({"worklists": {"w": {"match": {"v": "x"}}}}, "worklists.w.match.v", "not a list"),
    ],
)
def test_mistakes_are_named_with_their_key_path(change: Mapping[str, object], where: str, message: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        load_workflow("w", {**GOOD, **change}, source="file.yaml")
    expected = f"file.yaml: w.{where}".removesuffix(".")
    assert any(p.where == expected and message in p.message for p in caught.value.problems), str(caught.value)


def test_all_mistakes_come_at_once() -> None:
    wrong = {"title": 1, "states": {"a": {"exits": ["x", "y"]}}, "transitions": {"z": {"to": "nowhere"}}, "colour": 1}
    with pytest.raises(DeclarationError) as caught:
        load_workflow("w", wrong)
    assert {problem.where for problem in caught.value.problems} == {
        "w",
        "w.title",
        "w.initial_state",
        "w.states.a.exits[0]",
        "w.states.a.exits[1]",
        "w.transitions.z.to",
    }


CASCADES = """
- type: [Duplicate, Reference]
  after: submit
  do:
    - {fire: submit, relation: sheet, where: {review_state: open, Analyst: {not: [null, ""]}}, when: [ready],
       each: [{field_set: {field: Result}}], attempt: true, system: true, cascade: false}
    - {set: Date, value: {now: true}}
    - {set: By, value: {actor: true}, relation: sheet, where: {a: 1}}
    - {set: Copy, value: {field: Result}, when: ready}
    - {set: Flag, value: true}
    - {set: Map, value: {literal: {now: true}}}
- type: Analysis
  event: created
  do: [{run: join, args: {depth: 2}, when: [ready]}]
"""


def test_actions_that_need_no_rights_say_so() -> None:
    declared = """
    - {type: Analysis, after: submit, do: [
        {set: Date, value: {now: true}, relation: sheet, system: true}, {run: join, system: true}, {run: join}]}
    """
    (cascade,) = load_cascades(yaml.safe_load(declared))
    assert cascade.actions == (
        SetField("Date", NamedValue("now"), "sheet", system=True),
        RunEffect("join", system=True),
        RunEffect("join"),
    )


def test_cascades_are_read() -> None:
    ready = (ConditionCall("ready"),)
    actions = (
        FireRelated(
            "submit",
            "sheet",
            (Where("review_state", ("open",)), Where("Analyst", (None, ""), negate=True)),
            ready,
            (ConditionCall("field_set", {"field": "Result"}),),
            attempt=True,
            system=True,
            cascade=False,
        ),
        SetField("Date", NamedValue("now")),
        SetField("By", NamedValue("actor"), "sheet", (Where("a", (1,)),)),
        SetField("Copy", NamedValue("field", "Result"), when=ready),
        SetField("Flag", NamedValue("literal", True)),
        SetField("Map", NamedValue("literal", {"now": True})),
    )
    assert load_cascades(yaml.safe_load(CASCADES)) == (
        Cascade("Duplicate", "submit", actions),
        Cascade("Reference", "submit", actions),
        Cascade("Analysis", None, (RunEffect("join", {"depth": 2}, ready),), "created"),
    )


@pytest.mark.parametrize(
    ("item", "where", "message"),
    [
        ("x", "", "not a mapping"),
        ({"after": "a", "do": []}, ".type", "'type' is missing"),
        ({"type": "T", "do": []}, "", "exactly one of 'after' and 'event'"),
        ({"type": "T", "after": "a", "event": "created", "do": []}, "", "exactly one of"),
        ({"type": "T", "event": "creatd", "do": []}, ".event", "did you mean 'created'"),
        ({"type": "T", "after": "a"}, ".do", "None is not a list"),
        ({"type": "T", "after": "a", "do": ["x"]}, ".do[0]", "is not an action"),
        ({"type": "T", "after": "a", "do": [{"fire": "x", "run": "y"}]}, ".do[0]", "is not an action"),
        ({"type": "T", "after": "a", "do": [{"fire": "x", "atempt": True}]}, ".do[0]", "did you mean 'attempt'"),
        ({"type": "T", "after": "a", "do": [{"fire": "x", "where": [1]}]}, ".do[0].where", "'where' must map"),
        ({"type": "T", "after": "a", "do": [{"set": "x"}]}, ".do[0].value", "'value' is missing"),
        ({"type": "T", "after": "a", "do": [{"set": "x", "value": {"now": False}}]}, ".do[0].value", "is not a value"),
        (
            {"type": "T", "after": "a", "do": [{"set": "x", "value": 1, "when": [[3]]}]},
            ".do[0].when",
            "not a condition",
        ),
    ],
)
def test_mistakes_in_cascades_are_named(item: object, where: str, message: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        load_cascades([item, {"type": "T"}], source="c.yaml")
    found = caught.value.problems
    assert any(p.where == f"c.yaml: cascades[0]{where}" and message in p.message for p in found), str(caught.value)
    assert any(p.where == "c.yaml: cascades[1]" for p in found)


def test_cascades_must_be_a_list() -> None:
    with pytest.raises(DeclarationError, match="is not a list"):
        load_cascades({"type": "T"})  # type: ignore[arg-type]


names = st.text("abcXYZ: _é", min_size=1, max_size=6)
texts = st.text(max_size=8)
scalars = st.none() | st.booleans() | st.integers(-9, 9) | texts
several = st.lists(names, max_size=3).map(tuple)
args = st.dictionaries(names, scalars | st.lists(scalars, max_size=2), max_size=2)
calls = st.lists(st.builds(ConditionCall, names, args), max_size=2).map(tuple)
guards = st.builds(Guard, several, several, several, calls)
expressions = (
    st.sampled_from(["transition", "actor", "actor_name", "comment", "now", "history"]).map(Expression)
    | st.builds(Expression, st.just("constant"), st.just(""), scalars)
    | st.builds(Expression, st.just("kwarg"), names, scalars)
)
settings_ = st.builds(PermissionSetting, st.booleans(), several)


@st.composite
def workflows(draw: st.DrawFn) -> Workflow:
    state_ids = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    transition_ids = draw(st.lists(names, max_size=3, unique=True))
    flags = st.booleans()
    variables = usual_variables()
    if draw(flags):
        kinds = st.builds(Variable, st.just(""), flags, flags, flags, scalars, st.none() | expressions, guards)
        variables = {
            name: replace(kind, id=name) for name, kind in draw(st.dictionaries(names, kinds, max_size=3)).items()
        }

    def of_variables(values: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
        return st.dictionaries(st.sampled_from(sorted(variables)), values, max_size=2) if variables else st.just({})

    exits = st.lists(st.sampled_from(transition_ids), max_size=3).map(tuple) if transition_ids else st.just(())
    states = {
        name: draw(
            st.builds(
                State,
                st.just(name),
                texts,
                exits,
                st.dictionaries(names, settings_, max_size=2),
                st.dictionaries(names, several, max_size=2),
                of_variables(scalars),
            )
        )
        for name in state_ids
    }
    transitions = {
        name: draw(
            st.builds(
                Transition,
                st.just(name),
                texts,
                st.none() | st.sampled_from(state_ids),
                flags,
                guards,
                texts,
                of_variables(expressions),
                several,
            )
        )
        for name in transition_ids
    }
    signed = st.none() | st.builds(Signature, names, flags, flags)
    transitions = {
        name: item if item.automatic else replace(item, signature=draw(signed)) for name, item in transitions.items()
    }
    worklists = {
        name: draw(
            st.builds(Worklist, st.just(name), texts, st.dictionaries(names, several, max_size=2), texts, guards)
        )
        for name in draw(st.lists(names, max_size=2, unique=True))
    }
    return Workflow(
        id="w",
        title=draw(texts),
        state_variable=draw(names),
        initial_state=draw(st.sampled_from(state_ids)),
        manager_bypass=draw(flags),
        managed_permissions=tuple(sorted(draw(st.frozensets(names, max_size=3)))),
        managed_groups=tuple(sorted(draw(st.frozensets(names, max_size=3)))),
        group_managed_roles=draw(st.none() | several),
        states=states,
        transitions=transitions,
        variables=variables,
        worklists=worklists,
        creation_guard=draw(guards),
    )


@settings(max_examples=60)
@given(workflows())
def test_a_dumped_workflow_loads_to_an_equal_one_through_yaml(workflow: Workflow) -> None:
    text = yaml.safe_dump(dump_workflow(workflow), sort_keys=False)
    assert load_workflow("w", yaml.safe_load(text)) == workflow


anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | st.integers(), inner, max_size=3),
    max_leaves=8,
)
KEYS = ["initial_state", "states", "transitions", "variables", "worklists", "creation_guard", "permissions", "title"]


@given(st.dictionaries(st.sampled_from(KEYS), anything))
def test_any_mapping_loads_or_is_refused_with_problems(mapping: dict[str, object]) -> None:
    try:
        load_workflow("w", mapping)
    except DeclarationError as error:
        assert error.problems
        assert all(problem.where.startswith("w") for problem in error.problems)


@given(st.lists(st.dictionaries(st.sampled_from(["type", "after", "event", "do"]), anything), max_size=3))
def test_any_list_of_cascades_loads_or_is_refused_with_problems(declared: list[object]) -> None:
    try:
        load_cascades(declared)
    except DeclarationError as error:
        assert error.problems


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"automatic": "always"}, (True, True, None)),
        ({"automatic": "always", "depends": []}, (True, True, ())),
        ({"automatic": "always", "depends": ["parent"]}, (True, True, ("parent",))),
        ({"automatic": True}, (True, False, None)),
        ({}, (False, False, None)),
    ],
)
def test_what_sets_a_transition_off_is_read_and_written(written: dict[str, object], read: tuple[object, ...]) -> None:
    workflow = load_workflow("w", GOOD | {"transitions": {"go": {"to": "a", **written}}})
    transition = workflow.transitions["go"]
    assert (transition.automatic, transition.always, transition.depends) == read
    assert load_workflow("w", dump_workflow(workflow)) == workflow


def test_moved_states_are_read_and_written() -> None:
    workflow = load_workflow("w", GOOD | {"moved_states": {"old": "a"}})
    assert workflow.moved_states == {"old": "a"}
    assert load_workflow("w", dump_workflow(workflow)) == workflow
