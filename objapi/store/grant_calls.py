"""Calls of a transaction that the accounts and grants of `objapi.security` need of objects."""

from collections.abc import Sequence
from functools import cached_property

from objapi.errors import ApiError, Cause, ValidationError
from objapi.store.calls import Calls
from objapi.store.permissions.acls import VIEW, ensure_scope
from objapi.store.reading.persons import Persons
from objapi.store.requests import AccessEvent, GrantTarget, Selector
from objapi.store.writing.draft import Draft


class GrantCalls(Calls):
    """What a transaction tells and records of who may do what."""

    @cached_property
    def persons(self) -> Persons:
        """Persons whom objects stand for, and whose log-ins they have."""
        return Persons(self._context, self._planner(), self._resolver, self._finder)

    def grant_target(self, selector: Selector) -> GrantTarget:
        """The object on which local roles are to be granted. Raises NotFound, and ValidationError for a table's row."""
        (found,) = self.grant_targets([selector])
        if isinstance(found, ApiError):
            raise found
        return found

    def grant_targets(self, selectors: Sequence[Selector]) -> list[GrantTarget | ApiError]:
        """The same of several objects at once, with a refusal in place of each that it is not to be."""
        found = self._resolver(self._planner()).select(selectors)
        return [item if isinstance(item, ApiError) else self._target(item) for item in found]

    def _target(self, draft: Draft) -> GrantTarget | ApiError:
        if draft.type.table is not None:
            message = f"{draft.path} is a row of a table: its type declares who sees it; it has no local roles."
            return ValidationError.from_causes([Cause("object", draft.path, message)])
        roles = self._rights.roles_on(draft.acl, draft.scope)
        return GrantTarget(draft.rid, draft.uid, draft.path, draft.portal_type, roles)

    def may_view(self, acl: int, scope: int) -> bool:
        """True when the user may view the objects of an acl in a scope."""
        return self._rights.may(VIEW, self._context.acls[acl], scope)

    def knows_in_tables(self, user_id: str) -> bool:
        """True when tables of other programs have a person of a user's id, whose rows that user would see."""
        return self._context.rows.visibility.knows(user_id)

    def roles_on(self, acl: int, scope: int) -> frozenset[str]:
        """The roles that the user has on the objects of an acl in a scope."""
        return self._rights.roles_on(self._context.acls[acl], scope)

    def make_scope(self, rid: int) -> None:
        """Make an object one on which local roles are granted, unless it is."""
        ensure_scope(self.connection, self._site.tables, rid)

    def record(self, event: AccessEvent) -> None:
        """Add a change of who may do what to the history."""
        self._context.recorder.note(event)
