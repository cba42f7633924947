"""The thirteen examples of the API page, replayed in order by urllib on a laboratory that nobody else has touched.

Each row states a request and its outcome. Log-in is by the form and a cookie, as on the page.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, ProxyHandler, build_opener

import pytest

from tests.acceptance.conftest import Serve
from tests.conftest import DATABASES
from tests.waiting import ENOUGH

SAREL = "portal_type:Contact|getFullname:Sarel Seemonster"
RITA = "portal_type:Contact|getFullname:Rita Mohale"
PARTS_OF_A_SAMPLE = ["AP-0002", "AP-0002/AP-0002-P1"]
SAMPLES = [
    "/Plone/clients/client-3/AP-0001",
    "/Plone/clients/client-1/BAR-0001",
    "/Plone/clients/client-5/BR-0001",
    "/Plone/clients/client-1/BR-0002",
    "/Plone/clients/client-3/CN-0001",
    "/Plone/clients/client-4/CN-0002",
    "/Plone/clients/client-1/CN-0003",
    "/Plone/clients/client-3/CN-0004",
    "/Plone/clients/client-2/DU-0001",
    "/Plone/clients/client-2/DU-0002",
]


class Script:
    """A published client: urllib, a cookie jar, form encoding; it looks at the body and at nothing else."""

    def __init__(self, root: str) -> None:
        self.site = f"{root}/Plone"
        self.opener: OpenerDirector = build_opener(ProxyHandler({}), HTTPCookieProcessor(CookieJar()))

    def log_in(self, user: str, password: str) -> str:
        form = {"form.submitted": 1, "pwd_empty": 0, "__ac_name": user, "__ac_password": password, "submit": "Log in"}
        with self.opener.open(f"{self.site}/login_form", urlencode(form).encode(), timeout=ENOUGH) as answer:
            page: str = answer.read().decode()
            return page

    def call(self, method: str, request: dict[str, Any]) -> dict[str, Any]:
        body = urlencode(request, doseq=True).encode()
        with self.opener.open(f"{self.site}/@@API/{method}", body, timeout=ENOUGH) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return found

    def one(self, path: str) -> dict[str, Any]:
        """The object at a path, read from the catalog that holds everything."""
        name = path.rpartition("/")[2]
        answer = self.call("read", {"catalog_name": "uid_catalog", "id": name, "page_size": 100})
        assert answer["success"], answer
        (found,) = [item for item in answer["objects"] if item["path"] == path]
        one: dict[str, Any] = found
        return one


@pytest.fixture(scope="module", params=DATABASES)
def script(request: pytest.FixtureRequest, serve: Serve) -> Iterator[Script]:
    """The administrator's script on a laboratory of its own: what the page counts is counted nowhere else."""
    client = Script(serve(request.param))
    assert "login_failed" not in client.log_in("admin", "secret")
    return client


def test_log_in(script: Script) -> None:
    stranger = Script(script.site.removesuffix("/Plone"))
    assert "login_failed" in stranger.log_in("admin", "wrong")
    assert "login_failed" not in stranger.log_in("admin", "secret")
    assert stranger.call("read", {"portal_type": "Client"})["total_objects"] == 5


def test_all_clients(script: Script) -> None:
    answer = script.call("read", {"portal_type": "Client"})
    assert answer["total_objects"] == 5
    assert [item["id"] for item in answer["objects"]] == [f"client-{number}" for number in range(1, 6)]


def test_set_contact(script: Script) -> None:
    path = "/Plone/clients/client-1/W13-0001-R01"
    answer = script.call("update", {"obj_path": path, "Contact": SAREL})
    assert answer["success"], answer
    assert script.one(path)["Contact_uid"] == script.one("/Plone/clients/client-1/contact-2")["UID"]


@pytest.mark.parametrize("name", ["CCContact:list", "CCContact[]"])
def test_set_cc_contacts(script: Script, name: str) -> None:
    path = "/Plone/clients/client-1/W13-0001-R01"
    script.call("update", {"obj_path": path, "CCContact": ""})
    answer = script.call("update", {"obj_path": path, name: [SAREL, RITA]})
    assert answer["success"], answer
    both = [script.one(f"/Plone/clients/client-1/contact-{number}")["UID"] for number in (2, 1)]
    assert script.one(path)["CCContact_uid"] == both


