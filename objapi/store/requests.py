"""Requests of a face to a `Transaction`, and their results: plain values, the same for every face."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import orjson
from sqlalchemy import Connection

from catalog.facets import Facet
from objapi.errors import ApiError, Cause, ValidationError, joined_messages
from objapi.model.types import NaturalKey


@dataclass(frozen=True, slots=True)
class ByUid:
    """The object with a UID."""

    uid: str


@dataclass(frozen=True, slots=True)
class ByPath:
    """The object at a path, in any of the accepted spellings."""

    path: str


@dataclass(frozen=True, slots=True)
class ByCriteria:
    """The one object of a type that criteria find (`obj_type` and `id`)."""

    portal_type: str
    criteria: Mapping[str, object]


Selector: TypeAlias = ByUid | ByPath | ByCriteria


@dataclass(frozen=True, slots=True)
class ByItem:
    """The object of an item of the same request, by the name that the item has there, or by its place."""

    name: str
    place: int | None = None

    def __str__(self) -> str:
        if self.place is None:
            return self.name
        return f"entry {self.place} ({self.name})" if self.name else f"entry {self.place}"


@dataclass(frozen=True, slots=True)
class GrantTarget:
    """An object on which local roles can be granted, with the roles that the asking user has on it."""

    rid: int
    uid: str
    path: str
    portal_type: str
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class RequestSource:
    """Source of a request, for the history: HTTP request id, client address, API key; empty at the command line.

    A request without an id gets one when it is stored, from its number.
    """

    request_id: str = ""
    address: str = ""
    api_key: str | None = None
    """Prefix of the API token that the caller came with; None: there was none."""


COMMAND_LINE: Final = RequestSource()
"""Source of what the command line and the gateway itself do."""


@dataclass(frozen=True, slots=True)
class SignerProof:
    """Proof that a user has given, with a request, of being who they are: what their signatures rest on."""

    user_id: str
    kind: str
    """`password`, `password and code`, or `sign-on`."""
    spend: Callable[[Connection], bool] | None = field(default=None, compare=False, repr=False)
    """Uses a proof up that is good once; False when it has been used meanwhile."""


INHERIT: Final = "inherit"
"""The event of an entry of an object that nobody changed, but that another one's change gave another path or let others
see: those who follow changes are told of it."""


USERS: Final = "/@@users/"
"""Stands in the path of every entry about a user, and in that of no object, since no id contains "@"."""


@dataclass(frozen=True, slots=True)
class AccessEvent:
    """A change of who may do what, for the history: of a user, or of local roles on an object."""

    event: str
    rid: int
    """0 for a user, who is not an object."""
    uid: str
    path: str
    portal_type: str
    changes: Mapping[str, tuple[object, object]]
    """Name → old and new value, as JSON has them."""


@dataclass(frozen=True, slots=True)
class Find:
    """A read: which objects, in which order, which page of them, and what is answered of each."""

    criteria: Mapping[str, object]
    catalog: str | None = None
    sort_on: object = None
    sort_order: object = None
    limit: int = 0
    """0: no limit."""
    offset: int = 0
    size: int = 10
    """0: all that is left."""
    include_fields: tuple[str, ...] | None = None
    include_methods: tuple[str, ...] = ()
    expand: tuple[str, ...] = ()
    reference_titles: bool = False
    """Titles in reference fields (the historic shape) in place of UIDs."""
    transitions: bool = False
    """Say of each object which transitions the user may take."""
    strict: bool = False
    """Unknown parameters are errors."""
    count_missing: bool = False
    """Say how many objects the sort index leaves out."""
    after: str | None = None
    """The `next` of an earlier page of the same search, from which this one goes on."""
    facets: tuple[str, ...] = ()
    """Indexes whose values are counted."""
    count_only: bool = False
    """Answer the number of objects, and no objects."""


@dataclass(frozen=True, slots=True)
class Found:
    """Result of a read."""

    total: int
    objects: Sequence[orjson.Fragment]
    warnings: tuple[str, ...] = ()
    offset: int = 0
    """Number of objects before the first of these."""
    next: str | None = None
    """The cursor of the following page; None on the last one."""
    facets: Mapping[str, Facet] = field(default_factory=dict)
    """Index → its values with their numbers."""


@dataclass(frozen=True, slots=True)
class Streamed:
    """A large result: the total, the warnings, and JSON objects in chunks of text to be joined by commas."""

    total: int
    count: int
    """Number of objects in the stream (total less offset, at least 0)."""
    chunks: Iterator[bytes]
    warnings: tuple[str, ...] = ()
    offset: int = 0
    facets: Mapping[str, Facet] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CreateItem:
    """One object to be created; `values` are as the client sent them."""

    portal_type: str
    container: Selector | ByItem | None
    values: Mapping[str, object]
    id: str | None = None
    name: str | None = None
    """Name by which other items of the request refer to the object."""
    key: NaturalKey | None = None
    """Natural key by which an object that is there is changed in place of creating one; None: one is created."""


@dataclass(frozen=True, slots=True)
class UpdateItem:
    """One object to be changed; `values` are as the client sent them."""

    target: Selector
    values: Mapping[str, object]
    version: int | None = None


@dataclass(frozen=True, slots=True)
class CopyItem:
    """One object to be copied; `values` are fields of the copy as the client sent them."""

    source: Selector
    container: Selector | None = None
    """None: that of the source, or the one that a field names."""
    values: Mapping[str, object] = field(default_factory=dict)
    id: str | None = None
    deep: bool = True
    """With all that it contains."""


@dataclass(frozen=True, slots=True)
class MoveItem:
    """One object to be given another container, another id, or both."""

    target: Selector
    container: Selector | None = None
    """None: it stays in its container."""
    id: str | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that a copy does not take over: a field of an object, or a whole object when `field` is empty."""

    path: str
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class VersionMatch:
    """The versions of which the one object of a request must have one; None: any, as long as it exists."""

    versions: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class NamedObject:
    """An object that a plan names beside its UID."""

    uid: str
    path: str
    portal_type: str
    title: str


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field's stored value before and after."""

    field: str
    old: object
    new: object
    sent: object = None
    """The text or texts that were sent for a reference; None: none was."""
    references: tuple[NamedObject, ...] = ()
    """Objects that the new value names, or the old one where there is no new one: those that the user may see."""


