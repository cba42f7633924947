"""The gateway's own tables.

Instants are microseconds since 1970 UTC in BIGINT columns, documents are JSON in text columns (the databases' own types
for JSON differ and are of no use here). Row numbers are given by the gateway (see `records`), so no statement has to
be asked for what it inserted.
"""

from sqlalchemy import Column, ForeignKey, Index, Integer, MetaData, Table, UniqueConstraint

from catalog.dialect import TABLE_OPTIONS, ascii_key, big_integer, big_key, long_bytes, long_text, text_key

metadata = MetaData()
"""All tables of the gateway; catalogs and security add theirs to it."""

entities = Table(
    "entities",
    metadata,
    Column("rid", big_key(), primary_key=True, autoincrement=False),
    Column("uid", ascii_key(32), nullable=False, unique=True),
    Column("parent", big_integer(), ForeignKey("entities.rid", name="fk_entities_parent"), nullable=True),
    Column("id", ascii_key(128), nullable=False),
    Column("path", ascii_key(1000), nullable=False, unique=True),
    Column("portal_type", ascii_key(64), nullable=False),
    Column("title_key", text_key(128), nullable=True),
    Column("version", Integer, nullable=False),
    Column("stamp", big_integer(), nullable=False, default=1),
    Column("creator", text_key(128), nullable=False),
    Column("created", big_integer(), nullable=False),
    Column("modified", big_integer(), nullable=False),
    Column("acl", Integer, nullable=False),
    Column("scope", big_integer(), nullable=False),
    Column("fresh_until", big_integer(), nullable=True),
    Column("states", long_text(), nullable=False),
    Column("settings", long_text(), nullable=False),
    Column("sides", long_text(), nullable=False),
    Column("title", long_text(), nullable=False),
    Column("data", long_text(), nullable=False),
    Column("meta", long_text(), nullable=False),
    Column("answer", long_text(), nullable=False),
    UniqueConstraint("parent", "id", name="uq_entities_parent_id"),
    UniqueConstraint("parent", "title_key", name="uq_entities_parent_title"),
    Index("ix_entities_type", "portal_type", "id"),
    **TABLE_OPTIONS,
)
"""Objects. `version` rises when an object is changed, `stamp` with every writing of its row, also when only derived
values are written. `title_key` is filled where a title must be unique in its container. `fresh_until` is the instant at
which a value of `answer` that depends on the time must be computed anew."""

