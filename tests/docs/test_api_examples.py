"""Every request of the API reference, sent in order to a laboratory of its own, is answered as the page shows."""

import contextlib
import io
import re

import pytest

from objapi.api.methods import METHODS
from objapi.api.responses import JSON_TYPE
from objapi.errors import ApiError
from objapi.settings import SETTINGS
from tests.acceptance.conftest import Serve
from tests.conftest import DATABASES
from tests.docs.examples import SHOWN_ROOT, Reader, examples
from tests.docs.pages import DOCS, ROOT, blocks, table_rows

API = DOCS / "api.md"


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
    called = {match[1] for example in examples(API) if (match := re.search(r"/@@API/(\w+)", example.request.start))}
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
    # What has no name of its own is answered under that of its base; nothing raises the two that are left out.
    every = (error for error in _classes(ApiError) if error.__module__ == ApiError.__module__)
    named = {error.name: str(error.status) for error in every if "name" in vars(error)}
    shown = {row[0]: row[1].partition(",")[0] for row in table_rows(API, "## Errors")}
    assert shown == {name: status for name, status in named.items() if name not in ("ApiError", "CrossDatabase")}


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
