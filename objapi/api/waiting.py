"""Calls that wait for something to tell: between two looks they hold neither a transaction nor a connection."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from flask import Response

from objapi.api import responses
from objapi.api.method import Method, MethodCall, Reply
from objapi.http.trail_watch import TrailWatch
from objapi.http.visitors import Visitor
from objapi.site import Site
from objapi.store.transaction import Transaction

_BETWEEN_LOOKS: Final = 0.5
"""Seconds between two looks of one caller, however much happens that they are not told."""


@dataclass(frozen=True, slots=True)
class WaitingCall:
    """A call that is carried out again while its answer has nothing new, until its time is over.

    `admit` makes the call, when the caller may make it, `run` carries it out.
    """

    site: Site
    watch: TrailWatch
    method: Method
    visitor: Visitor
    admit: Callable[[Transaction], MethodCall]
    run: Callable[[MethodCall, Transaction], Reply]

    def respond(self, seconds: int) -> Response:
        """The answer that has something new, or the last one when the time is over. Raises Unavailable (503)."""
        deadline = time.monotonic() + seconds
        more: dict[str, str] = {}
        with self.watch.place():
            while True:
                # Before the look: what is committed between the two must not be waited for.
                seq = self.site.number_requests().seq
                reply = self._look(more)
                following = self.method.following(reply)
                left = deadline - time.monotonic()
                if following is None or left <= 0:
                    self.visitor.renew()
                    return responses.respond(reply)
                if more:
                    # Something had happened, but nothing that this caller is told.
                    time.sleep(min(_BETWEEN_LOOKS, left))
                more |= following
                self.watch.wait_beyond(seq, deadline - time.monotonic())

    def _look(self, more: dict[str, str]) -> Reply:
        def look(tx: Transaction) -> Reply:
            call = self.admit(tx)
            values = {**call.controls.values, **more}
            return self.run(replace(call, controls=replace(call.controls, values=values)), tx)

        with self.visitor.counting_failures():
            return self.site.run(self.visitor.load, look, write=False)
