"""Diagrams: everything is drawn, nothing becomes markup."""

import re

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.building import auto, machine, move, review
from workflows import State, Transition, Workflow, mermaid, svg

SVG = "{http://www.w3.org/2000/svg}"


def test_mermaid_has_states_start_and_transitions() -> None:
    assert mermaid(review()).splitlines() == [
        "stateDiagram-v2",
        "    direction LR",
        '    state "draft" as s0',
        '    state "pending" as s1',
        '    state "published" as s2',
        "    [*] --> s0",
        "    s0 --> s1: submit",
        "    s1 --> s2: publish",
        "    s1 --> s0: retract",
        "    s2 --> s0: retract",
    ]


def test_svg_has_a_card_for_each_state_and_an_arrow_for_each_move() -> None:
    workflow = machine(
        states={"a": "go stay lost ghost", "b": "back on", "island": ""},
        transitions=[move("go", "b"), move("stay"), move("lost", "nowhere"), move("back", "a"), auto("on", "island")],
    )
    root = fromstring(svg(workflow))
    texts = [node.text for node in root.iter(f"{SVG}text")]
    assert texts == ["a", "→ go", "↻ stay", "b", "→ back", "→ on (automatic)", "island"]
    arrows = [path.get("class") for path in root.iter(f"{SVG}path") if path.get("marker-end")]
    assert arrows == ["e", "e", "e a"]


@pytest.mark.parametrize("workflow", [Workflow("empty"), machine(states={"a": ""}, initial_state="ghost")])
def test_workflows_without_a_start_are_drawn_too(workflow: Workflow) -> None:
    assert "[*]" not in mermaid(workflow)
    fromstring(svg(workflow))


@given(st.text(), st.text(), st.text())
def test_no_name_becomes_markup(state: str, transition: str, title: str) -> None:
    workflow = Workflow(
        id="w",
        title=title,
        initial_state=state,
        states={state: State(state, title, (transition,)), "other": State("other")},
        transitions={transition: Transition(transition, title, "other")},
    )
    root = fromstring(svg(workflow))
    assert {node.tag.removeprefix(SVG) for node in root.iter()} <= {
        "svg", "title", "style", "defs", "marker", "path", "rect", "text",
    }  # fmt: skip
    shape = r'    (direction LR|state "[^"]*" as s\d|(\[\*\]|s\d) --> s\d(: [^:;<>"{}]*(#\d+;[^:;<>"{}]*)*)?)'
    lines = mermaid(workflow).removesuffix("\n").split("\n")
    assert all(re.fullmatch(shape, line) for line in lines[1:])
