"""Shipments, dewars and containers: who sees them, who may add to them, what may be changed."""

from collections.abc import Mapping
from typing import Any

import pytest

from objapi.ispyb.database import Database, MissingSchema
from objapi.profiles.ispyb import tables as t
from tests.objapi.ispyb.calling import Api, Rows, at, body, faults
from tests.objapi.ispyb.scenery import card, container, count_statements

Keys = Mapping[str, Any]


@pytest.fixture
def shipped(rows: Rows, seeded: Keys) -> dict[str, Any]:
    """A shipment, dewar and container of each proposal, and two cards of MX1."""
    keys = dict(seeded)
    for proposal in ("MX1", "BX2"):
        keys[f"{proposal} shipping"] = rows.add(
            t.Shipping, proposalId=keys[proposal], shippingName=f"to {proposal}", bltimeStamp=at(2023, 1, 2, 3)
        )
        keys[f"{proposal} dewar"] = rows.add(
            t.Dewar, shippingId=keys[f"{proposal} shipping"], code=f"dewar {proposal}", dewarType="Dewar"
        )
        keys[f"{proposal} container"] = rows.add(
            t.Container, dewarId=keys[f"{proposal} dewar"], code=f"puck {proposal}", containerType="Spine"
        )
        keys[f"{proposal} card"] = card(rows, keys[proposal], f"card {proposal}")
    keys["other card"] = card(rows, keys["MX1"], "other card")
    return keys


@pytest.mark.parametrize("path", ["/shippings", "/dewars", "/containers"])
def test_members_and_visitors_of_the_proposal_see_what_is_shipped_for_it(api: Api, shipped: Keys, path: str) -> None:
    key = f"{path[1:-1]}Id"
    own, other = shipped[f"MX1 {path[1:-1]}"], shipped[f"BX2 {path[1:-1]}"]
    for person, visible in (("member", [own]), ("visitor", [own]), ("principal", []), ("outsider", [])):
        token = api.token(shipped[person])
        assert api.seen(path, token, key) == visible
        assert api.get(f"{path}/{own}", token).status_code == (200 if visible else 404)
    everything = api.token(1, "all_proposals")
    assert api.seen(path, everything, key) == [own, other]
    assert api.seen(path, everything, key, proposal="bx2") == [other]
    assert api.seen(path, everything, key, proposal="ZZ9") == []
    assert body(api.get(path, everything, skip=1, limit=1))["total"] == 2


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/shippings/0", "Shipment not found"),
        ("/dewars/0", "Dewar not found"),
        ("/containers/0", "Container not found"),
    ],
)
def test_what_is_not_there_is_not_found(api: Api, path: str, detail: str) -> None:
    for method, options in (("GET", {}), ("PATCH", {"json": {"code": "x", "comments": "x"}})):
        response = api.call(method, path, api.token(1, "all_proposals"), **options)
        assert (response.status_code, response.json) == (404, {"detail": detail})


@pytest.mark.parametrize("path", ["/shippings", "/dewars", "/containers"])
def test_lists_need_the_same_number_of_statements_for_any_number_of_rows(
    api: Api, rows: Rows, shipped: Keys, path: str
) -> None:
    token = api.token(shipped["member"])
    few = count_statements(api, path, token, limit=99)
    for _ in range(5):
        container(rows, shipped["MX1"])
    assert count_statements(api, path, token, limit=99) == few
    assert len(api.seen(path, token, "_metadata" if path == "/shippings" else "code", limit=99)) == 6


def test_a_shipment_is_answered_with_its_cards(api: Api, rows: Rows, shipped: Keys) -> None:
    key = shipped["MX1 shipping"]
    api_token = api.token(shipped["member"])
    cards = {"sendingLabContactId": shipped["MX1 card"], "returnLabContactId": shipped["other card"]}
    response = api.call("PATCH", f"/shippings/{key}", api_token, json={**cards, "safetyLevel": "RED"})
    expected = {
        "proposalId": shipped["MX1"],
        "shippingName": "to MX1",
        **cards,
        "safetyLevel": "RED",
        "comments": None,
        "shippingId": key,
        "bltimeStamp": "2023-01-02T03:00:00+00:00",
        "_metadata": {"dewars": 1},
        "LabContact": {
            "cardName": "other card",
            "Person": {"givenName": "given other card", "familyName": "family other card"},
        },
        "LabContact1": {
            "cardName": "card MX1",
            "Person": {"givenName": "given card MX1", "familyName": "family card MX1"},
        },
    }
    assert (response.status_code, response.json) == (200, expected)
    assert api.get(f"/shippings/{key}", api_token).json == expected


