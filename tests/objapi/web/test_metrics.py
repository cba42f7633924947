"""`/metrics` is there for this machine and for the hosts that the settings name."""

from contextlib import closing
from dataclasses import replace
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import Connection

from objapi.app import create_app
from objapi.http.metrics import DIRECTORY_VARIABLE
from objapi.settings import Settings
from objapi.store.records import to_micros
from objapi.store.trail.changes import Place
from objapi.store.trail.numbering import Unnumbered
from objapi.web import metrics
from objapi.webhooks.stored import Webhook, add_webhook
from tests.objapi.store.workshop import USERS, Gateway, open_site
from tests.waiting import ENOUGH

HOSTS = (ip_network("10.1.0.0/16"), ip_network("2001:db8::7"))
PROXIES = (ip_network("10.9.9.9"),)


@pytest.mark.parametrize(
    ("peer", "forwarded", "status"),
    [
        ("127.0.0.1", "", 200),
        ("::1", "", 200),
        ("::ffff:127.0.0.1", "", 200),
        ("10.1.2.3", "", 200),
        ("2001:db8::7", "", 200),
        ("10.2.0.1", "", 404),
        ("2001:db8::8", "", 404),
        # A proxy that is not trusted, on this machine or a host that may: nobody knows for whom it asks.
        ("127.0.0.1", "10.1.2.3", 404),
        ("10.1.2.3", "10.1.2.3", 404),
        ("10.9.9.9", "10.1.2.3", 200),
        ("10.9.9.9", "127.0.0.1, 198.51.100.1", 404),
        ("10.9.9.9", "", 404),
    ],
)
def test_hosts_that_may_read_the_numbers(
    peer: str, forwarded: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    settings = Settings(data_dir=tmp_path, profiles=("base",), metrics_hosts=HOSTS, trusted_proxies=PROXIES)
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    client = create_app(settings).test_client()
    answer = client.get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": peer})
    assert answer.status_code == status


def test_the_feed_and_webhooks_tell_how_far_they_are_behind(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    with closing(open_site(database_url, tmp_path)) as site:
        gateway = Gateway.on(site)
        gateway.add_users(USERS)
        site.number_requests()
        client = create_app(site=site).test_client()

        def numbers() -> dict[str, float]:
            lines = client.get("/metrics").text.splitlines()
            found = dict(line.split() for line in lines if not line.startswith("#"))
            return {name.removeprefix("objapi_"): float(value) for name, value in found.items()}

        assert set(numbers().values()) == {0.0}
        for name in ("One", "Two"):
            gateway.create("boss", "Person", "/", title=name)
        place, now = Place(0).cursor(), to_micros(site.now())
        hook = Webhook("h", "boss", "https://hooks.example.org/", "", (), None, now, place, now)
        failed = replace(hook, id="f", failures=3, failing_since=now - 60_000_000)
        for each in (hook, failed, replace(hook, id="s", stopped="its receiver is gone")):
            site.transact(partial(add_webhook, hook=each), write=True)
        behind = numbers()
        assert (behind["feed_unnumbered"], behind["feed_unnumbered_seconds"] > 0) == (2, True)
        assert (behind["webhooks_failing"], behind["webhooks_failing_seconds"] >= 60) == (1, True)
        assert behind["webhooks_stopped"] == 1
        head = site.number_requests().seq
        assert (numbers()["feed_unnumbered"], numbers()["webhook_backlog"]) == (0, head)
        # Where the database tells nothing, the rest is told.
        answers, ask = Event(), metrics.unnumbered

        def answer_late(connection: Connection) -> Unnumbered:
            answers.wait(ENOUGH)
            return ask(connection)

        monkeypatch.setattr(metrics, "unnumbered", answer_late)
        monkeypatch.setattr(metrics, "ANSWER_SECONDS", 0.0)
        try:
            assert numbers() == {}
        finally:
            answers.set()
        monkeypatch.setattr(metrics, "ANSWER_SECONDS", ENOUGH)
        assert numbers()["webhook_backlog"] == head


def test_without_a_server_that_counts_there_are_no_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DIRECTORY_VARIABLE, raising=False)
    client = create_app(Settings(data_dir=tmp_path, profiles=("base",))).test_client()
    assert client.get("/metrics").status_code == 404
