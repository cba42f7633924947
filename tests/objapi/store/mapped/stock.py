"""The store room's own tables, made and written as another program would."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from catalog.dialect import create_engine_for
from catalog.dialect.borrowed import enumerated, folded_text, tiny_integer

PROFILE = Path(__file__).parent / "profile"
METADATA = sa.MetaData()
OPTIONS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_general_ci"}

Supplier = sa.Table(
    "Supplier",
    METADATA,
    sa.Column("supplierId", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("name", folded_text(40), nullable=False),
    sa.Column("login", folded_text(40), index=True),
    **OPTIONS,
)
Article = sa.Table(
    "Article",
    METADATA,
    sa.Column("articleId", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("supplierId", sa.Integer, sa.ForeignKey("Supplier.supplierId"), nullable=False, index=True),
    sa.Column("code", folded_text(20), nullable=False, index=True),
    sa.Column("number", sa.Integer),
    sa.Column("price", sa.Numeric(10, 2).with_variant(sa.Float(), "sqlite")),
    sa.Column("weight", sa.Float().with_variant(mysql.DOUBLE(), "mysql", "mariadb")),
    sa.Column("active", tiny_integer(), server_default="1"),
    sa.Column("delivered", sa.DateTime),
    sa.Column("grade", enumerated("A", "B", "C")),
    **OPTIONS,
)
Watch = sa.Table(
    "Watch",
    METADATA,
    sa.Column("articleId", sa.Integer, sa.ForeignKey("Article.articleId"), primary_key=True, autoincrement=False),
    sa.Column("supplierId", sa.Integer, sa.ForeignKey("Supplier.supplierId"), primary_key=True, autoincrement=False),
    sa.Column("note", folded_text(20)),
    **OPTIONS,
)


class OtherProgram:
    """Whoever else writes the tables, on connections of its own."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine_for(url)

    @property
    def is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    def make_tables(self) -> None:
        METADATA.create_all(self._engine)

    def insert(self, table: sa.Table, *rows: Mapping[str, Any]) -> None:
        with self._engine.begin() as connection:
            for row in rows:
                connection.execute(sa.insert(table).values(dict(row)))

    def execute(self, statement: Any) -> None:
        with self._engine.begin() as connection:
            connection.execute(statement)

    def rows(self, table: sa.Table) -> Sequence[Mapping[str, Any]]:
        with self._engine.connect() as connection:
            statement = sa.select(table).order_by(*table.primary_key.columns)
            return [dict(row) for row in connection.execute(statement).mappings()]

    def table_names(self) -> list[str]:
        return sorted(sa.inspect(self._engine).get_table_names())

    def close(self) -> None:
        self._engine.dispose()
