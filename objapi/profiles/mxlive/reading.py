"""Typed reading of values and relations, so that behaviours say what they expect of a field."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation

from objapi.model.behaviors import Entity, Planner


def text(planner: Planner, entity: Entity, name: str) -> str:
    """The value as text; empty when the field has no value."""
    value = planner.value(entity, name)
    return "" if value is None else str(value)


def moment(planner: Planner, entity: Entity, name: str) -> datetime | None:
    """The instant of a date field, with zone."""
    value = planner.value(entity, name)
    return datetime.fromisoformat(value) if isinstance(value, str) and value else None


def decimal(planner: Planner, entity: Entity, name: str) -> Decimal:
    """The number in a field; 0 when it has no value."""
    value = planner.value(entity, name)
    try:
        return Decimal(str(value)) if value is not None else Decimal(0)
    except InvalidOperation:
        return Decimal(0)


def target(planner: Planner, entity: Entity, field: str) -> Entity | None:
    """The UID that a single-valued reference names, or None."""
    value = planner.value(entity, field)
    return planner.by_uid([value]).get(value) if isinstance(value, str) and value else None


def uids(planner: Planner, entity: Entity, field: str) -> Sequence[str]:
    """The UIDs in a reference field, in order, whether it holds one or many."""
    value = planner.value(entity, field)
    if isinstance(value, str):
        return (value,) if value else ()
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else ()


def one(planner: Planner, entity: Entity, relation: str) -> Entity | None:
    """The first object of a relation, or None."""
    return next(iter(planner.related(entity, relation)), None)
