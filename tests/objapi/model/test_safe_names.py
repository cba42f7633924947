"""Names that become directories."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.model.safe_names import SAFE, unsafe_folder, unsafe_name


@pytest.mark.parametrize("name", ["lyso-1", "A", "x_9", "-", "0"])
def test_safe_names(name: str) -> None:
    assert unsafe_name(name) is None
    assert unsafe_folder(name) is None


@pytest.mark.parametrize(
    "name", ["a/b", "..", ".", "a b", "a\nb", "a\n", "a%b", "é", "a\\b", "\u202ea", "", "a.b", "~", "$(x)", "\0"]
)
def test_unsafe_names_are_told_with_what_is_allowed(name: str) -> None:
    problem = unsafe_name(name)
    assert problem is not None
    assert SAFE in problem
    assert problem.isprintable()


@pytest.mark.parametrize("name", ["SAM Robot", "Adaptor 1", "Käse", "a.b", ".x"])
def test_folders_may_have_blanks_and_signs(name: str) -> None:
    assert unsafe_folder(name) is None


@pytest.mark.parametrize("name", ["a/b", "..", ".", "", " a", "a ", "a\tb", "a\nb", "a\\b", "a:b", "\u202ea", "\0"])
def test_what_cannot_name_a_directory(name: str) -> None:
    problem = unsafe_folder(name)
    assert problem is not None
    assert problem.isprintable()


@given(name=st.text(min_size=1, max_size=20))
def test_a_safe_name_is_one_part_of_a_path(name: str) -> None:
    for check in (unsafe_name, unsafe_folder):
        if check(name) is None:
            assert os.path.normpath(f"/data/{name}") == f"/data/{name}"
            assert Path(f"/data/{name}").name == name
