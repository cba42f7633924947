"""The routes, one module a subject; `GROUPS` is all of them, in the order of their description.

A module declares a `Group` and decorates functions with its routes; then it takes its place in the tuple below.
"""

from typing import Final

from objapi.ispyb.groups import (
    activity,
    authentication,
    containers,
    data_collections,
    description,
    dewars,
    em_pictures,
    events,
    lab_contacts,
    options,
    permissions,
    persons,
    processing_files,
    processing_status,
    processings,
    proposals,
    proteins,
    sample_images,
    samples,
    screenings,
    sessions,
    shippings,
    sub_samples,
    user_groups,
    users,
    webservices,
    workflow_steps,
)
from objapi.ispyb.routes import Group

GROUPS: Final[tuple[Group, ...]] = (
    authentication.group,
    options.group,
    samples.group,
    sub_samples.group,
    sample_images.group,
    dewars.group,
    shippings.group,
    events.group,
    users.group,
    sessions.group,
    proteins.group,
    processing_status.group,
    screenings.group,
    processings.group,
    processing_files.group,
    lab_contacts.group,
    data_collections.group,
    workflow_steps.group,
    containers.group,
    proposals.group,
    persons.group,
    em_pictures.header_group,
    em_pictures.path_group,
    activity.group,
    user_groups.group,
    permissions.group,
    webservices.group,
    description.group,
)
