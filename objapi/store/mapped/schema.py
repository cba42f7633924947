"""Tables in which the gateway stores workflow states and permissions of rows of existing tables.

Nothing is written for a row until it is first created or moved by a workflow through the gateway; until then it is in
the initial states. When a row is removed by another program these stay, and count again when its key comes back.
"""

from sqlalchemy import Column, Index, Integer, Table

from catalog.dialect import TABLE_OPTIONS, ascii_key, big_integer, big_key, long_text, text_key
from objapi.store.schema import metadata

row_states = Table(
    "row_states",
    metadata,
    Column("portal_type", ascii_key(64), primary_key=True),
    Column("row_key", big_key(), primary_key=True, autoincrement=False),
    Column("revision", Integer, nullable=False),
    Column("creator", text_key(128), nullable=False),
    Column("created", big_integer(), nullable=False),
    Column("modified", big_integer(), nullable=False),
    Column("acl", Integer, nullable=False),
    Column("states", long_text(), nullable=False),
    Column("settings", long_text(), nullable=False),
    **TABLE_OPTIONS,
)
"""Row by type and key; `revision` rises with every change of states or settings, `acl` follows from the settings."""

row_variables = Table(
    "row_variables",
    metadata,
    Column("portal_type", ascii_key(64), primary_key=True),
    Column("row_key", big_key(), primary_key=True, autoincrement=False),
    Column("variable", ascii_key(128), primary_key=True),
    Column("value", text_key(128), nullable=False),
    Index("ix_row_variables_value", "portal_type", "variable", "value", "row_key"),
    **TABLE_OPTIONS,
)
"""The states of rows by workflow variable, to be searched by."""

row_pending = Table(
    "row_pending",
    metadata,
    Column("id", big_key(), primary_key=True, autoincrement=False),
    Column("at", big_integer(), nullable=False),
    Column("place", ascii_key(64), nullable=False),
    Column("document", long_text(), nullable=False),
    **TABLE_OPTIONS,
)
"""Pending outboxes: state and history to store once a foreign database has committed; empty but for requests under way
and those that a crash interrupted."""
