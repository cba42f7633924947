"""Everything in which SQLite and the MySQL family (MariaDB, MySQL 8) differ.

Column types, engines, transactions, bulk statements, changes to tables, and what an error means. Nothing else in the
project asks which database it is on.
"""

from catalog.dialect.bulk import (
    add_up,
    among,
    bulk_update,
    insert_ignore,
    insert_rows,
    insert_tuples,
    upsert_rows,
    upsert_tuples,
)
from catalog.dialect.changes import (
    add_keys,
    column_names,
    drop_keys,
    is_same_type,
    make_table,
    put_columns,
    require_table_rights,
    spare_keys,
)
from catalog.dialect.database_use import DATABASE_USE
from catalog.dialect.drivers import Driver, DriverMissing, chosen_driver
from catalog.dialect.engines import (
    begin_write,
    create_engine_for,
    for_update,
    is_mysql_family,
    sorts_before_joining,
    transaction,
)
from catalog.dialect.failures import DatabaseFault, database_message, fault_of, is_retryable, is_unavailable
from catalog.dialect.letters import fold, folded, has_case, like_ignores_case
from catalog.dialect.prepared import PreparedSelect
from catalog.dialect.read_only import is_read_only
from catalog.dialect.row_tests import counts_by_sets, distinct_values, has_row, in_join_order, unkeyed
from catalog.dialect.types import (
    TABLE_OPTIONS,
    AsciiText,
    BinaryText,
    ExactDecimal,
    LongText,
    ascii_key,
    big_integer,
    big_key,
    decimal_of_sortable,
    exact_decimal,
    long_bytes,
    long_text,
    small_integer,
    sortable_decimal,
    text_key,
)

__all__ = [
    "DATABASE_USE",
    "TABLE_OPTIONS",
    "AsciiText",
    "BinaryText",
    "DatabaseFault",
    "Driver",
    "DriverMissing",
    "ExactDecimal",
    "LongText",
    "PreparedSelect",
    "add_keys",
    "add_up",
    "among",
    "ascii_key",
    "begin_write",
    "big_integer",
    "big_key",
    "bulk_update",
    "chosen_driver",
    "column_names",
    "counts_by_sets",
    "create_engine_for",
    "database_message",
    "decimal_of_sortable",
    "distinct_values",
    "drop_keys",
    "exact_decimal",
    "fault_of",
    "fold",
    "folded",
    "for_update",
    "has_case",
    "has_row",
    "in_join_order",
    "insert_ignore",
    "insert_rows",
    "insert_tuples",
    "is_mysql_family",
    "is_read_only",
    "is_retryable",
    "is_same_type",
    "is_unavailable",
    "like_ignores_case",
    "long_bytes",
    "long_text",
    "make_table",
    "put_columns",
    "require_table_rights",
    "small_integer",
    "sortable_decimal",
    "sorts_before_joining",
    "spare_keys",
    "text_key",
    "transaction",
    "unkeyed",
    "upsert_rows",
    "upsert_tuples",
]
