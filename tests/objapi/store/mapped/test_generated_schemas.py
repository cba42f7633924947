"""Whatever tables a database has, the profile adopted from them loads, and every row is read by all its names."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import URL

from catalog.dialect import create_engine_for
from catalog.dialect.existing import existing_tables
from objapi.model.loading import load_registry
from objapi.store.mapped.adoption import Adoption, adopt
from objapi.store.requests import ByPath, ByUid, Find
from tests.databases import fresh_mariadb_database, fresh_sqlite_database
from tests.objapi.store.workshop import Gateway, open_site

OPTIONS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_general_ci"}
TABLE_NAMES = (
    "sample",
    "Sample-Log",
    "uid",
    "path",
    "portal_catalog",
    "order",
    "new",
    "2fast",
    "Folder",
    "a b",
    "Übung",
)
COLUMN_NAMES = (
    "uid",
    "UID",
    "path",
    "portal_type",
    "title",
    "Title",
    "sort_on",
    "version",
    "from",
    "code",
    "code_contains",
    "name",
    "password",
    "review_state",
    "created",
    "action",
    "obj_id",
    "a-b",
    "Größe",
    "2nd",
    "next",
    "x" * 60,
)
KEYS = {
    "integer": (sa.BigInteger().with_variant(sa.Integer(), "sqlite"), st.integers(-3, 2**40)),
    "text": (sa.String(40), st.text("ab/~ %_-.'漢", max_size=8).map(lambda text: text.rstrip(" "))),
    "word": (sa.String(10), st.sampled_from(["new", ".", "..", "create", "@@API", "a-b", "~2D"])),
    "uuid": (sa.CHAR(36), st.uuids().map(str)),
    "bytes": (
        sa.LargeBinary(16).with_variant(mysql.BINARY(16), "mysql", "mariadb"),
        st.binary(min_size=16, max_size=16),
    ),
    "day": (sa.Date(), st.dates(date(1000, 1, 1))),
}
COLUMNS = {
    "text": (sa.String(60), st.text("aB%_!/ é漢", max_size=12)),
    "long": (sa.Text(), st.text("aB%_!/ é漢", max_size=40)),
    "whole": (sa.Integer(), st.integers(-(2**31), 2**31 - 1)),
    "truth": (sa.Boolean(create_constraint=False), st.booleans()),
    "decimal": (sa.Numeric(12, 3), st.decimals(-(10**6), 10**6, places=3)),
    "ratio": (sa.Double(), st.floats(-1e9, 1e9)),
    "moment": (sa.DateTime(), st.datetimes(datetime(1000, 1, 1)).map(lambda moment: moment.replace(microsecond=0))),  # noqa: DTZ001 - a wall clock's time
    "day": (sa.Date(), st.dates(date(1000, 1, 1))),
    "bytes": (sa.LargeBinary(), st.binary(max_size=20)),
}


@dataclass(frozen=True)
class Schema:
    metadata: sa.MetaData
    rows: dict[str, list[dict[str, Any]]]
    views: dict[str, str]


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    metadata, rows, views = sa.MetaData(), {}, {}
    for name in draw(st.lists(st.sampled_from(TABLE_NAMES), min_size=1, max_size=3, unique=True)):
        kinds = draw(st.lists(st.sampled_from(sorted(KEYS)), min_size=1, max_size=4))
        key = {("id" if number == 0 else f"k{number}"): kind for number, kind in enumerate(kinds)}
        others = draw(st.lists(st.sampled_from(COLUMN_NAMES), max_size=6, unique_by=str.lower))
        columns = {column: draw(st.sampled_from(sorted(COLUMNS))) for column in others}
        table = sa.Table(
            name,
            metadata,
            *(sa.Column(column, KEYS[kind][0], primary_key=True, autoincrement=False) for column, kind in key.items()),
            *(sa.Column(column, COLUMNS[kind][0]) for column, kind in columns.items()),
            **OPTIONS,
        )
        if len(key) == 1:
            table.append_column(sa.Column("parent_id", KEYS[kinds[0]][0], sa.ForeignKey(table.c.id)))
        drawn = draw(
            st.lists(
                st.fixed_dictionaries(
                    {column: KEYS[kind][1] for column, kind in key.items()}
                    | {column: st.none() | COLUMNS[kind][1] for column, kind in columns.items()}
                ),
                max_size=4,
                unique_by=lambda row, names=tuple(key): tuple(row[column] for column in names),
            )
        )
        if len(key) == 1 and len(drawn) > 1:
            drawn = [drawn[0], *({**row, "parent_id": drawn[0]["id"]} for row in drawn[1:])]
        rows[name] = drawn
        if draw(st.booleans()):
            views[f"{name} seen"] = name
    return Schema(metadata, rows, views)


@contextmanager
def served(schema: Schema, url: str, folder: Path) -> Iterator[tuple[Gateway, Adoption]]:
    """A site that serves what was adopted of a database with these tables."""
    engine = create_engine_for(url, own=False)
    schema.metadata.create_all(engine)
    quoted = engine.dialect.identifier_preparer.quote_identifier
    with engine.begin() as connection:
        for name, rows in schema.rows.items():
            for row in rows:
                connection.execute(sa.insert(schema.metadata.tables[name]).values(row))
        for view, name in schema.views.items():
            connection.execute(sa.DDL(f"CREATE VIEW {quoted(view)} AS SELECT * FROM {quoted(name)}"))
    with engine.connect() as connection:
        found = existing_tables(connection)
    engine.dispose()
    base = load_registry(["base"])
    adoption = adopt(found, database="stock", folder="/stock", taken={*base.types, *base.catalogs, *base.aliases})
    profile = folder / "profile"
    (profile / "types").mkdir(parents=True)
    (profile / "profile.yaml").write_text("title: Stock\nextends: [base]\n")
    (profile / "types" / "tables.yaml").write_text(adoption.yaml())
    site = open_site(fresh_sqlite_database(folder), folder, (str(profile),), databases=(("stock", url),))
    gateway = Gateway.on(site)
    gateway.add_users({"boss": (("Manager",), ())})
    try:
        yield gateway, adoption
    finally:
        site.close()


def expected(value: object) -> object:
    """The value as it is answered; None for what is not compared here."""
    match value:
        case float() | datetime():
            return None
        case bytes():
            return value.hex()
        case Decimal():
            return f"{value:.3f}"
        case date():
            return value.isoformat()[:10]
    return value


def shown(value: object) -> object:
    return value[:10] if isinstance(value, str) and "T00:00:00" in value else value


@pytest.mark.parametrize("database", ["sqlite", pytest.param("mariadb", marks=pytest.mark.extended)])
# An example is a site of its own: to make a failing one smaller would take minutes.
@settings(max_examples=12, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
@given(schema=schemas())
def test_what_is_adopted_loads_and_every_row_is_read(database: str, mariadb: Callable[[], URL], schema: Schema) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = f"sqlite:///{folder}/stock.sqlite"
        if database == "mariadb":
            url = stack.enter_context(fresh_mariadb_database(mariadb()))
        gateway, adoption = stack.enter_context(served(schema, url, folder))
        types = {str(item["table"]["name"]): name for name, item in adoption.types.items()}  # type: ignore[index]
        assert set(schema.metadata.tables) <= set(types)
        for name, rows in schema.rows.items():
            check_rows(gateway, types[name], schema.metadata.tables[name], adoption, rows)
        for view, name in schema.views.items():
            if view in types:
                declared: Any = adoption.types[types[view]]["table"]
                assert declared["read_only"] is True
                rows = schema.rows[name]
                # A view is known by one column, which may be one of several in the key of its table.
                if declared.get("key_type") != "text":
                    rows = [row for row in rows if row[str(declared["key"])] >= 0]
                page = gateway.run("boss", lambda tx, view=view: tx.find(Find({"portal_type": types[view]}, size=1)))
                assert (page.total, len(gateway.find("boss", {"portal_type": types[view]}))) == (len(rows),) * 2


def nameable(table: sa.Table, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows whose keys have a name: whole numbers that are negative, or too great for two in one, have none."""
    key = list(table.primary_key.columns)
    if len(key) > 2 or not all(isinstance(column.type, sa.Integer) for column in key):
        return list(rows)
    most = 2**62 if len(key) == 1 else 2**31
    return [row for row in rows if all(0 <= row[column.name] < most for column in key)]


