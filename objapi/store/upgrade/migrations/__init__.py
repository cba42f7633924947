"""Migrations of the gateway's own tables, by Alembic; `versions/` holds a module for each.

Rules for a migration, which runs while requests go on and may be cut short and run again:
every operation is repeatable (`if_not_exists=True` and the like); columns are added nullable or with a server default;
nothing that the version before writes to is taken away.
"""

from typing import TYPE_CHECKING

from sqlalchemy import Connection

if TYPE_CHECKING:
    from alembic.config import Config

# Alembic is imported where it is used: a worker process never migrates, and its ten megabytes would stay in each.


def configuration(connection: Connection | None = None) -> "Config":
    """Alembic's configuration for these migrations, to be run on the connection given."""
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "objapi.store.upgrade:migrations")
    config.attributes["connection"] = connection
    return config


def schema_version(connection: Connection) -> str | None:
    """The migration up to which the database has come; None: it holds no tables of ours."""
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415

    return MigrationContext.configure(connection).get_current_revision()


def newest_version() -> str:
    """The last migration of this version of the gateway."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    newest = ScriptDirectory.from_config(configuration()).get_current_head()
    if newest is None:
        raise LookupError("the package holds no migrations; install it anew")
    return newest


def is_known(version: str) -> bool:
    """True when this version of the gateway has a migration; a later version may have others."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    scripts = ScriptDirectory.from_config(configuration())
    return any(script.revision == version for script in scripts.walk_revisions())


def migrate(connection: Connection) -> None:
    """Run the migrations that the database has not had."""
    from alembic import command  # noqa: PLC0415

    command.upgrade(configuration(connection), "head")


def mark_newest(connection: Connection) -> None:
    """Note that the database has the tables of this version."""
    from alembic import command  # noqa: PLC0415

    command.stamp(configuration(connection), "head")
