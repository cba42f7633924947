"""The planner: how behaviours, workflows and the operations of a transaction read and change the objects of one request.

Nothing is written here. Drafts change in memory, what happened is listed in order, and `act` writes it all in bulk.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import cast
from uuid import uuid4

from sqlalchemy import Connection

from objapi.errors import ApiError, Cause, Conflict, ValidationError
from objapi.model.behaviors import Entity
from objapi.model.ids import (
    IdPlan,
    IdProblem,
    IdSettingValues,
    check_id,
    form_paths,
    format_id,
    number_of,
    numbered,
    plan_id,
)
from objapi.model.paths import NamedRelation, Path, parse_relation
from objapi.model.principal import Principal
from objapi.model.registry import Registry
from objapi.model.types import EntityType, Field, IdKind, Kind, PermissionMap
from objapi.store.acls import AclBook, Rights, Settings
from objapi.store.blobs import NewBlob
from objapi.store.draft import Draft, as_draft
from objapi.store.happenings import Created, Happening, Removed, Renamed
from objapi.store.instants import to_micros, to_text
from objapi.store.rowids import rowids
from objapi.store.sequences import Sequences
from objapi.store.values import Values
from objapi.store.workspace import Workspace
from objapi.store.world import StoreWorld
from workflows import Cascades, Run


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a request is planned in: the site's declarations and settings, the user, the connection, the instant."""

    connection: Connection
    registry: Registry
    book: AclBook
    principal: Principal
    now: datetime
    zone: tzinfo
    site_id: str
    cascades: Cascades
    locks: bool = True

    @property
    def rights(self) -> Rights:
        """What the user may do."""
        return Rights(self.principal, self.book, self.registry.roles.scoped_roles)

    @property
    def root(self) -> str:
        """The path of the site."""
        return f"/{self.site_id}"