def check_rows(
    gateway: Gateway, portal_type: str, table: sa.Table, adoption: Adoption, rows: Sequence[dict[str, Any]]
) -> None:
    fields: Any = adoption.types[portal_type]["fields"]
    wanted = nameable(table, rows)
    page = gateway.run("boss", lambda tx: tx.find(Find({"portal_type": portal_type}, size=2)))
    objects = gateway.find("boss", {"portal_type": portal_type})
    assert (page.total, len(objects), len({item["UID"] for item in objects})) == (len(wanted),) * 3
    for item in objects:
        check_names(gateway, portal_type, item)
        check_values(gateway, portal_type, item, fields)
    columns = {str(item.get("column", name)): name for name, item in fields.items()}
    for row in wanted:
        known = {
            columns[name]: expected(value) for name, value in row.items() if name in columns and name != "parent_id"
        }
        simple = {name: value for name, value in known.items() if value is not None}
        answers = [{name: shown(item[name]) for name in simple} for item in objects]
        assert simple in answers
    if objects:
        check_writing(gateway, portal_type, objects[-1], fields)


def check_names(gateway: Gateway, portal_type: str, item: dict[str, Any]) -> None:
    by_uid = gateway.run("boss", lambda tx: tx.entity(ByUid(item["UID"])))
    by_path = gateway.run("boss", lambda tx: tx.entity(ByPath(item["path"])))
    assert by_uid.path == by_path.path == item["path"]
    # Nothing of the keys is remembered by a process that has just started.
    gateway.site.context.rows.names._texts.clear()
    by_uid = gateway.run("boss", lambda tx: tx.entity(ByUid(item["UID"])))
    assert by_uid.path == item["path"]
    for name in ("UID", "id", "path"):
        found = gateway.find("boss", {name: item[name], "portal_type": portal_type})
        assert [other["id"] for other in found] == [item["id"]], name


