"""An object while a request is planned: what it was, and what it will be."""

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, TypedDict

import orjson

from objapi.model.types import EntityType
from objapi.store.permissions.acls import Acl, PermissionOverrides
from objapi.store.records import StoredEntity

if TYPE_CHECKING:
    from objapi.store.writing.workspace import Workspace


class WorkflowStatus(TypedDict):
    """What is kept of a workflow that an object entered: its present variables, and who took each transition last."""

    status: dict[str, object]
    last: dict[str, str]


class Draft:
    """One object of a `Workspace`.

    It is mutable and lives for one request. `record` is its stored row (None for a new object); everything else is what
    it will be. It is the *subject* of the workflow engine and the *entity* of behaviours.
    """

    __slots__ = (
        "_acl",
        "_data",
        "_settings",
        "_states",
        "changed",
        "created",
        "creator",
        "id",
        "modified",
        "parent_rid",
        "path",
        "record",
        "removed",
        "rid",
        "scope",
        "type",
        "uid",
        "version_after",
        "workspace",
    )

    def __init__(self, workspace: "Workspace", entity_type: EntityType, record: StoredEntity | None) -> None:
        self.workspace = workspace
        self.type = entity_type
        self.record = record
        self.changed: dict[str, object] = {}
        """Field → value before the request, for every stored field that differs."""
        self.removed = False
        self.version_after: int | None = None
        """The version once it is written, where that is not one more than before."""
        self._data: dict[str, object] | None = None
        self._states: dict[str, WorkflowStatus] | None = None
        self._settings: PermissionOverrides | None = None
        self._acl: tuple[int, Acl] | None = None
        if record is not None:
            self.rid = record.rid
            self.uid = record.uid
            self.id = record.id
            self.path = record.path
            self.parent_rid = record.parent
            self.creator = record.creator
            self.created = record.created
            self.modified = record.modified
            self.scope = record.scope

    def __repr__(self) -> str:
        return f"<{self.type.portal_type} {self.path}>"

    @property
    def portal_type(self) -> str:
        """The name of the type."""
        return self.type.portal_type

    @property
    def is_new(self) -> bool:
        """Whether this request creates the object."""
        return self.record is None

    @property
    def data(self) -> dict[str, object]:
        """Field → stored value; references are UIDs."""
        if self._data is None:
            self._data = orjson.loads(self.record.data) if self.record is not None else {}
        return self._data

    @property
    def states(self) -> dict[str, WorkflowStatus]:
        """Workflow id → what is kept of it."""
        if self._states is None:
            self._states = orjson.loads(self.record.states) if self.record is not None else {}
        return self._states

    @property
    def settings(self) -> PermissionOverrides:
        """What is written onto the object itself."""
        if self._settings is None:
            document = self.record.settings if self.record is not None else None
            self._settings = self.workspace.settings_of(document)
        return self._settings

    @settings.setter
    def settings(self, settings: PermissionOverrides) -> None:
        self._settings = settings
        self.workspace.permissions_changed(self)

    @property
    def settings_written(self) -> bool:
        """Whether this request changes what is written onto the object."""
        return self.rid in self.workspace.rewritten

    @property
    def acl(self) -> Acl:
        """Who holds which permission on it, as things stand in this request."""
        epoch = self.workspace.epoch
        if self._acl is None or self._acl[0] != epoch:
            self._acl = (epoch, self.workspace.compute_acl(self))
        return self._acl[1]

    # What the workflow engine asks of a subject.

    @property
    def key(self) -> Hashable:
        """What tells the object from others in a run of the engine, and names it in refusals."""
        return self.path

    @property
    def type_name(self) -> str:
        """The name under which cascades know the type."""
        return self.type.portal_type

    def status(self, workflow_id: str) -> Mapping[str, object] | None:
        """The present status in a workflow; None when it was never entered."""
        entry = self.states.get(workflow_id)
        return entry["status"] if entry is not None else None

    def last_actor(self, workflow_id: str, transition_id: str) -> str | None:
        """Who last took a transition of a workflow."""
        entry = self.states.get(workflow_id)
        return entry["last"].get(transition_id) if entry is not None else None

    def value(self, name: str) -> object:
        """A value by name, as behaviours and conditions see it."""
        return self.workspace.value(self, name)


def as_draft(entity: object) -> Draft:
    """The draft that a behaviour or the engine passes back."""
    if not isinstance(entity, Draft):
        raise TypeError(f"{entity!r} is no object of this request")
    return entity
