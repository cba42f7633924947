"""Rejecting samples, requests and analyses, with reasons; and repeating what was invalidated.

Both are switched on by the settings of the site.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from objapi.model.behaviors import Behaviors, Entity, Planner
from objapi.profiles.lims.analyses import WORKFLOW
from objapi.profiles.lims.reading import is_active, one, row_list, rows, setting, state, stored_values

behaviors: Final = Behaviors()

_OPEN: Final = (
    "to_be_sampled",
    "to_be_preserved",
    "sample_due",
    "sample_received",
    "attachment_due",
    "to_be_verified",
)
"""States in which samples, requests and analyses can be rejected."""
_REASONS: Final = "RejectionReasons"


@behaviors.add("condition", "rejection_enabled")
def rejection_enabled(planner: Planner, entity: Entity, args: Mapping[str, object]) -> str | None:
    """The site has samples, requests and analyses rejected."""
    return None if setting(planner, "EnableRejectionWorkflow") is True else "nothing is rejected on this site"


@behaviors.add("condition", "retests_enabled")
def retests_enabled(planner: Planner, entity: Entity, args: Mapping[str, object]) -> str | None:
    """The site has invalidated requests repeated."""
    return None if setting(planner, "EnableRetestRequests") is True else "nothing is repeated on this site"


def _declared(planner: Planner) -> list[str]:
    reasons = setting(planner, _REASONS)
    return [str(reason) for reason in reasons] if isinstance(reasons, list) else []


@behaviors.add("check", "declared_reasons")
def declared_reasons(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """The reasons that are selected are those of the settings; any other is written out."""
    declared = _declared(planner)
    unknown = [reason for row in row_list(value) for reason in _texts(row.get("selected")) if reason not in declared]
    if not unknown:
        return None
    choice = ", ".join(declared) or "none"
    return f"{', '.join(unknown)} is none of the reasons declared ({choice}); write others in `other`"


def _texts(value: object) -> list[str]:
    """The texts of a list or of the lines of a text that say something."""
    found: Iterable[object] = value.splitlines() if isinstance(value, str) else value if isinstance(value, list) else ()
    return [str(item).strip() for item in found if str(item).strip()]


def _has_reason(planner: Planner, entity: Entity) -> bool:
    return any(_texts(row.get("selected")) or _texts(row.get("other")) for row in rows(planner, entity, _REASONS))


@behaviors.add("effect", "require_reasons")
def require_reasons(planner: Planner, entity: Entity, args: Mapping[str, object]) -> None:
    """Refuse to reject without a reason."""
    if not _has_reason(planner, entity):
        choice = ", ".join(_declared(planner)) or "none is declared"
        message = (
            f"{_REASONS}: {entity.path} is rejected for a reason; send fields with "
            f'[{{"selected": […], "other": "…"}}], selected from: {choice}'
        )
        planner.refuse(message, field=_REASONS, entity=entity)


@behaviors.add("effect", "reject_related")
def reject_related(planner: Planner, entity: Entity, args: Mapping[str, object]) -> None:
    """Reject what goes with an object, for its reasons. `args`: the `relations` to it."""
    relations = args["relations"] if _has_reason(planner, entity) else ()
    for relation in relations if isinstance(relations, list | tuple) else ():
        for other in planner.related(entity, str(relation)):
            left = other.portal_type == "SamplePartition" and state(planner, other) == "sample_registered"
            if is_active(planner, other) and (left or state(planner, other) in _OPEN):
                _reject(planner, entity, other)


def _reject(planner: Planner, cause: Entity, entity: Entity) -> None:
    if not _has_reason(planner, entity):
        planner.set(entity, _REASONS, planner.value(cause, _REASONS), system=True)
    planner.fire(entity, "reject", system=True)


@behaviors.add("effect", "reject_whole")
def reject_whole(planner: Planner, part: Entity, args: Mapping[str, object]) -> None:
    """Reject the whole of which the last part that counted is rejected.

    `args`: the relations to the `whole` and to all its `parts`.
    """
    left = [
        other
        for other in planner.related(part, str(args["parts"]))
        if other.uid != part.uid and is_active(planner, other) and state(planner, other) not in ("rejected", "invalid")
    ]
    whole = one(planner, part, str(args["whole"]))
    if (
        whole is not None
        and not left
        and _has_reason(planner, part)
        and is_active(planner, whole)
        and state(planner, whole) in _OPEN
    ):
        _reject(planner, part, whole)


_NOT_REPEATED: Final = (
    "ChildAnalysisRequest",
    "ParentAnalysisRequest",
    "Attachment",
    "Invoice",
    "DatePublished",
    "DateVerified",
    "ResultsInterpretation",
    _REASONS,
)


@behaviors.add("effect", "repeat_invalidated")
def repeat_invalidated(planner: Planner, request: Entity, args: Mapping[str, object]) -> None:
    """Put a further request on the sample in the place of an invalidated one, where the site wants that.

    It has the same analyses with their results and waits for verification, so that each can be verified or retracted
    and done again. The two requests name each other.
    """
    container = one(planner, request, "parent")
    if setting(planner, "EnableRetestRequests") is not True or container is None:
        return
    values = stored_values(planner, request, _NOT_REPEATED)
    values["ParentAnalysisRequest"] = request.uid
    states = {"bika_ar_workflow": "to_be_verified"}
    retest = planner.create("AnalysisRequest", container, values, states=states, system=True)
    planner.set(request, "ChildAnalysisRequest", retest.uid, system=True)
    for analysis in planner.related(request, "children(Analysis)"):
        if is_active(planner, analysis) and state(planner, analysis) not in ("retracted", "rejected"):
            copied = stored_values(planner, analysis, ("RetestOf", "DateAnalysisPublished", "Duration", "Earliness"))
            copied["ResultByHand"] = planner.value(analysis, "ResultByHand")
            # Nobody verifies what they submitted, in the repetition either.
            states = {WORKFLOW: "to_be_verified"}
            planner.create("Analysis", retest, copied, id=analysis.id, states=states, actors_of=analysis, system=True)
