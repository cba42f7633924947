"""Lab contacts: who sees them, adding and changing them."""

from typing import Any

from objapi.profiles.ispyb import tables as t
from tests.objapi.ispyb.calling import Api, Rows, body, faults

LABORATORY = {"name": "Biology", "address": "Road 1", "city": "Rome", "country": "IT"}


def card(proposal: int, **values: Any) -> dict[str, Any]:
    person = {"givenName": "Ada", "familyName": "Byron", "Laboratory": LABORATORY}
    return {"proposalId": proposal, "cardName": "Rome", "Person": person} | values


def test_a_card_is_added_with_a_new_person_and_laboratory(api: Api, rows: Rows) -> None:
    keys = rows.seed()
    response = api.call("POST", "/labcontacts", api.token(keys["visitor"]), json=card(keys["MX1"]))
    assert response.status_code == 201
    answer = body(response)
    stamps = (answer.pop("recordTimeStamp"), answer["Person"]["Laboratory"].pop("recordTimeStamp"))
    assert all(stamp.endswith("+00:00") for stamp in stamps)
    laboratory = rows.all(t.Laboratory)[0]["laboratoryId"]
    assert answer == {
        "proposalId": keys["MX1"],
        "cardName": "Rome",
        "defaultCourrierCompany": None,
        "courierAccount": None,
        "billingReference": None,
        "dewarAvgCustomsValue": 0,
        "dewarAvgTransportValue": 0,
        "labContactId": rows.all(t.LabContact)[0]["labContactId"],
        "personId": rows.all(t.Person)[-1]["personId"],
        "Person": {
            "givenName": "Ada",
            "familyName": "Byron",
            "emailAddress": None,
            "phoneNumber": None,
            "Laboratory": {**LABORATORY, "url": None, "laboratoryExtPk": None, "laboratoryId": laboratory},
        },
    }
    assert rows.all(t.Person)[-1]["login"] is None


def test_a_card_is_refused_where_the_proposal_is_out_of_sight_or_the_name_is_taken(api: Api, rows: Rows) -> None:
    keys = rows.seed()
    token = api.token(keys["member"])
    hidden = api.call("POST", "/labcontacts", token, json=card(keys["BX2"]))
    assert (hidden.status_code, body(hidden)) == (404, {"detail": "No such proposal"})
    without = card(keys["MX1"], Person={"givenName": "Ada", "familyName": "Byron"})
    assert body(api.call("POST", "/labcontacts", token, json=without))["Person"]["Laboratory"] is None
    people = rows.count(t.Person)
    assert api.call("POST", "/labcontacts", token, json=card(keys["MX1"])).status_code == 400
    assert rows.count(t.Person) == people
    assert faults(api.call("POST", "/labcontacts", token, json=card(keys["MX1"], cardName="x" * 41, Person={}))) == [
        (["body", "cardName"], "value_error.any_str.max_length"),
        (["body", "Person", "givenName"], "value_error.missing"),
        (["body", "Person", "familyName"], "value_error.missing"),
    ]


def test_single_values_are_changed_on_their_own_rows(api: Api, rows: Rows) -> None:
    keys = rows.seed()
    token = api.token(keys["member"])
    key = body(api.call("POST", "/labcontacts", token, json=card(keys["MX1"])))["labContactId"]
    for change in (
        {"courierAccount": "X1"},
        {"proposalId": keys["BX2"]},
        {"Person": {"phoneNumber": "1"}},
        {"Person": {"Laboratory": {"city": "Pisa"}}},
        {"dewarAvgCustomsValue": None, "Person": None},
    ):
        changed = api.call("PATCH", f"/labcontacts/{key}", token, json=change)
        assert changed.status_code == 200, changed.text
    answer = body(api.get(f"/labcontacts/{key}", token))
    assert (answer["courierAccount"], answer["proposalId"], answer["dewarAvgCustomsValue"]) == ("X1", keys["MX1"], 0)
    assert (answer["Person"]["phoneNumber"], answer["Person"]["Laboratory"]["city"]) == ("1", "Pisa")
    assert answer["Person"]["Laboratory"]["name"] == "Biology"
    assert api.call("PATCH", f"/labcontacts/{key}", token, json={"cardName": None}).status_code == 400
    assert api.call("PATCH", f"/labcontacts/{key}", api.token(keys["outsider"]), json={}).status_code == 404


def test_a_person_without_a_laboratory_gets_one_by_a_change(api: Api, rows: Rows) -> None:
    keys = rows.seed()
    person = rows.person("ada")
    contact = rows.add(t.LabContact, personId=person, proposalId=keys["MX1"], cardName="c")
    change = {"Person": {"Laboratory": {"city": "Pisa"}}}
    changed = api.call("PATCH", f"/labcontacts/{contact}", api.token(keys["member"]), json=change)
    assert body(changed)["Person"]["Laboratory"]["city"] == "Pisa"
    assert rows.count(t.Laboratory) == 1


def test_cards_are_listed_by_proposal(api: Api, rows: Rows) -> None:
    keys = rows.seed()
    for name in ("MX1", "BX2"):
        rows.add(t.LabContact, personId=keys["principal"], proposalId=keys[name], cardName=f"card of {name}")
    everything = api.token(1, "all_proposals")
    assert api.seen("/labcontacts", everything, "cardName") == ["card of MX1", "card of BX2"]
    assert api.seen("/labcontacts", everything, "cardName", proposal="BX2") == ["card of BX2"]
    assert api.seen("/labcontacts", api.token(keys["visitor"]), "cardName") == ["card of MX1"]
    assert api.seen("/labcontacts", api.token(keys["principal"]), "cardName") == []
