"""The thread of a worker that delivers webhooks while this process holds the lease for that.

Every worker of every server has one; the lease lets one of them work. Nothing is lost when it dies: the places of the
hooks are in the database, and another takes over when the lease has expired. It is a thread of a worker and not of the
parent, which has no connection to the database, since workers are forked from it.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final

from sqlalchemy import exc

from objapi.errors import ApiError
from objapi.site import Site
from objapi.store.records import to_micros
from objapi.store.trail.changes import Place
from objapi.store.upgrade.lease import Lease, LeaseRefused
from objapi.webhooks.delivery import deliver
from objapi.webhooks.stored import Webhook, find_webhooks, list_webhooks

LEASE_ROW: Final = "webhooks"
LEASE: Final = timedelta(seconds=90)
"""Time after which another process takes over from one that died."""
POLL_SECONDS: Final = 1.0
"""Time between two looks for changes."""
IDLE_SECONDS: Final = 2.0
"""Time between two looks for hooks, or for the lease that another process holds."""
AT_ONCE: Final = 4
"""Hooks that are delivered to at the same time: a receiver that is slow keeps few others waiting."""
_REST_SECONDS: Final = 30.0
"""Time for which a hook rests whose changes could not be read."""

_log = logging.getLogger("objapi.webhooks")

Count = Callable[[str], None]
"""Called with the outcome of each message: delivered, failed or stopped."""


class Deliverer:
    """Delivers the webhooks of a site; to be made after a fork."""

    def __init__(self, site: Site, count: Count) -> None:
        self._site = site
        self._count = count
        self._lease: Lease | None = None
        self._lock = threading.Lock()
        self._busy: set[str] = set()
        self._looked: dict[str, tuple[str, str]] = {}
        """Id of a hook → its place, and the one after it up to which there is nothing to send."""
        self._rests: dict[str, float] = {}
        self._woken = threading.Event()

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._run, name="webhooks", daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                pause = self.look()
            except (ApiError, exc.SQLAlchemyError) as error:
                _log.info("webhooks were not delivered: %s", error)
                pause = IDLE_SECONDS
            except Exception:  # noqa: BLE001 - the outermost place of the thread; whatever it is gets logged
                _log.exception("Webhooks could not be looked after.")
                pause = _REST_SECONDS
            self._woken.wait(pause)
            self._woken.clear()

    def look(self) -> float:
        """Begin the deliveries that are due, if they are this process's; seconds until the next look."""
        hooks = self._site.transact(list_webhooks, write=False)
        if all(hook.stopped is not None for hook in hooks) or not self._holds_lease():
            return IDLE_SECONDS
        head = self._site.number_requests(aside=True).seq
        for hook in hooks:
            if self._is_due(hook) and Place.of_cursor(self._place(hook)).seq < head and self._take(hook):
                threading.Thread(target=self._deliver, args=(hook.id,), name="webhook", daemon=True).start()
        return POLL_SECONDS

    def _holds_lease(self) -> bool:
        try:
            if self._lease is None:
                lease = Lease(self._site.engine, self._site.now, LEASE_ROW, LEASE)
                if lease.holder() is not None:
                    # To take it is a writing transaction, also in vain.
                    return False
                lease.take()
                self._lease = lease
            else:
                self._lease.renew()
        except LeaseRefused:
            self._lease = None
            return False
        return True

    def _place(self, hook: Webhook) -> str:
        place, looked = self._looked.get(hook.id, ("", ""))
        return looked if place == hook.place else hook.place

    def _is_due(self, hook: Webhook) -> bool:
        return hook.is_due(to_micros(self._site.now()))

    def _take(self, hook: Webhook) -> bool:
        """Note that a hook is being delivered to, unless it is, or rests, or enough others are."""
        with self._lock:
            if hook.id in self._busy or len(self._busy) >= AT_ONCE or self._rests.get(hook.id, 0.0) > time.monotonic():
                return False
            self._busy.add(hook.id)
            return True

    def _deliver(self, hook_id: str) -> None:
        try:
            # Read again: it may have been delivered to after it was listed and before it was taken.
            hook = self._site.transact(partial(find_webhooks, ids=[hook_id]), write=False).get(hook_id)
            if hook is None or not self._is_due(hook):
                return
            done = deliver(self._site, hook, self._place(hook))
            self._looked[hook_id] = (done.hook.place, done.looked)
            if done.hook.stopped is not None:
                self._count("stopped")
            elif done.outcome is not None:
                self._count("delivered" if done.outcome.delivered else "failed")
        except (ApiError, exc.SQLAlchemyError) as error:
            self._rests[hook_id] = time.monotonic() + _REST_SECONDS
            _log.info("the changes of the webhook %s were not read: %s", hook_id, error)
        except Exception:  # noqa: BLE001 - the outermost place of the thread; whatever it is gets logged
            self._rests[hook_id] = time.monotonic() + _REST_SECONDS
            _log.exception("The webhook %s could not be delivered.", hook_id)
        finally:
            with self._lock:
                self._busy.discard(hook_id)
            self._woken.set()
