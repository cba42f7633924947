"""Ids of new objects: the one asked for, or what the rule of the type gives; numbers are drawn from the sequences.

Whether an id is taken by an object that this request has not loaded is asked for all new objects at once, by `taken`.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from catalog.schema import PATH_DEPTH, PATH_LENGTH
from objapi.errors import Cause, ValidationError
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
from objapi.model.types import IdKind
from objapi.store.records import ids_beginning
from objapi.store.sequences import Sequences
from objapi.store.writing.draft import Draft
from objapi.store.writing.uniqueness import id_taken

if TYPE_CHECKING:
    from objapi.store.writing.planner import StorePlanner


class Naming:
    """Finds the ids of the new objects of one planner."""

    def __init__(self, planner: "StorePlanner") -> None:
        self._planner = planner
        self._workspace = planner.workspace
        self.sequences = Sequences(planner.context.connection)

    def name(self, draft: Draft, wanted: str | None) -> None:
        """Give a new object the id asked for, or one by its type's rule. Raises ValidationError, Conflict."""
        parent = draft.parent_rid
        container = self._workspace.by_rid.get(parent) if parent is not None else None
        new_id = self._explicit(draft, wanted) if wanted else self._by_rule(draft, container)
        path = f"{'' if container is None else container.path}/{new_id}"
        if len(path) > PATH_LENGTH or path.count("/") > PATH_DEPTH:
            message = f"{path[:200]}: a path has at most {PATH_DEPTH} levels and {PATH_LENGTH} characters."
            raise ValidationError(message, causes=[Cause("parameter", "obj_path", message)])
        other = self._workspace.by_path.get(path)
        if other is not None and other is not draft and not other.removed:
            raise id_taken(path)
        draft.id = new_id
        self._workspace.moved(draft, path)

    def count(self, draft: Draft) -> None:
        """Keep the counter of the type's ids ahead of an id that was given by hand."""
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
                self.sequences.used(plan.prefix, draft.portal_type, number, fresh=self._is_fresh(draft))

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
                    self.sequences.load(self._likely(draft, plan.prefix), draft.portal_type)
                number = self.sequences.next(plan.prefix, draft.portal_type, plan.least, fresh=fresh)
                return format_id(plan, number)
        except IdProblem as error:
            raise ValidationError(f"No id for the new {draft.portal_type}: {error}") from None
        if draft.type.id_rule.kind is IdKind.FROM_TITLE and container is not None:
            return numbered(plan, self._siblings(container, plan))
        return plan

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
        stored = () if container.is_new else ids_beginning(self._planner.context.connection, container.rid, beginning)
        here = self._workspace.by_parent.get(container.rid, {}).values()
        gone = {item.id for item in here if item.removed}
        return frozenset({*stored} - gone | {item.id for item in here if not item.removed})

    def _plan(self, draft: Draft) -> IdPlan | str:
        """What the type's rule makes of the object's values. Raises IdProblem."""
        return plan_id(
            draft.type.id_rule,
            draft.portal_type,
            values=lambda path: self._planner.values.evaluate(draft, path),
            settings=self._settings(),
            now=self._planner.now.astimezone(self._planner.context.zone),
        )

    def _settings(self) -> IdSettingValues:
        declared = self._planner.registry.ids
        with self._planner.without_locks():
            settings = self._planner.at(declared.path) if declared.path is not None else None
        if settings is None:
            return IdSettingValues()
        rows = settings.data.get(declared.rows_field or "")
        year = settings.data.get(declared.year_field) if declared.year_field else None
        return IdSettingValues(
            cast(Sequence[Mapping[str, object]], rows if isinstance(rows, list) else ()),
            None if declared.year_field is None else bool(year),
            settings.data,
        )

    def _is_fresh(self, draft: Draft) -> bool:
        """Whether the prefix names an object that this request creates, so that no number of it can be in use."""
        return any(
            path.attribute == "id" and any(other.is_new for other in self._workspace.follow(draft, path.steps))
            for path in form_paths(draft.type.id_rule.form)
            if path.steps
        )
