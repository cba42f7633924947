"""URLs in answers: they begin as the URL that was called, with the site's id or the other name of it that was used."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from urllib.parse import quote

from objapi.http.exchange import Exchange

_PLAIN: Final = re.compile(r"[A-Za-z0-9/._-]*")
"""Paths that are the same in a URL, as nearly all are."""
BELOW: Final = ("@@API", "senaite", "v1")
SITE_UID: Final = "0"
"""The UID of the site itself."""
SITE_RESOURCE: Final = "plonesite"


@dataclass(frozen=True)
class Urls:
    """URLs of one exchange."""

    exchange: Exchange
    site_id: str
    shown: str
    """The first segment of the path that was called, where that means the site, else the site's id."""

    @classmethod
    def of(cls, exchange: Exchange, site_id: str, aliases: Collection[str]) -> "Urls":
        """The URLs of an exchange."""
        first = next((segment for segment in exchange.path.split("/") if segment), "")
        return cls(exchange, site_id, first if first in aliases else site_id)

    @cached_property
    def _api(self) -> str:
        return self.exchange.url_of("/".join(("", self.shown, *BELOW)))

    @cached_property
    def _site(self) -> str:
        return self.exchange.url_of(f"/{self.shown}")

    def api(self, *segments: str) -> str:
        """The URL of a route."""
        return self.exchange.url_of("/".join(("", self.shown, *BELOW, *segments)))

    def object(self, path: str) -> str:
        """The URL of an object by its whole path."""
        below = path[len(self.site_id) + 1 :]
        return self._site + (below if _PLAIN.fullmatch(below) else quote(below, safe="/:@!$&'()*+,;=~"))

    def record(self, resource: str, uid: str) -> str:
        """The URL under which an object is answered; `resource` is empty for a type that is none."""
        return f"{self._api}/{resource}/{uid}" if resource else f"{self._api}/{uid}"

    @property
    def site(self) -> str:
        """The URL under which the site is answered."""
        return self.api(SITE_RESOURCE, SITE_UID)
