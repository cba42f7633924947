"""Links from HDF5 files to other files, which may lead to files below the data roots only.

External links, virtual data sets and data sets with external storage name other files, and whoever writes an HDF5 file
below a data root chooses them; with external storage it may be any file at all. The library follows all of them by
itself, so they are checked before it is asked.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import h5py

from objapi.ispyb.files.places import is_below

_MOST_STEPS: Final = 100_000
_DEEPEST: Final = 32
_HERE: Final = "."


class LeavesRoots(Exception):
    """An HDF5 file that draws in a file outside the data roots, or goes round in circles."""


class Links:
    """Follows the links of one open HDF5 file. `roots` are the real paths of the data roots."""

    def __init__(self, roots: tuple[str, ...]) -> None:
        self._roots = roots
        self._steps = 0
        self._depth = 0

    def check(self, file: h5py.File, path: str) -> None:
        """Follow a path to its end and look at what is there; raises LeavesRoots.

        A path that leads nowhere is in order: that is for the reader to say.
        """
        with ExitStack() as opened:
            found = self._follow(file["/"], path, opened)
            if isinstance(found, h5py.Dataset):
                self._check_storage(found, opened)

    def leaves_roots(self, file: h5py.File, path: str) -> bool:
        """Check whether a path or what is at its end draws in a file outside the roots."""
        try:
            self.check(file, path)
        except LeavesRoots:
            return True
        return False

    def _follow(self, start: h5py.Group, path: str, opened: ExitStack) -> object | None:
        node: object | None = start
        for part in path.split("/"):
            if part in ("", _HERE):
                continue
            self._step()
            if not isinstance(node, h5py.Group):
                return None
            node = self._next(node, part, opened)
        return node

    def _next(self, group: h5py.Group, name: str, opened: ExitStack) -> object | None:
        try:
            link = group.get(name, getlink=True)
        except (KeyError, TypeError, ValueError):
            return None
        if isinstance(link, h5py.SoftLink):
            start = group.file["/"] if link.path.startswith("/") else group
            with self._deeper():
                return self._follow(start, link.path, opened)
        if isinstance(link, h5py.ExternalLink):
            return self._in_other_file(group.file.filename, link.filename, link.path, opened)
        try:
            return None if link is None else group[name]
        except (KeyError, OSError):
            return None

    def _in_other_file(self, file: str, name: str, path: str, opened: ExitStack) -> object | None:
        self._step()
        for candidate in self._allowed(file, name):
            try:
                other = opened.enter_context(h5py.File(candidate, "r", locking=False))
            except OSError:
                continue
            with self._deeper():
                return self._follow(other["/"], path, opened)
        return None

    def _check_storage(self, dataset: h5py.Dataset, opened: ExitStack) -> None:
        """Look at the files that hold a data set's values."""
        self._step()
        file = dataset.file.filename
        for name, *_ in dataset.external or ():
            self._allowed(file, name)
        if not dataset.is_virtual:
            return
        for source in dataset.virtual_sources():
            if "%" in source.file_name + source.dset_name:
                raise LeavesRoots("a pattern for names of files is not followed")
            if source.file_name == _HERE:
                found = self._follow(dataset.file["/"], source.dset_name, opened)
            else:
                found = self._in_other_file(file, source.file_name, source.dset_name, opened)
            if isinstance(found, h5py.Dataset):
                with self._deeper():
                    self._check_storage(found, opened)

    def _allowed(self, file: str, name: str) -> list[str]:
        """The real paths of files that the library might take a name for; raises LeavesRoots for one that is outside.

        A relative name is looked for beside the file and in the working directory; of an absolute one that is not
        there, the last part is looked for beside the file.
        """
        real = [str(path.resolve()) for path in _candidates(file, name) if path.exists()]
        for path in real:
            if not any(is_below(path, root) for root in self._roots):
                raise LeavesRoots(f"{file} draws in {name}, which is outside the data roots")
        return real

    def _step(self) -> None:
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise LeavesRoots("the file has more links than can be followed")

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        if self._depth >= _DEEPEST:
            raise LeavesRoots("the links of the file go round in circles")
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1


def _candidates(file: str, name: str) -> Iterator[Path]:
    directory = Path(file).parent
    if Path(name).is_absolute():
        yield Path(name)
    else:
        yield directory / name
        yield Path(name)
    yield directory / Path(name).name
