"""Snapshots of a whole site: written while it serves, and read into the empty database of another.

What follows from the rest is not in a snapshot: catalogs are filled by indexing the objects again.
"""

import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO, Final, TypedDict, TypeVar, cast

import orjson
from sqlalchemy import Connection, Table, select

from catalog.dialect import for_update, insert_rows, transaction, upsert_rows
from objapi import __version__, upkeep
from objapi.errors import Conflict
from objapi.progress import Advance
from objapi.site import Site
from objapi.site_context import SiteError
from objapi.store.schema import metadata, site_state
from objapi.store.snapshot.snapshot_lines import (
    SnapshotBlock,
    SnapshotError,
    SnapshotHeader,
    read_blocks,
    read_header,
    written_lines,
)
from objapi.store.snapshot.snapshot_rows import RowDecoder, count_rows, forget_rows, read_rows, snapshot_tables
from objapi.store.upgrade.migrations import newest_version
from objapi.store.upgrade.search_keys import put_keys_off
from objapi.store.upgrade.versions import IMPORT, create_tables, finish_import, is_installed
from objapi.whole_files import whole_file

TO_OUTPUT: Final = Path("-")
"""Name of the standard output in place of a file."""
_ROWS_A_STEP: Final = 100
_Row = TypeVar("_Row")


class _Begun(TypedDict):
    """State of an import: the last check of its file, and the number of lines that are loaded."""

    sha256: str
    lines: int


def export_site(site: Site, file: Path, more: Sequence[Table], progress: upkeep.Progress) -> SnapshotHeader:
    """Write a snapshot of the site as it is at one instant; others read and write meanwhile.

    `more` are tables of the gateway's own database beside the site's. Raises OSError, and SiteError for a file that is
    there already.
    """
    with transaction(site.stream_engine, write=False) as connection, _new_file(file) as output:
        tables = (*snapshot_tables(metadata.sorted_tables), *more)
        header = SnapshotHeader(
            objapi=__version__,
            schema=newest_version(),
            site_id=site.settings.site_id,
            profiles=site.settings.profiles or (),
            fingerprint=site.registry.fingerprint,
            at=site.now().isoformat(timespec="seconds"),
            columns={str(table.name): [column.name for column in table.columns] for table in tables},
            rows=count_rows(connection, tables),
        )
        with progress("Exporting", header.total) as advance:
            output.writelines(written_lines(header, _advancing(read_rows(connection, tables), advance)))
    return header


def _advancing(rows: Iterable[_Row], advance: Advance) -> Iterator[_Row]:
    """The rows, with a word to the progress now and then."""
    left = iter(rows)
    while part := list(islice(left, _ROWS_A_STEP)):
        yield from part
        advance(len(part))


@contextmanager
def _new_file(file: Path) -> Iterator[BinaryIO]:
    """A file that nobody else may read, since hashes of passwords are in it."""
    if file == TO_OUTPUT:
        yield sys.stdout.buffer
        return
    if file.exists():
        raise SiteError(f"{file} is there already. Name another file, or remove it.")
    with whole_file(file, private=True) as output:
        yield output


def header_of(file: Path) -> SnapshotHeader:
    """The header of a snapshot. Raises SiteError."""
    with file.open("rb") as lines, _snapshot_errors(file):
        return read_header(lines.readline())


