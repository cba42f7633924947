"""Failed log-ins through every face enter the trail, and what is changed of accounts, but no secret ever does."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from objapi.ispyb.database import prepare
from objapi.mxlive.calls import load_gateway
from objapi.security.accounts import Account
from objapi.security.administration import UserAdministration
from objapi.security.failed_log_ins import MOST_A_MINUTE, count_failure, record_failures
from objapi.security.passwords import Passwords
from objapi.security.tables import failed_log_ins
from objapi.site import Site
from objapi.store.records import to_micros
from objapi.store.schema import history_entries, requests
from tests.objapi.mxlive.signing import new_signer
from tests.objapi.mxlive.station import Station, opened_station

PASSWORD, NEXT, LAST = "a rather long one", "another long one", "yet another long one"
WRONG, MISPLACED = "wrong and long one", "typed-where-the-name-goes"
UNKNOWN = "oat_aaaaaaaa_" + "x" * 40
API, ISPYB = "/Plone/@@API", "/ispyb/api/v1"


@pytest.fixture
def station(database_url: str, tmp_path: Path) -> Iterator[Station]:
    with opened_station(database_url, tmp_path, OBJAPI_PROFILES="mxlive,ispyb") as station:
        prepare(station.site)
        accounts = [Account("boss", "Boss", roles=("Manager",)), Account("ada", "Ada")]
        for account in accounts:
            add = lambda tx, own=account: UserAdministration(tx).add(own, PASSWORD, Passwords())  # noqa: E731
            station.site.run(load_gateway, add, write=True)
        yield station


def _trail(site: Site) -> list[dict[str, Any]]:
    def read(connection: sa.Connection) -> list[dict[str, Any]]:
        columns = [column for column in requests.columns if column.name != "id"]
        joined = sa.join(history_entries, requests, requests.c.id == history_entries.c.request)
        statement = sa.select(*history_entries.columns, *columns).select_from(joined).order_by(requests.c.seq)
        return [{str(name): value for name, value in row.items()} for row in connection.execute(statement).mappings()]

    return site.transact(read, write=False)


def test_every_face_tells_the_trail_of_failed_log_ins_and_no_secret(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, client, ada = station.site, station.application.test_client(), ("ada", PASSWORD)
    secrets = [PASSWORD, NEXT, LAST, WRONG, MISPLACED, UNKNOWN]

    def log_in(name: str, password: str) -> str:
        form = {"form.submitted": "1", "__ac_name": name, "__ac_password": password}
        return client.post("/Plone/login_form", data=form).headers.get("Set-Cookie", "")

    assert not log_in("ada", WRONG)
    assert not log_in(MISPLACED, WRONG)
    secrets.append(log_in("ada", PASSWORD).partition("__ac=")[2].partition(";")[0])
    assert client.get(f"{API}/read", auth=("ada", WRONG)).status_code == 401
    assert client.get(f"{API}/read", headers={"Authorization": f"Bearer {UNKNOWN}"}).status_code == 401
    secrets.append(client.post(f"{API}/tokens", data={"action": "add"}, auth=ada).get_json()["token"])
    changed = {"old_password": PASSWORD, "new_password": NEXT}
    assert client.post("/Plone/password", data=changed, auth=ada).status_code == 200
    form = {"action": "password_link", "userid": "ada"}
    link = client.post(f"{API}/users", data=form, auth=("boss", PASSWORD)).get_json()["password_link"]
    key = link.partition("key=")[2]
    used = {"key": key, "new_password": LAST}
    assert client.post("/Plone/new_password", data=used).status_code == 200
    secrets.append(key)
    attempt = {"plugin": "gateway", "login": "ada", "password": WRONG}
    assert client.post(f"{ISPYB}/auth/login", json=attempt).status_code == 401
    user = station.user()
    secrets.append(user.signer.token(user.name))
    assert user.call("GET", "samples/BL", token=new_signer().token(user.name)).status_code == 403
    assert "" not in secrets

    monkeypatch.setattr(Site, "now", lambda self: datetime.now(UTC) + timedelta(minutes=2))
    site.number_requests()
    rows = _trail(site)
    text = orjson.dumps(rows).decode()
    assert [secret for secret in secrets if secret in text] == []
    failed = [row for row in rows if row["event"] == "log_in_failed"]
    counts: dict[tuple[str, str], int] = {}
    for row in failed:
        changes = orjson.loads(row["changes"])
        assert (row["address"], row["portal_type"]) == ("127.0.0.1", "User")
        pair = (row["actor"], changes["kind"][1])
        counts[pair] = counts.get(pair, 0) + changes["failures"][1]
    assert counts == {("ada", "password"): 3, ("", "password"): 1, ("", "token"): 1, (user.name, "signature"): 1}
    own = [row["event"] for row in rows if row["path"] == "/Plone/@@users/ada" and row["event"] != "log_in_failed"]
    assert own == ["create", "token_add", "password", "password_link", "password"]
    assert {row["actor"] for row in rows if row["event"] == "password"} == {"ada"}
    assert (
        site.transact(lambda own: own.scalar(sa.select(sa.func.count()).select_from(failed_log_ins)), write=False) == 0
    )


def test_a_flood_of_failures_makes_a_bounded_number_of_rows(station: Station) -> None:
    site, now = station.site, to_micros(datetime(2024, 5, 17, 12, 0, 30, tzinfo=UTC))
    rows = [
        {"minute": now // 60_000_000, "kind": "password", "account": "", "address": f"a{n}", "failures": 1}
        for n in range(MOST_A_MINUTE)
    ]

    def fill(connection: sa.Connection) -> None:
        connection.execute(sa.insert(failed_log_ins), rows)
        for place in range(20):
            count_failure(connection, "password", f"guess {place}", f"10.0.0.{place}", now)

    site.transact(fill, write=True)
    found = site.transact(lambda own: own.execute(sa.select(failed_log_ins)).all(), write=False)
    assert len(found) == MOST_A_MINUTE + 1
    assert [row.failures for row in found if row.address == ""] == [20]
    # The minute is not over: it may count further failures.
    assert site.transact(lambda own: record_failures(own, "Plone", now), write=True) == 0
    later = now + 60_000_000
    assert site.transact(lambda own: record_failures(own, "Plone", later), write=True) == 500
