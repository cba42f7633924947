"""Checks of single values, as the declarations name them."""

import re
from typing import Final

from objapi.model.behaviors import Behaviors, Entity, Planner
from objapi.profiles.lims.reading import (
    CALCULATIONS_PATH,
    contents,
    flag,
    named,
    one,
    rows,
    text,
    titles,
    uids,
)

behaviors: Final = Behaviors()

_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9_-]+")
_EMAIL: Final = re.compile(
    r"[^\s@,;:<>\"()\[\]\\]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]*[A-Za-z0-9])+"
)


@behaviors.add("check", "identifier_chars")
def identifier_chars(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """Letters, digits, hyphens and underscores only."""
    if not value or _IDENTIFIER.fullmatch(str(value)):
        return None
    return "only letters, digits, '-' and '_' can stand here"


@behaviors.add("check", "email")
def email(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """An address of the form name@host.domain."""
    if not value or _EMAIL.fullmatch(str(value)):
        return None
    return "this is not an e-mail address; write name@host.domain"


@behaviors.add("check", "unique_among_siblings")
def unique_among_siblings(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """No other object of the type in the container has the value."""
    container = one(planner, entity, "parent")
    if not value or container is None:
        return None
    wanted = str(value).strip()
    for sibling in planner.related(container, f"children({entity.portal_type})"):
        if sibling.uid != entity.uid and text(planner, sibling, field) == wanted:
            return f"{named(planner, [sibling])} has the same value already; choose another"
    return None


@behaviors.add("check", "service_keyword")
def service_keyword(planner: Planner, service: Entity, field: str, value: object) -> str | None:
    """A keyword, the natural key of its service, is no interim value of another calculation."""
    wrong = identifier_chars(planner, service, field, value)
    if wrong or not value:
        return wrong
    own = text(planner, service, "CalculationUID")
    for calculation in contents(planner, CALCULATIONS_PATH, "Calculation"):
        if calculation.uid != own and value in interim_keywords(planner, calculation):
            return (
                f"{value} is an interim value of the calculation {text(planner, calculation, 'title')}; choose another"
            )
    return None


def interim_keywords(planner: Planner, entity: Entity) -> set[str]:
    """The keywords of the interim values that an object declares."""
    return {str(row["keyword"]) for row in rows(planner, entity, "InterimFields") if row.get("keyword")}


@behaviors.add("check", "restricted_categories_ok")
def restricted_categories_ok(planner: Planner, client: Entity, field: str, value: object) -> str | None:
    """A client whose categories are restricted has no default outside the restriction."""
    restricted = set(uids(planner, client, "RestrictedCategories"))
    outside = [uid for uid in uids(planner, client, "DefaultCategories") if uid not in restricted]
    if not restricted or not outside:
        return None
    foreign = titles(planner, planner.by_uid(outside).values())
    return f"default categories must be among the restricted ones, and these are not: {foreign}"


@behaviors.add("check", "preserved_needs_preservation")
def preserved_needs_preservation(planner: Planner, container: Entity, field: str, value: object) -> str | None:
    """A container that comes with its preservation names it."""
    if not flag(planner, container, "PrePreserved") or planner.value(container, "Preservation"):
        return None
    return "a pre-preserved container names its preservation; set Preservation, too"


@behaviors.add("check", "bank_number")
def bank_number(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """A Portuguese NIB: 21 digits that leave 1 when divided by 97 (as its IBAN's check, ISO 7064)."""
    digits = re.sub(r"[\s.-]", "", str(value or ""))
    if not digits or (re.fullmatch(r"[0-9]{21}", digits) and int(digits) % 97 == 1):
        return None
    return "this is not a NIB: 21 digits with right check digits are expected"


@behaviors.add("check", "iban")
def iban(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """An IBAN (ISO 13616): two letters, two check digits, up to 30 letters and digits; remainder 1 modulo 97."""
    plain = re.sub(r"\s", "", str(value or "")).upper()
    if not plain:
        return None
    if re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", plain):
        turned = plain[4:] + plain[:4]
        if int("".join(str(int(character, 36)) for character in turned)) % 97 == 1:
            return None
    return "this is not an IBAN: the country's letters, check digits and account must fit together"
