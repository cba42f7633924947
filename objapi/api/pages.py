"""Paging: which part of a result is asked for, and how the answer says which part it is."""

from dataclasses import dataclass

from objapi.api.call import Call, Json
from objapi.errors import BadRequest


@dataclass(frozen=True, slots=True)
class Page:
    """A page of `size` objects from `offset` on; size 0 is all that is left."""

    offset: int
    size: int

    def envelope(self, total: int, count: int) -> Json:
        """The keys of an answer that say which part of the result it holds."""
        return {
            "total_objects": total,
            "first_object_nr": self.offset,
            "last_object_nr": self.offset + count,
        }


def page_of(call: Call) -> Page:
    """The page that `page_nr` and `page_size` ask for; raises BadRequest for one larger than the site allows."""
    number, size = call.controls.whole("page_nr") or 0, call.controls.whole("page_size") or 0
    if size > call.settings.max_page_size:
        raise BadRequest.of_parameter(
            "page_size",
            f"page_size: {size} is more than the limit of this site, {call.settings.max_page_size}; "
            "ask for several pages, or for page_size=0, which read streams.",
        )
    return Page(number * size, size)
