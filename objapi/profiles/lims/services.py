"""Services: the method and calculation in force, dependencies, and their data in other objects."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from objapi.model.behaviors import Behaviors, Entity, Planner
from objapi.profiles.lims.reading import (
    SERVICES_PATH,
    contents,
    flag,
    is_inactive,
    minutes,
    one,
    rows,
    text,
    titles,
    uids,
)

behaviors: Final = Behaviors()

_SHOWN: Final = ("Keyword", "CategoryTitle", "CategoryUID", "PointOfCapture")
_PRICED: Final = ("Unit", "Price", "VAT", "TotalPrice")


def services_by_keyword(planner: Planner) -> dict[str, Entity]:
    """All services of the laboratory by their keywords."""
    found = {
        text(planner, service, "Keyword"): service for service in contents(planner, SERVICES_PATH, "AnalysisService")
    }
    found.pop("", None)
    return found


def method_in_force(planner: Planner, service: Entity) -> Entity | None:
    """The method of the service's instrument when instruments enter results, else its default method."""
    if flag(planner, service, "InstrumentEntryOfResults"):
        return one(planner, service, "Instrument.Method")
    return one(planner, service, "_Method")


@behaviors.add("relation", "calculation_in_force")
def calculation_in_force(planner: Planner, service: Entity) -> Sequence[Entity]:
    """The calculation of the method in force, or the one that the service names instead; at most one."""
    if planner.value(service, "UseDefaultCalculation") is False:
        return planner.related(service, "DeferredCalculation")
    method = method_in_force(planner, service)
    return () if method is None else planner.related(method, "Calculation")


def calculation_of(planner: Planner, service: Entity) -> Entity | None:
    """The calculation in force."""
    return next(iter(calculation_in_force(planner, service)), None)


@behaviors.add("relation", "services_using_calculation")
def services_using_calculation(planner: Planner, calculation: Entity) -> Sequence[Entity]:
    """The services whose calculation in force this one is."""
    candidates: dict[str, Entity] = {}
    for relation in (
        "back(Method.Calculation).back(AnalysisService._Method)",
        "back(Method.Calculation).back(Instrument.Method).back(AnalysisService.Instrument)",
        "back(AnalysisService.DeferredCalculation)",
    ):
        candidates.update((service.uid, service) for service in planner.related(calculation, relation))
    return [
        service
        for service in candidates.values()
        if any(used.uid == calculation.uid for used in calculation_in_force(planner, service))
    ]


@behaviors.add("computed", "calculation_title")
def calculation_title(planner: Planner, service: Entity) -> object:
    """The title of the calculation in force."""
    calculation = calculation_of(planner, service)
    return "" if calculation is None else text(planner, calculation, "title")


@behaviors.add("computed", "calculation_uid")
def calculation_uid(planner: Planner, service: Entity) -> object:
    """The UID of the calculation in force."""
    calculation = calculation_of(planner, service)
    return None if calculation is None else calculation.uid


@behaviors.add("computed", "service_dependencies")
def service_dependencies(planner: Planner, service: Entity) -> object:
    """The services whose results the calculation in force uses."""
    calculation = calculation_of(planner, service)
    if calculation is None:
        return []
    return [_brief(planner, used) for used in planner.related(calculation, "DependentServices")]


@behaviors.add("computed", "service_dependants")
def service_dependants(planner: Planner, service: Entity) -> object:
    """The services whose calculation in force uses this one."""
    found: dict[str, Entity] = {}
    for calculation in planner.related(service, "back(Calculation.DependentServices)"):
        found.update((user.uid, user) for user in services_using_calculation(planner, calculation))
    return [_brief(planner, user) for user in found.values()]


@behaviors.add("computed", "method_instruments")
def method_instruments(planner: Planner, service: Entity) -> object:
    """For each method of the service the instruments that work by it: UID of the method → UIDs and titles."""
    return {
        method.uid: [
            {"uid": instrument.uid, "title": text(planner, instrument, "title")}
            for instrument in planner.related(method, "back(Instrument.Method)")
        ]
        for method in planner.related(service, "Methods")
    }


@behaviors.add("computed", "profile_service_data")
def profile_service_data(planner: Planner, profile: Entity) -> object:
    """The services of a profile as a form needs them."""
    return _data(planner, planner.related(profile, "Service"))


@behaviors.add("computed", "template_service_data")
def template_service_data(planner: Planner, template: Entity) -> object:
    """The services of a template as a form needs them, each with its partition."""
    chosen = rows(planner, template, "Analyses")
    found = planner.by_uid(str(row["service_uid"]) for row in chosen if row.get("service_uid"))
    partitions = {str(row.get("service_uid")): row.get("partition") for row in chosen}
    return [{**entry, "partition": partitions[str(entry["uid"])]} for entry in _data(planner, found.values())]


