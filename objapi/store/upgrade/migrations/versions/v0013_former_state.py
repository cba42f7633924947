"""Entries hold what taking a change back needs, and say what they take back."""

import sqlalchemy as sa
from alembic import op

from catalog.dialect import ascii_key, long_text

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    present = {found["name"] for found in sa.inspect(op.get_bind()).get_columns("history_entries")}
    for column in (sa.Column("former", long_text(), nullable=True), sa.Column("undoes", ascii_key(64), nullable=True)):
        if column.name not in present:
            op.add_column("history_entries", column)
