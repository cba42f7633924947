"""Ids of new objects, each unique in its container: the one asked for, or what the rule of the type gives.

Numbers of ids are drawn from sequences, each once, for good. The next number is one more than the larger of the stored
counter and the highest that is in use. A counter's row is locked from the first look until the request ends, so two
requests never draw the same number; a number drawn by a request that fails is free again.

Ids and titles that stored objects have are looked up for all new and changed objects at once.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cached_property, partial
from typing import cast

from sqlalchemy import Connection, and_, or_, select, tuple_

from catalog.dialect import insert_rows, upsert_rows
from catalog.schema import PATH_DEPTH, PATH_LENGTH
from objapi.errors import Cause, Conflict, ValidationError
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
from objapi.model.paths import Path
from objapi.model.types import EntityType, IdKind
from objapi.store.permissions.acls import VIEW
from objapi.store.records import chunks, ids_beginning, rows_of_keys
from objapi.store.schema import entities, sequences
from objapi.store.writing.draft import Draft, Values
from objapi.store.writing.render import title_key
from objapi.store.writing.workspace import Workspace

SCANNED = 100
"""Ranges of ids that one statement looks through."""


class Sequences:
    """The counters that one request uses."""

    def __init__(self, connection: Connection, *, lock: bool) -> None:
        self._connection = connection
        self._lock = lock
        self._stored: dict[str, int] = {}
        self._values: dict[str, int] = {}
        self._absent: set[str] = set()
        """Prefixes whose counter was looked for in vain."""

    def __contains__(self, prefix: str) -> bool:
        return prefix in self._values

    def load(self, prefixes: Iterable[str], portal_type: str) -> None:
        """Have the counters of prefixes here, locked if asked to; where there is none, from the ids that are in use."""
        wanted = [prefix for prefix in dict.fromkeys(prefixes) if prefix not in self._values]
        columns = (sequences.c.name, sequences.c.value)
        for name, value in rows_of_keys(self._connection, columns, sequences.c.name, wanted, lock=self._lock):
            self._stored[name] = self._values[name] = value
        missing = [prefix for prefix in wanted if prefix not in self._values]
        self._absent.update(missing)
        for chunk in chunks(missing, SCANNED):
            self._values.update(self._in_use(chunk, portal_type))

    def next(self, prefix: str, portal_type: str, least: int, *, fresh: bool) -> int:
        """Draw a number for a prefix; `fresh` says that nothing can have used the prefix before this request."""
        value = max(self._highest(prefix, portal_type, fresh) + 1, least)
        self._values[prefix] = value
        return value

    def used(self, prefix: str, portal_type: str, number: int, *, fresh: bool) -> None:
        """Note that an id given by hand uses a number."""
        self._values[prefix] = max(self._highest(prefix, portal_type, fresh), number)

    def _highest(self, prefix: str, portal_type: str, fresh: bool) -> int:
        if prefix not in self._values:
            if fresh:
                self._values[prefix] = 0
            else:
                self.load([prefix], portal_type)
        return self._values[prefix]

    def _in_use(self, prefixes: Iterable[str], portal_type: str) -> dict[str, int]:
        """The highest number in use with each prefix, for counters that have no row yet."""
        highest = dict.fromkeys(prefixes, 0)
        ranges = [and_(entities.c.id >= prefix, entities.c.id < f"{prefix}\x7f") for prefix in highest]
        statement = select(entities.c.id).where(entities.c.portal_type == portal_type, or_(*ranges))
        for found in self._connection.scalars(statement):
            # Digits end an id, and a prefix may end in digits itself, so every way to part it counts.
            for end in range(len(found.rstrip("0123456789")), len(found)):
                number = number_of(found[:end], found)
                if found[:end] in highest and number is not None:
                    highest[found[:end]] = max(highest[found[:end]], number)
        return highest

    def write(self) -> None:
        """Store the counters that have moved."""
        rows = [
            {"name": prefix, "value": value}
            for prefix, value in self._values.items()
            if value != self._stored.get(prefix) and value > 0
        ]
        # A row that was not there could not be locked: who else makes it has drawn the same number, and must fail.
        insert_rows(self._connection, sequences, [row for row in rows if row["name"] in self._absent])
        upsert_rows(self._connection, sequences, [row for row in rows if row["name"] not in self._absent])


class Naming:
    """Finds the ids of the new objects of one request."""

    def __init__(self, workspace: Workspace, values: Values) -> None:
        self._workspace = workspace
        self._values = values
        self.sequences = Sequences(workspace.connection, lock=workspace.context.writes)
        self._plans: dict[str, IdPlan | str] = {}
        self._settings_draft: Draft | None = None
        self._stored_siblings: dict[tuple[int, str], list[str]] = {}
        """(Container, beginning of an id) → the ids that stored objects have there."""

    def expect(self, wanted: Iterable[tuple[EntityType, Draft, Mapping[str, object]]]) -> None:
        """Look up together which ids are taken, for new objects of some types, containers and values.

        It serves ids made from titles alone; of an object whose title is not among its values they are looked up later.
        """
        pairs: dict[tuple[int, str], None] = {}
        for entity_type, container, values in wanted:
            paths = form_paths(entity_type.id_rule.form)
            if entity_type.id_rule.kind is IdKind.FROM_TITLE and not container.is_new:
                with suppress(IdProblem):
                    if all(not path.steps and path.attribute in values for path in paths):
                        pairs[container.rid, str(self._plan_of(entity_type, partial(_given, values)))] = None
        if len(pairs) > 1:
            self._stored_siblings |= ids_beginning(self._workspace.connection, pairs, SCANNED)

    def name(self, draft: Draft, wanted: str | None) -> None:
        """Give a new object the id asked for, or one by its type's rule. Raises ValidationError, Conflict."""
        parent = draft.parent_rid
        container = self._workspace.by_rid.get(parent) if parent is not None else None
        new_id = self._explicit(draft, wanted) if wanted else self._by_rule(draft, container)
        path = f"{'' if container is None else container.path}/{new_id}"
        require_short(path, "obj_path")
        other = self._workspace.by_path.get(path)
        if other is not None and other is not draft and not other.removed:
            raise id_taken(path)
        draft.id = new_id
        self._workspace.moved(draft, path)

    def count(self, draft: Draft) -> None:
        """Keep the counter of the type's ids ahead of an id that was given by hand, or is given up."""
        if draft.type.id_rule.kind is not IdKind.SEQUENCE:
            return
        try:
            plan = self._plan(draft)
        except IdProblem:
            # The rule makes no id of these values, so it has no counter that the given one could be ahead of.
            return
        if isinstance(plan, IdPlan):
            number = number_of(plan.prefix, draft.id)
            if number is not None:
                fresh = plan.prefix not in self.sequences and self._is_fresh(draft)
                if not fresh:
                    self._load(draft, plan.prefix)
                self.sequences.used(plan.prefix, draft.portal_type, number, fresh=fresh)

    def relocated(self, draft: Draft, container: Draft, wanted: str | None) -> str:
        """The id of an object that is about to get another place: the one asked for, else its own.

        The number in the id that it gives up is not given again. Raises ValidationError, Conflict.
        """
        self.count(draft)
        try:
            new_id = draft.id if wanted is None else check_id(wanted)
        except IdProblem as error:
            raise ValidationError(str(error), causes=[Cause("parameter", "obj_id", str(error))]) from None
        path = f"{container.path}/{new_id}"
        other = self._workspace.by_path.get(path)
        if other is not None and other is not draft and not other.removed:
            raise id_taken(path)
        return new_id

    def _explicit(self, draft: Draft, wanted: str) -> str:
        try:
            draft.id = check_id(wanted)
        except IdProblem as error:
            raise ValidationError(str(error), causes=[Cause("parameter", "obj_id", str(error))]) from None
        self.count(draft)
        return wanted

    def _by_rule(self, draft: Draft, container: Draft | None) -> str:
        try:
            plan = self._plan(draft)
            if isinstance(plan, IdPlan):
                fresh = self._is_fresh(draft)
                if not fresh:
                    reserved = self._workspace.context.numbers.draw(plan.prefix, plan.least)
                    if reserved is not None:
                        return format_id(plan, reserved)
                    self._load(draft, plan.prefix)
                number = self.sequences.next(plan.prefix, draft.portal_type, plan.least, fresh=fresh)
                return format_id(plan, number)
        except IdProblem as error:
            raise ValidationError(f"No id for the new {draft.portal_type}: {error}") from None
        if draft.type.id_rule.kind is IdKind.FROM_TITLE and container is not None:
            return numbered(plan, self._siblings(container, plan))
        return plan

    def _load(self, draft: Draft, prefix: str) -> None:
        if prefix not in self.sequences:
            self.sequences.load(self._likely(draft, prefix), draft.portal_type)

    def _likely(self, draft: Draft, prefix: str) -> list[str]:
        """The prefix, and those of its fellows: when it names an object, one for every such object that is here."""
        paths = [path for path in form_paths(draft.type.id_rule.form) if path.steps and path.attribute == "id"]
        named = self._workspace.follow(draft, paths[0].steps) if len(paths) == 1 else []
        if len(named) != 1 or prefix.count(named[0].id) != 1:
            return [prefix]
        before, _, after = prefix.partition(named[0].id)
        fellows = self._workspace.by_type[named[0].portal_type].values()
        return [prefix, *(f"{before}{other.id}{after}" for other in fellows if not other.is_new)]

    def _siblings(self, container: Draft, beginning: str) -> frozenset[str]:
        """The ids in a container that begin with a text, those that this request gives included."""
        key = (container.rid, beginning)
        if key not in self._stored_siblings:
            wanted = () if container.is_new else (key,)
            self._stored_siblings[key] = ids_beginning(self._workspace.connection, wanted, SCANNED).get(key, [])
        stored = self._stored_siblings[key]
        here = self._workspace.by_parent.get(container.rid, {}).values()
        gone = {item.id for item in here if item.removed}
        return frozenset({*stored} - gone | {item.id for item in here if not item.removed})

    def _plan(self, draft: Draft) -> IdPlan | str:
        """The id, or its plan, that the type's rule makes of the object's values. Raises IdProblem."""
        known = self._plans.get(draft.portal_type)
        if known is not None:
            return known
        plan = self._made_plan(draft)
        if self._workspace.registry.ids.path is None and not form_paths(draft.type.id_rule.form):
            # Neither values nor settings are in it, so it is that of every object of the type in this request.
            self._plans[draft.portal_type] = plan
        return plan

    def _made_plan(self, draft: Draft) -> IdPlan | str:
        return self._plan_of(draft.type, lambda path: self._values.evaluate(draft, path))

    def _plan_of(self, entity_type: EntityType, values: Callable[[Path], object]) -> IdPlan | str:
        return plan_id(
            entity_type.id_rule,
            entity_type.portal_type,
            values=values,
            settings=self._settings(),
            now=self._local_time,
        )

    def _settings_object(self) -> Draft | None:
        path = self._workspace.registry.ids.path
        # One that is not there yet may be made by the request itself.
        if self._settings_draft is None and path is not None:
            with self._workspace.without_locks():
                self._settings_draft = self._workspace.at(path)
        return self._settings_draft

    @cached_property
    def _local_time(self) -> datetime:
        context = self._workspace.context
        return context.now.astimezone(context.site.zone)

    def _settings(self) -> IdSettingValues:
        declared, settings = self._workspace.registry.ids, self._settings_object()
        if settings is None or settings.removed:
            return IdSettingValues()
        rows = settings.data.get(declared.rows_field or "")
        year = settings.data.get(declared.year_field) if declared.year_field else None
        return IdSettingValues(
            cast(Sequence[Mapping[str, object]], rows if isinstance(rows, list) else ()),
            None if declared.year_field is None else bool(year),
            settings.data,
        )

    def _is_fresh(self, draft: Draft) -> bool:
        """True when the prefix names an object that this request creates, so that no number of it can be in use."""
        return any(
            path.attribute == "id" and any(other.is_new for other in self._workspace.follow(draft, path.steps))
            for path in form_paths(draft.type.id_rule.form)
            if path.steps
        )


def _given(values: Mapping[str, object], path: Path) -> object:
    return values.get(path.attribute or "")


def unique_title_fields(entity_type: EntityType) -> frozenset[str]:
    """The stored fields that make a title that must be unique; none where it may be shared."""
    if not entity_type.title_required or entity_type.title_shared:
        return frozenset()
    path = entity_type.title_path
    name = "title" if path is None else path.attribute or ""
    field = entity_type.fields.get(name)
    return frozenset({name if field is None or field.alias_of is None else field.alias_of})


def require_short(path: str, parameter: str) -> None:
    """Raise ValidationError, naming the parameter, for a path that is longer or deeper than can be stored."""
    if len(path) > PATH_LENGTH or path.count("/") > PATH_DEPTH:
        message = f"{path[:200]}: a path has at most {PATH_DEPTH} levels and {PATH_LENGTH} characters."
        raise ValidationError(message, causes=[Cause("parameter", parameter, message)])


def id_taken(path: str) -> Conflict:
    """The refusal of an id that another object of the container has."""
    where, _, own_id = path.rpartition("/")
    message = f"The id {own_id!r} is taken in {where or '/'}."
    return Conflict(message, causes=[Cause("parameter", "obj_id", message, code="taken")])


def taken_ids(workspace: Workspace) -> Iterator[tuple[Draft, Conflict]]:
    """The new and moved objects whose id an object that was there before has, with the refusal."""
    placed = [draft for draft in workspace.by_rid.values() if draft.is_new or draft.is_moved]
    new = {draft.path: draft for draft in placed if not draft.removed}
    inside_new = {draft.rid for draft in new.values() if draft.is_new}
    asked = (path for path, draft in new.items() if draft.parent_rid not in inside_new)
    for rid, path in rows_of_keys(workspace.connection, (entities.c.rid, entities.c.path), entities.c.path, asked):
        known = workspace.by_rid.get(rid)
        if known is None or (known.path == path and not known.removed):
            yield new[path], id_taken(path)


