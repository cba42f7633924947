"""Datasets and reports: numbers, frames, times, files, and links to sessions and groups."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from objapi.errors import ValidationError
from objapi.model.behaviors import Behaviors, Entity, Planner
from objapi.profiles.mxlive.files import data_files, report_files
from objapi.profiles.mxlive.frames import FramesProblem, count_frames, fill_times
from objapi.profiles.mxlive.names import normal_address, number_in
from objapi.profiles.mxlive.reading import decimal, moment, one, target, text

behaviors: Final = Behaviors()


@behaviors.add("default", "mx_now")
def now(planner: Planner, entity: Entity) -> object:
    """The instant of the request."""
    return planner.now.isoformat()


@behaviors.add("default", "mx_name_of_project")
def name_of_project(planner: Planner, project: Entity) -> object:
    """A project is called like its user unless it has a name of its own."""
    return text(planner, project, "username")


@behaviors.add("effect", "mx_numbered")
def numbered(planner: Planner, entity: Entity, args: Mapping[str, object]) -> None:
    """Clients know samples, data and reports by a number, so their ids must have one."""
    if number_in(entity.id) is None:
        planner.refuse(f"The id {entity.id!r} has no number; leave it out, and it is given.", entity=entity)


@behaviors.add("computed", "mx_number")
def number(planner: Planner, entity: Entity) -> object:
    """The number by which clients know the object."""
    return number_in(entity.id)


@behaviors.add("computed", "mx_num_frames")
def num_frames(planner: Planner, data: Entity) -> object:
    """Number of frames of the dataset; 1 when it names no frames."""
    try:
        return count_frames(text(planner, data, "frames"))
    except FramesProblem:
        # The check of the field reports the problem; until then there are no frames to count.
        return 1


@behaviors.add("effect", "mx_group_of_sample")
def group_of_sample(planner: Planner, data: Entity, args: Mapping[str, object]) -> None:
    """The group of a dataset is that of its sample."""
    sample = target(planner, data, "sample")
    planner.set(data, "group", None if sample is None else planner.value(sample, "group"))


@behaviors.add("effect", "mx_link_session")
def link_session(planner: Planner, data: Entity, args: Mapping[str, object]) -> None:
    """A dataset belongs to the session that runs at its beamline when its files come, if that is one of its project."""
    if not data.is_new and planner.old_value(data, "uploaded") == planner.value(data, "uploaded"):
        return
    beamline = target(planner, data, "beamline")
    running = None if beamline is None else target(planner, beamline, "active_session")
    own = running is not None and one(planner, running, "parent") == one(planner, data, "parent")
    planner.set(data, "session", running.uid if own and running is not None else None)


@behaviors.add("default", "mx_start_time")
def start_time(planner: Planner, data: Entity) -> object:
    """The start that follows from the end, or from now."""
    return _times(planner, data)[0].isoformat()


@behaviors.add("default", "mx_end_time")
def end_time(planner: Planner, data: Entity) -> object:
    """The end that follows from the start; now without one."""
    return _times(planner, data)[1].isoformat()


def _times(planner: Planner, data: Entity) -> tuple[datetime, datetime]:
    try:
        return fill_times(
            moment(planner, data, "start_time"),
            moment(planner, data, "end_time"),
            frames=int(str(planner.value(data, "num_frames"))),
            exposure=float(decimal(planner, data, "exposure_time")),
            now=planner.now,
        )
    except OverflowError:
        raise ValidationError("exposure_time: the dataset would last beyond the calendar.") from None


@behaviors.add("computed", "mx_data_files")
def files_of_data(planner: Planner, data: Entity) -> object:
    """URLs of the files of the dataset, below that of the data proxy."""
    return data_files(text(planner, data, "url"), text(planner, data, "name"), text(planner, data, "file_name"))


@behaviors.add("computed", "mx_report_files")
def files_of_report(planner: Planner, report: Entity) -> object:
    """URLs of the files of the report, below that of the data proxy."""
    return report_files(text(planner, report, "url"), text(planner, report, "name"))


@behaviors.add("computed", "mx_normal_address")
def normal_address_of_list(planner: Planner, access_list: Entity) -> object:
    """The address in its normal spelling, by which a caller is looked up."""
    return normal_address(text(planner, access_list, "address"))
