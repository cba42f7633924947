"""Retraction: a result that is taken back stays on record, and the analysis is done again."""

import re
from collections.abc import Mapping
from typing import Final

from objapi.model.behaviors import Behaviors, Entity, Planner
from objapi.profiles.lims.analyses import SUBMITTED, WORKFLOW
from objapi.profiles.lims.dependencies import analysis_dependencies, analysis_dependents
from objapi.profiles.lims.reading import one, state, text, uids

behaviors: Final = Behaviors()

COPIED: Final = (
    "Service",
    "Calculation",
    "InterimFields",
    "Result",
    "CalculatedResult",
    "CalculatedFrom",
    "ResultDM",
    "DetectionLimitOperand",
    "MaxTimeAllowed",
    "DueDate",
    "Duration",
    "ReportDryMatter",
    "Analyst",
    "Instrument",
    "Method",
    "SamplePartition",
)


@behaviors.add("effect", "retract_analysis")
def retract_analysis(planner: Planner, analysis: Entity, args: Mapping[str, object]) -> None:
    """Put a repetition in the place of a retracted analysis; submitted results it goes with are retracted, too.

    What was calculated from it is retracted without going on to its other sources.
    """
    _replace(planner, analysis)
    for source in analysis_dependencies(planner, analysis):
        if state(planner, source) in SUBMITTED:
            planner.fire(source, "retract", system=True)
    _retract_dependents(planner, analysis)


def _retract_dependents(planner: Planner, analysis: Entity) -> None:
    for dependent in analysis_dependents(planner, analysis):
        if state(planner, dependent) in SUBMITTED:
            planner.fire(dependent, "retract", system=True, cascade=False)
            _replace(planner, dependent)
            _retract_dependents(planner, dependent)


def _replace(planner: Planner, analysis: Entity) -> None:
    request = one(planner, analysis, "parent")
    service = one(planner, analysis, "Service")
    if request is None or service is None:
        return
    keyword = text(planner, service, "Keyword")
    fellows = planner.related(request, f"children({analysis.portal_type})")
    planner.rename(analysis, f"{keyword}-{next_number(keyword, [other.id for other in fellows])}")
    sheets = planner.related(analysis, "worksheet")
    values = {name: planner.value(analysis, name) for name in COPIED}
    # What is done again is calculated again, too, whoever typed the former result.
    values |= {"Retested": True, "RetestOf": analysis.uid, "ResultByHand": False}
    retest = planner.create("Analysis", request, values, id=keyword, states={WORKFLOW: "sample_received"})
    for sheet in sheets:
        planner.set(sheet, "Analyses", [*uids(planner, sheet, "Analyses"), retest.uid])


def next_number(keyword: str, ids: list[str]) -> int:
    """One more than the highest number among ids of exactly the form ``keyword-number``."""
    form = re.compile(re.escape(keyword) + r"-([1-9][0-9]*)")
    return max((int(match[1]) for match in map(form.fullmatch, ids) if match), default=0) + 1
