"""The planner: how behaviours, workflows and operations read and change the objects of one request.

Nothing is written here. Drafts change in memory, events are listed in order, and `apply_plan` writes it all in bulk.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from functools import cached_property, lru_cache, partial
from typing import Protocol

from objapi.errors import ApiError, Cause, CauseKind, Forbidden, ValidationError
from objapi.model.behaviors import Entity
from objapi.model.paths import NamedRelation, Path, parse_relation
from objapi.model.registry import CatalogDeclaration
from objapi.model.types import EntityType, Field, Kind
from objapi.model.values import NewFile
from objapi.store.blobs import NewBlob, new_blob
from objapi.store.context import RequestContext
from objapi.store.permissions.acls import VIEW, Acl, PermissionOverrides
from objapi.store.permissions.rights import Rights
from objapi.store.records import new_uid, rowids, to_micros, to_text
from objapi.store.writing.draft import Draft, Values, as_draft
from objapi.store.writing.field_rules import UNSEEN, Filling, failed_checks, not_removable, not_writable
from objapi.store.writing.key_search import KeySearch, SearchOfAll
from objapi.store.writing.naming import Naming
from objapi.store.writing.plan_events import Created, PlanEvent, Removed, Renamed, Stepped
from objapi.store.writing.relocation import relocate
from objapi.store.writing.render import Renderer
from objapi.store.writing.row_naming import name_row, place_row
from objapi.store.writing.signing import Signing
from objapi.store.writing.workspace import Workspace
from workflows import Context, PermissionSetting, Run, Step, StepOrigin, Subject, Transition, Verdict, Workflow
from workflows.cascades import CREATED, REMOVED


class CatalogSearch(Protocol):
    """A search of a catalog for row numbers: of what the user may see, in order of creation, at most `most`.

    `within_reach`: of what the caller's API token reaches, as far as the catalog can tell.
    """

    def __call__(
        self,
        catalog: CatalogDeclaration,
        criteria: Mapping[str, object],
        *,
        most: int | None,
        within_reach: bool = False,
    ) -> list[int]:
        """Search."""


class StorePlanner:
    """The planner of one request."""

    def __init__(
        self, context: RequestContext, search: CatalogSearch | None = None, search_of_all: SearchOfAll | None = None
    ) -> None:
        self.context = context
        self._search = search
        self.registry = context.registry
        self.rights = context.rights
        self.values = Values(context.registry, self._compute)
        self.workspace = Workspace(context, self.values.value)
        self.naming = Naming(self.workspace, self.values)
        self._search_of_all = search_of_all
        self.events: list[PlanEvent] = []
        self.world = StoreWorld(self)
        self.run = Run(self.world, context.registry.conditions, context.site.cascades)
        self.problems: list[ApiError] = []
        self.blobs: list[NewBlob] = []
        self.repathed: dict[int, Draft] = {}
        """Objects whose path changes because a container was renamed or moved."""
        self.indirect: dict[tuple[int, str], Draft] = {}
        """Fields that behaviours set with the user's rights, on objects that are there."""
        self.origins: dict[int, StepOrigin] = {}
        """Row number → what first made a behaviour or the request make, change or remove the object."""
        self._changing: set[tuple[int, str]] = set()
        self._own_settings: dict[str, PermissionOverrides] = {}
        """Type → the permissions that it writes onto a new object."""
        self._fillings: dict[str, Filling] = {}
        """Type → its fields that act on a new object."""

    @cached_property
    def renderer(self) -> Renderer:
        """The one renderer of the request."""
        return Renderer(self.values, self.context.site.zone, self.context.site.shapes)

    @cached_property
    def signing(self) -> Signing:
        """The signatures of the request."""
        return Signing(self.context, self.workspace, self.events)

    @cached_property
    def keys(self) -> KeySearch | None:
        """The one finder of natural keys of the request; None where nothing is searched."""
        return None if self._search_of_all is None else KeySearch(self.workspace, self._search_of_all)

    # Questions of behaviours

    @property
    def now(self) -> datetime:
        """The one instant of the request."""
        return self.context.now

    @property
    def user_id(self) -> str:
        """The user, as the history names them."""
        return self.context.principal.user_id

    @property
    def by_token(self) -> bool:
        """True when the acting user came by an API token."""
        return self.context.principal.token is not None

    def value(self, entity: Entity, name: str) -> object:
        """Value under a name, in the present state of this request."""
        return self.values.value(entity if type(entity) is Draft else as_draft(entity), name)

    def old_value(self, entity: Entity, name: str) -> object:
        """Value under a stored name before this request; None for a new object."""
        draft = as_draft(entity)
        name = self._stored_name(draft.type, name)
        if draft.record is None:
            return None
        return draft.changed[name] if name in draft.changed else self.values.value(draft, name)

    def related(self, entity: Entity, relation: str) -> Sequence[Draft]:
        """The objects of a declared relation or of a path."""
        draft = entity if type(entity) is Draft else as_draft(entity)
        found = draft.type.relations.get(relation)
        if isinstance(found, NamedRelation):
            behavior = self.registry.behaviors.relations[found.name]
            return [as_draft(other) for other in behavior(self, draft)]
        path = found if found is not None else _relation(relation)
        return self.workspace.follow(draft, path.steps)

    def at(self, path: str) -> Draft | None:
        """The object at a path below the site."""
        return self.workspace.at(path)

    def by_uid(self, uids: Iterable[str]) -> Mapping[str, Draft]:
        """The objects with these UIDs that are there and will stay."""
        return self.workspace.lasting(uids)

    def find(self, portal_type: str, criteria: Mapping[str, object], *, most: int) -> Sequence[Draft]:
        """Stored objects of a type that its first catalog finds for the user, the oldest first."""
        if self._search is None:
            raise TypeError("nobody searches while contents are loaded")
        catalog = self.registry.catalogs[self.registry.types[portal_type].catalogs[0]]
        rids = self._search(catalog, {"portal_type": portal_type, **criteria}, most=most)
        self.workspace.load_rids(rids)
        found = (self.workspace.by_rid.get(rid) for rid in rids)
        return [draft for draft in found if draft is not None and not draft.removed]

    def can(self, entity: Entity, permission: str) -> bool:
        """True when the user holds a permission on an object in its present state."""
        draft = as_draft(entity)
        return self.rights.may(permission, draft.acl, draft.scope)

    def out_of_scope(self, draft: Draft) -> ApiError | None:
        """The refusal of an object that is there and that the caller's API token does not reach."""
        token = self.context.principal.token
        if token is None or draft.is_new or token.covers(draft.portal_type, draft.stored_path):
            return None
        return token.refusal("What follows from it changes objects that are out of reach")

    def refuse(self, message: str, *, field: str | None = None, entity: Entity | None = None) -> None:
        """Note a problem; the item that is being planned fails with it."""
        path = None if entity is None else as_draft(entity).path
        kind: CauseKind = "field" if field is not None else "object"
        cause = Cause(kind, field or path or "", message, object=path)
        self.problems.append(ValidationError(message, causes=[cause]))

    # Changes by behaviours

    def set(self, entity: Entity, name: str, value: object, *, system: bool = False) -> None:
        """Change a stored field of an object; what the user may not write there fails the item that is being planned.

        With `system` no right is asked for, neither for the field nor for what its effects do. Nor is one for what the
        gateway alone writes, or for an object that the request makes.
        """
        draft = as_draft(entity)
        field = draft.type.fields[self._stored_name(draft.type, name)]
        if not (system or self.run.system or field.system or draft.is_new):
            if (to_text(value) if isinstance(value, datetime) else value) == self.values.value(draft, field.name):
                return
            self._require(draft, not_writable(self, draft, [field.name]))
            self.indirect[draft.rid, field.name] = draft
        before, self.run.system = self.run.system, self.run.system or system
        try:
            self.write(draft, field.name, value)
        finally:
            self.run.system = before

    def _require(self, draft: Draft, refusals: Sequence[ApiError]) -> None:
        """Note refusals of what a behaviour does; an object that the user may not see is not named."""
        if refusals and not self.can(draft, VIEW):
            self.problems.append(Forbidden(UNSEEN))
        else:
            self.problems.extend(refusals)

    def indirect_problems(self) -> list[ApiError]:
        """Errors that the checks of fields give for values that behaviours set with the user's rights."""
        written = [(draft, name) for (_, name), draft in self.indirect.items() if not draft.removed]
        causes = [cause for draft, name in written for cause in failed_checks(self, draft, [name])]
        return [ValidationError.from_causes(causes)] if causes else []

    def write(self, draft: Draft, name: str, value: object) -> None:
        """Change a stored field, on the object that stores it, and run the effects of the change; no right is asked."""
        field = draft.type.fields[name]
        if field.alias_of is not None:
            field = draft.type.fields[field.alias_of]
        storing = None if field.stored_on is None else self.values.storing_object(draft, field)
        if storing is not None:
            with self.run.following(StepOrigin("effect", draft, field=name)):
                self.write(storing, field.name, value)
            return
        stored = to_text(value) if isinstance(value, datetime) else value
        old = draft.data.get(field.name)
        if self.put(draft, field, stored):
            self._run_changes(draft, field, old)

    def put(self, draft: Draft, field: Field, stored: object) -> bool:
        """Give an object's own field a stored value, of which nothing follows; False when it has that value."""
        old = draft.data.get(field.name)
        if old == stored:
            return False
        self.origins.setdefault(draft.rid, self.run.origin)
        if draft.record is not None:
            draft.changed.setdefault(field.name, old)
        draft.data[field.name] = stored
        if field.kind is Kind.REFERENCE:
            self.workspace.reference_changed(draft, field.name, old, stored)
            if field.name == draft.type.access_from:
                draft.forget_scope()
        return True

    def _run_changes(self, draft: Draft, field: Field, old: object) -> None:
        """The effects of a changed field; an effect that changes the same field does not set itself off again."""
        key = (draft.rid, field.name)
        if not field.on_change or key in self._changing or not draft.id:
            return
        self._changing.add(key)
        try:
            with self.run.following(StepOrigin("effect", draft, field=field.name)):
                for name in field.on_change:
                    self.registry.behaviors.effects[name](self, draft, {"field": field.name, "old": old})
        finally:
            self._changing.discard(key)

    def set_permission(
        self, entity: Entity, permission: str, roles: Sequence[str] | None, *, acquire: bool = False
    ) -> None:
        """Write a permission onto an object, or take it off."""
        draft = as_draft(entity)
        permissions = dict(draft.settings.permissions)
        if roles is None:
            permissions.pop(permission, None)
        else:
            permissions[permission] = PermissionSetting(acquire, tuple(roles))
        draft.settings = self.workspace.interned(PermissionOverrides(permissions, draft.settings.groups))

    def create(
        self,
        portal_type: str,
        container: Entity | None,
        values: Mapping[str, object],
        *,
        id: str | None = None,
        states: Mapping[str, str] | None = None,
        actors_of: Entity | None = None,
        system: bool = False,
    ) -> Draft:
        """A new object with values, id and states, and with what its type does on creation.

        It is placed in `states`, as if the actors of `actors_of` had brought it there. One that the user may not add
        fails the item that is being planned, unless it is made with `system`.
        """
        holder, entity_type = None if container is None else as_draft(container), self.registry.types[portal_type]
        if holder is not None and not (system or self.run.system or self.can(holder, entity_type.add_permission)):
            needed = f"To add a {portal_type} in {holder.path} needs the permission {entity_type.add_permission}."
            self._require(holder, [Forbidden(needed)])
        draft = self.begin(entity_type, holder)
        self.fill(draft, values)
        self.name(draft, id)
        self.origins[draft.rid] = self.run.origin
        self.events.append(Created(draft))
        if states is None:
            self.run.enter(draft)
        else:
            self.place(draft, states)
            draft.take_actors(None if actors_of is None else as_draft(actors_of))
        self.write_own_permissions(draft)
        with self.run.following(StepOrigin("effect", draft, event=CREATED)):
            for name in draft.type.on_create:
                self.registry.behaviors.effects[name](self, draft, {})
        return draft

    def begin(
        self, entity_type: EntityType, container: Draft | None, uid: str | None = None, path: str | None = None
    ) -> Draft:
        """A new object without values and, unless its path is known, without id; `uid` is that of one that moves in."""
        draft = Draft(self.workspace, entity_type, None)
        draft.rid, draft.uid, draft.id = rowids.next(), uid or new_uid(), ""
        draft.created = draft.modified = to_micros(self.now)
        draft.creator = self.user_id
        draft.parent_rid = None if container is None else container.rid
        draft.scope = draft.rid if entity_type.scope or container is None else container.scope
        if entity_type.access_from is not None:
            draft.forget_scope()
        if path is None:
            draft.path = f"{'' if container is None else container.path}/{draft.uid}"
        else:
            draft.path, draft.id = path, path.rpartition("/")[2]
        if entity_type.table is not None:
            place_row(self.workspace, draft)
        settings = self._own_settings.get(entity_type.portal_type)
        if settings is None:
            settings = self.workspace.interned(PermissionOverrides(entity_type.permissions))
            self._own_settings[entity_type.portal_type] = settings
        draft.settings = settings
        self.workspace.register(draft)
        return draft

    def store_file(self, file: NewFile) -> dict[str, object]:
        """Have the content of a file stored; the value of its field."""
        blob = new_blob(file.content)
        self.blobs.append(blob)
        return {
            "filename": file.filename,
            "content_type": file.content_type,
            "size": len(file.content),
            "sha256": blob.sha256,
        }

    def fill(self, draft: Draft, values: Mapping[str, object]) -> None:
        """Give a new object its defaults and values."""
        fields = self.filling(draft.type)
        draft.data.update(fields.defaults)
        for name, value in values.items():
            self.write(draft, name, value)
        for name, behavior in fields.computed:
            if name not in values and draft.data.get(name) is None:
                value = self.registry.behaviors.defaults[behavior](self, draft)
                if value is not None:
                    self.write(draft, name, value)

    def name(self, draft: Draft, wanted: str | None) -> None:
        """Give a new object its id, and run the effects of the values that it has by now."""
        if draft.type.table is not None:
            name_row(self.workspace, draft, wanted)
        else:
            self.naming.name(draft, wanted)
        for field in self.filling(draft.type).acting:
            if draft.data.get(field.name) not in (None, "", [], {}):
                self._run_changes(draft, field, None)

    def filling(self, entity_type: EntityType) -> Filling:
        """The fields of a type that act on a new object; found once, for all that the request makes."""
        found = self._fillings.get(entity_type.portal_type)
        if found is None:
            found = self._fillings[entity_type.portal_type] = Filling.of(entity_type)
        return found

    def place(self, draft: Draft, states: Mapping[str, str]) -> None:
        """Put a new object into states without a transition; into the initial one where none is named."""
        for workflow in self.registry.chain(draft.portal_type):
            self.run.place(draft, states.get(workflow.id, workflow.initial_state), workflow=workflow)

    def write_own_permissions(self, draft: Draft) -> None:
        """Write the permissions that the type declares onto a new object, over those of its first states."""
        own = draft.type.permissions
        if own:
            permissions = {**draft.settings.permissions, **own}
            draft.settings = self.workspace.interned(PermissionOverrides(permissions, draft.settings.groups))

    def rename(self, entity: Entity, new_id: str) -> None:
        """Give an object another id; everything in it moves along."""
        draft = as_draft(entity)
        self.relocate(draft, self.workspace.parent(draft), new_id)

    def relocate(self, draft: Draft, container: Draft | None, new_id: str) -> None:
        """Give an object another container or id, or both; everything in it moves along."""
        old_id, old_path = draft.id, draft.path
        below = relocate(self.workspace, draft, container, new_id)
        self.repathed.update((item.rid, item) for item in below)
        self.origins.setdefault(draft.rid, self.run.origin)
        self.events.append(Renamed(draft, old_id, old_path))

    def remove(self, entity: Entity, *, system: bool = False) -> None:
        """Plan that an object will be gone with all it contains, the innermost first.

        What the user may not remove fails the item that is being planned, unless it is removed with `system`.
        """
        draft = as_draft(entity)
        below = self.workspace.load_tree([draft])
        if not (system or self.run.system):
            self._require(draft, not_removable(self, [draft, *below]))
        with self.run.following(StepOrigin("effect", draft, event=REMOVED)) if below else nullcontext():
            for item in reversed(below):
                if not item.removed:
                    self.mark_removed(item)
        if not draft.removed:
            self.mark_removed(draft)

    def mark_removed(self, draft: Draft) -> None:
        """Plan that one object will be gone, with what its type does then."""
        # It is gone for whatever is asked from here on, so that nothing waits for it any more.
        self.take_out(draft)
        with self.run.following(StepOrigin("effect", draft, event=REMOVED)):
            for name in draft.type.on_remove:
                self.registry.behaviors.effects[name](self, draft, {})
        self.run.removed(draft)

    def take_out(self, draft: Draft) -> None:
        """Plan that one object will be gone, of which nothing follows."""
        draft.removed = True
        self.workspace.contents_changed(draft)
        self.events.append(Removed(draft))
        self.origins.setdefault(draft.rid, self.run.origin)

    def fire(
        self, entity: Entity, transition: str, *, attempt: bool = False, system: bool = False, cascade: bool = True
    ) -> bool:
        """Take a transition with its cascades; False when it was only attempted and is not possible."""
        draft, system = as_draft(entity), system or self.run.system
        if attempt:
            return self.run.attempt(draft, transition, system=system, cascade=cascade)
        self.run.fire(draft, transition, system=system, cascade=cascade)
        return True

    # Inside

    def _compute(self, name: str, draft: Draft) -> object:
        compute = self.registry.behaviors.computed[name]
        if not self.workspace.locks:
            return compute(self, draft)
        with self.workspace.without_locks():
            return compute(self, draft)

    @staticmethod
    def _stored_name(entity_type: EntityType, name: str) -> str:
        field = entity_type.fields.get(name)
        return field.alias_of if field is not None and field.alias_of is not None else name


