"""The sample laboratory as its users work with it, for tests: everything goes through the transactions of a site."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from sqlalchemy import Connection

from objapi.security.principals import LoadedUser, load_by_login
from objapi.site import Site
from objapi.store.requests import ByPath, CreateItem, Entry, Find, Offered, UpdateItem
from objapi.store.transaction import Transaction

_T = TypeVar("_T")


@contextmanager
def quietly(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Shows no progress."""
    yield lambda done: None


@dataclass(frozen=True)
class Person:
    """One user of the laboratory, by name."""

    site: Site
    name: str

    def _run(self, work: Callable[[Transaction], _T], *, write: bool) -> _T:
        def authenticate(connection: Connection) -> LoadedUser:
            loaded = load_by_login(connection, self.name, self.site.registry.roles)
            assert loaded is not None, self.name
            return loaded

        return self.site.run(authenticate, work, write=write)

    def create(self, portal_type: str, container: str | None = None, **values: object) -> Entry:
        item = CreateItem(portal_type, None if container is None else ByPath(container), values)
        return self._run(lambda tx: tx.create([item]), write=True).entries[0]

    def update(self, path: str, **values: object) -> Entry:
        return self._run(lambda tx: tx.update([UpdateItem(ByPath(path), values)]), write=True).entries[0]

    def act(self, path: str, action: str) -> Mapping[str, str]:
        return self._run(lambda tx: tx.transition([ByPath(path)], action), write=True).entries[0].states

    def submit(self, path: str) -> None:
        """Enter a result and submit it: without one no analysis is submitted."""
        self.update(path, Result="1")
        self.act(path, "submit")

    def act_on_all(self, paths: list[str], action: str) -> None:
        self._run(lambda tx: tx.transition([ByPath(path) for path in paths], action), write=True)

    def remove(self, path: str) -> None:
        self._run(lambda tx: tx.remove([tx.entity(ByPath(path)).uid]), write=True)

    def offered(self, path: str) -> Offered:
        return self._run(lambda tx: tx.offered([ByPath(path)]), write=False)[0]

    def find(self, catalog: str | None = None, **criteria: object) -> list[dict[str, Any]]:
        find = Find(criteria, catalog=catalog, size=0)
        found = self._run(lambda tx: [orjson.dumps(item) for item in tx.find(find).objects], write=False)
        return [orjson.loads(item) for item in found]

    def read(self, path: str) -> dict[str, Any]:
        """The object at a path, from whichever catalog has it."""
        for catalog in ("portal_catalog", "bika_analysis_catalog", "bika_setup_catalog", "bika_catalog"):
            found = self.find(catalog, path={"query": path, "depth": 0})
            if found:
                return found[0]
        raise LookupError(f"{self.name} finds nothing at {path}")

    def states(self, *paths: str) -> list[str]:
        return [str(self.read(path)["review_state"]) for path in paths]


@dataclass(frozen=True)
class Laboratory:
    """The people of the sample laboratory."""

    site: Site

    def __getattr__(self, name: str) -> Person:
        return Person(self.site, name)

    def order(self, who: str = "clerk1", **changes: object) -> str:
        """Order an analysis of apple pulp for the first client; the path of the request."""
        values: dict[str, object] = {
            "Client": "portal_type:Client|id:client-1",
            "Services": ["portal_type:AnalysisService|title:Calcium", "portal_type:AnalysisService|title:Copper"],
            "SampleType": "portal_type:SampleType|title:Apple Pulp",
            "Contact": "portal_type:Contact|getFullname:Rita Mohale",
            "SamplingDate": "2013-09-29",
        }
        values |= changes
        given = {name: value for name, value in values.items() if value is not None}
        return Person(self.site, who).create("AnalysisRequest", None, **given).path
