"""Presence of files, for lists that clients poll every few seconds: cached, and with a time limit."""

from collections.abc import Iterable
from threading import Lock
from time import monotonic
from typing import Final

from objapi.ispyb.files.disk import DiskSilent, disk_of
from objapi.ispyb.files.places import FilePlace, is_file, locate
from objapi.settings import Settings

PRESENT_SECONDS: Final = 60.0
"""Seconds for which a file that was found is taken to be there still."""

ABSENT_SECONDS: Final = 5.0
"""Seconds for which a file that was not found is taken to be missing; during a data collection files keep coming."""

_CACHED: Final = 50_000


class _Known:
    """Answers of a moment ago: for each path whether there is a file, and until when that is believed."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._answers: dict[str, tuple[bool, float]] = {}

    def get(self, path: str, now: float) -> bool | None:
        found, until = self._answers.get(path, (False, 0.0))
        return found if now < until else None

    def put(self, answers: dict[str, bool], now: float) -> None:
        with self._lock:
            if len(self._answers) + len(answers) > _CACHED:
                self._answers = {path: entry for path, entry in self._answers.items() if now < entry[1]}
            if len(self._answers) + len(answers) > _CACHED:
                self._answers = {}
            for path, found in answers.items():
                self._answers[path] = (found, now + (PRESENT_SECONDS if found else ABSENT_SECONDS))


_known: Final = _Known()


def present(settings: Settings, paths: Iterable[str | None]) -> frozenset[str]:
    """Stored paths at which there is a file below a data root.

    Each disk is asked once, for all paths on it; one that does not answer within `ispyb_disk_timeout` has none of
    the files that were not known before.
    """
    now = monotonic()
    found: set[str] = set()
    unknown: dict[str, dict[str, FilePlace]] = {}
    for stored in set(paths):
        place = locate(settings, stored)
        if stored is None or place is None:
            continue
        known = _known.get(place.path, now)
        if known is None:
            unknown.setdefault(place.root, {})[stored] = place
        elif known:
            found.add(stored)
    for root, places in unknown.items():
        answers = _ask(root, places, settings.ispyb_disk_timeout)
        _known.put({places[stored].path: is_there for stored, is_there in answers.items()}, now)
        found |= {stored for stored, is_there in answers.items() if is_there}
    return frozenset(found)


def _ask(root: str, places: dict[str, FilePlace], seconds: float) -> dict[str, bool]:
    try:
        return disk_of(root).ask(lambda: {stored: is_file(place) for stored, place in places.items()}, seconds)
    except DiskSilent:
        return {}
