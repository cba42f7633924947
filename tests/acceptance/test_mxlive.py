"""A beamline's life over HTTP: staff set it up with `@@API/create` alone, then a client works as MxDC does."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgpack
import pytest
import requests

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.conftest import Serve
from tests.conftest import DATABASES
from tests.objapi.mxlive.signing import Signer, new_signer
from tests.objapi.mxlive.standin import StandIn, stand_in
from tests.waiting import ENOUGH


@dataclass(frozen=True)
class Site:
    """The served site, and the data proxy that it asks."""

    root: str
    proxy: StandIn


@pytest.fixture(scope="module", params=DATABASES)
def site(request: pytest.FixtureRequest, serve: Serve) -> Iterator[Site]:
    with stand_in() as (proxy, address):
        settings = {
            "OBJAPI_PROFILES": "mxlive",
            "OBJAPI_MXLIVE_DATA_PROXY": address,
            "OBJAPI_MXLIVE_PROXY_TIMEOUT": "30s",
        }
        yield Site(serve(request.param, **settings), proxy)


@dataclass
class Instrument:
    """What the client does: it signs each call anew, names no content type, and merges answers into its files."""

    root: str
    user: str
    signer: Signer = field(default_factory=new_signer)

    def post(self, route: str, body: Any = None) -> requests.Response:
        data = None if body is None else msgpack.packb(body)
        return requests.post(self.url(route), data=data, allow_redirects=False, timeout=ENOUGH)

    def url(self, route: str) -> str:
        return f"{self.root}/api/v2/{self.signer.token(self.user)}/{route}"

    def answered(self, route: str, body: Any = None) -> dict[str, Any]:
        response = self.post(route, body)
        assert response.status_code == 200, response.text
        assert response.headers["Content-Type"] == "application/json"
        answer: dict[str, Any] = response.json()
        return answer

    def start(self, beamline: str, session: str) -> dict[str, Any]:
        """Launch; when the account has no key yet, register one and launch again."""
        response = self.post(f"launch/{beamline}/{session}/")
        if response.status_code == 400:
            registered = requests.post(self.url("project/"), data={"public": self.signer.public}, timeout=ENOUGH)
            assert registered.status_code == 200
            response = self.post(f"launch/{beamline}/{session}/")
        answer: dict[str, Any] = response.json()
        assert answer["session"] == session
        assert answer["end_time"] is None or datetime.fromisoformat(answer["end_time"])
        return answer

    def save(self, beamline: str, meta: dict[str, Any]) -> dict[str, Any]:
        """Upload a metadata file and merge the answer into it."""
        return meta | self.answered(f"data/{beamline}/", meta)

    def samples(self, beamline: str) -> list[dict[str, Any]]:
        response = requests.get(self.url(f"samples/{beamline}/"), timeout=ENOUGH)
        assert response.status_code == 200, response.text
        found: list[dict[str, Any]] = response.json()
        return found


def create(client: Client, portal_type: str, **values: Any) -> str:
    """Create an object with `@@API/create`; returns its path below the site."""
    path: str = client.call("create", {"obj_type": portal_type} | values)["path"]
    return path.removeprefix("/Plone")


def test_staff_set_up_a_beamline_and_a_client_works_at_it(site: Site) -> None:
    staff = Client(site.root, "mxstaff")
    with staff.http:
        line = create(staff, "MxBeamline", obj_path="/mxlive/beamlines", name="New line", acronym="NEW-1")
        robot = create(
            staff, "MxContainer", project="/mxlive/projects/mxstaff", name="Robot",
            kind="portal_type:MxContainerType|name:ISARA Automounter",
        )  # fmt: skip
        create(staff, "MxAutomounter", beamline=line, container=robot, active="1")
        project = create(staff, "MxProject", obj_path="/mxlive/projects", username="newcomer")
        shipment = create(staff, "MxShipment", project=project, name="First")
        puck = create(
            staff, "MxContainer", project=project, name="UP-1", shipment=shipment,
            kind="portal_type:MxContainerType|name:Uni-Puck",
        )  # fmt: skip
        create(
            staff,
            "MxSample",
            project=project,
            name="xtal",
            container=puck,
            location="/mxlive/containertypes/uni-puck/16",
        )
        for action in ("send", "receive"):
            staff.call("doActionFor", {"portal_type": "MxShipment", "title": "First", "action": action})
        staff.call(
            "update", {"obj_path": puck, "parent": robot, "location": "/mxlive/containertypes/isara-automounter/1A"}
        )

        mxdc = Instrument(site.root, "newcomer")
        mxdc.start("NEW-1", "NEW1-20260302-abcd1234")
        (sample,) = mxdc.samples("NEW-1")
        assert (sample["name"], sample["port"], sample["location"]) == ("xtal", "1A16", "16")
        meta = {
            "id": None, "type": "DATA", "directory": "/users/newcomer/xtal", "name": "xtal", "energy": 12.658,
            "exposure": 0.1, "attenuation": 10.0, "beam_size": 50.0, "frames": "1-1800", "filename": "xtal_{:0>4d}.img",
            "sample_id": sample["id"], "group": sample["group"], "port": sample["port"], "resolution": 1.8,
        }  # fmt: skip
        meta = mxdc.save("NEW-1", meta)
        assert isinstance(meta["id"], int)
        assert mxdc.save("NEW-1", meta)["id"] == meta["id"]
        found = {"data_id": [meta["id"]], "directory": "/users/newcomer/xtal/proc", "title": "xtal", "score": 0.9}
        assert mxdc.answered("report/NEW-1/", found | {"kind": "MX Native Analysis", "details": [{"title": "Summary"}]})
        assert mxdc.answered("close/NEW-1/NEW1-20260302-abcd1234/").keys() == {"session", "duration"}

        data = staff.only(portal_type="MxData", id=f"data-{meta['id']}")
        assert data["num_frames"] == 1800
        session = staff.only(portal_type="MxSession", name="NEW1-20260302-abcd1234")
        assert (data["session"], session["review_state"]) == (session["UID"], "closed")
        assert staff.only(portal_type="MxReport", data=data["UID"])["details"] == [{"title": "Summary"}]


def test_the_sample_beamline_tells_its_samples(site: Site) -> None:
    mxdc = Instrument(site.root, "mxuser")
    mxdc.start("DEMO-BM", "DEMOBM-20260309-zzzz9999")
    assert [(item["name"], item["port"]) for item in mxdc.samples("DEMO-BM")] == [
        ("lyso-1", "LA1"),
        ("lyso-2", "LA2"),
        ("spare", ""),
    ]


def test_a_failing_data_proxy_costs_nothing_but_the_upload(site: Site) -> None:
    staff = Client(site.root, "mxmanager")
    with staff.http:
        create(staff, "MxProject", obj_path="/mxlive/projects", username="patient")
        mxdc = Instrument(site.root, "patient")
        mxdc.start("DEMO-BM", "week-1")
        site.proxy.status = 500
        meta = {"type": "DATA", "directory": "/d", "name": "n", "energy": 12}
        assert mxdc.post("data/DEMO-BM/", meta).status_code == 503
        site.proxy.well()
        assert staff.read(portal_type="MxData", path="/mxlive/projects/patient")["total_objects"] == 0
        assert mxdc.save("DEMO-BM", meta)["id"]


def test_users_see_and_change_their_own_project_alone(site: Site) -> None:
    user = Client(site.root, "mxuser")
    with user.http:
        assert [item["username"] for item in user.read(portal_type="MxProject")["objects"]] == ["mxuser"]
        assert user.read(portal_type="MxBeamline")["total_objects"] >= 1
        create(user, "MxShipment", project="/mxlive/projects/mxuser", name="Mine")
        failed(user.post("create", {"obj_type": "MxShipment", "project": "/mxlive/projects/mxstaff", "name": "x"}), 422)
        failed(user.post("update", {"obj_path": "/mxlive/projects/mxuser", "key": ""}), 403)
        failed(user.post("update", {"obj_path": "/mxlive/beamlines/DEMO-BM", "name": "Mine"}), 403)
        succeeded(user.post("update", {"obj_path": "/mxlive/projects/mxuser", "city": "Elsewhere"}))
        made = succeeded(user.json("tokens", {"action": "add", "types": ["MxProject"]}))["token"]
    other = Client(site.root)
    with other.http:
        other.http.headers["Authorization"] = f"Bearer {made}"
        project = {"obj_path": "/mxlive/projects/mxuser"}
        keys = [{"name": "laptop", "key": "ssh-ed25519 AAAA"}]
        refused = failed(other.json("update", project | {"sshkeys": keys}), 422)
        assert "no API token changes a key" in refused["message"]
        succeeded(other.json("update", project | {"city": "Nearby"}))
