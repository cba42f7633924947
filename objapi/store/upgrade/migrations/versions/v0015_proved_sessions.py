"""Sessions know that their user has logged in anew, in order to sign."""

import sqlalchemy as sa
from alembic import op

from catalog.dialect import big_integer

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    if "proved" not in {column["name"] for column in sa.inspect(op.get_bind()).get_columns("sessions")}:
        op.add_column("sessions", sa.Column("proved", big_integer(), nullable=True))
