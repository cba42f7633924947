"""What the tests of the laboratory share: the registry, and the facts it is measured by."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog.dialect import create_engine_for
from objapi import upkeep
from objapi.model.loading import load_registry
from objapi.model.loading.content import read_content
from objapi.model.registry import Registry
from objapi.settings import Settings
from objapi.site import Site
from objapi.store.permissions.acls import AclCache
from tests.data import DATA
from tests.objapi.profiles.lims.laboratory import Laboratory, quietly


@pytest.fixture(scope="session")
def registry() -> Registry:
    return load_registry(["lims"])


@pytest.fixture(scope="session")
def sample_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with the sample laboratory in it, whose database is copied for each test."""
    site = Site.open(Settings(data_dir=tmp_path_factory.mktemp("sample"), profiles=("lims",)))
    upkeep.initialise(site, quietly)
    upkeep.load_content(site, read_content(site.registry.content_files["demo"][0]), quietly, for_trials=True)
    site.close()
    yield site
    site.close()


@pytest.fixture
def lab(sample_site: Site, tmp_path: Path) -> Iterator[Laboratory]:
    """The sample laboratory, fresh for each test: the declarations are shared, the database is a copy."""
    settings = replace(sample_site.settings, data_dir=tmp_path / "site")
    shutil.copytree(sample_site.settings.data_dir, settings.data_dir)
    engine = create_engine_for(settings.database, threads=settings.worker_threads)
    site = replace(sample_site, settings=settings, engine=engine, context=replace(sample_site.context, acls=AclCache()))
    yield Laboratory(site)
    site.close()


@pytest.fixture(scope="session")
def facts() -> Callable[[str], Any]:
    """Reads one file of facts about the classic laboratory."""

    def read(name: str) -> Any:
        return yaml.safe_load((DATA / "lims" / name).read_text(encoding="utf-8"))

    return read
