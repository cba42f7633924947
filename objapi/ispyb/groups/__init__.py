"""The routes, one module a subject; `GROUPS` is all of them, in the order of their description.

A module declares a `Group` and decorates functions with its routes; then it takes its place in the tuple below.
"""

from typing import Final

from objapi.ispyb.groups import (
    activity,
    authentication,
    containers,
    description,
    dewars,
    options,
    permissions,
    proteins,
    samples,
    shippings,
    sub_samples,
    user_groups,
    users,
    webservices,
)
from objapi.ispyb.routes import Group

GROUPS: Final[tuple[Group, ...]] = (
    authentication.group,
    options.group,
    samples.group,
    sub_samples.group,
    dewars.group,
    shippings.group,
    users.group,
    proteins.group,
    containers.group,
    activity.group,
    user_groups.group,
    permissions.group,
    webservices.group,
    description.group,
)
