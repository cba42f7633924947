"""`/metrics`: numbers of the site for Prometheus, given to this machine and to the hosts that the settings name.

Beside what the workers have counted it tells what the database says at that moment of the feed and of webhooks. A
database that is away, or takes too long, is told by the absence of these.
"""

import logging
from collections.abc import Iterator, Sequence
from functools import partial
from ipaddress import ip_network
from typing import Final

from flask import Blueprint, Response, request
from sqlalchemy import Connection, exc
from werkzeug.exceptions import NotFound

from objapi.errors import ApiError
from objapi.http.access import PUBLIC, access
from objapi.http.exchange import UNBELIEVED, current_exchange
from objapi.http.looks import Looks
from objapi.http.metrics import Gauge, describe_gauges, gather_metrics
from objapi.security.origins import is_trusted
from objapi.settings import Settings
from objapi.site import Site
from objapi.store.records import to_micros
from objapi.store.trail.changes import Place
from objapi.store.trail.numbering import Unnumbered, stored_head, unnumbered
from objapi.webhooks.stored import Webhook, list_webhooks

ANSWER_SECONDS: Final = 2.0
"""Time that the database has to tell its numbers."""

_SECOND: Final = 1_000_000
_log = logging.getLogger("objapi")
_THIS_MACHINE: Final = (ip_network("127.0.0.0/8"), ip_network("::1"))
_CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def make_metrics_blueprint(site: Site) -> Blueprint:
    """The blueprint of the route, at the root of the server."""
    metrics = Blueprint("metrics", __name__)
    stored = Looks("metrics", partial(site.transact, partial(_stored_numbers, site=site), write=False, aside=True))

    @metrics.get("/metrics")
    @access(PUBLIC)
    def show_metrics() -> Response:
        """The numbers of all workers; others are answered as at any URL at which there is nothing."""
        numbers = gather_metrics() if _may_read(site.settings) else None
        if numbers is None:
            raise NotFound
        try:
            numbers += describe_gauges(stored.found(ANSWER_SECONDS))
        except (TimeoutError, ApiError, exc.DBAPIError) as error:
            _log.info("the numbers of the feed were not read: %r", error)
        return Response(numbers, content_type=_CONTENT_TYPE)

    return metrics


def _may_read(settings: Settings) -> bool:
    """True for the hosts that may; a proxy that is not trusted asks for nobody knows whom."""
    if UNBELIEVED in request.environ:
        return False
    return is_trusted(current_exchange().address, (*_THIS_MACHINE, *settings.metrics_hosts))


def _stored_numbers(connection: Connection, site: Site) -> list[Gauge]:
    """What the database tells of the feed and of webhooks, in three statements."""
    now, count, hooks = to_micros(site.now()), unnumbered(connection), list_webhooks(connection)
    head = stored_head(connection).seq + count.requests
    running = [hook for hook in hooks if hook.stopped is None]
    return list(_gauges(now, head, count, running, len(hooks) - len(running)))


def _gauges(now: int, head: int, count: Unnumbered, running: Sequence[Webhook], stopped: int) -> Iterator[Gauge]:
    age = 0 if count.oldest is None else max(0, now - count.oldest)
    yield Gauge("objapi_feed_unnumbered", "Committed requests that the feed does not tell yet.", count.requests)
    yield Gauge("objapi_feed_unnumbered_seconds", "Age of the oldest of them.", age / _SECOND)
    behind = max((head - Place.of_cursor(hook.place).seq for hook in running), default=0)
    yield Gauge("objapi_webhook_backlog", "Requests that the webhook furthest behind has not passed.", behind)
    failing = [hook.failing_since for hook in running if hook.failing_since is not None]
    yield Gauge("objapi_webhooks_failing", "Webhooks whose last message was not delivered.", len(failing))
    longest = max((now - since for since in failing), default=0)
    yield Gauge(
        "objapi_webhooks_failing_seconds", "Time for which the longest of them has failed.", max(0, longest) / _SECOND
    )
    yield Gauge("objapi_webhooks_stopped", "Webhooks that have stopped.", stopped)