def check_values(gateway: Gateway, portal_type: str, item: dict[str, Any], fields: dict[str, Any]) -> None:
    """Every value that an index holds finds its row; so does each part of a text."""
    catalog = gateway.site.registry.catalogs_of(portal_type)[0].schema
    for name, declared in fields.items():
        value = item[name]
        if value in (None, "") or name not in catalog.indexes or declared["kind"] in ("number", "datetime"):
            continue
        criteria = {name: value}
        found = gateway.find("boss", {"portal_type": portal_type, **criteria})
        assert item["id"] in [other["id"] for other in found], criteria
        part = f"{name}_contains"
        if declared["kind"] in ("string", "text") and part not in fields and part in catalog.indexes:
            found = gateway.find("boss", {"portal_type": portal_type, part: value[1:] or value})
            assert item["id"] in [other["id"] for other in found], (part, value)
            assert all((value[1:] or value).lower() in other[name].lower() for other in found), (part, value)


def check_writing(gateway: Gateway, portal_type: str, item: dict[str, Any], fields: dict[str, Any]) -> None:
    """A row that is removed and created again with the same values is the same object."""
    values = {name: item[name] for name in fields if item[name] is not None}
    # An empty text clears a field, which what must be filled does not allow; and others may refer to this row.
    if any(item[name] == "" for name, declared in fields.items() if declared.get("required")):
        return
    if any(declared["kind"] == "reference" and item[name] is None for name, declared in fields.items()):
        return
    gateway.remove("boss", item["UID"])
    assert gateway.find("boss", {"portal_type": portal_type, "UID": item["UID"]}) == []
    made = gateway.create("boss", portal_type, None, id=item["id"], **values)
    assert (made.uid, made.path) == (item["UID"], item["path"])
    # Blanks around a text go when it is written, so texts need not be the same.
    (again,) = gateway.find("boss", {"portal_type": portal_type, "UID": item["UID"]})
    assert again["id"] == item["id"]
