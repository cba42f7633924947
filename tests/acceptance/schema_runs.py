"""Runs of schemathesis: it calls what a description says can be called, and judges each answer by it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.acceptance.server import environment

HERE = Path(__file__).parent


def judge(
    url: str, configuration: str, folder: Path, *options: str, headers: Mapping[str, str], hooks: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run it over the description at a URL, with a fixed seed and each check that its configuration leaves on."""
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / configuration), "run", url]
    for name, value in headers.items():
        command += ["--header", f"{name}: {value}"]
    command += ["--seed", "1", "--generation-database", "none", "--no-shrink", "--no-color"]
    # A busy machine is no fault of the description.
    command += ["--suppress-health-check", "all", *options]
    given = {"PATH": os.environ["PATH"], **({"SCHEMATHESIS_HOOKS": hooks} if hooks else {})}
    return subprocess.run(command, cwd=folder, env=environment(given), capture_output=True, text=True, check=False)
