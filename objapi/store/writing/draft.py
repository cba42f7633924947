"""An object while a request is planned: its stored row, what it will be, and its values by name and along paths."""

import re
import unicodedata
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol, TypedDict, TypeVar, cast

import orjson

from objapi.model.behaviors import Until
from objapi.model.paths import Path, Step, Target
from objapi.model.registry import IndexSource, Registry, fold
from objapi.model.types import FOLDED_STATE, EntityType, Field
from objapi.store.permissions.acls import Acl, PermissionOverrides
from objapi.store.records import StoredEntity, from_micros, to_micros, to_text

_T = TypeVar("_T")


class WorkflowStatus(TypedDict):
    """Stored status of one workflow on an object: variables, and the last actor of each transition."""

    status: dict[str, object]
    last: dict[str, str]


class DraftWorkspace(Protocol):
    """The part of a `Workspace` that its drafts use."""

    epoch: int
    rewritten: set[int]

    def overrides_of(self, document: str | None) -> PermissionOverrides:
        """Overrides from their document; equal documents give one object."""

    def document_of(self, overrides: PermissionOverrides) -> str:
        """The document of overrides."""

    def permissions_changed(self, draft: "Draft") -> None:
        """Note that overrides were written onto an object."""

    def compute_acl(self, draft: "Draft") -> Acl:
        """The acl of an object in this request."""

    def compute_scope(self, draft: "Draft") -> int:
        """The scope that an object belongs to in this request."""

    def value_of(self, draft: "Draft", name: str) -> object:
        """A value by name."""

    def parent(self, draft: "Draft") -> "Draft | None":
        """The container; None for the site root."""

    def follow(self, draft: "Draft", steps: Sequence[Step]) -> "Sequence[Draft]":
        """The objects that steps lead to from one object."""

    def follow_all(self, drafts: "Sequence[Draft]", steps: Sequence[Step]) -> "Sequence[Draft]":
        """The objects that steps lead to from several."""

    def one_step(self, draft: "Draft", step: Step) -> "Sequence[Draft]":
        """The objects that one step leads to."""