def test_samples_received(script: Script) -> None:
    answer = script.call(
        "read", {"portal_type": "Sample", "review_state": "sample_received", "include_fields": "getPhysicalPath"}
    )
    assert (answer["total_objects"], answer["first_object_nr"], answer["last_object_nr"]) == (35, 0, 10)
    assert answer["objects"] == [{"path": path} for path in SAMPLES]


def test_partitions_of_a_sample(script: Script) -> None:
    sample = "/Plone/clients/client-3/AP-0001"
    answer = script.call(
        "read", {"portal_type": "SamplePartition", "path": sample, "include_fields": "getPhysicalPath"}
    )
    assert (answer["total_objects"], answer["first_object_nr"], answer["last_object_nr"]) == (3, 0, 3)
    assert answer["objects"] == [{"path": f"{sample}/AP-0001-P{number}"} for number in (1, 2, 3)]


def test_create_batch(script: Script) -> None:
    answer = script.call("create", {"obj_path": "/Plone/batches", "obj_type": "Batch", "title": "ATestBatch"})
    assert answer["success"], answer
    assert answer["obj_id"] == "B-004"


def test_add_an_analysis(script: Script) -> None:
    path = "/Plone/clients/client-1/AP1-0001-R01"
    service = "portal_type:AnalysisService|title:Calcium"
    answer = script.call("create", {"obj_path": path, "obj_type": "Analysis", "Service": service})
    assert answer["success"], answer
    made = script.one(f"{path}/Ca")
    assert (answer["obj_id"], made["UID"], made["review_state"]) == ("Ca", answer["obj_uid"], "sample_due")


def test_create_a_request(script: Script) -> None:
    titles = ["Calcium", "Copper", "Magnesium"]
    request = {
        "obj_path": "/Plone/clients/client-1/AP1-0001-R01",
        "obj_type": "AnalysisRequest",
        "Client": "portal_type:Client|id:client-1",
        "Services:list": [f"portal_type:AnalysisService|title:{title}" for title in titles],
        "SampleType": "portal_type:SampleType|title:Apple Pulp",
        "Contact": RITA,
        "SamplingDate": "2013-09-29",
    }
    answer = script.call("create", request)
    assert answer["success"], answer
    assert (answer["sample_id"], answer["ar_id"]) == ("AP-0002", "AP-0002-R01")
    analyses = [f"AP-0002-R01/{keyword}" for keyword in ("Ca", "Cu", "Mg")]
    made = [script.one(f"/Plone/clients/client-1/{below}") for below in (*PARTS_OF_A_SAMPLE, "AP-0002-R01", *analyses)]
    assert {item["review_state"] for item in made} == {"sample_due"}


def test_set_a_result(script: Script) -> None:
    path = "Plone/clients/client-3/CN-0001-R01/Zn"
    answer = script.call("update", {"obj_path": path, "Result": "10"})
    assert answer["success"], answer
    analysis = script.one(f"/{path}")
    assert (analysis["Result"], analysis["review_state"]) == ("10", "sample_received")
    captured = datetime.fromisoformat(analysis["ResultCaptureDate"])
    assert abs(datetime.now(UTC) - captured) < timedelta(minutes=5)


def test_put_a_request_into_a_batch(script: Script) -> None:
    request = "obj_type=AnalysisRequest&id=H2O-0003-R01&Batch=portal_type:Batch,title:A%20Batch"
    with script.opener.open(f"{script.site}/@@API/update?{request}", timeout=ENOUGH) as response:
        answer = json.loads(response.read())
    assert answer["success"], answer
    found = script.call("read", {"portal_type": "AnalysisRequest", "id": "H2O-0003-R01"})["objects"]
    assert [item["Batch_uid"] for item in found] == [script.one("/Plone/batches/B-001")["UID"]]


def test_many_results(script: Script) -> None:
    request = "/Plone/clients/client-5/BAR-0014-R01"
    results = {"DM": 57, "CaCO3": 76, "Moist": 83}
    values = {f"{request}/{keyword}": {"Result": result} for keyword, result in results.items()}
    answer = script.call("update_many", {"input_values": json.dumps(values)})
    assert answer["success"], answer
    assert [(item["success"], item["obj_path"]) for item in answer["updates"]] == [(True, path) for path in values]
    stored = script.call("read", {"catalog_name": "bika_analysis_catalog", "path": request})["objects"]
    assert {item["id"]: item["Result"] for item in stored} == {key: str(value) for key, value in results.items()}
