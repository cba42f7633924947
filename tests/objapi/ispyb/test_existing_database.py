"""An ISPyB database that is there already: nothing is made or changed there, and what it lacks is done without."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from catalog.dialect import create_engine_for
from objapi.app import create_app
from objapi.errors import Conflict
from objapi.ispyb.database import Database, MissingSchema, prepare
from objapi.model.values import NewFile
from objapi.profiles.ispyb import tables as t
from objapi.profiles.ispyb.shipment_sheets import ship
from objapi.settings import load_settings
from objapi.site import Site
from objapi.store.requests import Outcome
from objapi.store.schema import metadata
from objapi.store.transaction import Transaction
from tests.objapi.ispyb.calling import KEY, Api, Rows, body
from tests.objapi.ispyb.flavours import DIAMOND, ESRF, NOTHING_OPTIONAL, tables_without
from tests.objapi.ispyb.scenery import noted_statements
from tests.objapi.ispyb.sync.payloads import large, payload, protein, session
from tests.recorded import recorded_history

pytestmark = pytest.mark.both_databases

SYNC = "/webservices/userportalsync/sync_proposal"


def other_flavour(*without: str) -> sa.MetaData:
    """The tables without anything optional, without keys over columns, and without some tables or columns."""
    return tables_without(NOTHING_OPTIONAL.union(without))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine_for(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def site(database_url: str, tmp_path: Path) -> Iterator[Site]:
    given = {"OBJAPI_DATA_DIR": str(tmp_path / "gateway"), "OBJAPI_ISPYB_URL": database_url}
    site = Site.open(load_settings(given | {"OBJAPI_ISPYB_TOKEN_KEY": KEY}))
    metadata.create_all(site.engine)
    yield site
    site.close()


def shape(engine: Engine) -> dict[str, Any]:
    inspector = sa.inspect(engine)
    return {
        name: ([column["name"] for column in inspector.get_columns(name)], inspector.get_indexes(name))
        for name in inspector.get_table_names()
    }


def test_an_existing_database_is_served_as_it_is(engine: Engine, site: Site) -> None:
    other_flavour().create_all(engine)
    before = shape(engine)
    prepare(site)
    rows = Rows(engine)
    api = Api(create_app(site=site), rows)
    token = api.token(1, "all_proposals", "uportal_sync")
    for given in (payload(proteins=[protein(name="Insulin")]), large(20, 5, cards=2, proteins=3)):
        assert api.call("POST", SYNC, token, json=given).status_code == 200
    for path in ("/proposals", "/sessions", "/persons", "/proteins", "/labcontacts"):
        page = body(api.get(path, token))
        assert page["total"] == len(page["results"]) > 0
    assert {row["density"] for row in body(api.get("/proteins", token))["results"]} == {None}
    assert shape(engine) == before


def test_files_and_maps_do_without_optional_parts(engine: Engine, site: Site) -> None:
    other_flavour().create_all(engine)
    rows = Rows(engine)
    api = Api(create_app(site=site), rows)
    person = rows.person("somebody")
    proposal = rows.add(t.Proposal, proposalCode="MX", proposalNumber="1", personId=person)
    rows.add(t.ProposalHasPerson, proposalId=proposal, personId=person)
    session = rows.add(t.BLSession, proposalId=proposal)
    group = rows.add(t.DataCollectionGroup, sessionId=session)
    program = rows.add(t.AutoProcProgram)
    collection = rows.add(t.DataCollection, dataCollectionGroupId=group)
    rows.add(t.AutoProcIntegration, dataCollectionId=collection, autoProcProgramId=program)
    rows.add(t.AutoProcProgramAttachment, autoProcProgramId=program, fileName="a", filePath="/b", fileType="Log")
    sample = rows.add(
        t.BLSample,
        containerId=rows.add(
            t.Container,
            dewarId=rows.add(t.Dewar, shippingId=rows.add(t.Shipping, proposalId=proposal), type="Dewar"),
        ),
    )
    rows.add(t.BLSampleImage, blSampleId=sample)
    token = api.token(person)
    assert body(api.get("/processings/attachments", token))["results"][0]["importanceRank"] is None
    assert body(api.get("/samples/images", token))["results"][0]["offsetX"] == 0
    for path in ("/mapping", "/mapping/rois"):
        assert body(api.get(path, token))["total"] == 0
    for path in ("/mapping/1", "/mapping/histogram/1", "/data/h5grove/meta/?robotActionId=1"):
        assert api.call("GET", path, token).status_code == 404


@pytest.mark.parametrize("lacking", [ESRF, DIAMOND], ids=["ESRF", "Diamond"])
def test_what_a_flavour_lacks_is_optional(lacking: frozenset[str]) -> None:
    metadata = t.METADATA
    missing = MissingSchema(
        frozenset(name for name in lacking if "." not in name),
        frozenset((table, column) for table, _, column in (name.partition(".") for name in lacking) if column),
    )
    assert missing.tables <= metadata.tables.keys()
    assert missing.needed() == []


@pytest.mark.parametrize("lacking", [ESRF, DIAMOND], ids=["ESRF", "Diamond"])
def test_a_payload_that_was_synchronised_changes_nothing_on_either_flavour(
    engine: Engine, site: Site, lacking: frozenset[str]
) -> None:
    tables_without(lacking).create_all(engine)
    rows = Rows(engine)
    api = Api(create_app(site=site), rows)
    token = api.token(1, "all_proposals", "uportal_sync")
    given = large(3, 4, cards=2, proteins=3)
    counts = []
    for _ in range(2):
        assert api.call("POST", SYNC, token, json=given).status_code == 200
        counts.append(
            [
                body(api.get(path, token))["total"]
                for path in ("/proposals", "/sessions", "/persons", "/proteins", "/labcontacts")
            ]
        )
        with engine.connect() as connection:
            counts[-1].append(connection.execute(sa.text("SELECT COUNT(*) FROM Laboratory")).scalar())
    assert counts[0] == counts[1]


@pytest.mark.parametrize("lacking", [ESRF, DIAMOND], ids=["ESRF", "Diamond"])
def test_a_shipment_of_a_file_is_made_on_either_flavour(engine: Engine, site: Site, lacking: frozenset[str]) -> None:
    tables_without(lacking).create_all(engine)
    rows = Rows(engine, tables_without(lacking))
    proposal = rows.add(t.Proposal, proposalCode="MX", proposalNumber="1001", personId=rows.person("somebody"))
    rows.add(t.Protein, proposalId=proposal, acronym="LYSO")
    lines = ["Container,Position,Protein,Sample,Cell a", "P-1,1,LYSO,x1,78.5", "P-1,2,LYSO,x2,"]
    file = NewFile("june.csv", "text/csv", "\n".join(lines).encode())
    database = Database(site)

    def make(tx: Transaction) -> Outcome:
        return ship(tx, file, "MX1001", "June", most_rows=10, dry_run=False)

    made = database.run_as_administrator(make, write=True)
    assert len(made.entries) == 7
    with engine.connect() as connection:
        names = connection.execute(sa.text("SELECT name, location FROM BLSample ORDER BY blSampleId")).all()
    assert [tuple(row) for row in names] == [("x1", "1"), ("x2", "2")]
    with pytest.raises(Conflict, match="has a shipment 'June' already"):
        database.run_as_administrator(make, write=True)


def test_sessions_that_nothing_tells_apart_are_refused(engine: Engine, site: Site) -> None:
    tables_without(DIAMOND).create_all(engine)
    rows = Rows(engine)
    api = Api(create_app(site=site), rows)
    given = payload(sessions=[session(externalId=None, expSessionPk=3)])
    refused = api.call("POST", SYNC, api.token(1, "uportal_sync"), json=given)
    assert refused.status_code == 400
    assert "BLSession.expSessionPk" in refused.get_data(as_text=True)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT COUNT(*) FROM BLSession")).scalar() == 0


def test_reading_asks_nothing_of_the_gateways_own_database(engine: Engine, site: Site) -> None:
    other_flavour().create_all(engine)
    rows = Rows(engine)
    keys = rows.seed()
    api = Api(create_app(site=site), rows)
    with noted_statements(site.engine) as texts:
        for path in ("/proposals", "/sessions", "/dewars"):
            assert api.get(path, api.token(keys["member"])).status_code == 200
    assert texts == []


def test_history_of_an_existing_database_is_in_the_gateways_own(engine: Engine, site: Site) -> None:
    other_flavour().create_all(engine)
    rows = Rows(engine)
    keys = rows.seed()
    dewar = rows.add(t.Dewar, shippingId=rows.add(t.Shipping, proposalId=keys["MX1"]), code="D1")
    api = Api(create_app(site=site), rows)
    token = api.token(keys["member"], login="member")
    assert api.call("PATCH", f"/dewars/{dewar}", token, json={"code": "D2"}).status_code == 200
    assert api.call("PATCH", f"/dewars/{dewar}", token, json={"code": "x" * 46}).status_code == 422
    with site.engine.connect() as connection:
        found = recorded_history(connection)
    assert [(row["portal_type"], row["actor"], row["changes"]) for row in found] == [
        ("Dewar", "member", '{"code":["D1","D2"]}')
    ]
    assert not sa.inspect(engine).has_table("history_entries")


def test_what_others_write_is_seen_at_once(engine: Engine, site: Site) -> None:
    other_flavour().create_all(engine)
    rows = Rows(engine)
    api = Api(create_app(site=site), rows)
    token = api.token(1, "all_proposals")
    for number in (1, 2):
        rows.add(t.Proposal, proposalCode="MX", proposalNumber=str(number), personId=1)
        assert body(api.get("/proposals", token))["total"] == number


@pytest.mark.parametrize("lacking", ["Proposal", "Person.login"])
def test_a_database_that_lacks_what_is_needed_is_told_of(engine: Engine, site: Site, lacking: str) -> None:
    other_flavour(lacking).create_all(engine)
    api = Api(create_app(site=site), Rows(engine))
    refused = api.get("/proposals", api.token())
    assert refused.status_code == 503
    assert lacking in body(refused)["detail"]


def test_the_gateways_own_database_is_brought_up_to_date(database_url: str, engine: Engine, tmp_path: Path) -> None:
    other_flavour("Movie").create_all(engine)
    site = Site.open(load_settings({"OBJAPI_DATA_DIR": str(tmp_path), "OBJAPI_DATABASE_URL": database_url}))
    for _ in range(2):
        prepare(site)
        names, keys = shape(engine)["Protein"]
        assert "density" in names
        assert "ix_Protein_externalId" in {key["name"] for key in keys}
        assert {"Movie", "ProcessingJob"} <= shape(engine).keys()
    site.close()
