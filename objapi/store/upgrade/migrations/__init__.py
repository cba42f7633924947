"""Migrations of the gateway's own tables, by Alembic; `versions/` holds a module for each.

Rules for a migration, which runs while requests go on and may be cut short and run again:
every operation is repeatable (`if_not_exists=True` and the like); columns are added nullable or with a server default;
nothing that the version before writes to is taken away.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select

if TYPE_CHECKING:
    from alembic.config import Config

REVISIONS: Final = tuple(sorted(file.name[1:5] for file in (Path(__file__).parent / "versions").glob("v*.py")))
"""The migrations, oldest first, by the names of their modules."""

_VERSIONS: Final = Table("alembic_version", MetaData(), Column("version_num", String(32)))

# Alembic is imported where it is used: a server never migrates. To import it takes longer than all else that a server
# asks before it starts, and its ten megabytes would stay in each process.


def configuration(connection: Connection | None = None) -> "Config":
    """Alembic's configuration for these migrations, to be run on the connection given."""
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "objapi.store.upgrade:migrations")
    config.attributes["connection"] = connection
    return config


def schema_version(connection: Connection) -> str | None:
    """The migration up to which the database has come; None: it holds no tables of ours."""
    if not inspect(connection).has_table(_VERSIONS.name):
        return None
    return connection.scalar(select(_VERSIONS.c.version_num))


def newest_version() -> str:
    """The last migration of this version of the gateway."""
    return REVISIONS[-1]


def is_known(version: str) -> bool:
    """True when this version of the gateway has a migration; a later version may have others."""
    return version in REVISIONS


def migrate(connection: Connection) -> None:
    """Run the migrations that the database has not had."""
    from alembic import command  # noqa: PLC0415

    command.upgrade(configuration(connection), "head")


def mark_newest(connection: Connection) -> None:
    """Note that the database has the tables of this version."""
    from alembic import command  # noqa: PLC0415

    command.stamp(configuration(connection), "head")
