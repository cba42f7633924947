"""State of a site's database: installed or not, its version, the declarations it was indexed by.

Only `objapi init` and `objapi upgrade` change tables, one process at a time (see `lease`); everything else asks
`state_problem` first. An upgrade is tables, then everything indexed again, then `finish_upgrade`: until the last has
been done the database counts as not upgraded, and running the upgrade again is the remedy whatever stopped it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

import orjson
from sqlalchemy import Connection, Engine, MetaData, delete, inspect, select
from sqlalchemy.schema import CreateTable

from catalog.dialect import begin_write, require_table_rights, upsert_rows
from objapi.model.registry import Registry
from objapi.store.schema import entities, metadata, site_state
from objapi.store.upgrade.lease import LEASE_ROW, Lease, LeaseRefused, hold_lease, holder_of, utc_now
from objapi.store.upgrade.migrations import is_known, mark_newest, migrate, newest_version, schema_version
from objapi.store.upgrade.schema_sync import complete_tables, sync_tables
from objapi.store.upgrade.search_keys import forget_keys_put_off

__all__ = [
    "Lease",
    "LeaseRefused",
    "create_tables",
    "ensure_may_upgrade",
    "finish_upgrade",
    "has_newest_tables",
    "is_installed",
    "profiles_in",
    "state_problem",
    "stored_profiles",
    "upgrade_lease",
    "upgrade_obstacle",
    "upgrade_tables",
]

SITE_ID = "site_id"
FINGERPRINT = "fingerprint"
PROFILES = "profiles"
UNFINISHED = "upgrade_began"
IMPORT = "import"
"""Row that is there while a snapshot is imported: which, and how far it has come."""


def is_installed(engine: Engine) -> bool:
    """True when the database contains a site: tables and objects. An unreachable one raises SQLAlchemy's error."""
    with engine.connect() as connection:
        return _holds_site(connection, _read_state(connection))


def stored_profiles(engine: Engine) -> tuple[str, ...]:
    """The profiles that the site was made with or last upgraded to; none where there is no site yet."""
    with engine.connect() as connection:
        return profiles_in(connection)


def profiles_in(connection: Connection) -> tuple[str, ...]:
    """The same on a connection, within its transaction."""
    return _profiles(_read_state(connection))


