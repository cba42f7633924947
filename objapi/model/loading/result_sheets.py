"""Sheets of results from the declarations of all profiles: `result_sheets.yaml`, every name in it checked."""

from collections.abc import Mapping, Sequence
from typing import Final

from objapi.model.loading.declared_queries import QUERY_KEYS, QueryReader
from objapi.model.loading.merging import declared_in
from objapi.model.loading.profiles import Profile
from objapi.model.result_sheets import DetectionLimits, ResultChoices, ResultRange, ResultSheet, places_of_object
from objapi.model.types import EntityType, Kind
from workflows.declarations import DeclarationProblem, Section

FILE: Final = "result_sheets.yaml"
SHEET_KEYS: Final = (
    "extend", "title", "titles", "result", "inputs", "calculated", "range", "detection", "choices",
    *QUERY_KEYS,
)  # fmt: skip
RANGE_KEYS: Final = ("field", "low", "high")
DETECTION_KEYS: Final = ("reference", "lower", "upper")
CHOICES_KEYS: Final = ("reference", "field", "value", "text")
INPUT_PARTS: Final = ("keyword", "value")
"""Subfields that the records of inputs have to have."""
_EXAMPLE: Final = "0" * 32


def read_result_sheets(
    profiles: Sequence[Profile],
    queries: QueryReader,
    types: Mapping[str, EntityType],
    uid_catalog: str,
    problems: list[DeclarationProblem],
) -> dict[str, ResultSheet]:
    """The sheets by the type whose objects have them; a later profile extends, replaces or adds."""
    found = {}
    for name, item in declared_in(FILE, "sheet of results", profiles, problems, types.keys()).items():
        sheet = _sheet(name, Section(item.node, name, problems, SHEET_KEYS), queries, types, uid_catalog)
        if sheet is not None:
            found[name] = sheet
    return found


def _sheet(
    portal_type: str,
    section: Section,
    queries: QueryReader,
    types: Mapping[str, EntityType],
    uid_catalog: str,
) -> ResultSheet | None:
    query = queries.read(section, places_of_object("/", _EXAMPLE))
    if query is None:
        return None
    rows = [types[name] for name in query.types]
    _check_fields(section, rows)
    titles = section.section("titles")
    return ResultSheet(
        portal_type=portal_type,
        title=section.text("title", required=True),
        catalog=query.catalog,
        criteria=query.criteria,
        types=query.types,
        result=section.text("result", required=True),
        inputs=section.optional_text("inputs"),
        calculated=section.optional_text("calculated"),
        columns=query.columns,
        sort_on=query.sort_on,
        sort_order=query.sort_order,
        transitions=query.transitions,
        range=read_range(section, rows),
        detection=_detection(section, rows, types, uid_catalog),
        choices=_choices(section, rows, types, uid_catalog),
        titles={language: titles.text(language) for language in titles.names()},
    )


def _check_fields(section: Section, rows: Sequence[EntityType]) -> None:
    """What is entered is a field of every row, of a kind that can be typed into a cell."""
    if not rows:
        return
    shared = [name for name in rows[0].fields if all(name in row.fields for row in rows)]
    for key in ("result", "inputs", "calculated"):
        if section.has(key):
            section.choose(key, section.text(key), shared, "field of all these types")
    for row in rows:
        inputs = row.fields.get(section.text("inputs"))
        lacking = () if inputs is None else [part for part in INPUT_PARTS if part not in inputs.subfields]
        if lacking:
            section.note(f"its records have no {' and no '.join(lacking)}", "a field of such records", "inputs")
            return


def read_range(section: Section, rows: Sequence[EntityType]) -> ResultRange | None:
    """Where the objects of some types have the range of their values; None where nothing is declared."""
    if not section.has("range"):
        return None
    inner = section.section("range", RANGE_KEYS)
    for key in RANGE_KEYS:
        inner.text(key, required=True)
    # Controls and duplicates may have no range of their own: one of the types is enough.
    known = list(dict.fromkeys(name for row in rows for name in row.fields))
    if inner.has("field"):
        inner.choose("field", inner.text("field"), known, "field of these types")
    return ResultRange(inner.text("field"), inner.text("low"), inner.text("high"))


def _detection(
    section: Section, rows: Sequence[EntityType], types: Mapping[str, EntityType], uid_catalog: str
) -> DetectionLimits | None:
    inner, target = _referred(section, "detection", DETECTION_KEYS, rows, types)
    if inner is None:
        return None
    for key in ("lower", "upper"):
        if target is not None and inner.has(key):
            inner.choose(key, inner.text(key), list(target.fields), f"field of {target.portal_type}")
    return DetectionLimits(
        inner.text("reference"), inner.text("lower"), inner.text("upper"), _catalog_of(target, uid_catalog)
    )


def _choices(
    section: Section, rows: Sequence[EntityType], types: Mapping[str, EntityType], uid_catalog: str
) -> ResultChoices | None:
    inner, target = _referred(section, "choices", CHOICES_KEYS, rows, types)
    if inner is None:
        return None
    if target is not None and inner.has("field"):
        lists = [field.name for field in target.fields.values() if field.kind is Kind.RECORDS]
        if inner.choose("field", inner.text("field"), lists, f"field of records of {target.portal_type}"):
            parts = target.fields[inner.text("field")].subfields
            for key in ("value", "text"):
                if inner.has(key):
                    inner.choose(key, inner.text(key), list(parts), "subfield of these records")
    return ResultChoices(
        inner.text("reference"),
        inner.text("field"),
        inner.text("value"),
        inner.text("text"),
        _catalog_of(target, uid_catalog),
    )


def _referred(
    section: Section, key: str, keys: Sequence[str], rows: Sequence[EntityType], types: Mapping[str, EntityType]
) -> tuple[Section | None, EntityType | None]:
    """The section under a key and the type that its `reference` leads to; nothing where either is none."""
    if not section.has(key):
        return None, None
    inner = section.section(key, keys)
    for name in keys:
        inner.text(name, required=True)
    references = {
        field.name: field.targets for row in rows for field in row.fields.values() if field.kind is Kind.REFERENCE
    }
    reference = inner.text("reference")
    if not inner.has("reference") or not inner.choose("reference", reference, list(references), "reference"):
        return None, None
    return inner, types.get(next(iter(references[reference]), ""))


def _catalog_of(target: EntityType | None, uid_catalog: str) -> str:
    return (target.read_catalog if target is not None else None) or uid_catalog
