"""What a statement that reads may be made over: the tables of a catalog, or a table that is already there.

A query names indexes. `Searchable` says which column each of them is, in which order rows stand when nothing else tells
them apart, and how a row of the result becomes the number by which its document is known.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from catalog.clauses import PathPlace
from catalog.schema import CatalogSchema


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
        """What side tables know a row by."""

    @property
    def ties(self) -> tuple[ColumnElement[Any], ...]:
        """The columns that order rows with equal keys, no two rows being equal in them."""

    @property
    def selected(self) -> tuple[ColumnElement[Any], ...]:
        """The last of `ties`: those that tell a row from all others."""

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
