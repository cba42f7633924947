"""Callers of every face of a served sample laboratory, each of whom can read something and write something."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Final

import requests

from tests.acceptance.client import Client, succeeded
from tests.acceptance.test_ispyb import SYNC, Script, payload
from tests.acceptance.test_mxlive import Instrument
from tests.waiting import ENOUGH

SETTINGS: Final = {"OBJAPI_PROFILES": "lims,mxlive,ispyb", "OBJAPI_MXLIVE_DATA_PROXY": "auto"}
"""Settings of the laboratory."""

Call = Callable[[], requests.Response]
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Caller:
    """One way to call, whose log-in has been before."""

    read: Call
    write: Call


@dataclass(frozen=True, slots=True)
class Callers:
    """The callers of a site, by face and credentials; `log_ins` are ways to prove oneself anew."""

    root: str
    by_name: Mapping[str, Caller]
    log_ins: Mapping[str, Call] = field(default_factory=dict)

    def read(self) -> dict[str, int]:
        """Name → status of a read."""
        return {name: caller.read().status_code for name, caller in self.by_name.items()}

    def write(self) -> dict[str, requests.Response]:
        """Name → answer to a write."""
        return {name: caller.write() for name, caller in self.by_name.items()}

    def ready(self) -> tuple[int, str]:
        """The status of /readyz, and what it says."""
        answer = requests.get(f"{self.root}/readyz", timeout=ENOUGH)
        return answer.status_code, answer.text


def _api(client: Client) -> Caller:
    real = {"Prefer": "http-status"}

    def write() -> requests.Response:
        form = {"obj_path": "/batches", "obj_type": "Batch", "title": f"Written {next(_numbers)}"}
        return client.post("create", form, headers=real)

    return Caller(lambda: client.get("read", {"portal_type": "Client"}, headers=real), write)


def _senaite(client: Client) -> Caller:
    url = f"{client.root}/senaite/@@API/senaite/v1"

    def write() -> requests.Response:
        form = {"parent_path": "/setup/departments", "title": f"Department {next(_numbers)}"}
        return client.http.post(f"{url}/Department/create", json=form, timeout=ENOUGH)

    return Caller(lambda: client.http.get(f"{url}/client", timeout=ENOUGH), write)


def _ispyb(portal: Script) -> Caller:
    return Caller(lambda: portal.get("/user/current"), lambda: portal.post(SYNC, payload(str(9_500 + next(_numbers)))))


def _mxlive(mxdc: Instrument) -> Caller:
    def write() -> requests.Response:
        return mxdc.post(f"launch/DEMO-BM/faults-{next(_numbers)}/")

    return Caller(lambda: requests.get(mxdc.url("samples/DEMO-BM/"), timeout=ENOUGH), write)


@contextmanager
def callers(root: str) -> Iterator[Callers]:
    """Callers of every face of a laboratory that is well, where they log in now."""
    with ExitStack() as stack:

        def client(user: str | None = None) -> Client:
            made = Client(root, user)
            stack.enter_context(made.http)
            return made

        by_cookie, remembered, by_token = client(), client("admin"), client()
        assert by_cookie.log_in("admin").ok
        remembered.read(portal_type="Client")
        made = succeeded(by_cookie.post("tokens", {"action": "add", "name": "faults"}))
        by_token.http.headers["Authorization"] = f"Bearer {json.loads(json.dumps(made))['token']}"
        mxdc = Instrument(root, "mxuser")
        mxdc.start("DEMO-BM", f"faults-{next(_numbers)}")
        new_password = client("labmanager1")
        portal = Script(root, "portal")
        yield Callers(
            root,
            {
                "cookie": _api(by_cookie),
                "password": _api(remembered),
                "token": _api(by_token),
                "senaite": _senaite(by_cookie),
                "ispyb": _ispyb(portal),
                "mxlive": _mxlive(mxdc),
            },
            {
                "password": _api(new_password).read,
                "form": lambda: client().log_in("labmanager1"),
                "ispyb": lambda: portal.post("/auth/login", {"plugin": "dummy", "login": "facility", "password": "x"}),
            },
        )
