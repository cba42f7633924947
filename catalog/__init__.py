"""Catalogs: index kinds, query grammar, queries as SQL, and synchronised index tables.

The semantics are those of a Plone-style catalog. This package knows SQLAlchemy; it knows no HTTP and no entity types.
"""

from catalog.changing import (
    ColumnChange,
    documents_in,
    remove,
    replace_side,
    set_scope,
    set_visibility,
    truncate,
    update_columns,
    upsert,
)
from catalog.clauses import Clause, Query, SortKey
from catalog.comparison import differing
from catalog.conditions import QueryOptions
from catalog.counts import CountsChanged, fold_counts, is_counted, number_found, number_statement, recount
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
from catalog.query import (
    ORDER_PARAMETERS,
    ParsedLimits,
    ParsedQuery,
    ParsedSort,
    parse_limits,
    parse_query,
    parse_request,
    parse_sort,
)
from catalog.rows import IndexRow, insert, row_problems, side_digest
from catalog.schema import CatalogSchema, Index, IndexKind, ValueType
from catalog.shapes import shaped_rows
from catalog.statements import (
    Visibility,
    chunk_statement,
    count_statement,
    missing_sort_statement,
    page_statement,
    visibility,
    visible_condition,
)
from catalog.tables import CatalogTables, Searchable

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
    "ColumnChange",
    "CountsChanged",
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
    "Visibility",
    "chunk_statement",
    "count_statement",
    "differing",
    "documents_in",
    "fold_counts",
    "insert",
    "is_counted",
    "load_catalog",
    "missing_sort_statement",
    "number_found",
    "number_statement",
    "page_statement",
    "parse_date",
    "parse_limits",
    "parse_query",
    "parse_request",
    "parse_sort",
    "recount",
    "remove",
    "replace_side",
    "row_problems",
    "set_scope",
    "set_visibility",
    "shaped_rows",
    "side_digest",
    "truncate",
    "update_columns",
    "upsert",
    "visibility",
    "visible_condition",
]
