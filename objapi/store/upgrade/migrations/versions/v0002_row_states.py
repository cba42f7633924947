"""Workflow states of rows of existing tables."""

import sqlalchemy as sa
from alembic import op

from catalog.dialect import TABLE_OPTIONS, ascii_key, big_integer, big_key, long_text, text_key

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and their key."""
    op.create_table(
        "row_states",
        sa.Column("portal_type", ascii_key(64), nullable=False),
        sa.Column("row_key", big_key(), nullable=False, autoincrement=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("creator", text_key(128), nullable=False),
        sa.Column("created", big_integer(), nullable=False),
        sa.Column("modified", big_integer(), nullable=False),
        sa.Column("acl", sa.Integer(), nullable=False),
        sa.Column("states", long_text(), nullable=False),
        sa.Column("settings", long_text(), nullable=False),
        sa.PrimaryKeyConstraint("portal_type", "row_key"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    op.create_table(
        "row_variables",
        sa.Column("portal_type", ascii_key(64), nullable=False),
        sa.Column("row_key", big_key(), nullable=False, autoincrement=False),
        sa.Column("variable", ascii_key(128), nullable=False),
        sa.Column("value", text_key(128), nullable=False),
        sa.PrimaryKeyConstraint("portal_type", "row_key", "variable"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    op.create_table(
        "row_pending",
        sa.Column("id", big_key(), nullable=False, autoincrement=False),
        sa.Column("at", big_integer(), nullable=False),
        sa.Column("place", ascii_key(64), nullable=False),
        sa.Column("document", long_text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    present = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes("row_variables")}
    if "ix_row_variables_value" not in present:
        op.create_index("ix_row_variables_value", "row_variables", ["portal_type", "variable", "value", "row_key"])
