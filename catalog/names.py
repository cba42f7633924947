"""SQL names for catalogs and their indexes.

Index names differ in case only (`title`, `Title`), MariaDB's column names don't; so each name carries a digest of the
exact spelling. Names depend on nothing else, and stay the same when a declaration gains or loses indexes.
"""

import hashlib
import re
from functools import lru_cache
from typing import Final

SLUG_LENGTH: Final = 36


def _digest(text: str, length: int) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()[:length]


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:SLUG_LENGTH]


@lru_cache(maxsize=4096)
def column_name(index_name: str) -> str:
    """The column of an index: `ix_getid_1a2b3c`, at most 46 characters."""
    return f"ix_{_slug(index_name)}_{_digest(index_name, 6)}"


def table_name(catalog_name: str) -> str:
    """The table of a catalog: `cat_<name>`, with a digest when the name is not plain lower case."""
    slug = _slug(catalog_name)
    if slug == catalog_name:
        return f"cat_{slug}"
    return f"cat_{slug}_{_digest(catalog_name, 6)}"


def key_name(table: str, *columns: str) -> str:
    """The name of a database key; unique in the whole database, which SQLite asks for."""
    return f"k_{table[:40]}_{_digest(' '.join((table, *columns)), 10)}"


@lru_cache(maxsize=4096)
def index_number(index_name: str) -> int:
    """The number that stands for an index in side tables: 31 bits, from the name alone."""
    return int(_digest(index_name, 8), 16) & 0x7FFFFFFF
