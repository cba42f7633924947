"""Receivers of the feed of changes on other hosts."""

import sqlalchemy as sa
from alembic import op

from catalog.dialect import TABLE_OPTIONS, ascii_key, big_integer, long_text, text_key

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "webhooks",
        sa.Column("id", ascii_key(16), nullable=False),
        sa.Column("owner", text_key(64), nullable=False),
        sa.Column("url", long_text(), nullable=False),
        sa.Column("name", long_text(), nullable=False),
        sa.Column("types", long_text(), nullable=False),
        sa.Column("path", long_text(), nullable=True),
        sa.Column("created", big_integer(), nullable=False),
        sa.Column("place", long_text(), nullable=False),
        sa.Column("attempted", long_text(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", big_integer(), nullable=True),
        sa.Column("due", big_integer(), nullable=False),
        sa.Column("delivered", big_integer(), nullable=True),
        sa.Column("outcome", long_text(), nullable=False),
        sa.Column("stopped", long_text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
