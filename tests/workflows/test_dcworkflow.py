"""Reading definition.xml: what is carried over, noted, refused; and whole definitions as sites export them."""

import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data import DATA
from tests.workflows.building import NOON, world_of
from tests.workflows.exports import export, exported_workflows
from workflows import (
    ConditionCall,
    DefinitionError,
    Expression,
    Guard,
    Imported,
    PermissionSetting,
    Registry,
    State,
    Transition,
    TransitionRefused,
    UndefinedState,
    Variable,
    Workflow,
    WorkflowError,
    Worklist,
    mermaid,
    read_definition,
    svg,
)
from workflows.xmltree import MAX_BYTES, MAX_DEPTH

OWN = b"""<?xml version="1.0" encoding="utf-8"?>
<dc-workflow workflow_id="own" title="Eigen \xc3\xa4" state_variable="life" initial_state="new" manager_bypass="YES">
  <permission>View</permission>
  <permission>LAB: Edit</permission>
  <group>staff</group>
  <state state_id="new" title="New">
    <exit-transition transition_id="b"/><exit-transition transition_id=""/><exit-transition transition_id="a"/>
    <permission-map name="View" acquired="1">
      <permission-role>
        Owner
      </permission-role>
    </permission-map>
    <permission-map name="LAB: Edit" acquired="False"/>
    <permission-map name="Loose" acquired="no"><permission-role>Owner</permission-role></permission-map>
    <group-map name="staff"><group-role>Reader</group-role></group-map>
    <assignment name="s" type="string"> text </assignment>
    <assignment name="i" type="int">4</assignment>
    <assignment name="f" type="float">4.5</assignment>
    <assignment name="y" type="bool">Yes</assignment>
    <assignment name="n" type="bool">no</assignment>
    <assignment name="d" type="datetime">2004/02/03 04:05:06</assignment>
    <assignment name="z" type="none"></assignment>
  </state>
  <state state_id="old" title="Old"/>
  <transition transition_id="a" title="A" new_state="old" trigger="AUTOMATIC" before_script="early" after_script="late">
    <guard>
      <guard-permission>View</guard-permission><guard-role>Owner</guard-role><guard-group>staff</guard-group>
      <guard-expression>python:here.ready()</guard-expression>
    </guard>
    <assignment name="v">user/getId</assignment>
    <assignment name="w">here/title</assignment>
  </transition>
  <transition transition_id="b" title="B" new_state="" trigger="USER">
    <action url="x" category="workflow" icon="">Do B</action>
    <guard><guard-expression>nothing</guard-expression></guard>
  </transition>
  <transition transition_id="c" title="C" new_state="gone" trigger="USER"><guard/></transition>
  <variable variable_id="v" for_catalog="True" for_status="1" update_always="false">
    <default><value>some</value></default>
    <guard><guard-permission>View</guard-permission></guard>
  </variable>
  <variable variable_id="w" for_catalog="False" for_status="False" update_always="True">
    <default><expression>python:here.compute()</expression></default>
  </variable>
  <variable variable_id="t" for_status="True"><default><value type="int">7</value></default></variable>
  <variable variable_id="u" for_status="True"><default><value type="list">1</value></default></variable>
  <worklist worklist_id="l" title="L">
    <action url="" category="global">Pending (%(count)d)</action>
    <match name="life" values="new; old"/>
    <guard><guard-role>Reviewer</guard-role></guard>
  </worklist>
  <script script_id="late" type="Script (Python)"/>
  <instance-creation-conditions><guard><guard-role>Owner</guard-role></guard></instance-creation-conditions>
</dc-workflow>
"""


