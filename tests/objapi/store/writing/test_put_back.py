"""A catalog that lacks objects, as after a restore of some tables alone: a write puts back what it touches."""

import logging

import pytest
from sqlalchemy import Connection, delete, select

from objapi.store.requests import ByPath, UpdateItem
from objapi.store.schema import entities
from tests.objapi.store.workshop import Gateway


@pytest.mark.parametrize("field", ["Count", "Owner", "Labels"])
def test_a_write_puts_objects_back_into_a_catalog_that_lost_them(
    workshop: Gateway, team: str, person: str, field: str, caplog: pytest.LogCaptureFixture
) -> None:
    label = workshop.create("boss", "Label", "/", title=f"Label of {team} {field}").uid
    paths = [workshop.create("mia", "Thing", team, title=f"Thing {n}", Maker=person).path for n in range(3)]
    workshop.create("mia", "Part", paths[0], Kind="part")

    def lose(connection: Connection) -> None:
        rids = select(entities.c.rid).where(entities.c.path.in_(paths[:2]))
        for tables in workshop.site.context.tables.values():
            connection.execute(delete(tables.main).where(tables.rid.in_(rids)))

    workshop.site.transact(lose, write=True)
    value = {"Count": 7, "Owner": person, "Labels": [label]}[field]
    with caplog.at_level(logging.WARNING, "objapi.store"):
        workshop.update_all("mia", [UpdateItem(ByPath(path), {field: value}) for path in paths])
    found = workshop.find("mia", {"portal_type": "Thing", "path": {"query": team}})
    assert sorted(item["path"] for item in found) == sorted(paths)
    told = [record.getMessage() for record in caplog.records if "lacked" in record.getMessage()]
    assert told
    assert all("run `objapi reindex`" in line for line in told)
    assert any(paths[0] in line for line in told)
    workshop.update("mia", paths[0], Count=8)
    assert len([record for record in caplog.records if "lacked" in record.getMessage()]) == len(told)
