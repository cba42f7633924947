"""The application of the sample laboratory in this process, on an SQLite file."""

from collections.abc import Iterator

import pytest
from flask import Flask

from objapi.app import create_app
from objapi.cli.demo import demo_content, make_demo_site
from objapi.settings import load_settings
from objapi.site import Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A sample laboratory, which the tests of a module share: each changes what it has made, or what no other reads."""
    made = Site.open(load_settings({}, {"data_dir": tmp_path_factory.mktemp("laboratory")}))
    try:
        make_demo_site(made, demo_content(made))
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def application(site: Site) -> Flask:
    return create_app(site=site)
