"""The workshop of `profile/` as its people use it: every call goes through a transaction of the site."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import orjson
from sqlalchemy import Connection, Integer, Select, Table, cast, event, func, select

from objapi import upkeep
from objapi.security.accounts import Account, insert_user
from objapi.security.administration import Grant, UserAdministration
from objapi.security.principals import LoadedUser, command_line_user, load_by_login
from objapi.settings import Settings
from objapi.site import Site
from objapi.store.requests import ByPath, CreateItem, Entry, Find, HistoryPage, Outcome, Selector, UpdateItem
from objapi.store.schema import entities, history_entries, metadata, scope_tree
from objapi.store.transaction import Transaction
from objapi.store.upgrade.installing import system_planner
from tests.ready_sites import initialise

PROFILE = Path(__file__).parent / "profile"
T = TypeVar("T")

USERS = {
    "boss": (("Manager",), ()),
    "mia": ((), ("Makers",)),
    "max": ((), ("Makers",)),
    "cleo": ((), ("Clients",)),
    "carl": ((), ("Clients",)),
    "anna": (("Auditor",), ()),
    "olga": ((), ()),
}
"""User → roles and groups."""


@contextmanager
def quietly(label: str, total: int) -> Iterator[Callable[[int], None]]:
    yield lambda done: None


def open_site(url: str, data_dir: Path, profiles: tuple[str, ...] = (str(PROFILE),), **settings: Any) -> Site:
    """A new site on an empty database."""
    site = Site.open(Settings(data_dir=data_dir, database_url=url, profiles=profiles, threads=4, **settings))
    initialise(site)
    return site


@dataclass
class Statements:
    """The statements of one engine; setting a transaction up is none."""

    texts: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, site: Site) -> "Statements":
        found = cls()

        def note(connection: Connection, cursor: object, statement: str, *rest: object) -> None:
            if not statement.startswith("SET "):
                found.texts.append(statement)

        event.listen(site.engine, "before_cursor_execute", note)
        return found

    @contextmanager
    def counted(self) -> Iterator[list[str]]:
        """The statements inside the block."""
        before = len(self.texts)
        inside: list[str] = []
        yield inside
        inside.extend(self.texts[before:])


@dataclass(frozen=True)
class Gateway:
    """A site and its users, for tests."""

    site: Site
    statements: Statements

    @classmethod
    def on(cls, site: Site) -> "Gateway":
        return cls(site, Statements.of(site))

    def add_users(self, users: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]], password_hash: str = "*") -> None:
        def add(connection: Connection) -> None:
            for name, (roles, groups) in users.items():
                insert_user(connection, Account(name, name, "", True, roles, groups), password_hash, datetime.now(UTC))

        self.site.transact(add, write=True)

    def run(self, user: str, work: Callable[[Transaction], T], *, write: bool = False) -> T:
        return self.site.run(self.authenticate(user), work, write=write)

    def grant_local_roles(self, path: str, principal: str, roles: Sequence[str]) -> None:
        """Grant roles on the object at a path below the site, as the command line does."""
        grant = Grant(principal, local_roles=tuple(roles), on=ByPath(path))
        self.site.run(lambda connection: command_line_user(), lambda tx: UserAdministration(tx).give(grant), write=True)

    def authenticate(self, user: str) -> Callable[[Connection], LoadedUser]:
        def load(connection: Connection) -> LoadedUser:
            loaded = load_by_login(connection, user, self.site.registry.roles)
            assert loaded is not None, user
            return loaded

        return load

    def create(
        self, user: str, portal_type: str, container: str | None, *, id: str | None = None, **values: object
    ) -> Entry:
        item = CreateItem(portal_type, None if container is None else ByPath(container), values, id)
        return self.create_all(user, [item]).entries[0]

    def create_all(self, user: str, items: Sequence[CreateItem], *, dry_run: bool = False) -> Outcome:
        return self.run(user, lambda tx: tx.create(items, dry_run=dry_run), write=True)

    def update(self, user: str, path: str, *, version: int | None = None, **values: object) -> Entry:
        return self.update_all(user, [UpdateItem(ByPath(path), values, version)]).entries[0]

    def update_all(self, user: str, items: Sequence[UpdateItem], **options: bool) -> Outcome:
        return self.run(user, lambda tx: tx.update(items, **options), write=True)

    def act(self, user: str, action: str, *paths: str, comment: str = "", **options: bool) -> Outcome:
        selectors = [ByPath(path) for path in paths]
        return self.run(user, lambda tx: tx.transition(selectors, action, comment=comment, **options), write=True)

    def remove(self, user: str, *uids: str, **options: bool) -> Outcome:
        return self.run(user, lambda tx: tx.remove(uids, **options), write=True)

    def uid(self, path: str, user: str = "boss") -> str:
        return self.run(user, lambda tx: tx.entity(ByPath(path)).uid)

    def history(self, user: str, selector: Selector, **page: int) -> HistoryPage:
        return self.run(user, lambda tx: tx.history(selector, **page))

    def find(self, user: str, criteria: Mapping[str, object] | None = None, **options: Any) -> list[dict[str, Any]]:
        """All objects that match, with all their members unless the options say otherwise."""
        find = replace(Find(criteria or {}, size=0), **options)
        return self.run(user, lambda tx: [orjson.loads(bytes(orjson.dumps(item))) for item in tx.find(find).objects])

    def total(self, user: str, criteria: Mapping[str, object] | None = None, **options: Any) -> int:
        find = replace(Find(criteria or {}), **options)
        return self.run(user, lambda tx: tx.find(find).total)

    def read(self, user: str, path: str, **options: Any) -> dict[str, Any]:
        """The object at a path."""
        found = self.find(user, {"path": {"query": path, "depth": 0}}, **options)
        assert len(found) == 1, (path, found)
        return found[0]

    # The database itself

    def tables(self) -> list[Table]:
        return [*metadata.sorted_tables, *self.site.catalog_metadata.sorted_tables]

    def dump(self, *, without: Sequence[Table] = (), stamps: bool = True) -> dict[str, list[str]]:
        """Every row of every table, in an order of its own; of the counts of catalogs the sums."""
        counts = [tables.counts for tables in self.site.context.tables.values()]

        def read(connection: Connection) -> dict[str, list[str]]:
            rows = {}
            for table in self.tables():
                if table not in without:
                    columns = [column for column in table.columns if stamps or column is not entities.c.stamp]
                    statement = _sums(table) if table in counts else select(*columns)
                    rows[table.name] = sorted(repr(tuple(row)) for row in connection.execute(statement))
            return rows

        return self.site.transact(read, write=False)

    def history_rows(self) -> int:
        return self.site.transact(
            lambda connection: len(connection.execute(select(history_entries.c.id)).all()), write=False
        )

    def assert_settled(self) -> None:
        """Working everything out anew changes nothing: what is stored follows from the values as they are."""
        before = self.dump(stamps=False)
        upkeep.reindex(self.site, quietly)
        after = self.dump(stamps=False)
        for name, rows in before.items():
            assert rows == after[name], name


def assert_places_are_right(gateway: Gateway) -> None:
    """Every path is that of the container and the id, every scope with its place among others as worked out anew."""

    def check(connection: Connection) -> None:
        rows = {row.rid: row for row in connection.execute(select(entities))}
        for row in rows.values():
            above = rows.get(row.parent)
            assert row.path == ("" if above is None else above.path) + f"/{row.id}"
        planner = system_planner(gateway.site.context, connection, datetime.now(UTC), writes=False)
        workspace = planner.workspace
        workspace.recomputes_acls = True
        workspace.load_rids(rows)
        expected, scopes = set(), set()
        for rid, row in rows.items():
            draft = workspace.by_rid[rid]
            assert draft.scope == row.scope, draft.path
            if draft.scope == rid or draft.scope != workspace.container_scope(draft):
                scopes.add(draft.scope)
                expected.update((scope, draft.scope) for scope in workspace.scopes_around(draft))
                expected.update((scope, -draft.scope) for scope in workspace.referred_scopes(draft))
        stored = {(row.ancestor, row.scope) for row in connection.execute(select(scope_tree))}
        # Nobody has local roles in a scope that is no object's own.
        expected = {pair for pair in expected if pair[0] in rows}
        found = {pair for pair in stored if pair[0] in rows and abs(pair[1]) in scopes}
        assert found == expected, f"missing {expected - found}, too many {found - expected}"

    gateway.site.transact(check, write=False)


def _sums(counts: Table) -> Select[Any]:
    groups = [column for column in counts.columns if column.name not in ("id", "folded", "n")]
    total = func.sum(counts.c.n)
    return select(*groups, cast(total, Integer)).group_by(*groups).having(total != 0)
