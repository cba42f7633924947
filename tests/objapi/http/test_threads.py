"""Threads that answer requests, where the system refuses to start one."""

import asyncio
import threading
from queue import SimpleQueue

import pytest

from objapi.http.asgi import _finish
from objapi.http.threads import RequestThreads
from tests.waiting import ENOUGH


def _refuse(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_without_any_thread_the_work_is_refused_and_never_done(monkeypatch: pytest.MonkeyPatch) -> None:
    done: SimpleQueue[str] = SimpleQueue()
    threads = RequestThreads(1)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", _refuse)
        with pytest.raises(RuntimeError):
            threads.submit(lambda: done.put("refused"))
    assert threads.count == 0
    threads.submit(lambda: done.put("next"))
    assert done.get(timeout=ENOUGH) == "next"
    assert done.empty()


def test_work_waits_for_a_thread_that_runs_when_no_other_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    done: SimpleQueue[str] = SimpleQueue()
    begun, go_on = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go_on.wait(ENOUGH)
        done.put("first")

    threads = RequestThreads(2)
    threads.submit(work)
    assert begun.wait(ENOUGH)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", _refuse)
        threads.submit(lambda: done.put("second"))
    assert threads.count == 1
    go_on.set()
    assert [done.get(timeout=ENOUGH), done.get(timeout=ENOUGH)] == ["first", "second"]


def test_a_cancelled_request_is_not_finished_again() -> None:
    async def finish() -> bool:
        cancelled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        cancelled.cancel()
        _finish(cancelled, None)
        return cancelled.cancelled()

    assert asyncio.run(finish())
