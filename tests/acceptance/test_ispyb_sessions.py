"""What a web page shows of a session and of a shipment, over HTTP from the sample installation."""

from typing import Any

import pytest

from tests.acceptance.test_ispyb import Script
from tests.waiting import ENOUGH

NAME = "MX1001-1"


@pytest.fixture
def scientist(root: str) -> Script:
    return Script(root, "scientist")


@pytest.fixture
def session(scientist: Script) -> int:
    found = scientist.get("/sessions", proposal="MX1001", limit=9999).json()["results"]
    return next(int(row["sessionId"]) for row in found if row["session"] == NAME)


def test_a_session_page_shows_events_and_what_processing_made_of_them(scientist: Script, session: int) -> None:
    types = [entry["eventType"] for entry in scientist.get("/events/types", sessionId=session).json()["results"]]
    assert {"Mesh", "Characterization", "robot"} <= set(types)
    events = scientist.get("/events", session=NAME, limit=50).json()
    assert events["total"] == len(events["results"])
    starts = [event["startTime"] for event in events["results"]]
    assert starts == sorted(starts, reverse=True)
    ids = [event["id"] for event in events["results"] if event["type"] == "dc"]
    statuses = scientist.get("/processings/status", dataCollectionIds=str(ids)).json()["statuses"]
    assert statuses
    for name in ("/processings", "/processings/auto-integrations", "/processings/screenings"):
        totals = [scientist.get(name, dataCollectionId=key).json()["total"] for key in ids]
        assert any(totals), name
    assert scientist.get("/processings/messages/status", dataCollectionIds=str(ids)).status_code == 200


def test_polling_goes_on_with_the_same_answer(scientist: Script, session: int) -> None:
    answers = [scientist.get("/events", sessionId=session).json() for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]


def test_an_event_page_follows_the_group_of_an_event(scientist: Script) -> None:
    mesh = scientist.get("/events", session=NAME, eventType="Mesh").json()["results"][0]
    group = mesh["Item"]["DataCollectionGroup"]
    assert group["Workflow"]["workflowType"]
    members = scientist.get("/events", dataCollectionGroupId=group["dataCollectionGroupId"]).json()
    assert members["total"] == mesh["count"]
    sample = scientist.get(f"/samples/{mesh['blSampleId']}").json()
    assert (sample["name"], sample["_metadata"]["proposal"]) == (mesh["blSample"], "MX1001")


def test_a_statistics_page_shows_how_the_session_went(scientist: Script, session: int) -> None:
    breakdown = scientist.get("/stats/breakdown", sessionId=session).json()
    assert breakdown["overview"]["session"] == NAME
    assert {point["eventType"] for point in breakdown["history"]} >= {"dc", "robot"}
    (times,) = scientist.get("/stats/times", sessionId=session).json()["sessions"]
    assert times["duration"] == 24
    assert 0 < times["datacollection"] < 24
    assert len(scientist.get("/stats/hourlies", sessionId=session).json()["loaded"]["hour"]) == 24
    totals = scientist.get("/stats/errors", sessionId=session).json()["totals"]
    assert sum(entry["total"] for entry in totals) >= 4
    assert scientist.get("/stats/errors").status_code == 422


def test_a_shipment_is_made_and_filled_and_changed_value_by_value(scientist: Script) -> None:
    proposal = scientist.get("/proposals/MX1001").json()["proposalId"]
    card = scientist.get("/labcontacts", proposal="MX1001").json()["results"][0]["labContactId"]
    cards: dict[str, Any] = {"sendingLabContactId": card, "returnLabContactId": card}
    made = scientist.post("/shippings", {"proposalId": proposal, "shippingName": "By page", **cards})
    assert (made.status_code, made.json()["safetyLevel"]) == (201, "GREEN")
    key = made.json()["shippingId"]
    url = f"{scientist.root}/shippings/{key}"
    changed = scientist.http.patch(url, json={"comments": "fragile"}, timeout=ENOUGH).json()
    assert changed == {**made.json(), "comments": "fragile"}
    dewar = scientist.post("/dewars", {"shippingId": key, "code": "D1", "dewarType": "Dewar"}).json()
    values = {"dewarId": dewar["dewarId"], "code": "P1", "containerType": "Unipuck"}
    assert scientist.post("/containers", values).json()["Dewar"]["Shipping"]["shippingName"] == "By page"
    assert scientist.get(f"/shippings/{key}").json()["_metadata"] == {"dewars": 1}


def test_old_clients_get_the_same_by_either_door(root: str) -> None:
    facility = Script(root, "facility")
    token = str(facility.http.headers["Authorization"]).removeprefix("Bearer ")
    nobody = Script(root)
    for by_header, by_path in (
        ("/legacy/sessions", f"/legacy/{token}/session/list"),
        ("/legacy/proposals/mx1001", f"/legacy/{token}/proposal/MX1001/info/get"),
        (f"/legacy/data_collections/groups/session/{NAME}", f"/legacy/{token}/proposal/session/{NAME}/list"),
        ("/legacy/em/session/MX1001-2/stats", f"/legacy/{token}/proposal/MX1001/em/session/MX1001-2/stats"),
    ):
        expected = facility.get(by_header)
        assert expected.status_code == 200, expected.text
        assert expected.json()
        assert nobody.get(by_path).json() == expected.json()
