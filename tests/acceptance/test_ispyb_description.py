"""`openapi.json` of the py-ISPyB face is true: schemathesis calls what it describes and judges each answer by it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.conftest import Serve
from tests.acceptance.server import environment
from tests.acceptance.test_ispyb import SYNC, Script, payload
from tests.conftest import DATABASES

_CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
_HOOKS = "tests.acceptance.lenient_reading"


def _run(script: Script, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run schemathesis as a caller, with a fixed seed and each check it has."""
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(_CONFIGURATION), "run"]
    command += [f"{script.root}/openapi.json", "--header", f"Authorization: {script.http.headers['Authorization']}"]
    command += ["--seed", "1", "--generation-database", "none", "--no-shrink", "--no-color"]
    # A busy machine is no fault of the description.
    command += ["--suppress-health-check", "all", *options]
    settings = environment({"SCHEMATHESIS_HOOKS": _HOOKS, "PATH": os.environ["PATH"]})
    return subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True, check=False)


def test_answers_of_lists_are_as_they_are_described(root: str, tmp_path: Path) -> None:
    """A part of the run below, short enough for every time: lists, paths with dates, and one of the exceptions."""
    lists = r"^GET .*/(shippings|sessions|stats/breakdown|legacy/sessions/date/\{start_date\}/\{end_date\})$"
    done = _run(
        Script(root, "facility"),
        tmp_path,
        *("--include-name-regex", lists, "--phases", "fuzzing", "--max-examples", "3"),
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.extended
@pytest.mark.parametrize("login", ["facility", "leader9100"])
@pytest.mark.parametrize("database", DATABASES)
def test_all_routes_answer_as_they_are_described(database: str, login: str, serve: Serve, tmp_path: Path) -> None:
    """As somebody with each permission and as somebody with none, on a server of its own: options are changed, too."""
    root = serve(database)
    assert Script(root, "portal").post(SYNC, payload("9100")).status_code == 200
    done = _run(Script(root, login), tmp_path, "--max-examples", "3", "--continue-on-failure")
    assert done.returncode == 0, done.stdout + done.stderr
