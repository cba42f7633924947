"""Routine analyses: adding one to a request, dates, and computed fields."""

from collections.abc import Mapping
from typing import Final

from catalog.dates import shifted
from objapi.errors import Cause, Conflict
from objapi.model.behaviors import Behaviors, Entity, Planner
from objapi.model.types import EntityType
from objapi.model.values import utc_text
from objapi.profiles.lims.reading import is_active, minutes, moment, one, row_list, rows, state, text

behaviors: Final = Behaviors()

WORKFLOW: Final = "bika_analysis_workflow"
BEFORE_SUBMISSION: Final = (
    "sample_registered",
    "to_be_sampled",
    "sampled",
    "to_be_preserved",
    "sample_due",
    "sample_received",
)
SUBMITTED: Final = ("attachment_due", "to_be_verified")
_SECONDS: Final = 60


@behaviors.add("creator", "analysis")
def create_analysis(
    planner: Planner,
    entity_type: EntityType,
    container: Entity | None,
    values: Mapping[str, object],
    asked_id: str | None,
) -> Entity:
    """Add an analysis: its id is the keyword, its state that of the request.

    A request that waits for verification is open again. Raises Conflict when the request has the service.
    """
    if container is None:
        raise Conflict("an analysis is made in a request; give obj_path")
    if container.portal_type != "AnalysisRequest":
        return planner.create(entity_type.portal_type, container, values, id=asked_id)
    service = planner.by_uid([str(values.get("Service"))]).get(str(values.get("Service")))
    if service is not None:
        _refuse_second(planner, container, service)
    partition = values.get("SamplePartition")
    if partition is None:
        first = one(planner, container, "Sample.children(SamplePartition)")
        values = {**values, "SamplePartition": None if first is None else first.uid}
    if not is_active(planner, container):
        raise Conflict(f"{container.path} is cancelled and takes no analyses; reinstate it first")
    reached = state(planner, container)
    own = reached if reached in BEFORE_SUBMISSION else "sample_received"
    analysis = planner.create(entity_type.portal_type, container, values, id=asked_id, states={WORKFLOW: own})
    due_date(planner, analysis, {})
    if reached in SUBMITTED:
        planner.fire(container, "retract", system=True, cascade=False)
    if state(planner, container, "worksheetanalysis_review_state") == "assigned":
        planner.fire(container, "unassign", system=True)
    return analysis


def _refuse_second(planner: Planner, request: Entity, service: Entity) -> None:
    for other in planner.related(request, "children(Analysis)"):
        if service.uid == planner.value(other, "Service") and state(planner, other) != "retracted":
            message = f"{request.path} already has the service {text(planner, service, 'title')} ({other.path})"
            raise Conflict(message, causes=[Cause("field", "Service", message)])


@behaviors.add("check", "service_not_taken")
def service_not_taken(planner: Planner, analysis: Entity, field: str, value: object) -> str | None:
    """An analysis never changes its service, from which its id, title and calculation come."""
    if analysis.is_new or value == planner.old_value(analysis, field):
        return None
    return "an analysis keeps its service; add another analysis instead"


