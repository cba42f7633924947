"""The page on the design names every room, and nothing that is not there."""

import re
from configparser import ConfigParser

import pytest

from benchmarks.structure import PACKAGES
from tests.docs.pages import DOCS, ROOT

PAGE = DOCS / "design.md"
TEXT = PAGE.read_text(encoding="utf-8")
PATHS = sorted(set(re.findall(r"`((?:\w+/)+(?:\w+\.py)?)`", TEXT)))
LONGEST = 140
"""Lines that are still one page."""


def rooms_of(package: str) -> list[str]:
    """The packages and modules directly inside a package, as the page writes them."""
    found = []
    for path in sorted((ROOT / package).iterdir()):
        name = path.relative_to(ROOT).as_posix()
        if (path / "__init__.py").is_file():
            found.append(f"{name}/")
        elif path.suffix == ".py" and not path.name.startswith("__"):
            found.append(name)
    return found


def test_it_is_one_page() -> None:
    assert len(TEXT.splitlines()) <= LONGEST


@pytest.mark.parametrize("path", PATHS)
def test_what_it_names_is_there(path: str) -> None:
    assert (ROOT / path).exists()


def test_every_package_and_every_room_of_the_gateway_is_named() -> None:
    wanted = [*(f"{package}/" for package in PACKAGES), *rooms_of("objapi")]
    assert len(wanted) > 15
    assert set(wanted) - set(PATHS) - {"objapi/"} == set()


@pytest.mark.parametrize("package", ["objapi/store", "objapi/ispyb"])
def test_every_folder_of_the_store_and_of_the_ispyb_face_is_named(package: str) -> None:
    assert {room for room in rooms_of(package) if room.endswith("/")} - set(PATHS) == set()


def test_the_order_of_imports_is_the_one_that_is_held() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    held = [re.findall(r"\w+", line) for line in setup["importlinter:contract:objapi"]["layers"].split("\n") if line]
    shown = [re.findall(r"\w+", line) for line in re.findall(r"^    (\w.*)$", TEXT, re.MULTILINE)]
    assert shown == [layer for layer in held if layer != ["__main__"]]


def test_the_rooms_of_the_ispyb_face_stand_in_the_order_of_its_imports() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    held = re.findall(r"\w+", setup["importlinter:contract:ispyb"]["layers"])
    shown = re.findall(r"^\| `objapi/ispyb/(\w+)/` \|", TEXT, re.MULTILINE)
    assert shown == [name for name in held if (ROOT / "objapi" / "ispyb" / name).is_dir()]
