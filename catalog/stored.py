"""Stored forms of keys (long texts, keywords of any type, paths, words), and the columns that statements read.

A query names indexes. `Searchable` says which column each is, in which order rows stand when nothing else orders
them, and how a row of the result becomes the number by which its document is known: for the tables of a catalog, and
for a table that other programs write.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Final, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ColumnElement
from sqlalchemy.types import TypeDecorator

from catalog.clauses import Key, PathPlace
from catalog.dialect import BinaryText, sortable_decimal
from catalog.schema import STRING_LENGTH, CatalogSchema

PREFIX_LENGTH: Final = 96
MARK: Final = "\0"
_INTEGER_OFFSET: Final = 2**63


def stored_text(text: str) -> str:
    """A text in at most 128 characters; equal texts stay equal, different ones different.

    A longer one becomes its first 96 characters, NUL and a digest, so long texts order by those characters only.
    """
    if len(text) <= STRING_LENGTH and text[PREFIX_LENGTH : PREFIX_LENGTH + 1] != MARK:
        return text
    digest = hashlib.blake2b(text.encode(), digest_size=15).hexdigest()
    return f"{text[:PREFIX_LENGTH]}{MARK}{digest}"


def keyword_text(key: Key) -> str:
    """A keyword as a text that sorts as the keyword does among those of its type."""
    if isinstance(key, str):
        return key
    if isinstance(key, int):
        return f"{key + _INTEGER_OFFSET:020d}"
    return sortable_decimal(key)


def parent_number(path: str) -> int:
    """A 63-bit number for the parent of a path, which makes a short key; queries compare the path itself as well."""
    parent = path.rpartition("/")[0]
    return int.from_bytes(hashlib.blake2b(parent.encode(), digest_size=8).digest()) >> 1


class StoredText(TypeDecorator[str]):
    """A text column of 128 characters for texts of any length; see `stored_text`."""

    impl = BinaryText(STRING_LENGTH)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        """Shorten what is too long."""
        return None if value is None else stored_text(value)


class Searchable(Protocol):
    """The columns of the indexes of one catalog."""

    @property
    def schema(self) -> CatalogSchema:
        """The catalog."""

    @property
    def main(self) -> sa.FromClause:
        """The row per document."""

    @property
    def rid(self) -> ColumnElement[int]:
        """The column by which side tables refer to a row."""

    @property
    def ties(self) -> tuple[ColumnElement[Any], ...]:
        """The columns that order rows with equal keys, no two rows being equal in them."""

    @property
    def selected(self) -> tuple[ColumnElement[Any], ...]:
        """The last of `ties`: those that identify a row."""

    @property
    def keywords(self) -> sa.Table:
        """The side table of keyword indexes."""

    @property
    def postings(self) -> sa.Table:
        """The side table of text indexes."""

    def column(self, index_name: str) -> ColumnElement[Any]:
        """The column of an index with one key a document. Raises KeyError for another index."""

    def elsewhere(self, index_name: str) -> tuple[sa.FromClause, ColumnElement[Any]]:
        """The rows under another name, and the column of an index there: to ask whether any row has a key."""

    def number(self, row: Sequence[Any]) -> int:
        """The number of a document, from a row of a result that ends in the columns `selected`."""

    def under(self, index_name: str, places: Sequence[PathPlace], every: bool) -> ColumnElement[bool]:
        """The documents at any of the places, or with `every` at all of them."""
