"""Names and files that a profile gets wrong: roles and permissions of workflows, suffixes, folders, syntax."""

from pathlib import Path

import pytest

from objapi.model.loading import ProfileError, load_registry
from objapi.model.loading.reachability import remarks
from tests.objapi.model.loading.small_profile import write_profile

FILES = {
    "profile.yaml": """
        title: Small
        extends: [base]
        """,
    "types/things.yaml": """
        Thing:
          containers: [Plone Site]
          catalogs: [portal_catalog]
          workflows: [thing_workflow]
        """,
    "roles.yaml": """
        roles: [Reviewer]
        groups:
          Crew: {title: Crew, roles: [Reviewer]}
        permissions:
          Approve: {acquire: false, roles: [Reviewer]}
        """,
    "workflows/thing.yaml": """
        workflows:
          thing_workflow:
            initial_state: open
            states:
              open:
                exits: [close]
                permissions: {View: {acquire: false, roles: [Manager, Reviewer]}}
                group_roles: {Crew: [Reviewer]}
              closed: {exits: []}
            transitions:
              close: {to: closed, guard: {permissions: [Approve], roles: [Reviewer], groups: [Crew]}}
            worklists:
              waiting: {match: {review_state: [open]}, guard: {roles: [Reviewer]}}
        """,
}
WORKFLOW = FILES["workflows/thing.yaml"]


def problems(tmp_path: Path, files: dict[str, str]) -> list[str]:
    folder = write_profile(tmp_path / "small", files)
    try:
        load_registry([folder])
    except ProfileError as error:
        return [str(problem).removeprefix(f"{folder}/") for problem in error.problems]
    return []


def test_declared_names_are_taken(tmp_path: Path) -> None:
    assert problems(tmp_path, FILES) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "roles: [Manager, Reviewer]",
            "roles: [Manager, Reviewr]",
            "there is no role 'Reviewr', did you mean 'Reviewer'?",
        ),
        ("roles: [Reviewer], groups", "roles: [Revewer], groups", "there is no role 'Revewer'"),
        ("guard: {roles: [Reviewer]}", "guard: {roles: [Clerk]}", "there is no role 'Clerk'"),
        ("Crew: [Reviewer]", "Crew: [Chief]", "there is no role 'Chief'"),
        ("{Crew: [Reviewer]}", "{Crw: [Reviewer]}", "there is no group 'Crw', did you mean 'Crew'?"),
        ("groups: [Crew]", "groups: [Crowd]", "there is no group 'Crowd'"),
        ("permissions: {View:", "permissions: {Viw:", "there is no permission 'Viw', did you mean 'View'?"),
        ("permissions: [Approve]", "permissions: [Aprove]", "there is no permission 'Aprove', did you mean 'Approve'?"),
    ],
)
def test_a_misspelt_name_in_a_workflow_is_told_with_its_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in WORKFLOW
    found = problems(tmp_path, FILES | {"workflows/thing.yaml": WORKFLOW.replace(old, new, 1)})
    assert found, "nothing was told"
    line = next(n for n, text in enumerate(WORKFLOW.strip("\n").replace(old, new, 1).splitlines(), 1) if new in text)
    assert any(told in text for text in found)
    assert all(text.startswith("workflows/thing.yaml:") for text in found)
    assert any(text.startswith(f"workflows/thing.yaml:{line}:") for text in found)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("types/things.yaml", "types/things.yml", "a file with the suffix .yml is not read"),
        ("roles.yaml", "roles.yml", "a file with the suffix .yml is not read"),
        ("roles.yaml", "role.yaml", "no declarations are read from a file 'role', did you mean 'roles'?"),
        (
            "types/things.yaml",
            "type/things.yaml",
            "no declarations are read from a folder 'type', did you mean 'types'?",
        ),
        ("workflows/thing.yaml", "workflow/thing.yaml", "folder 'workflow', did you mean 'workflows'?"),
        ("types/things.yaml", "declarations/things.yaml", "no declarations are read from a folder 'declarations'"),
    ],
)
def test_files_that_nobody_reads_are_told(tmp_path: Path, before: str, after: str, told: str) -> None:
    files = {(after if name == before else name): text for name, text in FILES.items()}
    assert any(told in text for text in problems(tmp_path, files))


def test_contents_and_other_files_may_have_any_name(tmp_path: Path) -> None:
    files = FILES | {
        "profile.yaml": """
            title: Small
            extends: [base]
            content: {demo: samples/demo.yaml}
            """,
        "samples/demo.yaml": "objects: []",
        "notes.yaml": "anything: here",
    }
    assert problems(tmp_path, files) == []


@pytest.mark.parametrize("file", sorted(FILES))
def test_a_file_that_is_no_yaml_is_one_mistake(tmp_path: Path, file: str) -> None:
    found = problems(tmp_path, FILES | {file: FILES[file] + "\n        broken: {unclosed: [1, 2\n"})
    assert len(found) == 1
    assert found[0].startswith(file)
    assert "no valid YAML" in found[0]


