"""Names of image files: a template with a place for the image's number, as C's printf fills it."""

import re
from typing import Final

_PLACE: Final = re.compile(r"%(0?)([1-9]?)d|%%")
HDF5_ENDINGS: Final = frozenset({"h5", "H5", "hdf5", "HDF5"})
"""Endings of HDF5 files: in lower or in upper case."""


def filled(template: str, number: int) -> str:
    """The name of the file of an image: `%d`, `%4d` and `%04d` are its number, `%%` is a percent sign."""

    def fill(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        return str(number).rjust(int(found[2] or 0), "0" if found[1] else " ")

    return _PLACE.sub(fill, template)


def ending_of(name: str) -> str:
    """Text after the last dot of a file's name, empty without one."""
    return name.rpartition("/")[2].rpartition(".")[2] if "." in name.rpartition("/")[2] else ""


def joined(directory: str | None, name: str | None) -> str | None:
    """The path of a file in a directory; None when one of them is not known."""
    return f"{directory.rstrip('/')}/{name}" if directory and name else None
