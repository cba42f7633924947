"""API tokens."""

import sqlalchemy as sa
from alembic import op

from catalog.dialect import TABLE_OPTIONS, ascii_key, big_integer, long_text, text_key

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and its key."""
    op.create_table(
        "api_tokens",
        sa.Column("digest", ascii_key(64), nullable=False),
        sa.Column("prefix", ascii_key(16), nullable=False),
        sa.Column("user_id", text_key(64), nullable=False),
        sa.Column("name", long_text(), nullable=False),
        sa.Column("scope", long_text(), nullable=False),
        sa.Column("created", big_integer(), nullable=False),
        sa.Column("expires", big_integer(), nullable=True),
        sa.Column("last_used", big_integer(), nullable=True),
        sa.PrimaryKeyConstraint("digest"),
        sa.UniqueConstraint("prefix"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_api_tokens_user"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    present = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes("api_tokens")}
    if "ix_api_tokens_user" not in present:
        op.create_index("ix_api_tokens_user", "api_tokens", ["user_id"])
