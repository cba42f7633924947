"""One index name of a query with its values and options, before they mean anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from catalog.kinds import Index


@dataclass(frozen=True, slots=True)
class Criterion:
    """The values asked of an index (alternatives, unless the kind says otherwise), and the options of its kind."""

    index: Index
    values: Sequence[object]
    options: Mapping[str, object] = field(default_factory=dict)

    @property
    def excluded(self) -> Sequence[object]:
        """The values of the option `not`, as a list."""
        value = self.options.get("not")
        if value is None:
            return ()
        return value if isinstance(value, (list, tuple)) else (value,)
