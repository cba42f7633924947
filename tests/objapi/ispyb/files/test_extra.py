"""The libraries of the extra `data` are loaded when they are needed, not before."""

import subprocess
import sys

import pytest

from objapi.ispyb.files import extra
from objapi.ispyb.values.errors import Refusal


def test_the_face_is_there_without_the_libraries() -> None:
    modules = "sys, objapi.app, objapi.ispyb.face"
    code = f"import {modules}; print(sorted({set(extra.LIBRARIES)!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_mistake_of_our_own_is_not_taken_for_a_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise ImportError(f"cannot import {name}", name="objapi.ispyb.files.maps")

    monkeypatch.setattr(extra, "import_module", fail)
    with pytest.raises(ImportError):
        extra.data_module("maps")


def test_a_missing_library_refuses_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise ModuleNotFoundError(f"No module for {name}", name="numpy.typing")

    monkeypatch.setattr(extra, "import_module", fail)
    with pytest.raises(Refusal) as caught:
        extra.data_module("maps")
    assert caught.value.status == 501
