"""Queries as Products.ZCatalog 7.4 and Products.ExtendedPathIndex 6.0 themselves answered them.

The recording holds catalogs, each a line with its documents and the zone that its server was in, and after each the
queries made of it. `groups` are the documents found, those with equal sort keys together; `slice` says to which groups
those belong that a limit let through; `refused` marks an error. Values that JSON lacks are `{type: text}`. The known
faults of the original, which are put right here, were left out.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from catalog import CatalogTables, IndexRow, QueryOptions, page_statement, parse_request, row_problems, truncate, upsert
from catalog.dialect import begin_write, create_engine_for
from tests.catalog.randoms import SCHEMA


@dataclass
class Recorded:
    """A catalog of the recording and the queries made of it."""

    zone: ZoneInfo
    documents: dict[int, dict[str, Any]]
    cases: list[dict[str, Any]] = field(default_factory=list)


def plain(value: Any) -> Any:
    """A recorded value as it was."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, inner),) = value.items()
    match kind:
        case "mapping":
            return {key: plain(item) for key, item in inner.items()}
        case "tuple":
            return tuple(plain(item) for item in inner)
        case "datetime":
            return datetime.fromisoformat(inner)
        case "date":
            return date.fromisoformat(inner)
        case "decimal":
            return Decimal(inner)
    raise ValueError(kind)


def recorded() -> list[Recorded]:
    """The catalogs of the recording."""
    catalogs: list[Recorded] = []
    for text in Path(__file__).with_name("zcatalog_cases.jsonl").read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        if "documents" in line:
            documents = {int(rid): plain({"mapping": values}) for rid, values in line["documents"].items()}
            catalogs.append(Recorded(ZoneInfo(line["zone"]), documents))
        else:
            catalogs[-1].cases.append(line | {"query": plain({"mapping": line["query"]})})
    return catalogs


CATALOGS: Final = recorded()


@pytest.fixture(scope="module")
def engine(module_database_url: str) -> Iterator[Engine]:
    made = create_engine_for(module_database_url, threads=1)
    metadata = sa.MetaData()
    CatalogTables(SCHEMA, metadata)
    metadata.create_all(made)
    yield made
    made.dispose()


def fill(connection: Connection, catalog: Recorded) -> CatalogTables:
    tables = CatalogTables(SCHEMA, sa.MetaData(), catalog.zone)
    truncate(connection, tables)
    assert [row_problems(tables, values) for values in catalog.documents.values() if row_problems(tables, values)] == []
    upsert(connection, tables, [IndexRow(rid, rid, 1, 0, values) for rid, values in catalog.documents.items()])
    return tables


def differences(connection: Connection, tables: CatalogTables, case: Mapping[str, Any], zone: ZoneInfo) -> str | None:
    """What our answer has that the recorded one has not; None when they agree."""
    parsed = parse_request(case["query"], SCHEMA, QueryOptions.zope(zone))
    if "refused" in case:
        return None if parsed.problems else "should be refused"
    if parsed.problems:
        return f"refused: {parsed.problems}"
    found = list(connection.execute(page_statement(tables, parsed.query, visible=None)).scalars())
    group_of = {rid: number for number, group in enumerate(case["groups"]) for rid in group}
    expected = case.get("slice", sorted(group_of.values()))
    same = len(set(found)) == len(found) and [group_of.get(rid) for rid in found] == expected
    return None if same else f"found {found}"


@pytest.mark.parametrize("catalog", CATALOGS, ids=lambda catalog: catalog.zone.key)
def test_the_answer_is_the_one_of_the_original(engine: Engine, catalog: Recorded) -> None:
    with engine.connect() as connection, begin_write(connection):
        tables = fill(connection, catalog)
        answers = [(case, differences(connection, tables, case, catalog.zone)) for case in catalog.cases]
    assert [(case, difference) for case, difference in answers if difference] == []


def test_the_recording_holds_all_sorts_of_cases() -> None:
    cases = [case for catalog in CATALOGS for case in catalog.cases]
    assert len({catalog.zone.key for catalog in CATALOGS}) == 3
    assert len([case for case in cases if "refused" in case]) >= 60
    assert len([case for case in cases if case.get("groups")]) >= 350
    assert len([case for case in cases if len(case.get("groups", ())) > 1]) >= 100
    assert len([case for case in cases if "slice" in case]) >= 40
    used = {name for case in cases for name in case["query"] if name in SCHEMA.indexes}
    assert used == set(SCHEMA.indexes) - {"position"}
