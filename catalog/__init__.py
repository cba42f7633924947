"""Catalogs: index kinds, query grammar, queries as SQL, and index tables kept in step.

The semantics are those of a Plone-style catalog. This package knows SQLAlchemy; it knows no HTTP and no entity types.
"""

from catalog.clauses import Clause, Query, SortKey
from catalog.dates import parse_date
from catalog.declare import load_catalog
from catalog.errors import (
    BulkWarning,
    CatalogDeclarationError,
    CatalogError,
    DateSyntaxError,
    QueryError,
    QueryProblem,
    TextSyntaxError,
)
from catalog.kinds import Index, IndexKind, ValueType
from catalog.options import QueryOptions
from catalog.page import chunk_statement, count_statement, missing_sort_statement, page_statement, visibility
from catalog.query import ORDER_PARAMETERS, ParsedQuery, parse_query, parse_request
from catalog.rows import IndexRow, row_problems, side_digest
from catalog.schema import CatalogSchema
from catalog.searchable import Searchable
from catalog.sorting import ParsedLimits, ParsedSort, parse_limits, parse_sort
from catalog.tables import CatalogTables
from catalog.writer import remove, set_visibility, truncate, upsert

DeclarationError = CatalogDeclarationError
"""The short name of `CatalogDeclarationError`, for users of this package alone."""

__all__ = [
    "ORDER_PARAMETERS",
    "BulkWarning",
    "CatalogDeclarationError",
    "CatalogError",
    "CatalogSchema",
    "CatalogTables",
    "Clause",
    "DateSyntaxError",
    "DeclarationError",
    "Index",
    "IndexKind",
    "IndexRow",
    "ParsedLimits",
    "ParsedQuery",
    "ParsedSort",
    "Query",
    "QueryError",
    "QueryOptions",
    "QueryProblem",
    "Searchable",
    "SortKey",
    "TextSyntaxError",
    "ValueType",
    "chunk_statement",
    "count_statement",
    "load_catalog",
    "missing_sort_statement",
    "page_statement",
    "parse_date",
    "parse_limits",
    "parse_query",
    "parse_request",
    "parse_sort",
    "remove",
    "row_problems",
    "set_visibility",
    "side_digest",
    "truncate",
    "upsert",
    "visibility",
]
