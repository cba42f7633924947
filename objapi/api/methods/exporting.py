"""`read` with `format`: what is found as a file, CSV, XLSX or NDJSON, streamed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from objapi.api.method import Export, MethodCall
from objapi.api.parameters import Controls
from objapi.errors import BadRequest, Cause, joined_messages
from objapi.sheets.export_columns import ExportColumns, columns_of
from objapi.sheets.exporting import (
    CSV_TYPE,
    NDJSON_TYPE,
    XLSX_TYPE,
    csv_chunks,
    ndjson_chunks,
    refuse_large_workbook,
    xlsx_chunks,
)
from objapi.store.reading.criteria import texts_in
from objapi.store.requests import Find
from objapi.store.transaction import Transaction

FORMATS: Final[Mapping[str, str]] = {"csv": CSV_TYPE, "xlsx": XLSX_TYPE, "ndjson": NDJSON_TYPE}
"""The formats of files, with their media types."""
_NO_FILE: Final = ("as_of", "count_only", "facets")
"""Parameters of a read whose answer has no rows."""
_PAGE: Final = frozenset({"page_nr", "page_size", "next"})


def format_of(controls: Controls) -> str | None:
    """The format of a file that a read asks for; None: an ordinary answer. Raises BadRequest for an unknown one."""
    asked = (controls.text("format") or "json").lower()
    if asked == "json":
        return None
    if asked not in FORMATS:
        raise BadRequest.of_parameter("format", f"format: {asked[:40]!r} is none of json, {', '.join(FORMATS)}.")
    return asked


def is_export(controls: Controls) -> bool:
    """True for a read that is answered by a file."""
    return (controls.text("format") or "").lower() in FORMATS


def export(call: MethodCall, tx: Transaction, find: Find, warnings: Sequence[str]) -> Export:
    """What a search finds as a file, all of it where no page is named. Raises BadRequest."""
    controls, kind = call.controls, format_of(call.controls) or ""
    refused = [name for name in _NO_FILE if name in controls.sent]
    if refused:
        causes = [
            Cause("parameter", name, f"{name}: its answer has no rows for a file; send it without format.")
            for name in refused
        ]
        raise BadRequest(joined_messages(cause.message for cause in causes), causes=causes)
    types = texts_in(find.criteria.get("portal_type"))
    if kind != "ndjson" and not (types or find.include_fields):
        message = "format: name the columns by include_fields, or the types whose fields they are by portal_type."
        raise BadRequest.of_parameter("format", message)
    columns = columns_of(tx.registry, types, find.include_fields or (), find.expand, find.include_methods)
    if columns.unknown and find.strict:
        raise BadRequest.of_parameter("include_fields", joined_messages(columns.unknown))
    streamed = tx.stream(_widened(find, columns, controls, whole=kind == "ndjson" and not find.include_fields))
    told = (*warnings, *(f"{text}; it was ignored." for text in columns.unknown), *streamed.warnings)
    if kind == "xlsx":
        refuse_large_workbook(streamed.count, columns)
    name = types[0] if len(types) == 1 else "objects"
    chunks = _written(call, kind, columns, streamed.chunks, name, told)
    close = getattr(streamed.chunks, "close", _nothing)
    return Export(FORMATS[kind], f"{name}.{kind}", chunks, close, streamed.total, told)


def _nothing() -> None:
    """Do nothing: an iterator without `close` needs none."""


def _widened(find: Find, columns: ExportColumns, controls: Controls, *, whole: bool) -> Find:
    """The search with all columns of the file among its fields, and without a page where none is named."""
    size = find.size if _PAGE & controls.sent else 0
    include = None if whole else columns.names
    return replace(find, size=size, include_fields=include, transitions="transitions" in columns.names)


def _written(
    call: MethodCall, kind: str, columns: ExportColumns, chunks: Iterator[bytes], title: str, warnings: Sequence[str]
) -> Iterator[bytes]:
    zone = call.settings.timezone
    if kind == "ndjson":
        return ndjson_chunks(chunks)
    if kind == "csv":
        return csv_chunks(columns, chunks, zone)
    return xlsx_chunks(columns, chunks, zone, title, warnings)
