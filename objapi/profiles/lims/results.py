"""Results as they are entered: date of capture, detection limits, uncertainty."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from objapi.model.behaviors import Behaviors, Entity, Planner
from objapi.model.values import utc_text
from objapi.profiles.lims.reading import decimal, flag, one, rows, text

behaviors: Final = Behaviors()

OPERANDS: Final = ("<", ">")
_PLACES: Final = 10


@behaviors.add("effect", "stamp_result")
def stamp_result(planner: Planner, analysis: Entity, args: Mapping[str, object]) -> None:
    """Note when the result was captured, the detection limit it speaks of, and its uncertainty.

    The text of the result stays as it was sent.
    """
    if "ResultCaptureDate" in analysis.type.fields:
        captured = utc_text(planner.now) if planner.value(analysis, "Result") not in (None, "") else None
        planner.set(analysis, "ResultCaptureDate", captured)
    if "DetectionLimitOperand" in analysis.type.fields and not _changed(planner, analysis, "DetectionLimitOperand"):
        _set_if_other(planner, analysis, "DetectionLimitOperand", _operand(planner, analysis))
    work_out_uncertainty(planner, analysis, args)


def _operand(planner: Planner, analysis: Entity) -> str | None:
    """The sign before the result, when the service shows the choice of detection limits."""
    service = one(planner, analysis, "Service")
    sign = text(planner, analysis, "Result")[:1]
    if service is None or sign not in OPERANDS or not flag(planner, service, "DetectionLimitSelector"):
        return None
    return sign


@behaviors.add("effect", "work_out_uncertainty")
def work_out_uncertainty(planner: Planner, analysis: Entity, args: Mapping[str, object]) -> None:
    """Keep the uncertainty in step with the result, unless it is given by hand where the service allows that."""
    if "Uncertainty" not in analysis.type.fields:
        return
    if _changed(planner, analysis, "Uncertainty") and _may_be_manual(planner, analysis):
        return
    _set_if_other(planner, analysis, "Uncertainty", worked_out(planner, analysis))


def worked_out(planner: Planner, analysis: Entity) -> str | None:
    """The uncertainty that the service states for the result, in the places of the field; None without one."""
    service = one(planner, analysis, "Service")
    if service is None:
        return None
    operand = (
        planner.value(analysis, "DetectionLimitOperand") if "DetectionLimitOperand" in analysis.type.fields else None
    )
    number = uncertainty_of(
        decimal(planner.value(analysis, "Result")),
        rows(planner, service, "Uncertainties"),
        decimal(planner.value(service, "LowerDetectionLimit")),
        decimal(planner.value(service, "UpperDetectionLimit")),
    )
    if number is None or operand:
        return None
    places = analysis.type.fields["Uncertainty"].precision
    return str(number.quantize(Decimal(1).scaleb(-(_PLACES if places is None else places))))


def uncertainty_of(
    result: Decimal | None,
    stated: Iterable[Mapping[str, object]],
    lower: Decimal | None,
    upper: Decimal | None,
) -> Decimal | None:
    """The uncertainty of a result: that of the first range it lies in, bounds included; ``2%`` is of the result.

    None for a text that cannot be read as a number, lies outside the detection limits or in no range.
    """
    if result is None or (lower is not None and result < lower) or (upper is not None and result > upper):
        return None
    for row in stated:
        low, high = decimal(row.get("intercept_min")), decimal(row.get("intercept_max"))
        if low is None or high is None or not low <= result <= high:
            continue
        written = str(row.get("errorvalue", "")).strip()
        value = decimal(written.removesuffix("%"))
        if value is None:
            return None
        return abs(result) * value / 100 if written.endswith("%") else value
    return None


@behaviors.add("check", "manual_uncertainty")
def manual_uncertainty(planner: Planner, analysis: Entity, field: str, value: object) -> str | None:
    """An uncertainty is given by hand only where the service allows it; the computed one is always accepted."""
    if value is None or _may_be_manual(planner, analysis) or decimal(value) == decimal(worked_out(planner, analysis)):
        return None
    return "its service does not allow an uncertainty by hand; leave it out, it is computed from the result"


@behaviors.add("check", "operand_allowed")
def operand_allowed(planner: Planner, analysis: Entity, field: str, value: object) -> str | None:
    """A detection limit is chosen only where the service shows the choice."""
    service = one(planner, analysis, "Service")
    if not value or service is None or flag(planner, service, "DetectionLimitSelector"):
        return None
    return "its service does not show the choice of detection limits; leave it out"


def _may_be_manual(planner: Planner, analysis: Entity) -> bool:
    service = one(planner, analysis, "Service")
    return service is not None and flag(planner, service, "AllowManualUncertainty")


def _changed(planner: Planner, entity: Entity, name: str) -> bool:
    return planner.value(entity, name) != planner.old_value(entity, name)


def _set_if_other(planner: Planner, entity: Entity, name: str, value: object) -> None:
    if planner.value(entity, name) != value:
        planner.set(entity, name, value)
