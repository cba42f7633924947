"""Formulas of calculations: what their names mean, and checks that they can be worked out."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Final

from objapi.model.behaviors import Behaviors, Entity, Planner
from objapi.model.formulas import Expression, FormulaSyntaxError, names_in, parse_formula
from objapi.profiles.lims.checks import interim_keywords
from objapi.profiles.lims.reading import CALCULATIONS_PATH, SERVICES_PATH, contents, is_inactive, text
from objapi.profiles.lims.services import calculation_of, services_by_keyword, services_using_calculation

behaviors: Final = Behaviors()

SERVICE_LIMITS: Final = ("LDL", "UDL")
"""Suffixes that give a limit of a service, for which its result is not needed."""
LIMIT_SUFFIXES: Final = (*SERVICE_LIMITS, "BELOWLDL", "ABOVEUDL")
"""Names that may follow the keyword of a service and a dot: its detection limits, and whether its result is beyond."""


@lru_cache(maxsize=512)
def parsed(formula: str) -> Expression | str:
    """The tree of a formula, or why it has none."""
    try:
        return parse_formula(formula)
    except FormulaSyntaxError as error:
        return str(error)


def formula_names(formula: str) -> tuple[str, ...]:
    """The names in square brackets of a formula, each once, in order; none when it cannot be read."""
    tree = parsed(formula)
    return () if isinstance(tree, str) else names_in(tree)


@behaviors.add("check", "formula")
def formula(planner: Planner, calculation: Entity, field: str, value: object) -> str | None:
    """The formula can be read, and its names are those of active services and of interim values."""
    written = text(planner, calculation, "Formula")
    tree = parsed(written) if written else None
    if tree is None or isinstance(tree, str):
        return tree
    interims = interim_keywords(planner, calculation)
    services = {
        text(planner, service, "Keyword"): service
        for service in contents(planner, SERVICES_PATH, "AnalysisService")
        if not is_inactive(planner, service)
    }
    wrong = [f"[{name}]" for name in names_in(tree) if not _is_known(planner, name, interims, services)]
    if not wrong:
        return None
    return (
        f"{', '.join(wrong)} names neither an active service nor an interim value of this calculation; "
        f"after the keyword of a service only .{', .'.join(LIMIT_SUFFIXES)} or one of its interim values can follow"
    )


def _is_known(planner: Planner, name: str, interims: Iterable[str], services: Mapping[str, Entity]) -> bool:
    keyword, dot, suffix = name.partition(".")
    if not dot:
        return keyword in interims or keyword in services
    service = services.get(keyword)
    if service is None:
        return False
    return suffix in LIMIT_SUFFIXES or suffix in _interims_of_analyses(planner, service)


def _interims_of_analyses(planner: Planner, service: Entity) -> set[str]:
    """The keywords of the interim values that analyses of a service have."""
    calculation = calculation_of(planner, service)
    inherited = set() if calculation is None else interim_keywords(planner, calculation)
    return inherited | interim_keywords(planner, service)


@behaviors.add("effect", "dependent_services")
def dependent_services(planner: Planner, calculation: Entity, args: Mapping[str, object]) -> None:
    """Link a calculation to the services that its formula names; interim values are not services."""
    interims = interim_keywords(planner, calculation)
    services = services_by_keyword(planner)
    named = (name.partition(".")[0] for name in formula_names(text(planner, calculation, "Formula")))
    used = [services[name].uid for name in dict.fromkeys(named) if name in services and name not in interims]
    planner.set(calculation, "DependentServices", used)


@behaviors.add("effect", "check_loaded_formula")
def check_loaded_formula(planner: Planner, calculation: Entity, args: Mapping[str, object]) -> None:
    """Refuse a calculation of a content file as one that a client writes is refused."""
    for check in (formula, no_circle):
        wrong = check(planner, calculation, "Formula", None)
        if wrong is not None:
            planner.refuse(f"Formula: {wrong}", field="Formula", entity=calculation)


_METHOD_USERS: Final = (
    "back(AnalysisService._Method)",
    "back(Instrument.Method).back(AnalysisService.Instrument)",
)


@behaviors.add("check", "no_circle")
def no_circle(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """No result is calculated from itself, by way of others.

    For calculations, and for services, methods and instruments, which decide what calculation is in force.
    """
    try:
        TopologicalSorter(_needs(planner, _services_concerned(planner, entity))).prepare()
    except CycleError as error:
        keywords = [text(planner, service, "Keyword") for service in reversed(error.args[1])]
        steps = ", ".join(f"{user} needs {used}" for user, used in pairwise(keywords))
        return f"results would be calculated in a circle: {steps}"
    return None


def _services_concerned(planner: Planner, entity: Entity) -> Sequence[Entity]:
    """The services whose calculation in force an object is, or decides."""
    match entity.portal_type:
        case "Calculation":
            return services_using_calculation(planner, entity)
        case "Method":
            return [user for relation in _METHOD_USERS for user in planner.related(entity, relation)]
        case "Instrument":
            return planner.related(entity, "back(AnalysisService.Instrument)")
    return [entity]


@behaviors.add("check", "named_in_formulas")
def named_in_formulas(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """What formulas name stays: the keyword of a service, and the interim values of its analyses."""
    if entity.is_new:
        return None
    services = {text(planner, service, "Keyword"): service for service in _services_concerned(planner, entity)}
    former = {str(planner.old_value(service, "Keyword")) for service in services.values()}
    return _lost_names(planner, services, former | services.keys())


@behaviors.add("effect", "keep_named_in_formulas")
def keep_named_in_formulas(planner: Planner, service: Entity, args: Mapping[str, object]) -> None:
    """Refuse to remove a service that a formula names."""
    lost = _lost_names(planner, {}, {text(planner, service, "Keyword")})
    if lost is not None:
        planner.refuse(f"{service.path} stays: {lost}", entity=service)


def _lost_names(planner: Planner, services: Mapping[str, Entity], keywords: Collection[str]) -> str | None:
    """The names of formulas that begin with one of the keywords, and that these services do not explain."""
    lost = []
    for calculation in contents(planner, CALCULATIONS_PATH, "Calculation") if keywords else ():
        interims = interim_keywords(planner, calculation)
        names = [
            f"[{name}]"
            for name in formula_names(text(planner, calculation, "Formula"))
            if name.partition(".")[0] in keywords and not _is_known(planner, name, interims, services)
        ]
        if names:
            lost.append(f"{', '.join(names)} stands in the formula of {text(planner, calculation, 'title')}")
    return f"{'; '.join(lost)}, which could not be worked out any more; change that formula first" if lost else None


def _needs(planner: Planner, services: Sequence[Entity]) -> dict[Entity, Sequence[Entity]]:
    """Each of some services and of those that they lead to, with the services whose results it is calculated from."""
    found: dict[Entity, Sequence[Entity]] = {}
    waiting = list(services)
    while waiting:
        service = waiting.pop()
        if service not in found:
            calculation = calculation_of(planner, service)
            found[service] = () if calculation is None else _result_services(planner, calculation)
            waiting.extend(found[service])
    return found


def _result_services(planner: Planner, calculation: Entity) -> Sequence[Entity]:
    """The services whose results a calculation needs: not those of which it asks a detection limit alone."""
    names = (name.partition(".") for name in formula_names(text(planner, calculation, "Formula")))
    needed = {keyword for keyword, _, suffix in names if suffix not in SERVICE_LIMITS}
    return [
        used for used in planner.related(calculation, "DependentServices") if text(planner, used, "Keyword") in needed
    ]
