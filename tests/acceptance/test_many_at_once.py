"""Requests that are costly, or very many at once: others are answered, and answers and memory stay small."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.acceptance.client import Client
from tests.acceptance.conftest import DATABASES, Serve
from tests.acceptance.server import has_memory_of_workers, memory_of_workers
from tests.waiting import ENOUGH, wait_until

MANY = 1_500
MEGABYTE = 1_000_000
UIDS = [f"{number:032x}" for number in range(MANY)]
PATHS = [f"/batches/none-{number}" for number in range(MANY)]
NONSENSE = {f"Nonsense{number}": "x" for number in range(MANY)}


@pytest.fixture(scope="module", params=DATABASES)
def roomy(request: pytest.FixtureRequest, shared: Serve) -> str:
    """The URL of a server that resolves many references by text, and works on several requests at once."""
    return shared(
        request.param, OBJAPI_MAX_REFERENCE_QUERIES="20000", OBJAPI_THREADS="4", OBJAPI_PROFILES="lims,mxlive,ispyb"
    )


def test_others_write_while_a_dry_run_looks_up_thousands_of_references(roomy: str) -> None:
    with Client(roomy, "admin").http as http, ThreadPoolExecutor(1) as pool:
        client = Client(roomy, "admin")
        services = [f"portal_type:AnalysisService|title:none {number}" for number in range(9_999)]
        asked = {"obj_type": "AnalysisRequest", "obj_path": "/clients/client-1", "Services": services, "dry_run": "1"}
        dry_run = pool.submit(http.post, client.url("create"), json=asked, timeout=ENOUGH)
        written = 0
        with client.http:
            while not dry_run.done():
                answer = client.post("update", {"obj_path": "/batches/B-001", "Remarks": f"turn {written}"})
                assert answer.json()["success"], answer.text
                written += not dry_run.done()
        assert written > 0
        assert dry_run.result().status_code == 422


@pytest.mark.parametrize(
    ("method", "sent"),
    [
        ("create", {"obj_type": "Batch", "obj_path": "/batches", "title": "Series", **NONSENSE}),
        ("update", {"obj_path": "/batches/B-001", **NONSENSE}),
        ("update_many", {"input_values": {path: {"Remarks": "x"} for path in PATHS}}),
        ("update_many", {"input_values": {uid: {"Remarks": "x"} for uid in UIDS}}),
        ("update_many", {"input_values": {}, **NONSENSE}),
        ("remove", {"UID": UIDS}),
        ("remove", NONSENSE),
        ("doActionFor", {"obj_path": "/batches/B-001", "action": "close", **NONSENSE}),
        ("doActionFor_many", {"obj_paths": PATHS, "action": "close"}),
    ],
)
def test_of_very_many_causes_the_first_are_listed_and_the_others_counted(
    admin: Client, method: str, sent: dict[str, Any]
) -> None:
    response = admin.http.post(admin.url(method), json=sent, timeout=ENOUGH)
    answer = response.json()
    assert 400 <= response.status_code < 500
    assert not answer["success"]
    assert answer["error_count"] >= MANY
    assert len(answer["errors"]) == 20
    assert len(answer.get("updates", [])) <= 20
    assert len(response.content) < 30_000


@pytest.mark.parametrize(
    ("method", "sent", "listed"),
    [
        ("allowedTransitionsFor_many", {"UID": UIDS}, "transitions"),
        ("getusers", {"roles": UIDS}, "users"),
        ("read", {"portal_type": "Client", **NONSENSE}, "objects"),
        ("read", {"portal_type": "Client", "page_size": 0, **NONSENSE}, "objects"),
        ("history", {"obj_path": "/batches/B-001", **NONSENSE}, "history"),
    ],
)
def test_of_very_many_warnings_the_first_are_listed_and_the_others_counted(
    admin: Client, method: str, sent: dict[str, Any], listed: str
) -> None:
    answer = admin.http.post(admin.url(method), json=sent, timeout=ENOUGH).json()
    assert answer["success"], answer
    assert isinstance(answer[listed], list)
    assert answer["warning_count"] == MANY
    assert len(answer["warnings"]) == 20
    assert len(set(answer["warnings"])) == 20


def basic(credentials: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}"}


@pytest.mark.skipif(not has_memory_of_workers(), reason="memory of processes is read from /proc (Linux)")
def test_a_hundred_wrong_log_ins_at_once_take_little_memory_and_keep_no_reader_waiting(roomy: str) -> None:
    reader = Client(roomy, "admin")

    def guess(number: int) -> int:
        with Client(roomy).http as http:
            url = f"{roomy}/Plone/@@API/read?portal_type=Client"
            return http.get(url, headers=basic(f"nobody{number}:wrong {number}"), timeout=ENOUGH).status_code

    with reader.http, ThreadPoolExecutor(100) as pool:
        reader.read(portal_type="Client")
        guesses = [pool.submit(guess, number) for number in range(100)]
        most = 0
        while not all(future.done() for future in guesses):
            assert reader.read(portal_type="Client")["success"]
            most = max(most, memory_of_workers(roomy))
        assert {future.result() for future in guesses} <= {401, 429}
    assert 0 < most < 400 * MEGABYTE


@pytest.mark.skipif(not has_memory_of_workers(), reason="memory of processes is read from /proc (Linux)")
def test_a_worker_gives_back_what_it_does_not_need_any_more(roomy: str) -> None:
    client = Client(roomy, "admin")
    with client.http:
        for portal_type in ("Client", "AnalysisService", "Batch", "Proposal", "BLSession", "MxProject"):
            client.get("read", {"portal_type": portal_type})
        ispyb = {"plugin": "dummy", "login": "scientist", "password": "any"}
        client.http.post(f"{roomy}/ispyb/api/v1/auth/login", json=ispyb, timeout=ENOUGH)
        refused = client.post(
            "update_many", json.dumps({"input_values": {"/batches/B-001": {"Remarks": ["x" * 15_000_000]}}})
        )
        assert not refused.json()["success"]
    wait_until(lambda: memory_of_workers(roomy) < 130 * MEGABYTE, f"rest ({memory_of_workers(roomy)} bytes)")
