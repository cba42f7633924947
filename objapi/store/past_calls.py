"""Calls of a transaction about what has been: history, trail, feed, former values, undo and restore."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from objapi.errors import Cause, Conflict, NotFound, TooLarge
from objapi.store.calls import Calls
from objapi.store.reading.former import FormerReader
from objapi.store.reading.history import HistoryReader
from objapi.store.requests import ByPath, ByUid, Former, HistoryPage, Outcome, Selector
from objapi.store.trail.changes import ChangeReader, Changes, ChangesWanted
from objapi.store.trail.reading import VIEW_TRAIL, AuditPage, AuditSearch, search_trail
from objapi.store.writing.batch_attempt import BatchAttempt, raised
from objapi.store.writing.draft import Draft
from objapi.store.writing.editing import Editor
from objapi.store.writing.past_requests import AccessOf, PastAccess, PastRequest, load_removal, load_request
from objapi.store.writing.undoing import UNDO, plan_undo, unknown_request


class PastCalls(Calls):
    """What a transaction tells of the past, and takes back of it."""

    def history(self, selector: Selector, *, offset: int = 0, size: int = 50) -> HistoryPage:
        """History of an object, newest first; also of a removed one, by its UID. Raises NotFound, Forbidden."""
        planner = self._planner()
        reader = HistoryReader(self._context)
        found = self._resolver(planner).select([selector])[0]
        if isinstance(found, Draft):
            return reader.of_object(found, offset, size)
        uid = selector.uid.lower() if isinstance(selector, ByUid) and isinstance(found, NotFound) else None
        page = None
        if uid is not None:
            removed = uid not in planner.workspace.unseen_uids
            page = reader.of_removed(uid, self._root(planner), offset, size, removed=removed)
        if page is None:
            # One answer to what is hidden and what never was: the difference would tell that the former exists.
            raise found
        return page

    def values_at(self, versions: Mapping[str, int]) -> Mapping[str, Mapping[str, object]]:
        """UID → the fields that have changed since a version of the object, with their stored values then.

        Objects are left out that are not there, or whose history the user may not see.
        """
        found = self._resolver(self._planner()).select([ByUid(uid) for uid in versions])
        known = {item.uid: (item, versions[item.uid]) for item in found if isinstance(item, Draft)}
        return HistoryReader(self._context).values_at(known)

    def audit(self, search: AuditSearch, size: int, after: str | None = None) -> AuditPage:
        """One page of the trail, for auditors. Raises Forbidden, and NotFound for a path without an object."""
        self.require_on_site(VIEW_TRAIL)
        if self.user.token is not None:
            self.user.token.require_all_objects("The trail cannot be read")
        return search_trail(self._context, search, size, after)

    def changes(self, wanted: ChangesWanted) -> Changes:
        """One page of the feed of changes, of what the user may see. Raises BadRequest."""
        return ChangeReader(self._context).page(wanted)

    def former(self, selectors: Sequence[ByUid | ByPath], instant: datetime) -> Former:
        """Objects as they were at an instant; one that was not there, or is not for the user, is left out.

        A path names the object that is there today. Raises Forbidden for a history that the user may not see, Conflict
        for a row of a table that was changed from outside.
        """
        planner = self._planner()
        found = [
            item if isinstance(item, NotFound) else raised(item) for item in self._resolver(planner).select(selectors)
        ]
        uids = [selector.uid.lower() if isinstance(selector, ByUid) else None for selector in selectors]
        return FormerReader(self._context, planner, self._root(planner), instant).answer(found, uids)

    def undo(self, request_id: str, *, access_of: AccessOf | None = None, dry_run: bool = False) -> Outcome:
        """Take back all that a request has done, by a request of its own.

        `access_of` takes back what it changed of users and roles, which is refused without.
        Raises NotFound for a request that changed nothing the user may see, Conflict naming what has happened to its
        objects since or why else it is not undone.
        """
        self.require_on_site(UNDO)
        past = load_request(self.connection, request_id)
        if past is None:
            raise unknown_request(request_id)
        changed = past.of_access()
        # First of all where there is any, since it may lock all users: those who change users lock these first, too.
        access = access_of(changed) if access_of is not None and changed else None
        outcome = self._take_back(past, access, dry_run=dry_run)
        return outcome if access is None else replace(outcome, access=tuple(access.take_back(dry_run=dry_run)))

    def restore(self, uid: str, *, dry_run: bool = False) -> Outcome:
        """Restore a removed object, with what it contained when it was removed, under its UID, id and path.

        Raises NotFound for an object that was not removed, Conflict for one that cannot be what it was.
        """
        self.require_on_site(UNDO)
        past = load_removal(self.connection, uid.lower())
        if past is None:
            message = f"There is no removed object {uid[:60]!r}."
            raise NotFound(message, causes=[Cause("object", uid, message)])
        return self._take_back(past, None, dry_run=dry_run)

    def _take_back(self, past: PastRequest, access: PastAccess | None, *, dry_run: bool) -> Outcome:
        uids = list(past.by_uid)
        if len(uids) > self._site.most_objects:
            raise TooLarge(f"{len(uids)} objects are concerned, the limit is {self._site.most_objects}.")
        self._context.recorder.undoes = past.name

        def plan(editor: Editor, places: Collection[int]) -> BatchAttempt:
            attempt = BatchAttempt(editor.planner)
            if len(places) < len(uids):
                # The plan of what could be done without the rest, which a refused dry run asks for: nothing could be.
                for place in places:
                    attempt.fail(place, Conflict("It is taken back with all the others or not at all."))
                return attempt
            plan_undo(attempt, past, {place: uids[place] for place in places}, access)
            return attempt

        # Nothing follows from taking back: automatic transitions that followed from the request go with it.
        return self._write([ByUid(uid) for uid in uids], plan, {"dry_run": dry_run}, follow=False)
