"""Services of one site that its routes work with."""

from collections.abc import Callable
from functools import cached_property

from objapi.ispyb.auth.configuration import load_plugins
from objapi.ispyb.auth.plugins import Plugin
from objapi.ispyb.auth.tokens import Tokens
from objapi.ispyb.database import Database
from objapi.security.accounts import password_version
from objapi.security.csrf_tokens import derived_key
from objapi.settings import Settings
from objapi.site import Site


class Services:
    """Database, log-in and description of one site in one process. Nothing is asked of the database before a call."""

    def __init__(self, site: Site, describe: Callable[[], bytes]) -> None:
        self.site = site
        self.database = Database(site)
        self._describe = describe

    @property
    def settings(self) -> Settings:
        """The settings of the site."""
        return self.site.settings

    @cached_property
    def tokens(self) -> Tokens:
        """Maker and reader of tokens, under the configured key or one derived from the site's secret."""
        key = self.settings.ispyb_token_key
        if key is None:
            key = self.site.transact(lambda connection: derived_key(connection, "ispyb tokens"), write=False)
        return Tokens(key, self.settings.ispyb_token_lifetime, self._password_version)

    def _password_version(self, login: str) -> int | None:
        return self.site.transact(lambda connection: password_version(connection, login), write=False)

    @cached_property
    def plugins(self) -> dict[str, Plugin]:
        """The log-in plugins that are switched on, by name. Raises SiteError for a mistake in their configuration."""
        return load_plugins(self.site)

    @cached_property
    def description(self) -> bytes:
        """The text of `openapi.json`; made by whoever lists the routes, which services know nothing of."""
        return self._describe()
