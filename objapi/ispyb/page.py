"""The page of the routes at `/redoc`, for people without scripts."""

from base64 import b64encode
from hashlib import sha256
from itertools import groupby
from typing import Final

from flask import Response, render_template
from markupsafe import Markup

from objapi.ispyb import API_ROOT
from objapi.ispyb.face import Face
from objapi.ispyb.wire.routes import IspybRoute

_STYLE: Final = """
body { margin: 0 auto; max-width: 60rem; padding: 1rem; font: 1rem/1.55 system-ui, sans-serif; }
body { overflow-wrap: anywhere; }
dt { margin-top: 1rem; }
dd { margin: 0 0 0 1rem; }
code { font: .92em/1.4 ui-monospace, monospace; }
"""
"""Style of the page: paths of routes break, so that nothing is wider than a telephone."""
_DIGEST: Final = b64encode(sha256(_STYLE.encode()).digest()).decode()
_POLICY: Final = f"default-src 'none'; style-src 'sha256-{_DIGEST}'; frame-ancestors 'none'; base-uri 'none'"


def show_routes(face: Face) -> Response:
    """All routes by subject, with what they take and which permission they need."""

    def title(route: IspybRoute) -> str:
        return route.group

    groups = [(name, list(routes)) for name, routes in groupby(sorted(face.routes, key=title), key=title)]
    body = render_template(
        "ispyb_routes.html",
        # The style is our own, and its digest is in the policy.
        style=Markup(_STYLE),  # noqa: S704
        groups=groups,
        api_root=API_ROOT,
        description_url=f"{API_ROOT}/openapi.json",
    )
    return Response(body, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": _POLICY})
