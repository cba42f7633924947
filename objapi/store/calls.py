"""What the calls of a transaction stand on, whichever module they are in."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from sqlalchemy import Connection

from objapi.model.principal import Principal
from objapi.store.context import RequestContext, SiteContext
from objapi.store.permissions.rights import Rights
from objapi.store.reading.finding import Finder
from objapi.store.requests import ByItem, ByUid, Find, Outcome, Selector
from objapi.store.writing.batch_plan import CheckPlan, PlanItems, WriteOptions
from objapi.store.writing.draft import Draft
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.resolve import Resolver


class Calls(ABC):
    """One request of one user, to those who carry out a part of what it may ask."""

    connection: Connection
    user: Principal
    _context: RequestContext
    _site: SiteContext
    _rights: Rights

    @property
    @abstractmethod
    def _finder(self) -> Finder:
        """The reader of catalogs and documents."""

    @abstractmethod
    def require_on_site(self, permission: str) -> None:
        """Raise Forbidden unless the user holds a permission on the site's root."""

    @abstractmethod
    def _planner(self) -> StorePlanner:
        """A planner that has loaded nothing."""

    @abstractmethod
    def _planner_of(self, user: Principal) -> StorePlanner:
        """A planner of another user, who only reads, on the same connections."""

    @abstractmethod
    def _resolver(self, planner: StorePlanner) -> Resolver:
        """The resolver of selectors to what a planner loads."""

    @abstractmethod
    def _root(self, planner: StorePlanner) -> Draft:
        """The root of the site."""

    @abstractmethod
    def _one(self, planner: StorePlanner, selector: Selector) -> Draft:
        """One object that the user may see. Raises NotFound, InsufficientScope."""

    @abstractmethod
    def _found(self, planner: StorePlanner, find: Find) -> list[ByUid]:
        """The objects that criteria find, loaded by the planner."""

    @abstractmethod
    def _write(
        self,
        selectors: Sequence[Selector | ByItem],
        plan: PlanItems,
        options: WriteOptions,
        planner: StorePlanner | None = None,
        *,
        as_batch: bool = False,
        check: CheckPlan | None = None,
        follow: bool = True,
    ) -> Outcome:
        """Plan and do what is asked; `planner` has loaded it already. See `BatchPlan`.

        `follow`: take the transitions that are always automatic and become possible.
        """
