"""Stored values and states that a changed declaration does not know, counted by type; and moving those it maps."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select

from objapi.model.fit import has_value, misfit, moved_value
from objapi.model.registry import Registry
from objapi.model.types import EntityType, Field, Kind
from objapi.model.validation import required_fields
from objapi.model.values import LoadContext
from objapi.store.context import SiteContext
from objapi.store.records import CHUNK, chunks
from objapi.store.schema import entities
from objapi.store.upgrade.installing import system_planner
from objapi.store.writing.apply_plan import apply_plan
from objapi.store.writing.draft import Draft
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.workspace import uids_in
from objapi.store.writing.write_set import compute_write_set
from workflows import Workflow, state_id

FIRST: Final = 3
"""Number of objects that are named of all that do not fit for one reason."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """A value or state of an object that the declarations do not know.

    `code`: required, value, reference, undeclared; moved for what the declarations map; state for a state they do not.
    """

    portal_type: str
    subject: str
    code: str
    message: str
    uid: str
    number: int = 1
    """Number of objects that it stands for, `uid` being the first."""

    @classmethod
    def of_state(
        cls, portal_type: str, subject: str, state: str, moved: str | None, uid: str, number: int = 1
    ) -> "Misfit":
        """A state that is not declared any more, and where it is moved to, if it is."""
        if moved is not None:
            return cls(portal_type, subject, "moved", f"moved from {state} to {moved}", uid, number)
        message = f"in the state {state}, which is not declared; say where to by moved_states: {{{state}: …}}"
        return cls(portal_type, subject, "state", message, uid, number)


@dataclass(slots=True)
class Survey:
    """Misfits of a site by type, subject and reason, each with its number and the first objects."""

    _found: dict[tuple[str, str, str, str], list[str]] = field(default_factory=dict)
    _counts: dict[tuple[str, str, str, str], int] = field(default_factory=dict)
    _messages: dict[tuple[str, str, str, str], str] = field(default_factory=dict)

    def add(self, misfits: Iterable[Misfit]) -> None:
        """Count more misfits; what is remembered of them does not grow with their number."""
        for item in misfits:
            # The messages of states and moves name a word each and are few; those of values may all differ, so that the
            # first stands for all.
            key = (item.portal_type, item.subject, item.code, item.message if item.code in ("moved", "state") else "")
            self._counts[key] = self._counts.get(key, 0) + item.number
            self._messages.setdefault(key, item.message)
            first = self._found.setdefault(key, [])
            if len(first) < FIRST:
                first.append(item.uid)

    def lines(self) -> tuple[str, ...]:
        """One line for each type, field or workflow and reason."""
        return tuple(self._line(key) for key in sorted(self._counts))

    @property
    def obstacles(self) -> tuple[str, ...]:
        """The lines about states that no declaration moves: nobody could take an object out of them."""
        return tuple(self._line(key) for key in sorted(self._counts) if key[2] == "state")

    def _line(self, key: tuple[str, str, str, str]) -> str:
        portal_type, subject, _, _ = key
        number = self._counts[key]
        objects = "1 object" if number == 1 else f"{number} objects"
        return f"{portal_type}, {subject}: {objects}: {self._messages[key]} (first: {', '.join(self._found[key])})"


@dataclass(frozen=True, slots=True)
class _TypeChecks:
    """Checks of the values and states of one type's objects."""

    required: Container[str]
    fields: tuple[tuple[Field, bool], ...]
    """The fields stored on the object itself; True for one that takes any text."""
    workflows: tuple[Workflow, ...]


def _checks_of(registry: Registry, entity_type: EntityType) -> _TypeChecks:
    fields = tuple((declared, _takes_any_text(declared)) for declared in _stored_fields(entity_type))
    return _TypeChecks(required_fields(entity_type), fields, registry.chain(entity_type.portal_type))


def _takes_any_text(declared: Field) -> bool:
    return declared.kind in (Kind.STRING, Kind.TEXT) and not (declared.vocabulary or declared.moved_values)


def survey(site: SiteContext, connection: Connection, drafts: Sequence[Draft], context: LoadContext) -> list[Misfit]:
    """The misfits of some objects; one statement for each few hundred references."""
    registry = site.registry
    types = {draft.portal_type: draft.type for draft in drafts}
    of_type = {name: _checks_of(registry, entity_type) for name, entity_type in types.items()}
    targets = _types_of(site, connection, drafts, of_type)
    found: list[Misfit] = []
    for draft in drafts:
        checks = of_type[draft.portal_type]
        found.extend(_state_misfits(checks.workflows, draft))
        found.extend(_value_misfits(draft, checks, targets, context))
    return found


def _state_misfits(workflows: Iterable[Workflow], draft: Draft) -> Iterator[Misfit]:
    for workflow in workflows:
        state = state_id(workflow, draft)
        if state in workflow.states:
            continue
        subject = f"{workflow.state_variable} of {workflow.id}"
        yield Misfit.of_state(draft.portal_type, subject, state, workflow.moved_states.get(state), draft.uid)