def test_a_shipment_is_added(api: Api, rows: Rows, shipped: Keys) -> None:
    values = {
        "proposalId": shipped["MX1"],
        "shippingName": "new",
        "sendingLabContactId": shipped["MX1 card"],
        "returnLabContactId": str(shipped["MX1 card"]),
    }
    response = api.call("POST", "/shippings", api.token(shipped["visitor"]), json=values)
    assert response.status_code == 201
    answer = body(response)
    assert answer["safetyLevel"] == "GREEN"
    assert answer["bltimeStamp"].endswith("+00:00")
    assert answer["LabContact"]["cardName"] == "card MX1"
    assert [row["shippingName"] for row in rows.all(t.Shipping)] == ["to MX1", "to BX2", "new"]


@pytest.mark.parametrize(
    ("proposal", "sender", "answer"),
    [
        ("BX2", "MX1 card", (404, {"detail": "No such proposal"})),
        ("unknown", "MX1 card", (404, {"detail": "No such proposal"})),
        ("MX1", "BX2 card", (400, {"detail": "No such lab contact"})),
        ("MX1", "unknown", (400, {"detail": "No such lab contact"})),
    ],
)
def test_a_shipment_is_not_added_to_what_is_out_of_sight(
    api: Api, rows: Rows, shipped: Keys, proposal: str, sender: str, answer: tuple[int, Any]
) -> None:
    keys = {**shipped, "unknown": 2**31 - 1}
    values = {
        "proposalId": keys[proposal],
        "shippingName": "new",
        "sendingLabContactId": keys[sender],
        "returnLabContactId": keys["MX1 card"],
    }
    response = api.call("POST", "/shippings", api.token(shipped["member"]), json=values)
    assert (response.status_code, response.json) == answer
    assert rows.count(t.Shipping) == 2


def test_all_that_is_wrong_with_a_new_shipment_is_listed(api: Api, seeded: Keys) -> None:
    values = {"proposalId": "x", "shippingName": "n" * 46, "returnLabContactId": 1, "safetyLevel": "BLUE"}
    response = api.call("POST", "/shippings", api.token(seeded["member"]), json=values)
    assert faults(response) == [
        (["body", "proposalId"], "type_error.integer"),
        (["body", "shippingName"], "value_error.any_str.max_length"),
        (["body", "sendingLabContactId"], "value_error.missing"),
        (["body", "safetyLevel"], "type_error.enum"),
    ]


def test_one_value_of_a_shipment_is_changed_and_the_others_stay(api: Api, rows: Rows, shipped: Keys) -> None:
    path, token = f"/shippings/{shipped['MX1 shipping']}", api.token(shipped["member"])
    before = body(api.get(path, token))
    assert body(api.call("PATCH", path, token, json={"comments": "cold"})) == {**before, "comments": "cold"}
    assert body(api.call("PATCH", path, token, json={})) == {**before, "comments": "cold"}
    assert body(api.call("PATCH", path, token, json={"comments": None})) == before


@pytest.mark.parametrize(
    ("kind", "changes", "status"),
    [
        ("shipping", {"shippingName": None}, 400),
        ("shipping", {"proposalId": None}, 400),
        ("shipping", {"proposalId": "BX2"}, 404),
        ("shipping", {"returnLabContactId": "BX2 card"}, 400),
        ("dewar", {"code": None}, 400),
        ("dewar", {"code": "c" * 46}, 422),
        ("container", {"code": None}, 400),
        ("container", {"dewarId": None}, 400),
        ("container", {"dewarId": "BX2 dewar"}, 404),
    ],
)
def test_a_change_that_cannot_be_made_leaves_all_as_it_was(
    api: Api, shipped: Keys, kind: str, changes: dict[str, Any], status: int
) -> None:
    path, token = f"/{kind}s/{shipped[f'MX1 {kind}']}", api.token(shipped["member"])
    before = body(api.get(path, token))
    values = {name: shipped.get(value, value) for name, value in changes.items()}
    assert api.call("PATCH", path, token, json=values).status_code == status
    assert body(api.get(path, token)) == before


