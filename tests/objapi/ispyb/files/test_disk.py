"""Disks that hang cost one waiting time, and files are not looked for again and again."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from objapi.ispyb.files import presence
from objapi.ispyb.files.disk import Disk, DiskSilent, disk_of
from objapi.ispyb.files.places import FilePlace
from objapi.ispyb.files.presence import present
from objapi.ispyb.files.reading import last_lines, read_in_time
from objapi.ispyb.values.errors import ResourceNotFound
from objapi.settings import Settings, load_settings
from tests.waiting import ENOUGH, wait_until


@pytest.fixture
def hang() -> Iterator[Event]:
    """What a hanging disk waits for; it comes back after the test."""
    event = Event()
    yield event
    event.set()


def settings_for(*roots: Path) -> Settings:
    return replace(load_settings({}), ispyb_data_roots=roots, ispyb_disk_timeout=ENOUGH)


def test_a_disk_answers_or_raises_what_the_work_raised() -> None:
    disk = Disk()
    assert disk.ask(lambda: 7, ENOUGH) == 7
    with pytest.raises(ZeroDivisionError):
        disk.ask(lambda: 1 // 0, ENOUGH)
    assert disk.ask(lambda: 8, ENOUGH) == 8


def test_an_error_called_time_out_is_no_silence() -> None:
    def fail() -> None:
        raise TimeoutError("the file server gave up")

    with pytest.raises(TimeoutError, match="gave up"):
        Disk().ask(fail, ENOUGH)


def test_a_hanging_disk_is_waited_for_once_and_works_again_afterwards(hang: Event) -> None:
    disk, asked = Disk(), Event()
    with pytest.raises(DiskSilent):
        disk.ask(hang.wait, 0.05)
    for _ in range(20):
        with pytest.raises(DiskSilent):
            disk.ask(asked.set, ENOUGH)
    assert not asked.is_set()
    hang.set()
    wait_until(lambda: not disk.silent, "the answer of the disk")
    assert disk.ask(lambda: 1, ENOUGH) == 1


def test_a_file_whose_reading_hangs_holds_up_no_other_kind(tmp_path: Path, hang: Event) -> None:
    (tmp_path / "a.h5").touch()
    settings, path, library = settings_for(tmp_path), f"{tmp_path}/a.h5", Disk()
    with pytest.raises(DiskSilent):
        library.ask(hang.wait, 0.01)
    with pytest.raises(DiskSilent):
        read_in_time(settings, path, lambda place: place.path, missing="none", reader=library)
    assert read_in_time(settings, path, lambda place: place.path, missing="none") == path


def test_a_file_that_is_missing_or_cannot_be_read_is_not_found(tmp_path: Path) -> None:
    def fail(place: FilePlace) -> None:
        raise PermissionError(place.path)

    (tmp_path / "a").touch()
    for path in (f"{tmp_path}/a", f"{tmp_path}/b", "/etc/passwd", None):
        with pytest.raises(ResourceNotFound):
            read_in_time(settings_for(tmp_path), path, fail, missing="none")


def test_files_that_are_there_are_present(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    paths = [str(tmp_path / "a"), str(tmp_path / "b"), "/etc/passwd", "", None]
    assert present(settings_for(tmp_path), paths) == {str(tmp_path / "a")}


def test_a_hanging_disk_hides_only_its_own_files(tmp_path: Path, hang: Event) -> None:
    for name in ("dead", "alive"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    dead, alive = tmp_path / "dead", tmp_path / "alive"
    with pytest.raises(DiskSilent):
        disk_of(str(dead)).ask(hang.wait, 0.01)
    assert present(settings_for(dead, alive), [f"{dead}/file", f"{alive}/file"]) == {f"{alive}/file"}


def test_the_disk_is_not_asked_again_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def look(place: FilePlace) -> bool:
        asked.append(place.path)
        return place.path.endswith("a")

    clock = [1000.0]
    monkeypatch.setattr(presence, "is_file", look)
    monkeypatch.setattr(presence, "monotonic", lambda: clock[0])
    paths = [f"{tmp_path}/a", f"{tmp_path}/b"]
    for later, expected in ((0.0, 2), (1.0, 2), (presence.ABSENT_SECONDS, 3), (presence.PRESENT_SECONDS, 5)):
        clock[0] = 1000.0 + later
        assert present(settings_for(tmp_path), paths) == {paths[0]}
        assert len(asked) == expected


@pytest.mark.parametrize(
    ("content", "line"),
    [(b"one\ntwo\n", "two"), (b"only", "only"), (b"x" * 20_000 + b"\nend\r\n\n", "end"), (b"caf\xe9", "caf\ufffd")],
)
def test_the_last_line_of_a_file_is_read(tmp_path: Path, content: bytes, line: str) -> None:
    path = tmp_path / "run_err.log"
    path.write_bytes(content)
    assert last_lines(settings_for(tmp_path), [str(path), str(tmp_path / "none"), "/etc/passwd"]) == {str(path): line}


def test_an_empty_log_has_no_last_line(tmp_path: Path) -> None:
    path = tmp_path / "run_err.log"
    path.write_bytes(b"\n \n")
    assert last_lines(settings_for(tmp_path), [str(path)]) == {}
