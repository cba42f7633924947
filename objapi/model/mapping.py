"""Types that are stored in a table that is there already: which table, which columns, and whose rows they are.

The rows stay where they are and other programs go on writing them. A row is known by its key: one integer column, or
two that together tell rows apart, as in a table that links two others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from objapi.model.paths import Path

GATEWAY: Final = "gateway"
"""The name of the gateway's own database."""


@dataclass(frozen=True, slots=True)
class RowRule:
    """Who sees a row: its own people, and whoever holds a permission on the type.

    `own` are paths from the row to ids of users; a row is one's own when any of them leads to one's user id.
    """

    own: tuple[Path, ...]
    all_with: str


@dataclass(frozen=True, slots=True)
class TableMapping:
    """Where the objects of a type are rows."""

    name: str
    """The table, as the database spells it."""
    key: tuple[str, ...]
    """The key columns, integers all: one, or two that are references of the type."""
    database: str = GATEWAY
    folder: str = "/"
    """The path below the site at which the rows stand, by type and key."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Field → column; the fields that are kept otherwise are not in it."""
    rows: RowRule | None = None
    """None: whoever may view the type sees all rows."""

    @property
    def column_fields(self) -> Mapping[str, str]:
        """Column → field."""
        return {column: name for name, column in self.columns.items()}
