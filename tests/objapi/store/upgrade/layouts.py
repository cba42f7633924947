"""What a database's tables look like, as plain values that can be compared."""

from typing import Any

from sqlalchemy import Engine, inspect

Layout = dict[str, dict[str, Any]]


def layout_of(engine: Engine) -> Layout:
    """Columns (in no order), keys and references of every table, but for the one in which Alembic takes notes."""
    inspector = inspect(engine)
    dialect = engine.dialect
    return {
        table: {
            "columns": {
                column["name"]: (column["type"].compile(dialect), column["nullable"], column["default"])
                for column in inspector.get_columns(table)
            },
            "primary": inspector.get_pk_constraint(table)["constrained_columns"],
            "keys": {key["name"]: (key["column_names"], key["unique"]) for key in inspector.get_indexes(table)},
            "unique": sorted(key["column_names"] for key in inspector.get_unique_constraints(table)),
            "references": sorted(
                (str(key["name"]), key["constrained_columns"], key["referred_table"], key["referred_columns"])
                for key in inspector.get_foreign_keys(table)
            ),
            "options": inspector.get_table_options(table),
        }
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }
