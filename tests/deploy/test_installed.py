"""The steps of the image, done in a fresh virtual environment and a folder: it can be installed and serves."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import requests

from tests.docs.pages import ROOT
from tests.ports import free_port
from tests.waiting import ENOUGH, wait_until

pytestmark = pytest.mark.extended

INSTALLING = 600
"""Seconds that installing may take."""


def run(*command: str | Path, folder: Path, environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        [os.fspath(part) for part in command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=INSTALLING,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment in which the wheel of this checkout is installed, and nothing of the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    # As the image does: what it copies, and nothing else.
    source = folder / "src"
    source.mkdir()
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "workflows", "catalog", "objapi"):
        run("cp", "-R", ROOT / name, source, folder=folder)
    for left in ("node_modules", "__pycache__"):
        run("find", source, "-name", left, "-prune", "-exec", "rm", "-rf", "{}", "+", folder=folder)
    run(sys.executable, "-m", "venv", folder / "venv", folder=folder)
    pip = folder / "venv" / "bin" / "pip"
    try:
        run(pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, source, folder=folder)
        (wheel,) = folder.glob("objapi-*.whl")
        run(pip, "install", "--quiet", f"objapi[zstd] @ {wheel.as_uri()}", folder=folder)
    except AssertionError as error:
        if "No matching distribution" in str(error) or "ConnectionError" in str(error):
            pytest.skip("The wheel was not tried: its libraries cannot be had here.")
        raise
    return folder / "venv" / "bin"


def test_the_installed_package_makes_a_site_and_serves_it(programs: Path, tmp_path: Path) -> None:
    port, data = free_port(), tmp_path / "lab"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OBJAPI_", "PYTHON"))}
    environment = inherited | {
        "OBJAPI_PORT": str(port),
        "OBJAPI_DATA_DIR": str(data),
        "OBJAPI_LOG_FORMAT": "json",
        "OBJAPI_WORKERS": "1",
    }
    objapi = programs / "objapi"
    assert "Usage: objapi" in run(objapi, "--help", folder=tmp_path, environment=environment)
    run(objapi, "init", folder=tmp_path, environment=environment)
    root = f"http://127.0.0.1:{port}"
    with (tmp_path / "log").open("wb") as log, requests.Session() as session:
        session.trust_env = False
        server = subprocess.Popen([objapi, "serve"], cwd=tmp_path, env=environment, stdout=log, stderr=log)
        try:

            def answers() -> bool:
                assert server.poll() is None, (tmp_path / "log").read_text()
                try:
                    return session.get(f"{root}/readyz", timeout=ENOUGH).json() == {"status": "ok"}
                except requests.ConnectionError:
                    return False

            wait_until(answers, "the installed server", tmp_path / "log")
            # Files of the pages, of the profiles and of the reference are in the package.
            for path in ("/Plone/login_form", "/docs", "/static/objapi.js", "/Plone/@@API/version", "/metrics"):
                answer = session.get(root + path, timeout=ENOUGH)
                assert answer.status_code == 200, (path, answer.text[:300])
        finally:
            server.terminate()
            assert server.wait(ENOUGH) == 0
