"""Rows of existing tables as stored entities, for a workspace, a page of answers and references."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
import sqlalchemy as sa

from catalog.dialect.row_keys import key_digest, key_value
from objapi.errors import CrossDatabase
from objapi.store.mapped.databases import Connections
from objapi.store.mapped.layouts import Layout
from objapi.store.mapped.outbox import RowOutbox
from objapi.store.mapped.row_site import RowSite
from objapi.store.mapped.row_visibility import RowVisibility
from objapi.store.mapped.schema import row_states
from objapi.store.mapped.tables import RowTables
from objapi.store.permissions.acls import VIEW, Acl, PermissionOverrides, derive
from objapi.store.permissions.rights import Rights
from objapi.store.records import StaleWrite, StoredEntity, chunks

MOST_VERSION = 999_999_999
"""Versions have at most nine digits, as clients send them back."""
_NOTHING = "{}"


class DraftOfType(Protocol):
    """The part of a draft that rows need."""

    @property
    def portal_type(self) -> str:
        """The name of its type."""


@dataclass(frozen=True, slots=True)
class RowState:
    """Workflow state and permission overrides that the gateway stores for a foreign row."""

    revision: int
    creator: str
    created: int
    modified: int
    states: str
    settings: str


_STATE_COLUMNS = tuple(row_states.c[name] for name in RowState.__slots__)


class Rows:
    """The rows of tables as one user sees them, on the connections of one request."""

    def __init__(self, site: RowSite, connections: Connections, rights: Rights) -> None:
        self.site = site
        self.names = site.names
        self.connections = connections
        self.visibility = RowVisibility(site, connections, rights)
        self._rights = rights
        self._unstored: dict[tuple[str, str, bool], int] = {}

    def tables(self, portal_type: str) -> RowTables:
        """The table of a type, to be searched. Raises MissingTable."""
        return self.site.tables(portal_type, self.connections)

    def connection(self, portal_type: str) -> sa.Connection:
        """The connection on which the table of a type is reached."""
        return self.connections.of(self.names.tables[portal_type].database)

    def is_foreign(self, portal_type: str) -> bool:
        """True when the rows of a type are in a database with a connection of its own."""
        return self.connections.is_foreign(self.names.tables[portal_type].database)

    def foreign_database(self, drafts: Iterable[DraftOfType]) -> str | None:
        """The database that rows are written to in a transaction of its own; None: in that of the gateway.

        Raises CrossDatabase when they are in several.
        """
        databases = {self.names.tables[draft.portal_type].database for draft in drafts}
        places = {name if self.connections.is_foreign(name) else None for name in databases}
        if len(places) > 1:
            raise CrossDatabase(
                f"The request would write in several databases ({', '.join(sorted(databases))}), which cannot be done "
                "as one. Send a request for each."
            )
        return next(iter(places), None)

    def add_outbox(self, outbox: RowOutbox) -> None:
        """Note what is to be stored once the foreign database has committed."""
        self.connections.outboxes.append((self.names.tables[outbox.expected[0][0]].database, outbox))

    def records(self, rids: Iterable[int], *, lock: bool = False) -> list[StoredEntity]:
        """The rows with these numbers, in the order of their keys; those that do not exist are left out."""
        keys: dict[str, list[int]] = {}
        for rid in rids:
            portal_type, key = self.names.of_rid(rid)
            keys.setdefault(portal_type, []).append(key)
        return [record for name, wanted in keys.items() for record in self._load(name, wanted, lock)]

    def referring(
        self, targets: Sequence[int], portal_type: str, field: str, *, lock: bool = False
    ) -> list[StoredEntity]:
        """The rows of a type whose reference field names one of the rows given by number."""
        layout = self.site.layout(portal_type, self.connections)
        column = layout.fields.get(field)
        wanted = layout.entity_type.fields[field].targets
        keys = [key for name, key in map(self.names.of_rid, targets) if name in wanted]
        found: list[StoredEntity] = []
        if column is not None:
            for chunk in chunks(keys):
                found.extend(self._select(portal_type, layout, self._leading(column, wanted[0], chunk), lock))
        return found

    def _leading(self, column: sa.Column[Any], target: str, keys: Sequence[int]) -> sa.ColumnElement[bool]:
        """The rows whose foreign key names one of the keys of a type."""
        if not self.names.tables[target].text_key:
            return column.in_(keys)
        texts = [self.names.texts(target, key) for key in keys]
        if None in texts:
            return key_digest(column).in_(keys)
        return column.in_([key_value(item[0], column.type) for item in texts if item is not None])

    def stamps(self, rids: Iterable[int]) -> dict[int, int]:
        """Number → stamp of rows, read from what is committed last and locked until the transaction ends."""
        return {record.rid: record.stamp for record in self.records(rids, lock=True)}

    def stamps_of(self, keys: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """(Type, key) → stamp of the rows that are there."""
        rids = [self.names.rid(portal_type, key) for portal_type, key in keys]
        return {self.names.of_rid(record.rid): record.stamp for record in self.records(rids)}

    def key_values(self, rid: int) -> tuple[Any, ...]:
        """The values of the key columns of a row.

        Raises StaleWrite for texts that were forgotten since the request read them, because other requests have read so
        many others.
        """
        portal_type, key = self.names.of_rid(rid)
        values = self.site.layout(portal_type, self.connections).values_of(self.names, key)
        if values is None:
            raise StaleWrite(f"the key of a row of {portal_type} is not remembered")
        return values

    def is_visible(self, record: StoredEntity) -> bool:
        """True when the rule of its type lets the user see a row."""
        return (record.portal_type, record.settings, False) not in self._unstored or record.acl != self._unstored[
            record.portal_type, record.settings, False
        ]

    def users_of(self, targets: Sequence[int], portal_type: str, field: str) -> list[tuple[int, int]]:
        """The rows of a type that refer to rows given by number: (number of the referrer, number of the target).

        At most a hundred for each target asked for.
        """
        layout = self.site.layout(portal_type, self.connections)
        column = layout.fields.get(field)
        target = layout.entity_type.fields[field].targets[0]
        keys = [key for name, key in map(self.names.of_rid, targets) if name == target]
        found: list[tuple[int, int]] = []
        if column is not None:
            for chunk in chunks(keys):
                statement = sa.select(column, *layout.key).where(self._leading(column, target, chunk))
                tables, conversion = self.tables(portal_type), self.site.conversion
                rows = self.connection(portal_type).execute(statement.limit(len(chunk) * 100))
                found.extend(
                    (tables.number(row), self.names.rid(target, key))
                    for row in rows
                    if (key := conversion.key_of(row[0], target)) is not None
                )
        return found

    # Inside

    def _load(self, portal_type: str, keys: Sequence[int], lock: bool) -> list[StoredEntity]:
        layout = self.site.layout(portal_type, self.connections)
        found: list[StoredEntity] = []
        for chunk in chunks(keys):
            found.extend(self._select(portal_type, layout, layout.having(self.names, chunk), lock))
        if layout.has_text_key:
            # A collation may take a text for another one, but an object has one name.
            asked = {self.names.rid(portal_type, key) for key in keys}
            found = [record for record in found if record.rid in asked]
        return found

    def _select(
        self, portal_type: str, layout: Layout, condition: sa.ColumnElement[bool], lock: bool
    ) -> list[StoredEntity]:
        own = None if self._rights.principal.unrestricted else self.visibility.by_rule(portal_type)
        seen: sa.ColumnElement[Any] = sa.literal(1) if own is None else sa.case((own, 1), else_=0)
        statement = sa.select(seen.label("seen_by_user"), *layout.table.columns).where(condition).order_by(*layout.key)
        if lock:
            statement = statement.with_for_update()
        rows = self.connection(portal_type).execute(statement).all()
        tables = self.tables(portal_type)
        names = [column.name for column in layout.table.columns]
        width = len(layout.key)
        numbered = []
        for row in rows:
            values = dict(zip(names, row[1:], strict=True))
            rid = tables.number([values[column.name] for column in layout.key][-width:])
            numbered.append((rid, bool(row[0]), values))
        state = self._row_states(portal_type, [rid for rid, _, _ in numbered], lock)
        return [self._record(layout, rid, seen, values, state.get(rid)) for rid, seen, values in numbered]

    def _row_states(self, portal_type: str, rids: Sequence[int], lock: bool) -> Mapping[int, RowState]:
        """Stored states of rows, by row number."""
        found: dict[int, RowState] = {}
        if not rids or not self.site.has_workflow_states(portal_type):
            return found
        keys = [self.names.of_rid(rid)[1] for rid in rids]
        for chunk in chunks(keys):
            statement = sa.select(row_states.c.row_key, *_STATE_COLUMNS).where(
                row_states.c.portal_type == portal_type, row_states.c.row_key.in_(chunk)
            )
            for key, *values in self.connections.own.execute(statement.with_for_update() if lock else statement):
                found[self.names.rid(portal_type, key)] = RowState(*values)
        return found

    def _record(
        self, layout: Layout, rid: int, seen: bool, values: Mapping[str, Any], state: RowState | None
    ) -> StoredEntity:
        entity_type = layout.entity_type
        portal_type, key = self.names.of_rid(rid)
        conversion = self.site.conversion
        data = {}
        for name, column in layout.fields.items():
            in_utc = layout.columns[column.name].in_utc
            data[name] = conversion.stored(values[column.name], entity_type.fields[name], in_utc=in_utc)
        stamp = _stamp(values, state)
        settings = self.site.default_overrides(portal_type).document().decode() if state is None else state.settings
        return StoredEntity(
            rid=rid,
            uid=self.names.uid(portal_type, key),
            parent=None,
            id=self.names.id(portal_type, key),
            path=self.names.path(portal_type, key),
            portal_type=portal_type,
            version=stamp % MOST_VERSION + 1,
            stamp=stamp,
            creator="" if state is None else state.creator,
            created=0 if state is None else state.created,
            modified=0 if state is None else state.modified,
            acl=self._acl(portal_type, settings, seen),
            scope=self.visibility.scope,
            states=_NOTHING if state is None else state.states,
            settings=settings,
            sides=_NOTHING,
            data=orjson.dumps(data).decode(),
        )

    def _acl(self, portal_type: str, settings: str, seen: bool) -> int:
        """The number of an acl that is not stored, for this request alone."""
        key = (portal_type, settings, seen)
        if key not in self._unstored:
            acl = derive(self.site.site_acl, PermissionOverrides.from_document(settings))
            self._unstored[key] = self._rights.acls.add_unstored(acl if seen else _closed(acl))
        return self._unstored[key]


def _closed(acl: Acl) -> Acl:
    """ACL of a row that the row rule hides from the user: nobody holds a permission on it."""
    return Acl(dict.fromkeys((VIEW, *acl.permissions), frozenset[str]()))


def _stamp(values: Mapping[str, Any], state: RowState | None) -> int:
    """A number that changes with every column and with the stored state of a row."""
    digest = hashlib.blake2b(digest_size=8)
    digest.update(repr([(name, values[name]) for name in sorted(values)]).encode("utf-8", "replace"))
    digest.update(str(0 if state is None else state.revision).encode())
    return int.from_bytes(digest.digest()) >> 1
