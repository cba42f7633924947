"""Two gateways on one database are stopped and started one after the other: their clients see no error."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
import requests
from sqlalchemy.engine import URL

from tests.acceptance.client import Client
from tests.acceptance.conftest import SETTINGS
from tests.acceptance.server import Servers, wait_until_served
from tests.databases import fresh_mariadb_database
from tests.ports import free_port
from tests.waiting import ENOUGH, wait_until

pytestmark = pytest.mark.extended

CLIENTS = 3
AT_LEAST = 15
"""Objects that are made before the next thing happens to a gateway."""


class Gateway:
    """A served gateway that can be stopped in order and started again at its port."""

    def __init__(self, servers: Servers, folder: Path, settings: dict[str, str]) -> None:
        self._servers, self._folder, self._settings, self._port = servers, folder, settings, free_port()
        self.root = f"http://127.0.0.1:{self._port}"
        (folder / "var").mkdir(parents=True)
        self.start()

    def start(self) -> None:
        command = ["serve", "--demo", "--port", str(self._port), "--data", str(self._folder / "var")]
        log = self._folder / "log"
        self._process = self._servers.start(command, self._folder, log, self._settings)
        wait_until_served(self._servers, self._process, self.root, log)

    def stop(self) -> None:
        """As an upgrade does it: requests that run are answered."""
        os.kill(self._process, signal.SIGTERM)
        wait_until(lambda: self._servers.status(self._process) is not None, "the end of a gateway")


@dataclass
class Load:
    """Clients that make one object after the other, and repeat on the other gateway what failed on one."""

    roots: list[str]
    made: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    repeated: int = 0
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def begin(self) -> None:
        for number in range(CLIENTS):
            self._threads.append(threading.Thread(target=self._work, args=(number,), daemon=True))
        for thread in self._threads:
            thread.start()

    def _work(self, number: int) -> None:
        with ExitStack() as stack:
            clients = [Client(root, "admin") for root in self.roots]
            for client in clients:
                stack.enter_context(client.http)
            while not self._over.is_set():
                title, key = f"Rolled {uuid4().hex}", uuid4().hex
                for turn in range(4):
                    # A proxy in front of both does the same.
                    if self._made(clients[(number + turn) % len(clients)], title, key):
                        self.made.append(title)
                        self.repeated += turn > 0
                        break
                else:
                    self.errors.append(f"{title} was made nowhere")

    def _made(self, client: Client, title: str, key: str) -> bool:
        try:
            answer = client.post(
                "create",
                {"obj_path": "/batches", "obj_type": "Batch", "title": title},
                headers={"Idempotency-Key": key, "Prefer": "http-status"},
            )
        except requests.ConnectionError:
            return False
        if answer.status_code not in (200, 503):
            self.errors.append(f"{answer.status_code}: {answer.text[:200]}")
        return answer.status_code == 200

    def go_on(self) -> None:
        """Wait until some more objects are made."""
        before = len(self.made)
        wait_until(lambda: len(self.made) >= before + AT_LEAST or bool(self.errors), "more objects")

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(ENOUGH)
            assert not thread.is_alive()


@pytest.fixture
def gateways(mariadb: Callable[[], URL], tmp_path: Path) -> Iterator[list[Gateway]]:
    with fresh_mariadb_database(mariadb()) as url, closing(Servers()) as servers:
        settings = SETTINGS | {"OBJAPI_DATABASE_URL": url}
        yield [Gateway(servers, tmp_path / name, settings) for name in ("first", "second")]


def test_clients_that_repeat_on_the_other_gateway_see_no_error(gateways: list[Gateway]) -> None:
    load = Load([gateway.root for gateway in gateways])
    load.begin()
    for gateway in gateways:
        load.go_on()
        gateway.stop()
        load.go_on()
        gateway.start()
    load.go_on()
    load.end()
    assert load.errors == []
    assert load.repeated > 0
    client = Client(gateways[0].root, "admin")
    with client.http:
        found = client.read(portal_type="Batch", page_size="0", include_fields="title")["objects"]
    titles = [item["title"] for item in found if item["title"].startswith("Rolled ")]
    assert sorted(titles) == sorted(load.made)
