"""Uploads of datasets."""

from datetime import datetime
from typing import Final

from objapi.mxlive.bodies import read_map, without_nan
from objapi.mxlive.calls import Call
from objapi.mxlive.finding import find_beamline, find_numbered, find_one
from objapi.mxlive.messages import Message
from objapi.mxlive.uploads import Upload, read_directory, store_upload
from objapi.profiles.mxlive.frames import FramesProblem, count_frames, fill_times
from objapi.store.transaction import Transaction

_NOT_KEPT: Final = frozenset(
    {
        "id",
        "directory",
        "type",
        "name",
        "energy",
        "exposure",
        "attenuation",
        "filename",
        "frames",
        "sample_id",
        "group",
        "container",
        "port",
    }
)
"""Entries that have a field of their own or say what the sample says; all others are kept as `meta_data`."""


def add_data(call: Call) -> dict[str, object]:
    """Store a dataset, in place of the one whose number it carries if that is the project's own."""

    def read(tx: Transaction) -> Upload:
        beamline = find_beamline(tx, call.names.beamline)
        message = Message(read_map(call.body, depth=call.settings.mxlive_max_depth))
        directory = read_directory(message)
        values = _described(message, call) | {"beamline": beamline["UID"]}
        acronym = message.text("type", most=50, required=True)
        kind = find_one(tx, "MxDataType", ("name",), acronym=acronym) if acronym else None
        if acronym and kind is None:
            message.note("type", "there is no data type with this acronym")
        message.raise_problems()
        sample = find_numbered(tx, "MxSample", call.project_path, message.number_of("sample_id"))
        values |= {
            "kind": kind["UID"] if kind else None,
            "sample": sample["UID"] if sample else None,
            "uploaded": call.now,
        }
        return Upload(
            portal_type="MxData",
            directory=directory,
            existing=find_numbered(tx, "MxData", call.project_path, message.number_of("id")),
            values=values,
            title=str(values["name"]),
            description=f"{kind['name'] if kind else ''} uploaded from {beamline['acronym']}",
        )

    return store_upload(call, read)


def _described(message: Message, call: Call) -> dict[str, object]:
    """The fields that the message alone decides; what is wrong with them is noted."""
    exposure = message.number("exposure", least=0)
    frames, count = _frames(message)
    start, end = _times(message, call, count, float(exposure or 0))
    return {
        "name": message.text("name", most=60, required=True),
        "energy": message.number("energy", required=True),
        "exposure_time": exposure,
        "attenuation": message.number("attenuation") or 0,
        "beam_size": message.number("beam_size"),
        "file_name": message.text("filename", most=200),
        "frames": frames,
        "start_time": start,
        "end_time": end,
        "meta_data": without_nan({name: value for name, value in message.values.items() if name not in _NOT_KEPT}),
    }


def _frames(message: Message) -> tuple[str | None, int]:
    """The list of frames and how many it names."""
    value = message.values.get("frames")
    if value is None or isinstance(value, str):
        try:
            return value or None, count_frames(value)
        except FramesProblem as problem:
            message.note("frames", str(problem))
    else:
        message.note("frames", "a text such as 1-4,8 is expected")
    return None, 1


def _times(message: Message, call: Call, frames: int, exposure: float) -> tuple[datetime | None, datetime | None]:
    """When the dataset began and ended."""
    zone = call.settings.timezone
    start, end = message.moment("start_time", zone), message.moment("end_time", zone)
    try:
        return fill_times(start, end, frames=frames, exposure=exposure, now=call.now)
    except OverflowError:
        message.note("exposure", "the dataset would last beyond the calendar")
        return start, end
