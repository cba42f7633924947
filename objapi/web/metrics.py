"""`/metrics`: numbers of the site for Prometheus, given to this machine and to the hosts that the settings name."""

from ipaddress import ip_network
from typing import Final

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from objapi.http.access import PUBLIC, access
from objapi.http.exchange import UNBELIEVED, current_exchange
from objapi.http.metrics import gather_metrics
from objapi.security.origins import is_trusted
from objapi.settings import Settings

_THIS_MACHINE: Final = (ip_network("127.0.0.0/8"), ip_network("::1"))
_CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def make_metrics_blueprint(settings: Settings) -> Blueprint:
    """The blueprint of the route, at the root of the server."""
    metrics = Blueprint("metrics", __name__)

    @metrics.get("/metrics")
    @access(PUBLIC)
    def show_metrics() -> Response:
        """The numbers of all workers; others are answered as at any URL at which there is nothing."""
        numbers = gather_metrics() if _may_read(settings) else None
        if numbers is None:
            raise NotFound
        return Response(numbers, content_type=_CONTENT_TYPE)

    return metrics


def _may_read(settings: Settings) -> bool:
    """True for the hosts that may; a proxy that is not trusted asks for nobody knows whom."""
    if UNBELIEVED in request.environ:
        return False
    return is_trusted(current_exchange().address, (*_THIS_MACHINE, *settings.metrics_hosts))