def test_a_definition_is_carried_over() -> None:
    workflow = read_definition(OWN, source="own.xml").workflow
    assert (workflow.id, workflow.title, workflow.state_variable) == ("own", "Eigen ä", "life")
    assert (workflow.initial_state, workflow.manager_bypass) == ("new", True)
    assert (workflow.managed_permissions, workflow.managed_groups) == (("LAB: Edit", "View"), ("staff",))
    assert workflow.group_managed_roles is None
    assert workflow.creation_guard == Guard(roles=("Owner",))
    assert list(workflow.states) == ["new", "old"]
    assert workflow.states["new"] == State(
        "new",
        "New",
        ("b", "", "a"),
        {
            "View": PermissionSetting(True, ("Owner",)),
            "LAB: Edit": PermissionSetting(False, ()),
            "Loose": PermissionSetting(False, ("Owner",)),
        },
        {"staff": ("Reader",)},
        {
            "s": "text",
            "i": 4,
            "f": 4.5,
            "y": True,
            "n": False,
            "d": datetime(2004, 2, 3, 4, 5, 6, tzinfo=UTC),
            "z": None,
        },
    )
    unsupported = ConditionCall("unsupported_expression", {"expression": "python:here.ready()"})
    assert list(workflow.transitions.values()) == [
        Transition(
            "a",
            "A",
            "old",
            True,
            Guard(("View",), ("Owner",), ("staff",), (unsupported,)),
            "",
            {"v": Expression("actor")},
            ("before_script early", "after_script late"),
        ),
        Transition("b", "B", None, False, Guard(conditions=(ConditionCall("never"),)), "Do B"),
        Transition("c", "C", "gone"),
    ]
    assert list(workflow.variables.values()) == [
        Variable("v", True, True, False, "some", None, Guard(("View",))),
        Variable("w", False, False, True, ""),
        Variable("t", False, True, False, 7),
        Variable("u", False, True, False, "1"),
    ]
    worklist = Worklist("l", "L", {"life": ("new", "old")}, "Pending (%(count)d)", Guard(roles=("Reviewer",)))
    assert list(workflow.worklists.values()) == [worklist]


def test_everything_not_carried_over_is_named_with_its_line() -> None:
    notes = read_definition(OWN, source="own.xml").notes
    assert all(note.line > 1 for note in notes)
    found = {(note.where, note.message) for note in notes}
    expected = {
        ("transition a", "its before_script early is not carried over"),
        ("transition a", "its after_script late is not carried over"),
        ("transition a", "the guard expression 'python:here.ready()' is not carried over; the guard refuses"),
        (
            "transition a, assignment of w",
            "the expression 'here/title' is not carried over; the assignment is left out",
        ),
        ("variable w", "the expression 'python:here.compute()' is not carried over; its default value stands"),
        ("script late", "scripts are not carried over"),
        ("state new", "its exit '' is no transition; it is ignored"),
        ("state new", "its map of 'Loose', not managed, has no effect"),
        ("transition c", "no state lists it, so it can never be taken"),
        ("transition c", "there is no state 'gone'; taking it is an error"),
        ("variable u", "there is no type 'list'; '1' is kept as text"),
    }
    assert found == expected


def small(guard: str) -> bytes:
    return (
        f'<dc-workflow workflow_id="w" state_variable="s" initial_state="a"><state state_id="a">'
        f'<exit-transition transition_id="go"/></state><transition transition_id="go" new_state="a" trigger="USER">'
        f"{guard}</transition></dc-workflow>"
    ).encode()


def test_an_expression_that_is_not_carried_over_refuses_with_that_reason() -> None:
    data = small("<guard><guard-expression>python:here.ready()</guard-expression></guard>")
    world = world_of(read_definition(data).workflow)
    document = world.create("Document", "doc")
    with pytest.raises(TransitionRefused, match=r"python:here\.ready"):
        world.do_action(document, "go")


def test_a_condition_may_be_named_for_an_expression() -> None:
    data = small("<guard><guard-expression>python:here.ready()</guard-expression></guard>")
    imported = read_definition(data, conditions={"python:here.ready()": ConditionCall("always")})
    assert imported.workflow.transitions["go"].guard.conditions == (ConditionCall("always"),)
    assert imported.notes == ()


