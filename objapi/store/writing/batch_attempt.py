"""What came of planning the items of one request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from objapi.errors import ApiError, combine
from objapi.store.requests import Selector
from objapi.store.writing.draft import Draft
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.resolve import Resolver
from objapi.store.writing.transitions import as_api_error
from workflows import WorkflowError


@dataclass(slots=True)
class BatchAttempt:
    """A draft or an error for each item, by its place in the request."""

    planner: StorePlanner
    drafts: dict[int, Draft] = field(default_factory=dict)
    errors: dict[int, ApiError] = field(default_factory=dict)
    updated: dict[int, tuple[str, ...]] = field(default_factory=dict)

    def fail(self, place: int, *errors: ApiError) -> None:
        """Note what is wrong with an item, beside what is known already."""
        if errors:
            known = [self.errors[place]] if place in self.errors else []
            self.errors[place] = combine([*known, *errors])

    def targets(self, resolver: Resolver, selectors: Mapping[int, Selector]) -> dict[int, Draft]:
        """The objects of selectors; what is not there is noted."""
        found = resolver.select(list(selectors.values()))
        targets: dict[int, Draft] = {}
        for place, draft in zip(selectors, found, strict=True):
            if isinstance(draft, ApiError):
                self.fail(place, draft)
            else:
                targets[place] = draft
        return targets

    def guarded(self, place: int, work: Callable[[], None]) -> None:
        """Do an item's work; what goes wrong in it, or is refused by a behaviour, is the item's error."""
        problems = self.planner.problems
        before = len(problems)
        try:
            work()
        except ApiError as error:
            self.fail(place, error)
        except WorkflowError as error:
            self.fail(place, as_api_error(error))
        self.fail(place, *problems[before:])
        del problems[before:]