def import_site(site: Site, file: Path, more: Sequence[Table], progress: upkeep.Progress) -> SnapshotHeader:
    """Fill an empty database with a snapshot; goes on where an import of the same file was cut short.

    The whole file is verified before anything is written. Raises SiteError when it is no whole snapshot or does not fit
    this version and these settings, and when the database holds a site.
    """
    header = header_of(file)
    tables = (*snapshot_tables(metadata.sorted_tables), *more)
    reader = _row_reader(site, header, tables)
    begun = site.transact(_begun, write=False) if is_installed(site.engine) else None
    if begun is None and is_installed(site.engine):
        raise SiteError("The database holds a site already. Name an empty one: OBJAPI_DATABASE_URL, or --data.")
    with progress("Verifying the file", header.total) as advance:
        # The blocks of a large site do not fit into memory together.
        (last,) = deque(_blocks(file, header, advance), maxlen=1)
    if begun is not None and begun["sha256"] != last.sha256:
        raise SiteError(f"The import of another file than {file} was cut short in this database. Import that one.")
    if begun is None:
        create_tables(
            site.engine, site.catalog_metadata, site.registry, site.settings.site_id, site.settings.profiles or ()
        )
        for table in more:
            table.create(site.engine, checkfirst=True)
        site.transact(partial(_begin, last.sha256, tables), write=True)
        put_keys_off(site.engine, site.context, site.now())
    done = 0 if begun is None else begun["lines"]
    with progress("Importing", header.total) as advance:
        for block in _blocks(file, header, advance):
            if block.lines > done:
                site.transact(partial(_load, block, last.sha256, reader), write=True)
    upkeep.reindex(site, progress)
    upkeep.make_missing_keys(site, progress)
    site.transact(partial(_finish, header, tables), write=True)
    return header


def _row_reader(site: Site, header: SnapshotHeader, tables: Sequence[Table]) -> RowDecoder:
    """Reads the rows of a snapshot that fits the site. Raises SiteError."""
    if header.schema != newest_version():
        raise SiteError(
            f"The snapshot was written by objapi {header.objapi} with tables of version {header.schema}; here it is "
            f"{newest_version()}. Import it with that version, then run `objapi upgrade` with this one."
        )
    if header.site_id != site.settings.site_id:
        raise SiteError(f"The snapshot is of the site {header.site_id!r}. Set OBJAPI_SITE_ID={header.site_id}.")
    if header.fingerprint != site.registry.fingerprint:
        raise SiteError(
            f"The snapshot was written with other declarations, of the profiles {', '.join(header.profiles)}. Name the "
            "same ones in OBJAPI_PROFILES."
        )
    try:
        return RowDecoder(tables, header.columns)
    except KeyError as error:
        raise SiteError(f"The snapshot has a table or column {error} that this site lacks.") from error


def _blocks(file: Path, header: SnapshotHeader, advance: Advance) -> Iterator[SnapshotBlock]:
    with file.open("rb") as lines, _snapshot_errors(file):
        first = lines.readline()
        for block in read_blocks(lines, header, first):
            yield block
            advance(len(block.rows))


@contextmanager
def _snapshot_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except SnapshotError as error:
        raise SiteError(f"{file}: {error}") from error


def _begun(connection: Connection) -> _Begun | None:
    found = connection.scalar(for_update(select(site_state.c.value).where(site_state.c.name == IMPORT)))
    return None if found is None else cast(_Begun, orjson.loads(found))


def _note(connection: Connection, sha256: str, lines: int) -> None:
    value = orjson.dumps({"sha256": sha256, "lines": lines}).decode()
    upsert_rows(connection, site_state, [{"name": IMPORT, "value": value}])


def _begin(sha256: str, tables: Sequence[Table], connection: Connection) -> None:
    forget_rows(connection, tables)
    _note(connection, sha256, 0)


def _load(block: SnapshotBlock, sha256: str, reader: RowDecoder, connection: Connection) -> None:
    """Make the rows of a block, and note how far the import has come."""
    begun = _begun(connection)
    if begun is None or begun["lines"] >= block.lines:
        raise Conflict("Another process imports the same file. Wait for it to end.")
    for name, rows in groupby(block.rows, key=itemgetter(0)):
        insert_rows(connection, reader.tables[name], [reader.row(name, values) for _, values in rows])
    _note(connection, sha256, block.lines)


def _finish(header: SnapshotHeader, tables: Sequence[Table], connection: Connection) -> None:
    """Compare the numbers of rows, and let the site be served."""
    found = count_rows(connection, tables)
    wrong = [f"{name} ({found[name]} of {rows})" for name, rows in header.rows.items() if found[name] != rows]
    if wrong:
        raise SiteError(f"Rows were written or lost while the import went on: {', '.join(wrong)}. Begin anew.")
    finish_import(connection)
