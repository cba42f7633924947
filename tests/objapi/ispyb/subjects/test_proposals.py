"""Proposals, sessions and people: who sees what, filters, and what the answers hold."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from objapi.profiles.ispyb import tables as t
from tests.objapi.ispyb.calling import Api, Rows, at, body

GROUPS = """[
 {"groupName": "MX", "uiGroup": "mx", "permission": "mx_staff", "beamLines": [
   {"beamLineName": "ID23-1"}, {"beamLineName": "ID30A-1", "archived": true}, {"beamLineName": "ID29"}]},
 {"groupName": "Other", "uiGroup": "other", "permission": "em_staff", "beamLines": [{"beamLineName": "ID23-1"}]}]"""


@pytest.fixture
def seeded(rows: Rows) -> dict[str, int]:
    keys = rows.seed()
    rows.add(t.AdminVar, name="beamLineGroups", value=GROUPS)
    return keys


@pytest.mark.parametrize(
    ("who", "permissions", "proposals", "sessions"),
    [
        ("outsider", ("all_proposals",), ["BX2", "MX1"], ["MX1-2", "BX2-1", "MX1-1"]),
        ("member", (), ["MX1"], ["MX1-2", "MX1-1"]),
        ("visitor", (), ["MX1"], ["MX1-2"]),
        ("principal", (), [], []),
        ("outsider", ("own_proposals", "all_sessions"), [], []),
        ("outsider", ("em_staff",), ["MX1"], ["MX1-2"]),
        ("visitor", ("mx_staff",), ["BX2", "MX1"], ["MX1-2", "BX2-1", "MX1-1"]),
    ],
)
def test_everybody_sees_what_they_take_part_in_and_what_their_permissions_open(
    api: Api, seeded: dict[str, int], who: str, permissions: tuple[str, ...], proposals: list[str], sessions: list[str]
) -> None:
    token = api.token(seeded[who], *permissions)
    assert api.seen("/proposals", token, "proposal") == proposals
    assert api.seen("/sessions", token, "session") == sessions
    for name in ("MX1", "BX2"):
        assert api.get(f"/proposals/{name}", token).status_code == (200 if name in proposals else 404)
    for name in ("MX1-1", "MX1-2", "BX2-1"):
        assert api.get(f"/sessions/{seeded[name]}", token).status_code == (200 if name in sessions else 404)


def test_a_proposal_is_answered_with_its_counts(api: Api, seeded: dict[str, int]) -> None:
    response = api.get("/proposals/mx1", api.token(seeded["member"]))
    assert body(response) == {
        "proposalCode": "MX",
        "proposalNumber": "1",
        "proposal": "MX1",
        "title": "About MX",
        "state": "Open",
        "proposalId": seeded["MX1"],
        "_metadata": {"persons": 1, "sessions": 2, "beamLines": ["ID30A-1", "ID23-1"], "uiGroups": ["mx", "other"]},
    }


def test_a_visitor_is_told_of_the_own_sessions_only(api: Api, seeded: dict[str, int]) -> None:
    metadata = body(api.get("/proposals/MX1", api.token(seeded["visitor"])))["_metadata"]
    assert metadata == {"persons": 1, "sessions": 1, "beamLines": ["ID23-1"], "uiGroups": ["mx", "other"]}


@pytest.mark.parametrize("name", ["MX", "MX12", "1", "nobody", "MX1-1", str(2**70)])
def test_a_name_of_no_proposal_is_not_found(api: Api, seeded: dict[str, int], name: str) -> None:
    response = api.get(f"/proposals/{name}", api.token(1, "all_proposals"))
    assert (response.status_code, body(response)) == (404, {"detail": "Proposal not found"})


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", ["BX2", "MX1"]),
        ("about b", ["BX2"]),
        ("x1", ["MX1"]),
        ("ID30A-1", ["BX2", "MX1"]),
        ("ID23-1", ["MX1"]),
        ("ID23", []),
        ("ID23%", ["MX1"]),
        ("MX_", ["MX1"]),
    ],
)
def test_a_search_looks_at_titles_names_and_whole_beamlines(
    api: Api, seeded: dict[str, int], search: str, found: list[str]
) -> None:
    assert api.seen("/proposals", api.token(1, "all_proposals"), "proposal", search=search) == found


def test_a_session_is_answered_with_what_belongs_to_it(api: Api, rows: Rows, seeded: dict[str, int]) -> None:
    setup = rows.add(t.BeamLineSetup, synchrotronName="Ring", setupDate=at(2022, 1, 1), CS=1.5)
    session = seeded["MX1-2"]
    with rows.engine.begin() as connection:
        changes = sa.update(t.BLSession).where(t.BLSession.c.sessionId == session)
        connection.execute(changes.values(beamLineSetupId=setup, comments="Hello", nbReimbDewars=2))
    rows.add(t.SessionType, sessionId=session, typeName="commissioning")
    group = rows.add(t.DataCollectionGroup, sessionId=session)
    for _ in range(3):
        rows.add(t.DataCollection, dataCollectionGroupId=group)
    answer = body(api.get(f"/sessions/{session}", api.token(seeded["visitor"])))
    made = answer.pop("BeamLineSetup")
    assert (made["beamLineSetupId"], made["setupDate"], made["CS"]) == (setup, "2022-01-01T00:00:00", 1.5)
    assert answer == {
        "sessionId": session,
        "proposalId": seeded["MX1"],
        "session": "MX1-2",
        "proposal": "MX1",
        "visit_number": 2,
        "startDate": "2023-01-02T09:00:00",
        "endDate": "2023-01-03T09:00:00",
        "beamLineName": "ID23-1",
        "beamLineOperator": None,
        "scheduled": True,
        "comments": "Hello",
        "nbReimbDewars": 2,
        "_metadata": {
            "datacollections": 3,
            "uiGroups": ["mx", "other"],
            "persons": 1,
            "active": False,
            "active_soon": False,
            "sessionTypes": ["commissioning"],
        },
    }


@pytest.mark.parametrize(
    ("start", "end", "active", "soon"), [(-1, 1, True, True), (10, 60, False, True), (30, 60, False, False)]
)
def test_a_session_is_on_or_soon(
    api: Api, rows: Rows, seeded: dict[str, int], start: int, end: int, active: bool, soon: bool
) -> None:
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    times = {"startDate": now + timedelta(minutes=start), "endDate": now + timedelta(minutes=end)}
    session = rows.add(t.BLSession, proposalId=seeded["MX1"], lastUpdate=now, **times)
    answer = body(api.get(f"/sessions/{session}", api.token(1, "all_proposals")))
    assert (answer["_metadata"]["active"], answer["_metadata"]["active_soon"]) == (active, soon)
    assert answer["beamLineName"] is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"proposal": "mx1"}, ["MX1-2", "MX1-1"]),
        ({"proposal": "ZZ9"}, []),
        ({"beamLineName": "ID30A-1"}, ["BX2-1", "MX1-1"]),
        ({"beamLineGroup": "Other"}, ["MX1-2"]),
        ({"beamLineGroup": "None"}, []),
        ({"scheduled": "true"}, ["MX1-2", "BX2-1"]),
        ({"scheduled": "false"}, ["MX1-2", "BX2-1", "MX1-1"]),
        ({"upcoming": 1}, []),
        ({"previous": "yes"}, ["MX1-2", "BX2-1", "MX1-1"]),
        ({"upcoming": 1, "previous": 1}, []),
        ({"sessionType": "commissioning"}, ["MX1-1"]),
        ({"year": "2023"}, ["MX1-2", "BX2-1", "MX1-1"]),
        ({"year": "2022"}, []),
        ({"year": "0000"}, []),
        ({"month": "1"}, ["MX1-2", "BX2-1", "MX1-1"]),
        ({"month": "01", "year": "2023"}, ["MX1-2", "BX2-1", "MX1-1"]),
        ({"month": "13"}, []),
        ({"month": "00"}, []),
    ],
)
def test_sessions_are_filtered(
    api: Api, rows: Rows, seeded: dict[str, int], query: dict[str, Any], found: list[str]
) -> None:
    rows.add(t.SessionType, sessionId=seeded["MX1-1"], typeName="commissioning")
    with rows.engine.begin() as connection:
        changes = sa.update(t.BLSession).where(t.BLSession.c.sessionId == seeded["MX1-1"])
        connection.execute(changes.values(scheduled=0))
    assert api.seen("/sessions", api.token(1, "all_proposals"), "session", **query) == found


def test_the_latest_session_of_each_beamline_of_a_group(api: Api, rows: Rows, seeded: dict[str, int]) -> None:
    token = api.token(1, "all_proposals")
    page = body(api.get("/sessions/group", token, beamLineGroup="MX"))
    assert [row["session"] for row in page["results"]] == ["MX1-2", "BX2-1"]
    assert (page["total"], page["skip"], page["limit"]) == (2, 0, 2)
    for query in ({}, {"beamLineGroup": "None"}, {"beamLineGroup": "MX", "upcoming": "true"}):
        assert body(api.get("/sessions/group", token, **query)) == {"total": 0, "results": [], "skip": 0, "limit": 0}
    visitor = api.token(seeded["visitor"])
    assert [row["session"] for row in body(api.get("/sessions/group", visitor, beamLineGroup="MX"))["results"]] == [
        "MX1-2"
    ]


def test_people_are_those_of_visible_proposals(api: Api, rows: Rows, seeded: dict[str, int]) -> None:
    contact = rows.person("contact", givenName=None)
    rows.person(None)
    rows.add(t.LabContact, personId=contact, proposalId=seeded["BX2"], cardName="c")
    everybody = [seeded[name] for name in ("principal", "member", "visitor", "outsider")] + [contact]
    for who, permissions, query, found in (
        ("outsider", ("all_proposals",), {}, everybody),
        ("outsider", (), {"showAll": "true"}, []),
        ("outsider", ("manage_persons",), {"showAll": "true"}, everybody),
        ("visitor", (), {}, [seeded["member"]]),
        ("outsider", ("all_proposals",), {"proposal": "BX2"}, [contact]),
        ("outsider", ("all_proposals",), {"sessionId": seeded["MX1-2"]}, [seeded["visitor"]]),
        ("visitor", (), {"sessionId": seeded["MX1-2"]}, [seeded["visitor"]]),
        ("outsider", (), {"sessionId": seeded["MX1-2"]}, []),
    ):
        assert api.seen("/persons", api.token(seeded[who], *permissions), "personId", **query) == found


def test_the_participants_of_a_session_are_told_with_their_part_in_it(
    api: Api, rows: Rows, seeded: dict[str, int]
) -> None:
    rows.add(t.Session_has_Person, sessionId=seeded["BX2-1"], personId=seeded["visitor"])
    page = body(api.get("/persons", api.token(seeded["member"]), sessionId=seeded["MX1-2"]))
    assert page["results"] == [
        {
            "personId": seeded["visitor"],
            "givenName": "Ada",
            "familyName": "Byron",
            "_metadata": {"sessions": 2, "lastSession": "2023-01-02T09:00:00", "role": "Staff", "remote": True},
        }
    ]


@pytest.mark.parametrize("path", ["/sessions", "/proposals", "/persons", "/proteins", "/labcontacts"])
def test_a_list_takes_the_same_number_of_statements_however_long_it_is(api: Api, rows: Rows, path: str) -> None:
    def statements() -> int:
        seen: list[str] = []

        def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
            seen.append(statement)

        sa.event.listen(rows.engine, "before_cursor_execute", note)
        try:
            assert api.get(path, api.token(1, "all_proposals"), limit=9999).status_code == 200
        finally:
            sa.event.remove(rows.engine, "before_cursor_execute", note)
        return len(seen)

    def add(number: int) -> None:
        key = rows.add(t.Proposal, proposalCode="MX", proposalNumber=str(number), personId=person)
        session = rows.add(t.BLSession, proposalId=key, beamLineName=f"B{number}", lastUpdate=at(2023, 1, 1))
        rows.add(t.Session_has_Person, sessionId=session, personId=person)
        rows.add(t.Protein, proposalId=key, name="P", acronym="P")
        rows.add(t.LabContact, personId=person, proposalId=key, cardName="c")

    person = rows.person("ada")
    add(1)
    api.get("/openapi.json")
    few = statements()
    for number in range(2, 12):
        add(number)
    assert statements() == few <= 10


@pytest.mark.parametrize(
    ("start", "end", "active"),
    [
        ("2020-01-01T00:00:00", "9999-12-31T23:59:59", True),
        ("0001-01-01T00:00:00", "9999-12-31T23:59:59", True),
        ("0001-01-01T00:00:00", "0001-01-01T00:00:00", False),
        ("9999-12-31T23:59:59", "9999-12-31T23:59:59", False),
    ],
)
def test_a_session_at_the_ends_of_the_calendar_takes_no_list_away(
    api: Api, rows: Rows, seeded: dict[str, int], start: str, end: str, active: bool
) -> None:
    dates = {"startDate": datetime.fromisoformat(start), "endDate": datetime.fromisoformat(end)}
    found = rows.add(t.BLSession, proposalId=seeded["MX1"], beamLineName="FAR", lastUpdate=at(2023, 1, 1), **dates)
    token = api.token(1, "all_proposals")
    listed = {item["sessionId"]: item for item in body(api.get("/sessions", token, limit=9999))["results"]}
    assert listed[found]["_metadata"]["active"] is listed[found]["_metadata"]["active_soon"] is active
    for year in (start[:4], end[:4]):
        of_year = body(api.get("/sessions", token, limit=9999, year=year))["results"]
        assert found in [item["sessionId"] for item in of_year]
    one = body(api.get(f"/sessions/{found}", token))
    assert (one["startDate"], one["endDate"]) == (start, end)
