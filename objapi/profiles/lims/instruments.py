"""Instruments: their validity at this moment.

The answer depends on the time, so it comes with the instant until which it holds.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from catalog.dates import shifted
from objapi.model.behaviors import Behaviors, Entity, Planner, Until
from objapi.model.values import utc_text
from objapi.profiles.lims.reading import flag, is_active, moment, one

behaviors: Final = Behaviors()

_JOBS: Final = ("InstrumentCalibration", "InstrumentValidation", "InstrumentMaintenanceTask")


@behaviors.add("computed", "instrument_valid")
def instrument_valid(planner: Planner, analysis: Entity) -> object:
    """Validity of the instrument of an analysis: certified today and not disposed of; true without an instrument."""
    instrument = one(planner, analysis, "Instrument")
    if instrument is None:
        return Until(True, None)
    valid = _is_certified(planner, instrument) and not _is_set_aside(planner, instrument)
    return Until(valid, _next(planner, _certificate_limits(planner, instrument)))


@behaviors.add("computed", "instrument_valid_flag")
def instrument_valid_flag(planner: Planner, instrument: Entity) -> object:
    """``1`` for an instrument that is certified, not disposed of and not down for a job, else ``0``."""
    usable = (
        _is_certified(planner, instrument)
        and not _is_set_aside(planner, instrument)
        and not _is_down(planner, instrument)
    )
    limits = (*_certificate_limits(planner, instrument), *_job_limits(planner, instrument))
    return Until("1" if usable else "0", _next(planner, limits))


def _next(planner: Planner, limits: Iterable[datetime]) -> datetime | None:
    """The first instant to come at which something begins or ends."""
    return min((limit for limit in limits if limit > planner.now), default=None)


def _certificate_limits(planner: Planner, instrument: Entity) -> Iterator[datetime]:
    """Instants at which the certificates of an instrument begin and cease to be valid."""
    for certificate in planner.related(instrument, "children(InstrumentCertification)"):
        start, end = moment(planner, certificate, "ValidFrom"), moment(planner, certificate, "ValidTo")
        if start is not None and end is not None:
            yield start
            yield shifted(end, days=1)


def _job_limits(planner: Planner, instrument: Entity) -> Iterator[datetime]:
    """Instants at which jobs take an instrument and give it back."""
    for job in planner.related(instrument, f"children({', '.join(_JOBS)})"):
        start, end = moment(planner, job, "DownFrom"), moment(planner, job, "DownTo")
        if start is not None:
            yield start
        if end is not None:
            # A job has the instrument to its last instant inclusive.
            yield shifted(end, microseconds=1)


def _is_certified(planner: Planner, instrument: Entity) -> bool:
    """Check whether a certificate is valid, which it is to the end of its last day."""
    for certificate in planner.related(instrument, "children(InstrumentCertification)"):
        start, end = moment(planner, certificate, "ValidFrom"), moment(planner, certificate, "ValidTo")
        if start is not None and end is not None and start <= planner.now < shifted(end, days=1):
            return True
    return False


def _is_set_aside(planner: Planner, instrument: Entity) -> bool:
    return flag(planner, instrument, "DisposeUntilNextCalibrationTest")


def _is_down(planner: Planner, instrument: Entity) -> bool:
    """Check whether a job that is neither closed nor cancelled occupies the instrument now."""
    for job in planner.related(instrument, f"children({', '.join(_JOBS)})"):
        start, end = moment(planner, job, "DownFrom"), moment(planner, job, "DownTo")
        closed = "Closed" in job.type.fields and flag(planner, job, "Closed")
        now = start is not None and start <= planner.now and (end is None or planner.now <= end)
        if now and not closed and is_active(planner, job):
            return True
    return False


@behaviors.add("computed", "calibration_expiry")
def calibration_expiry(planner: Planner, instrument: Entity) -> object:
    """Expiry of the last certificate of an instrument; None for other types."""
    if instrument.portal_type != "Instrument":
        return None
    certificates = planner.related(instrument, "children(InstrumentCertification)")
    dates = [date for date in (moment(planner, one, "ValidTo") for one in certificates) if date is not None]
    return utc_text(max(dates)) if dates else None


@behaviors.add("computed", "manual_entry_view")
def manual_entry_view(planner: Planner, method: Entity) -> object:
    """Permission to type results in: always, unless the method has instruments and manual entry is off."""
    has_instruments = bool(planner.value(method, "_Instruments")) or bool(
        planner.related(method, "back(Instrument.Method)")
    )
    return flag(planner, method, "ManualEntryOfResults") or not has_instruments
