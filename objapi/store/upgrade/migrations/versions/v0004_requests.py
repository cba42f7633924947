"""Requests, and the history below them; `former_history` moves what the table `history` holds."""

import sqlalchemy as sa
from alembic import op

from catalog.dialect import TABLE_OPTIONS, ascii_key, big_integer, big_key, long_text, text_key

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and their keys; drop the former table when it holds nothing."""
    op.create_table(
        "requests",
        sa.Column("id", big_key(), nullable=False, autoincrement=False),
        sa.Column("seq", big_integer(), nullable=True),
        sa.Column("at", big_integer(), nullable=False),
        sa.Column("actor", text_key(128), nullable=False),
        sa.Column("address", ascii_key(64), nullable=False),
        sa.Column("api_key", ascii_key(64), nullable=True),
        sa.Column("request_id", ascii_key(64), nullable=False),
        sa.Column("digest", ascii_key(64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("seq"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    op.create_table(
        "history_entries",
        sa.Column("id", big_key(), nullable=False, autoincrement=False),
        sa.Column("request", big_integer(), nullable=False),
        sa.Column("rid", big_integer(), nullable=False),
        sa.Column("uid", ascii_key(32), nullable=False),
        sa.Column("path", ascii_key(1000), nullable=False),
        sa.Column("portal_type", ascii_key(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("event", ascii_key(16), nullable=False),
        sa.Column("workflow", ascii_key(128), nullable=True),
        sa.Column("transition", text_key(128), nullable=True),
        sa.Column("comment", long_text(), nullable=False),
        sa.Column("changes", long_text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    present = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes("history_entries")}
    for name, columns in (("ix_history_entries_uid", ["uid", "id"]), ("ix_history_entries_request", ["request"])):
        if name not in present:
            op.create_index(name, "history_entries", columns)
    former = sa.table("history", sa.column("id"))
    if op.get_bind().execute(sa.select(former.c.id).limit(1)).first() is None:
        op.drop_table("history")
