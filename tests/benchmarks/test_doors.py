"""Doors are counted on a laboratory, and circles, importers and doubled class names are found in source."""

import sys
from pathlib import Path

import pytest

from benchmarks.doors import count_doors, doors_table
from benchmarks.structure import Structure, read_structure

SOURCES = {
    "__init__": "",
    "alone": "class Door:\n    class Handle: ...\n\n\nclass _Hinge: ...",
    "first": "from room.second import Key\n\n\nclass _Hinge: ...",
    "second": "from room import third\n\n\nclass Key: ...",
    "third": (
        "from typing import TYPE_CHECKING\n\nfrom room import alone\n\nif TYPE_CHECKING:\n    import room.first\n\n\n"
        "class Door: ...\n\n\nclass Handle: ..."
    ),
}

MOST_DOORS = {"create": 60, "read": 40}
"""Files that somebody who follows a request may have to open."""


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Structure:
    """The structure of a package with a circle that only type checking sees."""
    for name, text in SOURCES.items():
        path = tmp_path / "room" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    found = read_structure("room")
    sys.modules.pop("room", None)
    return found


def test_circles_count_imports_for_type_checking(room: Structure) -> None:
    assert room.circles == (frozenset({"room.first", "room.second", "room.third"}),)


def test_modules_with_one_importer_are_named_with_it(room: Structure) -> None:
    assert room.modules == 5
    assert room.single_importers == {
        "room.alone": "room.third",
        "room.first": "room.third",
        "room.second": "room.first",
        "room.third": "room.second",
    }


def test_only_public_classes_of_modules_are_doubled(room: Structure) -> None:
    assert room.doubled_classes == {"Door": ("room.alone", "room.third")}


def test_the_table_shows_doors_circles_and_doubled_names(room: Structure) -> None:
    assert [line.split() for line in doors_table({"create": 7}, room).splitlines()] == [
        "7 files entered by one create".split(),
        "5 modules".split(),
        "4 of them with one importer (80%)".split(),
        "3 of them in import circles".split(),
        "room.first, room.second, room.third".split(),
        "1 class names that several modules define".split(),
        "Door: room.alone, room.third".split(),
    ]


def test_requests_enter_files_of_the_project(tmp_path: Path) -> None:
    doors = count_doors(tmp_path)
    assert set(doors) == {"create", "read", "update", "transition"}
    assert all(0 < count < read_structure().modules for count in doors.values())
    assert {name: count for name, count in doors.items() if count > MOST_DOORS.get(name, count)} == {}
