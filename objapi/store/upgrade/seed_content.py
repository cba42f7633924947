"""Making objects without a client: what a new site begins with, and content files."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from marshmallow import ValidationError as InvalidValue
from marshmallow import fields as marshmallow_fields

from objapi.errors import Cause, ValidationError
from objapi.model import kinds
from objapi.model.content import ContentObject, Ref
from objapi.model.types import EntityType, Field, Kind
from objapi.model.values import LoadContext, NewFile
from objapi.store.permissions.acls import PermissionOverrides
from objapi.store.records import to_micros
from objapi.store.writing.draft import Draft, WorkflowStatus
from objapi.store.writing.naming import taken_titles
from objapi.store.writing.plan_events import Created, Stepped
from objapi.store.writing.planner import StorePlanner
from workflows import PermissionSetting

Advance = Callable[[int], None]
_PLAIN: Final = frozenset({str, int, float, bool, type(None)})
"""Values that name no other object."""


@dataclass(frozen=True, slots=True)
class SeedContent:
    """Objects to be made, containers first, and the permissions to be written onto some of them."""

    objects: Sequence[ContentObject]
    permissions: Mapping[str, Mapping[str, PermissionSetting]] = field(default_factory=dict)
    in_order: bool = False
    """True where an object refers to earlier ones and to those of the site alone."""


def plan_contents(planner: StorePlanner, contents: SeedContent, context: LoadContext, advance: Advance) -> None:
    """Plan every object with the states that the contents name. Raises ValidationError with all that is wrong.

    Values are taken as they are: no effect of creation runs, since the contents are complete in themselves, but those
    that types declare for loading.
    """
    loader = _Loader(planner)
    planner.workspace.load_paths(dict.fromkeys(map(planner.context.full_path, _paths(contents.objects))))
    drafts: list[tuple[ContentObject, Draft | None]] = []
    with kinds.reading_with(context):
        if not contents.in_order:
            drafts = [(item, loader.begin(item)) for item in contents.objects]
        for place, item in enumerate(contents.objects):
            draft = loader.begin(item) if contents.in_order else drafts[place][1]
            if contents.in_order:
                drafts.append((item, draft))
            if draft is not None:
                loader.fill(item, draft)
                advance(1)
    loader.raise_problems()
    places = _Places(planner)
    for item, draft in drafts:
        if draft is not None and draft.is_new:
            planner.events.append(Created(draft))
            places.enter(draft, loader.states(item, draft) if item.states else {})
            _write_permissions(draft, contents.permissions.get(item.path, {}))
            planner.naming.count(draft)
    for item, draft in drafts:
        if draft is not None and draft.type.on_load:
            loader.run_effects(item, draft)
    items = {draft.rid: item for item, draft in drafts if draft is not None}
    loader.note_taken_titles(items)
    loader.note_taken_keys(items)
    loader.raise_problems()


_Placed = tuple[Mapping[str, WorkflowStatus], PermissionOverrides, list[Stepped]]
"""States of an object, the permissions written onto it, and its steps."""


class _Places:
    """Puts new objects into states, with the permissions of state and type.

    What that gives follows from type and states alone, since no guard is asked and all have one actor and instant.
    """

    def __init__(self, planner: StorePlanner) -> None:
        self._planner = planner
        self._first: dict[tuple[str, tuple[tuple[str, str], ...]], _Placed] = {}

    def enter(self, draft: Draft, states: Mapping[str, str]) -> None:
        """Put an object into states, the initial one of a workflow where none is named."""
        key = (draft.portal_type, tuple(sorted(states.items())))
        planner = self._planner
        if key not in self._first:
            before = len(planner.events)
            planner.place(draft, states)
            planner.write_own_permissions(draft)
            steps = [event for event in planner.events[before:] if isinstance(event, Stepped)]
            self._first[key] = (dict(draft.states), draft.settings, steps)
            return
        placed, settings, steps = self._first[key]
        draft.states.update(placed)
        if settings is not draft.settings:
            draft.settings = settings
        planner.events.extend(Stepped(draft, event.step) for event in steps)


def _paths(objects: Sequence[ContentObject]) -> Iterator[str]:
    """The paths of objects, of their containers and of what they refer to."""
    for item in objects:
        yield item.path
        yield item.container
        for value in item.fields.values():
            if type(value) not in _PLAIN:
                yield from _referred(value)


def _referred(value: object) -> Iterator[str]:
    match value:
        case Ref():
            yield value.path
        case Mapping():
            yield from _referred(tuple(value.values()))
        case list() | tuple():
            for item in value:
                yield from _referred(item)


@dataclass(frozen=True, slots=True)
class _FieldReader:
    """How the values of a field are read."""

    declared: Field
    field: marshmallow_fields.Field[Any] | None
    """None for a reference, whose values have been looked up."""

    @classmethod
    def of(cls, declared: Field) -> "_FieldReader":
        """The reader of a declared field."""
        return cls(declared, None if declared.kind is Kind.REFERENCE else kinds.marshmallow_field(declared))


class _Loader:
    """Reads contents into drafts, within `reading_with` of the kinds."""

    def __init__(self, planner: StorePlanner) -> None:
        self._planner = planner
        self._problems: list[Cause] = []
        self._readers: dict[str, Mapping[str, _FieldReader]] = {}
        """Type → the readers of its fields, made once: making one takes longer than reading a value."""

    def _problem(self, item: ContentObject, message: str) -> None:
        place = f"{item.source}: " if item.source else ""
        self._problems.append(Cause("object", item.path, f"{place}{item.path}: {message}"))

    def run_effects(self, item: ContentObject, draft: Draft) -> None:
        """Run the effects of loading; what they refuse is a problem of the object."""
        refused = self._planner.problems
        for name in draft.type.on_load:
            self._planner.registry.behaviors.effects[name](self._planner, draft, {})
        for error in refused:
            self._problem(item, error.message)
        refused.clear()

    def note_taken_titles(self, items: Mapping[int, ContentObject]) -> None:
        """Refuse titles that siblings have: the database would, too, and tell nobody which they are."""
        for draft, message in taken_titles(self._planner.workspace, self._planner.values):
            if draft.rid in items:
                self._problem(items[draft.rid], message)

    def note_taken_keys(self, items: Mapping[int, ContentObject]) -> None:
        """Refuse natural keys that other objects have, those of the contents included."""
        written = [
            draft
            for draft in map(self._planner.workspace.by_rid.__getitem__, items)
            if draft.type.natural_keys and (draft.is_new or draft.changed)
        ]
        keys = self._planner.keys if written else None
        for draft, cause in () if keys is None else keys.taken(written):
            self._problem(items[draft.rid], cause.message)

    def raise_problems(self) -> None:
        if self._problems:
            raise ValidationError.from_causes(self._problems)

    def begin(self, item: ContentObject) -> Draft | None:
        """The new object at its place, without values, so that others can refer to it; or the existing one."""
        planner = self._planner
        entity_type = planner.registry.types.get(item.portal_type)
        if entity_type is None:
            self._problem(item, f"there is no type {item.portal_type!r}")
            return None
        if entity_type.table is not None:
            self._problem(item, f"{item.portal_type} is stored in an existing table; create its rows through the API")
            return None
        container = None if item.path == "/" else planner.at(item.container)
        if item.path != "/" and container is None:
            self._problem(item, f"there is no container {item.container}")
            return None
        # An object of the same type at the path is completed, such as the settings that a profile lays out.
        there = planner.at(item.path)
        if there is not None:
            if there.is_new or there.portal_type != item.portal_type:
                self._problem(item, f"there is a {there.portal_type} at this path already")
                return None
            return there
        draft = planner.begin(entity_type, container, item.uid, planner.context.full_path(item.path))
        draft.creator = item.creator or draft.creator
        if item.created is not None:
            draft.created = draft.modified = to_micros(item.created)
            if item.modified is not None:
                draft.modified = max(to_micros(item.modified), draft.created)
            planner.workspace.contents_changed(draft)
        return draft

    def fill(self, item: ContentObject, draft: Draft) -> None:
        """Give the object its defaults and the values of the contents."""
        data, is_new = draft.data, draft.is_new
        if is_new:
            data.update(self._planner.filling(draft.type).defaults)
        readers = self._readers_of(draft.type)
        for name, raw in item.fields.items():
            reader = readers.get(name)
            if reader is None:
                self._problem(item, f"{name} is no field of {draft.portal_type} that can be stored")
                continue
            own = reader.declared.name
            try:
                stored = self._stored(reader, raw)
            except (ValueError, InvalidValue) as error:
                self._problem(item, f"{own}: {error}")
                continue
            if not is_new and data.get(own) != stored:
                draft.changed.setdefault(own, data.get(own))
            data[own] = stored

    def _stored(self, reader: "_FieldReader", raw: object) -> object:
        value = raw if type(raw) in _PLAIN else self._with_uids(raw)
        stored = _reference(value, reader.declared) if reader.field is None else reader.field.deserialize(value)
        return self._planner.store_file(stored) if isinstance(stored, NewFile) else stored

    def _readers_of(self, entity_type: EntityType) -> "Mapping[str, _FieldReader]":
        """The fields that can be stored, by their names and other names."""
        known = self._readers.get(entity_type.portal_type)
        if known is None:
            fields = entity_type.fields
            named = {name: fields[field.alias_of or name] for name, field in fields.items()}
            known = {name: _FieldReader.of(field) for name, field in named.items() if field.kind is not Kind.COMPUTED}
            self._readers[entity_type.portal_type] = known
        return known

    def _with_uids(self, raw: object) -> object:
        """The value with every mark of another object replaced by its UID."""
        if isinstance(raw, Ref):
            target = self._planner.at(raw.path)
            if target is None:
                raise ValueError(f"there is no object at {raw.path}")
            return target.uid
        if isinstance(raw, Mapping):
            return {name: self._with_uids(value) for name, value in raw.items()}
        if isinstance(raw, list | tuple):
            return [self._with_uids(value) for value in raw]
        return raw

    def states(self, item: ContentObject, draft: Draft) -> dict[str, str]:
        """Workflow id → state, from workflow ids or state variables; the rest is initial."""
        states: dict[str, str] = {}
        chain = self._planner.registry.chain(draft.portal_type)
        for name, state in item.states.items():
            fitting = [workflow for workflow in chain if name in (workflow.id, workflow.state_variable)]
            if len(fitting) != 1 or state not in fitting[0].states:
                self._problem(item, f"{name}: {state!r} is no state of one of its workflows")
            else:
                states[fitting[0].id] = state
        return states


def _reference(value: object, declared: Field) -> object:
    if not declared.multi:
        return value or None
    items = value if isinstance(value, list) else [value]
    return [item for item in items if item]


def _write_permissions(draft: Draft, permissions: Mapping[str, PermissionSetting]) -> None:
    if permissions:
        draft.settings = PermissionOverrides({**draft.settings.permissions, **permissions}, draft.settings.groups)
