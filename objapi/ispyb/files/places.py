"""Places of stored paths: below one of the data roots, whatever the database or a symbolic link says.

Beamline software writes the paths into the database, so they are not trusted: a path with `..`, a relative one, or one
that leaves the roots through a symbolic link is as good as no file.
"""

import logging
import os
import posixpath
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from objapi.settings import Settings

_DIRECTORY: Final = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK, opening a pipe waits for somebody to write into it.
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_log = logging.getLogger("objapi.ispyb")


@dataclass(frozen=True, slots=True)
class FilePlace:
    """A path below a data root, judged by its text alone; `roots` are all of them."""

    path: str
    root: str
    roots: tuple[str, ...]


class OutsideRoots(FileNotFoundError):
    """A path that leaves the data roots on the disk; to whoever asks it is a file that is not there."""


def locate(settings: Settings, stored: str | None) -> FilePlace | None:
    """The place of a path as the database holds it, with the configured prefix before it; asks no disk.

    None when there is no path, when it is not absolute, has `..` or NUL in it, or lies below no data root.
    """
    if not stored:
        return None
    return place_of(settings.ispyb_path_map + stored, root_names(settings.ispyb_data_roots))


def root_names(roots: Sequence[Path]) -> tuple[str, ...]:
    """The data roots as absolute paths."""
    return tuple(posixpath.normpath(root.absolute()) for root in roots)


def place_of(path: str, roots: tuple[str, ...]) -> FilePlace | None:
    """The place of a full path; None as for `locate`."""
    if not path.startswith("/") or "\0" in path or ".." in path.split("/"):
        return None
    normal = "/" + posixpath.normpath(path).lstrip("/")
    own = [root for root in roots if is_below(normal, root)]
    return FilePlace(normal, max(own, key=len), roots) if own else None


def is_below(path: str, root: str) -> bool:
    """Check whether a normalised path is a root or lies below it."""
    return path == root or path.startswith(root.rstrip("/") + "/")


def resolve(place: FilePlace) -> str:
    """The real path of a place, without symbolic links; asks the disk.

    Raises FileNotFoundError, and OutsideRoots when it lies below none of the roots.
    """
    real = os.path.realpath(place.path, strict=True)
    # The other roots are asked for only when need be: they may be on disks that hang.
    others = (root for root in place.roots if root != place.root)
    if not any(is_below(real, os.path.realpath(root)) for root in (place.root, *others)):
        _log.warning("%s leads to %s, which is outside the data roots", place.path, real)
        raise OutsideRoots(place.path)
    return real


def is_file(place: FilePlace) -> bool:
    """Check whether there is a regular file at a place."""
    try:
        return Path(resolve(place)).is_file()
    except OSError:
        return False


def open_file(place: FilePlace) -> BinaryIO:
    """Open the regular file at a place for reading; raises OSError.

    The real path is walked down without following links, so that none put there in the meantime leads out of the roots.
    """
    directory, _, name = resolve(place).rpartition("/")
    step = os.open("/", _DIRECTORY)
    try:
        for part in filter(None, directory.split("/")):
            below = os.open(part, _DIRECTORY, dir_fd=step)
            os.close(step)
            step = below
        number = os.open(name, _FILE, dir_fd=step)
    finally:
        os.close(step)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise FileNotFoundError(place.path)
    return os.fdopen(number, "rb", buffering=0)
