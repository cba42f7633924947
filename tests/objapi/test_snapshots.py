"""A site is written to a file while it serves, and is the same in another database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL

from objapi import upkeep
from objapi.cli.snapshots import own_row_tables
from objapi.ispyb.demo import make_demo as make_ispyb_demo
from objapi.model.loading import read_content
from objapi.settings import Settings
from objapi.site import Site
from objapi.site_context import SiteError
from objapi.snapshots import export_site, import_site
from objapi.store.requests import ByPath, CreateItem
from objapi.store.schema import entities, metadata
from objapi.store.snapshot.snapshot_rows import LEFT_OUT
from tests.databases import fresh_mariadb_database, fresh_sqlite_database
from tests.objapi.store.workshop import Gateway, quietly
from tests.ready_sites import initialise

PROFILES = ("lims", "ispyb")


def site_on(url: str, folder: Path, **settings: Any) -> Site:
    folder.mkdir(exist_ok=True)
    return Site.open(Settings(data_dir=folder, database_url=url, profiles=PROFILES, threads=4, **settings))


def rows_of(site: Site) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, catalogs too, but those that are left out and numbers of writes and counts."""
    tables = (*metadata.sorted_tables, *site.catalog_metadata.sorted_tables, *own_row_tables(site.settings))
    with site.engine.connect() as connection:
        return {
            table.name: sorted(
                map(tuple, connection.execute(sa.select(*(c for c in table.columns if c is not entities.c.stamp)))),
                key=repr,
            )
            for table in tables
            if table.name not in LEFT_OUT and not table.name.endswith("_n")
        }


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A laboratory on SQLite with sessions of a beamline, a history, a file, a removed object and local roles."""
    folder = tmp_path_factory.mktemp("laboratory")
    site = site_on(fresh_sqlite_database(folder), folder)
    initialise(site)
    upkeep.load_content(site, read_content(site.registry.content_files["demo"][0]), quietly, for_trials=True)
    make_ispyb_demo(site)
    gateway = Gateway.on(site)
    gateway.update("admin", "/clients/client-1", TaxNumber="Łódź Ω 1")
    made = gateway.create("admin", "Batch", "/batches", title="Gone")
    gateway.remove("admin", made.uid)
    gateway.act("admin", "deactivate", "/clients/client-2")
    item = CreateItem(
        "Attachment", ByPath("/clients/client-1"), {"AttachmentFile": {"data": "AAECAw==", "filename": "a.bin"}}
    )
    gateway.create_all("admin", [item])
    yield site
    site.close()


@pytest.fixture(scope="module")
def snapshot(laboratory: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("snapshot") / "site.ndjson"
    export_site(laboratory, file, own_row_tables(laboratory.settings), quietly)
    return file


def imported(site: Site, file: Path) -> None:
    import_site(site, file, own_row_tables(site.settings), quietly)


def test_a_site_is_the_same_in_another_database_and_back(
    laboratory: Site, snapshot: Path, tmp_path: Path, mariadb: Callable[[], URL]
) -> None:
    with fresh_mariadb_database(mariadb()) as url:
        there = site_on(url, tmp_path / "there")
        imported(there, snapshot)
        upkeep.check_current(there)
        assert rows_of(there) == rows_of(laboratory)
        export_site(there, tmp_path / "back.ndjson", own_row_tables(there.settings), quietly)
        there.close()
    back = site_on(fresh_sqlite_database(tmp_path), tmp_path / "back")
    imported(back, tmp_path / "back.ndjson")
    assert rows_of(back) == rows_of(laboratory)
    assert Gateway.on(back).create("admin", "Batch", "/batches", title="Next").uid
    back.close()


def test_an_import_that_was_cut_short_goes_on_and_nothing_is_served_before(
    laboratory: Site, snapshot: Path, tmp_path: Path
) -> None:
    class Killed(Exception):
        pass

    @contextmanager
    def killed(label: str, total: int) -> Iterator[Callable[[int], None]]:
        done = 0

        def advance(more: int) -> None:
            nonlocal done
            done += more
            if label == "Importing" and done > total / 2:
                raise Killed

        yield advance

    site = site_on(fresh_sqlite_database(tmp_path), tmp_path / "site")
    with pytest.raises(Killed):
        import_site(site, snapshot, own_row_tables(site.settings), killed)
    with pytest.raises(SiteError, match="objapi import"):
        upkeep.check_current(site)
    other = tmp_path / "other.ndjson"
    export_site(laboratory, other, own_row_tables(laboratory.settings), quietly)
    with pytest.raises(SiteError, match="another file"):
        imported(site, other)
    imported(site, snapshot)
    upkeep.check_current(site)
    assert rows_of(site) == rows_of(laboratory)
    with pytest.raises(SiteError, match="holds a site already"):
        imported(site, snapshot)
    site.close()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda lines: lines[:-1], "cut short after line"),
        (
            lambda lines: [*lines[:50], lines[50].replace(b"a", b"e", 1), *lines[51:]],
            "changed between lines 2 and 1002",
        ),
        (lambda lines: [*lines[:50], *lines[51:]], "changed between lines 2 and 1001"),
        (lambda lines: [*lines[:50], lines[51], lines[50], *lines[52:]], "changed between lines 2 and 1002"),
        (lambda lines: [*lines[:50], lines[49], *lines[50:]], "changed between lines 2 and 1003"),
        (lambda lines: [*lines[:50], b"[\n", *lines[50:]], "Line 51 is no JSON"),
        (lambda lines: [*lines[:50], b'["users; DROP", 1]\n', *lines[50:]], "Line 51 is no row"),
        (lambda lines: [*lines, lines[1]], "more behind the end"),
        (lambda lines: [], "no snapshot"),
        (lambda lines: [b"{}\n", *lines[1:]], "no snapshot"),
        (lambda lines: [lines[0].replace(b'"snapshot":1', b'"snapshot":2'), *lines[1:]], "format 2"),
        (
            lambda lines: [lines[0].replace(b'"site_id":"Plone"', b'"site_id":"Other"'), *lines[1:]],
            "OBJAPI_SITE_ID=Other",
        ),
        (lambda lines: [lines[0].replace(b'"schema":"', b'"schema":"9'), *lines[1:]], "Import it with that version"),
        (lambda lines: [lines[0].replace(b'"fingerprint":"', b'"fingerprint":"9'), *lines[1:]], "OBJAPI_PROFILES"),
        (lambda lines: [lines[0].replace(b'"users":[', b'"losers":['), *lines[1:]], "losers"),
    ],
)
def test_a_file_that_is_not_what_was_written_is_refused_before_anything_is_made(
    snapshot: Path, tmp_path: Path, change: Callable[[list[bytes]], list[bytes]], told: str
) -> None:
    file = tmp_path / "changed.ndjson"
    file.write_bytes(b"".join(change(snapshot.read_bytes().splitlines(keepends=True))))
    site = site_on(fresh_sqlite_database(tmp_path), tmp_path / "site")
    with pytest.raises(SiteError, match=told):
        imported(site, file)
    assert not sa.inspect(site.engine).get_table_names()
    site.close()


def test_a_file_that_is_there_is_not_written_over_and_nobody_else_reads_it(laboratory: Site, snapshot: Path) -> None:
    before = snapshot.read_bytes()
    with pytest.raises(SiteError, match="there already"):
        export_site(laboratory, snapshot, (), quietly)
    assert snapshot.read_bytes() == before
    other, left_behind = snapshot.with_name("other.ndjson"), snapshot.with_name("other.ndjson.part")
    left_behind.write_bytes(b"of an export that was killed")
    left_behind.chmod(0o644)
    export_site(laboratory, other, (), quietly)
    assert {file.stat().st_mode & 0o077 for file in (snapshot, other)} == {0}
    assert not left_behind.exists()


def test_no_session_or_answer_leaves_with_a_snapshot(snapshot: Path) -> None:
    tables = {orjson.loads(line)[0] for line in snapshot.read_bytes().splitlines() if line.startswith(b"[")}
    assert {"entities", "history_entries", "requests", "users", "blob_chunks", "BLSession"} <= tables
    assert not tables & LEFT_OUT.keys()
