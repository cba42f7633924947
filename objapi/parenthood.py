"""Ending together with the parent process, however that ends.

On Linux the kernel sends a signal when a parent dies (prctl(2), PR_SET_PDEATHSIG). A watching thread does the same
where that is missing, and in the moment before it is asked for.
"""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 1.0


def end_without_parent(parent: int) -> None:
    """Make this process, a `multiprocessing` child of the process with id `parent`, end at once when that ends.

    No clean-up is run: an open transaction is rolled back by the database.
    """
    _ask_kernel(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    threading.Thread(target=_exit_after_parent, name="parent-watch", daemon=True).start()


def end_with_parent(number: signal.Signals) -> None:
    """Send this process the signal `number` when the process that started it ends."""
    parent = os.getppid()
    _ask_kernel(number)
    threading.Thread(target=_signal_after_parent, args=(parent, number), name="parent-watch", daemon=True).start()


def _ask_kernel(number: signal.Signals) -> None:
    if sys.platform == "linux" and ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0):
        error = ctypes.get_errno()
        raise OSError(error, f"prctl(PR_SET_PDEATHSIG): {os.strerror(error)}")


def _exit_after_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _signal_after_parent(parent: int, number: signal.Signals) -> None:
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    os.kill(os.getpid(), number)
