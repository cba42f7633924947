"""Slips in declarations through `objapi check`: each told once, with file, line, culprit and what was meant."""

# ruff: noqa: E501 - declarations stand as a profile has them

from pathlib import Path

import pytest
from click.testing import CliRunner

from objapi.cli import main

FILES = {
    "profile.yaml": """\
title: Small
extends: [base]
about: x
""",
    "types/base.yaml": """\
base_fields:
  title: {kind: string}
""",
    "types/things.yaml": """\
Shelf:
  title: Shelf
  containers: [Plone Site]
  catalogs: [portal_catalog]
Thing:
  title: Thing
  containers: [Shelf]
  catalogs: [portal_catalog]
  workflows: [thing_workflow]
  add_permission: Add portal content
  id: {kind: sequence, form: 'T-{n}', padding: 3}
  relations: {shelf: parent}
  fields:
    Weight: {kind: fixedpoint, precision: 3, required: true}
    Colour: {kind: string, vocabulary: [red, green], default: red}
    Owner: {kind: reference, targets: [Shelf]}
    OwnerTitle: {kind: computed, from: Owner.title}
    Parts: {kind: records, subfields: [name, count], subfield_rules: {count: integer}}
    Loud: {kind: computed, behavior: shout, depends: [Weight]}
""",
    "catalogs/main.yaml": """\
portal_catalog:
  extend: true
  indexes:
    getColour: {kind: field, sources: {Thing: Colour}}
    getWeight: {kind: field, type: decimal, sources: {Thing: Weight}}
""",
    "roles.yaml": """\
roles: [Reviewer]
groups:
  Crew: {title: Crew, roles: [Reviewer]}
permissions:
  Approve: {acquire: false, roles: [Reviewer]}
""",
    "workflows/thing.yaml": """\
workflows:
  thing_workflow:
    title: Things
    initial_state: open
    states:
      open:
        exits: [close]
        permissions: {View: {acquire: false, roles: [Manager, Reviewer]}}
        group_roles: {Crew: [Reviewer]}
      closed: {exits: [reopen]}
    transitions:
      close: {to: closed, guard: {permissions: [Approve], roles: [Reviewer], groups: [Crew], conditions: [{field_set: {field: Weight}}]}}
      reopen: {to: open, automatic: false}
    worklists:
      waiting: {match: {review_state: [open]}, guard: {roles: [Reviewer]}}
conditions:
  heavy: {all: [{field_set: {field: Weight}}], reason: It is light}
cascades:
- type: Thing
  after: close
  do:
  - {set: Colour, value: green}
  - {fire: reopen, relation: self, attempt: true}
""",
    "layout.yaml": """\
- {path: /shelf-1, portal_type: Shelf, fields: {title: First}}
""",
    "behaviors.py": """\
from objapi.model.behaviors import Behaviors

behaviors = Behaviors()


@behaviors.add("computed", "shout")
def shout(planner, entity):
    return str(planner.value(entity, "Weight"))
""",
}
TYPES = "types/things.yaml"
WORKFLOW = "workflows/thing.yaml"
ROLES = "roles.yaml"
CATALOG = "catalogs/main.yaml"
PROFILE = "profile.yaml"
LAYOUT = "layout.yaml"
PYTHON = "behaviors.py"

