"""`objapi audit`: what it prints can be verified without the gateway, and shows what somebody with the database did."""

import json
import sqlite3
import stat
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from objapi.cli import main
from objapi.store.records import request_digest
from objapi.store.trail.chain import link_digest


def objapi(*arguments: str | Path, given: str = "") -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=given)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data directory of a new site with a user."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("OBJAPI_DATA_DIR", "OBJAPI_DATABASE_URL", "OBJAPI_PROFILES"):
            patch.delenv(name, raising=False)
        patch.setenv("OBJAPI_PROFILES", "mxlive")
        folder = tmp_path_factory.mktemp("audited") / "var"
        assert objapi("init", "--data", folder).exit_code == 0
        assert (
            objapi("user", "add", "boss", "--password-stdin", "--data", folder, given="a long secret\n").exit_code == 0
        )
        yield folder


def test_a_head_is_signed_by_a_key_that_its_owner_alone_reads(data: Path) -> None:
    result = objapi("audit", "head", "--data", data)
    assert result.exit_code == 0, result.output
    head = json.loads(result.stdout)
    pem = objapi("audit", "head", "--public-key", "--data", data).stdout
    signed = {name: str(head[name]) for name in ("format", "link", "seq", "site", "time")}
    text = json.dumps(signed, separators=(",", ":"), sort_keys=True).encode()
    load_pem_public_key(pem.encode()).verify(b64decode(head["signature"]), text)  # type: ignore[union-attr, call-arg]
    assert stat.S_IMODE((data / "audit.key").stat().st_mode) == 0o600
    assert json.loads(objapi("audit", "head", "--data", data).stdout)["key"] == head["key"]


def test_an_export_has_all_that_links_are_computed_of(data: Path) -> None:
    *requests, head = map(json.loads, objapi("audit", "export", "--data", data).stdout.splitlines())
    link = ""
    for number, line in enumerate(requests, 1):
        own = {name: value for name, value in line.items() if name not in ("entries", "time")}
        assert request_digest("Plone", own, line["entries"]) == line["digest"]
        assert link_digest("Plone", link, number, line["digest"]) == line["link"]
        link = line["link"]
    assert (head["seq"], head["link"]) == (len(requests), link)
    assert [line["actor"] for line in requests][-1] == "command line"
    rest = objapi("audit", "export", "--after", str(len(requests) - 1), "--data", data).stdout.splitlines()
    assert len(rest) == 2


def test_verifying_names_what_was_changed_and_takes_no_head_of_another_key(data: Path, tmp_path: Path) -> None:
    heads, pem = tmp_path / "heads.ndjson", tmp_path / "key.pem"
    heads.write_text(objapi("audit", "head", "--data", data).stdout * 2)
    pem.write_text(objapi("audit", "head", "--public-key", "--data", data).stdout)
    whole = objapi("audit", "verify", "--head", heads, "--public-key", pem, "--data", data)
    assert (whole.exit_code, "1 exported head fits" in whole.stderr) == (0, True), whole.output

    forged = tmp_path / "forged.ndjson"
    forged.write_text(heads.read_text().replace('"seq":', '"seq":1'))
    refused = objapi("audit", "verify", "--head", forged, "--data", data)
    assert (refused.exit_code, "not signed by this key" in refused.stderr) == (1, True)
    assert objapi("audit", "verify", "--head", pem, "--data", data).exit_code == 1

    with closing(sqlite3.connect(data / "objapi.sqlite")) as database, database:
        (user,) = database.execute("SELECT r.seq FROM requests r ORDER BY r.seq DESC LIMIT 1").fetchone()
        database.execute("UPDATE requests SET actor = 'nobody' WHERE seq = ?", (user,))
    changed = objapi("audit", "verify", "--data", data)
    assert (changed.exit_code, f"Request {user} (" in changed.stdout) == (1, True), changed.output