BOXES = """
        Box: {containers: [Crate], catalogs: [portal_catalog]}
        Crate: {containers: [Box], catalogs: [portal_catalog]}
        """


def test_types_that_only_contain_each_other_are_told(tmp_path: Path) -> None:
    found = problems(tmp_path, FILES | {"types/boxes.yaml": BOXES})
    assert [text.partition(": ")[2].partition(" (")[0] for text in found] == [
        "Box.containers: no Box can ever be made, and no Crate: Crate cannot be in the site either",
    ]


@pytest.mark.parametrize("also", ["Plone Site", "Thing"])
def test_types_that_contain_each_other_and_stand_in_the_site_are_right(tmp_path: Path, also: str) -> None:
    boxes = BOXES.replace("[Crate]", f"[Crate, {also}]")
    assert problems(tmp_path, FILES | {"types/boxes.yaml": boxes}) == []


def test_states_that_are_never_reached_are_remarked(tmp_path: Path) -> None:
    workflow = WORKFLOW.replace("closed: {exits: []}", "closed: {exits: []}\n              lost: {exits: [close]}")
    workflow = workflow.replace("transitions:", "transitions:\n              lose: {to: lost}", 1)
    registry = load_registry([write_profile(tmp_path / "small", FILES | {"workflows/thing.yaml": workflow})])
    assert list(remarks(registry)) == [
        "workflow thing_workflow: no transition leads from 'open' to the state 'lost'.",
        "workflow thing_workflow: the transition 'lose' is among the exits of no state, so it is never taken.",
    ]


CASCADE = """
        cascades:
          - {type: Thing, after: close, do: [{fire: drop, attempt: true}]}
        """


@pytest.mark.parametrize(("automatic", "told"), [("true", "cannot be fired"), ("false", None)])
def test_a_cascade_that_fires_an_automatic_transition_is_told(tmp_path: Path, automatic: str, told: str | None) -> None:
    workflow = WORKFLOW.replace("closed: {exits: []}", "closed: {exits: [drop]}").replace(
        "transitions:", f"transitions:\n              drop: {{to: open, automatic: {automatic}}}", 1
    )
    found = problems(tmp_path, FILES | {"workflows/thing.yaml": workflow, "workflows/cascades.yaml": CASCADE})
    assert len(found) == (told is not None)
    assert all(
        text.startswith("workflows/cascades.yaml:2: cascades.Thing.close.do[0].fire: 'drop' of Thing is automatic")
        and (told or "") in text
        for text in found
    )


@pytest.mark.parametrize(
    ("written", "vocabulary"),
    [
        ("[1, 2, -3]", {"1": "1", "2": "2", "-3": "-3"}),
        ("{1: One, 2: Two}", {"1": "One", "2": "Two"}),
        ("['1', '2']", {"1": "1", "2": "2"}),
    ],
)
def test_integers_may_have_a_vocabulary(tmp_path: Path, written: str, vocabulary: dict[str, str]) -> None:
    fields = f"""
        Dial:
          containers: [Plone Site]
          catalogs: [portal_catalog]
          fields:
            Level: {{kind: integer, vocabulary: {written}}}
        """
    registry = load_registry([write_profile(tmp_path / "small", FILES | {"types/dials.yaml": fields})])
    assert registry.types["Dial"].fields["Level"].vocabulary == vocabulary


def test_a_vocabulary_of_texts_and_numbers_is_told(tmp_path: Path) -> None:
    field = "{L: {kind: string, vocabulary: [a, 1]}}"
    fields = f"\nDial: {{containers: [Plone Site], catalogs: [portal_catalog], fields: {field}}}"
    assert any("1 is not a text" in text for text in problems(tmp_path, FILES | {"types/dials.yaml": fields}))


BEHAVIORS = """
    from objapi.model.behaviors import Behaviors

    behaviors = Behaviors()


    @behaviors.add("condition", "ripe")
    def ripe(planner, entity, args):
        return None


    @behaviors.add("relation", "twins")
    def twins(planner, entity):
        return []
    """


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("guard: {conditions: [ripe]}", "the condition 'ripe' of the guard is written in Python"),
        (
            "guard: {conditions: [{negate: {condition: ripe}}]}",
            "the condition 'ripe' of the guard is written in Python",
        ),
        ("guard: {conditions: [{has_related: {relation: twins}}]}", "the relation 'twins' of the guard is written in"),
        ("depends: [twins]", "the relation 'twins' leads nowhere: Thing has it from Python; a path is needed"),
        ("depends: [children(Thin)]", "the relation 'children(Thin)' leads nowhere: there is no type 'Thin', did you"),
        ("depends: [parent], guard: {conditions: [ripe]}", None),
        ("depends: [], guard: {conditions: [ripe, {has_related: {relation: twins}}]}", None),
        ("guard: {conditions: [{has_related: {relation: parent}}]}", None),
    ],
)
def test_what_sets_off_an_always_transition_is_declared(tmp_path: Path, written: str, told: str | None) -> None:
    workflow = WORKFLOW.replace(
        "transitions:", f"transitions:\n              drop: {{to: open, automatic: always, {written}}}", 1
    ).replace("closed: {exits: []}", "closed: {exits: [drop]}")
    types = FILES["types/things.yaml"].replace(
        "workflows:", "relations: {twins: {behavior: twins}}\n          workflows:"
    )
    found = problems(
        tmp_path,
        FILES | {"workflows/thing.yaml": workflow, "types/things.yaml": types, "behaviors.py": BEHAVIORS},
    )
    assert len(found) == (told is not None), found
    if told is not None:
        assert found[0].startswith("workflows/thing.yaml:"), found
        assert f"thing_workflow.transitions.drop.depends: {told}" in found[0], found


