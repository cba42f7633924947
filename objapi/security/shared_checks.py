"""Equal credentials that arrive at once share one check, and its outcome."""

from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Any, TypeVar

T = TypeVar("T")


class SharedChecks:
    """Checks that are running in this process. Safe to use from several threads."""

    def __init__(self) -> None:
        self._running: dict[Hashable, Future[Any]] = {}
        self._lock = Lock()

    def run(self, key: Hashable, check: Callable[[], T]) -> T:
        """The outcome of `check`, or that of the one with an equal key that is running already.

        An error is an outcome, too: it is raised for all who share the check.
        """
        with self._lock:
            running: Future[T] | None = self._running.get(key)
            if running is None:
                outcome: Future[T] = Future()
                self._running[key] = outcome
        if running is not None:
            return running.result()
        try:
            outcome.set_result(check())
        except BaseException as error:  # noqa: BLE001 - raised for everybody who shares the check
            outcome.set_exception(error)
        finally:
            with self._lock:
                del self._running[key]
        return outcome.result()