@pytest.mark.parametrize(
    ("expression", "conditions"),
    [
        ("python:True", ()),
        ("string:x", ()),
        ("", ()),
        ("string:", ("never",)),
        ("python: False", ("never",)),
        ("not:nothing", ()),
    ],
)
def test_constant_guard_expressions_are_decided(expression: str, conditions: tuple[str, ...]) -> None:
    imported = read_definition(small(f"<guard><guard-expression>{expression}</guard-expression></guard>"))
    assert tuple(call.name for call in imported.workflow.transitions["go"].guard.conditions) == conditions
    assert imported.notes == ()


def test_no_guard_element_is_no_guard() -> None:
    assert read_definition(small("")).workflow.transitions["go"].guard == Guard()


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><dc-workflow workflow_id="&b;"/>'
EXTERNAL = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><dc-workflow workflow_id="w">&a;</dc-workflow>'


@pytest.mark.parametrize(
    ("data", "line", "cause"),
    [
        pytest.param(b"", 1, "no element found", id="empty"),
        pytest.param(b"<dc-workflow>\n<state>\n</dc-workflow>", 3, "mismatched tag", id="broken"),
        pytest.param(b"\xff\xfe\x00", 1, "", id="not text"),
        pytest.param(b'<?xml version="1.0" encoding="klingon"?><x/>', None, "encoding", id="unknown encoding"),
        pytest.param(b"<html/>", 1, "'html', not 'dc-workflow'", id="something else"),
        pytest.param(BOMB, 1, "refused", id="entity bomb"),
        pytest.param(EXTERNAL, 1, "refused", id="external entity"),
        pytest.param(b'<!DOCTYPE x SYSTEM "http://localhost/x.dtd"><x/>', 1, "refused", id="external DTD"),
        pytest.param(b"<x>" * (MAX_DEPTH + 1), 1, "nested deeper", id="too deep"),
        pytest.param(b" " * (MAX_BYTES + 1), None, "more than", id="too large"),
        pytest.param(b'<dc-workflow title="x"/>', 1, "no workflow_id", id="no id"),
        pytest.param(
            b'<dc-workflow workflow_id="w">\n<state title="x"/></dc-workflow>', 2, "no state_id", id="state id"
        ),
        pytest.param(
            b'<dc-workflow workflow_id="w"><state state_id="a"/>\n\n<state state_id="a"/></dc-workflow>',
            3,
            "two states 'a'",
            id="an id twice",
        ),
        pytest.param(small("").replace(b"USER", b"WORKFLOW METHOD"), 1, "neither USER nor AUTOMATIC", id="trigger"),
        pytest.param(
            small("").replace(
                b'<state state_id="a">', b'<state state_id="a">\n<assignment name="x" type="int">z</assignment>'
            ),
            2,
            "'z' is not of type int",
            id="assignment value",
        ),
    ],
)
def test_bad_files_are_refused_with_line_and_cause(data: bytes, line: int | None, cause: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        read_definition(data, source="bad.xml")
    assert (caught.value.source, caught.value.line) == ("bad.xml", line)
    assert cause in caught.value.cause
    assert str(caught.value).startswith("bad.xml")


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: OWN[:400] + text.encode() + OWN[400:]))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read_definition(data)
    except DefinitionError as error:
        assert error.cause


FILES = sorted((DATA / "dcworkflow").glob("*.xml"))


def test_there_are_exported_definitions() -> None:
    assert len(FILES) >= 10


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_exported_definitions_are_read_walked_and_drawn(path: Path) -> None:
    imported = read_definition(path.read_bytes(), source=path.name)
    workflow = imported.workflow
    assert workflow.initial_state in workflow.states or any(note.where == "initial_state" for note in imported.notes)
    registry = Registry.standard()
    assert registry.check([workflow]) == ()
    for variable, value in {"action": None, "comments": "", "time": NOON}.items():
        if variable in workflow.variables:
            world = world_of(workflow)
            assert world.info(world.site, variable) == value
    walk_everywhere(path, registry.extended(conditions={"unsupported_expression": lambda *_: True}))
    assert mermaid(workflow).startswith("stateDiagram-v2")
    assert svg(workflow).startswith("<svg")


