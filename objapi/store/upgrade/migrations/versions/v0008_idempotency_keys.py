"""Answers of requests with an idempotency key."""

import sqlalchemy as sa
from alembic import op

from catalog.dialect import TABLE_OPTIONS, ascii_key, big_integer, long_bytes, long_text, text_key

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and its index."""
    op.create_table(
        "idempotency_keys",
        sa.Column("user_id", text_key(128), nullable=False),
        sa.Column("key", ascii_key(255), nullable=False),
        sa.Column("at", big_integer(), nullable=False),
        sa.Column("fingerprint", ascii_key(64), nullable=False),
        sa.Column("outbox", big_integer(), nullable=True),
        sa.Column("headers", long_text(), nullable=False),
        sa.Column("body", long_bytes(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "key"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    present = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes("idempotency_keys")}
    if "ix_idempotency_keys_at" not in present:
        op.create_index("ix_idempotency_keys_at", "idempotency_keys", ["at"])
