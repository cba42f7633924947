"""A disk that is full: what needs room is refused in so many words, reading goes on, and with room all works again."""

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from objapi.cli import main
from objapi.cli.failures import failure_message
from objapi.whole_files import whole_file
from tests.acceptance.conftest import SETTINGS
from tests.acceptance.server import Servers, served_laboratory
from tests.faults.callers import SETTINGS as FACES
from tests.faults.callers import callers


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A folder with a file system of its own, which is small. Skips the test where none can be made."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "objapi-tests", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("Full disk not tested: only root can make a small file system, and not in every container.")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Leave no room on the disk of a folder; the file that takes it all."""
    filling = folder / "filling"
    with filling.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            return filling


FULL = "The disk of the database is full; nothing was stored. The administrator has to make room."
NO_LOG_IN = "Nobody can log in by a password meanwhile"


def test_a_full_disk_leaves_no_file_that_looks_whole(tmp_path: Path) -> None:
    database = tmp_path / "plants.sqlite"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE plant (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL)")
    with small_disk(tmp_path / "disk", 1) as disk:
        there, new = disk / "there", disk / "new"
        there.write_text("as before")
        fill(disk)
        for file in (there, new):
            with pytest.raises(OSError) as full, whole_file(file) as output:
                output.write(b"line\n" * 1000)
            assert failure_message(full.value) == f"{file}: No space left on device. Make room on the disk."
        assert {path.name for path in disk.iterdir()} == {"there", "filling"}
        assert there.read_text() == "as before"
        adopted = CliRunner().invoke(main, ["adopt", f"sqlite:///{database}", "--profile", str(disk / "plants")])
        assert (adopted.exit_code, adopted.output.count("\n")) == (1, 1), adopted.output
        assert "No space left on device. Make room on the disk." in adopted.output
        assert not [path for path in (disk / "plants").rglob("*") if path.is_file()]


@pytest.mark.extended
def test_on_a_full_disk_reading_goes_on_and_writing_says_why(tmp_path: Path) -> None:
    with ExitStack() as stack:
        disk = stack.enter_context(small_disk(tmp_path / "disk", 192))
        (disk / "var").mkdir()
        servers = stack.enter_context(closing(Servers()))
        root = stack.enter_context(served_laboratory(servers, disk, SETTINGS | FACES))
        who = stack.enter_context(callers(root))
        well = dict.fromkeys(who.by_name, 200)
        assert who.read() == well
        filling = fill(disk)
        assert who.read() == well
        for name, answer in who.write().items():
            assert (answer.status_code, FULL in answer.text, "Retry-After" in answer.headers) == (503, True, True), name
        for name in ("password", "form"):
            answer = who.log_ins[name]()
            assert (answer.status_code, FULL in answer.text, NO_LOG_IN in answer.text) == (503, True, True), name
        assert who.ready()[0] == 200
        filling.unlink()
        assert who.read() == well
        assert {name: answer.status_code for name, answer in who.write().items()} == well
        assert {name: log_in().ok for name, log_in in who.log_ins.items()} == dict.fromkeys(who.log_ins, True)
        assert who.ready() == (200, '{"status":"ok"}')
        # Each refusal is one line, of which the disk of the log had room for some or none; no fault of the gateway.
        assert "Traceback" not in (disk / "log").read_text(errors="replace")
