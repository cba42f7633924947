"""Objects that are here beside those of the other laboratory, which has none of the kind: their items are made up."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from objapi.model.dialects import Companion, Dialect, DialectType
from objapi.model.registry import Registry
from objapi.pull.spool import Spool

_REVIEW_STATE: Final = "review_state"
_SHARED: Final = ("created", "modified", "author", "creators")
_BATCH: Final = 500


def add_companions(spool: Spool, registry: Registry, dialect: Dialect | None) -> None:
    """Put the companions of all objects into the spool that have none there."""
    types = {} if dialect is None else dialect.types
    declared = {
        name: (known, companion)
        for known in types.values()
        for companion in known.companions
        if not companion.of_container
        for name in known.names
    }
    made: list[tuple[str, str, Mapping[str, Any]]] = []
    last = spool.count()
    for number, item in spool.documents():
        if number > last:
            break
        known, companion = declared.get(str(item.get("portal_type")), (None, None))
        if known is not None and companion is not None and companion.reference not in item:
            made.extend(
                (made_up["uid"], made_up["portal_type"], made_up) for made_up in _made(registry, known, companion, item)
            )
    for start in range(0, len(made), _BATCH):
        spool.add(made[start : start + _BATCH], {})


def _made(
    registry: Registry, known: DialectType, companion: Companion, item: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """The companion of an item, and what is in it."""
    uid, path = item.get("uid"), item.get("path")
    if not isinstance(uid, str) or not isinstance(path, str) or "/" not in path:
        return
    above, _, own_id = path.rpartition("/")
    own = _item(registry, companion, item, companion.portal_type, f"{above}/{companion.id.replace('{id}', own_id)}")
    names = registry.types[companion.portal_type].fields
    their = {meant.field: name for name, meant in known.fields.items() if name in item}
    for name in names:
        if name in item or name in their:
            own.setdefault(name, item[their.get(name, name)])
    yield own
    for portal_type, form in companion.contains.items():
        inner_id = form.replace("{id}", own["id"])
        yield _item(registry, companion, item, portal_type, f"{own['path']}/{inner_id}")


def _item(
    registry: Registry, companion: Companion, item: Mapping[str, Any], portal_type: str, path: str
) -> dict[str, Any]:
    state = item.get(_REVIEW_STATE)
    known = {
        name
        for workflow in registry.chain(portal_type)
        if workflow.state_variable == _REVIEW_STATE
        for name in workflow.states
    }
    own_id = path.rpartition("/")[2]
    return {
        **{name: item[name] for name in _SHARED if name in item},
        "uid": companion_uid(str(item.get("uid")), portal_type),
        "id": own_id,
        "portal_type": portal_type,
        "path": path,
        _REVIEW_STATE: state if state in known else companion.state,
    }


def companion_uid(uid: str, portal_type: str) -> str:
    """The UID of the companion of a type: the same whenever an object is pulled."""
    return hashlib.sha256(f"{uid.lower()} {portal_type}".encode()).hexdigest()[:32]


def companion_references(
    companions: tuple[Companion, ...], item: Mapping[str, Any], uid: str
) -> dict[str, tuple[str, ...]]:
    """Reference field → companion, of an item whose own laboratory knows no such field."""
    found: dict[str, tuple[str, ...]] = {}
    for companion in companions:
        beside = item.get("parent_uid") if companion.of_container else uid
        if companion.reference not in item and isinstance(beside, str):
            found[companion.reference] = (companion_uid(beside, companion.portal_type),)
    return found