def noted(imported: Imported) -> Counter[str]:
    """How often each kind of note was made: what is quoted in its text, and the name of a script, left out."""
    return Counter(re.sub(r"'[^']*'|\"[^\"]*\"|(?<=script )\S+", "…", note.message) for note in imported.notes)


REFUSES = "the guard expression … is not carried over; the guard refuses"
IGNORED = "its exit … is no transition; it is ignored"
NEVER = "no state lists it, so it can never be taken"
MISSING = "there is no state …; taking it is an error"
SCRIPTS = "scripts are not carried over"
KEEPS_DEFAULT = "the expression … is not carried over; its default value stands"


@pytest.mark.parametrize(
    ("name", "notes"),
    [
        ("activation", {REFUSES: 2, KEEPS_DEFAULT: 1}),
        (
            "assignments",
            {
                "the expression … is not carried over; the assignment is left out": 1,
                "there is no type …; … is kept as text": 1,
                KEEPS_DEFAULT: 1,
            },
        ),
        ("dashes", {IGNORED: 2, NEVER: 1, MISSING: 1, REFUSES: 1}),
        ("folder", {}),
        ("no_variables", {}),
        ("one_state", {}),
        ("publication", {}),
        (
            "sample",
            {
                REFUSES: 7,
                SCRIPTS: 1,
                "its after_script … is not carried over": 1,
                "its map of …, not managed, has no effect": 1,
            },
        ),
        ("stages", {}),
        (
            "unfinished",
            {
                REFUSES: 1,
                NEVER: 1,
                MISSING: 1,
                SCRIPTS: 2,
                "its before_script … is not carried over": 1,
                "there is no state …": 1,
            },
        ),
    ],
)
def test_exported_definitions_say_what_is_not_carried_over(name: str, notes: dict[str, int]) -> None:
    path = DATA / "dcworkflow" / f"{name}.xml"
    assert noted(read_definition(path.read_bytes(), source=path.name)) == notes


@settings(deadline=None)
@given(exported_workflows())
def test_a_workflow_is_read_as_it_was_exported(workflow: Workflow) -> None:
    assert read_definition(export(workflow)).workflow == workflow


def walk_everywhere(path: Path, registry: Registry) -> None:
    """From each state, somebody with every role and group takes each exit: it leads where it says, with permissions."""
    workflow = read_definition(path.read_bytes()).workflow
    roles = {
        role for state in workflow.states.values() for setting in state.permissions.values() for role in setting.roles
    }
    roles |= {role for transition in workflow.transitions.values() for role in transition.guard.roles}
    groups = {group for transition in workflow.transitions.values() for group in transition.guard.groups}
    for state in workflow.states.values():
        for transition in workflow.exits(state, automatic=False):
            world = world_of(workflow, registry=registry)
            document = world.create("Document", "doc", entering=False)
            document.histories[workflow.id] = [{workflow.state_variable: state.id}]
            for permission in transition.guard.permissions:
                world.set_permission(document, permission, ["Everything"])
            with world.acting("ana", {"Everything", *roles}, groups):
                if (transition.new_state or state.id) not in workflow.states:
                    with pytest.raises(UndefinedState):
                        world.do_action(document, transition.id)
                    assert len(document.history(workflow.id)) == 1
                    continue
                first, *_ = world.do_action(document, transition.id)
            target = workflow.states[transition.new_state or state.id]
            assert (first.new_state, first.transition) == (target.id, transition)
            assert set(first.permissions) == set(workflow.managed_permissions)
            for permission, setting in first.permissions.items():
                written = target.permissions.get(permission, PermissionSetting(True, ()))
                assert (setting or PermissionSetting(True, ())) == written


def test_all_definition_errors_are_workflow_errors() -> None:
    assert issubclass(DefinitionError, WorkflowError)
