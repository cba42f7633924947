"""`objapi mxlive`."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from objapi import upkeep
from objapi.cli import main
from objapi.mxlive.calls import load_gateway
from objapi.settings import load_settings
from objapi.site import Site
from objapi.store.requests import ByPath, UpdateItem
from tests.objapi.mxlive.signing import PUBLIC_KEY
from tests.objapi.mxlive.station import silent


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a new site with beamlines."""
    return {"OBJAPI_PROFILES": "mxlive", "OBJAPI_DATA_DIR": str(tmp_path)}


@pytest.fixture
def site(environment: dict[str, str]) -> Site:
    opened = Site.open(load_settings(environment))
    upkeep.initialise(opened, silent)
    return opened


def run(environment: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(main, ["mxlive", *arguments], env=environment)


def test_projects_and_beamlines_are_added(site: Site, environment: dict[str, str]) -> None:
    added = run(environment, "add-project", "ada", "--kind", "Staff", "--person", "Ada", "--email", "ada@x.example")
    assert added.exit_code == 0, added.output
    assert run(environment, "add-beamline", "BL-1").exit_code == 0
    paths = ("/mxlive/projects/ada", "/mxlive/beamlines/BL-1")
    found = [site.run(load_gateway, lambda tx, path=path: tx.entity(ByPath(path)), write=False) for path in paths]
    assert [item.portal_type for item in found] == ["MxProject", "MxBeamline"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("add-project", "a b"), "username"),
        (("add-beamline", "a.b"), "acronym"),
        (("reset-key", "nobody"), "no object"),
    ],
)
def test_what_cannot_be_done_is_told(
    site: Site, environment: dict[str, str], arguments: tuple[str, ...], reason: str
) -> None:
    refused = run(environment, *arguments)
    assert refused.exit_code == 1
    assert reason in refused.output


def test_a_key_is_taken_away(site: Site, environment: dict[str, str]) -> None:
    run(environment, "add-project", "ada")
    item = UpdateItem(ByPath("/mxlive/projects/ada"), {"key": PUBLIC_KEY})
    site.run(load_gateway, lambda tx: tx.update([item]), write=True)
    assert run(environment, "reset-key", "ada").exit_code == 0
    again = site.run(load_gateway, lambda tx: tx.update([item]), write=True)
    assert again.applied


def test_a_site_without_beamlines_is_told_what_to_do(tmp_path: Path) -> None:
    environment = {"OBJAPI_PROFILES": "base", "OBJAPI_DATA_DIR": str(tmp_path)}
    upkeep.initialise(Site.open(load_settings(environment)), silent)
    refused = run(environment, "add-project", "ada")
    assert refused.exit_code == 1
    assert "OBJAPI_PROFILES" in refused.output
