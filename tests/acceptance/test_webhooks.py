"""Webhooks of a served site: managed by managers, delivered by a worker, counted."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from standardwebhooks import Webhook

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.conftest import RECEIVER_PORT, AsUser
from tests.acceptance.test_metrics import numbers
from tests.objapi.webhooks.receiver import Receiver, receiver
from tests.waiting import wait_until


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver(port=RECEIVER_PORT) as found:
        yield found


@pytest.fixture
def hook(admin: Client, there: Receiver) -> Iterator[dict[str, Any]]:
    """A new hook that tells of clients, with its secret."""
    made = admin.call("webhooks", {"action": "add", "url": f"http://{there.place}/in", "types": "Client"})
    (found,) = made["webhooks"]
    yield {**found, "secret": made["secret"]}
    admin.call("webhooks", {"action": "remove", "hook": found["hook"]})


def test_changes_are_delivered_and_the_list_says_so(admin: Client, there: Receiver, hook: dict[str, Any]) -> None:
    fax = uuid4().hex
    admin.call("update", {"obj_path": "/clients/client-1", "Fax": fax})
    wait_until(lambda: bool(there.received), "a message")
    headers, body = there.received[0]
    Webhook(hook["secret"]).verify(body, headers)
    (change,) = there.messages()[0]["data"]["changes"]
    assert (change["path"], change["fields"]) == ("/Plone/clients/client-1", ["Fax"])
    assert fax not in body.decode()

    def listed() -> dict[str, Any]:
        found = succeeded(admin.get("webhooks"))["webhooks"]
        return next(dict(item) for item in found if item["hook"] == hook["hook"])

    wait_until(lambda: listed()["outcome"] == "status 204", "the note of the delivery")
    assert listed()["delivered"] is not None
    assert "secret" not in listed()
    assert numbers(admin)['objapi_webhook_deliveries_total{outcome="delivered"}'] >= 1


@pytest.mark.parametrize(
    ("call", "status"),
    [
        ({"action": "add", "url": "https://evil.example.org/"}, 422),
        ({"action": "add"}, 400),
        ({"action": "remove", "hook": "x", "url": "y"}, 400),
        ({"action": "replay", "hook": "x"}, 404),
        ({"action": "fire"}, 400),
    ],
    ids=["host", "no-url", "words", "unknown", "action"],
)
def test_what_cannot_be_meant_is_refused(admin: Client, call: dict[str, str], status: int) -> None:
    failed(admin.post("webhooks", call, headers={"Prefer": "http-status"}), status)


def test_others_neither_see_nor_make_webhooks(as_user: AsUser) -> None:
    for user in ("rita", "labmanager1"):
        client = as_user(user)
        for answer in (client.get("webhooks"), client.post("webhooks", {"action": "add", "url": "https://x.org"})):
            assert failed(answer, 403)["type"] == "Forbidden"


def test_a_dry_run_shows_the_entry_of_the_trail_and_makes_no_hook(admin: Client) -> None:
    url = f"http://localhost:{RECEIVER_PORT}/dry"
    answer = admin.call("webhooks", {"action": "add", "url": url, "dry_run": "1"})
    assert answer["plan"]["changes"][0]["event"] == "webhook_add"
    assert url not in {item["url"] for item in succeeded(admin.get("webhooks"))["webhooks"]}
