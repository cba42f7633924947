"""An ISPyB database beside the gateway's own on one server: one connection, one transaction, the server's clock."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL

from catalog.dialect import create_engine_for
from objapi.api.dispatch import SITE
from objapi.app import create_app
from objapi.profiles.ispyb import tables as t
from objapi.settings import load_settings
from objapi.site import Site
from objapi.store.schema import metadata
from tests.databases import fresh_mariadb_database
from tests.objapi.ispyb.calling import KEY, Api, Rows, body
from tests.objapi.ispyb.sync.payloads import large
from tests.recorded import recorded_history


@pytest.fixture
def api(mariadb: Callable[[], URL], tmp_path: Path) -> Iterator[Api]:
    """The face on tables of another database of the gateway's server."""
    with ExitStack() as stack:
        own, other = (stack.enter_context(fresh_mariadb_database(mariadb())) for _ in range(2))
        engine = create_engine_for(other)
        t.METADATA.create_all(engine)
        given = {"OBJAPI_DATA_DIR": str(tmp_path), "OBJAPI_DATABASE_URL": own, "OBJAPI_ISPYB_URL": other}
        site = Site.open(load_settings(given | {"OBJAPI_ISPYB_TOKEN_KEY": KEY}))
        metadata.create_all(site.engine)
        yield Api(create_app(site=site), Rows(engine))
        with site.engine.connect() as connection:
            zones = connection.execute(sa.text("SELECT @@SESSION.time_zone, @@GLOBAL.time_zone")).one()
            assert zones[0] == zones[1]
        site.close()
        engine.dispose()


def recorded(api: Api) -> list[tuple[str, str, str]]:
    """Type, event and actor of the rows of the history, which is in the gateway's own database."""
    assert not sa.inspect(api.rows.engine).has_table("history_entries")
    site: Site = api.application.extensions[SITE]
    with site.engine.connect() as connection:
        return [(row["portal_type"], row["event"], row["actor"]) for row in recorded_history(connection)]


def test_rows_are_read_and_written_with_their_history(api: Api) -> None:
    keys = api.rows.seed()
    shipping = api.rows.add(t.Shipping, proposalId=keys["MX1"], shippingName="first")
    dewar = api.rows.add(t.Dewar, shippingId=shipping, code="D1")
    token = api.token(keys["member"], login="member")
    assert api.seen("/dewars", token, "code") == ["D1"]
    assert body(api.call("PATCH", f"/dewars/{dewar}", token, json={"code": "D2"}))["code"] == "D2"
    assert [row["code"] for row in api.rows.all(t.Dewar)] == ["D2"]
    assert recorded(api) == [("Dewar", "update", "member")]
    assert api.call("PATCH", f"/dewars/{dewar}", api.token(keys["outsider"]), json={"code": "X"}).status_code == 404


def test_payloads_are_synchronised_and_change_nothing_when_repeated(api: Api) -> None:
    token = api.token(1, "uportal_sync", login="portal")
    path = "/webservices/userportalsync/sync_proposal"
    assert api.call("POST", path, token, json=large(20, 5, cards=2, proteins=3)).status_code == 200
    before = recorded(api)
    assert (len(before), api.rows.count(t.Person), {actor for _, _, actor in before}) == (96, 20, {"portal"})
    assert api.call("POST", path, token, json=large(20, 5, cards=2, proteins=3)).status_code == 200
    assert recorded(api) == before


def test_a_onetime_token_is_taken_by_the_clock_of_the_laboratory(api: Api) -> None:
    keys = api.rows.seed()
    token = api.token(keys["member"], login="member")
    signed = body(api.call("POST", "/user/sign", token, json={"validity": "/ispyb/api/v1/proteins"}))["token"]
    assert api.get("/proteins", onetime=signed).status_code == 200
    assert api.get("/proteins", onetime=signed).status_code == 401