class Draft:
    """One object of a `Workspace`.

    It is mutable and lives for one request. `record` is its stored row (None for a new object); everything else is what
    it will be. It is the *subject* of the workflow engine and the *entity* of behaviours.
    """

    __slots__ = (
        "_acl",
        "_scope",
        "_settings",
        "changed",
        "created",
        "creator",
        "data",
        "id",
        "modified",
        "parent_rid",
        "path",
        "portal_type",
        "record",
        "removed",
        "rid",
        "states",
        "type",
        "uid",
        "version_after",
        "workspace",
    )

    data: dict[str, object]
    """Field → stored value; references are UIDs."""
    states: dict[str, WorkflowStatus]
    """Workflow id → stored status of that workflow."""

    def __init__(self, workspace: DraftWorkspace, entity_type: EntityType, record: StoredEntity | None) -> None:
        self.workspace = workspace
        self.type = entity_type
        self.portal_type = entity_type.portal_type
        self.record = record
        self.changed: dict[str, object] = {}
        """Field → value before the request, for every stored field that differs."""
        self.removed = False
        self.version_after: int | None = None
        """The version once it is written, where that is not one more than before: of rows, and of what is restored."""
        self._settings: PermissionOverrides | None = None
        self._acl: tuple[int, Acl] | None = None
        self._scope: int | None = None
        if record is None:
            self.data, self.states = {}, {}
        else:
            self.rid = record.rid
            self.uid = record.uid
            self.id = record.id
            self.path = record.path
            self.parent_rid = record.parent
            self.creator = record.creator
            self.created = record.created
            self.modified = record.modified
            self._scope = record.scope

    def __getattr__(self, name: str) -> dict[str, Any]:
        # A document of the row is read when it is first asked for; from then on it is an attribute like any other.
        if name not in ("data", "states") or self.record is None:
            raise AttributeError(name)
        document: dict[str, Any] = orjson.loads(getattr(self.record, name))
        setattr(self, name, document)
        return document

    def __repr__(self) -> str:
        return f"<{self.type.portal_type} {self.path}>"

    def __str__(self) -> str:
        return self.path

    @property
    def stored_version(self) -> int:
        """The version before the request; 0 for a new object."""
        return 0 if self.record is None else self.record.version

    @property
    def stored_path(self) -> str:
        """The path before the request; of a new object the one that it gets."""
        return self.path if self.record is None else self.record.path

    @property
    def is_new(self) -> bool:
        """True when this request creates the object."""
        return self.record is None

    @property
    def has_entered(self) -> bool:
        """True once the object is in the states of its workflows; a new one is not while its values are filled in."""
        return self.record is not None or bool(self.states)

    @property
    def is_moved(self) -> bool:
        """True when this request gives a stored object another container or id."""
        return self.record is not None and (self.record.parent, self.record.id) != (self.parent_rid, self.id)

    @property
    def settings(self) -> PermissionOverrides:
        """Permission overrides written onto the object itself."""
        if self._settings is None:
            document = self.record.settings if self.record is not None else None
            self._settings = self.workspace.overrides_of(document)
        return self._settings

    @settings.setter
    def settings(self, settings: PermissionOverrides) -> None:
        self._settings = settings
        self.workspace.permissions_changed(self)

    @property
    def settings_written(self) -> bool:
        """True when this request changes the permission overrides of the object."""
        return self.rid in self.workspace.rewritten

    @property
    def acl(self) -> Acl:
        """ACL of the object, in the present state of this request."""
        epoch = self.workspace.epoch
        if self._acl is None or self._acl[0] != epoch:
            self._acl = (epoch, self.workspace.compute_acl(self))
        return self._acl[1]

    def forget_acl(self) -> None:
        """Have the acl computed anew when it is next asked for."""
        self._acl = None

    @property
    def scope(self) -> int:
        """Scope of local roles that the object belongs to, in the present state of this request."""
        if self._scope is None:
            self._scope = self.workspace.compute_scope(self)
        return self._scope

    @scope.setter
    def scope(self, scope: int) -> None:
        self._scope = scope

    def forget_scope(self) -> None:
        """Have the scope computed anew when it is next asked for."""
        self._scope = None

    # Subject of the workflow engine

    @property
    def key(self) -> Hashable:
        """Key of the object in a run of the engine; its text, the path, names it in refusals.

        A request has one draft of an object, whatever becomes of its path: a step may rename it or what holds it.
        """
        return self

    @property
    def type_name(self) -> str:
        """The name under which cascades know the type."""
        return self.type.portal_type

    def status(self, workflow_id: str) -> Mapping[str, object] | None:
        """The present status in a workflow; None when it was never entered."""
        entry = self.states.get(workflow_id)
        return entry["status"] if entry is not None else None

    def last_actor(self, workflow_id: str, transition_id: str) -> str | None:
        """User who last took a transition of a workflow."""
        entry = self.states.get(workflow_id)
        return entry["last"].get(transition_id) if entry is not None else None

    def take_actors(self, other: "Draft | None") -> None:
        """Count whoever last took a transition of another object as having taken that of this one."""
        for workflow_id, entry in self.states.items():
            theirs = None if other is None else other.states.get(workflow_id)
            if theirs is not None:
                entry["last"].update(theirs["last"])

    def value(self, name: str) -> object:
        """A value by name, as behaviours and conditions see it."""
        return self.workspace.value_of(self, name)


def as_draft(entity: object) -> Draft:
    """The draft that a behaviour or the engine passes back."""
    if not isinstance(entity, Draft):
        raise TypeError(f"{entity!r} is no object of this request")
    return entity


ALWAYS_STALE = 0
"""The `fresh_until` of an answer that every read has to compute."""
_SORTABLE_LENGTH = 70
_NUMBER = re.compile(r"\d+")


