"""Locks of natural keys."""

import sqlalchemy as sa
from alembic import op

from catalog.dialect import TABLE_OPTIONS, ascii_key

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "natural_key_locks",
        sa.Column("digest", ascii_key(64), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
