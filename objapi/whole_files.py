"""Files that have their name once they are whole: a disk that is full leaves none that looks like one."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

_OF_THE_DISK: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""Errors of writing, which say themselves of no file."""


@contextmanager
def whole_file(file: Path, *, private: bool = False) -> Iterator[BinaryIO]:
    """Write a file, which is there with all that was written or, when anything goes wrong, as it was before.

    `private`: nobody else may read it. Raises OSError with the name of the file.
    """
    part = file.with_name(f"{file.name}.part")
    # One that was left behind, or that somebody else made, may be open to others.
    part.unlink(missing_ok=True)
    opened = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
    try:
        with os.fdopen(opened, "wb") as output:
            yield output
            output.flush()
            os.fsync(output.fileno())
        part.replace(file)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in _OF_THE_DISK and error.filename is None:
            raise OSError(error.errno, error.strerror, str(file)) from error
        raise


def write_whole(file: Path, text: str) -> None:
    """Write a file of text likewise."""
    with whole_file(file) as output:
        output.write(text.encode())
