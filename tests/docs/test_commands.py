"""Every fenced block and every command that a page prints is run by a test."""

import json
import os
import re
import shlex
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from click.testing import CliRunner
from werkzeug.test import Client

from objapi import upkeep
from objapi.app import create_app
from objapi.cli import main
from objapi.ispyb.demo import make_demo
from objapi.model.loading import read_content
from objapi.settings import load_settings
from objapi.site import Site
from tests.acceptance import test_console
from tests.acceptance.conftest import WITH_BEAMLINES, Serve
from tests.docs import (
    test_adopt,
    test_api_examples,
    test_changes,
    test_client,
    test_ispyb,
    test_laboratory,
    test_library_pages,
    test_production_blocks,
    test_profiles,
    test_pull,
    test_senaite,
    test_sheets,
)
from tests.docs.pages import DOCS, ROOT, blocks
from tests.objapi.ispyb.sync.payloads import payload, person
from tests.objapi.store.mapped import test_rights
from tests.objapi.store.mapped.conftest import fill
from tests.objapi.store.mapped.stock import OtherProgram
from tests.objapi.store.workshop import quietly
from tests.ports import free_port

PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
RUN_BY: Mapping[tuple[str, str], Callable[..., object]] = {
    ("README.md", "python"): test_api_examples.test_the_snippet_of_the_readme_lists_the_clients,
    ("docs/adopt.md", "python"): test_adopt.test_the_row_rule_shown_loads,
    ("docs/adopt.md", "sql"): test_rights.test_rights_shown_in_the_guide_suffice,
    ("docs/adopt.md", "yaml"): test_adopt.test_the_declarations_shown_load_together,
    ("docs/api.md", "http"): test_api_examples.test_answers_are_as_shown,
    ("docs/api.md", "json"): test_api_examples.test_answers_are_as_shown,
    ("docs/catalog.md", "python"): test_library_pages.test_the_session_gives_what_the_page_shows,
    ("docs/changes.md", "json"): test_changes.test_a_message_looks_as_shown,
    ("docs/changes.md", "python"): test_changes.test_the_program_that_reads_a_stream_prints_changes,
    ("docs/client.md", "python"): test_client.test_the_recipes_run,
    ("docs/console.md", "js"): test_console.test_the_program_of_the_page_runs_on_another_site,
    ("docs/ispyb.md", "sql"): test_ispyb.test_indexes_that_are_recommended_are_those_of_our_own_tables,
    ("docs/ispyb.md", "yaml"): test_ispyb.test_plugins_on_the_page_are_of_kinds_that_there_are,
    ("docs/laboratory.md", "http"): test_laboratory.test_answers_are_as_shown,
    ("docs/laboratory.md", "json"): test_laboratory.test_answers_are_as_shown,
    ("docs/production.md", "nginx"): test_production_blocks.test_the_proxy_is_set_up_for_the_defaults,
    ("docs/production.md", "sql"): test_production_blocks.test_the_account_shown_can_make_and_upgrade_a_site,
    ("docs/profiles.md", "http"): test_profiles.test_the_profile_serves_as_shown,
    ("docs/profiles.md", "json"): test_profiles.test_the_profile_serves_as_shown,
    ("docs/profiles.md", "python"): test_profiles.test_the_profile_serves_as_shown,
    ("docs/profiles.md", "text"): test_profiles.test_mistakes_are_told_as_shown,
    ("docs/profiles.md", "yaml"): test_profiles.test_the_profile_serves_as_shown,
    ("docs/pull.md", "json"): test_pull.test_a_line_of_a_report_is_as_shown,
    ("docs/senaite.md", "http"): test_senaite.test_answers_are_as_shown,
    ("docs/senaite.md", "json"): test_senaite.test_answers_are_as_shown,
    ("docs/senaite.md", "yaml"): test_senaite.test_the_mapping_shown_is_one,
    ("docs/sheets.md", "csv"): test_sheets.test_the_files_on_the_page_are_read,
    ("docs/workflows.md", "python"): test_library_pages.test_the_session_gives_what_the_page_shows,
}
"""Page and language of fenced blocks → the test that runs every one of them."""