refs = Table(
    "refs",
    metadata,
    Column(
        "source",
        big_integer(),
        ForeignKey("entities.rid", name="fk_refs_source"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("field", ascii_key(128), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("target", big_integer(), ForeignKey("entities.rid", name="fk_refs_target"), nullable=False),
    Index("ix_refs_target", "target", "field", "source"),
    **TABLE_OPTIONS,
)
"""References between objects; foreign keys prevent the removal of an object that a concurrent request refers to."""

requests = Table(
    "requests",
    metadata,
    Column("id", big_key(), primary_key=True, autoincrement=False),
    Column("seq", big_integer(), nullable=True, unique=True),
    Column("at", big_integer(), nullable=False),
    Column("actor", text_key(128), nullable=False),
    Column("address", ascii_key(64), nullable=False),
    Column("api_key", ascii_key(64), nullable=True),
    Column("request_id", ascii_key(64), nullable=False),
    Column("digest", ascii_key(64), nullable=False),
    Column("link", ascii_key(64), nullable=True),
    Index("ix_requests_at", "at"),
    Index("ix_requests_actor", "actor", "seq"),
    Index("ix_requests_request_id", "request_id"),
    **TABLE_OPTIONS,
)
"""Requests that changed something, one row each: its instant, actor, client address (empty at the command line), API
key (none: a password, session or signature), HTTP request id, and a SHA-256 over it and its history, see
`records.request_digest`. Nothing but `seq` and `link` is ever altered: they are empty at commit and left for whoever
numbers committed requests, since an automatic number is not in the order of commits and a counter would make writers
wait. `link` is a digest over that of the request before and its own, see `trail.chain`."""

trail_head = Table(
    "trail_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", big_integer(), nullable=False),
    Column("link", ascii_key(64), nullable=False),
    **TABLE_OPTIONS,
)
"""The last request that is numbered, in one row: it is locked by whoever numbers, and by nobody else."""

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("user_id", text_key(128), primary_key=True),
    Column("key", ascii_key(255), primary_key=True),
    Column("at", big_integer(), nullable=False),
    Column("fingerprint", ascii_key(64), nullable=False),
    Column("outbox", big_integer(), nullable=True),
    Column("headers", long_text(), nullable=False),
    Column("body", long_bytes(), nullable=False),
    Index("ix_idempotency_keys_at", "at"),
    **TABLE_OPTIONS,
)
"""Answers of writing requests that came with an idempotency key, for who sends the same again: stored by the
transaction that made the changes, and deleted some time after. `fingerprint` is a digest of what was asked, `headers` a
JSON document, `body` compressed by zlib. `outbox`: the number in `row_pending` under which the request waited for a
foreign database; none: it needed no other."""

history_entries = Table(
    "history_entries",
    metadata,
    Column("id", big_key(), primary_key=True, autoincrement=False),
    Column("request", big_integer(), nullable=False),
    Column("rid", big_integer(), nullable=False),
    Column("uid", ascii_key(32), nullable=False),
    Column("path", ascii_key(1000), nullable=False),
    Column("portal_type", ascii_key(64), nullable=False),
    Column("version", Integer, nullable=True),
    Column("event", ascii_key(16), nullable=False),
    Column("workflow", ascii_key(128), nullable=True),
    Column("transition", text_key(128), nullable=True),
    Column("comment", long_text(), nullable=False),
    Column("changes", long_text(), nullable=False),
    Column("acl", Integer, nullable=True),
    Column("scope", big_integer(), nullable=True),
    Column("former", long_text(), nullable=True),
    Column("undoes", ascii_key(64), nullable=True),
    Column("signature", long_text(), nullable=True),
    Index("ix_history_entries_uid", "uid", "id"),
    Index("ix_history_entries_request", "request"),
    **TABLE_OPTIONS,
)
"""Changes of objects below the request that made them, never altered. `version` is that of the object afterwards; empty
for users, rows of mapped tables, and changes made before it was noted. `acl` and `scope` are those of the object before
the request; empty where there was no object, and for users and rows of mapped tables. `former` is a JSON document of
what no change says and taking it back needs, see `write_set`: of a removed object states, permission settings, creator
and instant of creation; of a moved one its former container. `undoes` is the HTTP request id of the request, or the UID
of the removed object, that was taken back by the change. `signature` is a JSON document of the electronic signature
with which a transition was taken, see `writing.signing`."""

signatures = Table(
    "signatures",
    metadata,
    Column("entry", big_key(), primary_key=True, autoincrement=False),
    Column("uid", ascii_key(32), nullable=False),
    Column("version", Integer, nullable=False),
    Column("at", big_integer(), nullable=False),
    Column("user_id", text_key(128), nullable=False),
    Column("fullname", long_text(), nullable=False),
    Column("meaning", long_text(), nullable=False),
    Column("document", ascii_key(64), nullable=False),
    Column("independent", Integer, nullable=False),
    Index("ix_signatures_uid", "uid", "version"),
    **TABLE_OPTIONS,
)
"""Electronic signatures, never altered nor deleted, whatever becomes of object and user: `entry` is the entry of the
history that has the signed transition, `version` that of the object after it, `document` a SHA-256 over what was
signed, see `records.document_digest`. `independent` is 1 where the signer could not be the author."""

sequences = Table(
    "sequences",
    metadata,
    Column("name", text_key(190), primary_key=True),
    Column("value", big_integer(), nullable=False),
    **TABLE_OPTIONS,
)
"""The highest number given for each prefix of ids."""

natural_key_locks = Table(
    "natural_key_locks",
    metadata,
    Column("digest", ascii_key(64), primary_key=True),
    **TABLE_OPTIONS,
)
"""Natural keys that a request looks for: it inserts a row and deletes it again, so that until it ends no other request
can insert the same. The table is empty outside of transactions."""

acls = Table(
    "acls",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("digest", ascii_key(64), nullable=False, unique=True),
    Column("document", long_text(), nullable=False),
    **TABLE_OPTIONS,
)
"""The distinct sets of who holds which permission; rows are never altered."""

local_roles = Table(
    "local_roles",
    metadata,
    Column("scope", big_key(), primary_key=True, autoincrement=False),
    Column("principal", text_key(128), primary_key=True),
    Column("role", text_key(128), primary_key=True),
    Index("ix_local_roles_principal", "principal", "scope"),
    **TABLE_OPTIONS,
)
"""Roles of a user or group in a scope (the rid of the object they were granted on)."""

scope_tree = Table(
    "scope_tree",
    metadata,
    Column("ancestor", big_key(), primary_key=True, autoincrement=False),
    Column("scope", big_key(), primary_key=True, autoincrement=False),
    Index("ix_scope_tree_scope", "scope"),
    **TABLE_OPTIONS,
)
"""Pairs of scopes of which the first contains the second, each scope itself included; and pairs with a scope below 0:
local roles of the first are held in it by reference, see `permissions.shared_scopes`."""

blobs = Table(
    "blobs",
    metadata,
    Column("sha256", ascii_key(64), primary_key=True),
    Column("size", big_integer(), nullable=False),
    Column("chunks", Integer, nullable=False),
    **TABLE_OPTIONS,
)

blob_chunks = Table(
    "blob_chunks",
    metadata,
    Column("sha256", ascii_key(64), ForeignKey("blobs.sha256", name="fk_blob_chunks_blob"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("content", long_bytes(), nullable=False),
    **TABLE_OPTIONS,
)
"""Contents of files in pieces of 512 KiB, each content once."""

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", ascii_key(16), primary_key=True),
    Column("owner", text_key(64), nullable=False),
    Column("url", long_text(), nullable=False),
    Column("name", long_text(), nullable=False),
    Column("types", long_text(), nullable=False),
    Column("path", long_text(), nullable=True),
    Column("created", big_integer(), nullable=False),
    Column("place", long_text(), nullable=False),
    Column("attempted", long_text(), nullable=True),
    Column("failures", Integer, nullable=False),
    Column("failing_since", big_integer(), nullable=True),
    Column("due", big_integer(), nullable=False),
    Column("delivered", big_integer(), nullable=True),
    Column("outcome", long_text(), nullable=False),
    Column("stopped", long_text(), nullable=True),
    **TABLE_OPTIONS,
)
"""Receivers of the feed on other hosts, see `objapi.webhooks`. `owner` is the user whose rights decide what is sent,
`types` a JSON list, `place` the cursor in the feed up to which all is delivered. Of a message that was not delivered
`attempted` is the cursor of its last change; `failures` counts its attempts since `failing_since`, and the next one is
`due`. `stopped` is why nothing more is sent, NULL while it is."""

site_state = Table(
    "site_state",
    metadata,
    Column("name", ascii_key(64), primary_key=True),
    Column("value", long_text(), nullable=False),
    **TABLE_OPTIONS,
)
"""Facts of the database about itself: version, fingerprint of the declarations, site id, the lease of an upgrade."""
