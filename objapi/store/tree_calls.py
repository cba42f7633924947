"""Calls of a transaction that remove, copy and move objects, with what they contain."""

from collections.abc import Collection, Sequence
from typing import Unpack, cast

from objapi.errors import BadRequest, Cause
from objapi.store.calls import Calls
from objapi.store.requests import ByUid, CopyItem, Find, MoveItem, Outcome, Selector
from objapi.store.writing.batch_attempt import BatchAttempt
from objapi.store.writing.batch_plan import MakeOptions, WriteOptions, at_places
from objapi.store.writing.copying import Unwritable, plan_copies
from objapi.store.writing.editing import Editor
from objapi.store.writing.moving import plan_moves
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.removing import Removal, plan_removal


class TreeCalls(Calls):
    """What a transaction does to objects along with everything below them."""

    def remove(
        self,
        uids: Sequence[str],
        *,
        break_references: bool = False,
        plan_hash: str | None = None,
        **options: Unpack[WriteOptions],
    ) -> Outcome:
        """Remove objects with all they contain, all or none; with `partial` those that can be.

        Raises Conflict when `plan_hash` is given and is not that of the plan.
        """
        if not uids:
            raise BadRequest("No UID was given.", causes=[Cause("parameter", "UID", "No UID was given.")])
        selectors = [ByUid(uid) for uid in dict.fromkeys(uids)]
        removal = Removal(break_references, plan_hash)
        return self._remove(self._planner(), selectors, removal, options)

    def remove_found(
        self,
        find: Find,
        *,
        break_references: bool = False,
        plan_hash: str | None = None,
        **options: Unpack[WriteOptions],
    ) -> Outcome:
        """As `remove`, of every object that criteria find."""
        planner = self._planner()
        selectors = self._found(planner, find)
        removal = Removal(break_references, plan_hash)
        return self._remove(planner, selectors, removal, options)

    def _remove(
        self,
        planner: StorePlanner,
        selectors: Sequence[Selector],
        removal: Removal,
        options: WriteOptions,
    ) -> Outcome:
        def plan(editor: Editor, places: Collection[int]) -> BatchAttempt:
            attempt = BatchAttempt(editor.planner)
            targets = attempt.targets(editor.resolver, at_places(selectors, places))
            if options.get("partial") or not attempt.errors:
                plan_removal(attempt, targets, break_references=removal.break_references)
            return attempt

        return self._write(selectors, plan, options, planner, check=removal.confirmed)

    def copy(self, items: Sequence[CopyItem], **options: Unpack[MakeOptions]) -> Outcome:
        """Copy objects, with what they contain where an item says so: all or none, with `partial` those that can be.

        The states of a copy begin anew. What the user may not read or write is left out of it, as the entries say.
        """
        unwritable: set[Unwritable] = set()

        def plan(editor: Editor, places: Collection[int]) -> BatchAttempt:
            attempt = BatchAttempt(editor.planner)
            plan_copies(attempt, at_places(items, places), editor.resolver, unwritable)
            return attempt

        return self._write([item.source for item in items], plan, cast(WriteOptions, options))

    def move(
        self,
        items: Sequence[MoveItem],
        **options: Unpack[WriteOptions],
    ) -> Outcome:
        """Give objects other containers or ids, with all they contain: all or none, with `partial` those that can be.

        UIDs and histories stay.
        """

        def plan(editor: Editor, places: Collection[int]) -> BatchAttempt:
            attempt = BatchAttempt(editor.planner)
            plan_moves(attempt, at_places(items, places), editor.resolver)
            return attempt

        return self._write([item.target for item in items], plan, options)
