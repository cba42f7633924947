"""The blocks of the page on production: the account, the proxy."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.engine import URL, make_url

from objapi import upkeep
from objapi.settings import Settings
from objapi.site import Site
from tests.databases import fresh_mariadb_database
from tests.docs.pages import DOCS, blocks

PAGE = DOCS / "production.md"


@contextmanager
def _silent(label: str, total: int) -> Iterator[Callable[[int], None]]:
    yield lambda done: None


def _only(language: str) -> str:
    (block,) = blocks(PAGE, language)
    return block.text


def test_the_account_shown_can_make_and_upgrade_a_site(mariadb: Callable[[], URL], tmp_path: Path) -> None:
    with fresh_mariadb_database(mariadb()) as fresh:
        url = make_url(fresh)
        name, user = f"{url.database}_shown", f"{str(url.database)[-20:]}_shown"
        statements = _only("sql").replace("laboratory", name).replace("'objapi'", f"'{user}'").replace("…", "secret")
        admin = create_engine(url)
        try:
            with admin.begin() as connection:
                for statement in statements.split(";"):
                    if statement.strip():
                        connection.exec_driver_sql(statement.replace("%", "%%"))
            shown = url.set(username=user, password="secret", database=name)
            site = Site.open(
                Settings(
                    data_dir=tmp_path,
                    database_url=shown.render_as_string(hide_password=False),
                    profiles=("base",),
                )
            )
            try:
                assert upkeep.initialise(site, _silent)
                upkeep.upgrade(site, _silent)
                upkeep.check_current(site)
            finally:
                site.close()
        finally:
            with admin.begin() as connection:
                connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}")
                connection.exec_driver_sql(f"DROP USER IF EXISTS '{user}'@'%%'")
            admin.dispose()


def test_the_proxy_is_set_up_for_the_defaults() -> None:
    text, settings = _only("nginx"), Settings()
    size = re.search(r"client_max_body_size (\d+)m;", text)
    wait = re.search(r"proxy_read_timeout (\d+)s;", text)
    assert size is not None
    assert wait is not None
    assert int(size[1]) * 2**20 == settings.max_body_size
    assert int(wait[1]) > settings.stream_time_limit
    assert f"proxy_pass http://{settings.host}:{settings.port};" in text
    assert text.count("{") == text.count("}")
