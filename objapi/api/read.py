"""`read`: the objects that a catalog finds, in order, a page of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from objapi.api.call import Call, Json
from objapi.api.pages import Page, page_of
from objapi.api.parameters import Controls
from objapi.api.replies import Listing
from objapi.errors import ApiError, BadRequest, Unauthorized
from objapi.store.requests import Find
from objapi.store.transaction import Transaction

# Old listing pages send the source of a template in place of a state; no state has such a name.
_TEMPLATE: Final = re.compile(r"[{}]")
_TEMPLATED: Final = frozenset({"review_state"})
_LIMITS: Final = ("sort_limit", "b_start", "b_size")


@dataclass(frozen=True, slots=True)
class Search:
    """What a read asks for: a search, the page that was named, and what of the request could not be meant."""

    find: Find
    page: Page
    warnings: tuple[str, ...]


def streams(controls: Controls) -> bool:
    """Whether the answer may be too large for one piece: `page_size=0` asks for all there is."""
    return controls.whole("page_size") == 0


def read(call: Call, tx: Transaction) -> Json:
    """One page of what is found, with its numbers."""
    search = search_of(call)
    found = tx.find(search.find)
    return {
        **_head(call, search, found.total, len(found.objects), found.warnings),
        "objects": found.objects,
    }


def read_all(call: Call, tx: Transaction) -> Listing:
    """Everything that is found, in chunks."""
    search = search_of(call)
    streamed = tx.stream(search.find)
    return Listing(_head(call, search, streamed.total, streamed.count, streamed.warnings), streamed)


def refused(error: ApiError) -> Json:
    """What a failed read carries besides: pullers test `total_objects` before anything else."""
    return {"total_objects": 0, "objects": []} if isinstance(error, Unauthorized) else {}


def _head(call: Call, search: Search, total: int, count: int, warnings: tuple[str, ...]) -> Json:
    head = {
        **search.page.envelope(total, count),
        "_authenticator": call.authenticator(),
    }
    told = [*search.warnings, *warnings]
    return {**head, "warnings": told} if told else head


def search_of(call: Call) -> Search:
    """The search that the parameters of a read describe. Raises BadRequest for what cannot be meant."""
    controls = call.controls
    page = page_of(call)
    criteria, warnings = meant_criteria(controls.rest)
    references = controls.text("references")
    if references not in (None, "uid", "title"):
        raise BadRequest.of_parameter("references", f"references: uid or title is expected, not {references!r}.")
    include = controls.names("include_fields")
    find = Find(
        criteria={**criteria, **_order_limits(controls)},
        catalog=controls.text("catalog_name"),
        sort_on=controls.names("sort_on"),
        sort_order=controls.names("sort_order") or None,
        limit=controls.whole("limit") or 0,
        offset=page.offset,
        size=page.size,
        include_fields=include or None,
        include_methods=controls.names("include_methods"),
        expand=controls.names("expand"),
        reference_titles=(references or call.settings.references) == "title",
        transitions=call.settings.transitions_in_read or "transitions" in include,
        strict=controls.flag("strict"),
        count_missing=controls.flag("warnings") or controls.flag("strict"),
    )
    return Search(find, page, warnings)


def _order_limits(controls: Controls) -> dict[str, object]:
    """The older ways to cut the sorted result, which the catalog reads itself; only those that were sent."""
    return {name: controls.whole(name) for name in _LIMITS if name in controls.sent}


def meant_criteria(rest: Mapping[str, object]) -> tuple[dict[str, object], tuple[str, ...]]:
    """The criteria without those that cannot be meant, and a warning for each that was left out."""
    criteria: dict[str, object] = {}
    warnings: list[str] = []
    for name, value in rest.items():
        if name in _TEMPLATED and isinstance(value, str) and _TEMPLATE.search(value):
            warnings.append(f"{name}: {value[:60]!r} cannot be meant as a state; the criterion was ignored.")
        else:
            criteria[name] = value
    return criteria, tuple(warnings)
