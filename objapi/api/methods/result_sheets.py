"""The method `result_sheet`: which results of an object are entered side by side, and by what they are judged."""

from typing import Final

from objapi.api.answer_schemas import RECORD, TEXT, TEXT_OR_NULL, TEXTS, list_of, record
from objapi.api.method import Json, Method, MethodCall
from objapi.api.methods.reading import OBJECT, selected
from objapi.api.methods.worklists import described_columns
from objapi.api.parameters import LANGUAGE
from objapi.errors import NotFound
from objapi.http.access import API
from objapi.model.result_sheets import ResultSheet
from objapi.model.types import Kind
from objapi.security.needs import Need
from objapi.store.transaction import EntityRecord, Transaction

_OF_EVERY_ROW: Final = ("UID", "id", "path", "portal_type", "title", "version")


def result_sheet(call: MethodCall, tx: Transaction) -> Json:
    """The sheet of results that the profile declares for the type of an object, with the `query` of its rows.

    The query is sent to `read` as it stands. `range` and `detection` say where a row has the limits of its result,
    `choices` where the results are listed that it may have.
    """
    found = tx.entity(selected(call, tx))
    declared = tx.registry.result_sheets.get(found.portal_type)
    if declared is None:
        raise NotFound(f"The profile declares no sheet of results for {found.portal_type}.")
    return call.with_warnings({"sheet": _described(tx, declared, found, call.controls.text("language"))})


def _described(tx: Transaction, sheet: ResultSheet, found: EntityRecord, language: str | None) -> Json:
    labels = tx.registry.labels(language)
    columns = list(described_columns(tx.registry, sheet.columns, sheet.types, labels))
    (result,) = described_columns(tx.registry, (sheet.result,), sheet.types, labels)
    return {
        "UID": found.uid,
        "id": found.id,
        "path": found.path,
        "title": sheet.title,
        "titles": dict(sheet.titles),
        "types": list(sheet.types),
        "query": _query(sheet, found, [str(item["name"]) for item in columns if item.get("kind") == _REFERENCE]),
        "columns": columns,
        "result": result,
        "inputs": sheet.inputs,
        "calculated": sheet.calculated,
        "range": _range(sheet),
        "detection": _detection(sheet),
        "choices": _choices(sheet),
        "transitions": list(sheet.transitions),
    }


_REFERENCE: Final = Kind.REFERENCE.value


def _query(sheet: ResultSheet, found: EntityRecord, references: list[str]) -> Json:
    more = (sheet.result, sheet.inputs, sheet.calculated, *sheet.columns)
    fields = [*_OF_EVERY_ROW, *(name for name in more if name is not None)]
    if sheet.range is not None:
        fields.append(sheet.range.field)
    fields.extend(item.reference for item in (sheet.detection, sheet.choices) if item is not None)
    query: dict[str, object] = {
        **sheet.criteria_of(found.path, found.uid),
        "catalog_name": sheet.catalog,
        "include_fields": list(dict.fromkeys(fields)),
    }
    if references:
        query["expand"] = references
    if sheet.sort_on:
        query["sort_on"] = list(sheet.sort_on)
    if sheet.sort_order:
        query["sort_order"] = sheet.sort_order
    return query


def _range(sheet: ResultSheet) -> Json | None:
    declared = sheet.range
    return None if declared is None else {"field": declared.field, "low": declared.low, "high": declared.high}


def _detection(sheet: ResultSheet) -> Json | None:
    declared = sheet.detection
    if declared is None:
        return None
    return {
        "reference": declared.reference,
        "lower": declared.lower,
        "upper": declared.upper,
        "catalog_name": declared.catalog,
    }


def _choices(sheet: ResultSheet) -> Json | None:
    declared = sheet.choices
    if declared is None:
        return None
    return {
        "reference": declared.reference,
        "field": declared.field,
        "value": declared.value,
        "text": declared.text,
        "catalog_name": declared.catalog,
    }


RESULT_SHEETS: Final = (
    Method(
        name="result_sheet",
        access=API,
        needs=(Need.VIEW,),
        controls=(*OBJECT, LANGUAGE),
        answer={
            "sheet": record(
                UID=TEXT,
                id=TEXT,
                path=TEXT,
                title=TEXT,
                titles=RECORD,
                types=TEXTS,
                query=RECORD,
                columns=list_of(record(name=TEXT, title=TEXT)),
                result=record(name=TEXT, title=TEXT),
                inputs=TEXT_OR_NULL,
                calculated=TEXT_OR_NULL,
                transitions=TEXTS,
            )
        },
        run=result_sheet,
    ),
)
