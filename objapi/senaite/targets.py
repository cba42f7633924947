"""Objects that the records of a writing request name, and whether this interface changes them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from objapi.errors import ApiError, BadRequest, Forbidden, NotFound
from objapi.senaite.call import SenaiteCall, named
from objapi.senaite.incoming import CONTROLS
from objapi.store.reading.loaded_records import ObjectRecord
from objapi.store.requests import ByUid, Selector
from objapi.store.transaction import Transaction

IDENTIFYING: Final = frozenset({"uid", "UID", "path", "parent_path", "parent_uid", "id", "version"})
"""Keys of a record that name the object."""


def records_of(call: SenaiteCall) -> list[dict[str, Any]]:
    """The records of a request: those of its list, or the one that it is. What the URL says holds for each."""
    sent = call.sent
    if sent.records is None:
        return [dict(sent.values)]
    shared = {name: value for name, value in sent.values.items() if name not in CONTROLS}
    return [{**record, **shared} for record in sent.records]


def targets_of(
    call: SenaiteCall, tx: Transaction, records: Sequence[Mapping[str, Any]]
) -> tuple[dict[int, ObjectRecord], dict[int, ApiError]]:
    """The objects that records name, and the errors of those that name none."""
    selectors: dict[int, Selector] = {}
    errors: dict[int, ApiError] = {}
    for place, record in enumerate(records):
        try:
            selector = call.by_uid(call.key) if call.key is not None else call.selector(record)
            if selector is None:
                message = "uid: the object is expected, as uid, as path, or as parent_path and id, or in the URL."
                raise BadRequest.of_parameter("uid", message)
            selectors[place] = selector
        except ApiError as error:
            errors[place] = error
    tx.records.by_uid(item.uid for item in selectors.values() if isinstance(item, ByUid))
    targets: dict[int, ObjectRecord] = {}
    for place, selector in selectors.items():
        found = call.found(tx, selector)
        if found is None:
            errors[place] = NotFound(f"There is no object {named(selector)}, or you may not see it.")
        else:
            targets[place] = found
    return targets, errors


def require_open(call: SenaiteCall, record: ObjectRecord, *, creating: bool = False) -> None:
    """Raise Forbidden for the site, for folders that the dialect closes and, of changes, for what is in the site."""
    below = f"/{record.path.strip('/').partition('/')[2]}"
    is_site = record.parent is None
    if is_site or below in call.vocabulary.dialect.closed_folders or (not creating and below.count("/") == 1):
        what = "Nothing is created directly in" if creating else "Nothing is changed of"
        raise Forbidden(f"{what} {record.path} by this interface.")


def require_type(call: SenaiteCall, target: ObjectRecord) -> None:
    """Raise NotFound for an object of another type than the one that the URL names."""
    if call.resource is not None and call.resource.portal_type != target.portal_type:
        raise NotFound(f"There is no {call.resource_name} {target.uid}, or you may not see it.")


def asked_names(call: SenaiteCall) -> dict[str, str]:
    """Type → the name by which the URL asks for it."""
    return {} if call.resource is None else {call.resource.portal_type: call.resource_name}
