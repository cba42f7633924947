"""One-time links for passwords."""

import sqlalchemy as sa
from alembic import op

from catalog.dialect import TABLE_OPTIONS, ascii_key, big_integer, text_key

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and its key."""
    op.create_table(
        "password_links",
        sa.Column("digest", ascii_key(64), nullable=False),
        sa.Column("user_id", text_key(64), nullable=False),
        sa.Column("password_version", sa.Integer(), nullable=False),
        sa.Column("issuer", text_key(128), nullable=False),
        sa.Column("created", big_integer(), nullable=False),
        sa.Column("expires", big_integer(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_password_links_user"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    present = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes("password_links")}
    if "ix_password_links_user" not in present:
        op.create_index("ix_password_links_user", "password_links", ["user_id"])