def taken_titles(workspace: Workspace, values: Values) -> Iterator[tuple[Draft, str]]:
    """The new, changed and moved objects whose title a sibling has, with a sentence that says so."""
    claimed: dict[tuple[int, str], Draft] = {}
    # Computing a title may load further objects.
    for draft in list(workspace.by_rid.values()):
        if draft.removed or not _gives_title(draft) or draft.parent_rid is None:
            continue
        if draft.type.title_required and not draft.type.title_shared:
            key = (draft.parent_rid, title_key(values.title(draft)))
            other = claimed.setdefault(key, draft)
            if other is not draft:
                is_seen = workspace.context.rights.may(VIEW, other.acl, other.scope)
                yield draft, _sentence(workspace, values, draft, other.id if is_seen else None)
    for chunk in chunks(claimed):
        pair = tuple_(entities.c.parent, entities.c.title_key)
        columns = (
            entities.c.rid,
            entities.c.parent,
            entities.c.title_key,
            entities.c.id,
            entities.c.acl,
            entities.c.scope,
        )
        for rid, parent, key, other_id, acl, scope in workspace.connection.execute(
            select(*columns).where(pair.in_(chunk))
        ):
            draft = claimed[parent, key]
            known = workspace.by_rid.get(rid)
            if rid != draft.rid and not (known is not None and (known.removed or _gives_title(known))):
                is_seen = workspace.context.rights.may(VIEW, workspace.acls[acl], scope)
                yield draft, _sentence(workspace, values, draft, other_id if is_seen else None)


def _gives_title(draft: Draft) -> bool:
    """True for an object whose title in its container may be another than the stored one.

    A new one that never got an id was begun for an item that fails, and will not be there.
    """
    return bool(draft.id) and (draft.is_new or bool(draft.changed) or draft.is_moved)


def _sentence(workspace: Workspace, values: Values, draft: Draft, other_id: str | None) -> str:
    """The refusal of a title; `other_id` is that of the sibling which has it, None of one that the user may not see."""
    container = workspace.parent(draft)
    where = container.path if container is not None else "the site"
    by = "" if other_id is None else f" by {other_id}"
    return f"title: {values.title(draft)!r} is taken in {where}{by}; choose another title."
