"""Reading out of files: the last line of a log, and whatever else within a time limit."""

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, TypeVar

from objapi.ispyb.files.disk import READ_SECONDS, Disk, DiskSilent, disk_of
from objapi.ispyb.files.places import FilePlace, locate, open_file, resolve
from objapi.ispyb.values.errors import ResourceNotFound
from objapi.settings import Settings

_T = TypeVar("_T")

_TAIL: Final = 8192

_log = logging.getLogger("objapi.ispyb")


def last_lines(settings: Settings, paths: Iterable[str]) -> dict[str, str]:
    """The last line that is not empty of each file, by its path as the database holds it.

    Files that are missing, empty or on a silent disk are left out. Each disk is asked once.
    """
    by_root: dict[str, dict[str, FilePlace]] = {}
    for stored in set(paths):
        place = locate(settings, stored)
        if place is not None:
            by_root.setdefault(place.root, {})[stored] = place
    lines: dict[str, str] = {}
    for root, places in by_root.items():
        lines |= _read(root, places)
    return {stored: line for stored, line in lines.items() if line}


def _read(root: str, places: dict[str, FilePlace]) -> dict[str, str]:
    def work() -> dict[str, str]:
        return {stored: _last_line(place) for stored, place in places.items()}

    try:
        return disk_of(root).ask(work, READ_SECONDS)
    except DiskSilent:
        _log.warning("%s does not answer; its log files are left out", root)
        return {}


def _last_line(place: FilePlace) -> str:
    try:
        with open_file(place) as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL))
            tail = file.read(_TAIL)
    except OSError:
        return ""
    return tail.rstrip().decode("utf-8", "replace").rpartition("\n")[2].strip()


def read_in_time(
    settings: Settings, stored: str | None, work: Callable[[FilePlace], _T], *, missing: str, reader: Disk | None = None
) -> _T:
    """Do work on the file at a path as the database holds it, with time limits for finding and for reading it.

    `reader` is what is asked to read, when not the file's disk by itself. Raises ResourceNotFound (404) with the
    text `missing` when there is no such file or it cannot be read, DiskSilent (503) when its disk does not answer,
    and whatever else the work raises.
    """
    place = locate(settings, stored)
    if place is None:
        raise ResourceNotFound(missing)
    disk = disk_of(place.root)
    try:
        disk.ask(partial(resolve, place), settings.ispyb_disk_timeout)
        return (reader or disk).ask(partial(work, place), READ_SECONDS)
    except OSError as error:
        _log.info("%s cannot be read: %s", place.path, error)
        raise ResourceNotFound(missing) from None
