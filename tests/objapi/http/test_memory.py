"""Memory is given back after large requests, and only after those."""

import platform
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from objapi.http import memory
from objapi.http.memory import MemoryReturn, give_back

PAGE = 4096


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


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are not told")
def test_what_was_freed_goes_back_to_the_system() -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE

    give_back()
    before = resident()
    texts = [str(number) * 20 for number in range(400_000)]
    assert resident() - before > 30_000_000
    texts.clear()
    give_back()
    assert resident() - before < 15_000_000
