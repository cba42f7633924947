"""Databases as facilities have them, and one with nothing optional: each list and each statistic answers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from catalog.dialect import create_engine_for
from objapi.app import create_app
from objapi.profiles.ispyb import tables as t
from objapi.settings import load_settings
from objapi.site import Site
from objapi.store.schema import metadata
from tests.objapi.ispyb.calling import KEY, Api, Rows, body
from tests.objapi.ispyb.flavours import FLAVOURS, tables_without
from tests.objapi.ispyb.scenery import collection, collection_group, sample

pytestmark = pytest.mark.both_databases

LISTS = {
    "/shippings": 2,
    "/dewars": 2,
    "/containers": 2,
    "/samples": 2,
    "/samples/sub": 1,
    "/events": 2,
    "/events/types": 1,
    "/processings": 0,
    "/processings/auto-integrations": 1,
    "/processings/messages": 0,
    "/processings/screenings": 1,
    "/stats/runs": 0,
}
OF_SESSION = ("/stats/breakdown", "/stats/times", "/stats/errors", "/stats/hourlies", "/stats/parameters/histogram")
LEGACY = (
    "/legacy/sessions",
    "/legacy/proposals",
    "/legacy/data_collections/groups/session/MX1-1",
    "/legacy/em/session/MX1-1/stats",
    "/legacy/em/proposal/MX1/session/MX1-1/data_collections/groups",
)


@pytest.fixture(params=list(FLAVOURS))
def api(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[Api]:
    """The face on such a database, which was filled by somebody else."""
    engine: Engine = create_engine_for(database_url)
    there = tables_without(FLAVOURS[request.param])
    there.create_all(engine)
    given = {"OBJAPI_DATA_DIR": str(tmp_path / "gateway"), "OBJAPI_ISPYB_URL": database_url}
    site = Site.open(load_settings(given | {"OBJAPI_ISPYB_TOKEN_KEY": KEY}))
    metadata.create_all(site.engine)
    yield Api(create_app(site=site), Rows(engine, there))
    site.close()
    engine.dispose()


def fill(rows: Rows) -> dict[str, int]:
    """Two samples, one with a part of its own, and a collection with its integration, screening and movie."""
    keys = rows.seed()
    first = sample(rows, keys["MX1"], "s1")
    sample(rows, keys["MX1"], "s2")
    rows.add(t.BLSubSample, blSampleId=first)
    key = collection(rows, collection_group(rows, keys["MX1-1"], blSampleId=first))
    collection(rows, collection_group(rows, keys["MX1-2"]))
    program = rows.add(t.AutoProcProgram, processingStatus="SUCCESS")
    integration = rows.add(t.AutoProcIntegration, dataCollectionId=key, autoProcProgramId=program)
    scaling = rows.add(t.AutoProcScaling)
    rows.add(t.AutoProcScaling_has_Int, autoProcScalingId=scaling, autoProcIntegrationId=integration)
    rows.add(t.AutoProcScalingStatistics, autoProcScalingId=scaling, ccAno=0.5)
    rows.add(t.Screening, dataCollectionId=key)
    rows.add(t.Movie, dataCollectionId=key)
    return {**keys, "collection": key}


def test_every_list_answers_from_a_database_without_anything_optional(api: Api) -> None:
    keys = fill(api.rows)
    token = api.token(1, "all_proposals", "all_sessions")
    for path, total in LISTS.items():
        response = api.get(path, token)
        assert (response.status_code, body(response).get("total")) == (200, total), path
    for path in OF_SESSION:
        assert api.get(path, token, session="MX1-1").status_code == 200, path
    for path in LEGACY:
        assert api.get(path, token).status_code == 200, path
    statuses: dict[str, Any] = body(api.get("/processings/status", token, dataCollectionIds=f"[{keys['collection']}]"))
    assert statuses["statuses"][str(keys["collection"])]["em"] == {"movie": 1, "motionCorrection": 0, "ctf": 0}
    assert body(api.get("/legacy/em/session/MX1-1/classification", token)) == []


def test_shipments_are_written_into_a_database_without_anything_optional(api: Api) -> None:
    keys = fill(api.rows)
    token = api.token(keys["member"])
    with api.rows.engine.connect() as connection:
        shipping = connection.execute(sa.select(t.Shipping.c.shippingId)).scalars().first()
    values = {"shippingId": shipping, "code": "new", "dewarType": "Toolbox"}
    made = body(api.call("POST", "/dewars", token, json=values))
    assert made["dewarType"] == "Toolbox"
    changed = body(api.call("PATCH", f"/dewars/{made['dewarId']}", token, json={"dewarType": None}))
    assert changed["dewarType"] == "Dewar"
    values = {"code": "puck", "dewarId": made["dewarId"], "containerType": "Uni"}
    assert api.call("POST", "/containers", token, json=values).status_code == 201


def test_columns_may_be_spelled_in_another_case(api: Api) -> None:
    keys = fill(api.rows)
    with api.rows.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE Dewar RENAME COLUMN code TO CODE"))
        shipping = connection.execute(sa.select(t.Shipping.c.shippingId)).scalars().first()
    token = api.token(keys["member"])
    made = body(api.call("POST", "/dewars", token, json={"shippingId": shipping, "code": "D1", "dewarType": "Dewar"}))
    changed = body(api.call("PATCH", f"/dewars/{made['dewarId']}", token, json={"code": "D2"}))
    assert (made["code"], changed["code"]) == ("D1", "D2")


def columns_of(engine: Engine, table: str) -> set[str]:
    return {column["name"] for column in sa.inspect(engine).get_columns(table)}


def test_what_the_database_lacks_finds_nothing(api: Api) -> None:
    keys = fill(api.rows)
    token = api.token(1, "all_proposals", "all_sessions")
    steps = body(api.get("/datacollections/workflows/steps", token))
    quality = body(api.get("/datacollections/quality", token, dataCollectionId=keys["collection"]))
    assert (steps["total"], quality["total"]) == (0, 0)
    assert api.get("/datacollections/workflows/steps", api.token(keys["member"])).status_code == 200


def test_the_database_lacks_what_it_is_said_to_lack(api: Api) -> None:
    there = api.rows.there
    assert there is not None
    assert "dewarType" not in columns_of(api.rows.engine, "Dewar")
    assert sa.inspect(api.rows.engine).has_table("ProcessingJob") is ("ProcessingJob" in there.tables)
    for name in ("BLSession", "GridInfo", "Movie"):
        assert columns_of(api.rows.engine, name) == set(there.tables[name].columns.keys())
