"""Whatever the page on security names is there: tests, settings, sections of other pages, files."""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from objapi.settings import SETTINGS
from tests.docs.pages import DOCS, ROOT, named_tests

PAGE = (DOCS / "security.md").read_text(encoding="utf-8")
STATES = {"met", "partly", "not met", "operator"}


@cache
def _anchors(path: Path) -> frozenset[str]:
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return frozenset(text.replace(" ", "-") for text in plain)


def test_every_test_that_is_named_exists() -> None:
    named = named_tests(PAGE)
    assert len(named) > 60
    assert [name for name, is_there in named if not is_there] == []


def test_every_section_has_a_state_and_a_test() -> None:
    rows = [re.split(r"(?<!\\) \| ", line.strip("| ")) for line in PAGE.splitlines() if re.match(r"\| V\d", line)]
    assert {row[0].split(".")[0] for row in rows} == {f"V{n}" for n in (1, 2, 3, 4, 6, 7, 8, 9, 11, 13, 14, 15, 16)}
    assert [row[0] for row in rows if len(row) != 4 or row[1] not in STATES or "::test_" not in row[3]] == []


def test_links_and_settings_are_there() -> None:
    known = {setting.env for setting in SETTINGS}
    assert set(re.findall(r"`(OBJAPI_\w+)`", PAGE)) <= known
    for page, anchor in re.findall(r"\]\(([\w.]+\.md)(?:#([\w-]+))?\)", PAGE):
        assert (DOCS / page).is_file(), page
        assert not anchor or anchor in _anchors(DOCS / page), f"{page}#{anchor}"


def test_every_algorithm_is_where_it_is_said_to_be() -> None:
    rows = [row for row in re.findall(r"^\| (.+?) \| .+? \| (`objapi/.+?) \|$", PAGE, re.MULTILINE) if row]
    words = {"Argon2id": "argon2", "SHA-256": "sha256", "HMAC": "itsdangerous", "HMAC-SHA-1": "sha1", "HS256": "HS256"}
    words |= {
        "DSA": "dsa",
        "HMAC-SHA-256": "sha256",
        "Ed25519": "ed25519",
        "RS256, ES256 and others of a fixed list": "RS256",
        "AES-128-CBC with HMAC-SHA-256 (Fernet)": "fernet",
    }
    assert [name for name, _ in rows] == [*dict.fromkeys(name for name, _ in rows)]
    for name, places in rows:
        for place in re.findall(r"`(objapi/[\w/]+\.py)`", places):
            assert words[name].casefold() in (ROOT / place).read_text(encoding="utf-8").casefold(), (name, place)


@pytest.mark.parametrize(
    ("told", "ended", "status", "notice"),
    [
        ("No known vulnerabilities found", 0, 0, ""),
        ("flask 0.1 PYSEC-2019-179", 1, 1, ""),
        ("requests.exceptions.ProxyError: HTTPSConnectionPool", 1, 0, "NOT CHECKED"),
        ("No module named pip_audit", 1, 0, "NOT CHECKED"),
        ("Dependency not found on PyPI and could not be audited", 0, 0, "NOT ALL CHECKED"),
    ],
)
def test_libraries_are_looked_up(tmp_path: Path, told: str, ended: int, status: int, notice: str) -> None:
    """A fault fails, and what could not be looked up is said."""
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho '{told}'\nexit {ended}\n", encoding="utf-8")
    python.chmod(0o755)
    done = subprocess.run(["sh", ROOT / ".ci" / "audit", python], capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert notice in done.stderr
    assert bool(done.stderr) == bool(notice)
