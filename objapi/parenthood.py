"""Ending together with the parent process, however that ends.

On Linux the kernel sends a signal when a parent dies (prctl(2), PR_SET_PDEATHSIG). A watching thread does the same
where that is missing, and in the moment before it is asked for.
"""

import ctypes
import multiprocessing
import os
import re
import signal
import sys
import threading
import time
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.5

# In a mask of proc(5) signal n is bit n - 1.
_ENDING = sum(1 << (number - 1) for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM))


def end_without_parent(parent: int) -> None:
    """Make this process, a `multiprocessing` child of the process with id `parent`, end at once when that ends.

    No clean-up is run: an open transaction is rolled back by the database.
    """
    _ask_kernel(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    threading.Thread(target=_exit_after_parent, name="parent-watch", daemon=True).start()


def end_with_parent(number: signal.Signals) -> None:
    """Send this process the signal `number` when the process that started it ends, or is about to and waits for us.

    The second is what GNU make does on SIGINT and SIGHUP: it stops catching the signal, waits for its children, to
    which it passes only SIGTERM on, and means to die of the signal when they are gone.
    """
    parent = os.getppid()
    caught = _caught_signals(parent)
    _ask_kernel(number)

    def watch() -> None:
        while os.getppid() == parent and not caught & ~_caught_signals(parent):
            time.sleep(_POLL_SECONDS)
        os.kill(os.getpid(), number)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def _ask_kernel(number: signal.Signals) -> None:
    if sys.platform == "linux" and ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0):
        error = ctypes.get_errno()
        raise OSError(error, f"prctl(PR_SET_PDEATHSIG): {os.strerror(error)}")


def _exit_after_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _caught_signals(pid: int) -> int:
    """The signals that a process has handlers for, as the bit mask of proc(5); none where there is no /proc."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    mask = re.search(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return int(mask[1], 16) & _ENDING if mask else 0
