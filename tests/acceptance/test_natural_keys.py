"""create and create_many with natural_key: created or changed, which is told, and what is refused."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.conftest import AsUser
from tests.acceptance.making import make_client, unique


def customer(number: str, **fields: Any) -> dict[str, Any]:
    return {"obj_type": "Client", "obj_path": "/clients", "ClientID": number, "Name": number, **fields}


def test_create_changes_what_has_the_key(admin: Client) -> None:
    number = unique("C").replace(" ", "-")
    first = admin.call("create", customer(number) | {"natural_key": "ClientID"})
    second = admin.call("create", customer(number, Phone="123") | {"natural_key": "ClientID"})
    assert (first["created"], first["updated"], first["version"]) == (True, [], 1)
    assert (second["created"], second["updated"], second["version"]) == (False, ["Name", "Phone"], 2)
    assert (second["obj_uid"], second["path"], second["obj_id"]) == (first["obj_uid"], first["path"], first["obj_id"])
    assert admin.at(first["path"])["Phone"] == "123"


def test_create_many_tells_which_of_each(admin: Client) -> None:
    number = unique("C").replace(" ", "-")
    made = admin.call("create", customer(number))
    contact = {"obj_type": "Contact", "Firstname": "Ada", "Surname": number, "EmailAddress": "ada@example.org"}
    entries = [
        {**customer(number, Phone="1"), "ref": "c"},
        customer(f"{number}-2"),
        {**contact, "obj_path": {"ref": "c"}},
        {"obj_type": "Batch", "obj_path": "/batches", "title": number},
    ]
    keys = {"Client": "ClientID", "Contact": "EmailAddress"}
    first = succeeded(admin.json("create_many", {"input_values": entries, "natural_key": keys}))["objects"]
    assert [entry.get("created") for entry in first] == [False, True, True, None]
    assert first[0]["obj_uid"] == made["obj_uid"]
    again = succeeded(admin.json("create_many", {"input_values": entries[:3], "natural_key": keys}))["objects"]
    assert [(entry["created"], entry["obj_uid"]) for entry in again] == [(False, e["obj_uid"]) for e in first[:3]]
    # Another client may have a contact with the same address.
    there = {**contact, "obj_path": make_client(admin)}
    assert admin.json("create", {**there, "natural_key": "EmailAddress"}).json()["created"] is True


@pytest.mark.parametrize(
    ("entries", "key", "named"),
    [
        ([customer("a")], "Name", "natural_key: 'Name' is no natural key of Client: it has ClientID"),
        ([{"obj_type": "Batch", "obj_path": "/batches", "title": "x"}], "title", "Batch: it declares none"),
        ([customer("a")], {"Contact": "EmailAddress"}, "no entry is of the type 'Contact'"),
        ([customer("a")], {"Client": 7}, "a text is expected"),
        ([customer("a")], [1], "natural_key"),
        (
            [customer("a"), customer("b"), customer("a")],
            "ClientID",
            "entry 2: ClientID 'a' is the natural key of entry 0",
        ),
    ],
)
@pytest.mark.parametrize("partial", [False, True])
def test_a_key_that_cannot_be_meant_is_a_400(
    admin: Client, entries: list[Any], key: object, named: str, partial: bool
) -> None:
    body = {"input_values": entries, "natural_key": key, "partial": partial}
    assert named in failed(admin.json("create_many", body), 400, "BadRequest")["message"]


def test_create_names_the_keys_that_there_are(admin: Client) -> None:
    asked = {"obj_type": "Client", "obj_path": "/clients", "Name": "x", "natural_key": "Name"}
    assert "it has ClientID" in admin.refused("create", asked, status=400, type="BadRequest")["message"]
    asked = {"obj_type": "Client", "obj_path": "/clients", "Name": "x", "natural_key": "ClientID"}
    assert "natural key" in admin.refused("create", asked, status=422, type="ValidationError")["message"]
    asked = {"obj_type": "Client", "ClientID": unique("free").replace(" ", "-"), "natural_key": "ClientID"}
    assert admin.json("create", asked).json()["message"].count("obj_path") == 1
    assert admin.call("types/Client")["type"]["natural_keys"] == [
        {"fields": ["ClientID"], "within": "site", "unique": True}
    ]


def test_a_clients_contact_learns_nothing_of_other_clients(admin: Client, as_user: AsUser) -> None:
    number = unique("C").replace(" ", "-")
    admin.call("create", customer(number))
    rita = as_user("rita")
    answers = [rita.json("create", {**customer(name), "natural_key": "ClientID"}).json() for name in (number, "free")]
    assert {answer["status"] for answer in answers} == {403}
    assert answers[0]["message"] == answers[1]["message"]


def test_calls_at_once_leave_one_object(root: str, admin: Client) -> None:
    number = unique("C").replace(" ", "-")

    def send(place: int) -> dict[str, Any]:
        client = Client(root, "admin")
        with client.http:
            entry = {**customer(number, Phone=str(place)), "natural_key": "ClientID"}
            return succeeded(client.json("create", entry))

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(send, range(6)))
    assert sorted(answer["created"] for answer in answers) == [False] * 5 + [True]
    assert len({answer["obj_uid"] for answer in answers}) == 1
    assert admin.read(portal_type="Client", getClientID=number)["total_objects"] == 1


def test_a_key_is_unique_whatever_gives_it(admin: Client, as_user: AsUser) -> None:
    number = unique("C").replace(" ", "-")
    path = admin.call("create", customer(number))["path"]
    other = make_client(admin)
    for answer in (
        admin.json("create", {**customer(number), "Name": f"{number} again"}),
        admin.json("update", {"obj_path": other, "ClientID": number}),
        admin.json("update_many", {"input_values": {other: {"ClientID": number}}}),
        admin.json("copy", {"obj_path": path, "fields": {"Name": f"{number} copy"}}),
    ):
        assert f"ClientID '{number}' is that of {path}; choose another value" in failed(answer, 422)["message"]
    # Two contacts may have one mailbox.
    contact = {"obj_type": "Contact", "obj_path": path, "Firstname": "Ada", "EmailAddress": "ada@example.org"}
    for name in ("One", "Two"):
        admin.call("create", contact | {"Surname": name})
    several = admin.json("create", {**contact, "Surname": "One", "natural_key": "EmailAddress"})
    failed(several, 409, "Conflict")
    # Who may not see the other is not told which it is.
    refused = as_user("rita").json("update", {"obj_path": "/clients/client-1", "ClientID": number})
    message = failed(refused, 422)["message"]
    assert "cannot be given to another object here" in message and path not in message
