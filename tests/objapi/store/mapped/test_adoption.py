"""The first profile of a database says what the database says of itself."""

from collections.abc import Iterator
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
    assert {"keyless", "worded"}.isdisjoint(found.types)
    texts = "\n".join(found.left_out)
    assert all(word in texts for word in ("keyless: no primary key", "worded: a primary key", "strange-things.blob"))


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
        ("api_key", True),
        ("authToken", True),
        ("client_secret", True),
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
