"""Typed reading of values and relations, so that behaviours say what they expect of a field."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from objapi.model.behaviors import Entity, Planner
from objapi.model.types import Kind

SETTINGS_PATH: Final = "/bika_setup"
SERVICES_PATH: Final = "/bika_setup/bika_analysisservices"
CALCULATIONS_PATH: Final = "/bika_setup/bika_calculations"
_CALENDAR: Final = Decimal(10_000 * 366 * 24 * 60)
"""Minutes in ten thousand years."""
PRIORITIES_PATH: Final = "/bika_setup/bika_arpriorities"
CLIENTS_PATH: Final = "/clients"


def text(planner: Planner, entity: Entity, name: str) -> str:
    """The value as text, stripped of blanks; empty when the field has no value."""
    value = planner.value(entity, name)
    return "" if value is None else str(value).strip()


def named(planner: Planner, entities: Iterable[Entity], most: int = 5) -> str:
    """The paths of some objects for a message: of those that the user may see, the first few."""
    seen = [entity.path for entity in entities if planner.can(entity, "View")]
    more = f" and {len(seen) - most} more" if len(seen) > most else ""
    return ", ".join(seen[:most]) + more or "something that you may not see"


def flag(planner: Planner, entity: Entity, name: str) -> bool:
    """The value of a boolean field; false when it has no value."""
    return planner.value(entity, name) is True


def decimal(value: object) -> Decimal | None:
    """The number that a stored value spells, or None when it spells no finite one."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def moment(planner: Planner, entity: Entity, name: str) -> datetime | None:
    """The instant of a date field, with zone."""
    value = planner.value(entity, name)
    if isinstance(value, datetime):
        return value
    return datetime.fromisoformat(value) if isinstance(value, str) and value else None


def uids(planner: Planner, entity: Entity, name: str) -> list[str]:
    """The UIDs in a reference field, in order, whether it holds one or many."""
    return uid_list(planner.value(entity, name))


def uid_list(value: object) -> list[str]:
    """The UIDs in the stored form of a reference, in order."""
    if isinstance(value, str):
        return [value] if value else []
    if isinstance(value, Sequence):
        return [item for item in value if isinstance(item, str) and item]
    return []


def rows(planner: Planner, entity: Entity, name: str) -> list[dict[str, object]]:
    """The rows of a records field, as copies."""
    return row_list(planner.value(entity, name))


def row_list(value: object) -> list[dict[str, object]]:
    """The rows in the stored form of a records field, as copies."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return []
    return [dict(item) for item in value if isinstance(item, Mapping)]


def one(planner: Planner, entity: Entity, relation: str) -> Entity | None:
    """The first object of a relation, or None."""
    return next(iter(planner.related(entity, relation)), None)


def state(planner: Planner, entity: Entity, variable: str = "review_state") -> str:
    """The state in a workflow variable; empty when the object has no such variable."""
    return text(planner, entity, variable)


def is_active(planner: Planner, entity: Entity) -> bool:
    """Check that an object is neither cancelled nor inactive."""
    return state(planner, entity, "cancellation_state") != "cancelled" and not is_inactive(planner, entity)


def is_inactive(planner: Planner, entity: Entity) -> bool:
    """Check whether an object has been deactivated."""
    return state(planner, entity, "inactive_state") == "inactive"


def setting(planner: Planner, name: str) -> object:
    """A value of the site's settings; None when the site has no settings object."""
    settings = planner.at(SETTINGS_PATH)
    return None if settings is None else planner.value(settings, name)


def contents(planner: Planner, path: str, portal_type: str) -> Sequence[Entity]:
    """The objects of a type in the folder at a path; empty when the folder does not exist."""
    folder = planner.at(path)
    return () if folder is None else planner.related(folder, f"children({portal_type})")


def minutes(duration: object) -> int:
    """The minutes of a duration record (`days`, `hours`, `minutes`, as numbers or text); 0 when it is empty.

    None of the three counts for more than the whole calendar has, which is for ever already.
    """
    if not isinstance(duration, Mapping):
        return 0
    total = Decimal(0)
    for key, factor in (("days", 24 * 60), ("hours", 60), ("minutes", 1)):
        most = _CALENDAR // factor
        total += max(min(decimal(duration.get(key)) or Decimal(0), most), -most) * factor
    return int(total)


def stored_values(planner: Planner, entity: Entity, without: Collection[str]) -> dict[str, object]:
    """The stored values of an object's own fields, for a copy of it."""
    return {
        name: planner.value(entity, name)
        for name, field in entity.type.fields.items()
        if field.kind is not Kind.COMPUTED
        and field.alias_of is None
        and field.stored_on is None
        and name not in without
    }


def titles(planner: Planner, entities: Iterable[Entity]) -> str:
    """The titles of objects as one text for a message."""
    return ", ".join(text(planner, entity, "title") or entity.id for entity in entities)
