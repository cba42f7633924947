"""The face of one site in one process, and the list of its routes.

`GROUPS` is all of them, in the order of their description. A module declares a `Group` and decorates functions with
its routes; then it takes its place in that tuple.
"""

from functools import cache, cached_property
from typing import Final

from objapi.ispyb.database import connection_of
from objapi.ispyb.options.load import load_options
from objapi.ispyb.subjects.admin import routes as admin
from objapi.ispyb.subjects.collections import contents
from objapi.ispyb.subjects.collections import maps as mapping
from objapi.ispyb.subjects.collections import microscopy_pictures as em_pictures
from objapi.ispyb.subjects.collections import routes as data_collections
from objapi.ispyb.subjects.events import routes as events
from objapi.ispyb.subjects.legacy import collections as legacy_collections
from objapi.ispyb.subjects.legacy import microscopy as legacy_microscopy
from objapi.ispyb.subjects.legacy import sessions as legacy_sessions
from objapi.ispyb.subjects.people import groups as user_groups
from objapi.ispyb.subjects.people import login as authentication
from objapi.ispyb.subjects.people import persons
from objapi.ispyb.subjects.processing import files as processing_files
from objapi.ispyb.subjects.processing import routes as processings
from objapi.ispyb.subjects.processing import screenings
from objapi.ispyb.subjects.processing import status as processing_status
from objapi.ispyb.subjects.proposals import proteins, sessions
from objapi.ispyb.subjects.proposals import routes as proposals
from objapi.ispyb.subjects.samples import routes as samples
from objapi.ispyb.subjects.samples import sub_samples
from objapi.ispyb.subjects.shipping import containers, dewars, lab_contacts, shippings
from objapi.ispyb.subjects.stats import breakdown as stats_breakdown
from objapi.ispyb.subjects.stats import counts as stats_counts
from objapi.ispyb.subjects.stats import times as stats_times
from objapi.ispyb.sync import routes as user_portal_sync
from objapi.ispyb.wire.openapi import describe
from objapi.ispyb.wire.response import encode
from objapi.ispyb.wire.routes import Group, IspybRoute
from objapi.ispyb.wire.routing import Routing
from objapi.ispyb.wire.services import Services
from objapi.site import Site

GROUPS: Final[tuple[Group, ...]] = (
    authentication.group,
    admin.options_group,
    mapping.group,
    samples.group,
    sub_samples.group,
    dewars.group,
    stats_breakdown.group,
    stats_times.group,
    stats_counts.group,
    contents.group,
    shippings.group,
    events.group,
    authentication.user_group,
    sessions.group,
    proteins.group,
    processing_status.group,
    screenings.group,
    processings.group,
    processing_files.group,
    lab_contacts.group,
    data_collections.group,
    containers.group,
    proposals.group,
    persons.group,
    legacy_collections.header_group,
    legacy_microscopy.header_group,
    em_pictures.header_group,
    legacy_collections.microscopy_group,
    legacy_sessions.header_group,
    legacy_sessions.proposals_header_group,
    legacy_sessions.path_group,
    legacy_microscopy.path_group,
    em_pictures.path_group,
    legacy_collections.path_group,
    legacy_sessions.proposals_path_group,
    admin.activity_group,
    user_groups.group,
    user_groups.permissions_group,
    user_portal_sync.group,
    admin.description_group,
)


class Face:
    """The routes of one site, with the services that they work with."""

    def __init__(self, site: Site) -> None:
        self.services = Services(site, lambda: encode(describe(self.routes)))

    @cached_property
    def routes(self) -> tuple[IspybRoute, ...]:
        """The routes whose option was on when this process first answered."""
        return _routes(self._off)

    @cached_property
    def routing(self) -> Routing:
        """Finds the routes."""
        return _routing(self._off)

    @cached_property
    def _off(self) -> frozenset[str]:
        """The options, each with routes of its own, that were off when this process first answered."""
        options = self.services.database.run(lambda tx: load_options(connection_of(tx)), write=False)
        return frozenset(switch for switch in _SWITCHES if options[switch] is False)


_SWITCHES: Final = tuple(group.switch for group in GROUPS if group.switch is not None)


def _routes(off: frozenset[str]) -> tuple[IspybRoute, ...]:
    return tuple(route for group in GROUPS if group.switch not in off for route in group.routes)


# To compile the rules takes a tenth of a second: sites with the same routes share them.
@cache
def _routing(off: frozenset[str]) -> Routing:
    return Routing(_routes(off))
