"""The clock of the machine is set back by an hour, or on by a day: nothing is lost, nobody waits for long.

What single rules make of it is tested beside them: leases, the throttle, hooks.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from flask.testing import FlaskClient

from objapi.app import create_app
from objapi.model.token_scope import TokenScope
from objapi.security.api_tokens import add_api_token, list_tokens
from objapi.security.passwords import Passwords
from objapi.site import Site
from objapi.store import records
from objapi.store.requests import ByPath
from objapi.store.trail.verifying import verify_trail
from tests.databases import fresh_sqlite_database
from tests.objapi.store.trail.test_changes import Follower
from tests.objapi.store.workshop import USERS, Gateway, open_site

HOUR = timedelta(hours=1)
PASSWORD = "correct horse"


@dataclass
class MachineClock:
    """The clock of all that a site asks for the time."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def time_ns(self) -> int:
        return int(self.now.timestamp() * 1_000_000_000)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> MachineClock:
    made = MachineClock()
    monkeypatch.setattr(Site, "now", lambda site: made.now)
    monkeypatch.setattr(records.time, "time_ns", made.time_ns)
    restart(monkeypatch)
    return made


def restart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give row numbers as a process does that has just been started, and knows of none given before."""
    given = records.RowIds()
    monkeypatch.setattr(records.rowids, "next", given.next)


@pytest.fixture
def gateway(clock: MachineClock, tmp_path: Path) -> Iterator[Gateway]:
    with closing(open_site(fresh_sqlite_database(tmp_path), tmp_path)) as site:
        made = Gateway.on(site)
        made.add_users(USERS, Passwords().hash(PASSWORD))
        yield made


@pytest.mark.parametrize("turn", [-HOUR, 24 * HOUR], ids=["back", "forward"])
def test_the_feed_the_history_and_the_trail_keep_their_order(
    gateway: Gateway, clock: MachineClock, monkeypatch: pytest.MonkeyPatch, turn: timedelta
) -> None:
    follower = Follower(gateway, "boss", types=("Person",))
    path = gateway.create("boss", "Person", "/", title="Timeless", Nickname="first").path
    begun = clock.now
    clock.now += timedelta(minutes=1)
    gateway.update("boss", path, Nickname="second")
    clock.now += turn
    restart(monkeypatch)
    gateway.update("boss", path, Nickname="third")
    clock.now += timedelta(seconds=1)
    gateway.update("boss", path, Nickname="fourth")
    assert [change["version"] for change in follower.read()] == [1, 2, 3, 4]
    clock.now -= turn
    restart(monkeypatch)
    gateway.update("boss", path, Nickname="fifth")
    assert [change["version"] for change in follower.read()] == [5]
    assert gateway.read("boss", path)["Nickname"] == "fifth"
    # Undone in the order of the changes, whatever their times.
    former = gateway.run("boss", lambda tx: tx.former([ByPath(path)], begun + timedelta(seconds=30)))
    if turn > timedelta(0):
        assert [orjson.loads(bytes(orjson.dumps(item)))["Nickname"] for item in former.objects] == ["first"]
    gateway.site.number_requests()
    verified = gateway.site.transact(lambda connection: verify_trail(connection, "Plone", {}), write=False)
    assert (verified.problems, verified.unlinked) == ([], 0)
    gateway.assert_settled()


def logged_in(client: FlaskClient, password: str = PASSWORD) -> bool:
    form = {"__ac_name": "boss", "__ac_password": password, "form.submitted": "1"}
    return client.post("/Plone/login_form", data=form).status_code in (200, 302) and reads(client)


def reads(client: FlaskClient, **headers: str) -> bool:
    answer = client.get("/Plone/@@API/read?portal_type=Person", headers={"Prefer": "http-status", **headers})
    assert answer.status_code in (200, 401), answer.text
    return answer.status_code == 200


def test_nobody_is_locked_out_and_no_session_outlives_its_end(gateway: Gateway, clock: MachineClock) -> None:
    application = create_app(site=gateway.site)
    client, guesser = application.test_client(), application.test_client()
    assert logged_in(client)
    for _ in range(8):
        guesser.post("/Plone/login_form", data={"__ac_name": "boss", "__ac_password": "wrong one"})
    assert guesser.post("/Plone/login_form", data={"__ac_name": "boss", "__ac_password": PASSWORD}).status_code == 429
    clock.now -= HOUR
    # The session goes on, and who had to wait for seconds has not to wait for an hour.
    assert reads(client)
    assert logged_in(guesser)
    clock.now += 25 * HOUR
    assert not reads(client)
    assert logged_in(client)
    clock.now -= 24 * HOUR
    assert reads(client)
    assert logged_in(guesser)
    clock.now += timedelta(days=9)
    assert not reads(client)


def test_tokens_and_answers_that_are_kept_follow_the_clock(gateway: Gateway, clock: MachineClock) -> None:
    client = create_app(site=gateway.site).test_client()
    end = clock.now + 2 * HOUR
    made = gateway.site.transact(
        lambda connection: add_api_token(connection, "boss", "hall", TokenScope(""), clock.now, end), write=True
    )
    headers = {"Authorization": f"Bearer {made.text}", "Idempotency-Key": "once", "Prefer": "http-status"}

    def create() -> str:
        # Persons may share a title.
        form = {"obj_path": "/", "obj_type": "Person", "title": "Once"}
        answer = client.post("/Plone/@@API/create", data=form, headers=headers)
        assert answer.status_code == 200, answer.text
        return str(answer.get_json())

    first = create()
    clock.now -= HOUR
    assert create() == first
    tokens = gateway.site.transact(list_tokens, write=False)
    assert [token.last_used for token in tokens] == [clock.now]
    clock.now += 24 * HOUR
    assert not reads(client, Authorization=headers["Authorization"])
    clock.now -= 23 * HOUR
    assert create() == first
    assert gateway.total("boss", {"portal_type": "Person", "title": "Once"}) == 1
