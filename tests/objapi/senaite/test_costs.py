"""Requests cost a number of statements that does not grow with the objects. And consumers, which profiles bring."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from objapi import upkeep
from objapi.app import create_app
from objapi.model.behaviors import Planner
from objapi.model.loading import read_content
from tests.objapi.store.workshop import Gateway, open_site, quietly

BASE = "/senaite/@@API/senaite/v1"
ADMIN = ("admin", "secret")


@dataclass(frozen=True)
class Laboratory:
    """The sample laboratory, and a client of its SENAITE face."""

    gateway: Gateway
    client: FlaskClient

    def get(self, route: str) -> dict[str, Any]:
        answer = self.client.get(f"{BASE}/{route}", auth=ADMIN)
        assert answer.status_code == 200, answer.text
        return dict(json.loads(answer.text))

    def post(self, route: str, body: object, status: int = 200) -> dict[str, Any]:
        answer = self.client.post(f"{BASE}/{route}", json=body, auth=ADMIN)
        assert answer.status_code == status, answer.text
        return dict(json.loads(answer.text))


@pytest.fixture(scope="module")
def laboratory(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    site = open_site(module_database_url, tmp_path_factory.mktemp("laboratory"), ("lims",))
    upkeep.load_content(site, read_content(Path(site.registry.content_files["demo"][0])), quietly, for_trials=True)
    yield Laboratory(Gateway.on(site), create_app(site=site).test_client(use_cookies=False))
    site.close()


@pytest.fixture(scope="module")
def order(laboratory: Laboratory) -> dict[str, Any]:
    """A record of a complete sample, with everything named as clients name it."""
    client = laboratory.get("client?getClientID=HBF")["items"][0]
    contact = laboratory.get(f"contact?path={client['path']}")["items"][0]
    return {
        "portal_type": "AnalysisRequest",
        "parent_uid": client["uid"],
        "Contact": contact["uid"],
        "SampleType": "Canola Seed",
        "DateSampled": "2024-02-01T10:20:30Z",
        "Analyses": ["Ca", "Magnesium", "Zn"],
        "Priority": "1",
    }


def test_many_samples_cost_as_many_statements_as_few(laboratory: Laboratory, order: dict[str, Any]) -> None:
    costs = []
    laboratory.post("create", [order] * 2)
    for number in (2, 25):
        with laboratory.gateway.statements.counted() as statements:
            answer = laboratory.post("create", [order] * number)
        assert {len(item["Analyses"]) for item in answer["items"]} == {3}
        costs.append(len(statements))
    assert costs[0] == costs[1] <= 60


@pytest.mark.parametrize(
    ("route", "most"), [("AnalysisRequest?", 12), ("AnalysisRequest?complete=yes&", 18), ("Analysis?complete=yes&", 14)]
)
def test_long_lists_cost_as_many_statements_as_short_ones(laboratory: Laboratory, route: str, most: int) -> None:
    costs = []
    for limit in (3, 30):
        laboratory.get(f"{route}limit={limit}")
        with laboratory.gateway.statements.counted() as statements:
            laboratory.get(f"{route}limit={limit}")
        costs.append(len(statements))
    assert costs[1] <= costs[0] + 3 <= most + 3


def test_many_updates_cost_as_many_statements_as_few(laboratory: Laboratory, order: dict[str, Any]) -> None:
    made = laboratory.post("create", [order] * 12)["items"]
    costs = []
    for turn, number in enumerate((2, 12, 2, 12)):
        records = [{"uid": item["uid"], "ClientReference": f"turn {turn}"} for item in made[:number]]
        with laboratory.gateway.statements.counted() as statements:
            laboratory.post("update", records)
        costs.append(len(statements))
    assert costs[2] == costs[3]


def test_a_consumer_takes_what_is_pushed_in_one_transaction(laboratory: Laboratory) -> None:
    seen: list[object] = []

    def take(planner: Planner, data: Mapping[str, object]) -> bool:
        seen.append(data["messages"])
        folder = planner.at("/bika_setup/bika_departments")
        for message in data["messages"] if isinstance(data["messages"], list) else ():
            planner.create("Department", folder, {"title": message})
            if message == "broken":
                planner.refuse("the message is broken")
        return bool(data["messages"])

    laboratory.gateway.site.registry.behaviors.consumers["test.import"] = take
    answer = laboratory.post("push", {"consumer": "test.import", "messages": ["first", "second"]})
    assert (answer["success"], answer["url"].endswith("/push")) == (True, True)
    assert laboratory.get("Department?title=first")["count"] == 1
    assert laboratory.post("push", {"consumer": "test.import", "messages": []})["success"] is False
    laboratory.post("push", {"consumer": "test.import", "messages": ["third", "broken"]}, status=422)
    assert laboratory.get("Department?title=third")["count"] == 0
    assert ["first", "second"] in seen


def test_passwords_in_urls_may_be_refused(laboratory: Laboratory) -> None:
    site = laboratory.gateway.site
    strict = replace(site, settings=replace(site.settings, query_passwords=False))
    client = create_app(site=strict).test_client()
    sent = {"__ac_name": "admin", "__ac_password": "secret"}
    refused = client.post(f"{BASE}/login", query_string=sent)
    assert (refused.status_code, "Set-Cookie" in refused.headers) == (400, False)
    assert client.post(f"{BASE}/login", data=sent).status_code == 200
