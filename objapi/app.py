"""The application: one WSGI callable that puts the faces of a site together.

Outside in: memory of large requests, proxy headers, the step that finds `@@API` in the path, Flask with its routes.
Security headers, request ids and cross-origin sharing are added to every response.
"""

import os
from typing import Final

from flask import Flask

from objapi.api.dispatch import EVENT_STREAMS, SITE, TRAIL_WATCH, answer_for_page
from objapi.api.dispatch import blueprint as api_blueprint
from objapi.http.access import require_declarations
from objapi.http.endpoint import ApiPaths
from objapi.http.event_streams import EventStreams
from objapi.http.exchange import TrustedProxies, refuse_early
from objapi.http.headers import finish_responses
from objapi.http.memory import MemoryReturn
from objapi.http.metrics import Metrics
from objapi.http.trail_watch import TrailWatch
from objapi.http.visitors import Visitors, attach_visitors
from objapi.ispyb import API_ROOT as ISPYB_ROOT
from objapi.ispyb.attach import attach as attach_ispyb
from objapi.mxlive.routes import attach_mxlive
from objapi.security.identify import open_authentication
from objapi.security.passwords import PROCESS_TURNS
from objapi.security.sign_on.configuration import open_sign_on
from objapi.senaite.attach import SEGMENTS as SENAITE_SEGMENTS
from objapi.senaite.attach import attach as attach_senaite
from objapi.senaite.attach import site_aliases
from objapi.senaite.routes import ROUTE as SENAITE_ROUTE
from objapi.settings import Settings, load_settings
from objapi.site import Site
from objapi.web.console.routes import make_console_blueprint
from objapi.web.health import make_health_blueprint
from objapi.web.metrics import make_metrics_blueprint
from objapi.web.reference import make_reference_blueprint
from objapi.web.routes import make_blueprint, make_error_handler
from objapi.web.static_files import make_static_blueprint

# Bytes in the body of a form of the web face; the API has a setting of its own.
MAX_FORM_SIZE: Final = 64 * 1024


def create_served_app(settings: Settings, metrics: Metrics, site: Site | None = None) -> Flask:
    """The application of a site in a worker process, after the fork; see `create_app`.

    Its connections and password checks are counted, and it numbers requests on the side.
    """
    application = create_app(settings, site)
    for engine in application.extensions[SITE].engines:
        metrics.count_connections(engine)
    PROCESS_TURNS.tell(metrics.password_checks)
    streams: EventStreams = application.extensions[EVENT_STREAMS]
    streams.tell(metrics.event_streams)
    watch: TrailWatch = application.extensions[TRAIL_WATCH]
    watch.start()
    if settings.webhook_hosts:
        from objapi.webhooks.deliverer import Deliverer  # noqa: PLC0415 - for sites that have webhooks

        Deliverer(application.extensions[SITE], metrics.count_webhook).start()
    return application


def create_app(settings: Settings | None = None, site: Site | None = None) -> Flask:
    """The application of a site.

    Without `settings` those of the environment hold, without `site` the site of these settings is opened. Raises
    SettingsError, what `Site.open` raises, and UndeclaredAccess when a route declares no access.
    """
    settings = settings or (site.settings if site is not None else load_settings(os.environ))
    site = site or Site.open(settings, serving=True)
    application = Flask("objapi", static_folder=None)
    application.config["MAX_CONTENT_LENGTH"] = MAX_FORM_SIZE
    application.extensions[SITE] = site
    watch = application.extensions[TRAIL_WATCH] = TrailWatch(site)
    application.extensions[EVENT_STREAMS] = EventStreams(watch, settings.max_event_streams, settings.event_heartbeat)
    application.url_map.strict_slashes = False
    application.url_map.merge_slashes = False
    # First of all steps, so that each face answers the refusal in its shape.
    application.before_request(refuse_early)
    authentication = open_authentication(settings, site.registry.roles, site.transact)
    attach_visitors(application, Visitors(site, authentication))
    application.register_blueprint(api_blueprint)
    application.register_blueprint(make_blueprint(settings))
    application.register_blueprint(make_console_blueprint(site, answer_for_page))
    application.register_blueprint(make_static_blueprint())
    application.register_blueprint(make_health_blueprint(site))
    sign_on = open_sign_on(settings, site.registry.roles, site.transact)
    if sign_on is not None:
        from objapi.web.sign_on import make_sign_on_blueprint  # noqa: PLC0415 - for sites that have a provider

        application.register_blueprint(make_sign_on_blueprint(settings, sign_on))
    application.register_blueprint(make_metrics_blueprint(site))
    application.register_blueprint(make_reference_blueprint(settings, _descriptions(settings, site)))
    attach_ispyb(application, site)
    attach_senaite(application, site)
    application.register_error_handler(Exception, make_error_handler(settings))
    finish_responses(application, settings)
    application.wsgi_app = TrustedProxies(  # type: ignore[method-assign]
        ApiPaths(
            application.wsgi_app,
            settings.public_url,
            (ISPYB_ROOT,),
            below={SENAITE_SEGMENTS: SENAITE_ROUTE},
            site_id=settings.site_id,
            site_aliases=site_aliases(site),
        ),
        settings.trusted_proxies,
    )
    attach_mxlive(application, site)
    # Outermost: whichever face answers, and be it with a refusal of the first step.
    application.wsgi_app = MemoryReturn(application.wsgi_app)  # type: ignore[method-assign]
    require_declarations(application)
    return application


def _descriptions(settings: Settings, site: Site) -> dict[str, str]:
    """The descriptions of the APIs that a site has, by title: those of py-ISPyB where its tables are."""
    found = {"@@API": f"/{settings.site_id}/@@API/openapi.json"}
    if "ispyb" in site.registry.profiles:
        found["py-ISPyB"] = f"{ISPYB_ROOT}/openapi.json"
    return found
