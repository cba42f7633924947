"""`objapi ispyb`: accounts and payloads from the command line."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from objapi.profiles.ispyb import tables as t
from objapi.site import Site
from tests.objapi.ispyb.calling import Rows
from tests.objapi.ispyb.sync.payloads import payload, person, protein
from tests.recorded import forget_history, recorded_history

# The package has the command itself under the module's name.
command = import_module("objapi.cli.ispyb")
Run = Callable[..., Result]


@pytest.fixture
def run(ispyb_site: Site, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command on the site of the tests."""

    @contextmanager
    def opened(data_dir: Path | None) -> Iterator[Site]:
        yield ispyb_site

    monkeypatch.setattr(command, "opened_site", opened)
    return lambda *arguments: CliRunner().invoke(command.ispyb, [str(argument) for argument in arguments])


def test_the_first_account_may_give_permissions_and_later_ones_get_what_is_said(run: Run, rows: Rows) -> None:
    assert "manage_groups, manage_perms" in run("person", "add", "ada", "--given-name", "Ada").output
    assert "no permissions" in run("person", "add", "bob").output
    assert "all_proposals" in run("person", "add", "bob", "--permission", "all_proposals").output
    again = run("person", "add", "bob", "--permission", "all_proposals", "--permission", "uportal_sync")
    assert "all_proposals, uportal_sync" in again.output
    assert [(row["login"], row["givenName"]) for row in rows.all(t.Person)] == [("ada", "Ada"), ("bob", None)]
    assert rows.count(t.Permission) == 4
    assert rows.count(t.UserGroup) == 2


def test_what_the_command_line_adds_is_in_the_history(run: Run, rows: Rows, tmp_path: Path) -> None:
    file = tmp_path / "payload.json"
    file.write_text(json.dumps(payload()))
    with rows.engine.begin() as connection:
        forget_history(connection)
    run("person", "add", "ada", "--permission", "all_proposals")
    run("person", "add", "ada", "--permission", "all_proposals")
    run("sync", file, "--dry-run")
    run("sync", file)
    with rows.engine.connect() as connection:
        recorded = recorded_history(connection)
    found = [(row["portal_type"], row["event"], row["actor"]) for row in recorded]
    added = ("Person", "UserGroup", "UserGroup_has_Person", "Permission", "UserGroup_has_Permission")
    sent = ("Proposal", "ProposalHasPerson")
    created = [(name, "create", "command line") for name in (*added, *sent)]
    assert found == [*created, ("Person", "update", "command line")]
    assert {(row["address"], bool(row["request_id"])) for row in recorded} == {("", True)}


def test_a_permission_too_long_to_be_stored_is_refused(run: Run) -> None:
    refused = run("person", "add", "ada", "--permission", "x" * 16)
    assert refused.exit_code == 1
    assert "at most 15 characters" in refused.output


def written(directory: Path, name: str, value: Any) -> Path:
    file = directory / name
    file.write_text(json.dumps(value))
    return file


def test_payloads_are_written_and_what_cannot_be_is_told(run: Run, rows: Rows, tmp_path: Path) -> None:
    several = [payload(proteins=[protein(person=person("nobody"))]), payload(proposalNumber="2", externalId=-1)]
    good, bad = written(tmp_path, "good.json", several), written(tmp_path, "bad.json", {"proposal": {"persons": [{}]}})
    done = run("sync", good, bad, tmp_path / "good.json")
    assert done.exit_code == 1
    assert "MX-1  people: 1 added, 0 changed" in done.output
    assert "proteins of unknown people: 1 left out" in done.output
    assert "good.json[1]: externalId -1 is negative" in done.output
    assert "bad.json: proposal.proposalCode: field required" in done.output
    assert "bad.json: proposal.persons.0.__root__: either login or externalId" in done.output
    assert rows.count(t.Proposal) == 1


def test_a_trial_run_tells_what_would_be_written_and_writes_nothing(run: Run, rows: Rows, tmp_path: Path) -> None:
    done = run("sync", "--dry-run", written(tmp_path, "payload.json", payload()))
    assert (done.exit_code, "proposals: 1 added" in done.output) == (0, True)
    assert rows.count(t.Person) == rows.count(t.Proposal) == 0
