"""Events of a session besides data collections: robot actions, fluorescence spectra, energy scans."""

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from objapi.profiles.ispyb.tables import EnergyScan, RobotAction, XFEFluorescenceSpectrum


@dataclass(frozen=True, slots=True)
class EventKind:
    """One kind of event: its short name, its title, and the columns that all kinds have under names of their own."""

    name: str
    title: str
    key: sa.Column[Any]
    session_id: sa.Column[Any]
    sample_id: sa.Column[Any]
    start: sa.Column[Any]
    end: sa.Column[Any]


ROBOT: Final = EventKind(
    "robot",
    "Sample Actions",
    RobotAction.c.robotActionId,
    RobotAction.c.blsessionId,
    RobotAction.c.blsampleId,
    RobotAction.c.startTimestamp,
    RobotAction.c.endTimestamp,
)
SPECTRUM: Final = EventKind(
    "xrf",
    "XRF Spectrum",
    XFEFluorescenceSpectrum.c.xfeFluorescenceSpectrumId,
    XFEFluorescenceSpectrum.c.sessionId,
    XFEFluorescenceSpectrum.c.blSampleId,
    XFEFluorescenceSpectrum.c.startTime,
    XFEFluorescenceSpectrum.c.endTime,
)
SCAN: Final = EventKind(
    "es",
    "Energy Scan",
    EnergyScan.c.energyScanId,
    EnergyScan.c.sessionId,
    EnergyScan.c.blSampleId,
    EnergyScan.c.startTime,
    EnergyScan.c.endTime,
)

KINDS: Final = (ROBOT, SPECTRUM, SCAN)
