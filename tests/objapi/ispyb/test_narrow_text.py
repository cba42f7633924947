"""Text outside the character set of an existing database: a look-up finds nothing, a write is refused by column."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL

from catalog.dialect import create_engine_for
from catalog.dialect.borrowed import foreign_character
from objapi.app import create_app
from objapi.profiles.ispyb import tables as t
from objapi.settings import load_settings
from objapi.site import Site
from objapi.store.schema import metadata
from tests.databases import fresh_mariadb_database
from tests.objapi.ispyb.calling import KEY, Api, Rows, body
from tests.objapi.ispyb.flavours import ESRF, tables_without
from tests.objapi.ispyb.sync.payloads import payload, person

pytestmark = pytest.mark.both_databases

SYNC = "/webservices/userportalsync/sync_proposal"
LOOK_UPS = (
    ("/proposals", "search"),
    ("/sessions", "beamLineName"),
    ("/events", "beamLineName"),
    ("/samples", "search"),
    ("/proteins", "search"),
)


@pytest.fixture
def api(mariadb: Callable[[], URL], tmp_path: Path) -> Iterator[Api]:
    """The face on a database whose text is latin1, as both flavours have it."""
    with fresh_mariadb_database(mariadb()) as url:
        engine = create_engine_for(url)
        there = tables_without(ESRF)
        there.create_all(engine)
        with engine.begin() as connection:
            for name in ("Person", "Proposal", "BLSession", "LabContact", "Protein", "Laboratory", "Dewar"):
                connection.execute(sa.text(f"ALTER TABLE {name} CONVERT TO CHARACTER SET latin1"))
        given = {"OBJAPI_DATA_DIR": str(tmp_path), "OBJAPI_ISPYB_URL": url, "OBJAPI_ISPYB_TOKEN_KEY": KEY}
        site = Site.open(load_settings(given))
        metadata.create_all(site.engine)
        yield Api(create_app(site=site), Rows(engine, there))
        site.close()
        engine.dispose()


@pytest.mark.parametrize("text", ["Łódź", "Ω", "日本", "😀", "Ω%"])
def test_a_look_up_finds_nothing(api: Api, text: str) -> None:
    api.rows.seed()
    token = api.token(1, "all_proposals", "all_sessions")
    for path, name in LOOK_UPS:
        response = api.get(path, token, **{name: text})
        assert (response.status_code, body(response).get("total")) == (200, 0), (path, response.text)


def test_what_the_column_has_is_found_as_before(api: Api) -> None:
    keys = api.rows.seed()
    api.rows.add(t.Protein, proposalId=keys["MX1"], acronym="é€", name="é€")
    token = api.token(1, "all_proposals")
    assert body(api.get("/proteins", token, search="é€"))["total"] == 1


def test_a_write_is_refused_and_names_the_column(api: Api) -> None:
    keys = api.rows.seed()
    shipping = api.rows.add(t.Shipping, proposalId=keys["MX1"])
    dewar = api.rows.add(t.Dewar, shippingId=shipping, code="D1")
    token = api.token(keys["member"])
    for method, path, values in (
        ("PATCH", f"/dewars/{dewar}", {"code": "Łódź"}),
        ("POST", "/dewars", {"shippingId": shipping, "code": "Ω", "dewarType": "Dewar"}),
    ):
        refused = api.call(method, path, token, json=values)
        assert refused.status_code == 422
        assert body(refused)["detail"][0]["loc"] == ["body", "code"]
    assert api.rows.count(t.Dewar) == 1
    assert api.call("PATCH", f"/dewars/{dewar}", token, json={"code": "Zürich €"}).status_code == 200


def test_a_payload_is_refused_and_names_row_and_field(api: Api) -> None:
    token = api.token(1, "uportal_sync")
    for given, place in (
        (payload(title="Ω"), "proposal (proposalNumber 1), title"),
        (payload(person("ada", familyName="Łódź")), "person (login ada), familyName"),
    ):
        refused = api.call("POST", SYNC, token, json=given)
        assert refused.status_code == 422
        assert place in body(refused)["detail"]
    assert api.rows.count(t.Person) == 0


@pytest.mark.parametrize(
    ("text", "charset", "found"),
    [
        ("plain", "latin1", None),
        ("é€\x81", "latin1", None),
        ("aŁ", "latin1", "Ł"),
        ("é", "ascii", "é"),
        ("Ł", "latin2", None),
        ("Ω日", "utf8mb3", None),
        ("a😀", "utf8mb3", "😀"),
        ("😀", None, None),
        ("😀", "gb18030", None),
    ],
)
def test_characters_that_a_character_set_lacks_are_known(text: str, charset: str | None, found: str | None) -> None:
    assert foreign_character(text, charset) == found