def _data(planner: Planner, services: Iterable[Entity]) -> list[dict[str, object]]:
    return [
        {**_brief(planner, service), **{name: planner.value(service, name) for name in _PRICED}} for service in services
    ]


def _brief(planner: Planner, service: Entity) -> dict[str, object]:
    return {
        "uid": service.uid,
        "title": text(planner, service, "title"),
        **{name: planner.value(service, name) for name in _SHOWN},
    }


@behaviors.add("effect", "spec_row_uids")
def spec_row_uids(planner: Planner, entity: Entity, args: Mapping[str, object]) -> None:
    """Give each range its service: rows are written by keyword, and read with the UID of the service."""
    ranges = rows(planner, entity, "ResultsRange")
    if all(row.get("uid") for row in ranges):
        return
    services = services_by_keyword(planner)
    for row in ranges:
        service = services.get(str(row.get("keyword")))
        if service is not None:
            row["uid"] = service.uid
    if ranges != rows(planner, entity, "ResultsRange"):
        planner.set(entity, "ResultsRange", ranges)


@behaviors.add("default", "method_of_service")
def method_of_service(planner: Planner, analysis: Entity) -> object:
    """The method in force when the analysis is made."""
    service = one(planner, analysis, "Service")
    method = None if service is None else method_in_force(planner, service)
    return None if method is None else method.uid


@behaviors.add("default", "calculation_of_service")
def calculation_of_service(planner: Planner, analysis: Entity) -> object:
    """The calculation in force when the analysis is made."""
    service = one(planner, analysis, "Service")
    calculation = None if service is None else calculation_of(planner, service)
    return None if calculation is None else calculation.uid


@behaviors.add("default", "time_allowed_by_service")
def time_allowed_by_service(planner: Planner, analysis: Entity) -> object:
    """The time that the service allows."""
    service = one(planner, analysis, "Service")
    return None if service is None else planner.value(service, "MaxTimeAllowed")


@behaviors.add("default", "interims_of_service")
def interims_of_service(planner: Planner, analysis: Entity) -> object:
    """The interim values of the calculation, with those of the service over them."""
    service = one(planner, analysis, "Service")
    if service is None:
        return None
    calculation = calculation_of(planner, service)
    merged: dict[str, dict[str, object]] = {}
    for owner in (calculation, service):
        for row in [] if owner is None else rows(planner, owner, "InterimFields"):
            merged[str(row.get("keyword"))] = row
    return list(merged.values()) or None


@behaviors.add("computed", "minutes_allowed")
def minutes_allowed(planner: Planner, service: Entity) -> object:
    """The time allowed, in minutes; nothing for types without such a limit."""
    if "MaxTimeAllowed" not in service.type.fields:
        return None
    value = planner.value(service, "MaxTimeAllowed")
    return None if value is None else minutes(value)


@behaviors.add("condition", "may_activate")
def may_activate(planner: Planner, entity: Entity, args: Mapping[str, object]) -> str | None:
    """Condition of activation: everything that the object uses is active."""
    match entity.portal_type:
        case "Calculation":
            inactive = [used for used in planner.related(entity, "DependentServices") if is_inactive(planner, used)]
            if inactive:
                return f"the calculation uses inactive services ({titles(planner, inactive)}); activate them first"
        case "AnalysisService":
            calculation = calculation_of(planner, entity)
            if calculation is not None and is_inactive(planner, calculation):
                return f"its calculation {text(planner, calculation, 'title')} is inactive; activate that first"
    return None


@behaviors.add("condition", "may_deactivate")
def may_deactivate(planner: Planner, entity: Entity, args: Mapping[str, object]) -> str | None:
    """Condition of deactivation: no active object uses this one."""
    match entity.portal_type:
        case "Calculation":
            users = services_using_calculation(planner, entity)
        case "AnalysisService":
            users = planner.related(entity, "back(Calculation.DependentServices)")
        case "AnalysisCategory":
            users = planner.related(entity, "back(AnalysisService.Category)")
        case _:
            return None
    active = [user for user in users if not is_inactive(planner, user)]
    if not active:
        return None
    return f"it is used by {titles(planner, active)}; deactivate these first or have them use something else"


def used_services(planner: Planner, calculation: Entity) -> set[str]:
    """The UIDs of the services whose results a calculation uses."""
    return set(uids(planner, calculation, "DependentServices"))
