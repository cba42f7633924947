"""Stored paths lead below the data roots or nowhere."""

import os
import posixpath
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.ispyb.files.places import OutsideRoots, is_below, is_file, locate, open_file, place_of, resolve
from objapi.settings import Settings, load_settings


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data root with one file, beside a secret that is none of it."""
    directory = tmp_path / "data"
    (directory / "mx").mkdir(parents=True)
    (directory / "mx" / "image.jpg").write_bytes(b"picture")
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    return directory


def settings_for(*roots: Path, prefix: str = "") -> Settings:
    return replace(load_settings({}), ispyb_data_roots=roots, ispyb_path_map=prefix)


def test_a_file_below_a_root_is_opened(root: Path) -> None:
    place = locate(settings_for(root), f"{root}/mx//./image.jpg")
    assert place is not None
    with open_file(place) as file:
        assert file.read() == b"picture"


def test_the_prefix_is_put_before_every_path(root: Path) -> None:
    place = locate(settings_for(root, prefix=str(root)), "/mx/image.jpg")
    assert place is not None
    assert is_file(place)


@pytest.mark.parametrize(
    "stored", [None, "", "mx/image.jpg", "{root}/../secret.jpg", "{root}/mx/..", "{root}\0", "/etc/passwd"]
)
def test_a_path_that_is_not_plainly_below_a_root_has_no_place(root: Path, stored: str | None) -> None:
    assert locate(settings_for(root), stored and stored.format(root=root)) is None


def test_a_root_is_no_prefix_of_its_siblings(root: Path) -> None:
    sibling = root.with_name("data-private")
    sibling.mkdir()
    assert locate(settings_for(root), f"{sibling}/file") is None


def test_without_roots_nothing_has_a_place(root: Path) -> None:
    assert locate(settings_for(), f"{root}/mx/image.jpg") is None


@pytest.mark.parametrize("name", ["link.jpg", "linked/secret.jpg"])
def test_symbolic_links_out_of_the_roots_are_not_followed(root: Path, name: str) -> None:
    (root / "link.jpg").symlink_to(root.parent / "secret.jpg")
    (root / "linked").symlink_to(root.parent)
    place = locate(settings_for(root), f"{root}/{name}")
    assert place is not None
    assert not is_file(place)
    with pytest.raises(OutsideRoots):
        open_file(place)


def test_symbolic_links_between_roots_are_followed(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "a").write_bytes(b"a")
    (root / "a").symlink_to(other / "a")
    place = locate(settings_for(root, other), f"{root}/a")
    assert place is not None
    assert resolve(place) == os.path.realpath(other / "a")


def test_a_root_may_itself_be_a_symbolic_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(root)
    place = locate(settings_for(tmp_path / "alias"), f"{tmp_path}/alias/mx/image.jpg")
    assert place is not None
    assert is_file(place)


def test_only_regular_files_are_opened(root: Path) -> None:
    os.mkfifo(root / "pipe")
    for name in ("pipe", "mx", "nothing"):
        place = locate(settings_for(root), f"{root}/{name}")
        assert place is not None
        assert not is_file(place)
        with pytest.raises(OSError, match=r"."):
            open_file(place)


@given(st.text(alphabet="./ab\0é", max_size=20))
def test_whatever_is_stored_stays_below_the_root(stored: str) -> None:
    place = place_of("/a" + stored, ("/a/b",))
    if place is not None:
        assert is_below(posixpath.normpath(place.path), "/a/b")
        assert ".." not in place.path.split("/")
