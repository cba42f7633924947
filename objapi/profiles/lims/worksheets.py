"""Worksheets: their analyses, slots, and the effects on analyses that are added, removed or rejected.

`Analyses` says what is on a worksheet, `Layout` in which order and slot. Writing the first assigns and unassigns;
the second only orders.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from objapi.model.behaviors import Behaviors, Entity, Planner
from objapi.profiles.lims.reading import one, rows, state, stored_values, text, uid_list, uids
from objapi.profiles.lims.services import interims_of_service

behaviors: Final = Behaviors()

OWN_CHAIN: Final = "worksheetanalysis_review_state"
_ON_SHEETS: Final = "back(Worksheet.Analyses)"
SUBMITTED: Final = ("attachment_due", "to_be_verified")
_FINISHED: Final = ("verified", "published", "retracted")
_CLOSED: Final = (*_FINISHED, "rejected")
_NOT_COPIED: Final = ("Layout", "Analyses")
_OF_RESULT: Final = (
    "Result",
    "ResultDM",
    "ResultCaptureDate",
    "ResultByHand",
    "CalculatedResult",
    "CalculatedFrom",
    "CalculationMessage",
    "Uncertainty",
    "Attachment",
    "InterimFields",
)
"""What a control or duplicate that is made anew does not take along."""


@behaviors.add("effect", "assign_analyses")
def assign_analyses(planner: Planner, sheet: Entity, args: Mapping[str, object]) -> None:
    """Assign what was added to a worksheet, unassign what was taken off, and keep the layout in step.

    An analysis that leaves takes its duplicates with it. `args`: the `old` value of Analyses.
    """
    if _is_finished(planner, sheet, "Analyses"):
        return
    new, old = uids(planner, sheet, "Analyses"), uid_list(args.get("old"))
    entities = dict(planner.by_uid([*old, *new]))
    leaving = [uid for uid in old if uid not in new]
    rejected = state(planner, sheet) == "rejected"
    orphans = set() if rejected else _duplicates_of(planner, [entities[uid] for uid in leaving if uid in entities])
    # A duplicate checks one analysis, so it cannot stay on the sheet without it.
    if orphans & set(new):
        leaving += [uid for uid in new if uid in orphans]
        new = [uid for uid in new if uid not in orphans]
        planner.set(sheet, "Analyses", new)
    _keep_layout(planner, sheet, new, entities)
    if rejected:
        return
    for uid in new:
        if uid not in old and uid in entities:
            _assign(planner, sheet, entities[uid])
    for uid in leaving:
        if uid in entities:
            _unassign(planner, entities[uid])
    if leaving:
        _move_on(planner, sheet)


@behaviors.add("effect", "free_analyses")
def free_analyses(planner: Planner, sheet: Entity, args: Mapping[str, object]) -> None:
    """Free what is on a worksheet that is removed, so that it can be put on another; controls stay in their samples."""
    for analysis in planner.related(sheet, "Analyses"):
        _unassign(planner, analysis)


def _is_finished(planner: Planner, sheet: Entity, field: str) -> bool:
    """True, and the write is refused, when a worksheet is verified: what is on it is what was verified there."""
    finished = state(planner, sheet) == "verified"
    if finished:
        planner.refuse(f"{sheet.path} is verified: {field} does not change any more", field=field, entity=sheet)
    return finished


def _duplicates_of(planner: Planner, analyses: Sequence[Entity]) -> set[str]:
    """The UIDs of the duplicates that repeat any of the analyses."""
    return {
        duplicate.uid
        for analysis in analyses
        if analysis.portal_type == "Analysis"
        for duplicate in planner.related(analysis, "duplicates")
    }


def _assign(planner: Planner, sheet: Entity, analysis: Entity) -> None:
    reached = state(planner, analysis)
    if reached in _CLOSED:
        planner.refuse(
            f"{analysis.path} is {reached}, and what is done is put on no worksheet", field="Analyses", entity=sheet
        )
        return
    others = [other for other in planner.related(analysis, _ON_SHEETS) if other.uid != sheet.uid]
    if others:
        planner.refuse(
            f"{analysis.path} is on the worksheet {others[0].id}; take it off there first",
            field="Analyses",
            entity=sheet,
        )
        return
    if _chain_state(planner, analysis) == "unassigned":
        planner.fire(analysis, "assign")
    analyst = text(planner, sheet, "Analyst")
    if analyst and not text(planner, analysis, "Analyst"):
        # The sheet says who works on what is on it; its own write permission has been asked.
        planner.set(analysis, "Analyst", analyst, system=True)
    instrument = planner.value(sheet, "Instrument")
    if instrument and _takes_instrument(planner, analysis, instrument, instead_of=(None, "")):
        planner.set(analysis, "Instrument", instrument, system=True)


def _unassign(planner: Planner, analysis: Entity) -> None:
    """Take the step that goes with leaving; a duplicate that leaves its worksheet is gone."""
    if analysis.portal_type == "RejectAnalysis":
        return
    if _chain_state(planner, analysis) != "unassigned":
        planner.fire(analysis, "unassign", attempt=analysis.portal_type != "Analysis")
    if analysis.portal_type == "DuplicateAnalysis":
        # It repeats what is on the sheet, so it goes with the right to take that off.
        planner.remove(analysis, system=True)


def _chain_state(planner: Planner, analysis: Entity) -> str:
    """State of an analysis in the workflow of its assignment; routine analyses have one of their own for that."""
    return state(planner, analysis, OWN_CHAIN if analysis.portal_type == "Analysis" else "review_state")


def _move_on(planner: Planner, sheet: Entity) -> None:
    """Advance a worksheet whose last waiting analysis left; an empty one is open again."""
    left = uids(planner, sheet, "Analyses")
    if not left:
        if state(planner, sheet) in SUBMITTED:
            planner.fire(sheet, "retract", attempt=True, system=True)
        return
    for start, transition in (("open", "submit"), ("attachment_due", "attach")):
        if state(planner, sheet) == start:
            planner.fire(sheet, transition, attempt=True, system=True)
    waiting = any(state(planner, analysis) == "to_be_verified" for analysis in planner.related(sheet, "Analyses"))
    if state(planner, sheet) == "to_be_verified" and not waiting:
        planner.fire(sheet, "verify", attempt=True, system=True, cascade=False)


def _keep_layout(planner: Planner, sheet: Entity, listed: Sequence[str], entities: Mapping[str, Entity]) -> None:
    """A row for each analysis: those that left lose theirs, new ones join the slot of their container or open one."""
    layout = [row for row in rows(planner, sheet, "Layout") if row.get("analysis_uid") in listed]
    placed = {row.get("analysis_uid") for row in layout}
    for uid in listed:
        if uid not in placed and uid in entities:
            layout.append(_row(planner, layout, entities[uid]))
    if layout != rows(planner, sheet, "Layout"):
        planner.set(sheet, "Layout", layout)


def _row(planner: Planner, layout: Sequence[Mapping[str, object]], analysis: Entity) -> dict[str, object]:
    container = one(planner, analysis, "parent")
    container_uid = "" if container is None else container.uid
    kind = slot_type(planner, analysis)
    same = [row for row in layout if row.get("container_uid") == container_uid and row.get("type") == kind]
    position = same[0]["position"] if same else max((_position(row) for row in layout), default=0) + 1
    return {"position": position, "type": kind, "container_uid": container_uid, "analysis_uid": analysis.uid}


def slot_type(planner: Planner, analysis: Entity) -> str:
    """The letter of a slot: a (routine), b (blank), c (control), d (duplicate) or r (rejected)."""
    match analysis.portal_type:
        case "DuplicateAnalysis":
            return "d"
        case "RejectAnalysis":
            return "r"
        case "ReferenceAnalysis":
            return text(planner, analysis, "ReferenceType") or "c"
    return "a"


def _position(row: Mapping[str, object]) -> int:
    written = str(row.get("position", "")).strip()
    return int(written) if written.isascii() and written.isdecimal() else 0


@behaviors.add("effect", "layout_order")
def layout_order(planner: Planner, sheet: Entity, args: Mapping[str, object]) -> None:
    """Bring the analyses into the order of the layout; it can name no others.

    The layout of a new worksheet says what is on it; that of a rejected one is written with what stays there.
    """
    if state(planner, sheet) == "rejected" or _is_finished(planner, sheet, "Layout"):
        return
    layout = rows(planner, sheet, "Layout")
    named = list(dict.fromkeys(str(row["analysis_uid"]) for row in layout if row.get("analysis_uid")))
    listed = uids(planner, sheet, "Analyses")
    if sheet.is_new and not listed:
        planner.set(sheet, "Analyses", named)
        return
    # Analyses written in the same request may not be in the layout sent with it; only an unchanged list must be whole.
    foreign = [uid for uid in named if uid not in listed]
    missing = [uid for uid in listed if uid not in named]
    if foreign or (missing and listed == uid_list(planner.old_value(sheet, "Analyses"))):
        message = "Layout only orders what is on the worksheet; write Analyses to add or take off"
        planner.refuse(message, field="Layout", entity=sheet)
    elif not missing and named != listed:
        planner.set(sheet, "Analyses", named)


@behaviors.add("effect", "analyst_to_analyses")
def analyst_to_analyses(planner: Planner, sheet: Entity, args: Mapping[str, object]) -> None:
    """Whoever works on a worksheet works on everything on it that is not submitted yet."""
    analyst = planner.value(sheet, "Analyst")
    for analysis in planner.related(sheet, "Analyses"):
        done = analysis.portal_type == "RejectAnalysis" or state(planner, analysis) in (*SUBMITTED, *_CLOSED)
        if not done and planner.value(analysis, "Analyst") != analyst:
            planner.set(analysis, "Analyst", analyst)


@behaviors.add("effect", "instrument_to_analyses")
def instrument_to_analyses(planner: Planner, sheet: Entity, args: Mapping[str, object]) -> None:
    """The instrument of a worksheet is that of everything on it that is not submitted and names no other.

    What its service measures by other instruments alone is left as it is. `args`: the `old` instrument.
    """
    instrument = planner.value(sheet, "Instrument")
    for analysis in planner.related(sheet, "Analyses"):
        done = state(planner, analysis) in (*SUBMITTED, *_CLOSED)
        if not done and _takes_instrument(planner, analysis, instrument, instead_of=(None, "", args.get("old"))):
            planner.set(analysis, "Instrument", instrument)


def _takes_instrument(
    planner: Planner, analysis: Entity, instrument: object, *, instead_of: Collection[object]
) -> bool:
    """True if an analysis names one of some instruments, and its service allows the new one."""
    if analysis.portal_type == "RejectAnalysis" or planner.value(analysis, "Instrument") not in instead_of:
        return False
    service = one(planner, analysis, "Service")
    allowed = [] if service is None else uids(planner, service, "Instruments")
    return not allowed or not instrument or instrument in allowed


@behaviors.add("effect", "join_worksheet")
def join_worksheet(planner: Planner, duplicate: Entity, args: Mapping[str, object]) -> None:
    """A duplicate made in a worksheet is on it; one made together with its worksheet is where that says."""
    sheet = one(planner, duplicate, "parent")
    if sheet is None or sheet.is_new:
        return
    listed = uids(planner, sheet, "Analyses")
    if duplicate.uid not in listed:
        planner.set(sheet, "Analyses", [*listed, duplicate.uid])


@behaviors.add("effect", "leave_worksheet")
def leave_worksheet(planner: Planner, analysis: Entity, args: Mapping[str, object]) -> None:
    """Take an unassigned analysis off its worksheet."""
    for sheet in planner.related(analysis, _ON_SHEETS):
        listed = uids(planner, sheet, "Analyses")
        if state(planner, sheet) != "rejected":
            planner.set(sheet, "Analyses", [uid for uid in listed if uid != analysis.uid])


@behaviors.add("effect", "replace_worksheet")
def replace_worksheet(planner: Planner, sheet: Entity, args: Mapping[str, object]) -> None:
    """Put a new worksheet in the place of a rejected one.

    Routine analyses move there with their results cleared, and leave a copy behind; controls and duplicates are
    rejected and made anew. What is verified, published or retracted stays.
    """
    folder = one(planner, sheet, "parent")
    if folder is None:
        return
    values = {**stored_values(planner, sheet, _NOT_COPIED), "Replaces": sheet.uid}
    new = planner.create("Worksheet", folder, values)
    staying: dict[str, Entity] = {}
    going: dict[str, Entity] = {}
    for analysis in planner.related(sheet, "Analyses"):
        if state(planner, analysis) in _FINISHED or analysis.portal_type == "RejectAnalysis":
            staying[analysis.uid] = analysis
        elif analysis.portal_type == "Analysis":
            staying[analysis.uid], going[analysis.uid] = _copy_behind(planner, sheet, analysis), analysis
        else:
            staying[analysis.uid], going[analysis.uid] = analysis, _anew(planner, new, analysis)
    layout = rows(planner, sheet, "Layout")
    planner.set(sheet, "Layout", _rewritten(planner, layout, staying))
    planner.set(sheet, "Analyses", [analysis.uid for analysis in staying.values()])
    for analysis in going.values():
        _clear(planner, analysis)
    planner.set(new, "Layout", _rewritten(planner, layout, going))
    for analysis in staying.values():
        if analysis.uid in going and state(planner, analysis) in SUBMITTED:
            planner.fire(analysis, "reject", system=True)


def _rewritten(
    planner: Planner, layout: Sequence[Mapping[str, object]], analyses: Mapping[str, Entity]
) -> list[dict[str, object]]:
    """The rows for some analyses of a layout, each with the one that takes its place in the slot."""
    found = []
    for row in layout:
        analysis = analyses.get(str(row.get("analysis_uid")))
        if analysis is not None:
            container = one(planner, analysis, "parent")
            slot = {"type": slot_type(planner, analysis), "analysis_uid": analysis.uid}
            found.append({**row, **slot, "container_uid": "" if container is None else container.uid})
    return found


def _copy_behind(planner: Planner, sheet: Entity, analysis: Entity) -> Entity:
    """The rejected result, as it stays on the worksheet."""
    values = {**stored_values(planner, analysis, ("RetestOf", "RejectionReasons")), "Analysis": analysis.uid}
    return planner.create("RejectAnalysis", sheet, values)


def _clear(planner: Planner, analysis: Entity) -> None:
    """Have a routine analysis done again; a control or duplicate made anew has no result to lose."""
    if analysis.portal_type != "Analysis":
        return
    if state(planner, analysis) in SUBMITTED:
        planner.fire(analysis, "send_back", system=True)
    planner.set(analysis, "InterimFields", interims_of_service(planner, analysis))
    planner.set(analysis, "Result", None)
    planner.set(analysis, "Retested", True)


def _anew(planner: Planner, sheet: Entity, old: Entity) -> Entity:
    """A control or duplicate once more, without its result."""
    values = stored_values(planner, old, _OF_RESULT)
    values["Retested"] = True
    container = sheet if old.portal_type == "DuplicateAnalysis" else one(planner, old, "parent")
    return planner.create(old.portal_type, container or sheet, values)
