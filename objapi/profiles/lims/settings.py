"""Effects of the settings of the site: defaults of new objects, and switches that change permissions."""

from collections.abc import Mapping
from typing import Final

from objapi.model.behaviors import Behaviors, Entity, Planner
from objapi.model.values import utc_text
from objapi.profiles.lims.reading import CLIENTS_PATH, PRIORITIES_PATH, contents, flag, is_inactive, setting

behaviors: Final = Behaviors()

EDIT_CLIENT: Final = "BIKA: Edit Client"
ADD_CLIENT: Final = "BIKA: Add Client"
MODIFY: Final = "Modify portal content"
MANAGE_WORKSHEETS: Final = "BIKA: Manage Worksheets"
LEADERS: Final = ("Manager", "LabManager")


@behaviors.add("default", "now")
def now(planner: Planner, entity: Entity) -> object:
    """The instant of the request."""
    return utc_text(planner.now)


@behaviors.add("default", "today")
def today(planner: Planner, entity: Entity) -> object:
    """The beginning of the day of the request, in the zone of the site."""
    return utc_text(planner.now.replace(hour=0, minute=0, second=0, microsecond=0))


@behaviors.add("default", "sampling_workflow_enabled")
def sampling_workflow_enabled(planner: Planner, sample: Entity) -> object:
    """The setting by which new samples wait to be sampled."""
    return setting(planner, "SamplingWorkflowEnabled") is True


@behaviors.add("default", "default_sample_lifetime")
def default_sample_lifetime(planner: Planner, sample_type: Entity) -> object:
    """Default retention of samples whose type states none."""
    return setting(planner, "DefaultSampleLifetime")


@behaviors.add("default", "default_priority")
def default_priority(planner: Planner, request: Entity) -> object:
    """The priority that is marked as the default."""
    for priority in contents(planner, PRIORITIES_PATH, "ARPriority"):
        if flag(planner, priority, "isDefault") and not is_inactive(planner, priority):
            return priority.uid
    return None


@behaviors.add("effect", "own_permissions")
def own_permissions(planner: Planner, entity: Entity, args: Mapping[str, object]) -> None:
    """Write the map of the type onto the object, over what the active/inactive switch has set.

    A client follows the switch that lets clerks edit clients.
    """
    for permission, declared in entity.type.permissions.items():
        planner.set_permission(entity, permission, declared.roles, acquire=declared.acquire)
    if entity.portal_type == "Client" and setting(planner, "AllowClerksToEditClients") is True:
        _let_clerks_edit(planner, entity)


@behaviors.add("effect", "clerks_edit_clients")
def clerks_edit_clients(planner: Planner, settings: Entity, args: Mapping[str, object]) -> None:
    """Clerks gain or lose the right to make and edit clients.

    When it is taken away, owners no longer change the data of their client either, as the classic system has it.
    """
    site = planner.at("/")
    if site is None:
        return
    allowed = flag(planner, settings, "AllowClerksToEditClients")
    roles = (*LEADERS, "LabClerk") if allowed else LEADERS
    planner.set_permission(site, ADD_CLIENT, ("Owner", *roles), acquire=True)
    planner.set_permission(site, EDIT_CLIENT, roles, acquire=True)
    for client in contents(planner, CLIENTS_PATH, "Client"):
        if allowed:
            _let_clerks_edit(planner, client)
        else:
            for permission in (ADD_CLIENT, EDIT_CLIENT, MODIFY):
                planner.set_permission(client, permission, LEADERS)


def _let_clerks_edit(planner: Planner, client: Entity) -> None:
    for permission in (ADD_CLIENT, EDIT_CLIENT, MODIFY):
        planner.set_permission(client, permission, (*LEADERS, "LabClerk", "Owner"))


@behaviors.add("effect", "worksheet_managers")
def worksheet_managers(planner: Planner, settings: Entity, args: Mapping[str, object]) -> None:
    """Clerks and analysts manage worksheets, too, unless one of the two restrictions is on."""
    site = planner.at("/")
    if site is None:
        return
    restricted = any(
        flag(planner, settings, name) for name in ("RestrictWorksheetManagement", "RestrictWorksheetUsersAccess")
    )
    roles = LEADERS if restricted else (*LEADERS, "LabClerk", "Analyst")
    planner.set_permission(site, MANAGE_WORKSHEETS, roles, acquire=True)
