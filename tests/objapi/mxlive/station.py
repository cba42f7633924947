"""A site with beamlines, called in process: by staff through transactions, by MxDC through its URLs."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack
import orjson
from flask import Flask
from werkzeug.test import TestResponse

from objapi.app import create_app
from objapi.mxlive.calls import load_gateway
from objapi.settings import load_settings
from objapi.site import Site
from objapi.store.requests import ByPath, ByUid, CreateItem, Find, UpdateItem
from tests.objapi.mxlive.signing import Signer, new_signer
from tests.objapi.mxlive.standin import StandIn, stand_in
from tests.ready_sites import initialise

KINDS = "/mxlive/containertypes"
_numbers = itertools.count(1)


@contextmanager
def silent(label: str, units: int) -> Iterator[Any]:
    yield lambda done: None


@dataclass(frozen=True)
class Station:
    """The site, its application, and the data proxy it asks."""

    site: Site
    application: Flask
    proxy: StandIn

    # Staff

    def create(self, portal_type: str, where: str | None = None, **values: Any) -> str:
        """The UID of a new object, made by staff."""
        return self.create_all(portal_type, where, [values])[0]

    def create_all(self, portal_type: str, where: str | None, several: Sequence[Mapping[str, Any]]) -> list[str]:
        """The UIDs of new objects, made by staff in one go."""
        items = [CreateItem(portal_type, ByPath(where) if where else None, values) for values in several]
        outcome = self.site.run(load_gateway, lambda tx: tx.create(items), write=True)
        return [entry.uid for entry in outcome.entries]

    def update(self, uid: str, **values: Any) -> None:
        self.site.run(load_gateway, lambda tx: tx.update([UpdateItem(ByUid(uid), values)]), write=True)

    def transition(self, uid: str, action: str) -> None:
        self.site.run(load_gateway, lambda tx: tx.transition([ByUid(uid)], action), write=True)

    def read(self, portal_type: str, **criteria: Any) -> list[dict[str, Any]]:
        """All objects of a type, in order of creation, as staff sees them."""
        find = Find({"portal_type": portal_type, **criteria}, sort_on="created", size=0)
        found = self.site.run(load_gateway, lambda tx: tx.find(find).objects, write=False)
        return [orjson.loads(orjson.dumps(item)) for item in found]

    def get(self, uid: str) -> dict[str, Any]:
        """The object with a UID, as staff sees it."""
        find = Find({"UID": uid}, catalog="mx_catalog")
        (found,) = self.site.run(load_gateway, lambda tx: tx.find(find).objects, write=False)
        value: dict[str, Any] = orjson.loads(orjson.dumps(found))
        return value

    def beamlines(self, count: int) -> list[str]:
        """The acronyms of new beamlines without automounters."""
        acronyms = [f"BL-{next(_numbers)}" for _ in range(count)]
        self.create_all("MxBeamline", "/mxlive/beamlines", [{"name": "A line", "acronym": item} for item in acronyms])
        return acronyms

    def beamline(self) -> str:
        """The acronym of a new beamline without an automounter."""
        return self.beamlines(1)[0]

    def users(self, count: int, *, registered: bool = True) -> list["User"]:
        """New projects; their clients have registered keys unless told not to."""
        signers = {f"user_{next(_numbers)}": new_signer() for _ in range(count)}
        values = [{"username": name} | ({"key": one.public} if registered else {}) for name, one in signers.items()]
        uids = self.create_all("MxProject", "/mxlive/projects", values)
        return [User(self, name, one, uid) for (name, one), uid in zip(signers.items(), uids, strict=True)]

    def user(self, *, registered: bool = True) -> "User":
        """A new project; its client has registered a key unless told not to."""
        return self.users(1, registered=registered)[0]


@dataclass(frozen=True)
class User:
    """A project's client."""

    station: Station
    name: str
    signer: Signer
    uid: str

    def call(self, method: str, route: str, body: Any = None, *, token: str | None = None, **more: Any) -> TestResponse:
        """Call a route below the token; a mapping or list is sent as msgpack, without a content type."""
        data = body if isinstance(body, bytes) or body is None else msgpack.packb(body)
        url = f"/api/v2/{token or self.signer.token(self.name)}/{route}"
        return self.station.application.test_client().open(url, method=method, data=data, **more)

    def get(self, route: str) -> Any:
        response = self.call("GET", route)
        assert response.status_code == 200, response.text
        return json.loads(response.data)

    def post(self, route: str, body: Any = None) -> dict[str, Any]:
        response = self.call("POST", route, body)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = json.loads(response.data)
        return answer

    def refused(self, route: str, body: Any = None) -> int:
        """The status of a POST that must fail with a message."""
        response = self.call("POST", route, body)
        assert response.status_code >= 400, response.text
        assert json.loads(response.data)["message"]
        return response.status_code


def dataset(**more: Any) -> dict[str, Any]:
    """What the client uploads of a dataset."""
    required = {"directory": "/data/lyso", "type": "DATA", "name": "lyso", "energy": 12.658}
    return {**required, "exposure": 0.1, "attenuation": 20.0, "frames": "1-10", **more}


def report(**more: Any) -> dict[str, Any]:
    """What a pipeline uploads of a report."""
    return {"directory": "/data/lyso/proc", "title": "Lysozyme", "kind": "MX Native Analysis", "data_id": [], **more}


@contextmanager
def opened_station(database_url: str, folder: Path, **settings: str) -> Iterator[Station]:
    """A new site on an empty database."""
    with stand_in() as (proxy, address):
        environment = {
            "OBJAPI_PROFILES": "mxlive",
            "OBJAPI_DATA_DIR": str(folder),
            "OBJAPI_DATABASE_URL": database_url,
            "OBJAPI_MXLIVE_DATA_PROXY": address,
            "OBJAPI_MXLIVE_PROXY_TIMEOUT": "30s",
            "OBJAPI_THREADS": "8",
            **settings,
        }
        site = Site.open(load_settings(environment))
        try:
            initialise(site)
            yield Station(site, create_app(site=site), proxy)
        finally:
            site.close()
