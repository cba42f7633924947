"""The page on scripts in Python: its recipes run, in order, and it names every error that there is."""

import contextlib
import importlib
import io
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import objapi_client
from objapi_client import command
from tests.acceptance.client import PASSWORD
from tests.acceptance.conftest import Serve
from tests.docs.examples import SHOWN_ROOT
from tests.docs.pages import DOCS, blocks

PAGE = DOCS / "client.md"
TEXT = PAGE.read_text(encoding="utf-8")


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A folder for what commands write, of which modules are imported; a password is typed where one is asked for."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(command, "getpass", lambda: PASSWORD)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield
    sys.modules.pop("lab_types", None)


@pytest.mark.usefixtures("typed")
def test_the_recipes_run(shared: Serve) -> None:
    root = shared("sqlite")
    (line,) = [line.strip() for line in TEXT.splitlines() if line.startswith("    objapi-client ")]
    command.main(shlex.split(line.replace(SHOWN_ROOT, root))[1:])
    names: dict[str, objapi_client.Site] = {}
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            for block in blocks(PAGE, "python"):
                exec(compile(block.text.replace(SHOWN_ROOT, root), block.place, "exec"), names)
    finally:
        names["site"].close()
    told = printed.getvalue()
    assert "/Plone/clients/client-1 Green Valley Orchards\n" in told
    assert "3 farms\n" in told
    assert "1 row changed\n" in told
    assert "[('ClientID', 'required')]\n" in told
    assert "Frost open\n" in told
    assert "is not offered" in told or "Allowed now" in told


def test_every_error_that_scripts_tell_apart_is_told() -> None:
    families = {"ApiError", "AmbiguousReference", "UnresolvedReference", "InsufficientScope", "ReferenceInUse"}
    errors = {name for name in objapi_client.__all__ if isinstance(getattr(objapi_client, name), type)}
    raised = {name for name in errors if issubclass(getattr(objapi_client, name), Exception)}
    assert {name for name in raised - families - {"TooManyAttempts"} if f"`{name}`" not in TEXT} == set()
