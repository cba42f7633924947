"""Persons whom objects such as contacts stand for, and the users who log in as them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from objapi.errors import ApiError, Cause, ValidationError
from objapi.model.registry import CatalogDeclaration
from objapi.model.types import LoginDeclaration
from objapi.store.context import RequestContext
from objapi.store.reading.finding import Finder
from objapi.store.requests import GrantTarget, Selector
from objapi.store.writing.draft import Draft
from objapi.store.writing.field_rules import MODIFY, why_out_of_use
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.resolve import Resolver


@dataclass(frozen=True, slots=True)
class Person:
    """A person whom an object stands for."""

    uid: str
    path: str
    portal_type: str
    login: LoginDeclaration
    user_id: str
    """The user who logs in as this person; empty: nobody does."""
    fullname: str
    email: str
    may_edit: bool
    """True when the acting user may change the object."""
    out_of_use: str | None
    """The reason why nothing new may refer to the object."""
    container: GrantTarget
    """The object on which the user has the local roles of the declaration."""


class Persons:
    """Persons as the acting user may see them."""

    def __init__(
        self,
        context: RequestContext,
        planner: StorePlanner,
        resolver: Callable[[StorePlanner], Resolver],
        finder: Finder,
    ) -> None:
        self._context = context
        self._planner = planner
        self._resolver = resolver
        self._finder = finder

    def select(self, selector: Selector) -> Person:
        """The person of one object. Raises NotFound, and ValidationError for an object that stands for nobody."""
        found = self._resolver(self._planner).select([selector])[0]
        if isinstance(found, ApiError):
            raise found
        person = self._person(found)
        if person is None:
            types = ", ".join(name for name, item in self._context.registry.types.items() if item.login is not None)
            message = f"{found.path} is a {found.portal_type}: log-ins are those of {types or 'nobody here'}."
            raise ValidationError.from_causes([Cause("object", found.path, message)])
        return person

    def of_user(self, user_id: str) -> list[Person]:
        """The persons as whom a user logs in, by path: one statement for each catalog that knows them."""
        registry, drafts = self._context.registry, dict[int, Draft]()
        for (catalog, index), types in registry.login_indexes.items():
            drafts |= self._found(registry.catalogs[catalog], {"portal_type": list(types), index: user_id})
        persons = [person for draft in drafts.values() if (person := self._person(draft)) is not None]
        return sorted((person for person in persons if person.user_id == user_id), key=lambda person: person.path)

    def of_users(self, user_ids: Sequence[str]) -> dict[str, str]:
        """User → UID of the first person, by path, as whom that user logs in: one statement for each catalog."""
        registry, drafts = self._context.registry, dict[int, Draft]()
        for (catalog, index), types in registry.login_indexes.items():
            criteria = {"portal_type": list(types), index: list(user_ids)}
            drafts |= self._found(registry.catalogs[catalog], criteria) if user_ids else {}
        found: dict[str, str] = {}
        for draft in sorted(drafts.values(), key=lambda draft: draft.path):
            login = draft.type.login
            name = None if login is None else self._planner.values.value(draft, login.field)
            if isinstance(name, str):
                found.setdefault(name, draft.uid)
        return found

    def _found(self, catalog: CatalogDeclaration, criteria: Mapping[str, object]) -> dict[int, Draft]:
        rids, workspace = self._finder.rids(catalog, criteria, most=None), self._planner.workspace
        workspace.load_rids(rids)
        return {rid: workspace.by_rid[rid] for rid in rids if rid in workspace.by_rid}

    def _person(self, draft: Draft) -> Person | None:
        login, container = draft.type.login, self._planner.workspace.parent(draft)
        if login is None or container is None:
            return None
        values, rights = self._planner.values, self._context.rights
        email = "" if login.email is None else values.value(draft, login.email)
        return Person(
            draft.uid,
            draft.path,
            draft.portal_type,
            login,
            str(values.value(draft, login.field) or ""),
            str(values.title(draft) or ""),
            str(email or ""),
            self._planner.can(draft, MODIFY),
            why_out_of_use(self._planner, draft),
            GrantTarget(
                container.rid,
                container.uid,
                container.path,
                container.portal_type,
                rights.roles_on(container.acl, container.scope),
            ),
        )
