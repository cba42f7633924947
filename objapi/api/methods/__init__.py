"""The methods of the API by name. Each stands with its code as one row of the table at the end of its module."""

from collections.abc import Iterable, Mapping
from typing import Final

from objapi.api.method import Method
from objapi.api.methods.access import ACCESS
from objapi.api.methods.audit import AUDIT
from objapi.api.methods.batch import BATCH
from objapi.api.methods.changes import CHANGES
from objapi.api.methods.charts import CHARTS
from objapi.api.methods.create_many import CREATE_MANY
from objapi.api.methods.description import DESCRIPTION
from objapi.api.methods.instruments import INSTRUMENTS
from objapi.api.methods.introspection import INTROSPECTION
from objapi.api.methods.places import PLACES
from objapi.api.methods.reading import READING
from objapi.api.methods.removing import REMOVING
from objapi.api.methods.result_sheets import RESULT_SHEETS
from objapi.api.methods.returned_sheets import RETURNED_SHEETS
from objapi.api.methods.sheets import SHEETS
from objapi.api.methods.tokens import TOKENS
from objapi.api.methods.transitions import TRANSITIONS
from objapi.api.methods.undoing import UNDOING
from objapi.api.methods.updating import UPDATING
from objapi.api.methods.users import USERS
from objapi.api.methods.webhooks import WEBHOOKS
from objapi.api.methods.worklists import WORKLISTS
from objapi.api.methods.writing import WRITING


def by_name(rows: Iterable[Method]) -> dict[str, Method]:
    """The rows by each of their names, in order. Raises ValueError for a name that two rows have."""
    named: dict[str, Method] = {}
    for row in rows:
        for name in (row.name, *row.aliases):
            if name in named:
                raise ValueError(f"two methods have the name {name}")
            named[name] = row
    return named


METHODS: Final[Mapping[str, Method]] = by_name(
    (
        *READING,
        *WRITING,
        *TRANSITIONS,
        *UPDATING,
        *REMOVING,
        *UNDOING,
        *BATCH,
        *CREATE_MANY,
        *SHEETS,
        *RETURNED_SHEETS,
        *INSTRUMENTS,
        *PLACES,
        *INTROSPECTION,
        *DESCRIPTION,
        *USERS,
        *TOKENS,
        *AUDIT,
        *ACCESS,
        *CHANGES,
        *WORKLISTS,
        *WEBHOOKS,
        *RESULT_SHEETS,
        *CHARTS,
    )
)

METHOD_NAMES: Final = tuple(dict.fromkeys(method.name for method in METHODS.values()))
"""The names under which methods are listed and named by tokens; their aliases are not among them."""
