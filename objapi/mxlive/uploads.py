"""Uploads of datasets and analysis reports.

Each upload is checked first, then the data proxy is asked for a key of its directory, then it is stored: the proxy may
take seconds, during which no transaction is open.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from objapi.errors import NotFound
from objapi.mxlive.bodies import read_map, without_nan
from objapi.mxlive.calls import DeviceCall
from objapi.mxlive.entries import UploadEntries, known_number
from objapi.mxlive.finding import Found, find_all, find_beamline, find_numbered, find_one
from objapi.profiles.mxlive.frames import FramesProblem, count_frames, fill_times
from objapi.profiles.mxlive.names import number_in
from objapi.store.requests import ByPath, ByUid, CreateItem, UpdateItem
from objapi.store.transaction import Transaction

LONGEST_DIRECTORY = 4096
MOST_DATASETS: Final = 1000
_DEFAULT_KIND: Final = "Data Analysis"
_OWN_FIELDS: Final = frozenset(
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
"""Entries that have a field of their own or say what the sample says; all others are stored as `meta_data`."""


@dataclass(frozen=True, slots=True)
class DeviceUpload:
    """An upload as it will be stored; `existing` is the object that it replaces.

    `title` and `description` go into the activity log of the project.
    """

    portal_type: str
    directory: str
    existing: Found | None
    values: Mapping[str, object]
    title: str
    description: str


def _store_upload(call: DeviceCall, read: Callable[[Transaction], DeviceUpload]) -> dict[str, object]:
    """Store an upload, and return the number by which the client refers to it.

    `read` reads it and checks it against the database: once before the data proxy is asked for a key of the directory,
    and again when it is stored, since the database may have changed in between.
    """

    def check(tx: Transaction) -> str:
        upload = read(tx)
        _store(tx, call, upload, "", dry_run=True)
        return upload.directory

    def store(tx: Transaction) -> dict[str, object]:
        upload = read(tx)
        object_id = _store(tx, call, upload, key, dry_run=False)
        call.log(tx, "Create", upload.description, (upload.portal_type, object_id, upload.title))
        return {"id": number_in(object_id)}

    key = call.proxy.key_of(call.signed(check, write=False))
    return call.signed(store, write=True)


def _store(tx: Transaction, call: DeviceCall, upload: DeviceUpload, key: str, *, dry_run: bool) -> str:
    """Create or update; returns the object's id."""
    values = {**upload.values, "url": key}
    if upload.existing is None:
        values = {"project": call.project_path, **values}
        outcome = tx.create([CreateItem(upload.portal_type, ByPath(call.project_path), values)], dry_run=dry_run)
    else:
        outcome = tx.update([UpdateItem(ByUid(str(upload.existing["UID"])), values)], dry_run=dry_run)
    return outcome.entries[0].id


def _read_directory(entries: UploadEntries) -> str:
    """The directory of the uploaded files; empty when it is missing or too long, which is noted."""
    return entries.text("directory", most=LONGEST_DIRECTORY, required=True) or ""


def add_data(call: DeviceCall) -> dict[str, object]:
    """Store a dataset, in place of the one whose number it carries if that is the project's own."""

    def read(tx: Transaction) -> DeviceUpload:
        beamline = find_beamline(tx, call.names.beamline)
        entries = UploadEntries(read_map(call.body, depth=call.settings.mxlive_max_depth))
        directory = _read_directory(entries)
        values = _described(entries, call) | {"beamline": beamline["UID"]}
        acronym = entries.text("type", most=50, required=True)
        kind = find_one(tx, "MxDataType", ("name",), acronym=acronym) if acronym else None
        if acronym and kind is None:
            entries.note("type", "there is no data type with this acronym")
        entries.raise_problems()
        sample = find_numbered(tx, "MxSample", call.project_path, entries.number_of("sample_id"))
        values |= {
            "kind": kind["UID"] if kind else None,
            "sample": sample["UID"] if sample else None,
            "uploaded": call.now,
        }
        return DeviceUpload(
            portal_type="MxData",
            directory=directory,
            existing=find_numbered(tx, "MxData", call.project_path, entries.number_of("id")),
            values=values,
            title=str(values["name"]),
            description=f"{kind['name'] if kind else ''} uploaded from {beamline['acronym']}",
        )

    return _store_upload(call, read)


