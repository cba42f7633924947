"""Lists for callers to whom beamlines are open: the same answers whether their rows are few or very many."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from objapi.profiles.ispyb import tables as t
from objapi.site import Site
from objapi.store.mapped import row_visibility
from tests.objapi.ispyb.calling import Api, Rows, at, body
from tests.objapi.ispyb.scenery import collection, collection_group, sample

GROUPS = '[{"groupName":"M","uiGroup":"mx","permission":"mx_staff","beamLines":[{"beamLineName":"ID23-1"}]}]'

LISTS: tuple[tuple[str, dict[str, Any]], ...] = (
    *((path, {"limit": limit}) for path in ("/proposals", "/proteins", "/samples", "/sessions") for limit in (1, 25)),
    ("/proposals", {"search": "MX", "limit": 1}),
    ("/proteins", {"proposal": "MX1", "limit": 1}),
    ("/samples", {"proposal": "MX1", "limit": 1}),
    ("/sessions", {"year": "2023", "limit": 1}),
    ("/sessions/group", {"beamLineGroup": "M"}),
    ("/events", {"limit": 1}),
    ("/events/types", {}),
)


@pytest.fixture
def scene(rows: Rows, ispyb_site: Site) -> Iterator[dict[str, int]]:
    """Two proposals with samples and data collections, of which one has a session at the open beamline."""
    keys = rows.seed()
    rows.add(t.AdminVar, name="beamLineGroups", value=GROUPS)
    for proposal, number in (("MX1", 3), ("BX2", 2)):
        for place in range(number):
            sample(rows, keys[proposal], f"{proposal} {place}")
    for session, kind in (("MX1-2", "OSC"), ("MX1-2", "SAD"), ("BX2-1", "Mesh")):
        collection(rows, collection_group(rows, keys[session], experimentType=kind))
    collection_group(rows, keys["MX1-2"], experimentType="Burn")
    collection_group(rows, keys["MX1-2"], experimentType=None)
    rows.add(t.RobotAction, blsessionId=keys["MX1-2"], startTimestamp=at(2023, 1, 2), endTimestamp=at(2023, 1, 2))
    yield keys
    ispyb_site.context.rows.many.clear()


def answers(api: Api, token: str) -> list[Any]:
    return [body(api.get(path, token, **query)) for path, query in LISTS]


def test_very_many_open_rows_are_the_same_as_few(
    api: Api, scene: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = api.token(scene["outsider"], "mx_staff")
    few = answers(api, token)
    assert [answer["total"] for answer in few] == [1, 1, 3, 3, 3, 3, 1, 1, 1, 3, 3, 1, 1, 3, 3]
    assert [kind["eventType"] for kind in few[-1]["results"]] == ["OSC", "SAD", "robot"]
    monkeypatch.setattr(row_visibility, "MANY", 0)
    assert answers(api, token) == few


@pytest.mark.parametrize("permission", ["all_proposals", "mx_staff"])
def test_samples_that_lack_a_link_to_a_proposal_are_not_counted(
    api: Api, rows: Rows, scene: dict[str, int], permission: str
) -> None:
    token = api.token(scene["outsider"], permission)
    before = body(api.get("/samples", token, limit=1))["total"]
    shipping = rows.add(t.Shipping, proposalId=scene["MX1"])
    dewar = rows.add(t.Dewar, shippingId=shipping)
    lost = rows.add(t.Dewar)
    there, loose, on_lost = (rows.add(t.Container, dewarId=key) for key in (dewar, None, lost))
    for place in (loose, on_lost):
        sample(rows, scene["MX1"], "lost", place)
    crystal = rows.add(t.Crystal, proteinId=rows.add(t.Protein, proposalId=scene["MX1"], acronym="p"))
    for values in ({"containerId": there}, {"crystalId": crystal}, {"containerId": loose}, {}):
        rows.add(t.BLSample, name="lost", **values)
    assert body(api.get("/samples", token, limit=1))["total"] == before == len(api.seen("/samples", token, "name"))


def test_pages_for_very_many_open_rows_are_read_in_their_order(
    api: Api, scene: dict[str, int], ispyb_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not ispyb_site.settings.on_sqlite:
        pytest.skip("MariaDB weighs a handful of rows otherwise than a facility's")
    monkeypatch.setattr(row_visibility, "MANY", 0)
    token = api.token(scene["outsider"], "mx_staff")
    plans: dict[str, list[str]] = {}

    def explain(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "LIMIT" in statement and "ORDER BY" in statement:
            plan = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans[statement] = [row[3] for row in plan]

    sa.event.listen(api.rows.engine, "before_cursor_execute", explain)
    try:
        for path in ("/proposals", "/proteins", "/samples", "/sessions"):
            api.get(path, token, limit=1)
    finally:
        sa.event.remove(api.rows.engine, "before_cursor_execute", explain)
    assert len(plans) >= 4
    for statement, plan in plans.items():
        assert not any("TEMP B-TREE" in step or "LIST SUBQUERY" in step for step in plan), (statement, plan)
