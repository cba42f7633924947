"""A search for objects, read page by page as it is gone through."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar, cast

from objapi_client.errors import NotOne
from objapi_client.wire import Connection

T = TypeVar("T")

PAGE_SIZE: Final = 500


# Without slots: `Query[T](…)` notes T on a generic object, which a frozen one with slots refuses in Python 3.11.
@dataclass(frozen=True)
class Query(Generic[T]):
    """Objects that a search finds. Each loop reads them anew.

    A page begins behind the last object of the one before, so that nothing is missed and nothing comes twice when
    objects come and go meanwhile.
    """

    connection: Connection
    parameters: Mapping[str, Any]
    page_size: int = PAGE_SIZE

    def __iter__(self) -> Iterator[T]:
        """The objects, in order."""
        for page in self.pages():
            yield from page

    def pages(self) -> Iterator[list[T]]:
        """The objects in lists as they are read."""
        # What the first page does not mistake, the others do not either.
        asked = {**self.parameters, "page_size": self.page_size, "strict": True}
        while True:
            answer = self.connection.call("read", asked)
            if answer["objects"]:
                yield cast("list[T]", answer["objects"])
            following = answer.get("next")
            if following is None:
                return
            asked = {**self.parameters, "page_size": self.page_size, "next": following}

    def count(self) -> int:
        """The number of objects, without reading them."""
        answer = self.connection.call("read", {**self.parameters, "count_only": True, "strict": True})
        return int(answer["total_objects"])

    def first(self) -> T | None:
        """The first object; None when there is none."""
        return next(iter(Query[T](self.connection, self.parameters, 1)), None)

    def one(self) -> T:
        """The one object. Raises NotOne when there are none or several."""
        found = self.connection.call("read", {**self.parameters, "page_size": 2, "strict": True})
        if found["total_objects"] != 1:
            raise NotOne(f"One object was expected, there are {found['total_objects']}: {dict(self.parameters)}")
        return cast("T", found["objects"][0])
