"""Copying objects: what is taken of each by its rights and declarations, made anew by the rules of a creation.

References between what is copied together lead from copy to copy. Every copy is made as a client would make it, by the
creator of its type where there is one, so that ids, states and effects are those of a new object.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, TypeAlias

from objapi.errors import ApiError, BadRequest, Cause, ValidationError
from objapi.model.types import Copying, EntityType, Field, IdKind, Kind
from objapi.model.validation import required_fields
from objapi.store.permissions.acls import VIEW
from objapi.store.requests import CopyItem, LeftOut
from objapi.store.writing.batch_attempt import BatchAttempt, Copied
from objapi.store.writing.draft import Draft
from objapi.store.writing.editing import Incoming, Sent, missing, read_incoming
from objapi.store.writing.field_rules import failed_checks, not_addable, not_creatable, references_out_of_use
from objapi.store.writing.placing import containers_of, refuse_repetitions, require_few, within
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.resolve import Resolver
from objapi.store.writing.workspace import uids_in

Unwritable: TypeAlias = tuple[str, str]
"""UID of a source and a field of its type that the user may not write in the copy."""

_EMPTY: Final[tuple[object, ...]] = (None, "", [], {})


def plan_copies(
    attempt: BatchAttempt, items: Mapping[int, CopyItem], resolver: Resolver, unwritable: set[Unwritable]
) -> None:
    """Plan copies. Fields of `unwritable` are left out; further ones are added to it, and all is to be planned again.

    Whether a field may be written depends on the object that comes to be, so it is known once that is planned.
    """
    planner = attempt.planner
    with planner.workspace.without_locks():
        sources = attempt.targets(resolver, {place: item.source for place, item in items.items()})
    # Whether a repetition asks for two copies or is a slip cannot be told.
    refuse_repetitions(attempt, sources)
    for place, source in sources.items():
        attempt.fail(place, *uncopyable(source))
    sent = _sent_values(attempt, items, sources, resolver)
    containers = _containers(attempt, items, sources, sent, resolver)
    ready = {place: source for place, source in sources.items() if place in containers and place not in attempt.errors}
    with planner.workspace.without_locks():
        deep = [source for place, source in ready.items() if items[place].deep and source.type.creator is None]
        require_few(planner, deep)
        planner.workspace.load_tree(deep)
    for place, source in ready.items():
        attempt.fail(place, *not_addable(planner, source.type, containers[place], "target_path"))
        if items[place].deep and within(containers[place], source):
            message = f"{source.path} is not copied into itself or what it contains; send deep=0 for a copy without it."
            attempt.fail(place, BadRequest.of_parameter("target_path", message))
        if place not in attempt.errors:
            copier = TreeCopier(attempt, place, items[place], sent[place], unwritable)
            attempt.guarded(place, partial(copier.copy, source, containers[place]))
            attempt.again = attempt.again or copier.found_unwritable
    if not attempt.again:
        places = {draft.rid: place for place, copied in attempt.copied.items() for draft in copied.drafts}
        attempt.refuse_taken(places)


def uncopyable(source: Draft) -> list[ApiError]:
    """The refusal of an object that nobody copies."""
    message = _whyuncopyable(source)
    return (
        [ValidationError(message, causes=[Cause("object", source.path, message, code="not_copyable")])]
        if message
        else []
    )


def _whyuncopyable(source: Draft) -> str:
    if source.type.table is not None:
        return f"{source.path} is a row of a table; make another row by create."
    if source.type.id_rule.kind is IdKind.FIXED:
        return f"{source.path} is part of the site's layout, which has it once."
    if not source.type.copyable:
        return f"A {source.portal_type} is not copied; make another one by create."
    return ""


def _sent_values(
    attempt: BatchAttempt, items: Mapping[int, CopyItem], sources: Mapping[int, Draft], resolver: Resolver
) -> dict[int, Incoming]:
    """The values that were sent for copies, in stored form."""
    sent = {place: Sent(source.type, items[place].values) for place, source in sources.items()}
    context = attempt.planner.context.site.load_context(attempt.planner.now)
    return read_incoming(attempt, sent, "create", context, resolver)


def _containers(
    attempt: BatchAttempt,
    items: Mapping[int, CopyItem],
    sources: Mapping[int, Draft],
    sent: Mapping[int, Incoming],
    resolver: Resolver,
) -> dict[int, Draft]:
    """The container of each copy: the one asked for, the one that a field names, or that of the source."""
    planner = attempt.planner
    asked = {place: selector for place in sources if (selector := items[place].container) is not None}
    found = containers_of(attempt, resolver, asked)
    for place, source in sources.items():
        by_field = source.type.container_from
        named = None if by_field is None else sent[place].values.get(by_field)
        if named is not None:
            container = planner.by_uid(uids_in(named)).get(str(named))
            if place in found and found[place] is not container:
                message = f"{by_field} and target_path name different containers; send one of them."
                attempt.fail(place, BadRequest.of_parameter("target_path", message))
        elif place not in asked and by_field is not None:
            uid = str(planner.value(source, by_field))
            container = planner.by_uid([uid]).get(uid)
        else:
            container = found.get(place) if place in asked else planner.workspace.parent(source)
        if container is not None:
            found[place] = container
    planner.workspace.lock_drafts(found.values())
    return found


class TreeCopier:
    """Makes the copy of one item: of an object, and of what it contains when the item is deep."""

    def __init__(
        self,
        attempt: BatchAttempt,
        place: int,
        item: CopyItem,
        sent: Incoming,
        unwritable: set[Unwritable],
    ) -> None:
        self._attempt = attempt
        self._place = place
        self._item = item
        self._sent = sent.values
        self._sent_title = sent.derived_title
        self._unwritable = unwritable
        self._planner: StorePlanner = attempt.planner
        self._inside: set[str] = set()
        """UIDs of what is to be copied."""
        self._targets: Mapping[str, Draft] = {}
        """What the sources refer to, by UID."""
        self._made: dict[str, Draft] = {}
        """UID of a source → its copy."""
        self._later: list[tuple[Draft, str, object]] = []
        """Fields that name what is copied after their object."""
        self._taken_by: list[tuple[Draft, Draft, Mapping[str, object]]] = []
        """Each source with its copy and the values that this was given."""
        self._result: Copied
        self.found_unwritable = False

    def copy(self, source: Draft, container: Draft) -> None:
        """Plan the copy, and check it as a creation."""
        self._result = self._attempt.copied[self._place] = Copied(source)
        tree = list(self._tree(source))
        self._inside = {item.uid for item in tree}
        with self._planner.workspace.without_locks():
            self._targets = self._planner.by_uid(
                uid
                for item in tree
                for field in item.type.fields.values()
                if field.targets
                for uid in uids_in(item.data.get(field.name))
            )
        places = {source.parent_rid: container}
        for item in tree:
            holder = places.get(item.parent_rid)
            made = None if holder is None else self._one(item, holder, is_top=item is source)
            if made is not None:
                places[item.rid] = made
        for draft, name, value in self._later:
            self._planner.write(draft, name, self._led_inside(value))
        for item, made, values in self._taken_by:
            self._judge(item, made, values)
        if not self.found_unwritable:
            self._check()

    def _tree(self, source: Draft) -> Iterator[Draft]:
        """The object, and in order of age what of its contents is to be copied, each before what it contains."""
        yield source
        if not self._item.deep or source.type.creator is not None:
            # What a creator makes with its object is not copied beside.
            return
        below = self._planner.workspace.by_parent.get(source.rid, {}).values()
        for item in sorted(below, key=lambda item: (item.created, item.rid)):
            if item.removed or item.is_new or not self._planner.can(item, VIEW):
                continue
            reason = _whyuncopyable(item)
            if reason:
                self._result.left_out.append(LeftOut(item.path, "", reason))
            else:
                yield from self._tree(item)

    def _one(self, source: Draft, container: Draft, *, is_top: bool) -> Draft | None:
        """Make the copy of one object; None, and a note, when the user may not add it there."""
        planner, entity_type = self._planner, source.type
        if not is_top and not planner.can(container, entity_type.add_permission):
            message = f"To add a {entity_type.portal_type} needs the permission {entity_type.add_permission}."
            self._result.left_out.append(LeftOut(source.path, "", message))
            return None
        values, later = self._taken(source, is_top=is_top)
        if entity_type.container_from is not None:
            values[entity_type.container_from] = container.uid
        lacking = [name for name in required_fields(entity_type) if name in entity_type.create_parameters]
        lacking = [name for name in lacking if values.get(name) in _EMPTY]
        if lacking and is_top:
            self._attempt.fail(self._place, *missing(lacking))
            return None
        if lacking:
            self._result.left_out.append(LeftOut(source.path, "", f"It has nothing for {', '.join(lacking)}."))
            return None
        made = self._create(entity_type, container, values, self._item.id if is_top else None)
        if is_top:
            self._attempt.drafts[self._place] = made
            if self._item.id is not None:
                self._attempt.chosen_ids[self._place] = self._item.id
        self._made[source.uid] = made
        self._result.drafts.append(made)
        self._later.extend((made, name, value) for name, value in later.items())
        self._taken_by.append((source, made, {**values, **later}))
        return made

    def _create(
        self, entity_type: EntityType, container: Draft, values: Mapping[str, object], wanted: str | None
    ) -> Draft:
        planner = self._planner
        if entity_type.creator is None:
            own = {name: value for name, value in values.items() if name in entity_type.fields}
            return planner.create(entity_type.portal_type, container, own, id=wanted, system=True)
        creator = planner.registry.behaviors.creators[entity_type.creator]
        made = creator(planner, entity_type, container, values, wanted)
        if not isinstance(made, Draft):
            raise TypeError(f"the creator {entity_type.creator} did not return the object it created")
        return made

    # What is taken

    def _taken(self, source: Draft, *, is_top: bool) -> tuple[dict[str, object], dict[str, object]]:
        """The values of a copy, and those that are written once what they name has been copied."""
        values: dict[str, object] = {}
        later: dict[str, object] = {}
        sent = self._sent if is_top else {}
        for field in self._readable(source, sent):
            value = self._value(source, field)
            if self._names_later(value):
                later[field.name] = value
            elif value not in _EMPTY:
                values[field.name] = self._led_inside(value)
            elif field.default is not None or field.default_from is not None:
                # The source has nothing there, so a default would be something else.
                values[field.name] = None
        for parameter in source.type.create_parameters.values():
            if parameter.copied_from is not None and parameter.name not in sent:
                values[parameter.name] = self._parameter(source, parameter)
        return {**values, **sent}, later

    def _readable(self, source: Draft, sent: Mapping[str, object]) -> Iterator[Field]:
        """The fields that a copy takes; what the user may not read, or not write there, is noted."""
        planner = self._planner
        hidden = planner.context.site.access.hidden(source.portal_type, source.acl, source.scope, planner.rights)
        for field in source.type.fields.values():
            if field.name in sent or not _is_own(source.type, field) or field.copied is Copying.LEFT:
                continue
            if field.stored_on is not None and self._stays(source, field.stored_on, sent):
                # The copy has the value from the object that both refer to.
                continue
            if field.name in hidden:
                self._leave_out(source, field, "you may not read it")
            elif (source.uid, field.name) in self._unwritable:
                self._leave_out(source, field, "you may not write it in the copy")
            else:
                yield field

    def _stays(self, source: Draft, reference: str, sent: Mapping[str, object]) -> bool:
        """True when the copy will have a reference, so that what is stored behind it is there already."""
        if reference in sent:
            return bool(uids_in(sent[reference]))
        return bool(uids_in(self._value(source, source.type.fields[reference])))

    def _value(self, source: Draft, field: Field) -> object:
        """The value that is taken of a field, references without what the user may not see."""
        value = self._planner.values.field_value(source, field)
        if field.kind is not Kind.REFERENCE or field.copied is Copying.LEFT:
            return None if field.copied is Copying.LEFT else value
        uids = uids_in(value)
        if field.copied is Copying.INSIDE:
            uids = [uid for uid in uids if uid in self._inside]
        elif field.stored_on is None:
            seen = [uid for uid in uids if uid in self._targets and self._planner.can(self._targets[uid], VIEW)]
            if len(seen) < len(uids):
                self._leave_out(source, field, "it refers to what you may not see")
            uids = seen
        return list(uids) if field.multi else next(iter(uids), None)

    def _parameter(self, source: Draft, parameter: Field) -> object:
        """What a create parameter gets from the source, by its declared path; of what the user may see and read."""
        planner, path = self._planner, parameter.copied_from
        if path is None or path.attribute is None:
            return None
        access, found = planner.context.site.access, dict[str, None]()
        with planner.workspace.without_locks():
            for end in planner.workspace.follow(source, path.steps):
                hidden = access.hidden(end.portal_type, end.acl, end.scope, planner.rights)
                if planner.can(end, VIEW) and path.attribute not in hidden:
                    found.update((uid, None) for uid in uids_in(planner.value(end, path.attribute)))
        return list(found) if parameter.multi else next(iter(found), None)

    def _names_later(self, value: object) -> bool:
        """True for a value with the UID of something that is still to be copied."""
        if isinstance(value, str):
            return value in self._inside and value not in self._made
        parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return any(self._names_later(part) for part in parts)

    def _led_inside(self, value: object) -> object:
        """A value in which what names something that was copied names the copy."""
        if isinstance(value, str):
            made = self._made.get(value)
            return value if made is None else made.uid
        if isinstance(value, list):
            return [self._led_inside(part) for part in value]
        if isinstance(value, dict):
            return {name: self._led_inside(part) for name, part in value.items()}
        return value

    def _leave_out(self, source: Draft, field: Field, reason: str) -> None:
        entry = LeftOut(source.path, field.name, f"{field.name}: {reason}.")
        if entry not in self._result.left_out:
            self._result.left_out.append(entry)

    # Checks

    def _judge(self, source: Draft, made: Draft, values: Mapping[str, object]) -> None:
        """Note the fields whose writing needs more than the right to add the copy; those sent are refused."""
        sent = self._sent if source is self._result.source else {}
        self._attempt.fail(self._place, *not_creatable(self._planner, made, sent))
        for name in values:
            if name not in sent and not_creatable(self._planner, made, [name]):
                self._unwritable.add((source.uid, name))
                self.found_unwritable = True

    def _check(self) -> None:
        """Required fields, declared checks and what is out of use, of every copy."""
        causes: list[Cause] = []
        for source, draft, values in self._taken_by:
            required = [name for name in required_fields(draft.type) if name in draft.type.fields]
            lacking = [name for name in required if self._planner.value(draft, name) in _EMPTY]
            self._attempt.fail(self._place, *_lacking(draft, lacking))
            title = self._planner.values.title(draft)
            if source is self._result.source and self._sent_title not in (None, title):
                text = f"title: it is derived, and is {title!r} here; leave it out"
                causes.append(Cause("field", "title", text, object=draft.path, code="read_only"))
            causes.extend(failed_checks(self._planner, draft, values))
            causes.extend(self._with_remedy(source, references_out_of_use(self._planner, draft, values)))
        if causes:
            self._attempt.fail(self._place, ValidationError.from_causes(causes))

    def _with_remedy(self, source: Draft, causes: Iterable[Cause]) -> Iterator[Cause]:
        """Causes against references; of one that comes from the source they say what to send."""
        for cause in causes:
            if cause.kind != "field" or cause.name in self._sent:
                yield cause
            elif source is self._result.source:
                field = source.type.fields.get(cause.name) or source.type.create_parameters.get(cause.name)
                empty = "" if field is None or field.required else ", or an empty one,"
                yield replace(cause, message=f"{cause.message}; send another {cause.name}{empty} in fields")
            else:
                yield replace(cause, message=f"{cause.message}; change it there first, or send deep=0 to copy without")


def _lacking(draft: Draft, names: Sequence[str]) -> list[ApiError]:
    """The refusal of a copy whose required fields are empty."""
    causes = [
        Cause("field", name, f"{name}: the copy has none and needs one; give it in fields", draft.path, code="required")
        for name in names
    ]
    return [ValidationError.from_causes(causes)] if causes else []


def _is_own(entity_type: EntityType, field: Field) -> bool:
    """True for a stored field that belongs to the copy alone; a user is whom the original stands for."""
    login = entity_type.login is not None and entity_type.login.field == field.name
    return field.kind is not Kind.COMPUTED and field.alias_of is None and not field.system and not login
