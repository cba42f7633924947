"""Memory is given back after large requests, and only after those."""

import gc
import platform
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from objapi.http import memory
from objapi.http.memory import MemoryReturn

PAGE = 4096
ROOT = Path(__file__).parents[3]


class Timer:
    """A timer whose time has come as soon as it is started."""

    daemon = False

    def __init__(self, interval: float, function: Callable[[], None]) -> None:
        self.start = function


@pytest.mark.parametrize(
    ("environ", "cleaned"),
    [
        ({}, False),
        ({"CONTENT_LENGTH": ""}, False),
        ({"CONTENT_LENGTH": "1000"}, False),
        ({"CONTENT_LENGTH": str(2 * 1024 * 1024)}, True),
        ({"HTTP_TRANSFER_ENCODING": "chunked"}, True),
    ],
)
def test_a_large_request_is_cleaned_up_after(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, Any], cleaned: bool
) -> None:
    cleanings: list[bool] = []
    monkeypatch.setattr(memory, "give_back", lambda: cleanings.append(True))
    monkeypatch.setattr(threading, "Timer", Timer)

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return [b"answer"]

    returning = MemoryReturn(application)
    for _ in range(2):
        cleanings.clear()
        assert returning(environ, lambda *args: lambda data: None) == [b"answer"]
        assert bool(cleanings) is cleaned


@pytest.mark.parametrize(("collections", "cleaned_after"), [(2, 1), (1, 20), (0, None)])
def test_requests_that_make_many_objects_are_cleaned_up_after(
    monkeypatch: pytest.MonkeyPatch, collections: int, cleaned_after: int | None
) -> None:
    """However small their bodies are: garbage is collected whenever so many objects were made."""
    cleanings: list[bool] = []
    made = [0]
    monkeypatch.setattr(memory, "collections", lambda: made[0])
    monkeypatch.setattr(memory, "give_back", lambda: cleanings.append(True))
    monkeypatch.setattr(threading, "Timer", Timer)

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        made[0] += collections
        return [b"answer"]

    returning = MemoryReturn(application)
    found = []
    for number in range(1, 21):
        returning({"CONTENT_LENGTH": "100"}, lambda *args: lambda data: None)
        if cleanings:
            found.append(number)
        cleanings.clear()
    assert found[:1] == ([] if cleaned_after is None else [cleaned_after])


def test_collections_are_counted_in_every_generation() -> None:
    before = memory.collections()
    for generation in (0, 1, 2):
        gc.collect(generation)
    assert memory.collections() >= before + 3


# In a process of its own: what this one has freed before would be taken first.
HELD_AND_GIVEN_BACK = """
from pathlib import Path

from objapi.http.memory import give_back


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1])


give_back()
before = resident()
texts = [str(number) * 20 for number in range(400_000)]
held = resident() - before
texts.clear()
give_back()
print(held, resident() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are not told")
def test_what_was_freed_goes_back_to_the_system() -> None:
    command = [sys.executable, "-c", HELD_AND_GIVEN_BACK]
    output = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    held, left = (int(pages) * PAGE for pages in output.split())
    assert held > 30_000_000
    assert left < 15_000_000


# In a process of its own: this one's collector stays as it is.
COLLECTED_LESS = """
import gc

from objapi.http.memory import SERVING, limit_collections

made = [[] for _ in range(1000)]
limit_collections(SERVING)
print(gc.get_freeze_count() > 1000, gc.get_threshold()[0] > 700)
"""


def test_what_start_up_made_is_left_out_of_collections() -> None:
    found = subprocess.run([sys.executable, "-c", COLLECTED_LESS], cwd=ROOT, capture_output=True, check=True, text=True)
    assert found.stdout.split() == ["True", "True"]
