"""All behaviours that the declarations of the laboratory name."""

from typing import Final

from objapi.model.behaviors import Behaviors
from objapi.profiles.lims import (
    analyses,
    calculations,
    checks,
    dependencies,
    formulas,
    instruments,
    links,
    listings,
    money,
    people,
    record_checks,
    rejections,
    requests,
    results,
    retests,
    samples,
    services,
    settings,
    worksheet_templates,
    worksheets,
)

PARTS: Final = (
    analyses.behaviors,
    calculations.behaviors,
    checks.behaviors,
    dependencies.behaviors,
    formulas.behaviors,
    instruments.behaviors,
    links.behaviors,
    listings.behaviors,
    money.behaviors,
    people.behaviors,
    record_checks.behaviors,
    rejections.behaviors,
    requests.behaviors,
    results.behaviors,
    retests.behaviors,
    samples.behaviors,
    services.behaviors,
    settings.behaviors,
    worksheet_templates.behaviors,
    worksheets.behaviors,
)


def _all_of(parts: tuple[Behaviors, ...]) -> Behaviors:
    merged = Behaviors()
    for part in parts:
        merged = merged.merged(part)
    return merged


behaviors: Final = _all_of(PARTS)