PROGRAMS = ("objapi", "curl", "make", "python", "python3", "export", "OBJAPI_", "site=", "root=", "token=", "uid=")
PASSWORD = "seven green apples"


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a page, its lines joined, and the line of the page that it begins on."""

    page: str
    line: int
    text: str


def commands(page: Path) -> Iterator[Command]:
    """The commands in the indented blocks of a page, in order."""
    lines = iter(enumerate(page.read_text(encoding="utf-8").splitlines(), 1))
    fenced = False
    for number, line in lines:
        fenced ^= line.startswith("```")
        if fenced or not line.startswith(tuple(f"    {program}" for program in PROGRAMS)):
            continue
        text = line.strip()
        while text.endswith(("\\", "|")):
            text = f"{text.removesuffix(chr(92))} {next(lines)[1].strip()}"
        yield Command(page.relative_to(ROOT).as_posix(), number, text)


@dataclass(slots=True)
class Shell:
    """Somebody who types the commands of a page, in this process: `objapi` and `curl`, and settings by `export`."""

    monkeypatch: pytest.MonkeyPatch
    folder: Path
    replaced: Mapping[str, str] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)

    def follow(self, page: Path, lines: Callable[[Command], bool] = lambda _: True) -> None:
        for command in commands(page):
            if lines(command):
                self.run(command.text)
                self.ran.append(command.text)

    def run(self, text: str) -> str:
        for old, new in self.replaced.items():
            text = text.replace(old, new)
        words = shlex.split(text, comments=True)
        before: dict[str, str] = {}
        while words and re.match(r"(export$|[A-Za-z_]+=)", words[0]):
            name, _, value = words.pop(0).partition("=")
            if value:
                before[name] = os.path.expandvars(value)
        for name, value in before.items():
            self.monkeypatch.setenv(name, value)
        if not words:
            return ""
        program, *arguments = words
        assert program in ("objapi", "curl"), text
        return self._objapi(arguments) if program == "objapi" else self._curl(arguments)

    def _objapi(self, arguments: list[str]) -> str:
        # A server would not end: it is asked whether it knows the options. What it serves, other tests ask.
        if arguments[0] == "serve":
            arguments = [*arguments, "--help"]
        # A shell would send the output into a file.
        into = next((word for word in (">>", ">") if word in arguments), None)
        file = None if into is None else arguments[-1]
        result = CliRunner().invoke(main, arguments[:-2] if file else arguments, input=f"{PASSWORD}\n{PASSWORD}\n")
        assert result.exit_code == 0, (arguments, result.output)
        if file is not None:
            with Path(file).open("a" if into == ">>" else "w", encoding="utf-8") as stream:
                stream.write(result.stdout)
        made = re.match(r"oat_(\w+)_", result.stdout)
        if made is not None:
            self.replaced = {**self.replaced, " PREFIX": f" {made[1]}"}
        return result.output

    def _curl(self, arguments: list[str]) -> str:
        """The one request, sent to the application of the settings; it must succeed."""
        data, user, url = list[str](), "", ""
        rest = iter(arguments)
        for word in rest:
            if word == "-u":
                user = next(rest).replace("…", PASSWORD)
            elif word == "-d":
                data.append(next(rest))
            else:
                url = os.path.expandvars(word)
        parts = urlsplit(url)
        headers = {"Authorization": f"Basic {b64encode(user.encode()).decode()}"}
        body = "&".join(f"{name}={quote(value)}" for name, _, value in (item.partition("=") for item in data))
        application = create_app(load_settings(os.environ))
        response = Client(application).open(
            parts.path,
            base_url="http://127.0.0.1:8080",
            query_string=parts.query,
            method="POST" if data else "GET",
            headers=headers,
            data=body if data else None,
            content_type="application/x-www-form-urlencoded" if data else None,
        )
        assert response.json is not None and response.json["success"] is True, response.text
        return response.text


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    for name in [name for name in os.environ if name.startswith("OBJAPI_") and not name.startswith("OBJAPI_TEST")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OBJAPI_DATA_DIR", str(tmp_path / "var"))
    return Shell(monkeypatch, tmp_path)


def shown_files(page: Path, folder: Path, *languages: str) -> None:
    """Write the files of a page's blocks, which begin with their names."""
    for block in blocks(page, *languages):
        named = re.match(r"# (?P<path>[\w/]+\.(?:yaml|py))(?:, continued)?\n", block.text)
        if named is not None:
            path = folder / named["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(block.text)


def of_objapi(command: Command) -> bool:
    return re.match(r"(export |OBJAPI_\w+=\S+ +)*(objapi |export )", command.text) is not None


def test_the_page_on_changes_can_be_typed(shell: Shell) -> None:
    """The receiver on the page prints what the webhook sends."""
    content, port = shell.folder / "content.yaml", str(free_port())
    content.write_text(
        f"users: [{{id: admin, password: {PASSWORD}, roles: [Manager]}}]\n"
        "objects: [{path: /clients/client-1, portal_type: Client, fields: {Name: Orchard, ClientID: O1}}]\n"
    )
    shell.monkeypatch.setenv("OBJAPI_PROFILES", "lims")
    shell.run("objapi init")
    shell.run(f"objapi content load {content}")
    shell.replaced = {test_changes.PORT: port}
    with ExitStack() as stack:
        for command in commands(test_changes.PAGE):
            output = shell.run(command.text)
            if " webhook add " in command.text:
                secret, hook = re.findall(r"whsec_\S+|(?<=the webhook )\w+", output)
                shell.replaced = {test_changes.PORT: port, " HOOK": f" {hook}"}
                lines = stack.enter_context(test_changes.receiving(port, secret))
            if " webhook replay " in command.text:
                test_changes.deliver_all()
        assert next(lines).strip() == "['create'] /Plone/clients/client-1"


def test_every_fenced_block_is_run_by_a_test() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    languages = set(re.findall(r"^```([a-z]+)", text, re.MULTILINE))
    found = {(block.page, block.language) for page in PAGES for block in blocks(page, *languages)}
    assert found == RUN_BY.keys()


def test_the_profile_guide_can_be_typed(shell: Shell) -> None:
    page = DOCS / "profiles.md"
    shown_files(page, shell.folder, "yaml", "python")
    shell.replaced = {"/etc/objapi/": f"{shell.folder}/", "/tmp/trial": str(shell.folder / "trial")}
    shell.follow(page)
    loaded = shell.run("objapi user list --data /tmp/trial")
    assert "ada" in loaded
    # Loading the printed file again changes nothing.
    shell.run("objapi content load ourlab/content.yaml --data /tmp/trial")


def test_the_production_page_can_be_typed(shell: Shell) -> None:
    trial = shell.folder / "content.yaml"
    trial.write_text(
        f"users: [{{id: rita, password: {PASSWORD}, groups: [Clients]}}]\n"
        "objects: [{path: /clients/client-1, portal_type: Client, fields: {Name: Orchard, ClientID: O1}}]\n"
    )
    database = f"sqlite:///{shell.folder / 'site.sqlite'}"
    shell.replaced = {
        "mysql+pymysql://objapi:…@db.example.org/laboratory": database,
        "mysql+pymysql://objapi:…@db2.example.org/laboratory": database.replace("site.sqlite", "moved.sqlite"),
        " FILE": f" {trial}",
    }
    shell.follow(DOCS / "production.md", of_objapi)
    assert any("revoke" in line for line in shell.ran)


def test_the_page_on_the_trail_can_be_typed(shell: Shell) -> None:
    shell.monkeypatch.setenv("OBJAPI_PROFILES", "mxlive")
    shell.run("objapi init")
    shell.follow(DOCS / "audit.md")
    assert len(shell.ran) == 4
    lines = (shell.folder / "trail.ndjson").read_text().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [*range(1, len(lines)), len(lines) - 1]


def test_the_page_on_adopting_can_be_typed(shell: Shell) -> None:
    url = f"sqlite:///{shell.folder / 'stock.sqlite'}"
    other = OtherProgram(url)
    try:
        fill(other)
    finally:
        other.close()
    shell.replaced = {
        "mysql+pymysql://reader:PASSWORD@db.example/stock": f"{url} --name stock",
        "mysql+pymysql://writer:PASSWORD@db.example/stock": url,
        "/etc/objapi/stock": str(shell.folder / "stock"),
    }
    shell.follow(DOCS / "adopt.md", lambda command: "Proposal" not in command.text)
    assert len(shell.ran) == 9


def test_the_page_on_beamlines_can_be_typed(shell: Shell) -> None:
    shell.monkeypatch.setenv("OBJAPI_PROFILES", "mxlive")
    shell.replaced = {"/tmp/beamline": str(shell.folder / "beamline")}
    shell.run("objapi init")
    shell.run("objapi user add staff --role Manager")
    page = DOCS / "mxlive.md"
    shell.follow(page, of_objapi)
    shell.replaced = {"CMCF-BM": "CMCF-ID", "Bending magnet line": "Insertion device line"}
    shell.follow(page, lambda command: command.text.startswith("curl"))
    assert len(shell.ran) == 5


def test_the_page_on_workflows_can_be_typed(shell: Shell) -> None:
    (shell.folder / "workflows").mkdir()
    (shell.folder / "profile.yaml").write_text("title: Mine\nextends: [base]\n")
    (shell.folder / "definition.xml").write_text(
        '<dc-workflow workflow_id="mine" title="Mine" state_variable="review_state" initial_state="open">'
        '<state state_id="open" title="Open"><exit-transition transition_id="close"/></state>'
        '<state state_id="closed" title="Closed"/>'
        '<transition transition_id="close" title="Close" new_state="closed" trigger="USER"/></dc-workflow>'
    )
    shell.monkeypatch.setenv("OBJAPI_PROFILES", str(shell.folder))
    shell.follow(DOCS / "workflows.md")
    assert len(shell.ran) == 3


@pytest.mark.extended
def test_the_page_on_ispyb_can_be_typed(shell: Shell, shared: Serve) -> None:
    served = shared("sqlite", **WITH_BEAMLINES)
    page = DOCS / "ispyb.md"
    asked = [command for command in commands(page) if not of_objapi(command)]
    requests = [command.text for command in asked if not command.text.startswith("OBJAPI_")]
    requests += [command.text for command in commands(DOCS / "adopt.md") if "Proposal" in command.text]
    script = "\n".join(requests).replace("http://127.0.0.1:8080", served).replace("admin:…", "admin:secret")
    script = script.replace("portal_type:Person|login:smith", "portal_type:Person|login:facility")
    header = "set -e\ncurl() { command curl --noproxy '*' -s --fail-with-body \"$@\"; }\n"
    done = subprocess.run(["bash", "-c", header + script], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"success":false' not in done.stdout.replace(" ", "")
    shell.monkeypatch.setenv("OBJAPI_PROFILES", "lims,ispyb")
    (shell.folder / "proposals").mkdir()
    (shell.folder / "proposals" / "one.json").write_text(json.dumps(payload(person())))
    shell.run("objapi init")
    shell.replaced = {"LOGIN": "portal", "proposals/*.json": "proposals/one.json"}
    shell.follow(page, of_objapi)
    assert len(shell.ran) == 4


@pytest.mark.extended
def test_the_page_on_files_can_be_typed(shell: Shell, shared: Serve) -> None:
    served = shared("sqlite", **WITH_BEAMLINES)
    test_sheets.shown_sheets(shell.folder)
    asked = [command.text for command in commands(test_sheets.PAGE) if not of_objapi(command)]
    script = "\n".join(asked).replace("http://127.0.0.1:8080", served).replace(":…", ":secret")
    header = "set -e\ncurl() { command curl --noproxy '*' -s --fail-with-body \"$@\"; }\n"
    typed = ["bash", "-c", header + script]
    done = subprocess.run(typed, capture_output=True, text=True, check=False, timeout=120, cwd=shell.folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"success":true' in done.stdout
    assert '"success":false' not in done.stdout
    shell.monkeypatch.setenv("OBJAPI_PROFILES", WITH_BEAMLINES["OBJAPI_PROFILES"])
    shell.run("objapi init")
    site = Site.open(load_settings(os.environ))
    for file in site.registry.content_files["demo"]:
        upkeep.load_content(site, read_content(Path(file)), quietly, for_trials=True)
    make_demo(site)
    site.close()
    shell.follow(test_sheets.PAGE, of_objapi)
    assert len(shell.ran) == 6


def test_the_page_on_pulling_can_be_typed(shell: Shell, shared: Serve) -> None:
    shell.monkeypatch.setenv("PULL_PASSWORD", "secret")
    shell.replaced = {
        "https://lims.example.org/senaite": f"{shared('sqlite')}/senaite",
        "--user admin": "--user admin --rate 1000",
    }
    shell.follow(DOCS / "pull.md")
    assert len(shell.ran) == 3
    assert "rita" in shell.run("objapi user list")


def test_no_page_prints_a_command_that_nobody_types() -> None:
    typed = {
        "adopt.md",
        "audit.md",
        "changes.md",
        "client.md",
        "ispyb.md",
        "mxlive.md",
        "production.md",
        "profiles.md",
        "pull.md",
        "sheets.md",
        "workflows.md",
    }
    others = [command for page in PAGES if page.name not in typed for command in commands(page)]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in others:
        program, *words = shlex.split(command.text, comments=True)
        if program == "make":
            # The targets themselves take minutes; that they are there, with these variables, is enough here.
            assert re.search(rf"^([\w-]+ )*{words[0]}( [\w-]+)*:", makefile, re.MULTILINE), command
            assert all(f"$({word.partition('=')[0]})" in makefile for word in words[1:]), command
        else:
            assert (program, words[:3]) == ("python", ["-m", "benchmarks", "--help"]), command
            subprocess.run([sys.executable, *words], check=True, capture_output=True, cwd=ROOT)
    rest = [command.text for command in commands(DOCS / "production.md") if not of_objapi(command)]
    assert all(text.startswith(("python3 -m venv", "OBJAPI_")) for text in rest), rest
