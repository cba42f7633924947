"""The files below `deploy/` name commands, settings and addresses that there are."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from configparser import ConfigParser, RawConfigParser
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from sqlalchemy.engine import make_url

from objapi.cli import main
from objapi.settings import SETTINGS, Settings, load_settings
from tests.docs.pages import DOCS, ROOT

DEPLOY = ROOT / "deploy"
HEALTH = ("/healthz", "/readyz")


def require_command(arguments: Sequence[str]) -> None:
    result = CliRunner().invoke(main, [*arguments, "--help"])
    assert result.exit_code == 0, result.output


def assignments(lines: Sequence[str]) -> dict[str, str]:
    pairs = (line.partition("=") for line in lines if line.strip() and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def unit(text: str) -> RawConfigParser:
    # Some keys are there twice, and their case matters.
    parser = RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(text)
    return parser


def interpolated(value: str, environment: Mapping[str, str]) -> str:
    """A value of a compose file as it is for an environment: `${NAME:-default}`, `${NAME:?message}`."""

    def replaced(match: "re.Match[str]") -> str:
        name, kind, rest = match["name"], match["kind"], match["rest"]
        if kind == ":?":
            return environment[name]
        return environment.get(name) or rest

    return re.sub(r"\$\{(?P<name>\w+)(?P<kind>:-|:\?)(?P<rest>[^}]*)\}", replaced, value)


@pytest.fixture(scope="module")
def service() -> RawConfigParser:
    return unit((DEPLOY / "objapi.service").read_text())


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    """Instructions of the Containerfile, their lines joined: word and rest."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Containerfile").read_text(), flags=re.MULTILINE).replace("\\\n", "")
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return loaded


def test_every_file_is_on_the_page_and_every_setting_in_them_is_one() -> None:
    page = (DOCS / "production.md").read_text()
    known = {setting.env for setting in SETTINGS}
    files = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
    assert len(files) == 4
    for path in files:
        assert f"deploy/{path.name}" in page
        assert set(re.findall(r"\bOBJAPI_[A-Z_]+", path.read_text())) <= known, path


def test_the_unit_starts_a_command_and_writes_where_it_may(service: RawConfigParser) -> None:
    section = service["Service"]
    program, *arguments = section["ExecStart"].split()
    assert program == "/opt/objapi/bin/objapi"
    require_command(arguments)
    assert arguments[arguments.index("--data") + 1] == f"/var/lib/{section['StateDirectory']}"
    assert section["EnvironmentFile"] == "/etc/objapi/environment"
    assert int(section["TimeoutStopSec"]) > Settings().stop_timeout
    for name in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "MemoryDenyWriteExecute"):
        assert section[name] == "yes"
    assert (section["ProtectSystem"], section["CapabilityBoundingSet"]) == ("strict", "")


def test_the_settings_of_the_unit_can_be_used() -> None:
    # What is there as a comment, too.
    text = re.sub(r"^#(OBJAPI_)", r"\1", (DEPLOY / "environment").read_text(), flags=re.MULTILINE)
    settings = load_settings(assignments(text.splitlines()))
    assert make_url(settings.database).host == "127.0.0.1"
    assert any(ip_address("127.0.0.1") in network for network in settings.trusted_proxies)
    assert settings.metrics_hosts


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    copy = tmp_path / "objapi.service"
    # The program has to be there.
    copy.write_text((DEPLOY / "objapi.service").read_text().replace("/opt/objapi/bin/objapi", sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_image_holds_the_package_and_starts_a_command(instructions: list[tuple[str, str]]) -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    (installed,) = re.findall(r"/src\[([\w,]+)\]", "\n".join(rest for word, rest in instructions if word == "RUN"))
    assert set(installed.split(",")) <= set(setup["options.extras_require"])
    copied = {
        name for word, rest in instructions if word == "COPY" and "--from" not in rest for name in rest.split()[:-1]
    }
    assert all((ROOT / name).exists() for name in copied)
    assert copied >= {"setup.cfg", "pyproject.toml", "README.md", "workflows", "catalog", "objapi"}
    images = [rest.split()[0] for word, rest in instructions if word == "FROM"]
    minor = setup["options"]["python_requires"].rpartition(".")[2]
    assert all(int(re.findall(r"python:3\.(\d+)-", image)[0]) >= int(minor) for image in images)
    settings = load_settings(assignments([rest for word, rest in instructions if word == "ENV"]))
    last = dict(instructions)
    assert (settings.host, str(settings.port)) == ("0.0.0.0", last["EXPOSE"])
    assert json.loads(last["VOLUME"]) == [str(settings.data_dir)] == [last["WORKDIR"]]
    assert last["USER"].isdigit()
    (program,) = json.loads(last["ENTRYPOINT"])
    assert program == "/opt/objapi/bin/objapi"
    require_command(json.loads(last["CMD"]))
    require_health(last["HEALTHCHECK"].partition("CMD ")[2], settings)


def require_health(command: str, settings: Settings) -> None:
    """The command asks, in Python, for an address of the server itself."""
    python, flag, program = json.loads(command)
    assert (python, flag) == ("/opt/objapi/bin/python", "-c")
    compile(program, "health", "exec")
    (port, path) = re.findall(r"http://127\.0\.0\.1:(\d+)(/\w+)", program)[0]
    assert (int(port), path in HEALTH) == (settings.port, True)


def test_the_services_start_commands_with_settings_that_can_be_used(
    compose: dict[str, Any], instructions: list[tuple[str, str]]
) -> None:
    services = compose["services"]
    own = {name: item for name, item in services.items() if item["image"] == "objapi"}
    assert set(own) == {"site", "gateway"}
    of_image = assignments([rest for word, rest in instructions if word == "ENV"])
    for given in ({"DATABASE_PASSWORD": "secret1"}, {"DATABASE_PASSWORD": "secret1", "TRUSTED_PROXIES": "10.0.0.1"}):
        for item in own.values():
            require_command(item["command"])
            written = {name: interpolated(str(value), given) for name, value in item["environment"].items()}
            url = make_url(load_settings(of_image | written).database)
            database = {name: interpolated(value, given) for name, value in services["database"]["environment"].items()}
            assert url.host == "database"
            assert (url.username, url.password, url.database) == (
                database["MARIADB_USER"],
                database["MARIADB_PASSWORD"],
                database["MARIADB_DATABASE"],
            )
    assert (DEPLOY / own["gateway"]["build"]["context"]).resolve() == ROOT
    assert (ROOT / own["gateway"]["build"]["dockerfile"]).is_file()
    require_health(json.dumps(own["gateway"]["healthcheck"]["test"][1:]), load_settings(of_image))
    assert own["gateway"]["ports"] == ["127.0.0.1:8080:8080"]


def test_the_services_wait_for_each_other_and_have_their_volumes(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for item in services.values():
        for name, wanted in item.get("depends_on", {}).items():
            assert name in services
            if wanted["condition"] == "service_healthy":
                assert "healthcheck" in services[name]
        for volume in item["volumes"]:
            assert volume.partition(":")[0] in compose["volumes"]


@pytest.mark.parametrize("name", ["Containerfile", "compose.yaml"])
def test_the_commands_in_the_comments_are_there(name: str) -> None:
    text = (DEPLOY / name).read_text()
    shown = re.findall(r"(?:--rm objapi|--rm gateway) (.+)$", text, re.MULTILINE)
    assert shown
    for command in shown:
        require_command(command.split())
