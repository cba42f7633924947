"""The loss of power of a machine, played on the files of a process: what was not synced is lost, whole or in part.

The library of `unsynced.c`, preloaded into the process, notes every write since the last fsync of its file. After the
process was killed, `lose_power` undoes them all and then does some of them again, whichever chance says, in pieces of
a page: a disk may have written any of them, in any order, by the time its power went.
"""

import os
import random
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).with_name("unsynced.c")
PAGE: Final = 4096


class CompilerMissing(Exception):
    """There is no C compiler; the message says what to install."""


@dataclass(frozen=True, slots=True)
class Disk:
    """A folder whose unsynced writes can be lost, and where they are noted."""

    root: Path
    notes: Path
    library: Path

    @classmethod
    def at(cls, root: Path, beside: Path) -> "Disk":
        """The disk of a folder; library and notes go to another folder of the same file system."""
        compiler = shutil.which("gcc") or shutil.which("cc")
        if compiler is None:
            raise CompilerMissing("Loss of power not tested: there is no C compiler. Install gcc.")
        library, notes = beside / "unsynced.so", beside / "notes"
        if not library.exists():
            options = ["-shared", "-fPIC", "-O1", "-Wall", "-o", str(library), str(SOURCE), "-ldl", "-lpthread"]
            subprocess.run([compiler, *options], check=True, capture_output=True)
        notes.mkdir(exist_ok=True)
        return cls(root, notes, library)

    def environment(self) -> Mapping[str, str]:
        """The environment of a process that writes to the disk."""
        own = {"LD_PRELOAD": self.library, "UNSYNCED_ROOT": self.root.resolve(), "UNSYNCED_NOTES": self.notes.resolve()}
        return {**os.environ, **{name: str(value) for name, value in own.items()}}

    def lose_power(self, chance: random.Random) -> int:
        """Lose what was not synced, now that the processes are dead; returns how many writes and names that concerned.

        Names of files go first: a file that was made and whose folder was not synced may be gone with all its contents.
        """
        concerned = 0
        for notes in sorted(self.notes.glob("folder-*")):
            concerned += _lose_names(notes.read_bytes(), chance)
        for notes in sorted(self.notes.glob("file-*")):
            concerned += self._lose_writes(notes, chance)
        shutil.rmtree(self.notes)
        self.notes.mkdir()
        for path in self.root.rglob("*-shm"):
            path.unlink()
        return concerned

    def _lose_writes(self, notes: Path, chance: random.Random) -> int:
        number = int(notes.name.partition("-")[2])
        path = next((path for path in self.root.rglob("*") if path.is_file() and path.stat().st_ino == number), None)
        writes = list(_writes(notes.read_bytes()))
        if path is None:
            return 0
        with path.open("r+b") as file:
            for write in reversed(writes):
                write.undo(file.fileno())
            # All, none, or each by chance: the first two are what most disks leave.
            share = chance.choice((0.0, 0.3, 0.7, 1.0))
            for write in writes:
                write.redo(file.fileno(), share, chance)
        return len(writes)


@dataclass(frozen=True, slots=True)
class _Write:
    """A write, or a change of the size of a file, that was not synced; `new` is None for the latter."""

    offset: int
    old: bytes
    new: bytes | None
    old_size: int
    new_size: int

    def undo(self, file: int) -> None:
        """Have the file as it was before."""
        os.ftruncate(file, self.old_size)
        _write_all(file, self.old, self.offset)

    def redo(self, file: int, share: float, chance: random.Random) -> None:
        """Do that share of the write again, by pages."""
        if self.new is None:
            if chance.random() < share:
                os.ftruncate(file, self.new_size)
            return
        at, end = self.offset, self.offset + len(self.new)
        while at < end:
            stop = min(end, (at // PAGE + 1) * PAGE)
            if chance.random() < share:
                _write_all(file, self.new[at - self.offset : stop - self.offset], at)
            at = stop


def _write_all(file: int, content: bytes, offset: int) -> None:
    while content:
        done = os.pwrite(file, content, offset)
        content, offset = content[done:], offset + done


def _writes(notes: bytes) -> Iterator[_Write]:
    """The writes that notes tell, oldest first; a record that was cut short, as its writer was killed, is none."""
    at = 0
    while (end := notes.find(b"\n", at)) >= 0:
        word, *rest = notes[at:end].split(b" ")
        at = end + 1
        if word == b"W":
            offset, old, new, size = map(int, rest)
            if len(notes) < at + old + new:
                return
            yield _Write(offset, notes[at : at + old], notes[at + old : at + old + new], size, max(size, offset + new))
            at += old + new
        elif word == b"T":
            before, after = map(int, rest)
            lost = max(before - after, 0)
            if len(notes) < at + lost:
                return
            yield _Write(after if lost else 0, notes[at : at + lost], None, before, after)
            at += lost


def _lose_names(notes: bytes, chance: random.Random) -> int:
    """Undo changes of a folder, newest first, up to one by chance: a file system keeps their order."""
    lines = [line for line in notes.decode().split("\n")[:-1] if line]
    for line in reversed(lines[chance.randint(0, len(lines)) :]):
        word, _, rest = line.partition(" ")
        names = rest.split("\t")
        match word:
            case "C":
                Path(names[0]).unlink(missing_ok=True)
            case "U":
                Path(names[1]).rename(names[0])
            case "R":
                before, after, kept = names
                Path(after).rename(before)
                if kept:
                    Path(kept).rename(after)
    return len(lines)