class Values:
    """Looks up what an object has under a name: an attribute, a field, a computed field or a workflow variable."""

    def __init__(self, registry: Registry, compute: Callable[[str, Draft], object]) -> None:
        self.registry = registry
        self.compute = compute
        """Runs a computed behaviour by name."""
        self.fresh_until: int | None = None
        """Instant until which computed values are valid, where they depend on time; rendering an object resets it."""
        self._timed = 0
        """Number of values so far that depend on the time."""
        self._remembered: dict[Hashable, object] | None = None
        """Values that many objects have in common, while no object changes."""
        self._instants: dict[int, str] = {}
        """Microseconds since 1970 UTC → the text of the instant; what one request writes has few."""

    def value(self, draft: Draft, name: str) -> object:
        """The stored form under a name; None where there is none."""
        field = draft.type.fields.get(name)
        # Of the names that every object has, a field may have that of the title alone.
        if field is not None and name != "title":
            return draft.data.get(name) if field.is_stored else self.field_value(draft, field)
        intrinsic = NAMES_OF_ALL.get(name)
        return self.variable(draft, name) if intrinsic is None else intrinsic(self, draft)

    def field_value(self, draft: Draft, field: Field) -> object:
        """The value of a field: its own, its alias's, that of the object it is stored on, or a computed one."""
        if field.is_stored:
            return draft.data.get(field.name)
        if field.alias_of is not None:
            return self.value(draft, field.alias_of)
        if field.path is not None:
            return self.evaluate(draft, field.path)
        if field.compute is not None:
            return self._computed(field.compute, draft, volatile=field.volatile)
        if field.stored_on is not None:
            storing = self.storing_object(draft, field)
            if storing is not None:
                return self.value(storing, field.name)
        return draft.data.get(field.name)

    def storing_object(self, draft: Draft, field: Field) -> Draft | None:
        """The object that a field is stored on, when there is one with such a field."""
        if field.stored_on is None:
            return None
        return next(
            (
                other
                for other in draft.workspace.one_step(draft, Target(field.stored_on))
                if field.name in other.type.fields
            ),
            None,
        )

    def instant(self, micros: int) -> str:
        """The stored form of an instant."""
        found = self._instants.get(micros)
        if found is None:
            found = self._instants[micros] = to_text(from_micros(micros))
        return found

    def is_folderish(self, draft: Draft) -> bool:
        """True for an object that can contain others."""
        return draft.portal_type in self.registry.containers

    def variable(self, draft: Draft, name: str) -> object:
        """One workflow variable; an object that never entered the workflow is in its initial state."""
        found = self.registry.state_variables(draft.portal_type).get(name)
        if found is None:
            return None
        workflow_id, initial = found
        entry = draft.states.get(workflow_id)
        return initial if entry is None else entry["status"].get(name)

    def folded_state(self, draft: Draft) -> str | None:
        """The one word for the states of all workflows."""
        return fold(draft.type.folds, partial(self.variable, draft))

    def title(self, draft: Draft) -> str:
        """The title, or the id of an object without one."""
        path = draft.type.title_path
        found = draft.data.get("title") if path is None else self.evaluate(draft, path)
        return str(found) if found else draft.id

    def searchable(self, draft: Draft) -> list[str]:
        """Texts of an object for its full-text index."""
        texts = [draft.id, self.title(draft)]
        for field in draft.type.fields.values():
            if field.searchable or field.name == "description":
                texts.extend(texts_in(self.field_value(draft, field)))
        return texts

    def evaluate(self, draft: Draft, path: Path) -> object:
        """The value at the end of a path; a list when its steps can lead to several objects."""
        rest = path.rest
        if rest is None:
            return self._own_value(draft, path)
        others = draft.workspace.one_step(draft, path.steps[0])
        return self.value_from(others, rest, path.multiple or self._many(draft.type, path))

    def value_from(self, others: Sequence[Draft], path: Path, multiple: bool) -> object:
        """The value at the end of a path that goes on from some objects, as a list if it is multiple."""
        if len(others) == 1:
            if path.rest is None and not multiple:
                return self._own_value(others[0], path)
            return self._beyond(others[0], path, multiple)
        ends = others[0].workspace.follow_all(others, path.steps) if others else ()
        return self._gathered(ends, path.end, multiple)

    def _beyond(self, draft: Draft, path: Path, multiple: bool) -> object:
        """The value at the end of a path from an object at which the paths of many objects arrive."""
        return self.once(
            (draft.rid, path, multiple),
            lambda: self._gathered(draft.workspace.follow(draft, path.steps), path.end, multiple),
        )

    def once(self, key: Hashable, compute: Callable[[], _T]) -> _T:
        """A computed value, the one computed before under the same key while no object changes.

        What depends on the time must say so to each object that is made from it, so it is computed for each.
        """
        remembered = self._remembered
        if remembered is None:
            return compute()
        if key in remembered:
            return cast(_T, remembered[key])
        before = self._timed
        value = compute()
        if self._timed == before:
            remembered[key] = value
        return value

    def _gathered(self, ends: Sequence[Draft], path: Path, multiple: bool) -> object:
        """The own value of the first of some objects, or a list of the values of all."""
        if not multiple:
            return self._own_value(ends[0], path) if ends else None
        found: list[object] = []
        for other in ends:
            value = self._own_value(other, path) if len(ends) == 1 else self._beyond(other, path, False)
            found.extend(value if isinstance(value, list) else () if value is None else (value,))
        return list(dict.fromkeys(found))

    def _own_value(self, draft: Draft, path: Path) -> object:
        """The value of a path without steps."""
        value = draft.uid if path.attribute is None else self.value(draft, path.attribute)
        if path.key is not None:
            return value.get(path.key) if isinstance(value, dict) else None
        return value

    @contextmanager
    def remembering(self) -> Iterator[None]:
        """Look values of other objects up once, while no object changes."""
        self._remembered = {}
        try:
            yield
        finally:
            self._remembered = None

    def _many(self, entity_type: EntityType, path: Path) -> bool:
        first = path.steps[0] if path.steps else None
        if not isinstance(first, Target):
            return False
        field = entity_type.fields.get(first.field)
        return field is not None and field.multi

    def index_value(self, draft: Draft, source: IndexSource) -> object:
        """Value of an object in an index, in stored form; None where it has none."""
        found = source.of(draft.portal_type)
        if found is None:
            return None
        value = self._computed(found, draft) if isinstance(found, str) else self.evaluate(draft, found)
        also = source.also(draft.portal_type)
        return [value, *(self.evaluate(draft, path) for path in also)] if also else value

    def _computed(self, name: str, draft: Draft, *, volatile: bool = False) -> object:
        found = self.compute(name, draft)
        if isinstance(found, Until):
            if found.instant is not None:
                self._ends_at(to_micros(found.instant))
            return found.value
        if volatile:
            self._ends_at(ALWAYS_STALE)
        return found

    def _ends_at(self, instant: int) -> None:
        self._timed += 1
        self.fresh_until = instant if self.fresh_until is None else min(self.fresh_until, instant)


