"""Names that mean something of their own in requests and answers, and so cannot be names of fields or indexes."""

from typing import Final

_OF_SEARCHES: Final = (
    "catalog_name",
    "limit",
    "sort_on",
    "sort_order",
    "sort_limit",
    "b_start",
    "b_size",
    "include_fields",
    "include_methods",
    "page_nr",
    "page_size",
    "_authenticator",
    "strict",
    "warnings",
    "expand",
    "references",
    "next",
)
_OF_READ_ALONE: Final = ("facets", "count_only", "authenticator", "as_of", "format")

READ_PARAMETERS: Final = (*_OF_SEARCHES, *_OF_READ_ALONE)
"""Control parameters of a read: an index of such a name could never be asked for."""

RESERVED_NAMES: Final = (
    *_OF_SEARCHES,
    "obj_path",
    "obj_type",
    "obj_id",
    "obj_uid",
    "UID",
    "input_values",
    "partial",
    "dry_run",
    "version",
    "action",
    "comment",
    "uids",
    "obj_paths",
    "f",
    "uid",
    "roles",
    "break_references",
    "since",
    "format",
    "_",
    "__ac_name",
    "__ac_password",
    "pwd_empty",
    "submit",
    "debug_mode",
    "came_from",
)
"""Control parameters of all methods, and leavings of forms that are dropped: no field of such a name can be written."""

INTRINSIC_NAMES: Final = (
    "id",
    "uid",
    "title",
    "path",
    "portal_type",
    "type_title",
    "creator",
    "created",
    "modified",
    "sortable_title",
    "searchable_text",
    "is_folderish",
    "position",
    "folded_state",
)
"""Names that every object has beside its fields; of these only `title` may also be declared as a field."""