SLIPS = [
    (
        WORKFLOW,
        "roles: [Reviewer], groups",
        "roles: [Revewer], groups",
        "workflows/thing.yaml:12",
        "there is no role 'Revewer', did you mean 'Reviewer'?",
    ),
    (
        WORKFLOW,
        "[Manager, Reviewer]",
        "[Manager, Reviwer]",
        "workflows/thing.yaml:8",
        "there is no role 'Reviwer', did you mean 'Reviewer'?",
    ),
    (
        WORKFLOW,
        "{Crew: [Reviewer]}",
        "{Crew: [Reviewr]}",
        "workflows/thing.yaml:9",
        "there is no role 'Reviewr', did you mean 'Reviewer'?",
    ),
    (
        WORKFLOW,
        "group_roles: {Crew:",
        "group_roles: {Crw:",
        "workflows/thing.yaml:9",
        "there is no group 'Crw', did you mean 'Crew'?",
    ),
    (
        WORKFLOW,
        "[Approve]",
        "[Aprove]",
        "workflows/thing.yaml:12",
        "there is no permission 'Aprove', did you mean 'Approve'?",
    ),
    (
        WORKFLOW,
        "permissions: {View:",
        "permissions: {Viw:",
        "workflows/thing.yaml:8",
        "there is no permission 'Viw', did you mean 'View'?",
    ),
    (
        WORKFLOW,
        "groups: [Crew], cond",
        "groups: [Crews], cond",
        "workflows/thing.yaml:12",
        "there is no group 'Crews', did you mean 'Crew'?",
    ),
    (
        WORKFLOW,
        "guard: {roles: [Reviewer]}}\nconditions",
        "guard: {roles: [Rviewer]}}\nconditions",
        "workflows/thing.yaml:15",
        "there is no role 'Rviewer', did you mean 'Reviewer'?",
    ),
    (
        WORKFLOW,
        "match: {review_state: [open]}",
        "match: {review_state: [opn]}",
        "workflows/thing.yaml:15",
        "there is no state 'opn', did you mean 'open'?",
    ),
    (
        WORKFLOW,
        "match: {review_state: [open]}",
        "match: {review_stat: [open]}",
        "workflows/thing.yaml:15",
        "there is no value 'review_stat', did you mean 'review_state'?",
    ),
    (
        ROLES,
        "title: Crew, roles: [Reviewer]",
        "title: Crew, roles: [Reviewers]",
        "roles.yaml:3",
        "groups.Crew.roles: there is no role 'Reviewers', did you mean 'Reviewer'?",
    ),
    (
        ROLES,
        "acquire: false, roles: [Reviewer]",
        "acquire: false, roles: [Reviewe]",
        "roles.yaml:5",
        "permissions.Approve.roles: there is no role 'Reviewe', did you mean 'Reviewer'?",
    ),
    (ROLES, "groups:", "gruops:", "roles.yaml:2", "gruops: the key is not known, did you mean 'groups'?"),
    (ROLES, "roles: [Reviewer]\ngroups", "roles: Reviewer\ngroups", "roles.yaml:1", "roles: 'Reviewer' is not a list"),
    (
        CATALOG,
        "{Thing: Colour}",
        "{Thing: Color}",
        "catalogs/main.yaml:4",
        "Color leads nowhere: Thing has no 'Color', did you mean 'Colour'?",
    ),
    (
        CATALOG,
        "{Thing: Weight}",
        "{Thin: Weight}",
        "catalogs/main.yaml:5",
        "there is no type 'Thin', did you mean 'Thing'?",
    ),
    (
        CATALOG,
        "getColour: {kind: field",
        "getColour: {kind: feild",
        "catalogs/main.yaml:4",
        ", did you mean 'field'?",
    ),
    (
        CATALOG,
        "type: decimal",
        "type: decimel",
        "catalogs/main.yaml:5",
        "decimel' is none of string, integer, decimal, datetime, boolean, did you mean 'decimal'?",
    ),
    (
        CATALOG,
        "getColour: {kind: field, sources",
        "getColour: {kind: field, source_s",
        "catalogs/main.yaml:4",
        "the key is not known, did you mean 'sources'?",
    ),
    (
        CATALOG,
        "portal_catalog:",
        "portal_catlog:",
        "catalogs/main.yaml:2",
        "there is no catalog 'portal_catlog' to extend, did you mean 'portal_catalog'?",
    ),
    (
        CATALOG,
        "indexes:\n    getColour: {kind: field, sources: {Thing: Colour}}\n    getWeight: {kind: field, type: decimal, sources: {Thing: Weight}}\n",
        "indexes: [getColour]\n",
        "catalogs/main.yaml:3",
        "portal_catalog.indexes: a list is not a mapping",
    ),
    (
        TYPES,
        "containers: [Plone Site]",
        "containers: [Thing]",
        "types/things.yaml:3",
        "no Shelf can ever be made, and no Thing: Thing cannot be in the site either",
    ),
    (
        TYPES,
        "containers: [Shelf]",
        "containers: [Shelv]",
        "types/things.yaml:7",
        "Thing.containers: there is no type 'Shelv', did you mean 'Shelf'?",
    ),
    (
        TYPES,
        "containers: [Shelf]\n  catalogs: [portal_catalog]",
        "containers: [Shelf]\n  catalogs: [portal_catalogue]",
        "types/things.yaml:8",
        "there is no catalog 'portal_catalogue', did you mean 'portal_catalog'?",
    ),
    (
        TYPES,
        "[thing_workflow]",
        "[thing_workflw]",
        "types/things.yaml:9",
        "there is no workflow 'thing_workflw', did you mean 'thing_workflow'?",
    ),
    (
        TYPES,
        "add_permission: Add portal content",
        "add_permission: Add portal contents",
        "types/things.yaml:10",
        "there is no permission 'Add portal contents', did you mean 'Add portal content'?",
    ),
    (
        TYPES,
        "Weight: {kind: fixedpoint",
        "Weight: {kind: fixpoint",
        "types/things.yaml:14",
        "there is no kind 'fixpoint', did you mean 'fixedpoint'?",
    ),
    (
        TYPES,
        "precision: 3, required",
        "precison: 3, required",
        "types/things.yaml:14",
        "Thing.fields.Weight.precison: the key is not known, did you mean 'precision'?",
    ),
    (
        TYPES,
        "  workflows: [thing",
        "  workflow: [thing",
        "types/things.yaml:9",
        "Thing.workflow: the key is not known, did you mean 'workflows'?",
    ),
    (
        TYPES,
        "precision: 3",
        "precision: three",
        "types/things.yaml:14",
        "Thing.fields.Weight.precision: 'three' is no such number",
    ),
    (
        TYPES,
        "precision: 3",
        "precision: 40",
        "types/things.yaml:14",
        "Thing.fields.Weight.precision: 40 is no such number",
    ),
    (
        TYPES,
        "required: true",
        "required: 'yes'",
        "types/things.yaml:14",
        "Thing.fields.Weight.required: 'yes' is neither true nor false",
    ),
    (
        TYPES,
        "default: red",
        "default: blue",
        "types/things.yaml:15",
        "Thing.fields.Colour.default: 'blue' is not one of 'red', 'green'",
    ),
    (
        TYPES,
        "targets: [Shelf]",
        "targets: [Shef]",
        "types/things.yaml:16",
        "Thing.fields.Owner.targets: there is no type 'Shef', did you mean 'Shelf'?",
    ),
    (
        TYPES,
        "from: Owner.title",
        "from: Owner.titel",
        "types/things.yaml:17",
        "Owner.titel leads nowhere: Shelf has no 'titel', did you mean 'title'?",
    ),
    (
        TYPES,
        "from: Owner.title",
        "from: Ownr.title",
        "types/things.yaml:17",
        "Ownr.title leads nowhere: Thing has no reference field 'Ownr', did you mean 'Owner'?",
    ),
    (
        TYPES,
        "{shelf: parent}",
        "{shelf: parnt}",
        "types/things.yaml:12",
        "parnt leads nowhere: Thing has no reference field 'parnt', did you mean 'parent'?",
    ),
    (
        TYPES,
        "kind: sequence",
        "kind: sequens",
        "types/things.yaml:11",
        "Thing.id.kind: there is no kind of id 'sequens', did you mean 'sequence'?",
    ),
    (
        TYPES,
        "padding: 3}",
        "pading: 3}",
        "types/things.yaml:11",
        "Thing.id.pading: the key is not known, did you mean 'padding'?",
    ),
    (
        TYPES,
        "'T-{n}'",
        "'{Colur}-{n}'",
        "types/things.yaml:11",
        "Thing.id.form: Colur leads nowhere: Thing has no 'Colur', did you mean 'Colour'?",
    ),
    (
        TYPES,
        "{count: integer}",
        "{cuont: integer}",
        "types/things.yaml:18",
        "'cuont' is not a subfield, did you mean 'count'?",
    ),
    (
        TYPES,
        "{count: integer}",
        "{count: intger}",
        "types/things.yaml:18",
        "there is no kind of subfield 'intger', did you mean 'integer'?",
    ),
    (
        TYPES,
        "behavior: shout",
        "behavior: shuot",
        "types/things.yaml:19",
        "there is no computed behaviour 'shuot', did you mean 'shout'?",
    ),
    (
        TYPES,
        "depends: [Weight]",
        "depends: [Wieght]",
        "types/things.yaml:19",
        "Wieght leads nowhere: Thing has no 'Wieght', did you mean 'Weight'?",
    ),
    (
        TYPES,
        "precision: 3, req",
        "vocabulary: [1], req",
        "types/things.yaml:14",
        "Thing.fields.Weight.vocabulary: vocabulary has no meaning for kind fixedpoint",
    ),
    (
        TYPES,
        "required: true}",
        "required: true",
        "types/things.yaml:15",
        "no valid YAML: while parsing a flow mapping, expected ',' or '}', but got ':'",
    ),
    (
        TYPES,
        "  title: Thing",
        "\ttitle: Thing",
        "types/things.yaml:6",
        "AML: while scanning for the next token, found character '\\t' that cannot start any token",
    ),
    (
        TYPES,
        "  title: Thing\n",
        "  title: Thing\n  title: Thing\n",
        "types/things.yaml:7",
        "Thing.title: the key is given twice, first in line 6",
    ),
    (
        TYPES,
        "Thing:\n  title",
        "Shelf:\n  title",
        "types/things.yaml:5",
        "Shelf: the key is given twice, first in line 1",
    ),
    (
        TYPES,
        "Shelf:\n  title: Shelf",
        "Shelf: [a]\nOther:\n  title: Shelf",
        "types/things.yaml:1",
        "Shelf: a list is not a mapping",
    ),
    (
        TYPES,
        "    Owner: {kind: reference, targets: [Shelf]}",
        "    Owner:",
        "types/things.yaml:16",
        "Thing.fields.Owner: the field declares nothing",
    ),
    (
        TYPES,
        "containers: [Shelf]",
        "containers: Shelf",
        "types/things.yaml:7",
        "Thing.containers: 'Shelf' is not a list",
    ),
    (
        WORKFLOW,
        "exits: [close]",
        "exits: [clse]",
        "workflows/thing.yaml:7",
        "there is no transition 'clse', did you mean 'close'?",
    ),
    (
        WORKFLOW,
        "{to: closed,",
        "{to: close,",
        "workflows/thing.yaml:12",
        "there is no state 'close', did you mean 'closed'?",
    ),
    (
        WORKFLOW,
        "initial_state: open",
        "initial_state: opn",
        "workflows/thing.yaml:4",
        "thing_workflow.initial_state: there is no state 'opn', did you mean 'open'?",
    ),
    (
        WORKFLOW,
        "automatic: false",
        "automatic: alwys",
        "workflows/thing.yaml:13",
        "'alwys' is neither true, false nor always, did you mean 'always'?",
    ),
    (
        WORKFLOW,
        "reopen: {to: open,",
        "reopen: {too: open,",
        "workflows/thing.yaml:13",
        "the key 'too' is not known, did you mean 'to'?",
    ),
    (
        WORKFLOW,
        "guard: {permissions: [Approve]",
        "guard: {permission: [Approve]",
        "workflows/thing.yaml:12",
        "the key 'permission' is not known, did you mean 'permissions'?",
    ),
    (
        WORKFLOW,
        "[{field_set: {field: Weight}}]}}",
        "[{feld_set: {field: Weight}}]}}",
        "workflows/thing.yaml:12",
        "no condition 'feld_set' is registered, did you mean 'field_set'?",
    ),
    (
        WORKFLOW,
        "[{field_set: {field: Weight}}]}}",
        "[{field_set: {feild: Weight}}]}}",
        "workflows/thing.yaml:12",
        "field_set has no argument 'feild', did you mean 'field'?",
    ),
    (
        WORKFLOW,
        "[{field_set: {field: Weight}}]}}",
        "[{field_set: {field: Wight}}]}}",
        "workflows/thing.yaml:12",
        "field_set: there is no field 'Wight', did you mean 'Weight'?",
    ),
    (
        WORKFLOW,
        "heavy: {all: [{field_set: {field: Weight}}]",
        "heavy: {al: [{field_set: {field: Weight}}]",
        "workflows/thing.yaml:17",
        "conditions.heavy: the key 'al' is not known, did you mean 'all'?",
    ),
    (
        WORKFLOW,
        "conditions: [{field_set: {field: Weight}}]}}",
        "conditions: [[3]]}}",
        "workflows/thing.yaml:12",
        "3 is not a condition: write its name, or {name: {argument: value}}",
    ),
    (
        WORKFLOW,
        "- type: Thing",
        "- type: Thng",
        "workflows/thing.yaml:19",
        "cascades.Thng.close.type: there is no type 'Thng', did you mean 'Thing'?",
    ),
    (
        WORKFLOW,
        "after: close",
        "after: clos",
        "workflows/thing.yaml:20",
        "cascades.Thing.clos.after: Thing has no transition 'clos', did you mean 'close'?",
    ),
    (
        WORKFLOW,
        "after: close",
        "event: creatd",
        "workflows/thing.yaml:20",
        "cascades[0].event: there is no event 'creatd', did you mean 'created'?",
    ),
    (
        WORKFLOW,
        "{set: Colour",
        "{set: Color",
        "workflows/thing.yaml:22",
        "Thing has no field 'Color', did you mean 'Colour'?",
    ),
    (
        WORKFLOW,
        "{fire: reopen",
        "{fire: reopn",
        "workflows/thing.yaml:23",
        "Thing has no transition 'reopn', did you mean 'reopen'?",
    ),
    (
        WORKFLOW,
        "relation: self",
        "relation: slf",
        "workflows/thing.yaml:23",
        "'slf' leads nowhere from Thing: Thing has no reference field 'slf', did you mean 'self'?",
    ),
    (
        WORKFLOW,
        "attempt: true",
        "atempt: true",
        "workflows/thing.yaml:23",
        "cascades[0].do[1]: the key 'atempt' is not known, did you mean 'attempt'?",
    ),
    (
        WORKFLOW,
        "  do:\n  - {set: Colour, value: green}\n  - {fire: reopen, relation: self, attempt: true}",
        "  do: x",
        "workflows/thing.yaml:21",
        "cascades[0].do: 'x' is not a list",
    ),
    (
        WORKFLOW,
        "value: green",
        "value: {noww: true}",
        "workflows/thing.yaml:22",
        "cascades[0].do[0].value: {'noww': True} is not a value",
    ),
    (
        WORKFLOW,
        "    title: Things",
        "    titel: Things",
        "workflows/thing.yaml:3",
        "thing_workflow: the key 'titel' is not known, did you mean 'title'?",
    ),
    (
        WORKFLOW,
        "cascades:",
        "cascade:",
        "workflows/thing.yaml:18",
        "cascade: the key is not known, did you mean 'cascades'?",
    ),
    (
        WORKFLOW,
        "closed: {exits:",
        "closed: {exit:",
        "workflows/thing.yaml:10",
        "thing_workflow.states.closed: the key 'exit' is not known, did you mean 'exits'?",
    ),
    (
        WORKFLOW,
        "View: {acquire: false",
        "View: {acquires: false",
        "workflows/thing.yaml:8",
        "the key 'acquires' is not known, did you mean 'acquire'?",
    ),
    (PROFILE, "extends:", "extend:", "profile.yaml:2", "extend: the key is not known, did you mean 'extends'?"),
    (PROFILE, "[base]", "[bse]", "profile.yaml:2", "extends: there is no profile 'bse', did you mean 'base'?"),
    (PROFILE, "[base]", "base", "profile.yaml:2", "extends: 'base' is not a list"),
    (PROFILE, "title: Small\nextends: [base]\nabout: x\n", "- a\n", "profile.yaml:1", "a list is not a mapping"),
    (
        LAYOUT,
        "portal_type: Shelf",
        "portal_type: Shelff",
        "layout.yaml:1",
        "layout[0].portal_type: there is no type 'Shelff', did you mean 'Shelf'?",
    ),
    (
        LAYOUT,
        "portal_type:",
        "portaltype:",
        "layout.yaml:1",
        "layout[0].portaltype: the key is not known, did you mean 'portal_type'?",
    ),
    (
        LAYOUT,
        "{title: First}",
        "{titel: First}",
        "layout.yaml:1",
        "layout[0].fields.titel: Shelf has no field 'titel', did you mean 'title'?",
    ),
    (
        LAYOUT,
        "- {path: /shelf-1, portal_type: Shelf, fields: {title: First}}\n",
        "a: b\n",
        "layout.yaml:1",
        "the layout is not a list",
    ),
    (
        PYTHON,
        "def shout(planner, entity):",
        "def shout(planner, entity)",
        "behaviors.py:7",
        "expected ':': no Python can be read here",
    ),
    (
        PYTHON,
        '"computed", "shout"',
        '"compute", "shout"',
        "behaviors.py:6",
        "ValueError: there is no kind of behaviour 'compute', did you mean 'computed'?",
    ),
    (
        PYTHON,
        "def shout(planner, entity):",
        "def shout(planner):",
        "behaviors.py:6",
        "the computed 'shout' is called with (planner, entity): too many positional arguments",
    ),
    (
        PYTHON,
        "from objapi.model.behaviors import Behaviors",
        "from objapi.model.behaviours import Behaviors",
        "behaviors.py:1",
        "ModuleNotFoundError: No module named 'objapi.model.behaviours'",
    ),
    (
        PYTHON,
        "behaviors = Behaviors()",
        "behaviours = behaviors = None",
        "behaviors.py:6",
        "AttributeError: 'NoneType' object has no attribute 'add'",
    ),
]
STRAY = [
    ("types/more.yml", b"A: {}\n", "types/more.yml", "a file with the suffix .yml is not read"),
    (
        "type/more.yaml",
        b"A: {}\n",
        "type/more.yaml",
        "no declarations are read from a folder 'type', did you mean 'types'?",
    ),
    (
        "workflow/more.yaml",
        b"A: {}\n",
        "workflow/more.yaml",
        "no declarations are read from a folder 'workflow', did you mean 'workflows'?",
    ),
    ("role.yaml", b"roles: [x]\n", "role.yaml", "no declarations are read from a file 'role', did you mean 'roles'?"),
    ("profile.yml", b"title: x\n", "profile.yml", "a file with the suffix .yml is not read"),
    (
        "catalog/x.yaml",
        b"a: {}\n",
        "catalog/x.yaml",
        "no declarations are read from a folder 'catalog', did you mean 'catalogs'?",
    ),
    ("types/sub/x.yaml", b"a: {}\n", "types/sub/x.yaml", "a folder in a folder is not read"),
    ("types/bad.yaml", b"\xff\xfe: a\n", "types/bad.yaml", "the file cannot be read: it is not UTF-8"),
    (
        "types/two.yaml",
        b"A: {title: A, containers: [Shelf], catalogs: [portal_catalog]}\n---\nB: {}\n",
        "types/two.yaml:2",
        "no valid YAML: expected a single document in the stream, but found another document",
    ),
    ("types/anchor.yaml", b"A: *nope\n", "types/anchor.yaml:1", "no valid YAML: found undefined alias 'nope'"),
    (
        "types/tag.yaml",
        b"A: !!python/object:os.system {}\n",
        "types/tag.yaml:1",
        "A: the tag tag:yaml.org,2002:python/object:os.system is not known here",
    ),
    (
        "types/cyc.yaml",
        b"A: &a {title: A, containers: [Shelf], catalogs: [portal_catalog], fields: *a}\n",
        "types/cyc.yaml:1",
        "A.fields: an alias that contains itself, or too much nesting",
    ),
]


