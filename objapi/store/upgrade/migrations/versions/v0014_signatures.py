"""Electronic signatures: a table of their own, and a column of the entries that have them."""

import sqlalchemy as sa
from alembic import op

from catalog.dialect import TABLE_OPTIONS, ascii_key, big_integer, big_key, long_text, text_key

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table with its key, and add the column."""
    op.create_table(
        "signatures",
        sa.Column("entry", big_key(), nullable=False, autoincrement=False),
        sa.Column("uid", ascii_key(32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", big_integer(), nullable=False),
        sa.Column("user_id", text_key(128), nullable=False),
        sa.Column("fullname", long_text(), nullable=False),
        sa.Column("meaning", long_text(), nullable=False),
        sa.Column("document", ascii_key(64), nullable=False),
        sa.Column("independent", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("entry"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    inspector = sa.inspect(op.get_bind())
    if "ix_signatures_uid" not in {index["name"] for index in inspector.get_indexes("signatures")}:
        op.create_index("ix_signatures_uid", "signatures", ["uid", "version"])
    if "signature" not in {column["name"] for column in inspector.get_columns("history_entries")}:
        op.add_column("history_entries", sa.Column("signature", long_text(), nullable=True))