def _described(entries: UploadEntries, call: DeviceCall) -> dict[str, object]:
    """The fields that follow from the entries alone; problems are noted."""
    exposure = entries.number("exposure", least=0)
    frames, count = _frames(entries)
    start, end = _times(entries, call, count, float(exposure or 0))
    return {
        "name": entries.text("name", most=60, required=True),
        "energy": entries.number("energy", required=True),
        "exposure_time": exposure,
        "attenuation": entries.number("attenuation") or 0,
        "beam_size": entries.number("beam_size"),
        "file_name": entries.text("filename", most=200),
        "frames": frames,
        "start_time": start,
        "end_time": end,
        "meta_data": without_nan({name: value for name, value in entries.values.items() if name not in _OWN_FIELDS}),
    }


def _frames(entries: UploadEntries) -> tuple[str | None, int]:
    """The list of frames and how many it names."""
    value = entries.values.get("frames")
    if value is None or isinstance(value, str):
        try:
            return value or None, count_frames(value)
        except FramesProblem as problem:
            entries.note("frames", str(problem))
    else:
        entries.note("frames", "a text such as 1-4,8 is expected")
    return None, 1


def _times(
    entries: UploadEntries, call: DeviceCall, frames: int, exposure: float
) -> tuple[datetime | None, datetime | None]:
    """Start and end of the dataset."""
    zone = call.settings.timezone
    start, end = entries.moment("start_time", zone), entries.moment("end_time", zone)
    try:
        return fill_times(start, end, frames=frames, exposure=exposure, now=call.now)
    except OverflowError:
        entries.note("exposure", "the dataset would last beyond the calendar")
        return start, end


def add_report(call: DeviceCall) -> dict[str, object]:
    """Store a report, in place of the one whose number it carries if that is the project's own.

    Its fields are replaced; the datasets named are added to those linked before. Raises NotFound when the list of
    datasets is missing; an empty list is accepted.
    """

    def read(tx: Transaction) -> DeviceUpload:
        find_beamline(tx, call.names.beamline)
        entries = UploadEntries(read_map(call.body, depth=call.settings.mxlive_max_depth))
        numbers = _dataset_numbers(entries)
        title = "title" if entries.values.get("title") is not None else "name"
        kind = "kind" if entries.values.get("kind") is not None else "type"
        directory = _read_directory(entries)
        values = {
            "name": entries.text(title, most=60, required=True),
            "kind": entries.text(kind, most=100) or _DEFAULT_KIND,
            "score": entries.number("score") or 0,
            "details": without_nan(entries.values.get("details")),
        }
        entries.raise_problems()
        existing = find_numbered(tx, "MxReport", call.project_path, entries.number_of("id"), ("data",))
        linked = list(existing["data"]) if existing else []
        values["data"] = list(dict.fromkeys([*linked, *_own_datasets(tx, call, numbers)]))
        return DeviceUpload(
            portal_type="MxReport",
            directory=directory,
            existing=existing,
            values=values,
            title=str(values["name"]),
            description=f"{values['name']} uploaded from {call.names.beamline}",
        )

    return _store_upload(call, read)


def _dataset_numbers(entries: UploadEntries) -> list[int]:
    """The numbers of the datasets; null, which the client sends for data that was never stored, is skipped."""
    given = entries.values.get("data_id")
    if not isinstance(given, list):
        raise NotFound("data_id: a list of the datasets that the report is about is required; it may be empty.")
    if len(given) > MOST_DATASETS:
        entries.note("data_id", f"at most {MOST_DATASETS} datasets can be named")
        return []
    numbers = (known_number(item) for item in given)
    return [number for number in numbers if number is not None]


def _own_datasets(tx: Transaction, call: DeviceCall, numbers: list[int]) -> list[str]:
    """The UIDs of those datasets that are the project's, in the order given."""
    if not numbers:
        return []
    found = find_all(tx, "MxData", ("number",), number=numbers, path=call.project_path)
    by_number = {int(item["number"]): str(item["UID"]) for item in found}
    return [by_number[number] for number in numbers if number in by_number]