def test_dewars_are_added_to_visible_shipments_only(api: Api, rows: Rows, shipped: Keys) -> None:
    token = api.token(shipped["member"])
    values = {"shippingId": shipped["MX1 shipping"], "code": "new", "dewarType": "Toolbox"}
    response = api.call("POST", "/dewars", token, json=values)
    assert response.status_code == 201
    assert body(response) == {
        **values,
        "dewarId": rows.all(t.Dewar)[-1]["dewarId"],
        "Shipping": {"proposalId": shipped["MX1"], "shippingName": "to MX1"},
    }
    response = api.call("POST", "/dewars", token, json={**values, "shippingId": shipped["BX2 shipping"]})
    assert (response.status_code, response.json) == (404, {"detail": "Shipment not found"})
    assert rows.count(t.Dewar) == 3


def test_the_shipment_of_a_dewar_is_not_changed(api: Api, shipped: Keys) -> None:
    path = f"/dewars/{shipped['MX1 dewar']}"
    values = {"shippingId": shipped["BX2 shipping"], "dewarType": "Toolbox"}
    answer = body(api.call("PATCH", path, api.token(1, "all_proposals"), json=values))
    assert (answer["shippingId"], answer["code"], answer["dewarType"]) == (
        shipped["MX1 shipping"],
        "dewar MX1",
        "Toolbox",
    )


def test_dewars_of_one_shipment_are_listed(api: Api, shipped: Keys) -> None:
    token = api.token(1, "all_proposals")
    assert api.seen("/dewars", token, "code", shippingId=shipped["BX2 shipping"]) == ["dewar BX2"]
    assert api.seen("/dewars", token, "code", shippingId=0) == []


def test_a_database_without_dewar_types_keeps_them_in_the_older_column(
    api: Api, rows: Rows, shipped: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Database, "missing", MissingSchema(frozenset(), frozenset({("Dewar", "dewarType")})))
    token = api.token(shipped["member"])
    values = {"shippingId": shipped["MX1 shipping"], "code": "new", "dewarType": "toolbox"}
    response = api.call("POST", "/dewars", token, json=values)
    assert (response.status_code, body(response)["dewarType"]) == (201, "Toolbox")
    row = rows.all(t.Dewar)[-1]
    assert (row["type"], row["dewarType"]) == ("Toolbox", None)
    response = api.call("PATCH", f"/dewars/{row['dewarId']}", token, json={"dewarType": "Bucket"})
    assert response.status_code == 400


def test_containers_are_added_to_visible_dewars_only(api: Api, rows: Rows, shipped: Keys) -> None:
    token = api.token(shipped["member"])
    values = {
        "code": "new",
        "dewarId": shipped["MX1 dewar"],
        "containerType": "Uni",
        "sampleChangerLocation": "3",
        "beamlineLocation": "ID30A-1",
    }
    response = api.call("POST", "/containers", token, json=values)
    assert response.status_code == 201
    assert body(response) == {
        **values,
        "containerId": rows.all(t.Container)[-1]["containerId"],
        "Dewar": {"code": "dewar MX1", "Shipping": {"proposalId": shipped["MX1"], "shippingName": "to MX1"}},
    }
    response = api.call("POST", "/containers", token, json={**values, "dewarId": shipped["BX2 dewar"]})
    assert (response.status_code, response.json) == (404, {"detail": "Dewar not found"})
    assert rows.count(t.Container) == 3


def test_a_container_is_changed_and_moved(api: Api, shipped: Keys) -> None:
    path = f"/containers/{shipped['MX1 container']}"
    values = {"beamlineLocation": "ID23-1", "dewarId": shipped["BX2 dewar"]}
    answer = body(api.call("PATCH", path, api.token(1, "all_proposals"), json=values))
    assert (answer["beamlineLocation"], answer["Dewar"]["code"], answer["code"]) == ("ID23-1", "dewar BX2", "puck MX1")
