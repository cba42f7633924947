"""A site's security on an empty database, with password hashes that cost nothing."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TypeVar

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Connection, Engine, event, insert

from catalog.dialect import begin_write, create_engine_for
from objapi.model.registry import GroupDeclaration, Roles
from objapi.security.accounts import Account, add_user
from objapi.security.passwords import Passwords
from objapi.security.tables import metadata
from objapi.store.schema import scope_tree

T = TypeVar("T")

NOW = datetime(2024, 5, 17, 12, 0, tzinfo=UTC)
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "correct horse"

ROLES = Roles(
    roles=("Manager", "LabManager", "Analyst", "Verifier", "Client", "Owner", "Member", "Authenticated", "Anonymous"),
    groups=MappingProxyType(
        {
            "LabManagers": GroupDeclaration("LabManagers", "Lab managers", ("LabManager",)),
            "Analysts": GroupDeclaration("Analysts", "Analysts", ("Analyst", "Member")),
            "Clients": GroupDeclaration("Clients", "Clients", ("Client", "Member")),
        }
    ),
    permissions={},
)


class Database:
    """An engine with the two kinds of transactions, which counts statements."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.statements: list[str] = []
        event.listen(engine, "before_cursor_execute", self._note)

    def _note(self, connection: Connection, cursor: object, statement: str, *rest: object) -> None:
        if not statement.startswith("SET TRANSACTION"):
            self.statements.append(statement)

    def run(self, work: Callable[[Connection], T], *, write: bool = True, repeatable: bool = False) -> T:
        with self.engine.connect() as connection:
            if write:
                with begin_write(connection):
                    return work(connection)
            with connection.begin():
                return work(connection)

    def counted(self, work: Callable[[Connection], T]) -> tuple[T, int]:
        self.statements.clear()
        return self.run(work, write=False), len(self.statements)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    engine = create_engine_for(database_url, threads=4)
    metadata.create_all(engine)
    yield Database(engine)
    engine.dispose()


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(CHEAP)


@pytest.fixture
def people(database: Database, passwords: Passwords) -> Database:
    """A database with rita (a client), tom (an analyst), admin, and gone (an analyst who left)."""

    def fill(connection: Connection) -> None:
        for account in (
            Account("rita", "Rita Mohale", "rita@client.example", groups=("Clients",)),
            Account("tom", "Tom Okafor", groups=("Analysts",), roles=("Verifier",)),
            Account("admin", roles=("Manager",)),
            Account("gone", "Former Analyst", groups=("Analysts",), active=False),
        ):
            add_user(connection, account, PASSWORD, roles=ROLES, passwords=passwords, now=NOW)

    database.run(fill)
    return database


def make_scopes(connection: Connection, *pairs: tuple[int, int]) -> None:
    """Write (ancestor, scope) pairs; each scope lies in itself as well."""
    closed = {(number, number) for pair in pairs for number in pair} | set(pairs)
    connection.execute(insert(scope_tree), [{"ancestor": a, "scope": s} for a, s in sorted(closed)])


def after(**duration: float) -> datetime:
    return NOW + timedelta(**duration)
