"""Checks of records: what their keys name exists, and what they say can be read."""

from collections.abc import Mapping
from typing import Final

from objapi.model.behaviors import Behaviors, Entity, Planner
from objapi.profiles.lims.reading import decimal, one, row_list, rows, text
from objapi.profiles.lims.services import services_by_keyword

behaviors: Final = Behaviors()

_REFERENCES: Final = {"b": "blank", "c": "control"}
"""Type of a position in a worksheet template → what its reference samples are."""


@behaviors.add("check", "duration")
def duration(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """A duration, and each part of one that is a record, is not negative."""
    parts = {f"{field}.{name}": part for name, part in value.items()} if isinstance(value, Mapping) else {field: value}
    wrong = [
        f"{name}: {part} is negative"
        for name, part in parts.items()
        if (number := decimal(part)) is not None and number < 0
    ]
    return f"{'; '.join(wrong)}; a duration is 0 or more" if wrong else None


@behaviors.add("check", "ranges_of_services")
def ranges_of_services(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """Every range is for the keyword of a service."""
    known = services_by_keyword(planner)
    wrong = [str(row.get("keyword")) for row in row_list(value) if row.get("keyword") not in known]
    return f"no service has the keyword {', '.join(wrong)}" if wrong else None


@behaviors.add("check", "services_there")
def services_there(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """Every row that names a service, by its UID in `uid` or `service_uid`, names one that exists."""
    return _not_there(planner, value, "uid", "AnalysisService") or _not_there(
        planner, value, "service_uid", "AnalysisService"
    )


@behaviors.add("check", "sample_types_there")
def sample_types_there(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """Every row for a sample type names one that exists, by its UID."""
    return _not_there(planner, value, "sampletype", "SampleType")


@behaviors.add("check", "products_there")
def products_there(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """Every line of an order is for a product of the laboratory, by its UID."""
    return _not_there(planner, value, "Product", "LabProduct")


@behaviors.add("check", "positions_of_template")
def positions_of_template(planner: Planner, template: Entity, field: str, value: object) -> str | None:
    """Blanks and controls are of a reference definition, and a duplicate repeats a position of routine analyses."""
    layout = row_list(value)
    named = [str(row.get(f"{kind}_ref") or "") for row in layout for kind in _REFERENCES.values()]
    definitions = planner.by_uid(filter(None, named))
    routine = {str(row.get("pos")) for row in layout if row.get("type") == "a"}
    for row in layout:
        kind, where = _REFERENCES.get(str(row.get("type"))), f"position {row.get('pos')}"
        definition = definitions.get(str(row.get(f"{kind}_ref") or "")) if kind else None
        if kind and (definition is None or definition.portal_type != "ReferenceDefinition"):
            return f"{where}: {kind}_ref is the UID of a reference definition, of which the {kind} is"
        if row.get("type") == "d" and str(row.get("dup") or "") not in routine:
            return f"{where}: dup is the pos of routine analyses (type a) in this layout"
    return None


@behaviors.add("check", "prices_of_products")
def prices_of_products(planner: Planner, order: Entity, field: str, value: object) -> str | None:
    """The prices of an order are those of its products; the laboratory alone makes others."""
    lines = row_list(value)
    products = planner.by_uid(str(row.get("Product")) for row in lines)
    for row in lines:
        product = products.get(str(row.get("Product")))
        for name in ("Price", "VAT"):
            own = None if product is None else decimal(planner.value(product, name))
            if row.get(name) in (None, "") or product is None or decimal(row[name]) == own:
                continue
            if not planner.can(order, "BIKA: Edit Laboratory Fields"):
                return f"{name} of {text(planner, product, 'title')} is {own}; leave it out or order at that"
    return None


def _not_there(planner: Planner, value: object, subfield: str, portal_type: str) -> str | None:
    named = [str(row[subfield]) for row in row_list(value) if row.get(subfield)]
    found = planner.by_uid(named)
    wrong = [uid for uid in named if uid not in found or found[uid].portal_type != portal_type]
    return f"{subfield} is not the UID of a {portal_type}: {', '.join(wrong)}" if wrong else None


@behaviors.add("check", "error_values")
def error_values(planner: Planner, service: Entity, field: str, value: object) -> str | None:
    """Every uncertainty is a number, or one followed by a percent sign."""
    written = [str(row.get("errorvalue", "")).strip() for row in row_list(value)]
    wrong = [text for text in written if decimal(text.removesuffix("%")) is None]
    return f"errorvalue is a number such as 0.5 or 2%, not {', '.join(wrong)}" if wrong else None


@behaviors.add("check", "result_is_an_option")
def result_is_an_option(planner: Planner, analysis: Entity, field: str, value: object) -> str | None:
    """The result of a service with options is one of them."""
    service = one(planner, analysis, "service")
    options = (
        [] if service is None else [str(row.get("ResultValue")) for row in rows(planner, service, "ResultOptions")]
    )
    if not options or value in (None, ""):
        return None
    number = decimal(value)
    if str(value).strip() in options or (number is not None and number in [decimal(option) for option in options]):
        return None
    return f"{value} is not one of the options of its service: {', '.join(options)}"
