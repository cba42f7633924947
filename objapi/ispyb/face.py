"""The face of one site in one process."""

from functools import cached_property

from objapi.ispyb.auth.configuration import load_plugins
from objapi.ispyb.auth.plugins import Plugin
from objapi.ispyb.auth.tokens import Tokens
from objapi.ispyb.database import Database
from objapi.ispyb.options.load import load_options
from objapi.ispyb.subjects.route_groups import GROUPS
from objapi.ispyb.wire.openapi import describe
from objapi.ispyb.wire.response import encode
from objapi.ispyb.wire.routes import Route
from objapi.ispyb.wire.routing import Routing
from objapi.security.csrf_tokens import derived_key
from objapi.settings import Settings
from objapi.site import Site


class Face:
    """What the routes of one site have in common. Nothing is asked of the database before the first call."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.database = Database(site)

    @property
    def settings(self) -> Settings:
        """The settings of the site."""
        return self.site.settings

    @cached_property
    def routes(self) -> tuple[Route, ...]:
        """The routes there are: those whose option was on when this process first answered."""
        options = self.database.transact(load_options, write=False)
        on = [group for group in GROUPS if group.switch is None or options[group.switch] is not False]
        return tuple(route for group in on for route in group.routes)

    @cached_property
    def routing(self) -> Routing:
        """Finds the routes."""
        return Routing(self.routes)

    @cached_property
    def tokens(self) -> Tokens:
        """Makes and reads tokens, under the configured key or one derived from the site's secret."""
        key = self.settings.ispyb_token_key
        if key is None:
            key = self.site.transact(lambda connection: derived_key(connection, "ispyb tokens"), write=False)
        return Tokens(key, self.settings.ispyb_token_lifetime)

    @cached_property
    def plugins(self) -> dict[str, Plugin]:
        """The log-in plugins that are switched on, by name."""
        return load_plugins(self.site)

    @cached_property
    def description(self) -> bytes:
        """The text of `openapi.json`."""
        return encode(describe(self.routes))
