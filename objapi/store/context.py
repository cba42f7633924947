"""Contexts: of a site, shared by all its transactions, and of one request."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from functools import cached_property
from typing import Literal

import orjson
from sqlalchemy import Connection

from catalog import CatalogTables
from catalog.dialect import insert_rows
from objapi.errors import SignatureRequired
from objapi.model.dependents import Dependents
from objapi.model.principal import Principal
from objapi.model.references import site_path
from objapi.model.registry import Registry
from objapi.model.render_shapes import RenderShapes
from objapi.model.values import LoadContext
from objapi.store.mapped.databases import Connections
from objapi.store.mapped.names import RowNames
from objapi.store.mapped.row_site import RowSite
from objapi.store.mapped.rows import Rows
from objapi.store.mapped.schema import row_pending
from objapi.store.outcome import Trace
from objapi.store.permissions.acls import AclCache
from objapi.store.permissions.rights import FieldAccess, Rights, TransactionAcls
from objapi.store.records import RequestNumbers, request_digest, rowids, to_micros, to_text
from objapi.store.requests import COMMAND_LINE, AccessEvent, RequestSource, SignerProof
from objapi.store.schema import history_entries, requests
from workflows import Cascades


@dataclass(frozen=True, slots=True)
class SiteContext:
    """Declarations, tables and limits of one site in one process; safe between threads."""

    registry: Registry
    tables: Mapping[str, CatalogTables]
    rows: RowSite
    """The tables of mapped types."""
    access: FieldAccess
    dependents: Dependents
    guard_dependents: Dependents | None
    """Routes to objects whose `automatic: always` transitions a change may set off; None: there are none."""
    shapes: RenderShapes
    """Shapes of the derived values to compute anew of a stored object."""
    cascades: Cascades
    acls: AclCache
    site_id: str
    public_url: str
    """The URL that the addresses of files begin with; empty: they are paths."""
    zone: tzinfo
    parse_structured: Callable[[str], object]
    users: Callable[[Connection, Collection[str]], list[tuple[str, str]]]
    """The users with some roles, as (id, full name)."""
    open_members: dict[tuple[str, tuple[str, ...]], set[str]] = field(default_factory=dict)
    """Catalog and types → names, of those that reads have asked for, of what everybody may see of their objects."""
    index_names: frozenset[str] = frozenset()
    """The names of all indexes, before which a comma separates the terms of a reference."""
    signed_types: frozenset[str] = frozenset()
    """The types of which some transition is signed."""
    how_to_prove: str = "prove who you are"
    """What somebody has to do to sign, as refusals say it."""
    ambiguous: Literal["error", "first"] = "error"
    """Treatment of a reference that matches several objects: an error, or the first."""
    most_objects: int = 10_000
    most_tree: int = 10_000
    """Objects that one copy or move takes, contents included."""
    most_text: int = 1_000_000
    """Characters of one value."""
    most_entries: int = 10_000
    """Entries of one list."""
    most_reference_queries: int = 300
    """Queries of references that a request asks one by one."""
    stream_time_limit: float = 600.0
    """Seconds."""

    def load_context(self, now: datetime) -> LoadContext:
        """Context in which the values of a request are read."""
        return LoadContext(
            zone=self.zone,
            parse_structured=self.parse_structured,
            now=now,
            site_id=self.site_id,
            index_names=self.index_names,
            max_text=self.most_text,
            max_entries=self.most_entries,
        )


@dataclass(slots=True)
class Recorder:
    """History of one request: its entries, collected until all its work is done, and its row in `requests`.

    `at` in microseconds since 1970 UTC.
    """

    site_id: str
    at: int
    actor: str
    source: RequestSource
    entries: list[dict[str, object]] = field(default_factory=list)
    """Entries that the transaction of the gateway itself stores."""
    undoes: str | None = None
    """What is taken back by all that the request changes, as entries name it; None: the request takes nothing back."""

    def entry(
        self,
        rid: int,
        uid: str,
        path: str,
        portal_type: str,
        *,
        event: str,
        changes: object,
        version: int | None = None,
        workflow: str | None = None,
        transition: str | None = None,
        comment: str = "",
        acl: int | None = None,
        scope: int | None = None,
        former: object = None,
        signature: object = None,
    ) -> dict[str, object]:
        """One history row."""
        return {
            "id": rowids.next(),
            "rid": rid,
            "uid": uid,
            "path": path,
            "portal_type": portal_type,
            "version": version,
            "event": event,
            "workflow": workflow,
            "transition": transition,
            "comment": comment,
            "changes": orjson.dumps(changes).decode(),
            "acl": acl,
            "scope": scope,
            "former": None if former is None else orjson.dumps(former).decode(),
            "undoes": self.undoes,
            "signature": None if signature is None else orjson.dumps(signature).decode(),
        }

    def request(self, entries: Sequence[dict[str, object]], number: int) -> dict[str, object]:
        """The row of the request under a number, which is noted in the entries, over which it holds a digest."""
        source = self.source
        row: dict[str, object] = {
            "id": number,
            "at": self.at,
            "actor": self.actor,
            "address": source.address,
            "api_key": source.api_key,
            # Of the command line, too, so that what it did can be named and taken back.
            "request_id": source.request_id or f"{number:016x}",
        }
        for entry in entries:
            entry["request"] = row["id"]
        return {**row, "seq": None, "digest": request_digest(self.site_id, row, entries)}

    def note(self, event: AccessEvent) -> None:
        """Add a change that no plan brings about."""
        self.entries.append(
            self.entry(event.rid, event.uid, event.path, event.portal_type, event=event.event, changes=event.changes)
        )

    def store(self, connection: Connection, numbers: RequestNumbers | None = None) -> int | None:
        """Store the request with the entries collected so far; returns its number. Without any there is no request."""
        if not self.entries:
            return None
        number = rowids.next() if numbers is None else numbers.next()
        insert_rows(connection, requests, [self.request(self.entries, number)])
        insert_rows(connection, history_entries, self.entries)
        self.entries = []
        return number

    def of_row(self, names: RowNames, portal_type: str, key: int, event: str, changes: object) -> dict[str, object]:
        """The history row of a change of a mapped row, known by its key."""
        uid, path = names.uid(portal_type, key), names.path(portal_type, key)
        return self.entry(key, uid, path, portal_type, event=event, changes=changes)


class RequestContext:
    """Site, user, connections and instant of one request."""

    def __init__(
        self,
        site: SiteContext,
        connection: Connection,
        principal: Principal,
        now: datetime,
        *,
        writes: bool,
        source: RequestSource = COMMAND_LINE,
        numbers: RequestNumbers | None = None,
    ) -> None:
        self.site = site
        self.registry = site.registry
        self.connection = connection
        self.connections = Connections(connection, site.rows.places, writes=writes)
        """The gateway's own connection, and those to foreign databases."""
        self.principal = principal
        self.now = now
        self.writes = writes
        """True in a writing transaction, in which objects are locked when they are loaded."""
        self.source = source
        self.numbers = RequestNumbers() if numbers is None else numbers
        self.numbers.begin()
        self.proof: SignerProof | None = None
        """Proof of who the user is, given with this request to sign; None: there is none."""
        self.tries = False
        """True where nothing is done, but only tried: nobody signs then."""
        self.trace: Trace | None = None
        """A row that this request leaves, by which its commit can be looked for; None before the history is stored."""
        self.acls = TransactionAcls(site.acls, connection)
        self.rights = Rights(principal, self.acls, site.registry.roles.scoped_roles)

    @cached_property
    def now_text(self) -> str:
        """The stored form of the instant of the request."""
        return to_text(self.now)

    @cached_property
    def rows(self) -> Rows:
        """The rows of mapped types as the user sees them."""
        return Rows(self.site.rows, self.connections, self.rights)

    @cached_property
    def recorder(self) -> Recorder:
        """Collector of the request's history."""
        token = self.principal.token
        source = self.source if token is None else replace(self.source, api_key=token.prefix)
        return Recorder(self.site.site_id, to_micros(self.now), self.principal.user_id, source)

    def spend_proof(self) -> None:
        """Use the proof of the signer up, with what is signed. Raises SignatureRequired when it is used already."""
        spend = None if self.proof is None else self.proof.spend
        if spend is not None and not spend(self.connection):
            raise SignatureRequired("Your log-in has served for another signature meanwhile; log in once more to sign.")

    def write_history(self) -> None:
        """Store the request and its history: the last that a writing transaction does.

        What a foreign database must commit first is stored as pending, its request with it.
        """
        number = self.recorder.store(self.connection, self.numbers)
        if number is not None:
            self.trace = Trace(requests, {"id": number})
        foreign = [row for _, outbox in self.connections.outboxes for row in outbox.history]
        if foreign:
            self.connections.outboxes[-1][1].requests = [self.recorder.request(foreign, self.numbers.next())]
        self.connections.store_pending(self.recorder.at)
        if self.connections.pending:
            # What the foreign database was sent is undone with this try, so another one would find it missing.
            self.trace = Trace(row_pending, {"id": self.connections.pending[-1]}, repeatable=False)

    def full_path(self, path: str) -> str:
        """The whole path of what is at a path below the site."""
        return site_path(path, self.site.site_id)
