"""Routes that answer objects: lists of one type, searches over all, and single records."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote_plus

from flask import request

from objapi.errors import NotFound
from objapi.senaite.call import SenaiteCall, named
from objapi.store.transaction import Transaction


def list_objects(call: SenaiteCall, tx: Transaction) -> Mapping[str, Any]:
    """A batch of the objects that criteria find, of one type where the URL names it."""
    search = call.searches().read(call.sent, call.resource_name or None)
    found = tx.records.find(search.find)
    wanted = replace(call.wanted(), catalog=search.catalog, names=search.names)
    # Beyond the end there is nothing: the original answers its last page again, and who counts items never stops.
    items = call.items(tx).made(found.records, wanted)
    answer = batch(call, items, found.total, search.start, search.size)
    warnings = [*search.warnings, *(_warning(text) for text in found.warnings)]
    return {**answer, "warnings": warnings} if warnings else answer


def _warning(text: str) -> dict[str, str]:
    parameter, _, message = text.partition(": ")
    return {"parameter": parameter, "message": message or text}


def batch(call: SenaiteCall, items: list[dict[str, Any]], total: int, start: int, size: int) -> dict[str, Any]:
    """The envelope of a list; `total` is the number of all that was found."""
    return {
        "count": total,
        "pagesize": size,
        "items": items,
        "page": start // size + 1,
        "pages": max(-(-total // size), 1),
        "next": _page_url(call, start + size) if start + size < total else None,
        "previous": _page_url(call, max(start - size, 0)) if start > 0 else None,
    }


def _page_url(call: SenaiteCall, start: int) -> str:
    """The URL of another batch, with all the parameters of the request as they were encoded."""
    parts = (part for part in request.query_string.decode("latin-1").split("&") if part)
    kept = [part for part in parts if unquote_plus(part.partition("=")[0]) != "b_start"]
    return f"{call.url}?{'&'.join([*kept, f'b_start={start}'])}"


def show_object(call: SenaiteCall, tx: Transaction) -> Mapping[str, Any]:
    """One object, flat."""
    return _one(call, tx)


def show_in_batch(call: SenaiteCall, tx: Transaction) -> Mapping[str, Any]:
    """One object of the type that the URL names, as a batch of one."""
    return batch(call, [_one(call, tx)], 1, 0, 1)


def _one(call: SenaiteCall, tx: Transaction) -> dict[str, Any]:
    selector = call.by_uid(call.key or "")
    record = call.record_of(tx, selector)
    if call.resource is not None and record.portal_type != call.resource.portal_type:
        raise NotFound(f"There is no {call.resource_name} {named(selector)}, or you may not see it.")
    return call.items(tx).made([record], call.wanted(complete=True, single=True))[0]
