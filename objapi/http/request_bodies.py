"""Bodies of requests, read in the event loop: no thread waits for a client, and no client for one that is slow.

Of each address only so many are read at once, beside those that come at one go. A body that comes slower than it must,
for longer than it may, is given up. Long bodies are written to a temporary file while they come.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Final

from objapi.errors import ApiError, RequestTimeout, Unavailable
from objapi.security.throttle import address_key
from objapi.settings import Settings

Message = MutableMapping[str, Any]
"""A message of ASGI, whose types are `http.request` and `http.disconnect` where it is received."""

Receive = Callable[[], Awaitable[Message]]

SPOOLED: Final = 256 * 1024
"""Bytes up to which a body is held in memory until it is complete."""

DISCARDED: Final = 64 * 1024 * 1024
"""Bytes that are read and thrown away of a body that was refused, so that its sender comes to read the answer."""

_GRACE: Final = 1.0
"""Seconds in which a body may come whole although too many of its address are under way."""

_RETRY_AFTER: Final = 5


class ClientGone(Exception):
    """The client has closed the connection before its request was complete."""


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """Limits of bodies: bytes, numbers of unfinished ones, bytes a second, seconds."""

    size: int
    """Bytes beyond which every face refuses a body."""
    of_address: int
    in_all: int
    rate: int
    """Bytes a second that a body has to bring."""
    stall: float
    """Seconds for which it may bring less."""
    seconds: float

    @classmethod
    def of_settings(cls, settings: Settings) -> "BodyLimits":
        """The limits that a site has."""
        return cls(
            size=max(settings.max_body_size, settings.mxlive_max_body_size),
            of_address=settings.max_unfinished_bodies,
            in_all=settings.max_unfinished_in_all,
            rate=settings.min_body_rate,
            stall=settings.body_stall_limit,
            seconds=settings.body_time_limit,
        )


@dataclass(slots=True, eq=False)
class _Unfinished:
    """A body that is being read, and the refusal for which it is given up when its time is over."""

    address: str
    limit: asyncio.Timeout
    refusal: ApiError = field(
        default_factory=lambda: RequestTimeout("The body of the request came too slowly, or took too long in all.")
    )
    counts: bool = True
    """False for one beyond the number of its address, which has to come at once."""


class RequestBodies:
    """Bodies that one process reads at a time. To be used in its event loop alone."""

    def __init__(self, limits: BodyLimits) -> None:
        self._limits = limits
        self._by_address: dict[str, list[_Unfinished]] = {}
        self._count = 0

    def exceeds(self, length: int) -> bool:
        """True for a declared length that every face refuses, so that nothing of the body need be read."""
        return length > self._limits.size

    async def read(self, address: str, receive: Receive, declared: int | None) -> tuple[IO[bytes], int]:
        """A whole body and its length, which may have been declared; of one beyond the limit, what came until it was.

        Raises Unavailable when too many stay unfinished, RequestTimeout when it is too slow, and ClientGone.
        """
        body = SpooledTemporaryFile(max_size=SPOOLED)  # noqa: SIM115 - the caller closes it
        try:
            length = await self._receive(address, receive, body, declared, self._limits.size)
            body.seek(0)
        except OSError as error:
            body.close()
            raise Unavailable("The server cannot store the body now.", retry_after=_RETRY_AFTER) from error
        except BaseException:
            body.close()
            raise
        return body, length

    async def discard(self, address: str, receive: Receive) -> None:
        """Read and throw away what is left of a body, within the limits of all others."""
        try:
            await self._receive(address, receive, None, None, DISCARDED)
        except (ApiError, ClientGone):
            return

    async def _receive(
        self, address: str, receive: Receive, into: IO[bytes] | None, declared: int | None, most: int
    ) -> int:
        """Bytes read until the body ended or exceeded `most`."""
        loop, length = asyncio.get_running_loop(), 0
        started = loop.time()
        deadline = started + self._limits.stall
        limit = asyncio.timeout_at(deadline)
        body = self._begin(address_key(address), limit)
        last = started + (self._limits.seconds if body.counts else _GRACE)
        try:
            async with limit:
                limit.reschedule(min(deadline, last))
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        raise ClientGone
                    piece: bytes = message["body"]
                    length += len(piece)
                    if into is not None:
                        into.write(piece)
                    if length == declared or not message["more_body"] or length > most:
                        return length
                    if limit.expired():
                        # What ends at the moment at which it is cancelled may answer as if nothing had been: then the
                        # limit would never come again. Where it was cancelled all the same, that is raised here.
                        await asyncio.sleep(0)
                        raise body.refusal
                    # What came buys time, but never more than a body may stand still.
                    now = loop.time()
                    deadline = min(deadline + len(piece) / self._limits.rate, now + self._limits.stall)
                    # A body that was given up for another stays so.
                    if (limit.when() or 0) > now:
                        limit.reschedule(min(deadline, last))
        except TimeoutError:
            raise body.refusal from None
        finally:
            self._end(body)

    def _begin(self, address: str, limit: asyncio.Timeout) -> _Unfinished:
        if self._count >= self._limits.in_all:
            self._give_one_up()
        own = self._by_address.setdefault(address, [])
        body = _Unfinished(address, limit)
        if sum(other.counts for other in own) >= self._limits.of_address:
            body.counts = False
            body.refusal = Unavailable(
                "Too many requests from your address are not sent to their end yet. Finish them, then try again.",
                retry_after=_RETRY_AFTER,
            )
        own.append(body)
        self._count += 1
        return body

    def _give_one_up(self) -> None:
        """End the oldest body of the address that has most, so that one client does not take the room of all."""
        most = max(self._by_address.values(), key=len)
        body = most[0]
        body.refusal = Unavailable(
            "Too many requests are not sent to their end yet, most of them from your address. Try again.",
            retry_after=_RETRY_AFTER,
        )
        if not body.limit.expired():
            body.limit.reschedule(asyncio.get_running_loop().time())
        self._end(body)

    def _end(self, body: _Unfinished) -> None:
        """Count a body as finished; once, since one that was given up is not counted any more."""
        own = self._by_address.get(body.address, [])
        if body in own:
            own.remove(body)
            self._count -= 1
        if not own:
            self._by_address.pop(body.address, None)
