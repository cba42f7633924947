"""Imported workflows as declarations: every definition is written so that it loads to the same workflow."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from objapi.model.loading.yaml_nodes import parse_yaml
from tests.data import DATA
from workflows import (
    DefinitionError,
    State,
    Variable,
    Workflow,
    declarable,
    dump_workflow,
    names_used,
    read_definition,
)
from workflows.declarations import DeclarationProblem
from workflows.declare import read_workflow

WITH_EXIT = '<state state_id="a"><exit-transition transition_id="t"/><exit-transition transition_id="x"/></state>'
FILES = sorted((DATA / "dcworkflow").glob("*.xml"))


def loaded(workflow: Workflow) -> Workflow:
    """The workflow written as YAML, as a command does, and read as a profile is."""
    text = yaml.safe_dump(dump_workflow(workflow), sort_keys=False, allow_unicode=True, width=110)
    problems: list[DeclarationProblem] = []
    node = parse_yaml(text, "written.yaml", problems)
    assert node is not None
    found = read_workflow(workflow.id, node, problems)
    assert problems == []
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_definition_is_written_so_that_it_loads(file: Path) -> None:
    workflow, _ = declarable(read_definition(file.read_bytes()).workflow)
    assert loaded(workflow) == workflow


@pytest.mark.parametrize(
    ("text", "noted", "states", "transitions"),
    [
        ('<state state_id="a"><exit-transition transition_id=""/></state>', "", {"a": ()}, set()),
        ('<state state_id="a"><exit-transition transition_id="gone"/></state>', "", {"a": ()}, set()),
        (
            f'{WITH_EXIT}<transition transition_id="t" new_state="nowhere"/>',
            "transition t: there is no state 'nowhere'",
            {"a": ()},
            set(),
        ),
        (
            f'{WITH_EXIT}<transition transition_id="t" new_state="a"/>',
            "",
            {"a": ("t",)},
            {"t"},
        ),
        ('<state state_id="b"/>', "'b', the first, is taken", {"b": ()}, set()),
        (
            '<state state_id="a"><assignment name="v" type="string">x</assignment></state>',
            "there is no variable 'v'",
            {"a": ()},
            set(),
        ),
    ],
)
def test_what_leads_nowhere_is_left_out_with_a_note(
    text: str, noted: str, states: dict[str, tuple[str, ...]], transitions: set[str]
) -> None:
    xml = f'<dc-workflow workflow_id="w" state_variable="s" initial_state="a">{text}</dc-workflow>'
    workflow, notes = declarable(read_definition(xml.encode()).workflow)
    assert {name: state.exits for name, state in workflow.states.items()} == states
    assert set(workflow.transitions) == transitions
    assert (noted in " ".join(notes)) and bool(notes) == bool(noted)
    assert loaded(workflow) == workflow


def test_a_date_is_written_as_a_text() -> None:
    moment = datetime(2004, 2, 3, tzinfo=UTC)
    workflow = Workflow(
        id="w",
        initial_state="a",
        states={"a": State(id="a", assignments={"since": moment})},
        transitions={},
        variables={"since": Variable(id="since", default=moment)},
    )
    written, notes = declarable(workflow)
    assert written.states["a"].assignments == {"since": "2004-02-03T00:00:00+00:00"}
    assert len(notes) == 2
    assert loaded(written) == written


def test_a_workflow_without_states_is_refused() -> None:
    with pytest.raises(DefinitionError, match="no states"):
        declarable(read_definition(b'<dc-workflow workflow_id="w" state_variable="s" initial_state="a"/>').workflow)


def test_names_that_a_workflow_uses_are_found_wherever_they_stand() -> None:
    workflow = read_definition(
        b"""<dc-workflow workflow_id="w" state_variable="s" initial_state="a">
        <permission>Look</permission><group>staff</group>
        <state state_id="a"><permission-map name="Look"><permission-role>Guest</permission-role></permission-map>
         <group-map name="staff"><group-role>Chief</group-role></group-map></state>
        <transition transition_id="t" new_state="a"><guard><guard-permission>Do</guard-permission>
         <guard-role>Boss</guard-role><guard-group>crew</guard-group></guard></transition>
        <worklist worklist_id="l"><guard><guard-role>Clerk</guard-role></guard></worklist>
        </dc-workflow>"""
    ).workflow
    used = names_used(workflow)
    assert set(used.roles) == {"Guest", "Chief", "Boss", "Clerk"}
    assert set(used.permissions) == {"Look", "Do"}
    assert set(used.groups) == {"staff", "crew"}
