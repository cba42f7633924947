"""Records that are known by one of their subfields: what is sent for some is laid over what is there for all."""

from collections.abc import Mapping, Sequence

from objapi.model.types import Field
from objapi.model.values import ValueProblem, shown


def merge_records(field: Field, there: object, sent: object) -> list[dict[str, object]]:
    """The records with the values sent for some of them, which name theirs by the subfield `merge_by`.

    Raises ValueProblem for a record that is not there, and for a value that may not be empty.
    """
    by = str(field.merge_by)
    merged = {str(row.get(by)): row for row in _rows(there)}
    for row in _rows(sent):
        name = str(row.get(by))
        if name not in merged:
            known = f"there are {', '.join(merged)}" if merged else "there are none here"
            raise ValueProblem(f"no record has the {by} {shown(name)}; {known}")
        merged[name] = {**merged[name], **row}
    for name, row in merged.items():
        missing = [subfield for subfield in field.required_subfields if row.get(subfield) in (None, "")]
        if missing:
            raise ValueProblem(f"the record {name} lacks {', '.join(missing)}")
    return list(merged.values())


def _rows(stored: object) -> list[dict[str, object]]:
    if not isinstance(stored, Sequence) or isinstance(stored, str):
        return []
    return [dict(row) for row in stored if isinstance(row, Mapping)]