def _profiles(state: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(orjson.loads(state.get(PROFILES, "[]")))


def create_tables(
    engine: Engine, catalog_metadata: MetaData, registry: Registry, site_id: str, profiles: Sequence[str] = ()
) -> None:
    """Make all tables for a new site, and remember its profiles; repeatable after an interruption.

    The modules that add tables to `objapi.store.schema.metadata` must have been imported. The site is there
    (`is_installed`) once objects are. Raises LeaseRefused.
    """
    _write(engine, lambda connection: connection.execute(CreateTable(site_state, if_not_exists=True)))
    with hold_lease(engine) as lease:
        complete_tables(engine, metadata, lease.renew)
        sync_tables(engine, catalog_metadata, lease.renew)
        lease.renew()
        _write(engine, mark_newest)
        _write_state(
            engine,
            {SITE_ID: site_id, FINGERPRINT: registry.fingerprint, PROFILES: orjson.dumps(profiles).decode()},
        )


def has_newest_tables(engine: Engine) -> bool:
    """True if the database has had every migration of this version."""
    with engine.connect() as connection:
        return schema_version(connection) == newest_version()


def upgrade_obstacle(engine: Engine, site_id: str) -> str | None:
    """Why an upgrade is impossible, and what to do; None: it may begin."""
    with engine.connect() as connection:
        return _obstacle(connection, _read_state(connection), site_id)


def state_problem(engine: Engine, registry: Registry, site_id: str, profiles: Sequence[str] = ()) -> str | None:
    """Why the database cannot be served with these declarations, and the command to run; None: it can.

    `profiles` are those that were loaded, for the message about one that the site was made with and that is missing.
    """
    with engine.connect() as connection:
        state = _read_state(connection)
        obstacle = _obstacle(connection, state, site_id)
        if obstacle is not None:
            return obstacle
        left_out = [name for name in _profiles(state) if name not in profiles] if profiles else []
        return _outdated(connection, state, registry.fingerprint, utc_now(), left_out)


def _obstacle(connection: Connection, state: Mapping[str, str], site_id: str) -> str | None:
    if not _holds_site(connection, state):
        return "The database holds no site yet. Run `objapi init`."
    if IMPORT in state:
        return "The import of a snapshot is not finished. Run `objapi import` with the same file; it goes on."
    if state[SITE_ID] != site_id:
        return (
            f"The database holds the site {state[SITE_ID]!r}, the settings name {site_id!r}. "
            f"Set OBJAPI_SITE_ID={state[SITE_ID]}, or another OBJAPI_DATABASE_URL."
        )
    version = schema_version(connection)
    if version is not None and not is_known(version):
        return (
            f"The tables of the database are of a later version of objapi (schema {version}, here {newest_version()}). "
            "Install that version."
        )
    return None


def _outdated(
    connection: Connection, state: Mapping[str, str], fingerprint: str, now: datetime, left_out: Sequence[str]
) -> str | None:
    holder = holder_of(state.get(LEASE_ROW), now)
    if holder is not None:
        return f"The database is being upgraded by {holder}. Wait for it to end."
    if UNFINISHED in state:
        return f"An upgrade that began at {state[UNFINISHED]} was cut short. Run `objapi upgrade` again."
    version = schema_version(connection)
    if version != newest_version():
        return (
            f"The tables of the database are of an earlier version of objapi (schema {version}). Run `objapi upgrade`."
        )
    if state.get(FINGERPRINT) != fingerprint and left_out:
        return (
            f"OBJAPI_PROFILES leaves out {', '.join(left_out)}. The site was made with "
            f"OBJAPI_PROFILES={','.join(_profiles(state))}; set it so, or unset it. "
            "To do without for good: `objapi upgrade`."
        )
    if state.get(FINGERPRINT) != fingerprint:
        return (
            "Types, catalogs or state variables are declared otherwise than when the database was indexed. "
            "Run `objapi upgrade`."
        )
    return None


@contextmanager
def upgrade_lease(engine: Engine) -> Iterator[Lease]:
    """Keep others from upgrading; to be held until `finish_upgrade`, and renewed. Raises LeaseRefused."""
    with hold_lease(engine) as lease:
        yield lease


def ensure_may_upgrade(engine: Engine) -> None:
    """Raise the database's error if this account may not make and change tables; nothing is changed."""
    with engine.connect() as connection, begin_write(connection):
        require_table_rights(connection, site_state)


def upgrade_tables(engine: Engine, catalog_metadata: MetaData, lease: Lease) -> None:
    """Bring all tables in step with this version and with the declarations; repeatable. Raises LeaseRefused.

    Requests may go on meanwhile, see `schema_sync`. New columns are empty until everything has been indexed again.
    """
    lease.renew()
    _write_state(engine, {UNFINISHED: utc_now().isoformat(sep=" ", timespec="seconds")})
    _write(engine, migrate)
    complete_tables(engine, metadata, lease.renew)
    sync_tables(engine, catalog_metadata, lease.renew)


def finish_upgrade(engine: Engine, registry: Registry, profiles: Sequence[str] = ()) -> None:
    """Note that the database has been indexed by these declarations, and of which profiles they are."""
    noted = {FINGERPRINT: registry.fingerprint, PROFILES: orjson.dumps(profiles).decode()}
    with engine.connect() as connection, begin_write(connection):
        upsert_rows(connection, site_state, [{"name": name, "value": value} for name, value in noted.items()])
        connection.execute(delete(site_state).where(site_state.c.name == UNFINISHED))
        # Tables have been brought in step, their keys included.
        forget_keys_put_off(connection)


def finish_import(connection: Connection) -> None:
    """Note that a snapshot was imported to its end, so that the site may be served."""
    connection.execute(delete(site_state).where(site_state.c.name == IMPORT))


def _read_state(connection: Connection) -> dict[str, str]:
    """The rows of `site_state`; nothing when the table does not exist."""
    if not inspect(connection).has_table(site_state.name):
        return {}
    return {row.name: row.value for row in connection.execute(select(site_state.c.name, site_state.c.value))}


def _holds_site(connection: Connection, state: Mapping[str, str]) -> bool:
    return SITE_ID in state and connection.scalar(select(entities.c.rid).limit(1)) is not None


def _write_state(engine: Engine, values: Mapping[str, str]) -> None:
    rows = [{"name": name, "value": value} for name, value in values.items()]
    _write(engine, lambda connection: upsert_rows(connection, site_state, rows))


def _write(engine: Engine, work: Callable[[Connection], object]) -> None:
    with engine.connect() as connection, begin_write(connection):
        work(connection)
