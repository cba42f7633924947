"""Analyses that are calculated from each other: those of a request, or of one sample on a worksheet."""

from collections.abc import Sequence
from typing import Final

from objapi.model.behaviors import Behaviors, Entity, Planner
from objapi.profiles.lims.reading import is_active, one, state, text
from objapi.profiles.lims.services import calculation_of, used_services

behaviors: Final = Behaviors()

_TAKEN_BACK: Final = ("retracted", "rejected")


@behaviors.add("relation", "analysis_dependencies")
def analysis_dependencies(planner: Planner, analysis: Entity) -> Sequence[Entity]:
    """The analyses beside it whose results the calculation uses."""
    calculation = calculation_in_use(planner, analysis)
    wanted = set() if calculation is None else used_services(planner, calculation)
    if not wanted:
        return ()
    return [other for other in fellows(planner, analysis) if planner.value(other, "Service") in wanted]


@behaviors.add("relation", "analysis_dependents")
def analysis_dependents(planner: Planner, analysis: Entity) -> Sequence[Entity]:
    """The analyses beside it whose calculation uses its result."""
    # Asked of the service first: most are used by no calculation, and a request has hundreds of analyses, each of which
    # would have to look at all others.
    relation = "Service.back(Calculation.DependentServices)"
    using = {calculation.uid for calculation in planner.related(analysis, relation)}
    if not using:
        return ()
    calculations = ((other, calculation_in_use(planner, other)) for other in fellows(planner, analysis))
    return [other for other, calculation in calculations if calculation is not None and calculation.uid in using]


def fellows(planner: Planner, analysis: Entity) -> Sequence[Entity]:
    """The other analyses that it may be calculated with and that still count.

    Those of the same request; of a duplicate or a control, those of its kind on the same worksheet, of the same request
    or reference sample and the same group.
    """
    if analysis.portal_type == "Analysis":
        others = planner.related(analysis, "parent.children(Analysis)")
    else:
        origin = _origin(planner, analysis)
        others = [other for other in planner.related(analysis, "sheet_analyses") if _origin(planner, other) == origin]
    return [
        other
        for other in others
        if other.uid != analysis.uid and is_active(planner, other) and state(planner, other) not in _TAKEN_BACK
    ]


def _origin(planner: Planner, analysis: Entity) -> tuple[str, str, str]:
    """Kind of a duplicate or control, what it was made of, and the group that it was made in."""
    if analysis.portal_type == "ReferenceAnalysis":
        made_of = text(planner, analysis, "ReferenceSampleUID")
    else:
        made_of = text(planner, analysis, "RequestID")
    group = analysis.type.fields.get("ReferenceAnalysesGroupID")
    return analysis.portal_type, made_of, "" if group is None else text(planner, analysis, group.name)


def calculation_in_use(planner: Planner, analysis: Entity) -> Entity | None:
    """The calculation of an analysis; one made before the service had any follows the service."""
    own = one(planner, analysis, "Calculation") if "Calculation" in analysis.type.fields else None
    service = one(planner, analysis, "Service") if own is None else None
    return own if service is None else calculation_of(planner, service)
