"""Every request of the API reference, sent in order to a laboratory of its own, is answered as the page shows."""

import contextlib
import io
import re

import pytest

from objapi.api.methods import METHODS
from objapi.api.responses import JSON_TYPE
from objapi.errors import ApiError
from objapi.model.loading import load_registry
from objapi.model.types import Kind
from objapi.settings import SETTINGS
from tests.acceptance.conftest import Serve
from tests.conftest import DATABASES
from tests.docs.examples import SHOWN_ROOT, Reader, examples
from tests.docs.pages import DOCS, ROOT, blocks, table_rows

API = DOCS / "api.md"
SHEETS = DOCS / "sheets.md"


@pytest.fixture(scope="module", params=DATABASES)
def root(request: pytest.FixtureRequest, serve: Serve) -> str:
    """The URL of a laboratory as `make serve` has it, that nobody else has touched."""
    (profiles,) = re.findall(r"OBJAPI_PROFILES:-([\w,]+)", (ROOT / "Makefile").read_text(encoding="utf-8"))
    return serve(request.param, OBJAPI_PROFILES=profiles)


def test_answers_are_as_shown(root: str) -> None:
    reader = Reader(root)
    reader.follow(API)
    assert not reader.problems, "\n".join(reader.problems)


def test_the_snippet_of_the_readme_lists_the_clients(root: str) -> None:
    (block,) = blocks(ROOT / "README.md", "python")
    assert len(block.text.splitlines()) <= 10
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block.text.replace(SHOWN_ROOT, root), block.place, "exec"), {})
    assert "'Green Valley Orchards'" in printed.getvalue()


def test_every_method_has_an_example() -> None:
    called = {match[1] for example in examples(API) if (match := re.search(r"/@@API/([\w.]+)", example.request.start))}
    # The commands of that page are run by a test of its own.
    called.update(re.findall(r"curl .*/@@API/(\w+)", SHEETS.read_text(encoding="utf-8")))
    assert called == set(METHODS)


def test_every_control_parameter_is_named() -> None:
    text = API.read_text(encoding="utf-8")
    spelled = {
        name for method in METHODS for control in METHODS[method].controls for name in (control.name, *control.aliases)
    }
    missing = sorted(name for name in spelled if f"`{name}" not in text and f"{name}=" not in text)
    assert not missing


def _classes(error: type[ApiError]) -> list[type[ApiError]]:
    return [error, *(found for other in error.__subclasses__() for found in _classes(other))]


def test_the_table_of_errors_holds_every_error_with_its_status() -> None:
    # What has no name of its own is answered under that of its base; nothing raises the base itself.
    every = (error for error in _classes(ApiError) if error.__module__ == ApiError.__module__)
    named = {error.name: str(error.status) for error in every if "name" in vars(error)}
    shown = {row[0]: row[1].partition(",")[0] for row in table_rows(API, "## Errors")}
    assert shown == {name: status for name, status in named.items() if name != "ApiError"}


def test_every_parameter_of_a_new_request_is_named_with_its_kind() -> None:
    request = load_registry(["lims"]).types["AnalysisRequest"]
    sent = {
        name: field
        for name, field in {**request.fields, **request.create_parameters}.items()
        if field.kind is not Kind.COMPUTED and field.alias_of is None and not field.system
    }
    section = API.read_text(encoding="utf-8").partition("What a request is created with:")[2].partition("### Files")[0]
    rows = re.findall(r"^\| (`.*?) \| (.*?) \|", section, re.MULTILINE)
    shown = {name: kind for cell, kind in rows for name in re.findall(r"`(\w+)`", cell)}
    assert shown.keys() == sent.keys()
    required = {name for name, kind in shown.items() if kind.endswith("required")}
    assert required == {name for name, field in sent.items() if field.required}


def test_the_road_names_those_who_may_go_it() -> None:
    registry = load_registry(["lims"])
    guards = {
        "receive": ("bika_ar_workflow", "sample_due"),
        "submit": ("bika_analysis_workflow", "sample_received"),
        "verify": ("bika_analysis_workflow", "to_be_verified"),
        "publish": ("bika_ar_workflow", "verified"),
    }
    shown = {row[0]: set(row[2].split(", ")) for row in table_rows(API, "## From a request to its report")}
    for step, (workflow_id, state) in guards.items():
        workflow = registry.workflows[workflow_id]
        permission = workflow.transitions[step].guard.permissions[0]
        setting = workflow.states[state].permissions.get(permission)
        if setting is None or setting.acquire:
            setting = registry.roles.permissions[permission]
        assert shown[step] == set(setting.roles), step
    assert shown["enter results"] == shown["submit"]


def test_the_settings_for_old_clients_are_there() -> None:
    rows = table_rows(API, "### Settings for old clients")
    assert rows
    assert {row[0] for row in rows} <= {setting.env for setting in SETTINGS}


def test_the_limits_are_those_of_the_settings() -> None:
    defaults = {setting.env: setting.default for setting in SETTINGS}
    rows = table_rows(API, "## Limits")
    assert rows
    assert {row[0]: row[1] for row in rows} == {row[0]: defaults[row[0]] for row in rows}


def test_a_wrong_answer_is_noted() -> None:
    """The comparison can fail: one example with everything wrong that can be."""
    reader = Reader("http://there", names={"uid": "1"})
    example = next(examples(API))
    cases: list[tuple[object, object]] = [
        ({"a": 1}, {}),
        ([1], [1, 2]),
        ([1, "…"], []),
        (["…", 3, "…"], [1, 2]),
        (["…", 2, 4, "…"], [1, 2, 3]),
        ("a…", "ba"),
        ("{uid}", "2"),
        (1, True),
        ("1", 1),
        ({"a": [{"b": None}]}, {"a": [{"b": 0}]}),
    ]
    for shown, found in cases:
        before = len(reader.problems)
        reader._compare(example, "", shown, found)
        assert len(reader.problems) > before, (shown, found)


def test_the_media_type_is_as_written() -> None:
    assert JSON_TYPE in API.read_text(encoding="utf-8")
