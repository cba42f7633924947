"""Creating and updating: from what a client sent to changed drafts, every problem of every item collected.

Values are validated, references of all items resolved together, files prepared; then drafts are planned and checked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from objapi.errors import (
    FIRST_CAUSES,
    ApiError,
    BadRequest,
    Cause,
    Forbidden,
    NotFound,
    UnusedFields,
    ValidationError,
)
from objapi.model.item_links import NO_LINKS, ItemLinks
from objapi.model.record_merging import merge_records
from objapi.model.types import EntityType, Field
from objapi.model.validation import Mode, Validated, validate
from objapi.model.values import LoadContext, ValueProblem
from objapi.store.requests import ByItem, ByPath, CreateItem, Selector, UpdateItem
from objapi.store.writing.batch_attempt import BatchAttempt, ItemValues, outdated
from objapi.store.writing.draft import Draft
from objapi.store.writing.field_rules import (
    failed_checks,
    not_addable,
    not_creatable,
    not_writable,
    references_out_of_use,
)
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.resolve import Resolver, Wanted
from objapi.store.writing.row_checks import read_only_errors, row_causes
from objapi.store.writing.row_naming import NEW
from objapi.store.writing.workspace import uids_in
from workflows.declarations import suggestion


@dataclass(frozen=True, slots=True)
class Sent:
    """Values for one object of a type, as the client sent them."""

    entity_type: EntityType
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Incoming:
    """The fields that were sent, and their stored values as far as they could be read."""

    names: tuple[str, ...]
    values: Mapping[str, object]
    missing: tuple[Cause, ...] = ()
    """Required fields of a new object that were not sent and have no fixed default."""
    derived_title: str | None = None
    """The title sent for an object whose title is derived."""


def read_incoming(
    attempt: BatchAttempt, sent: Mapping[int, Sent], mode: Mode, context: LoadContext, resolver: Resolver
) -> dict[int, Incoming]:
    """Read the values of all items; errors are added to the attempt."""
    checked = {place: _validated(attempt, place, item, mode, context) for place, item in sent.items()}
    wanted = [
        (place, Wanted(_field(sent[place].entity_type, name), lookups))
        for place, item in checked.items()
        for name, lookups in item.references.items()
        if lookups is not None
    ]
    resolved: dict[tuple[int, str], object] = {}
    for (place, want), uids in zip(wanted, resolver.references([want for _, want in wanted]), strict=True):
        if isinstance(uids, ApiError):
            attempt.fail(place, uids)
        else:
            resolved[place, want.field.name] = uids if want.field.multi else uids[0] if uids else None
    incoming = {
        place: Incoming(
            item.names,
            _stored(attempt, place, sent[place], item, resolved),
            tuple(cause for cause in item.problems if mode == "create" and cause.code == "required"),
            item.derived_title,
        )
        for place, item in checked.items()
    }
    attempt.sent.update((place, ItemValues(sent[place].values, item.values)) for place, item in incoming.items())
    return incoming


def _field(entity_type: EntityType, name: str) -> Field:
    return entity_type.create_parameters.get(name) or entity_type.fields[name]


def _validated(attempt: BatchAttempt, place: int, item: Sent, mode: Mode, context: LoadContext) -> Validated:
    checked = validate(item.entity_type, item.values, mode=mode, context=context)
    if checked.unused:
        fields = {*item.entity_type.fields, *item.entity_type.create_parameters}
        near = {name: suggestion(name, fields) for name in checked.unused[:FIRST_CAUSES]}
        attempt.fail(place, UnusedFields(checked.unused, near=near))
    others = [cause for cause in checked.problems if cause.code != "required" or mode != "create"]
    if others:
        attempt.fail(place, ValidationError.from_causes(others))
    return checked


def _stored(
    attempt: BatchAttempt, place: int, item: Sent, checked: Validated, resolved: Mapping[tuple[int, str], object]
) -> dict[str, object]:
    values: dict[str, object] = dict(checked.values)
    for name, lookups in checked.references.items():
        if lookups is None:
            values[name] = [] if _field(item.entity_type, name).multi else None
        elif (place, name) in resolved:
            values[name] = resolved[place, name]
    for name, file in checked.files.items():
        values[name] = attempt.planner.store_file(file)
    return {name: values[name] for name in checked.names if name in values}


@dataclass(frozen=True, slots=True)
class InContainer:
    """What an object is made in; a row of a table in nothing."""

    draft: Draft | None


class Upserts(Protocol):
    """Planner of the items that have natural keys."""

    def begin(self, attempt: BatchAttempt, items: Mapping[int, CreateItem], sent: Mapping[int, Sent]) -> frozenset[int]:
        """Find what the items mean; the places of those that have a key."""

    def take_turn(
        self, attempt: BatchAttempt, place: int, item: CreateItem, sent: Sent, chosen: Mapping[int, Draft]
    ) -> Incoming:
        """Plan one item: the change of the object that it means, or a new one."""


class Editor:
    """Plans creations and updates with one planner."""

    def __init__(self, planner: StorePlanner, resolver: Resolver) -> None:
        self.planner = planner
        self.resolver = resolver
        self.load_context = planner.context.site.load_context(planner.now)

    # Update

    def update(self, items: Mapping[int, UpdateItem]) -> BatchAttempt:
        """Plan the changes of existing objects."""
        attempt = BatchAttempt(self.planner)
        targets = self._targets(attempt, items)
        sent = {place: Sent(draft.type, items[place].values) for place, draft in targets.items()}
        incoming = self.read(attempt, sent, "update")
        for place, draft in targets.items():
            if not items[place].values:
                attempt.fail(place, BadRequest(f"No field was given to update {draft.path}; name at least one."))
            attempt.fail(place, *not_writable(self.planner, draft, incoming[place].names))
        for place, draft in targets.items():
            if place not in attempt.errors:
                attempt.guarded(place, partial(self.set_all, draft, incoming[place].values))
                attempt.updated[place] = incoming[place].names
        self._check(attempt, incoming)
        return attempt

    def _targets(self, attempt: BatchAttempt, items: Mapping[int, UpdateItem]) -> dict[int, Draft]:
        """The objects to change; none twice, and none that is out of date."""
        targets: dict[int, Draft] = {}
        taken: set[int] = set()
        found = self.resolver.select([item.target for item in items.values()])
        for (place, item), draft in zip(items.items(), found, strict=True):
            if isinstance(draft, ApiError):
                attempt.fail(place, draft)
                continue
            targets[place] = attempt.drafts[place] = draft
            if draft.rid in taken:
                attempt.fail(place, BadRequest(f"{draft.path} is named twice; send each object once."))
            if item.version is not None and item.version != draft.stored_version:
                attempt.fail(place, outdated(draft, item.version))
            taken.add(draft.rid)
        return targets

    def set_all(self, draft: Draft, values: Mapping[str, object]) -> None:
        """Write stored values into the fields of an object."""
        for name, value in values.items():
            field = draft.type.fields[name]
            merges = field.merge_by is not None
            written = self._merged(draft, field, self.planner.value(draft, name), value) if merges else value
            self.planner.write(draft, name, written)

    def _merged(self, draft: Draft, field: Field, there: object, sent: object) -> object:
        """Value for a field: records that are known by a subfield (`merge_by`) are laid over the stored ones."""
        if field.merge_by is None or not sent:
            return sent
        try:
            return merge_records(field, there, sent)
        except ValueProblem as problem:
            cause = Cause("field", field.name, f"{field.name}: {problem}", object=draft.path, code="invalid")
            raise ValidationError.from_causes([cause]) from None

    def _merge_with_defaults(self, draft: Draft, sent: Mapping[str, object]) -> None:
        """Lay the records sent for a new object over those that it has without them."""
        for name, value in sent.items():
            field = draft.type.fields.get(name)
            if field is not None and field.merge_by is not None and field.default_from is not None:
                there = self.planner.registry.behaviors.defaults[field.default_from](self.planner, draft)
                self.planner.write(draft, name, self._merged(draft, field, there, value))

    # Create

    def create(
        self, items: Mapping[int, CreateItem], links: ItemLinks = NO_LINKS, upserting: Upserts | None = None
    ) -> BatchAttempt:
        """Plan new objects, those to which others refer before these; `upserting` plans items with natural keys."""
        attempt = BatchAttempt(self.planner, links=links)
        types = self._types(attempt, items)
        sent = {place: Sent(entity_type, items[place].values) for place, entity_type in types.items()}
        # Keys are held before anything is locked, in the same order by every request.
        keyed = frozenset[int]() if upserting is None else upserting.begin(attempt, items, sent)
        late = {place: item for place, item in sent.items() if place in links.needs or place in keyed}
        incoming = self.read(attempt, {place: item for place, item in sent.items() if place not in late})
        # Everything else that late items refer to is looked up now, together; their values are read in their turn.
        self.read(BatchAttempt(self.planner), late)
        chosen = self._chosen_containers(attempt, items, types)
        self.planner.naming.expect((types[place], draft, items[place].values) for place, draft in chosen.items())
        for place in links.order or types:
            if place not in types:
                continue
            item, can_be = items[place], not attempt.needs_failed(place)
            if upserting is not None and place in keyed and can_be:
                incoming[place] = upserting.take_turn(attempt, place, item, sent[place], chosen)
            elif place in late:
                incoming |= self.read(attempt, {place: sent[place]})
            if can_be and place not in keyed:
                self.create_item(attempt, place, item, types[place], incoming[place], chosen)
            if item.name is not None:
                self.resolver.named[item.name] = None if place in attempt.errors else attempt.drafts[place]
        self._check(attempt, incoming)
        return attempt

    def read(self, attempt: BatchAttempt, sent: Mapping[int, Sent], mode: Mode = "create") -> dict[int, Incoming]:
        """Read the values of items; errors are added to the attempt."""
        return read_incoming(attempt, sent, mode, self.load_context, self.resolver)

    def create_item(
        self,
        attempt: BatchAttempt,
        place: int,
        item: CreateItem,
        entity_type: EntityType,
        incoming: Incoming,
        chosen: Mapping[int, Draft],
    ) -> None:
        """Plan one new object; `chosen` are the stored containers of items."""
        if item.id is not None:
            attempt.chosen_ids[place] = item.id
        self._refuse_unwritten_rows(attempt, place, entity_type, incoming)
        holder = self.container(attempt, place, item, entity_type, incoming, chosen)
        if incoming.missing:
            container = None if holder is None else holder.draft
            attempt.guarded(place, partial(self._refuse_missing, attempt, place, entity_type, container, incoming))
        if holder is None:
            return
        attempt.fail(place, *self._not_addable(entity_type, holder.draft))
        if place not in attempt.errors:
            make = partial(self._make, attempt, place, entity_type, holder.draft, incoming, item.id)
            attempt.guarded(place, make)

    def _refuse_unwritten_rows(
        self, attempt: BatchAttempt, place: int, entity_type: EntityType, incoming: Incoming
    ) -> None:
        """Refuse references to new rows of tables, whose UID comes with their key, where it is needed before."""
        parts = () if entity_type.table is None or len(entity_type.table.key) == 1 else entity_type.table.key
        columns = {} if entity_type.table is None else entity_type.table.columns
        if place not in attempt.links.needs:
            return
        for name, value in incoming.values.items():
            if entity_type.table is not None and columns.get(name) not in parts:
                continue
            targets = [self.planner.workspace.by_uid.get(uid) for uid in uids_in(value)]
            if any(target is not None and target.type.table is not None and target.id == NEW for target in targets):
                text = f"{name}: the row that it names gets its key when it is written; create that in a call before"
                attempt.fail(place, ValidationError.from_causes([Cause("field", name, text, code="unwritten")]))

    def _refuse_missing(
        self,
        attempt: BatchAttempt,
        place: int,
        entity_type: EntityType,
        container: Draft | None,
        incoming: Incoming,
    ) -> None:
        """Name all required fields without a value, those for which the object would get no default among them."""
        probe = self.planner.begin(entity_type, container)
        self.planner.fill(probe, {})
        names = dict.fromkeys(cause.name for cause in incoming.missing)
        names.update(dict.fromkeys(name for name in undefaulted(probe) if name not in incoming.names))
        attempt.fail(
            place, *missing([name for name in (*entity_type.create_parameters, *entity_type.fields) if name in names])
        )

    def _types(self, attempt: BatchAttempt, items: Mapping[int, CreateItem]) -> dict[int, EntityType]:
        types = {}
        for place, item in items.items():
            entity_type = self.planner.registry.types.get(item.portal_type)
            if entity_type is None:
                message = f"There is no type {item.portal_type!r}; @@API/types lists them."
                attempt.fail(place, BadRequest(message, causes=[Cause("parameter", "obj_type", message)]))
            else:
                types[place] = entity_type
        return types

    def _chosen_containers(
        self, attempt: BatchAttempt, items: Mapping[int, CreateItem], types: Mapping[int, EntityType]
    ) -> dict[int, Draft]:
        """The stored containers that items name by path or UID."""
        selectors: dict[int, Selector] = {}
        for place, entity_type in types.items():
            container, elsewhere = items[place].container, entity_type.table or entity_type.container_from
            if not elsewhere and container is not None and not isinstance(container, ByItem):
                selectors[place] = container
        return attempt.containers(self.resolver, selectors)

    def container(
        self,
        attempt: BatchAttempt,
        place: int,
        item: CreateItem,
        entity_type: EntityType,
        incoming: Incoming,
        chosen: Mapping[int, Draft],
    ) -> "InContainer | None":
        """The container of an item: the one at obj_path, or the one that a reference field of it names.

        None when it has failed for want of one. A row of a table is in none.
        """
        by_field = entity_type.container_from
        if entity_type.table is not None:
            attempt.fail(place, *self._not_among_rows(entity_type, item.container))
            return InContainer(None)
        if by_field is not None:
            uid = str(incoming.values.get(by_field) or "")
            found = self.planner.by_uid([uid]).get(uid) if uid else None
            if found is None and place not in attempt.errors and not incoming.missing:
                attempt.fail(place, NotFound(f"{by_field} not found."))
            return None if found is None else InContainer(found)
        if isinstance(item.container, ByItem):
            named = self.resolver.named.get(item.container.name)
            return None if named is None else InContainer(named)
        if item.container is None:
            message = "Required field not found in request: obj_path"
            attempt.fail(place, BadRequest(message, causes=[Cause("parameter", "obj_path", message)]))
        return InContainer(chosen[place]) if place in chosen else None

    def _not_among_rows(self, entity_type: EntityType, selector: Selector | ByItem | None) -> list[ApiError]:
        """A path that was sent for a row names where such rows are, or nothing."""
        folder = self.planner.workspace.names.folder(entity_type.portal_type)
        if isinstance(selector, ByItem):
            message = f"Rows of {entity_type.portal_type} are in no object of this request; leave obj_path out."
            return [BadRequest(message, causes=[Cause("parameter", "obj_path", message)])]
        if isinstance(selector, ByPath):
            found = self.resolver.full_path(selector.path)
            if isinstance(found, ApiError):
                return [found]
            if found not in (folder, folder.rpartition("/")[0]):
                message = f"Rows of {entity_type.portal_type} are in {folder}; leave obj_path out."
                return [BadRequest(message, causes=[Cause("parameter", "obj_path", message)])]
        return []

    def _not_addable(self, entity_type: EntityType, container: Draft | None) -> list[ApiError]:
        if container is not None:
            return not_addable(self.planner, entity_type, container)
        name, permission, rows = entity_type.portal_type, entity_type.add_permission, self.planner.workspace.rows
        if self.planner.rights.may(permission, rows.site.default_acl(name), rows.visibility.scope):
            return []
        return [Forbidden(f"To add a {name} needs the permission {permission}.")]

    def _make(
        self,
        attempt: BatchAttempt,
        place: int,
        entity_type: EntityType,
        container: Draft | None,
        incoming: Incoming,
        wanted: str | None,
    ) -> None:
        if entity_type.creator is None:
            own = {name: value for name, value in incoming.values.items() if name in entity_type.fields}
            draft = self.planner.create(entity_type.portal_type, container, own, id=wanted, system=True)
        else:
            creator = self.planner.registry.behaviors.creators[entity_type.creator]
            made = creator(self.planner, entity_type, container, incoming.values, wanted)
            if not isinstance(made, Draft):
                raise TypeError(f"the creator {entity_type.creator} did not return the object it created")
            draft = made
        attempt.drafts[place] = draft
        self._merge_with_defaults(draft, incoming.values)
        attempt.fail(place, *missing(undefaulted(draft)))
        attempt.fail(place, *not_creatable(self.planner, draft, incoming.names))

    # Both

    def _check(self, attempt: BatchAttempt, incoming: Mapping[int, Incoming]) -> None:
        """Named checks of the fields that were sent, and titles that must be unique."""
        for place, draft in attempt.drafts.items():
            if place in attempt.errors:
                continue
            causes: list[Cause] = []
            if draft.type.table is not None:
                attempt.fail(place, *read_only_errors([draft]))
                causes = row_causes(self.planner.workspace.rows, draft)
            sent_title, title = incoming[place].derived_title, self.planner.values.title(draft)
            if sent_title is not None and sent_title != title:
                text = f"title: it is derived, and is {title!r} here; leave it out"
                causes.append(Cause("field", "title", text, object=draft.path, code="read_only"))
            causes.extend(failed_checks(self.planner, draft, incoming[place].names))
            causes.extend(references_out_of_use(self.planner, draft, incoming[place].values))
            if causes:
                attempt.fail(place, ValidationError.from_causes(causes))
        attempt.refuse_taken({draft.rid: place for place, draft in attempt.drafts.items()})


def undefaulted(draft: Draft) -> list[str]:
    """The required fields of a new object for which no default could be found."""
    return [
        field.name
        for field in draft.type.fields.values()
        if field.required and field.default_from is not None and draft.data.get(field.name) in (None, "", [])
    ]


def missing(names: Sequence[str]) -> list[ApiError]:
    """The refusal of required fields without a value, in the sentence that published clients know."""
    if not names:
        return []
    message = f"Required field not found in request: {', '.join(names)}"
    causes = [Cause("field", name, f"{name}: the field is required", code="required") for name in names]
    return [ValidationError(message, causes=causes)]
