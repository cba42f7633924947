"""Bodies that are read in an event loop: their limits hold at whatever moment a piece of them comes."""

import asyncio
from typing import Any

import pytest

from objapi.errors import RequestTimeout
from objapi.http.request_bodies import BodyLimits, Message, RequestBodies

LIMITS = BodyLimits(size=1000, of_address=1, in_all=1, rate=1, stall=0.01, seconds=3600)


class Deaf(asyncio.Future[Message]):
    """What a server gives to wait for, when its result is on the way and it is cancelled: it ends as if it were not."""

    def cancel(self, msg: Any = None) -> bool:
        if not self.done():
            self.set_result({"type": "http.request", "body": b"abc", "more_body": True})
        return True


@pytest.mark.parametrize("waits", [Deaf, asyncio.Future], ids=["cancelled too late", "cancelled"])
def test_a_body_is_given_up_even_if_a_piece_comes_at_that_moment(waits: type[asyncio.Future[Message]]) -> None:
    asked = []

    async def receive() -> Message:
        asked.append(waits())
        return {"type": "http.disconnect"} if len(asked) > 1 else await asked[0]

    async def read() -> None:
        await RequestBodies(LIMITS).read("127.0.0.1", receive, None)

    with pytest.raises(RequestTimeout):
        asyncio.run(read())
    assert len(asked) == 1
