"""Migrations of the gateway's own tables, by Alembic; `versions/` holds a module for each.

Rules for a migration, which runs while requests go on and may be cut short and run again:
every operation is repeatable (`if_not_exists=True` and the like); columns are added nullable or with a server default;
nothing that the version before writes to is taken away.
"""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def configuration(connection: Connection | None = None) -> Config:
    """Alembic's configuration for these migrations, to be run on the connection given."""
    config = Config()
    config.set_main_option("script_location", "objapi.store.upgrade:migrations")
    config.attributes["connection"] = connection
    return config


def schema_version(connection: Connection) -> str | None:
    """The migration up to which the database has come; None: it holds no tables of ours."""
    return MigrationContext.configure(connection).get_current_revision()


def newest_version() -> str:
    """The last migration of this version of the gateway."""
    newest = ScriptDirectory.from_config(configuration()).get_current_head()
    if newest is None:
        raise LookupError("the package holds no migrations; install it anew")
    return newest


def is_known(version: str) -> bool:
    """True when this version of the gateway has a migration; a later version may have others."""
    scripts = ScriptDirectory.from_config(configuration())
    return any(script.revision == version for script in scripts.walk_revisions())


def migrate(connection: Connection) -> None:
    """Run the migrations that the database has not had."""
    command.upgrade(configuration(connection), "head")


def mark_newest(connection: Connection) -> None:
    """Note that the database has the tables of this version."""
    command.stamp(configuration(connection), "head")
