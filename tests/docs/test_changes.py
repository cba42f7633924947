"""The page on following changes: its programs are run against a server."""

import contextlib
import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from objapi.settings import load_settings
from objapi.site import Site
from objapi.webhooks.delivery import NextChanges, deliver, message_of
from objapi.webhooks.sending import SendOutcome
from objapi.webhooks.stored import GIVEN_UP_AFTER, PAUSES, Webhook, list_webhooks
from tests.acceptance.client import Client, succeeded
from tests.acceptance.conftest import Serve
from tests.conftest import DATABASES
from tests.docs.examples import SHOWN_ROOT
from tests.docs.pages import DOCS, blocks
from tests.waiting import wait_until

PAGE = DOCS / "changes.md"
PORT = "8765"


@pytest.mark.parametrize("database", DATABASES)
def test_the_program_that_reads_a_stream_prints_changes(shared: Serve, database: str) -> None:
    block = next(block for block in blocks(PAGE, "python") if "text/event-stream" in block.text)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block.text.replace(SHOWN_ROOT, shared(database)), block.place, "exec"), {})
    lines = printed.getvalue().splitlines()
    assert len(lines) == 3
    assert all(" /Plone/clients/" in line for line in lines)


@contextmanager
def receiving(port: str, secret: str) -> Iterator[Iterator[str]]:
    """The lines that the receiver of the page prints, on another port."""
    block = next(block for block in blocks(PAGE, "python") if "WEBHOOK_SECRET" in block.text)
    environment = os.environ | {"WEBHOOK_SECRET": secret}
    command = [sys.executable, "-c", block.text.replace(PORT, port)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            wait_until(lambda: _listens(int(port)), "the receiver")
            assert process.stdout is not None
            yield iter(process.stdout)
        finally:
            process.kill()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def deliver_all() -> None:
    """Deliver the one hook of the site of the settings, as a server does."""
    with closing(Site.open(load_settings(os.environ))) as site:
        site.number_requests()
        (hook,) = site.transact(list_webhooks, write=False)
        assert deliver(site, hook, hook.place).outcome == SendOutcome(204, "status 204")


def test_a_message_looks_as_shown(shared: Serve) -> None:
    admin = Client(shared("sqlite"), "admin")
    with admin.http:
        changes = succeeded(admin.get("changes", {"since": "0", "portal_type": "Client", "page_size": "1"}))["changes"]
    hook = Webhook("h", "admin", "", "", (), None, 0, "p", 0)
    message = message_of("Plone", hook, NextChanges(tuple(changes), "c", more=False), datetime(2030, 1, 1, tzinfo=UTC))
    (shown,) = blocks(PAGE, "json")
    assert shape(json.loads(message.body)) == shape(json.loads(shown.text))


def shape(value: object) -> object:
    """The shape of JSON: keys of mappings, and what the first entries of lists look like."""
    match value:
        case dict():
            return {name: shape(each) for name, each in value.items()}
        case list():
            return [shape(value[0])] if value else []
        case _:
            return None


def test_the_page_says_when_a_webhook_is_given_up() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert "after 5 s, 30 s, 2, 10 and 30 minutes, 1, 2 and 4 hours, then every 4 hours. After three days" in text
    minutes = [pause / timedelta(minutes=1) for pause in PAUSES]
    assert minutes == [5 / 60, 0.5, 2, 10, 30, 60, 120, 240]
    assert timedelta(days=3) == GIVEN_UP_AFTER
