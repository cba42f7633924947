"""Beamlines and a laboratory in one site, and beamlines that come to a laboratory later."""

from pathlib import Path

import pytest

from objapi import upkeep
from objapi.cli.demo import demo_content, make_demo_site
from objapi.model.loading import ProfileError, load_registry
from objapi.settings import load_settings
from objapi.site import Site
from tests.databases import fresh_sqlite_database
from tests.objapi.mxlive.station import silent


@pytest.mark.parametrize("profiles", [["lims"], ["mxlive"], ["lims", "mxlive"], ["mxlive", "lims"]])
def test_either_profile_stands_alone_and_beside_the_other(profiles: list[str]) -> None:
    registry = load_registry(profiles)
    assert ("AnalysisRequest" in registry.types) is ("lims" in profiles)
    assert ("MxSample" in registry.types) is ("mxlive" in profiles)
    assert registry.root_type == "Plone Site"


def test_the_laboratory_means_the_same_beside_beamlines() -> None:
    alone, beside = load_registry(["lims"]), load_registry(["lims", "mxlive"])
    assert {name: beside.catalogs[name] for name in alone.catalogs} == dict(alone.catalogs)
    assert {name: beside.roles.permissions[name] for name in alone.roles.permissions} == alone.roles.permissions


def test_a_name_that_is_declared_twice_stops_the_start_naming_both(tmp_path: Path) -> None:
    (tmp_path / "types").mkdir()
    (tmp_path / "profile.yaml").write_text("title: Ours\n")
    (tmp_path / "types" / "ours.yaml").write_text("MxSample: {containers: [Plone Site], title: Ours}\n")
    with pytest.raises(ProfileError) as caught:
        load_registry(["mxlive", tmp_path])
    assert "ours.yaml:1" in str(caught.value)
    assert "projects.yaml" in str(caught.value)


def test_the_sample_site_has_both(tmp_path: Path) -> None:
    site = opened(tmp_path, "lims,mxlive")
    make_demo_site(site, demo_content(site))
    content = demo_content(site)
    assert content is not None
    assert {"labmanager1", "mxstaff"} <= {user.id for user in content.users}
    site.close()


def test_beamlines_come_to_a_laboratory_with_an_upgrade(tmp_path: Path) -> None:
    before = opened(tmp_path, "lims")
    upkeep.initialise(before, silent)
    before.close()
    site = opened(tmp_path, "lims,mxlive")
    for _ in range(2):
        upkeep.upgrade(site, silent)
    upkeep.check_current(site)
    with site.engine.connect() as connection:
        paths = connection.exec_driver_sql("SELECT path FROM entities WHERE path LIKE '/Plone/mxlive%'").scalars().all()
    assert "/Plone/mxlive/projects" in paths
    assert len(paths) == len(set(paths)) > 300
    site.close()


def opened(folder: Path, profiles: str) -> Site:
    url = fresh_sqlite_database(folder)
    environment = {"OBJAPI_PROFILES": profiles, "OBJAPI_DATA_DIR": str(folder), "OBJAPI_DATABASE_URL": url}
    return Site.open(load_settings(environment))
