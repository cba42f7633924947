"""The tables of the first version."""

import sqlalchemy as sa
from alembic import op

from catalog.dialect import TABLE_OPTIONS, ascii_key, big_key, long_bytes, long_text, text_key

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them."""
    _create_tables()
    _create_keys()


def _create_tables() -> None:
    op.create_table(
        "acls",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("digest", ascii_key(64), nullable=False),
        sa.Column("document", long_text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    op.create_table(
        "blobs",
        sa.Column("sha256", ascii_key(64), nullable=False),
        sa.Column("size", big_key(), nullable=False),
        sa.Column("chunks", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("sha256"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    op.create_table(
        "entities",
        sa.Column("rid", big_key(), nullable=False, autoincrement=False),
        sa.Column("uid", ascii_key(32), nullable=False),
        sa.Column("parent", big_key(), nullable=True),
        sa.Column("id", ascii_key(128), nullable=False),
        sa.Column("path", ascii_key(1000), nullable=False),
        sa.Column("portal_type", ascii_key(64), nullable=False),
        sa.Column("title_key", text_key(128), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("stamp", big_key(), nullable=False),
        sa.Column("creator", text_key(128), nullable=False),
        sa.Column("created", big_key(), nullable=False),
        sa.Column("modified", big_key(), nullable=False),
        sa.Column("acl", sa.Integer(), nullable=False),
        sa.Column("scope", big_key(), nullable=False),
        sa.Column("fresh_until", big_key(), nullable=True),
        sa.Column("states", long_text(), nullable=False),
        sa.Column("settings", long_text(), nullable=False),
        sa.Column("sides", long_text(), nullable=False),
        sa.Column("title", long_text(), nullable=False),
        sa.Column("data", long_text(), nullable=False),
        sa.Column("meta", long_text(), nullable=False),
        sa.Column("answer", long_text(), nullable=False),
        sa.PrimaryKeyConstraint("rid"),
        sa.UniqueConstraint("path"),
        sa.UniqueConstraint("uid"),
        sa.ForeignKeyConstraint(["parent"], ["entities.rid"], name="fk_entities_parent"),
        sa.UniqueConstraint("parent", "id", name="uq_entities_parent_id"),
        sa.UniqueConstraint("parent", "title_key", name="uq_entities_parent_title"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    op.create_table(
        "history",
        sa.Column("id", big_key(), nullable=False, autoincrement=False),
        sa.Column("seq", big_key(), nullable=True),
        sa.Column("rid", big_key(), nullable=False),
        sa.Column("uid", ascii_key(32), nullable=False),
        sa.Column("path", ascii_key(1000), nullable=False),
        sa.Column("portal_type", ascii_key(64), nullable=False),
        sa.Column("at", big_key(), nullable=False),
        sa.Column("actor", text_key(128), nullable=False),
        sa.Column("event", ascii_key(16), nullable=False),
        sa.Column("workflow", ascii_key(128), nullable=True),
        sa.Column("transition", text_key(128), nullable=True),
        sa.Column("comment", long_text(), nullable=False),
        sa.Column("changes", long_text(), nullable=False),
        sa.Column("request", ascii_key(64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("seq"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    op.create_table(
        "local_roles",
        sa.Column("scope", big_key(), nullable=False, autoincrement=False),
        sa.Column("principal", text_key(128), nullable=False),
        sa.Column("role", text_key(128), nullable=False),
        sa.PrimaryKeyConstraint("scope", "principal", "role"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    op.create_table(
        "login_attempts",
        sa.Column("login", ascii_key(64), nullable=False),
        sa.Column("address", ascii_key(45), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_at", big_key(), nullable=False),
        sa.Column("succeeded_at", big_key(), nullable=False),
        sa.Column("touched", big_key(), nullable=False),
        sa.PrimaryKeyConstraint("login", "address"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    op.create_table(
        "scope_tree",
        sa.Column("ancestor", big_key(), nullable=False, autoincrement=False),
        sa.Column("scope", big_key(), nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("ancestor", "scope"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    op.create_table(
        "sequences",
        sa.Column("name", text_key(190), nullable=False),
        sa.Column("value", big_key(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    op.create_table(
        "site_secrets",
        sa.Column("name", ascii_key(64), nullable=False),
        sa.Column("secret", ascii_key(128), nullable=False),
        sa.Column("created", big_key(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    op.create_table(
        "site_state",
        sa.Column("name", ascii_key(64), nullable=False),
        sa.Column("value", long_text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    op.create_table(
        "users",
        sa.Column("id", text_key(64), nullable=False),
        sa.Column("password_hash", long_text(), nullable=False),
        sa.Column("password_version", sa.Integer(), nullable=False),
        sa.Column("fullname", long_text(), nullable=False),
        sa.Column("email", long_text(), nullable=False),
        sa.Column("active", sa.Integer(), nullable=False),
        sa.Column("roles", long_text(), nullable=False),
        sa.Column("groups", long_text(), nullable=False),
        sa.Column("created", big_key(), nullable=False),
        sa.Column("modified", big_key(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    op.create_table(
        "blob_chunks",
        sa.Column("sha256", ascii_key(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("content", long_bytes(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", "number"),
        sa.ForeignKeyConstraint(["sha256"], ["blobs.sha256"], name="fk_blob_chunks_blob"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    op.create_table(
        "memberships",
        sa.Column("user_id", text_key(64), nullable=False),
        sa.Column("principal", text_key(128), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "principal"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_memberships_user"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    op.create_table(
        "refs",
        sa.Column("source", big_key(), nullable=False, autoincrement=False),
        sa.Column("field", ascii_key(128), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("target", big_key(), nullable=False),
        sa.PrimaryKeyConstraint("source", "field", "position"),
        sa.ForeignKeyConstraint(["source"], ["entities.rid"], name="fk_refs_source"),
        sa.ForeignKeyConstraint(["target"], ["entities.rid"], name="fk_refs_target"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    op.create_table(
        "sessions",
        sa.Column("digest", ascii_key(64), nullable=False),
        sa.Column("user_id", text_key(64), nullable=False),
        sa.Column("password_version", sa.Integer(), nullable=False),
        sa.Column("created", big_key(), nullable=False),
        sa.Column("expires", big_key(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_sessions_user"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )


def _create_keys() -> None:
    _create_key("ix_entities_type", "entities", ["portal_type", "id"])
    _create_key("ix_history_uid", "history", ["uid", "id"])
    _create_key("ix_local_roles_principal", "local_roles", ["principal", "scope"])
    _create_key("ix_login_attempts_address", "login_attempts", ["address", "failed_at"])
    _create_key("ix_login_attempts_touched", "login_attempts", ["touched"])
    _create_key("ix_scope_tree_scope", "scope_tree", ["scope"])
    _create_key("ix_refs_target", "refs", ["target", "field", "source"])
    _create_key("ix_sessions_expires", "sessions", ["expires"])
    _create_key("ix_sessions_user", "sessions", ["user_id"])


def _create_key(name: str, table: str, columns: list[str]) -> None:
    present = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}
    if name not in present:
        op.create_index(name, table, columns)
