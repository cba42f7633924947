"""Building blocks of the table declarations: their metadata, and one function for each sort of column."""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

from catalog.dialect.borrowed import BORROWED_TABLE_OPTIONS, short_bytes, tiny_integer, wall_clock
from catalog.dialect.existing import LEADS_TO

METADATA: Final = sa.MetaData()
"""The tables of ISPyB; those of the gateway itself are in `objapi.store.schema`."""

OPTIONAL: Final = "optional"
"""Key in the `info` of a table or column that an existing database may lack."""

EXTERNAL_ID_BYTES: Final = 16

INTEGER: Final = sa.Integer()
TINY: Final = tiny_integer()
FLOAT: Final = sa.Float()
STAMP: Final = wall_clock()
EXTERNAL_ID: Final = short_bytes(EXTERNAL_ID_BYTES)
NOW: Final = sa.func.now()


def table(name: str, *items: SchemaItem, optional: bool = False) -> sa.Table:
    """A table of the ISPyB database; `optional` when an existing database may lack it."""
    return sa.Table(name, METADATA, *items, info={OPTIONAL: optional}, **BORROWED_TABLE_OPTIONS)


def key(name: str, *, optional: bool = False) -> sa.Column[int]:
    """The primary key, given by the database; `optional` when an existing table may have another one."""
    return sa.Column(name, INTEGER, primary_key=True, autoincrement=True, info={OPTIONAL: optional})


def column(
    name: str,
    type_: TypeEngine[Any],
    *,
    null: bool = True,
    default: Any = None,
    primary_key: bool = False,
    unique: bool = False,
    index: bool = False,
    optional: bool = False,
    leads_to: str | None = None,
) -> sa.Column[Any]:
    """A column; `default` is what the database fills in, `optional` says that an existing database may lack it.

    `leads_to` is the column of another table, written `Table.column`, whose keys it holds without a foreign key.
    """
    return sa.Column(
        name,
        type_,
        primary_key=primary_key,
        nullable=null and not primary_key,
        server_default=default,
        unique=unique or None,
        index=index or None,
        info={OPTIONAL: optional} | ({} if leads_to is None else {LEADS_TO: leads_to}),
    )


def link(
    name: str,
    target: str,
    *,
    null: bool = True,
    primary_key: bool = False,
    index: bool = True,
    optional: bool = False,
) -> sa.Column[Any]:
    """A column with the key of another table, written `Table.column`."""
    return sa.Column(
        name,
        INTEGER,
        sa.ForeignKey(target),
        primary_key=primary_key,
        autoincrement=False,
        nullable=null and not primary_key,
        index=(index and not primary_key) or None,
        info={OPTIONAL: optional},
    )


def is_optional(item: sa.Table | sa.Column[Any]) -> bool:
    """Tell if an existing database may lack a table or column."""
    return bool(item.info.get(OPTIONAL, False))
