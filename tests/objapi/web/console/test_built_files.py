"""What is served below `/static` is what the sources in `objapi/web/frontend/` give."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
FRONTEND = ROOT / "objapi" / "web" / "frontend"
STATIC = ROOT / "objapi" / "web" / "static"


def source_digest() -> str:
    """The digest that the build notes beside what it has made; the same steps are in build.mjs."""
    paths = [path for path in FRONTEND.rglob("*") if path.is_file() and path.suffix != ".md"]
    digest = hashlib.sha256()
    for path in sorted(map(str, paths)):
        relative = Path(path).relative_to(FRONTEND)
        if relative.parts[0] != "node_modules":
            digest.update(f"{relative.as_posix()}\n".encode() + Path(path).read_bytes() + b"\n")
    return digest.hexdigest()


def test_the_files_were_built_after_the_last_change_of_their_sources() -> None:
    noted = (STATIC / "sources.sha256").read_text("utf-8").strip()
    assert source_digest() == noted, "run npm ci and npm run build in objapi/web/frontend"


def test_what_is_vendored_has_its_licence_beside_it() -> None:
    licences = (STATIC / "licences.txt").read_text("utf-8")
    for name in ("preact", "@preact/signals", "@dagrejs/dagre", "uplot"):
        assert f"\n{name} " in f"\n{licences}"
    assert licences.count("MIT") + licences.count("Permission is hereby granted") >= 3


def test_the_lock_file_names_no_registry() -> None:
    assert '"resolved"' not in (FRONTEND / "package-lock.json").read_text("utf-8")


@pytest.mark.extended
def test_sources_give_the_files_byte_for_byte() -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("FRONTEND NOT BUILT: Node and npm are not installed")
    if not (FRONTEND / "node_modules").is_dir():
        installed = subprocess.run(["npm", "ci"], cwd=FRONTEND, capture_output=True, text=True, check=False)
        if installed.returncode and not os.environ.get("OBJAPI_REQUIRE_NODE"):
            pytest.skip(f"FRONTEND NOT BUILT: npm ci failed: {installed.stderr[-300:]}")
        assert installed.returncode == 0, installed.stderr
    checked = subprocess.run(["npm", "run", "check"], cwd=FRONTEND, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
