"""Server-sent events: answers that go on for as long as their clients stay, and hold no thread and no connection.

The view of a call makes the first events, by the road of every request; with them it leaves an `EventStream` in the
environment of WSGI. The event loop goes on from there: it waits for the watch of the trail, has the next events made in
a thread, and sends them. Under another server the answer ends with the first events; its client then asks again.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from threading import Lock
from typing import Final, TypeVar

from objapi.errors import Unavailable
from objapi.http.request_bodies import Receive
from objapi.http.trail_watch import TrailWatch

EVENTS: Final = "objapi.events"
"""The key under which the WSGI environment holds the stream with which an answer goes on."""

EVENT_STREAM: Final = "text/event-stream"
"""The media type."""

_T = TypeVar("_T")

InThread = Callable[[Callable[[], _T]], Awaitable[_T]]
"""Does some work in a thread, for the event loop."""

_RETRY_SECONDS: Final = 5
_BETWEEN_LOOKS: Final = 0.5
"""Seconds between two looks of one stream, at least."""
_LOOKS_A_SECOND: Final = 50
"""Looks of all streams of a worker, about: with many of them each looks less often."""
_LOOKS_AT_ONCE: Final = 2
"""Looks that a worker makes at once, so that streams leave connections to requests."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look has found: events as text, maybe none."""

    text: bytes
    more: bool = False
    """True when there may be more already."""
    over: bool = False
    """True when the stream ends here."""


class EventStreams:
    """The streams of one process: at most so many at once."""

    def __init__(self, watch: TrailWatch, most: int, heartbeat: float) -> None:
        self.watch = watch
        self.heartbeat = heartbeat
        self._most = most
        self._lock = Lock()
        self._open = 0
        self._tell: Callable[[int], None] = _tell_nobody
        # Of the event loop that uses it first; a process has one.
        self._turns = asyncio.Semaphore(_LOOKS_AT_ONCE)

    def tell(self, tell: Callable[[int], None]) -> None:
        """Have `tell` called with the number of open streams whenever it changes."""
        self._tell = tell

    def take_place(self) -> None:
        """Count one stream more. Raises Unavailable (503) when all places are taken."""
        with self._lock:
            if self._open >= self._most:
                raise Unavailable(
                    f"{self._most} streams of events are open already (OBJAPI_MAX_EVENT_STREAMS); "
                    "ask for changes without one, or later.",
                    retry_after=_RETRY_SECONDS,
                )
            self._open += 1
            self._tell(self._open)

    def give_back_place(self) -> None:
        """Count one stream less."""
        with self._lock:
            self._open -= 1
            self._tell(self._open)

    @property
    def pause(self) -> float:
        """Seconds between two looks of one stream."""
        return max(_BETWEEN_LOOKS, self._open / _LOOKS_A_SECOND)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """One of the looks that are made at once."""
        async with self._turns:
            yield


class EventStream:
    """One stream, which has a place until it ends: `look` gives what comes after the `first` events."""

    def __init__(self, streams: EventStreams, first: Look, look: Callable[[], Look]) -> None:
        self._streams = streams
        self._first = first
        self._look = look
        self._taken = False
        self._ended = False

    def take(self) -> None:
        """Let the stream outlive the answer of the view; who takes it follows it."""
        self._taken = True

    def leave(self) -> None:
        """End the stream with the answer of the view, unless somebody has taken it."""
        if not self._taken:
            self.end()

    def end(self) -> None:
        """Give the place back, once."""
        if not self._ended:
            self._ended = True
            self._streams.give_back_place()

    async def follow(
        self, in_thread: InThread[Look], receive: Receive, closing: asyncio.Event
    ) -> AsyncGenerator[bytes, None]:
        """The events as they come, and what tells proxies and the client that the stream lives.

        They end when the client has gone, the server is `closing`, or a look says so; who takes them ends the stream.
        """
        streams, loop, woken = self._streams, asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            # The loop may be closed by now: the server has stopped.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(woken.set)

        ends = [loop.create_task(_disconnected(receive)), loop.create_task(closing.wait())]
        for end in ends:
            end.add_done_callback(lambda _: woken.set())
        look = self._first
        try:
            with streams.watch.listening(wake):
                while True:
                    yield look.text
                    if look.over:
                        return
                    if not look.more:
                        await _within(woken.wait(), streams.heartbeat)
                    if any(end.done() for end in ends):
                        return
                    # Before the look: what is numbered meanwhile must not be waited for.
                    woken.clear()
                    async with streams.turn():
                        look = await in_thread(self._look)
                    # Woken at once when the client goes.
                    await asyncio.wait(ends, timeout=streams.pause, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()


async def _within(awaited: Awaitable[object], seconds: float) -> None:
    """Wait for something, at most so long."""
    try:
        async with asyncio.timeout(seconds):
            await awaited
    except TimeoutError:
        return


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


def _tell_nobody(number: int) -> None:
    """Tell nobody: no metrics are gathered."""
