"""The routes, one module a subject; `GROUPS` is all of them, in the order of their description.

A module declares a `Group` and decorates functions with its routes; then it takes its place in the tuple below.
"""

from typing import Final

from objapi.ispyb.groups import (
    activity,
    authentication,
    description,
    options,
    permissions,
    proteins,
    user_groups,
    users,
)
from objapi.ispyb.routes import Group

GROUPS: Final[tuple[Group, ...]] = (
    authentication.group,
    options.group,
    users.group,
    proteins.group,
    activity.group,
    user_groups.group,
    permissions.group,
    description.group,
)
