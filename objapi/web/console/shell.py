"""The shell of a page of the console: title, scripts and styles, and what the page shows first as a block of JSON.

The block is no script that runs; a strict policy lets nothing run that is not a file of this site.
"""

import json
from collections.abc import Mapping
from typing import Final

from flask import Response, render_template
from markupsafe import Markup

from catalog import IndexKind
from objapi.http.exchange import current_exchange
from objapi.http.visitors import current_visitor
from objapi.site import Site
from objapi.web.console.pages import PAGES
from objapi.web.pages import site_path
from objapi.web.preferences import preferred_theme
from objapi.web.static_files import built, static_url
from objapi.web.texts import LANGUAGES, language, preferred_language, texts_of_scripts, translator

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

# Characters that could end the block, or that old readers take for the end of a line.
_ESCAPED: Final = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def shell(site: Site, page: str, title: str, first: Mapping[str, bytes | object]) -> Response:
    """The page `page` for the user who is logged in.

    `first` is what it shows at once: answers of the API as they stand, as bytes, or values.
    """
    settings, spoken, theme = site.settings, language(), preferred_theme()
    say = translator(spoken)
    user = current_visitor().require_authenticated().principal
    url = site_path(settings)
    told = {
        "page": page,
        "title": title,
        "site": {
            "id": settings.site_id,
            "title": settings.site_title,
            "url": url,
            "docs": current_exchange().url_of("/docs"),
            "timezone": str(settings.timezone),
            "takes_passwords": settings.takes_passwords,
            "takes_sign_on": settings.takes_sign_on,
        },
        "user": {"id": user.user_id, "name": user.fullname or user.user_id, "roles": sorted(user.roles)},
        "language": spoken,
        "languages": LANGUAGES,
        "chosen": {"language": preferred_language(), "theme": theme},
        "navigation": [
            {"page": item.name, "title": say(item.title), "url": f"{url}{item.path}"} for item in PAGES if item.listed
        ],
        "scan": [
            {"catalog": catalog.name, "index": index.name}
            for catalog in site.registry.catalogs.values()
            for index in catalog.schema.indexes.values()
            if index.kind is IndexKind.CODE
        ],
        "charts": any(not chart.of and chart.is_for(user.roles) for chart in site.registry.charts.values()),
        "texts": texts_of_scripts(spoken),
    }
    members = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in told.items()]
    answers = [f"{json.dumps(name)}: {_as_json(value)}" for name, value in first.items()]
    block = f'{{{", ".join(members)}, "first": {{{", ".join(answers)}}}}}'
    parts = [*built()["console"], *built().get(page, ())]
    body = render_template(
        "console.html",
        _=say,
        language=spoken,
        theme=theme,
        title=title,
        site_title=settings.site_title,
        styles=[static_url(name) for name in parts if name.endswith(".css")],
        scripts=[static_url(name) for name in parts if name.endswith(".js")],
        icon=static_url("icon.svg"),
        # Every character that means something in HTML is escaped in it.
        block=Markup("".join(_ESCAPED.get(character, character) for character in block)),  # noqa: S704
    )
    response = Response(body, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = POLICY
    response.vary.update(("Accept-Language", "Cookie"))
    return response


def _as_json(value: bytes | object) -> str:
    return value.decode() if isinstance(value, bytes) else json.dumps(value)
