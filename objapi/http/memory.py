"""Memory that a large request took is given back to the system.

What Python frees stays with the C library, and what a failed request made stays with its traceback until the garbage
collector comes by, which in a quiet worker it does not. Only glibc is asked; other libraries return memory themselves.
"""

import ctypes
import gc
import platform
import threading
from collections.abc import Iterable
from typing import Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_LARGE: Final = 128 * 1024
_REST_SECONDS: Final = 1.0
_COSTLY: Final = 2
"""Collections during a request from which on it counts as large: a thousand rows come in a body of 60 kB."""
_DUE: Final = 20
"""Collections since the last clean-up from which on it is time for one, whatever requests there were."""
# Numbers of malloc.h: arenas at most, and bytes from which blocks are mapped, and the free end of the heap is returned.
_ALLOCATION: Final = ((-8, 2), (-3, 256 * 1024), (-1, 256 * 1024))

SERVING: Final = (20_000, 20, 10)
"""New objects before a collection of the youngest, and numbers of collections before one of older objects."""
LOADING: Final = (200_000, 20, 100)
"""The same for a command that stores chunks of thousands of objects; collections took a fifth of its time."""


def limit_allocation() -> None:
    """Let the C library keep less for later (mallopt(3)): by default freed blocks of up to 32 MiB, for each thread."""
    library = _glibc()
    if library is not None:
        for parameter, value in _ALLOCATION:
            library.mallopt(parameter, value)


def limit_collections(thresholds: tuple[int, int, int]) -> None:
    """Leave what start-up made out of garbage collections, and collect after more new objects than Python does.

    Declarations and compiled statements live as long as the process. By default a bulk write goes through them, and
    through its own objects, some hundred times.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*thresholds)


class MemoryReturn:
    """WSGI middleware that cleans up a second after a request with a large body, or one that made many objects."""

    def __init__(self, application: WSGIApplication, rest: float = _REST_SECONDS) -> None:
        self._application = application
        self._rest = rest
        self._lock = threading.Lock()
        self._cleaned_at = collections()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as the application does."""
        length = str(environ.get("CONTENT_LENGTH") or "0")
        # Of a body without a length the size is not known.
        large = "HTTP_TRANSFER_ENCODING" in environ or (length.isdigit() and int(length) > _LARGE)
        before = collections()
        answer = self._application(environ, start_response)
        after = collections()
        large = large or after - before >= _COSTLY or after - self._cleaned_at >= _DUE
        # One clean-up is enough for all requests of a second.
        if large and self._lock.acquire(blocking=False):
            timer = threading.Timer(self._rest, self._clean_up)
            timer.daemon = True
            timer.start()
        return answer

    def _clean_up(self) -> None:
        self._lock.release()
        give_back()
        self._cleaned_at = collections()


def collections() -> int:
    """Number of garbage collections so far, of whatever generation: each stands for so many new objects."""
    return sum(generation["collections"] for generation in gc.get_stats())


def give_back() -> None:
    """Collect garbage and return free memory to the system."""
    gc.collect()
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