@dataclass(frozen=True, slots=True)
class SentParameter:
    """A reference that creates an object, and is none of its fields, with what it was found to mean."""

    name: str
    sent: object
    references: tuple[NamedObject, ...]


@dataclass(frozen=True, slots=True)
class PlannedCause:
    """Why something changes with a request: see `workflows.StepOrigin` for its kinds.

    All but the kind are empty for what nothing else has set off, and for what the user may not see.
    """

    kind: str
    uid: str = ""
    path: str = ""
    portal_type: str = ""
    transition: str = ""
    event: str = ""
    field: str = ""


@dataclass(frozen=True, slots=True)
class StateChange:
    """One workflow step; `transition` is None for the initial state."""

    workflow: str
    variable: str
    transition: str | None
    old: str | None
    new: str
    cause: PlannedCause
    meaning: str = ""
    """Meaning of the signature with which it is taken; empty: it takes none."""


@dataclass(frozen=True, slots=True)
class Change:
    """All that happens to one object."""

    event: str
    """create, update, transition, rename or remove."""
    uid: str
    path: str
    portal_type: str
    id: str
    fields: tuple[FieldChange, ...] = ()
    states: tuple[StateChange, ...] = ()
    parameters: tuple[SentParameter, ...] = ()
    index: int | None = None
    """The place in the request of the item whose object it is; None: it is no item's, or comes of a row."""
    row: int = 0
    """The row of a sheet that asks for the object; 0: none does."""
    cause: PlannedCause | None = None
    """Why an object changes that is no item's."""
    provisional: tuple[str, ...] = ()
    """The names of a new object (UID, id, path) that the real request may give otherwise."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Result of one item of a request."""

    selector: Selector | ByItem
    """What names the object; of an item that creates one, its place in the request."""
    uid: str = ""
    path: str = ""
    id: str = ""
    portal_type: str = ""
    version: int = 0
    updated: tuple[str, ...] = ()
    states: Mapping[str, str] = field(default_factory=dict)
    """State variable → state after the request."""
    signed_as: str = ""
    """Meaning of the signature with which the request took a transition of it; empty: none was signed."""
    created: bool = False
    """True for an object that the request makes."""
    extra_ids: Mapping[str, str] = field(default_factory=dict)
    """Further ids of create's answer, such as sample_id and ar_id."""
    source_uid: str = ""
    """The object that this one is a copy of."""
    copies: int = 0
    """Objects that a copy consists of."""
    left_out: tuple[LeftOut, ...] = ()
    """Parts of the source that are not in the copy."""
    error: ApiError | None = None