def check(folder: Path, files: dict[str, bytes]) -> tuple[int, str]:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    result = CliRunner().invoke(main, ["check", str(folder)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output.replace(f"{folder}/", "")


def test_the_profile_without_a_slip_has_no_mistakes(tmp_path: Path) -> None:
    code, output = check(tmp_path, {name: text.encode() for name, text in FILES.items()})
    assert (code, output.startswith("No mistakes")) == (0, True), output


@pytest.mark.parametrize(("file", "old", "new", "place", "told"), SLIPS)
def test_a_slip_is_told_once(tmp_path: Path, file: str, old: str, new: str, place: str, told: str) -> None:
    assert old in FILES[file]
    changed = FILES | {file: FILES[file].replace(old, new, 1)}
    code, output = check(tmp_path, {name: text.encode() for name, text in changed.items()})
    assert code == 1
    heading, *lines = output.splitlines()
    assert heading == "Error: 1 mistake in the declarations:"
    (line,) = lines
    assert line.startswith(f"{place}: ") and told in line, line


@pytest.mark.parametrize(("file", "content", "place", "told"), STRAY)
def test_a_file_that_is_not_read_is_told_once(tmp_path: Path, file: str, content: bytes, place: str, told: str) -> None:
    files = {name: text.encode() for name, text in FILES.items()}
    code, output = check(tmp_path, files | {file: content})
    assert (code, output.splitlines()[0]) == (1, "Error: 1 mistake in the declarations:")
    (line,) = output.splitlines()[1:]
    assert line.startswith(f"{place}: ") and told in line, line
