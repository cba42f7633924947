"""A page for people that tells the routes: at `/docs` and `/redoc`, where those of py-ISPyB are."""

from itertools import groupby

from flask import Response, render_template

from objapi.ispyb import API_ROOT
from objapi.ispyb.face import Face
from objapi.ispyb.wire.routes import IspybRoute


def show_routes(face: Face) -> Response:
    """All routes by subject, with what they take and which permission they need."""

    def title(route: IspybRoute) -> str:
        return route.group

    groups = [(name, list(routes)) for name, routes in groupby(sorted(face.routes, key=title), key=title)]
    body = render_template(
        "ispyb_routes.html", groups=groups, api_root=API_ROOT, description_url=f"{API_ROOT}/openapi.json"
    )
    return Response(body, content_type="text/html; charset=utf-8")