@dataclass(frozen=True, slots=True)
class RefusedItem:
    """An item that cannot be done, with its error; `index` is its place in the request, `row` that in a sheet."""

    entry: Entry
    error: ApiError
    index: int | None
    row: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes that a writing request will make, in order; nothing is written yet."""

    changes: tuple[Change, ...] = ()
    reindexed: int = 0
    """Objects whose stored answer or index values follow from the changes, of those that the user may see."""
    refused: tuple[RefusedItem, ...] = ()
    """What cannot be done; the changes are those of the rest."""

    def __add__(self, other: "Plan") -> "Plan":
        """The plan of two requests, one after the other."""
        return Plan(self.changes + other.changes, self.reindexed + other.reindexed, self.refused + other.refused)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a writing request: one entry for each item, in their order."""

    entries: tuple[Entry, ...]
    plan: Plan
    applied: bool
    """False for a dry run, and when nothing was left to apply."""
    plan_hash: str = ""
    """Digest of a removal: what goes and what changes with it, in which versions, for which user."""
    access: tuple[AccessEvent, ...] = ()
    """What an undo takes back of users and roles."""

    @property
    def errors(self) -> tuple[ApiError, ...]:
        """The errors of the items that failed."""
        return tuple(entry.error for entry in self.entries if entry.error is not None)


class BatchFailed(ValidationError):
    """A request for several objects that failed as a whole; `outcome` has what is wrong with each item."""

    def __init__(self, outcome: Outcome) -> None:
        bad = [(place, entry) for place, entry in enumerate(outcome.entries) if entry.error is not None]
        messages = joined_messages(_with_place(entry, entry.error) for _, entry in bad if entry.error is not None)
        super().__init__(
            f"{len(bad)} of {len(outcome.entries)} cannot be done, so nothing was changed. {messages}",
            causes=[
                Cause("object", _named(entry), entry.error.message, index=place)
                for place, entry in bad
                if entry.error is not None
            ],
        )
        self.outcome = outcome


def _with_place(entry: Entry, error: ApiError) -> str:
    """The message of an entry's error, with the object where it does not name it."""
    if isinstance(entry.selector, ByItem):
        return f"{entry.selector}: {error.message}"
    if not entry.path or entry.path in error.message:
        return error.message
    return f"{entry.path}: {error.message}"


def _named(entry: Entry) -> str:
    match entry.selector:
        case ByUid(uid):
            return entry.path or uid
        case ByPath(path):
            return entry.path or path
        case ByCriteria(portal_type, _):
            return entry.path or portal_type
        case ByItem():
            return str(entry.selector)


@dataclass(frozen=True, slots=True)
class BlockReason:
    """One part of a guard that holds a transition back.

    `kind` is permission, role, group or condition; `needs` says what would satisfy it, and may be empty.
    """

    kind: str
    message: str
    needs: str
    names: tuple[str, ...] = ()
    """The permissions, roles or groups of which one would do."""
    roles: tuple[str, ...] = ()
    """The roles that hold one of the permissions on the object."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """A transition that the state of an object lists and its guard refuses, with everything that stands in the way."""

    transition: str
    title: str
    new_state: str
    reasons: tuple[BlockReason, ...]


@dataclass(frozen=True, slots=True)
class Offered:
    """The transitions that the caller may take on one object."""

    uid: str
    path: str
    transitions: tuple[tuple[str, str], ...]
    """(id, title) in order."""
    signed: Mapping[str, str] = field(default_factory=dict)
    """Transition among these that takes a signature → its meaning."""
    refused: tuple[tuple[str, str], ...] = ()
    """(id, why not)."""
    blocked: tuple[Blocked, ...] = ()
    """Those refused, explained; only when asked for."""
    roles: tuple[str, ...] = ()
    """The caller's roles on the object; only when asked for."""

    def described(self) -> list[Mapping[str, object]]:
        """The transitions as JSON values, each with the meaning of its signature if it takes one."""
        signed = {name: {"signature": {"meaning": meaning}} for name, meaning in self.signed.items()}
        return [{"id": name, "title": title, **signed.get(name, {})} for name, title in self.transitions]


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Rows of the history of one object, newest first, as JSON values."""

    total: int
    rows: tuple[Mapping[str, object], ...]


@dataclass(frozen=True, slots=True)
class Former:
    """Objects as they were at an instant, as JSON values."""

    objects: Sequence[orjson.Fragment]
    left_out: Mapping[str, tuple[str, ...]]
    """Type → names of an answer about which the history says nothing."""
    warnings: tuple[str, ...] = ()
