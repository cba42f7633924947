"""Loading a content file in chunks, each in a transaction that also notes how far the load has come."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import orjson
from sqlalchemy import Connection, delete, select

from catalog.dialect import for_update, upsert_rows
from objapi.errors import Conflict
from objapi.model.loading.content_lines import ContentChunk, LinePosition
from objapi.store.context import SiteContext
from objapi.store.schema import site_state
from objapi.store.upgrade.installing import install_contents
from objapi.store.upgrade.plain_types import PlainRenderer
from objapi.store.upgrade.seed_content import SeedContent


def loaded_to(connection: Connection, file: Path) -> LinePosition | None:
    """The place in a file up to which a load that was cut short has come; None: none was."""
    found = connection.scalar(select(site_state.c.value).where(site_state.c.name == _row_name(file)))
    return None if found is None else LinePosition(**orjson.loads(found))


def load_chunk(
    site: SiteContext,
    connection: Connection,
    now: datetime,
    file: Path,
    chunk: ContentChunk,
    plain: Mapping[str, PlainRenderer],
) -> None:
    """Make or complete the objects of a chunk, and note the place after it.

    Raises ValidationError with all that is wrong, and Conflict when another process loads the same file.
    """
    row = select(site_state.c.value).where(site_state.c.name == _row_name(file))
    noted = connection.scalar(for_update(row))
    if chunk.before.line and (noted is None or LinePosition(**orjson.loads(noted)) != chunk.before):
        raise Conflict(f"{file} is being loaded by another process as well. Wait for it to end.")
    install_contents(site, connection, now, SeedContent(chunk.objects, in_order=True), lambda done: None, plain)
    place = orjson.dumps(asdict(chunk.after)).decode()
    upsert_rows(connection, site_state, [{"name": _row_name(file), "value": place}])


def finish_load(connection: Connection, file: Path) -> None:
    """Forget how far the load of a file has come, once it has come to the end."""
    connection.execute(delete(site_state).where(site_state.c.name == _row_name(file)))


def _row_name(file: Path) -> str:
    return f"load {hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:40]}"