@behaviors.add("check", "not_cancelled")
def not_cancelled(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """Results of what is cancelled, by itself or with its request, are closed."""
    places = [entity] if entity.portal_type == "AnalysisRequest" else [entity, *planner.related(entity, "parent")]
    cancelled = [place.path for place in places if state(planner, place, "cancellation_state") == "cancelled"]
    return f"{cancelled[0]} is cancelled; reinstate it first" if cancelled else None


@behaviors.add("effect", "due_date")
def due_date(planner: Planner, analysis: Entity, args: Mapping[str, object]) -> None:
    """Due date of the result: reception of the sample plus the time that the service allows."""
    allowed = _minutes_allowed(planner, analysis)
    sample = one(planner, analysis, "SamplePartition.parent") or one(planner, analysis, "parent")
    received = None if sample is None else moment(planner, sample, "DateReceived")
    due = utc_text(shifted(received, minutes=allowed)) if received is not None and allowed else None
    if planner.value(analysis, "DueDate") != due:
        planner.set(analysis, "DueDate", due)


@behaviors.add("effect", "publication_stamps")
def publication_stamps(planner: Planner, analysis: Entity, args: Mapping[str, object]) -> None:
    """Set the date of publication, its duration in minutes, and the minutes beyond the limit; 0 without a limit."""
    planner.set(analysis, "DateAnalysisPublished", utc_text(planner.now))
    allowed = _minutes_allowed(planner, analysis)
    request = one(planner, analysis, "parent")
    start = None if request is None else moment(planner, request, "DateReceived")
    start = start or moment(planner, analysis, "created")
    took = int((planner.now - start).total_seconds() // _SECONDS) if start is not None and allowed else 0
    planner.set(analysis, "Duration", took)
    planner.set(analysis, "Earliness", took - allowed if allowed else 0)


def _minutes_allowed(planner: Planner, analysis: Entity) -> int:
    service = one(planner, analysis, "Service")
    return 0 if service is None else minutes(planner.value(service, "MaxTimeAllowed"))


@behaviors.add("effect", "verify_waiting")
def verify_waiting(planner: Planner, entity: Entity, args: Mapping[str, object]) -> None:
    """Verify the submitted analyses of a request or worksheet, those first that others are calculated from.

    One that cannot be verified fails the whole step with its own reason. `args`: the `relation` to the analyses.
    """
    relation = str(args["relation"])
    waiting = [
        analysis
        for analysis in planner.related(entity, relation)
        if state(planner, analysis) == "to_be_verified" and is_active(planner, analysis)
    ]
    while waiting:
        left = [analysis for analysis in waiting if not planner.fire(analysis, "verify", attempt=True)]
        left = [analysis for analysis in left if state(planner, analysis) == "to_be_verified"]
        if len(left) == len(waiting):
            for analysis in left:
                planner.fire(analysis, "verify")
            return
        waiting = left


@behaviors.add("effect", "move_request_on")
def move_request_on(planner: Planner, analysis: Entity, args: Mapping[str, object]) -> None:
    """Move a request on as far as the analyses allow that are left when this one is removed or cancelled."""
    request = one(planner, analysis, "parent")
    if request is None or request.portal_type != "AnalysisRequest":
        return
    left = [
        other
        for other in planner.related(request, "children(Analysis)")
        if other.uid != analysis.uid and is_active(planner, other) and state(planner, other) != "rejected"
    ]
    reached = {state(planner, other) for other in left}
    steps = (
        ("sample_received", "submit", {*BEFORE_SUBMISSION}),
        ("attachment_due", "attach", {*BEFORE_SUBMISSION, "attachment_due"}),
        ("to_be_verified", "verify", {*BEFORE_SUBMISSION, *SUBMITTED}),
        ("verified", "publish", {*BEFORE_SUBMISSION, *SUBMITTED, "verified"}),
    )
    for start, transition, behind in steps:
        if left and state(planner, request) == start and not reached & behind:
            planner.fire(request, transition, attempt=True, system=True)
    if state(planner, request, "worksheetanalysis_review_state") == "unassigned":
        planner.fire(request, "assign", attempt=True, system=True)


@behaviors.add("computed", "previous_results")
def previous_results(planner: Planner, analysis: Entity) -> object:
    """Results of the retracted predecessors, oldest first: `created`, `Result` and `InterimFields` of each."""
    forerunner = one(planner, analysis, "RetestOf")
    if forerunner is None:
        return []
    earlier = row_list(planner.value(forerunner, "Previous Results"))
    created = moment(planner, forerunner, "created")
    own: dict[str, object] = {
        "created": None if created is None else utc_text(created),
        "Result": planner.value(forerunner, "Result"),
        "InterimFields": rows(planner, forerunner, "InterimFields"),
    }
    return [*earlier, own]


@behaviors.add("computed", "analysis_specification")
def analysis_specification(planner: Planner, analysis: Entity) -> object:
    """The range of the request for this analysis; empty when the request states no range."""
    request = one(planner, analysis, "parent")
    service = one(planner, analysis, "Service")
    if request is None or service is None or request.portal_type != "AnalysisRequest":
        return {}
    keyword = text(planner, service, "Keyword")
    return next((row for row in rows(planner, request, "ResultsRange") if row.get("keyword") == keyword), {})
