"""Disks that may hang: network disks of beamlines do, and a thread that waits for one cannot be ended.

A disk is asked in a thread of its own, and the answer is waited for a while only. As long as a question is overdue,
nothing else is asked of that disk: whoever comes next is answered at once that it is silent. So a dead disk costs one
waiting time, and the number of threads that hang on it stays small.
"""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock, Thread
from typing import Any, Final, TypeVar, cast

from objapi.ispyb.values.errors import Refusal

_T = TypeVar("_T")

READ_SECONDS: Final = 30.0
"""Time to wait for the contents of a file, an image or a data set, once the disk is known to answer."""

SILENT: Final = "The disk that holds the file does not answer; try again later."
_RETRY_SECONDS: Final = "30"


class DiskSilent(Refusal):
    """A disk did not answer in time (503)."""

    def __init__(self) -> None:
        super().__init__(503, SILENT, {"Retry-After": _RETRY_SECONDS})


class Disk:
    """Everything below one data root; roots are where disks are mounted."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._overdue: set[Future[Any]] = set()

    @property
    def silent(self) -> bool:
        """True while a question is overdue."""
        return bool(self._overdue)

    def ask(self, work: Callable[[], _T], seconds: float) -> _T:
        """Do work that touches the disk; raises DiskSilent when it takes longer, and whatever the work raises."""
        if self.silent:
            raise DiskSilent
        answer: Future[_T] = Future()
        # A daemon: a thread that hangs must not keep the process from ending.
        Thread(target=self._work, args=(work, answer), name="disk", daemon=True).start()
        try:
            return answer.result(seconds)
        except TimeoutError:
            with self._lock:
                if not answer.done():
                    self._overdue.add(answer)
                    raise DiskSilent from None
            return answer.result()

    def _work(self, work: Callable[[], _T], answer: Future[_T]) -> None:
        value: _T | None = None
        failure: BaseException | None = None
        try:
            value = work()
        except BaseException as error:  # noqa: BLE001 - it is raised again where the answer is waited for
            failure = error
        with self._lock:
            if failure is None:
                answer.set_result(cast(_T, value))
            else:
                answer.set_exception(failure)
            self._overdue.discard(answer)


_disks: Final[dict[str, Disk]] = {}


def disk_of(root: str) -> Disk:
    """The disk below a data root: one for the whole process."""
    return _disks.setdefault(root, Disk())


HDF5_LIBRARY: Final = Disk()
"""The library that reads HDF5 files, asked like a disk: it lets one thread in at a time, so that a file on a disk that
hangs holds up those on other disks, but nothing else."""
