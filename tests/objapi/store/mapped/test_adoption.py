"""The first profile of a database says what the database says of itself."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from sqlalchemy.dialects import mysql

from catalog.dialect import create_engine_for
from catalog.dialect.existing import described_table, existing_tables
from objapi.model.loading import load_registry
from objapi.store.mapped.adoption import Adoption, adopt
from tests.objapi.store.mapped.stock import METADATA

ODD = sa.MetaData()
sa.Table(
    "strange-things",
    ODD,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("path", sa.String(10)),
    sa.Column("first_id", sa.ForeignKey("strange-things.id")),
    sa.Column("second_id", sa.ForeignKey("strange-things.id")),
    sa.Column("price", sa.Numeric(8, 3)),
    sa.Column("ratio", sa.Double()),
    sa.Column("flag", sa.Boolean(create_constraint=False)),
    sa.Column("day", sa.Date),
    sa.Column("notes", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.Column("grade", sa.String(1).with_variant(mysql.ENUM("A", "B"), "mysql", "mariadb")),
    sa.Column("blob", sa.LargeBinary),
    mysql_engine="InnoDB",
)
sa.Table("keyless", ODD, sa.Column("a", sa.Integer), mysql_engine="InnoDB")
sa.Table("worded", ODD, sa.Column("word", sa.String(10), primary_key=True), mysql_engine="InnoDB")
sa.Table("measured", ODD, sa.Column("at", sa.Double, primary_key=True), mysql_engine="InnoDB")


@pytest.fixture
def connection(database_url: str) -> Iterator[sa.Connection]:
    engine = create_engine_for(database_url)
    METADATA.create_all(engine)
    ODD.create_all(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def adopted(connection: sa.Connection, **options: Any) -> Adoption:
    return adopt(existing_tables(connection), database="gateway", folder="/odd", **options)


def test_keys_types_and_nullability_are_told(connection: sa.Connection) -> None:
    found = adopted(connection).types
    article = found["Article"]
    assert article["table"] == {"name": "Article", "key": "articleId", "database": "gateway", "folder": "/odd"}
    assert article["title_from"] == "code"
    fields: Any = article["fields"]
    assert fields["Supplier"] == {
        "kind": "reference",
        "targets": ["Supplier"],
        "column": "supplierId",
        "required": True,
    }
    assert fields["code"] == {"kind": "string", "required": True}
    assert fields["delivered"] == {"kind": "datetime"}
    watch: Any = found["Watch"]
    assert watch["table"]["key"] == ["articleId", "supplierId"]
    assert [watch["fields"][name]["targets"] for name in ("Article", "Supplier")] == [["Article"], ["Supplier"]]


def test_names_that_mean_something_else_are_replaced(connection: sa.Connection) -> None:
    fields: Any = adopted(connection).types["strange_things"]["fields"]
    assert fields["strange_things_version"] == {"kind": "integer", "column": "version", "required": True}
    assert fields["strange_things_path"] == {"kind": "string", "column": "path"}
    assert (fields["first"]["column"], fields["second"]["column"]) == ("first_id", "second_id")
    assert fields["price"] == {"kind": "fixedpoint", "precision": 3}
    assert (fields["ratio"], fields["day"], fields["flag"]) == (
        {"kind": "number"},
        {"kind": "datetime"},
        {"kind": "boolean"},
    )
    assert fields["notes"] == {"kind": "text"}
    words = {"vocabulary": ["A", "B"]} if connection.dialect.name != "sqlite" else {}
    assert fields["grade"] == {"kind": "string"} | words
    assert "blob" not in fields


def test_what_is_left_out_is_told(connection: sa.Connection) -> None:
    found = adopted(connection)
    assert {"keyless", "measured"}.isdisjoint(found.types)
    texts = "\n".join(found.left_out)
    assert all(
        word in texts for word in ("keyless: no primary key", "measured: a key column, at", "strange-things.blob")
    )
    renamed = "\n".join(found.renamed)
    assert "strange-things: the type is called strange_things" in renamed
    assert "strange-things.path: the field is called strange_things_path" in renamed


def test_keys_of_text_and_of_many_columns_are_fields() -> None:
    metadata = sa.MetaData()
    many = [sa.Column(name, sa.Integer, primary_key=True, autoincrement=False) for name in ("a", "b", "c")]
    word = sa.Table("word", metadata, sa.Column("word", sa.String(10), primary_key=True))
    found = adopt(
        [described_table(sa.Table("many", metadata, *many)), described_table(word)], database="x", folder="/x"
    )
    tables: Any = {name: (item["table"], item["fields"]) for name, item in found.types.items()}
    assert (tables["many"][0]["key"], tables["many"][0]["key_type"]) == (["a", "b", "c"], "text")
    assert (tables["word"][0]["key"], tables["word"][0]["key_type"]) == ("word", "text")
    assert tables["word"][1] == {"word": {"kind": "string", "required": True}}


def test_views_are_read_only_and_known_by_a_column_that_tells_rows_apart(connection: sa.Connection) -> None:
    connection.execute(sa.insert(METADATA.tables["Supplier"]), [{"name": "Acme"}, {"name": "Acme"}])
    connection.exec_driver_sql("CREATE TABLE shortlived (n INTEGER PRIMARY KEY)")
    for view, columns in (("known", "name, supplierId AS shown_id"), ("alike", "name")):
        connection.exec_driver_sql(f"CREATE VIEW {view} AS SELECT {columns} FROM Supplier")
    connection.exec_driver_sql("CREATE VIEW broken AS SELECT n FROM shortlived")
    connection.exec_driver_sql("DROP TABLE shortlived")
    found = adopted(connection)
    table: Any = found.types["known"]["table"]
    assert (table["key"], table["read_only"]) == ("shown_id", True)
    assert "alike: a view without a column that tells its rows apart" in found.left_out
    assert [text for text in found.left_out if text.startswith("broken: a view that cannot be read")]


@pytest.mark.parametrize(
    ("columns", "unique", "title"),
    [
        (("code", "name"), (), "name"),
        (("sampleName", "fileName"), (), "sampleName"),
        (("comment", "barcode"), ("barcode",), "barcode"),
        (("comment", "uuid"), ("uuid",), None),
        (("filePath", "comment"), ("filePath",), None),
        (("supplier_label", "acronym"), (), "supplier_label"),
    ],
)
def test_title_is_what_names_a_row_to_people(
    columns: tuple[str, ...], unique: tuple[str, ...], title: str | None
) -> None:
    texts = [sa.Column(name, sa.String(40)) for name in columns]
    table = sa.Table("thing", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), *texts)
    described = replace(described_table(table), unique=frozenset(unique))
    assert adopt([described], database="x", folder="/x").types["thing"].get("title_from") == title


def test_some_tables_and_a_prefix(connection: sa.Connection) -> None:
    found = adopted(connection, only=["article"], prefix="Our")
    assert list(found.types) == ["OurArticle"]
    fields: Any = found.types["OurArticle"]["fields"]
    assert fields["supplierId"] == {"kind": "integer", "required": True}
    with pytest.raises(LookupError, match="nothing"):
        adopted(connection, only=["nothing"])


def test_what_is_written_loads(connection: sa.Connection, tmp_path: Path) -> None:
    (tmp_path / "types").mkdir()
    (tmp_path / "profile.yaml").write_text("title: Odd\nextends: [base]\n")
    text = adopted(connection).yaml()
    (tmp_path / "types" / "tables.yaml").write_text(text)
    assert set(yaml.safe_load(text)) <= set(load_registry([tmp_path]).types)


@pytest.mark.parametrize(
    ("column", "is_secret"),
    [
        ("passwd", True),
        ("password_hash", True),
        ("userPassword", True),
        ("pwd", True),
        ("pw_hash", True),
        ("pwm_value", False),
        ("api_key", True),
        ("authToken", True),
        ("client_secret", True),
        ("token", True),
        ("session_token", True),
        ("compass", False),
        ("passes", False),
        ("secretary", False),
        ("token_count", False),
        ("monkey", False),
    ],
)
def test_columns_that_look_like_passwords_are_left_out_and_told(column: str, is_secret: bool) -> None:
    table = sa.Table(
        "account", sa.MetaData(), sa.Column("n", sa.Integer, primary_key=True), sa.Column(column, sa.String(9))
    )
    found = adopt([described_table(table)], database="gateway", folder="/odd")
    fields: Any = found.types["account"]["fields"]
    assert (column not in fields) is is_secret
    assert [text for text in found.left_out if f"account.{column}" in text] != [] or not is_secret
    kept: Any = adopt([described_table(table)], database="gateway", folder="/odd", secrets=True).types["account"][
        "fields"
    ]
    assert column in kept


def test_a_column_without_a_type_is_left_out_and_told() -> None:
    table = sa.Table(
        "turnover", sa.MetaData(), sa.Column("n", sa.Integer, primary_key=True), sa.Column("pieces", sa.types.NullType)
    )
    found = adopt([described_table(table)], database="gateway", folder="/odd")
    assert "pieces" not in str(found.types)
    assert found.left_out == ["turnover.pieces: the database says no type, or none that is known here"]