class StoreWorld:
    """World of the workflow engine: answers it from drafts, and writes the steps that it takes into them."""

    def __init__(self, planner: StorePlanner) -> None:
        self.planner = planner
        """The planner that guards and effects of a profile get."""
        self.explains = False
        """True when all reasons of a refusal are wanted; set before the first question."""
        self.asker: Rights | None = None
        """Rights of whoever is told of another user's; what the asker may not see is told to neither."""
        self._contexts: dict[tuple[int, int, str, bool], tuple[Acl, Context]] = {}
        """Identity of an acl, scope, type and whether a token reaches them → the user as objects of these see them."""
        self._following: dict[tuple[int, int, int], tuple[Step, PermissionOverrides, PermissionOverrides]] = {}
        """Identities of overrides, and of what a state sets → both, and the overrides after a step into the state."""
        self._statuses: dict[int, tuple[Step, dict[str, object]]] = {}
        """Identity of a step that many objects take → the step, and the status after it in its stored form."""

    def chain(self, subject: Subject) -> Sequence[Workflow]:
        """The workflows of the object's type."""
        return self.planner.registry.chain(subject.type_name)

    def context(self, subject: Subject) -> Context:
        """The acting user, with the roles and permissions on the object in its present state."""
        draft = as_draft(subject)
        acl, scope = draft.acl, draft.scope
        # The objects of a request have few acls and scopes between them.
        principal = self.planner.context.principal if self.asker is None else self.asker.principal
        token = principal.token
        is_reached = token is None or token.covers(draft.portal_type, draft.stored_path)
        key = (id(acl), scope, draft.portal_type, is_reached)
        known = self._contexts.get(key)
        if known is None:
            known = self._contexts[key] = (acl, self._context_of(draft, is_reached=is_reached))
        return known[1]

    def _context_of(self, draft: Draft, *, is_reached: bool) -> Context:
        principal, rights, acl, scope = self.planner.context.principal, self.planner.rights, draft.acl, draft.scope
        may, access = partial(rights.may, acl=acl, scope=scope), self.planner.context.site.access
        # Whether a row is among the user's own is for its database to say, so only who sees all is told of it.
        rule = draft.type.table.rows if draft.type.table is not None else None

        told = (rights,) if self.asker is None else (rights, self.asker)

        def reads(name: str) -> bool:
            return all(name not in access.hidden(draft.portal_type, acl, scope, each) for each in told)

        return Context(
            principal.user_id or None,
            rights.roles_on(acl, scope),
            principal.groups,
            may,
            sees=is_reached
            and all(
                each.may(VIEW, acl, scope) and (rule is None or each.may(rule.all_with, acl, scope)) for each in told
            ),
            reads=reads,
            explains=self.explains,
        )

    def may_sign(self, subject: Subject, transition: Transition, *, taking: bool) -> Verdict:
        """Whether the acting user may sign a transition of the object."""
        return self.planner.signing.may_sign(as_draft(subject), transition, taking=taking)

    def related(self, subject: Subject, relation: str) -> Sequence[Draft]:
        """The objects of a relation, loaded for all objects of the type at once."""
        return self.planner.related(as_draft(subject), relation)

    def now(self) -> datetime:
        """The instant of the request."""
        return self.planner.now

    def assign(self, subject: Subject, field: str, value: object) -> None:
        """Set a field; ignored where the type does not have it, since cascades are declared for several types."""
        draft = as_draft(subject)
        if field in draft.type.fields:
            self.planner.set(draft, field, value)

    def apply(self, subject: Subject, step: Step) -> None:
        """Write a step down: the new status, who took the transition, and the permissions of the state."""
        draft = as_draft(subject)
        entry = draft.states.setdefault(step.workflow.id, {"status": {}, "last": {}})
        # A new status takes the place of one: it is never changed itself, so that objects may share it.
        entry["status"] = self._status_after(step)
        if step.transition is not None:
            entry["last"][step.transition.id] = self.planner.user_id
        before = draft.settings
        settings = self._settings_after(before, step)
        if settings is not before:
            draft.settings = settings
        self.planner.events.append(Stepped(draft, step))

    def _status_after(self, step: Step) -> dict[str, object]:
        known = self._statuses.get(id(step))
        if known is None:
            status = {name: self._jsonable(value) for name, value in step.status.items()}
            known = self._statuses[id(step)] = (step, status)
        return known[1]

    def _jsonable(self, value: object) -> object:
        if not isinstance(value, datetime):
            return value
        return self.planner.context.now_text if value is self.planner.now else to_text(value)

    def _settings_after(self, old: PermissionOverrides, step: Step) -> PermissionOverrides:
        """Overrides after a step; the same for all objects that had the same ones and enter the same state."""
        key = (id(old), id(step.permissions), id(step.group_roles))
        known = self._following.get(key)
        if known is None:
            after = self.planner.workspace.interned(_settings_after(old, step))
            known = self._following[key] = (step, old, after)
        return known[2]


def _settings_after(old: PermissionOverrides, step: Step) -> PermissionOverrides:
    permissions = dict(old.permissions)
    for name, setting in step.permissions.items():
        if setting is None:
            permissions.pop(name, None)
        else:
            permissions[name] = setting
    groups = dict(old.groups)
    managed = step.workflow.group_managed_roles
    for group, granted in step.group_roles.items():
        left = frozenset[str]() if managed is None else groups.get(group, frozenset()) - frozenset(managed)
        groups[group] = left | granted
    return PermissionOverrides(permissions, {name: roles for name, roles in groups.items() if roles})


@lru_cache(maxsize=512)
def _relation(text: str) -> Path:
    return parse_relation(text)
