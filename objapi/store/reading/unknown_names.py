"""Advice on a name in a query that is no index: what is likely to be meant, and how that is written. Pure."""

from typing import Final

from catalog import CatalogSchema, QueryOptions
from catalog.operators import operators_of
from catalog.schema import OPTIONS
from workflows.declarations import suggestion

_OBJECTS: Final = frozenset({"obj_path", "obj_paths", "obj_uid", "uids", "f"})
"""Names by which other methods take objects."""


def advice_on_name(name: str, schema: CatalogSchema, options: QueryOptions) -> str:
    """A clause that goes on with the sentence that a name is no index; empty when nothing is near.

    An index with a word behind it has its options, or its operators, told: the spellings of the two differ.
    """
    if name in _OBJECTS:
        return "; criteria find an object by UID, or by path with all that is in it"
    for joint in (".", "_"):
        index_name, _, word = name.rpartition(joint)
        index = schema.indexes.get(index_name)
        if index is None:
            continue
        known = OPTIONS[index.kind]
        if word == "query" or word in known:
            return f"; as an option of {index_name} it is sent as {index_name}.{word}:record, or in a record in JSON"
        operators = operators_of(schema, index, options) if options.operators else ()
        if operators or known:
            return f"; {index_name} has {', '.join((*operators, *sorted(known)))}"
    return suggestion(name, schema.indexes)
