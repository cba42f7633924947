"""Second factors of users, and their recovery codes."""

import sqlalchemy as sa
from alembic import op

from catalog.dialect import TABLE_OPTIONS, ascii_key, big_integer, long_text, text_key

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables, and the key of the second."""
    op.create_table(
        "second_factors",
        sa.Column("user_id", text_key(64), nullable=False),
        sa.Column("secret", long_text(), nullable=False),
        sa.Column("confirmed", sa.Integer(), nullable=False),
        sa.Column("last_step", big_integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("created", big_integer(), nullable=False),
        sa.PrimaryKeyConstraint("user_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_second_factors_user"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    op.create_table(
        "recovery_codes",
        sa.Column("digest", ascii_key(64), nullable=False),
        sa.Column("user_id", text_key(64), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_recovery_codes_user"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    present = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes("recovery_codes")}
    if "ix_recovery_codes_user" not in present:
        op.create_index("ix_recovery_codes_user", "recovery_codes", ["user_id"])
