"""What the user portal sends: matching, effect, faults, all or nothing."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from objapi.profiles.ispyb import tables as t
from tests.objapi.ispyb.calling import Api, Rows, at, body, faults
from tests.objapi.ispyb.sync.payloads import LABORATORY, large, payload, person, protein, session

pytestmark = pytest.mark.both_databases

PATH = "/webservices/userportalsync/sync_proposal"
COUNTED = (
    t.Person,
    t.Laboratory,
    t.Proposal,
    t.ProposalHasPerson,
    t.LabContact,
    t.BLSession,
    t.Session_has_Person,
    t.Protein,
)


def send(api: Api, given: Any, *permissions: str) -> TestResponse:
    return api.call("POST", PATH, api.token(1, *(permissions or ("uportal_sync",))), json=given)


def sync(api: Api, given: Any) -> None:
    response = send(api, given)
    assert response.status_code == 200, response.text
    assert body(response)["message"].startswith("The proposal MX-1 has been synchronized in ")


def everything(rows: Rows) -> dict[str, list[dict[str, Any]]]:
    return {table.name: rows.all(table) for table in COUNTED}


def refused(api: Api, rows: Rows, given: Any) -> str:
    before = everything(rows)
    response = send(api, given)
    assert response.status_code == 400, response.text
    assert everything(rows) == before
    return str(body(response)["detail"])


FULL = payload(
    person(externalId=5, laboratory=LABORATORY, title="Dr", siteId=3),
    person("bob", emailAddress="bob@lab"),
    externalId=2**128 - 1,
    proposalType="MX",
    labcontacts=[{"cardName": "Rome", "courierAccount": "X1", "person": person("carol", laboratory=LABORATORY)}],
    sessions=[
        session(
            expSessionPk=3,
            scheduled=1,
            comments="dropped",
            lastUpdate="2023-01-01T10:00:00.750Z",
            persons=[person("bob", session_options={"role": "Staff", "remote": 1}), person("dora")],
        )
    ],
    proteins=[protein(name="Insulin", externalId=9, safetyLevel="GREEN", molecularMass="5.5")],
)


def test_a_payload_makes_everything_that_it_holds(api: Api, rows: Rows) -> None:
    sync(api, FULL)
    people = {row["login"]: row for row in rows.all(t.Person)}
    assert set(people) == {"ada", "bob", "carol", "dora"}
    assert people["ada"]["externalId"] == (5).to_bytes(16, "big")
    (laboratory,) = rows.all(t.Laboratory)
    assert people["ada"]["laboratoryId"] == people["carol"]["laboratoryId"] == laboratory["laboratoryId"]
    (proposal,) = rows.all(t.Proposal)
    assert proposal["personId"] == people["ada"]["personId"]
    assert (proposal["state"], proposal["externalId"]) == ("Open", b"\xff" * 16)
    participants = [row["personId"] for row in rows.all(t.ProposalHasPerson)]
    assert participants == [people["ada"]["personId"], people["bob"]["personId"]]
    (card,) = rows.all(t.LabContact)
    assert (card["personId"], card["dewarAvgCustomsValue"]) == (people["carol"]["personId"], 0)
    (made,) = rows.all(t.BLSession)
    assert (made["startDate"], made["lastUpdate"]) == (at(2023, 1, 1, 9), at(2023, 1, 1, 10))
    assert (made["comments"], made["visit_number"]) == (None, 0)
    visits = {row["personId"]: (row["role"], row["remote"]) for row in rows.all(t.Session_has_Person)}
    assert visits == {people["bob"]["personId"]: ("Staff", 1), people["dora"]["personId"]: (None, 0)}
    (made_protein,) = rows.all(t.Protein)
    assert (made_protein["personId"], made_protein["molecularMass"]) == (people["ada"]["personId"], 5.5)


def test_the_same_payload_again_changes_nothing(api: Api, rows: Rows) -> None:
    sync(api, FULL)
    before = everything(rows)
    sync(api, FULL)
    assert everything(rows) == before


def test_passwords_are_not_kept(api: Api, rows: Rows) -> None:
    sync(api, payload(person(passwd="hidden")))
    assert rows.all(t.Person)[0]["passwd"] is None


def test_the_permission_is_asked_before_the_body_is_looked_at(api: Api) -> None:
    assert send(api, {}, "all_proposals").status_code == 403


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, [(["body", "proposal"], "value_error.missing")]),
        ([], [(["body"], "type_error.dict")]),
        (payload(persons=[]), [(["body", "proposal", "persons"], "value_error.list.min_items")]),
        (payload(persons=None), [(["body", "proposal", "persons"], "type_error.none.not_allowed")]),
        (
            payload(person(None), {"login": None, "externalId": None, "siteId": "x"}),
            [
                (["body", "proposal", "persons", 0, "__root__"], "value_error"),
                (["body", "proposal", "persons", 1, "siteId"], "type_error.integer"),
                (["body", "proposal", "persons", 1, "__root__"], "value_error"),
            ],
        ),
        (
            payload(
                person(laboratory={"name": "x"}),
                sessions=[{"startDate": "soon", "persons": [person(session_options=7)]}],
                proteins=[{"person": "x"}, None],
            ),
            [
                (["body", "proposal", "persons", 0, "laboratory", "address"], "value_error.missing"),
                (["body", "proposal", "persons", 0, "laboratory", "city"], "value_error.missing"),
                (["body", "proposal", "persons", 0, "laboratory", "country"], "value_error.missing"),
                (["body", "sessions", 0, "startDate"], "value_error.datetime"),
                (["body", "sessions", 0, "persons", 0, "session_options"], "type_error.dict"),
                (["body", "sessions", 0, "__root__"], "value_error"),
                (["body", "proteins", 0, "acronym"], "value_error.missing"),
                (["body", "proteins", 0, "hazardGroup"], "value_error.missing"),
                (["body", "proteins", 0, "containmentLevel"], "value_error.missing"),
                (["body", "proteins", 0, "person"], "type_error.dict"),
                (["body", "proteins", 1], "type_error.none.not_allowed"),
            ],
        ),
        (
            payload(sessions=[session(persons=[person(session_options={"role": "Cook"})])]),
            [(["body", "sessions", 0, "persons", 0, "session_options", "role"], "value_error.const")],
        ),
        (payload(title="x" * 201), [(["body", "proposal", "title"], "value_error.any_str.max_length")]),
    ],
)
def test_every_fault_of_a_payload_is_listed(api: Api, given: Any, expected: list[Any]) -> None:
    assert faults(send(api, given)) == expected


def test_a_known_person_takes_four_values_and_keeps_the_rest(api: Api, rows: Rows) -> None:
    rows.person("ada", title="Dr", emailAddress="old@lab", siteId=None)
    sync(api, payload(person(externalId=5, title="Prof", siteId=3, phoneNumber="1", givenName=None)))
    (known,) = rows.all(t.Person)
    assert (known["givenName"], known["emailAddress"], known["phoneNumber"]) == (None, None, "1")
    assert (known["title"], known["siteId"], known["externalId"]) == ("Dr", None, None)


@pytest.mark.parametrize("number", [0, 5, 2**31, 2**63, 2**64 - 1, 2**127 + 3, 2**128 - 1])
def test_people_and_proposals_are_found_by_keys_of_any_size(api: Api, rows: Rows, number: int) -> None:
    sync(api, payload(person(None, externalId=number), externalId=number))
    sync(api, payload(person("later", externalId=number, givenName="New"), externalId=number, title="Other"))
    assert [row["givenName"] for row in rows.all(t.Person)] == ["New"]
    assert [row["title"] for row in rows.all(t.Proposal)] == ["Other"]


@pytest.mark.parametrize("number", [-1, 2**128])
def test_a_key_that_cannot_be_stored_is_refused(api: Api, rows: Rows, number: int) -> None:
    for given in (
        payload(externalId=number),
        payload(person(externalId=number)),
        payload(sessions=[session(externalId=number)]),
        payload(proteins=[protein(externalId=number)]),
    ):
        assert "externalId" in refused(api, rows, given)


def test_case_counts_in_logins(api: Api, rows: Rows) -> None:
    rows.person("ADA")
    sync(api, payload(person("ada")))
    assert [row["login"] for row in rows.all(t.Person)] == ["ADA", "ada"]


def test_the_same_login_in_one_list_is_one_person_with_the_last_values(api: Api, rows: Rows) -> None:
    sync(api, payload(person(givenName="First"), person("bob"), person(givenName="Last")))
    assert [(row["login"], row["givenName"]) for row in rows.all(t.Person)] == [("ada", "Last"), ("bob", "Ada")]


def test_people_without_a_login_are_told_apart_by_their_keys(api: Api, rows: Rows) -> None:
    people = [person(None, externalId=1, givenName="One"), person(None, externalId=2, givenName="Two")]
    options = [{"role": "Staff", "remote": 1}, {"role": "Team Leader", "remote": 0}]
    visitors = [one | {"session_options": option} for one, option in zip(people, options, strict=True)]
    sync(api, payload(*people, sessions=[session(persons=visitors)]))
    assert [row["givenName"] for row in rows.all(t.Person)] == ["One", "Two"]
    assert rows.all(t.Proposal)[0]["personId"] == rows.all(t.Person)[0]["personId"]
    assert [row["role"] for row in rows.all(t.Session_has_Person)] == ["Staff", "Team Leader"]


def test_a_known_proposal_takes_only_the_title_and_keeps_its_principal(api: Api, rows: Rows) -> None:
    sync(api, payload(person(), externalId=5, proposalType="MX"))
    (before,) = rows.all(t.Proposal)
    sync(api, payload(person("bob"), externalId=6, proposalType="BX", state="Closed", title=None))
    (after,) = rows.all(t.Proposal)
    assert after == before | {"title": None}
    assert rows.count(t.ProposalHasPerson) == 2


def test_a_proposal_found_by_key_keeps_code_and_number(api: Api, rows: Rows) -> None:
    sync(api, payload(externalId=5))
    response = send(api, payload(externalId=5, proposalCode="BX", proposalNumber="9"))
    assert body(response)["message"].startswith("The proposal BX-9 has been synchronized in ")
    assert [row["proposalCode"] for row in rows.all(t.Proposal)] == ["MX"]


@pytest.mark.parametrize(
    ("first", "second", "laboratories", "linked"),
    [
        (LABORATORY, None, ["Biology"], "Biology"),
        (LABORATORY, LABORATORY | {"name": "Renamed"}, ["Renamed"], "Renamed"),
        (LABORATORY, LABORATORY | {"laboratoryExtPk": 8, "name": "Other"}, ["Biology", "Other"], "Other"),
        (LABORATORY, LABORATORY | {"laboratoryExtPk": None}, ["Biology"], "Biology"),
        (LABORATORY, LABORATORY | {"laboratoryExtPk": None, "city": "Pisa"}, ["Biology", "Biology"], "Biology"),
        (None, LABORATORY | {"laboratoryExtPk": None}, ["Biology"], "Biology"),
        (None, None, [], None),
    ],
)
def test_the_laboratory_of_a_known_person(
    api: Api, rows: Rows, first: Any, second: Any, laboratories: list[str], linked: str | None
) -> None:
    sync(api, payload(person(laboratory=first)))
    sync(api, payload(person(laboratory=second)))
    found = {row["laboratoryId"]: row["name"] for row in rows.all(t.Laboratory)}
    assert list(found.values()) == laboratories
    assert found.get(rows.all(t.Person)[0]["laboratoryId"]) == linked


def test_another_number_links_a_laboratory_without_updating_it(api: Api, rows: Rows) -> None:
    sync(
        api,
        payload(
            person(laboratory=LABORATORY), person("bob", laboratory=LABORATORY | {"laboratoryExtPk": 8, "name": "B"})
        ),
    )
    sync(api, payload(person(laboratory=LABORATORY | {"laboratoryExtPk": 8, "name": "Ignored"})))
    assert [row["name"] for row in rows.all(t.Laboratory)] == ["Biology", "B"]
    assert {row["laboratoryId"] for row in rows.all(t.Person)} == {rows.all(t.Laboratory)[1]["laboratoryId"]}


def test_a_second_card_of_one_person_is_refused_and_nothing_stays(api: Api, rows: Rows) -> None:
    cards = [{"cardName": "a", "person": person()}, {"cardName": "b", "person": person()}]
    assert "another one" in refused(api, rows, payload(labcontacts=cards))
    sync(api, payload(labcontacts=cards[:1]))
    refused(api, rows, payload(labcontacts=cards[1:], title="undone"))


def test_a_known_card_keeps_its_person_and_takes_its_own_values(api: Api, rows: Rows) -> None:
    sync(api, payload(labcontacts=[{"cardName": "a", "courierAccount": "1", "person": person()}]))
    card = {"cardName": "a", "billingReference": "R", "dewarAvgCustomsValue": 5, "person": person("nobody")}
    sync(api, payload(labcontacts=[card]))
    (known,) = rows.all(t.LabContact)
    assert (known["courierAccount"], known["billingReference"], known["dewarAvgCustomsValue"]) == (None, "R", 5)
    assert [row["login"] for row in rows.all(t.Person)] == ["ada"]


def test_a_known_session_takes_every_value_and_null_for_what_is_absent(api: Api, rows: Rows) -> None:
    sync(api, payload(sessions=[session(expSessionPk=3, visit_number=4, nbShifts=2, lastUpdate="2023-01-01T00:00:00")]))
    with rows.engine.begin() as connection:
        connection.execute(sa.update(t.BLSession).values(comments="kept"))
    sync(api, payload(sessions=[{"expSessionPk": 3, "persons": None}]))
    (known,) = rows.all(t.BLSession)
    assert [known[name] for name in ("externalId", "startDate", "beamLineName", "nbShifts")] == [None] * 4
    assert (known["comments"], known["visit_number"], known["lastUpdate"]) == ("kept", 4, at(2023, 1, 1))
    assert rows.count(t.Session_has_Person) == 1


def test_with_a_key_of_the_portal_the_number_is_no_second_chance(api: Api, rows: Rows) -> None:
    sync(api, payload(sessions=[session(externalId=None, expSessionPk=3)]))
    sync(api, payload(sessions=[session(externalId=12, expSessionPk=3)]))
    assert rows.count(t.BLSession) == 2


def test_sessions_are_matched_within_their_proposal(api: Api, rows: Rows) -> None:
    sync(api, payload(sessions=[session()]))
    assert send(api, payload(proposalNumber="2", sessions=[session()])).status_code == 200
    assert rows.count(t.BLSession) == 2


def test_role_and_remote_of_a_known_visit_are_overwritten(api: Api, rows: Rows) -> None:
    sync(api, payload(sessions=[session(persons=[person(session_options={"role": "Staff", "remote": 1})])]))
    sync(api, payload(sessions=[session(persons=[person(session_options=None)])]))
    assert [(row["role"], row["remote"]) for row in rows.all(t.Session_has_Person)] == [(None, 0)]


def test_the_zone_of_a_time_is_cut_off_and_not_converted(api: Api, rows: Rows) -> None:
    sync(api, payload(sessions=[session(startDate="2022-05-20T16:00:00+02:00", endDate="2022-05-20T14:09:20.340Z")]))
    (made,) = rows.all(t.BLSession)
    assert (made["startDate"], made["endDate"]) == (at(2022, 5, 20, 16), at(2022, 5, 20, 14, 9).replace(second=20))


def test_proteins_go_by_key_else_by_acronym_and_keep_their_person(api: Api, rows: Rows) -> None:
    sync(api, payload(person(), person("bob"), proteins=[protein(name="One"), protein(externalId=9, acronym="LYS")]))
    sync(api, payload(person(), proteins=[protein(name=None, person=person("bob")), protein(externalId=10)]))
    assert [(row["acronym"], row["name"]) for row in rows.all(t.Protein)] == [
        ("INS", None),
        ("LYS", None),
        ("INS", None),
    ]
    assert len({row["personId"] for row in rows.all(t.Protein)}) == 1


def test_a_protein_of_nobody_is_left_out(api: Api, rows: Rows) -> None:
    sync(
        api,
        payload(
            person(externalId=4),
            proteins=[protein(person=person("nobody")), protein(person=person(None, externalId=4))],
        ),
    )
    assert rows.count(t.Protein) == 1


@pytest.mark.parametrize(
    "given",
    [
        payload(state="Lost"),
        payload(proteins=[protein(safetyLevel="BLUE")]),
        payload(proteins=[protein(componentTypeId=99)]),
        payload(sessions=[session(beamLineSetupId=99)]),
    ],
)
def test_what_the_database_would_refuse_is_refused_and_nothing_stays(api: Api, rows: Rows, given: Any) -> None:
    detail = refused(api, rows, given)
    assert "INSERT" not in detail
    assert rows.count(t.Person) == 0


@pytest.mark.parametrize(
    ("given", "places"),
    [
        (
            payload(proteins=[protein(), protein(acronym="LYS", componentTypeId=99)]),
            ["protein (acronym LYS)", "componentTypeId"],
        ),
        (
            payload(sessions=[session(), session(externalId=12, beamLineSetupId=99)]),
            ["session (externalId 12)", "beamLineSetupId"],
        ),
    ],
)
def test_a_refusal_names_row_and_field_of_the_payload(api: Api, rows: Rows, given: Any, places: list[str]) -> None:
    detail = refused(api, rows, given)
    assert [place for place in (*places, "99") if place not in detail] == []


def test_simultaneous_payloads_make_no_twins(api: Api, rows: Rows) -> None:
    one, other = large(10, 3, proteins=5, cards=2), large(10, 3, proteins=5, cards=2)
    other["proposal"]["proposalNumber"] = "2"
    token = api.token(1, "uportal_sync")

    def call(given: Any) -> int:
        return Api(api.application, rows).call("POST", PATH, token, json=given).status_code

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(call, [one, other] * 6)) == {200}
    assert rows.count(t.Proposal) == 2
    assert rows.count(t.Person) == len({row["login"] for row in rows.all(t.Person)}) == 10
    assert rows.count(t.BLSession) == 6
    assert rows.count(t.Protein) == 10
    assert rows.count(t.Laboratory) == 10


def test_the_number_of_queries_does_not_grow_with_the_payload(api: Api, rows: Rows) -> None:
    def queries(given: Any) -> int:
        seen: list[str] = []

        def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
            if statement.startswith(("SELECT", "(SELECT")):
                seen.append(statement)

        sa.event.listen(rows.engine, "before_cursor_execute", note)
        try:
            assert send(api, given).status_code == 200
        finally:
            sa.event.remove(rows.engine, "before_cursor_execute", note)
        return len(seen)

    send(api, large(1, 1, proteins=1, cards=1))
    assert queries(large(100, 20)) == queries(large(5, 2, proteins=2, cards=2)) <= 10


def test_a_large_payload_is_written_whole(api: Api, rows: Rows) -> None:
    given = large(500, 100)
    sync(api, given)
    assert rows.count(t.Session_has_Person) == 500


def test_the_schema_of_the_payload_is_published(api: Api) -> None:
    schema = body(api.get(f"{PATH}/schema"))
    assert schema["required"] == ["proposal"]
    assert schema["properties"]["proposal"] == {"$ref": "#/definitions/UPProposal"}
    assert schema["definitions"]["UPProposal"]["properties"]["persons"]["minItems"] == 1
