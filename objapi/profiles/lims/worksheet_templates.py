"""Worksheet templates: they fill a worksheet, position by position, with what waits and what it is checked by."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from objapi.model.behaviors import Behaviors, Entity, Planner
from objapi.profiles.lims.reading import is_active, moment, one, rows, state, text, uids
from objapi.profiles.lims.worksheets import OWN_CHAIN, slot_type

behaviors: Final = Behaviors()

_KINDS: Final = {"b": "blank", "c": "control"}


@behaviors.add("effect", "fill_from_template")
def fill_from_template(planner: Planner, sheet: Entity, args: Mapping[str, object]) -> None:
    """Fill the free positions of an open worksheet as its template says.

    Routine analyses are those that wait longest, those of one request in one position. Controls and blanks are made in
    the reference sample that serves most services of the template, duplicates of what is in the position named.
    """
    template = one(planner, sheet, "WorksheetTemplate")
    # What takes the place of a rejected worksheet has the analyses of that one.
    replaces = sheet.is_new and bool(planner.value(sheet, "Replaces"))
    if not sheet.has_entered or template is None or replaces:
        return
    if state(planner, sheet) != "open":
        planner.refuse(f"{sheet.path} is not open: no template fills it", field="WorksheetTemplate", entity=sheet)
        return
    if not planner.value(sheet, "Instrument"):
        planner.set(sheet, "Instrument", planner.value(template, "Instrument"))
    slots = _Slots(planner, sheet, template)
    slots.fill()
    if slots.added:
        _put(planner, sheet, slots.added)


def _put(planner: Planner, sheet: Entity, added: Sequence[tuple[int, Entity]]) -> None:
    """Put analyses on a worksheet, each in its position."""
    listed = uids(planner, sheet, "Analyses")
    new = {analysis.uid: (position, analysis) for position, analysis in added}
    planner.set(sheet, "Analyses", list(dict.fromkeys([*listed, *new])))
    layout = [row for row in rows(planner, sheet, "Layout") if row.get("analysis_uid") not in new]
    for uid, (position, analysis) in new.items():
        container = one(planner, analysis, "parent")
        layout.append(
            {
                "position": position,
                "type": slot_type(planner, analysis),
                "container_uid": "" if container is None else container.uid,
                "analysis_uid": uid,
            }
        )
    planner.set(sheet, "Layout", sorted(layout, key=lambda row: _number(row.get("position"))))


def _number(value: object) -> int:
    written = str(value).strip()
    return int(written) if written.isascii() and written.isdecimal() else 0


class _Slots:
    """The positions of a worksheet while a template fills them; `added` are the analyses by position."""

    def __init__(self, planner: Planner, sheet: Entity, template: Entity) -> None:
        self.added: list[tuple[int, Entity]] = []
        self._planner = planner
        self._sheet = sheet
        self._template = template
        self._services = uids(planner, template, "Service")
        layout = rows(planner, sheet, "Layout")
        on_sheet = planner.by_uid(str(row.get("analysis_uid")) for row in layout)
        self._slots: dict[int, list[Entity]] = {}
        for row in layout:
            analysis = on_sheet.get(str(row.get("analysis_uid")))
            if analysis is not None:
                self._slots.setdefault(_number(row.get("position")), []).append(analysis)

    def fill(self) -> None:
        """Choose or make what goes into the free positions; duplicates last, of whatever is there by then."""
        declared = rows(self._planner, self._template, "Layout")
        free = [row for row in declared if _number(row.get("pos")) not in self._slots]
        free.sort(key=lambda row: _number(row.get("pos")))
        routine = [row for row in free if row.get("type") == "a"]
        for row, analyses in zip(routine, self._waiting(len(routine)), strict=False):
            self._add(row, analyses)
        for row in free:
            if row.get("type") in _KINDS:
                self._add(row, self._references(row))
        for row in free:
            if row.get("type") == "d":
                self._add(row, self._duplicates(row))

    def _add(self, row: Mapping[str, object], analyses: Sequence[Entity]) -> None:
        position = _number(row.get("pos"))
        self._slots[position] = list(analyses)
        self.added.extend((position, analysis) for analysis in analyses)

    def _waiting(self, slots: int) -> list[list[Entity]]:
        """The analyses of the services that wait to be assigned, by request, the oldest first."""
        criteria = {
            "getServiceUID": self._services,
            "review_state": "sample_received",
            OWN_CHAIN: "unassigned",
            "cancellation_state": "active",
        }
        # No request has more of them than there are services, so these are of as many requests as there are slots.
        most = (slots + 1) * len(self._services)
        found = self._planner.find("Analysis", criteria, most=most) if slots else ()
        by_request: dict[str, list[Entity]] = {}
        for analysis in found:
            request = one(self._planner, analysis, "parent")
            if request is not None and request.portal_type == "AnalysisRequest" and self._is_waiting(analysis):
                by_request.setdefault(request.uid, []).append(analysis)
        return list(by_request.values())[:slots]

    def _is_waiting(self, analysis: Entity) -> bool:
        """True if an analysis still waits, now that nobody else can take it."""
        waits = state(self._planner, analysis) == "sample_received" and is_active(self._planner, analysis)
        return waits and state(self._planner, analysis, OWN_CHAIN) == "unassigned"

    def _references(self, row: Mapping[str, object]) -> list[Entity]:
        kind = str(row.get("type"))
        definition = self._planner.by_uid([str(row.get(f"{_KINDS[kind]}_ref") or "")])
        sample = next((best for item in definition.values() if (best := self._best(item)) is not None), None)
        position = _number(row.get("pos"))
        if sample is None:
            titles = ", ".join(text(self._planner, item, "title") for item in definition.values()) or "nothing"
            message = (
                f"position {position} of the template takes a {_KINDS[kind]} of {titles}, and no reference sample of "
                "it that serves its services is in use; add one, or change the template"
            )
            self._planner.refuse(message, field="WorksheetTemplate", entity=self._sheet)
            return []
        group = f"{sample.id}-{self._sheet.id}-{position}"
        return [
            self._planner.create(
                "ReferenceAnalysis",
                sample,
                {"Service": service, "ReferenceType": kind, "ReferenceAnalysesGroupID": group},
            )
            for service in self._served_by(sample)
        ]

    def _best(self, definition: Entity) -> Entity | None:
        """The reference sample in use that serves most services; of several the one that expires first."""
        in_use = [
            (-len(self._served_by(sample)), expiry, sample)
            for sample in self._planner.related(definition, "back(ReferenceSample.ReferenceDefinition)")
            if (expiry := self._expiry(sample)) is not None and self._served_by(sample)
        ]
        return min(in_use, key=lambda item: item[:2])[2] if in_use else None

    def _expiry(self, sample: Entity) -> datetime | None:
        """The date of expiry of a reference sample that can be used; None for any other."""
        usable = state(self._planner, sample) == "current" and is_active(self._planner, sample)
        expiry = moment(self._planner, sample, "ExpiryDate") if usable else None
        return expiry if expiry is not None and expiry > self._planner.now else None

    def _served_by(self, sample: Entity) -> list[str]:
        served = {str(row.get("uid")) for row in rows(self._planner, sample, "ReferenceResults")}
        return [service for service in self._services if service in served]

    def _duplicates(self, row: Mapping[str, object]) -> list[Entity]:
        position = _number(row.get("pos"))
        originals = [item for item in self._slots.get(_number(row.get("dup")), ()) if item.portal_type == "Analysis"]
        made = []
        for analysis in originals:
            group = f"{text(self._planner, analysis, 'RequestID')}-{self._sheet.id}-{position}"
            values = {"Analysis": analysis.uid, "ReferenceAnalysesGroupID": group}
            made.append(self._planner.create("DuplicateAnalysis", self._sheet, values))
        return made
