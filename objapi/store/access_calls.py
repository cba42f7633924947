"""Calls of a transaction about what its user, or another one, may do to objects."""

from collections.abc import Collection, Sequence

from objapi.errors import ApiError, Forbidden, combine
from objapi.model.principal import Principal
from objapi.store.access_requests import AccessQuestion, ObjectAccess
from objapi.store.calls import Calls
from objapi.store.requests import Offered, Selector
from objapi.store.writing.access import AccessExplainer, unseen_row
from objapi.store.writing.draft import Draft
from objapi.store.writing.transitions import offered


class AccessCalls(Calls):
    """What a transaction tells of permissions and transitions."""

    def may(self, selector: Selector, permission: str) -> bool:
        """True when the user holds a permission on an object. Raises NotFound."""
        draft = self._one(self._planner(), selector)
        return self.user.unrestricted or self._rights.may(permission, draft.acl, draft.scope)

    def offered(
        self, selectors: Sequence[Selector], *, explain: bool = False, language: str | None = None
    ) -> tuple[Offered, ...]:
        """The transitions that the user may take on each object; `explain` the others that its state lists, too.

        They are called as in a language. Raises NotFound naming every one that is not there.
        """
        known, missing = self.offered_of_those_found(selectors, explain=explain, language=language)
        _raise_all(missing)
        return known

    def offered_of_those_found(
        self, selectors: Sequence[Selector], *, explain: bool = False, language: str | None = None
    ) -> tuple[tuple[Offered, ...], tuple[ApiError, ...]]:
        """As `offered`, of the objects that are there, and the error of each that is not."""
        planner = self._planner()
        planner.world.explains = explain
        labels = planner.registry.labels(language)
        found = self._resolver(planner).select(selectors)
        missing = tuple(item for item in found if isinstance(item, ApiError))
        return tuple(offered(planner, draft, labels) for draft in found if isinstance(draft, Draft)), missing

    def access(
        self, selectors: Sequence[Selector], questions: Sequence[AccessQuestion], of: Principal | None = None
    ) -> tuple[ObjectAccess, ...]:
        """What the user, or another one, may do to each object, and by which rule. Raises NotFound.

        Of another user it tells nothing that the user may not see.
        """
        planner = self._planner()
        found = self._resolver(planner).select(selectors)
        _raise_all([item for item in found if isinstance(item, ApiError)])
        drafts = [item for item in found if isinstance(item, Draft)]
        if of is None:
            return tuple(AccessExplainer(planner, self._root(planner)).answers(drafts, questions))
        theirs = self._planner_of(of)
        explainer = AccessExplainer(theirs, self._root(theirs), self._rights)
        theirs.workspace.load_uids(draft.uid for draft in drafts)
        there = [theirs.workspace.by_uid[draft.uid] for draft in drafts if draft.uid in theirs.workspace.by_uid]
        answers = {answer.uid: answer for answer in explainer.answers(there, questions)}
        # A row that its rule does not show to the other user is not there for them.
        return tuple(
            answers.get(draft.uid) or unseen_row(questions, draft.uid, draft.path, draft.portal_type)
            for draft in drafts
        )

    def users(self, roles: Collection[str]) -> list[tuple[str, str]]:
        """The users who hold any of some roles. Raises Forbidden for a caller who is no staff."""
        staff = self._site.registry.roles.staff_roles
        if not self.user.unrestricted and self.user.roles.isdisjoint(staff):
            raise Forbidden(f"The list of users is for {', '.join(sorted(staff)) or 'nobody'}.")
        return self._site.users(self.connection, roles)


def _raise_all(errors: Sequence[ApiError]) -> None:
    if errors:
        raise combine(errors)