class StorePlanner:
    """The planner of one request."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.registry = around.registry
        self.rights = around.rights
        self.values = Values(around.registry, self._compute)
        self.workspace = Workspace(
            around.connection, around.registry, around.book, self.values.value, locks=around.locks
        )
        self.sequences = Sequences(around.connection)
        self.world = StoreWorld(self)
        self.run = Run(self.world, around.registry.conditions, around.cascades)
        self.happened: list[Happening] = []
        self.problems: list[ApiError] = []
        self.blobs: list[NewBlob] = []
        self.repathed: dict[int, Draft] = {}
        """Objects whose path changes because a container was renamed."""
        self._changing: set[tuple[int, str]] = set()

    # What behaviours ask

    @property
    def now(self) -> datetime:
        return self.around.now

    @property
    def user_id(self) -> str:
        return self.around.principal.user_id

    def value(self, entity: Entity, name: str) -> object:
        return self.values.value(as_draft(entity), name)

    def old_value(self, entity: Entity, name: str) -> object:
        draft = as_draft(entity)
        name = self._stored_name(draft.type, name)
        if draft.record is None:
            return None
        return draft.changed[name] if name in draft.changed else self.values.value(draft, name)

    def related(self, entity: Entity, relation: str) -> Sequence[Draft]:
        draft = as_draft(entity)
        found = draft.type.relations.get(relation)
        if isinstance(found, NamedRelation):
            behavior = self.registry.behaviors.relations[found.name]
            return [as_draft(other) for other in behavior(self, draft)]
        path = found if found is not None else _relation(relation)
        return self.workspace.follow(draft, path.steps)

    def at(self, path: str) -> Draft | None:
        full = self.around.root + ("" if path == "/" else path)
        self.workspace.load_paths([full])
        found = self.workspace.by_path.get(full)
        return None if found is None or found.removed else found

    def by_uid(self, uids: Iterable[str]) -> Mapping[str, Draft]:
        wanted = list(dict.fromkeys(uids))
        with self.without_locks():
            self.workspace.load_uids(wanted)
        found = {uid: self.workspace.by_uid[uid] for uid in wanted if uid in self.workspace.by_uid}
        return {uid: draft for uid, draft in found.items() if not draft.removed}

    def can(self, entity: Entity, permission: str) -> bool:
        draft = as_draft(entity)
        return self.rights.may(permission, draft.acl, draft.scope)

    def refuse(self, message: str, *, field: str | None = None, entity: Entity | None = None) -> None:
        path = None if entity is None else as_draft(entity).path
        kind = "field" if field is not None else "object"
        cause = Cause(kind, field or path or "", message, object=path)  # type: ignore[arg-type]
        self.problems.append(ValidationError(message, causes=[cause]))

    # What behaviours do

    def set(self, entity: Entity, name: str, value: object) -> None:
        draft = as_draft(entity)
        field = draft.type.fields[self._stored_name(draft.type, name)]
        keeper = self.values.keeper(draft, field)
        if keeper is not None:
            self.set(keeper, field.name, value)
            return
        stored = to_text(value) if isinstance(value, datetime) else value
        old = draft.data.get(field.name)
        if old == stored:
            return
        if draft.record is not None:
            draft.changed.setdefault(field.name, old)
        draft.data[field.name] = stored
        if field.kind is Kind.REFERENCE:
            self.workspace.reference_changed(draft, field.name, old, stored)
        self._run_changes(draft, field, old)

    def _run_changes(self, draft: Draft, field: Field, old: object) -> None:
        """The effects of a changed field; an effect that changes the same field does not set itself off again."""
        key = (draft.rid, field.name)
        if not field.on_change or key in self._changing or not draft.id:
            return
        self._changing.add(key)
        try:
            for name in field.on_change:
                self.registry.behaviors.effects[name](self, draft, {"field": field.name, "old": old})
        finally:
            self._changing.discard(key)

    def set_permission(
        self, entity: Entity, permission: str, roles: Sequence[str] | None, *, acquire: bool = False
    ) -> None:
        draft = as_draft(entity)
        permissions = dict(draft.settings.permissions)
        if roles is None:
            permissions.pop(permission, None)
        else:
            permissions[permission] = PermissionMap(acquire, tuple(roles))
        draft.settings = self.interned(Settings(permissions, draft.settings.groups))

    def create(
        self,
        portal_type: str,
        container: Entity,
        values: Mapping[str, object],
        *,
        id: str | None = None,
        states: Mapping[str, str] | None = None,
    ) -> Draft:
        draft = self.begin(self.registry.types[portal_type], as_draft(container))
        self.fill(draft, values)
        self.name(draft, id)
        self.happened.append(Created(draft))
        if states is None:
            self.run.enter(draft)
        else:
            self.place(draft, states)
        for name in draft.type.on_create:
            self.registry.behaviors.effects[name](self, draft, {})
        return draft

    def begin(self, entity_type: EntityType, container: Draft | None) -> Draft:
        """A new object without values and id."""
        draft = Draft(self.workspace, entity_type, None)
        draft.rid, draft.uid, draft.id = rowids.next(), uuid4().hex, ""
        draft.created = draft.modified = to_micros(self.now)
        draft.creator = self.user_id
        draft.parent_rid = None if container is None else container.rid
        draft.scope = draft.rid if entity_type.scope or container is None else container.scope
        draft.path = f"{'' if container is None else container.path}/{draft.uid}"
        draft.settings = self.interned(Settings(entity_type.permissions))
        self.workspace.register(draft)
        return draft

    def fill(self, draft: Draft, values: Mapping[str, object]) -> None:
        """Give a new object its defaults and values."""
        for field in draft.type.fields.values():
            if field.default is not None and field.alias_of is None:
                draft.data[field.name] = field.default
        for name, value in values.items():
            self.set(draft, name, value)
        for field in draft.type.fields.values():
            if field.default_from is not None and field.name not in values and draft.data.get(field.name) is None:
                value = self.registry.behaviors.defaults[field.default_from](self, draft)
                if value is not None:
                    self.set(draft, field.name, value)

    def name(self, draft: Draft, wanted: str | None) -> None:
        """Give a new object its id: the one asked for, or what the type's rule gives."""
        container = self.workspace.by_rid.get(draft.parent_rid) if draft.parent_rid is not None else None
        new_id = self._explicit_id(draft, wanted) if wanted else self._ruled_id(draft, container)
        path = f"{'' if container is None else container.path}/{new_id}"
        if wanted or draft.type.id_rule.kind is not IdKind.SEQUENCE:
            self._refuse_taken(draft, container, path)
        draft.id = new_id
        self.workspace.moved(draft, path)
        for field in draft.type.fields.values():
            if field.on_change and draft.data.get(field.name) not in (None, "", [], {}):
                self._run_changes(draft, field, None)

    def _refuse_taken(self, draft: Draft, container: Draft | None, path: str) -> None:
        if container is not None and not container.is_new:
            self.workspace.load_paths([path])
        other = self.workspace.by_path.get(path)
        if other is not None and other is not draft and not other.removed:
            where = container.path if container is not None else "/"
            taken = path.rpartition("/")[2]
            raise Conflict(
                f"The id {taken!r} is taken in {where}.",
                causes=[Cause("parameter", "obj_id", f"{taken!r} is taken in {where}.")],
            )

    def _explicit_id(self, draft: Draft, wanted: str) -> str:
        try:
            check_id(wanted)
        except IdProblem as error:
            raise ValidationError(str(error), causes=[Cause("parameter", "obj_id", str(error))]) from None
        rule = draft.type.id_rule
        if rule.kind is IdKind.SEQUENCE:
            try:
                plan = self.id_plan(draft)
            except IdProblem:
                return wanted
            number = number_of(plan.prefix, wanted) if isinstance(plan, IdPlan) else None
            if number is not None and isinstance(plan, IdPlan):
                self.sequences.used(plan.prefix, draft.portal_type, number, fresh=self.is_fresh(draft))
        return wanted

    def _ruled_id(self, draft: Draft, container: Draft | None) -> str:
        try:
            plan = self.id_plan(draft)
            if isinstance(plan, IdPlan):
                number = self.sequences.next(plan.prefix, draft.portal_type, plan.least, fresh=self.is_fresh(draft))
                return format_id(plan, number)
        except IdProblem as error:
            raise ValidationError(f"No id for the new {draft.portal_type}: {error}") from None
        if draft.type.id_rule.kind is IdKind.FROM_TITLE and container is not None:
            return numbered(plan, {item.id for item in self.workspace.load_children([container.rid])})
        return plan

    def id_plan(self, draft: Draft) -> IdPlan | str:
        """What the type's rule makes of the object's values. Raises IdProblem."""
        return plan_id(
            draft.type.id_rule,
            draft.portal_type,
            values=lambda path: self.values.evaluate(draft, path),
            settings=self._id_settings(),
            now=self.now.astimezone(self.around.zone),
        )

    def _id_settings(self) -> IdSettingValues:
        declared = self.registry.ids
        with self.without_locks():
            settings = self.at(declared.path) if declared.path is not None else None
        if settings is None:
            return IdSettingValues()
        rows = settings.data.get(declared.rows_field or "")
        year = settings.data.get(declared.year_field) if declared.year_field else None
        return IdSettingValues(
            cast(Sequence[Mapping[str, object]], rows if isinstance(rows, list) else ()),
            None if declared.year_field is None else bool(year),
            settings.data,
        )

    def is_fresh(self, draft: Draft) -> bool:
        """Whether the prefix names an object that this request creates, so that no number of it can be in use."""
        return any(
            path.attribute == "id" and any(other.is_new for other in self.workspace.follow(draft, path.steps))
            for path in form_paths(draft.type.id_rule.form)
            if path.steps
        )

    def place(self, draft: Draft, states: Mapping[str, str]) -> None:
        """Put a new object into states without a transition; a workflow that is not named is entered by its initial state."""
        for workflow in self.registry.chain(draft.portal_type):
            self.run.place(draft, states.get(workflow.id, workflow.initial_state), workflow=workflow)

    def rename(self, entity: Entity, new_id: str) -> None:
        draft = as_draft(entity)
        if not draft.is_new:
            for below in self.workspace.load_tree([draft]):
                self.repathed[below.rid] = below
        old_id, old_path = draft.id, draft.path
        draft.id = new_id
        self.workspace.moved(draft, f"{old_path.rpartition('/')[0]}/{new_id}")
        for below in self.repathed.values():
            if below.path.startswith(f"{old_path}/"):
                self.workspace.moved(below, draft.path + below.path[len(old_path) :])
        self.happened.append(Renamed(draft, old_id, old_path))

    def remove(self, entity: Entity) -> None:
        draft = as_draft(entity)
        below = self.workspace.load_tree([draft]) if not draft.is_new else []
        below += [
            item for item in self.workspace.by_rid.values() if item.is_new and item.path.startswith(f"{draft.path}/")
        ]
        for item in [*reversed(below), draft]:
            if not item.removed:
                self.mark_removed(item)

    def mark_removed(self, draft: Draft) -> None:
        """Plan that one object will be gone, with what its type does then."""
        for name in draft.type.on_remove:
            self.registry.behaviors.effects[name](self, draft, {})
        self.run.removed(draft)
        draft.removed = True
        self.happened.append(Removed(draft))

    def fire(
        self, entity: Entity, transition: str, *, attempt: bool = False, system: bool = False, cascade: bool = True
    ) -> bool:
        draft = as_draft(entity)
        if attempt:
            return self.run.attempt(draft, transition, system=system, cascade=cascade)
        self.run.fire(draft, transition, system=system, cascade=cascade)
        return True

    # Inside

    @contextmanager
    def without_locks(self) -> Iterator[None]:
        """Load what is only looked at, without keeping others from it."""
        before, self.workspace.locks = self.workspace.locks, False
        try:
            yield
        finally:
            self.workspace.locks = before

    def _compute(self, name: str, draft: Draft) -> object:
        with self.without_locks():
            return self.registry.behaviors.computed[name](self, draft)

    def interned(self, settings: Settings) -> Settings:
        """The one object for equal settings."""
        return self.workspace.settings_of(settings.document().decode())

    @staticmethod
    def _stored_name(entity_type: EntityType, name: str) -> str:
        field = entity_type.fields.get(name)
        return field.alias_of if field is not None and field.alias_of is not None else name


@lru_cache(maxsize=512)
def _relation(text: str) -> Path:
    return parse_relation(text)
