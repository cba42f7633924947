"""Sessions and their stretches.

After any launch the beamline has exactly one open stretch. The beamline names the session that it belongs to: launching
and closing change the beamline's row, so of two launches at once the later one sees what the earlier one did.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from objapi.model.behaviors import Behaviors, Entity, Planner
from objapi.profiles.mxlive.names import session_id
from objapi.profiles.mxlive.reading import moment, target, text

behaviors: Final = Behaviors()

RESUMED_WITHIN: Final = timedelta(minutes=5)
"""A stretch that ended less than this ago is taken up again."""


@behaviors.add("computed", "mx_session_id")
def id_of_session(planner: Planner, session: Entity) -> object:
    """Beamline and name in one id, so that no project has two sessions with the same ones."""
    beamline = target(planner, session, "beamline")
    return session_id("" if beamline is None else text(planner, beamline, "acronym"), text(planner, session, "name"))


@behaviors.add("computed", "mx_is_running")
def is_running(planner: Planner, session: Entity) -> object:
    """True while the session has an open stretch."""
    return planner.value(session, "review_state") == "running"


@behaviors.add("computed", "mx_total_time")
def total_time(planner: Planner, session: Entity) -> object:
    """The seconds of all stretches, open ones up to now."""
    total = timedelta()
    for stretch in planner.related(session, "children(MxStretch)"):
        start = moment(planner, stretch, "start")
        if start is not None:
            total += (moment(planner, stretch, "end") or planner.now) - start
    return max(total.total_seconds(), 0.0)


@behaviors.add("effect", "mx_launched")
def launched(planner: Planner, session: Entity, args: Mapping[str, object]) -> None:
    """Close what else runs at the beamline; take up the last stretch if it ended a moment ago, else begin one."""
    beamline = target(planner, session, "beamline")
    if beamline is None:
        return
    running = target(planner, beamline, "active_session")
    if running is not None and running.uid != session.uid:
        planner.fire(running, "close", system=True)
    stretches = planner.related(session, "children(MxStretch)")
    if all(planner.value(stretch, "end") is not None for stretch in stretches):
        recent = [stretch for stretch in stretches if _ended_recently(planner, stretch)]
        if recent:
            planner.set(recent[-1], "end", None)
        else:
            planner.create("MxStretch", session, {"start": planner.now})
    planner.set(beamline, "active_session", session.uid)


def _ended_recently(planner: Planner, stretch: Entity) -> bool:
    end = moment(planner, stretch, "end")
    return end is not None and planner.now - end < RESUMED_WITHIN


@behaviors.add("effect", "mx_closed")
def closed(planner: Planner, session: Entity, args: Mapping[str, object]) -> None:
    """End the open stretches."""
    for stretch in planner.related(session, "children(MxStretch)"):
        if planner.value(stretch, "end") is None:
            planner.set(stretch, "end", planner.now)
    beamline = target(planner, session, "beamline")
    if beamline is not None and planner.value(beamline, "active_session") == session.uid:
        planner.set(beamline, "active_session", None)