REACHED = """
    Team: {containers: [Plone Site], catalogs: [portal_catalog], scope: true}
    Note: {containers: [Plone Site], catalogs: [portal_catalog]}
    Letter:
      containers: [Plone Site]
      catalogs: [portal_catalog]
      access_from: %s
      fields:
        For: {kind: reference, targets: [Team]}
        All: {kind: reference, targets: [Team], multi: true}
        About: {kind: reference, targets: [Note]}
        Text: {kind: string}
    """


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("For", None),
        ("From", "there is no single-valued reference field 'From'"),
        ("All", "there is no single-valued reference field 'All'"),
        ("Text", "there is no single-valued reference field 'Text'"),
        ("About", "a Note holds no local roles that access could follow"),
        ("For\n      scope: true", "objects of the type hold local roles of their own"),
    ],
)
def test_access_follows_one_reference_to_what_holds_local_roles(tmp_path: Path, field: str, told: str | None) -> None:
    found = problems(tmp_path, {**FILES, "types/reached.yaml": REACHED % field})
    assert bool(found) is (told is not None), found
    assert told is None or told in found[0]


PERSON = """
        Person:
          containers: [Plone Site]
          catalogs: [portal_catalog]
          login: {field: Username, email: Email, local_roles: [Reviewer]}
          fields: {Username: {kind: string}, Email: {kind: string}, Since: {kind: datetime}}
        """
PERSON_INDEX = """
        portal_catalog:
          extend: true
          indexes: {getUsername: {kind: field, source: Username}}
        """


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("", "", ""),
        ("local_roles: [Reviewer]", "local_roles: [Reviewr]", "there is no role 'Reviewr', did you mean 'Reviewer'?"),
        ("field: Username", "field: Usrname", "no field of one line of text 'Usrname', did you mean 'Username'?"),
        ("email: Email", "email: Since", "no field of one line of text 'Since'"),
        ("field: Username, ", "", "field is missing"),
        ("field: Username", "field: Email", "no catalog of Person has an index of kind field over Email"),
        ("login: {", "login: {roles: [Reviewer], ", "roles"),
    ],
)
def test_log_ins_of_persons_are_checked(tmp_path: Path, old: str, new: str, told: str) -> None:
    files = FILES | {"types/persons.yaml": PERSON.replace(old, new), "catalogs/main.yaml": PERSON_INDEX}
    found = problems(tmp_path, files)
    assert any(told in text for text in found) if told else found == []


KEYED = """
        Person:
          containers: [Plone Site]
          catalogs: [portal_catalog]
          natural_keys: {Username: site}
          fields:
            Username: {kind: string}
            Other: {alias_of: Username}
            Email: {kind: string}
            Secret: {kind: string, read_permission: See secrets}
            Since: {kind: datetime}
            Number: {kind: integer}
            Boss: {kind: reference, targets: [Person]}
            Friends: {kind: reference, targets: [Person], multi: true}
        """


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("{Username: site}", None),
        ("{'Username, Email': container}", None),
        ("{Username: Boss}", None),
        ("{Username: site, 'Number, Username': Boss}", None),
        ("{Username: 'container, shared'}", None),
        ("{Username: 'container, alone'}", "'container, alone' is nothing within which a key holds"),
        ("{Usrname: site}", "the type has no field 'Usrname'"),
        ("{Email: site}", "no catalog of Person has an index of kind field over Email"),
        ("{Number: site}", "no catalog of Person has an index of kind field over Number"),
        ("{'Username, Since': site}", "Since cannot be part of a natural key"),
        ("{'Username, Other': site}", "Other cannot be part of a natural key"),
        ("{'Username, Secret': site}", "Secret cannot be part of a natural key"),
        ("{Username: Email}", "'Email' is nothing within which a key holds"),
        ("{Username: Friends}", "'Friends' is nothing within which a key holds"),
        ("{Username: nothing}", "'nothing' is nothing within which a key holds"),
        ("[Username]", "natural_keys"),
    ],
)
def test_natural_keys_are_fields_that_an_index_finds(tmp_path: Path, keys: str, told: str | None) -> None:
    declared = KEYED.replace("{Username: site}", keys)
    found = problems(tmp_path, FILES | {"types/persons.yaml": declared, "catalogs/main.yaml": PERSON_INDEX})
    assert any(told in text for text in found) if told else found == []
