"""The trail: requests are linked, failed log-ins counted, and entries say who could see the object before."""

import sqlalchemy as sa
from alembic import op

from catalog.dialect import TABLE_OPTIONS, ascii_key, big_integer, text_key

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, columns and keys."""
    op.create_table(
        "trail_head",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("seq", big_integer(), nullable=False),
        sa.Column("link", ascii_key(64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    op.create_table(
        "failed_log_ins",
        sa.Column("minute", big_integer(), nullable=False, autoincrement=False),
        sa.Column("kind", ascii_key(16), nullable=False),
        sa.Column("account", text_key(64), nullable=False),
        sa.Column("address", ascii_key(45), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("minute", "kind", "account", "address"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    for table, column in (
        ("requests", sa.Column("link", ascii_key(64), nullable=True)),
        ("history_entries", sa.Column("acl", sa.Integer(), nullable=True)),
        ("history_entries", sa.Column("scope", big_integer(), nullable=True)),
    ):
        if column.name not in {found["name"] for found in sa.inspect(op.get_bind()).get_columns(table)}:
            op.add_column(table, column)
    present = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes("requests")}
    for name, columns in (
        ("ix_requests_at", ["at"]),
        ("ix_requests_actor", ["actor", "seq"]),
        ("ix_requests_request_id", ["request_id"]),
    ):
        if name not in present:
            op.create_index(name, "requests", columns)