def _value_misfits(
    draft: Draft, checks: _TypeChecks, targets: Mapping[str, str], context: LoadContext
) -> Iterator[Misfit]:
    data = draft.data
    for declared, any_text in checks.fields:
        stored = data.get(declared.name)
        if any_text and isinstance(stored, str) and 0 < len(stored) <= context.max_text:
            continue
        found = _value_misfit(declared, stored, checks, targets, context)
        if found is not None:
            yield Misfit(draft.portal_type, f"field {declared.name}", *found, draft.uid)
    for name in data.keys() - draft.type.fields.keys():
        if data[name] not in (None, "", [], {}):
            yield Misfit(draft.portal_type, f"field {name}", "undeclared", "it is not declared any more", draft.uid)


def _value_misfit(
    declared: Field, stored: object, checks: _TypeChecks, targets: Mapping[str, str], context: LoadContext
) -> tuple[str, str] | None:
    """Code and message for a stored value; None for one that fits."""
    if not has_value(declared, stored):
        return ("required", "it is required and has no value") if declared.name in checks.required else None
    moved = moved_value(declared, stored) if declared.moved_values else stored
    if moved != stored:
        return "moved", f"moved from {stored!r} to {moved!r}"
    if (why := misfit(declared, stored, context)) is not None:
        return "value", why
    astray = _astray(declared, stored, targets)
    return None if astray is None else ("reference", astray)


def _stored_fields(entity_type: EntityType) -> Iterator[Field]:
    """The fields whose values are stored on the object itself."""
    for declared in entity_type.fields.values():
        if declared.kind is not Kind.COMPUTED and declared.alias_of is None and declared.stored_on is None:
            yield declared


def _astray(declared: Field, stored: object, targets: Mapping[str, str]) -> str | None:
    if declared.kind is not Kind.REFERENCE:
        return None
    for uid in uids_in(stored):
        found = targets.get(uid)
        if found is None:
            return f"it refers to {uid}, which is gone"
        if found not in declared.targets:
            return f"it refers to a {found}, and may to {', '.join(declared.targets)}"
    return None


def _types_of(
    site: SiteContext, connection: Connection, drafts: Sequence[Draft], checks: Mapping[str, _TypeChecks]
) -> dict[str, str]:
    """UID → type of everything that the objects refer to."""
    references = {
        name: [declared.name for declared, _ in found.fields if declared.kind is Kind.REFERENCE]
        for name, found in checks.items()
    }
    uids = dict.fromkeys(
        uid for draft in drafts for name in references[draft.portal_type] for uid in uids_in(draft.data.get(name))
    )
    names = site.rows.names
    found: dict[str, str] = {}
    stored: list[str] = []
    for uid in uids:
        rid = names.of_uid(uid)
        if rid is None:
            stored.append(uid)
        else:
            found[uid] = names.of_rid(rid)[0]
    for chunk in chunks(stored):
        statement = select(entities.c.uid, entities.c.portal_type).where(entities.c.uid.in_(chunk))
        found.update((row.uid, row.portal_type) for row in connection.execute(statement))
    return found


def move_next(site: SiteContext, connection: Connection, now: datetime, after: int) -> tuple[int, int]:
    """Move states and values of the next objects after a row number, as the declarations map them, with history.

    Returns the last row number and the number of objects looked at. Guards, effects and cascades are not asked.
    """
    statement = (
        select(entities.c.rid)
        .where(entities.c.rid > after, entities.c.portal_type.in_(_mapping_types(site.registry)))
        .order_by(entities.c.rid)
        .limit(CHUNK)
    )
    rids = list(connection.scalars(statement))
    if not rids:
        return after, 0
    planner = system_planner(site, connection, now)
    planner.workspace.load_rids(rids)
    for rid in rids:
        _move(planner, planner.workspace.by_rid[rid])
    write_set = compute_write_set(planner)
    if not write_set.empty:
        # A catalog that the declarations add holds none of the objects until the upgrade indexes them all.
        apply_plan(planner, write_set.rendered_whole())
        planner.context.write_history()
    return rids[-1], len(rids)


def count_movable(connection: Connection, registry: Registry) -> int:
    """Number of objects of types for which the declarations move states or values."""
    of_types = entities.c.portal_type.in_(_mapping_types(registry))
    return connection.scalar(select(func.count()).select_from(entities).where(of_types)) or 0


def _mapping_types(registry: Registry) -> list[str]:
    return [name for name, item in registry.types.items() if _maps(registry, item)]


def _maps(registry: Registry, entity_type: EntityType) -> bool:
    moved: Iterable[Workflow] = registry.chain(entity_type.portal_type)
    return any(workflow.moved_states for workflow in moved) or any(
        item.moved_values for item in entity_type.fields.values()
    )


def _move(planner: StorePlanner, draft: Draft) -> None:
    for workflow in planner.registry.chain(draft.portal_type):
        state = workflow.moved_states.get(state_id(workflow, draft))
        if state is not None:
            planner.run.place(draft, state, workflow=workflow, comment="The state is declared under another name.")
    for declared in _stored_fields(draft.type):
        stored = draft.data.get(declared.name)
        moved = moved_value(declared, stored) if declared.moved_values else stored
        if moved != stored:
            # The effects of the field are for changes by people; a word under its new name is none.
            draft.changed.setdefault(declared.name, stored)
            draft.data[declared.name] = moved
