"""Requests sent again with their Idempotency-Key, over HTTP: every kind of method that writes, and twins at once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from tests.acceptance.client import Client, succeeded
from tests.acceptance.making import make_batch, make_client, unique


def sent(admin: Client, method: str, body: dict[str, Any], key: str) -> requests.Response:
    return admin.json(method, body, headers={"Idempotency-Key": key})


def test_what_was_done_is_not_done_again(admin: Client) -> None:
    batches = [make_batch(admin) for _ in range(4)]
    paths, uids = ([batch[name] for batch in batches] for name in ("path", "obj_uid"))
    owner = make_client(admin)
    name = unique("Ada")
    person = {"obj_type": "Contact", "obj_path": owner, "Firstname": "Ada", "Surname": name}
    for method, body in (
        ("create", {"obj_path": "/batches", "obj_type": "Batch", "title": unique("Batch")}),
        ("create_many", {"input_values": [person]}),
        ("update", {"obj_path": paths[0], "Remarks": "once"}),
        ("update_many", {"input_values": {paths[0]: {"Remarks": "twice"}}}),
        ("doActionFor_many", {"obj_paths": [paths[0]], "action": "close"}),
        ("doActionFor", {"portal_type": "Batch", "UID": uids[1], "action": "close"}),
        ("copy", {"obj_path": owner, "fields": {"Name": unique("Copy"), "ClientID": unique("copy").replace(" ", "-")}}),
        ("rename", {"obj_path": paths[2], "obj_id": unique("B").replace(" ", "-")}),
        ("remove", {"UID": uids[3]}),
    ):
        key = unique(method)
        first, again = (sent(admin, method, body, key) for _ in range(2))
        assert succeeded(first) == succeeded(again), method
        assert "Idempotency-Replayed" not in first.headers, method
        assert again.headers["Idempotency-Replayed"] == "true", method
        assert first.content == again.content
    events = [row["event"] for row in admin.call("history", {"UID": uids[0]})["history"]]
    assert events[:3] == ["transition", "update", "update"]
    assert events.count("update") == 2


def test_twins_at_once_have_one_answer(admin: Client) -> None:
    title, key = unique("Twins"), unique("twins")
    form = {"obj_path": "/batches", "obj_type": "Batch", "title": title}

    def send(_: int) -> requests.Response:
        other = Client(admin.root, "admin")
        with other.http:
            return other.get("create", form, headers={"Idempotency-Key": key})

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, range(4)))
    assert len({succeeded(answer)["obj_uid"] for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 3
    assert admin.read(portal_type="Batch", title=title)["total_objects"] == 1
