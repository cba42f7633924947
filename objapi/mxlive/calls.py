"""One call: its names and body, and the transactions in which it is carried out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from objapi.mxlive.callers import PROJECTS, SignedCaller
from objapi.mxlive.paths import Called
from objapi.mxlive.proxy import DataProxy
from objapi.mxlive.tokens import TimeLimits
from objapi.security.principals import LoadedUser
from objapi.settings import Settings
from objapi.site import Site
from objapi.store.requests import ByPath, CreateItem
from objapi.store.transaction import Transaction

PERMISSION = "MxLIVE: Use Remote API"
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it came in. `address` is the client's, behind trusted proxies; `root` the URL of the server."""

    site: Site
    names: Called
    body: bytes
    address: str
    root: str
    request_id: str
    now: datetime

    @property
    def settings(self) -> Settings:
        """The settings of the site."""
        return self.site.settings

    @property
    def proxy(self) -> DataProxy:
        """The data proxy of the site."""
        return DataProxy(self.settings.mxlive_data_proxy, self.settings.mxlive_proxy_timeout)

    @property
    def limits(self) -> TimeLimits:
        """How old a token may be."""
        return TimeLimits(self.settings.mxlive_token_age, self.settings.mxlive_clock_lead)

    @property
    def project_path(self) -> str:
        """The path of the signing project below the site."""
        return f"/{PROJECTS}/{self.names.username}"

    def signed(self, work: Callable[[Transaction], _Result], *, write: bool) -> _Result:
        """Do something in one transaction as the user of the project that signed."""
        caller = SignedCaller(self.settings.site_id, self.names.username, self.names.token, self.now, self.limits)

        def carry_out(tx: Transaction) -> _Result:
            tx.require(PERMISSION)
            return work(tx)

        return self.run(caller.load, carry_out, write=write)

    def run(
        self, load: Callable[[Connection], LoadedUser], work: Callable[[Transaction], _Result], *, write: bool
    ) -> _Result:
        """Do something in one transaction of the user that `load` gives."""
        return self.site.run(load, work, write=write, request_id=self.request_id)

    def log(self, tx: Transaction, action: str, description: str, touched: tuple[str, str, str]) -> None:
        """Add an entry to the project's activity; `touched` are type, id and title of what it is about."""
        portal_type, object_id, title = touched
        values = {
            "project": self.project_path,
            "action_type": action,
            "description": description,
            "ip_number": self.address,
            "object_type": portal_type,
            "object_id": object_id,
            "object_title": title,
        }
        tx.create([CreateItem("MxActivityLog", ByPath(self.project_path), values)])
