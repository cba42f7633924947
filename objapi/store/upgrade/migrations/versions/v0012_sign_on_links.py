"""Accounts of log-in providers that are linked to users."""

import sqlalchemy as sa
from alembic import op

from catalog.dialect import TABLE_OPTIONS, ascii_key, big_integer, long_text, text_key

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and its key."""
    op.create_table(
        "sign_on_links",
        sa.Column("digest", ascii_key(64), nullable=False),
        sa.Column("issuer", long_text(), nullable=False),
        sa.Column("subject", long_text(), nullable=False),
        sa.Column("user_id", text_key(64), nullable=False),
        sa.Column("created", big_integer(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_sign_on_links_user"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    present = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes("sign_on_links")}
    if "ix_sign_on_links_user" not in present:
        op.create_index("ix_sign_on_links_user", "sign_on_links", ["user_id"])
