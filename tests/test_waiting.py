"""Tests depend on no clock but for `tests/waiting.py`."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
POLLING = TESTS / "waiting.py"

CLOCKS = {"sleep", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time"}
SHORTEST = 60
# Methods that take seconds as their only number, by position.
WAITING = {"wait", "join", "result", "settimeout"}
# What a page shows at this moment, in Playwright's words: an assertion about it has to wait (`browser.expect`).
AT_ONCE = {"all_inner_texts", "count", "get_attribute", "inner_text", "input_value", "is_checked", "is_visible"}


def called(node: ast.Call) -> str:
    """The last part of the name of what is called."""
    match node.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def short(node: ast.expr) -> bool:
    """True for seconds, written as a number, that a busy machine may need."""
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float) and node.value < SHORTEST


def hasty(node: ast.Assert) -> Iterator[str]:
    """What an assertion reads off a page without waiting for it."""
    for part in ast.walk(node.test):
        match part:
            case ast.Call(func=ast.Attribute(value=shown, attr=name)) if name in AT_ONCE:
                where = ast.unparse(shown)
                if name not in {"count", "get_attribute"} or "locator(" in where or "get_by_" in where:
                    yield ast.unparse(part)


def clocked(source: str) -> Iterator[str]:
    """What in a test's source makes its result depend on the speed of the machine."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ImportFrom(module="time", names=names):
                yield from (f"from time import {name.name}" for name in names if name.name in CLOCKS | {"time"})
            case ast.Attribute(value=ast.Name(id="time"), attr=attribute) if attribute in CLOCKS | {"time"}:
                yield f"time.{attribute}"
            case ast.Assert():
                yield from hasty(node)
            case ast.Call(args=[seconds]) if called(node) in WAITING and short(seconds):
                yield ast.unparse(node)
            case ast.Call(keywords=keywords):
                yield from (
                    ast.unparse(keyword)
                    for keyword in keywords
                    if (keyword.arg == "timeout" and short(keyword.value))
                    or (keyword.arg == "deadline" and ast.unparse(keyword.value) != "None")
                )


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import time\ntime.sleep(0.2)", ["time.sleep"]),
        ("from time import perf_counter, struct_time", ["from time import perf_counter"]),
        ("begun = time.time()", ["time.time"]),
        ("requests.get(url, timeout=5)", ["timeout=5"]),
        ("requests.get(url, timeout=ENOUGH)\nrequests.get(url, timeout=60)", []),
        ("event.wait(0.5)\nthread.join(5)\na.result(30)", ["a.result(30)", "event.wait(0.5)", "thread.join(5)"]),
        ("event.wait()\nthread.join(60)\nfuture.result(ENOUGH)\n', '.join(names)", []),
        ("@settings(deadline=200)\ndef test(): ...", ["deadline=200"]),
        ("@settings(deadline=None)\ndef test(): ...", []),
        ("assert page.locator('tr').count() == 3", ["page.locator('tr').count()"]),
        ("assert 'done' in note.inner_text()", ["note.inner_text()"]),
        ("expect(page.locator('tr')).to_have_count(3)\nassert names.count('a') == query.count()", []),
    ],
)
def test_what_depends_on_the_speed_of_the_machine_is_found(source: str, found: list[str]) -> None:
    assert sorted(clocked(source)) == found


def test_no_test_depends_on_the_speed_of_the_machine() -> None:
    paths = [path for path in TESTS.rglob("*.py") if path != POLLING]
    assert len(paths) > 200
    found = {str(path.relative_to(TESTS)): list(clocked(path.read_text("utf-8"))) for path in paths}
    assert {path: places for path, places in found.items() if places} == {}