NAMES_OF_ALL: Mapping[str, Callable[[Values, Draft], object]] = {
    "id": lambda values, draft: draft.id,
    "uid": lambda values, draft: draft.uid,
    "title": Values.title,
    "path": lambda values, draft: draft.path,
    "portal_type": lambda values, draft: draft.type.portal_type,
    "type_title": lambda values, draft: draft.type.title,
    "creator": lambda values, draft: draft.creator,
    "created": lambda values, draft: values.instant(draft.created),
    "modified": lambda values, draft: values.instant(draft.modified),
    "is_folderish": Values.is_folderish,
    "position": lambda values, draft: draft.created,
    "sortable_title": lambda values, draft: sortable(values.title(draft)),
    "searchable_text": Values.searchable,
    FOLDED_STATE: Values.folded_state,
}
"""The names that every object has."""


def sortable(title: str) -> str:
    """A title to sort by: lower case, without accents, numbers filled up with zeros, at most 70 characters."""
    plain = title
    if not title.isascii():
        plain = "".join(c for c in unicodedata.normalize("NFKD", title) if not unicodedata.combining(c))
    plain = plain.lower().strip()
    return _NUMBER.sub(lambda match: match[0].zfill(4), plain)[:_SORTABLE_LENGTH]


def texts_in(value: object) -> list[str]:
    """The texts in a stored value, as they stand in the full-text index."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for item in value for text in texts_in(item)]
    if isinstance(value, dict):
        return [text for item in value.values() for text in texts_in(item)]
    return []
