"""Defaults and computed values of all types, and index values of catalogs that no field of the object has."""

from collections.abc import Mapping
from datetime import UTC
from typing import Final

from catalog.dates import in_zone
from objapi.model.behaviors import Behaviors, Entity, Planner
from objapi.model.values import utc_text
from objapi.profiles.lims.reading import is_active, moment, one, text

behaviors: Final = Behaviors()


@behaviors.add("computed", "creators")
def creators(planner: Planner, entity: Entity) -> object:
    """The one who made an object, as the list that clients know."""
    creator = text(planner, entity, "creator")
    return [creator] if creator else []


@behaviors.add("computed", "effective_or_modified")
def effective_or_modified(planner: Planner, entity: Entity) -> object:
    """The date an object is shown with: when it takes effect, else when it was changed."""
    date = moment(planner, entity, "effectiveDate") or moment(planner, entity, "modified")
    return None if date is None else utc_text(date)


@behaviors.add("computed", "never")
def never(planner: Planner, entity: Entity) -> object:
    """False, for every object."""
    return False


@behaviors.add("computed", "nothing")
def nothing(planner: Planner, entity: Entity) -> object:
    """No value, for every object: the index is there to be asked."""
    return None


@behaviors.add("computed", "interface_names")
def interface_names(planner: Planner, entity: Entity) -> object:
    """The name that clients of the classic system ask for when they mean a type."""
    return [f"bika.lims.interfaces.I{entity.portal_type.replace(' ', '')}"]


@behaviors.add("computed", "sampling_day")
def sampling_day(planner: Planner, entity: Entity) -> object:
    """The day of a sampling round as YYYY-MM-DD, in the zone of the site; nothing for other types."""
    if entity.portal_type != "SamplingRound":
        return None
    date = moment(planner, entity, "sampling_date")
    return None if date is None else in_zone(date, planner.now.tzinfo or UTC).date().isoformat()


@behaviors.add("computed", "priority_sort_key")
def priority_sort_key(planner: Planner, request: Entity) -> object:
    """Sorts requests by priority, then by age: the key of the priority in six digits, then the instant of creation."""
    if request.portal_type != "AnalysisRequest":
        return None
    priority = one(planner, request, "Priority")
    key = None if priority is None else planner.value(priority, "sortKey")
    created = moment(planner, request, "created")
    return f"{key if isinstance(key, int) else 0:06d}.{'' if created is None else utc_text(created)}"


@behaviors.add("computed", "attachment_request")
def attachment_request(planner: Planner, attachment: Entity) -> object:
    """The id of the request that an attachment belongs to, by itself or by one of its analyses."""
    for relation in ("back(AnalysisRequest.Attachment)", "back(Analysis.Attachment).parent"):
        request = one(planner, attachment, relation)
        if request is not None:
            return request.id
    return ""


@behaviors.add("computed", "request_due_date")
def request_due_date(planner: Planner, request: Entity) -> object:
    """Due date of the last active analysis of a request; None for other types."""
    if request.portal_type != "AnalysisRequest":
        return None
    active = (analysis for analysis in planner.related(request, "children(Analysis)") if is_active(planner, analysis))
    dates = [date for date in (moment(planner, analysis, "DueDate") for analysis in active) if date is not None]
    return utc_text(max(dates)) if dates else None


@behaviors.add("computed", "worksheet_priority")
def worksheet_priority(planner: Planner, sheet: Entity) -> object:
    """The sort key of the highest priority among the requests on a worksheet; nothing for other types."""
    if sheet.portal_type != "Worksheet":
        return None
    keys = []
    for priority in planner.related(sheet, "Analyses.parent.Priority"):
        key = planner.value(priority, "sortKey")
        if isinstance(key, int):
            keys.append(key)
    return max(keys, default=None)


@behaviors.add("default", "client_of_container")
def client_of_container(planner: Planner, entity: Entity) -> object:
    """The client in which an object is made."""
    container = one(planner, entity, "parent")
    return container.uid if container is not None and container.portal_type == "Client" else None


@behaviors.add("effect", "untitled_is_id")
def untitled_is_id(planner: Planner, batch: Entity, args: Mapping[str, object]) -> None:
    """A batch without a title shows its id, which an object without one answers as its title anyway."""
    if planner.value(batch, "title") in (None, "", batch.id):
        planner.set(batch, "title", batch.id)
