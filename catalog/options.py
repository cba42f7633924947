"""How queries are read: the original catalog's rules, or the gateway's gentler ones."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Final, Literal

SAFE_FALSE_WORDS: Final = frozenset({"", "0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class QueryOptions:
    """The points at which readings differ.

    empty_query: what a query without any index name finds.
    unknown_option: whether an option that an index kind does not have is a problem, or just an unknown name.
    paths: `exact` compares paths as given; `site` supplies slashes and `site_id` when level is absent or 0.
    ties: equal sort keys go by creation order, ascending always or in the direction of the sort.
    boolean_words: `python` takes every non-empty string as true; `safe` takes 0, false, no, off (any case) as false.
    local_zone: the zone of dates without one.
    not_fault: repeat a fault of the original, whose date index excludes nothing when `not` stands beside a query.
    """

    empty_query: Literal["nothing", "everything"] = "nothing"
    unknown_option: Literal["error", "ignore"] = "error"
    paths: Literal["exact", "site"] = "exact"
    site_id: str = ""
    ties: Literal["by_direction", "ascending"] = "ascending"
    boolean_words: Literal["python", "safe"] = "python"
    local_zone: tzinfo = UTC
    not_fault: bool = False

    @classmethod
    def zope(cls, local_zone: tzinfo = UTC) -> "QueryOptions":
        """The behaviour of the original catalog, without its known faults."""
        return cls(local_zone=local_zone)

    @classmethod
    def gateway(cls, site_id: str, local_zone: tzinfo = UTC) -> "QueryOptions":
        """The behaviour of the JSON API: nothing surprising, nothing hidden."""
        return cls(
            empty_query="everything",
            unknown_option="ignore",
            paths="site",
            site_id=site_id,
            ties="by_direction",
            boolean_words="safe",
            local_zone=local_zone,
        )

    def truth(self) -> Callable[[object], bool]:
        """The function that tells whether a criterion means true."""
        return safe_truth if self.boolean_words == "safe" else bool


def safe_truth(value: object) -> bool:
    """Truth by Python's rules, except that the words 0, false, no and off are false."""
    if isinstance(value, str):
        return value.strip().lower() not in SAFE_FALSE_WORDS
    return bool(value)
