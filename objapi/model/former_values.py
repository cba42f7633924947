"""Taking changes back: from an object as it is, and what has changed it since, to the object as it was. Pure.

The history says of each change the old and the new value. So what an object was at an instant follows from what it is,
by taking back, newest first, all that came after; a removed object begins with what its removal stored.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final

CREATE: Final = "create"
UPDATE: Final = "update"
TRANSITION: Final = "transition"
RENAME: Final = "rename"
REMOVE: Final = "remove"
OBJECT_EVENTS: Final = (CREATE, UPDATE, TRANSITION, RENAME, REMOVE)
"""The kinds of entries that change an object; others are about users and their roles."""

_NOTHING: Final[Mapping[str, object]] = {}


@dataclass(frozen=True, slots=True)
class PastChange:
    """One entry of the history of an object."""

    event: str
    changes: Mapping[str, Sequence[object]]
    """Name → old and new value."""
    version: int | None = None
    """The version of the object afterwards; None where none was noted."""
    path: str = ""
    """The path afterwards; of a removal the last one."""
    former: Mapping[str, object] = field(default_factory=dict)
    """What a removal or a move keeps beside the changes, see `history_entries`."""


@dataclass(frozen=True, slots=True)
class ObjectState:
    """What the history tells of an object at one instant."""

    values: Mapping[str, object]
    """Field → stored value; one without value may be left out."""
    variables: Mapping[str, object]
    """Workflow variable → state; of a workflow that was never entered none."""
    id: str
    path: str
    parent: int | None
    """Row number of the container; None: it has none, or which it was is not known."""
    version: int | None
    """None: it is not known."""
    states_known: bool = True
    """False: of a workflow without a state here nothing is known."""


def taken_back(state: ObjectState | None, changes: Iterable[PastChange]) -> ObjectState | None:
    """The object before some changes, which are given newest first; None: it was not there."""
    for change in changes:
        if change.event == REMOVE:
            state = _before_removal(change)
        elif state is not None:
            state = _before(state, change)
    return state


def _before(state: ObjectState, change: PastChange) -> ObjectState | None:
    version = None if change.version is None else change.version - 1
    old = {name: pair[0] for name, pair in change.changes.items()}
    match change.event:
        case "create":
            return None
        case "update":
            return replace(state, values={**state.values, **old}, version=version)
        case "transition":
            variables = {name: value for name, value in {**state.variables, **old}.items() if value is not None}
            return replace(state, variables=variables, version=version)
        case "rename":
            return _before_renaming(state, change, version)
    return state


def _before_renaming(state: ObjectState, change: PastChange, version: int | None) -> ObjectState:
    path = str(change.changes["path"][0]) if "path" in change.changes else state.path
    former_id = str(change.changes["id"][0]) if "id" in change.changes else state.id
    parent = state.parent
    if _container(path) != _container(change.path):
        # Entries of former versions do not say which container it was; then the path alone tells where it was.
        found = change.former.get("parent")
        parent = found if isinstance(found, int) else None
    return replace(state, id=former_id, path=path, parent=parent, version=version)


def _before_removal(change: PastChange) -> ObjectState:
    parent, states = change.former.get("parent"), change.former.get("states")
    return ObjectState(
        values={name: pair[0] for name, pair in change.changes.items()},
        variables=states_in(states if isinstance(states, dict) else _NOTHING),
        id=change.path.rpartition("/")[2],
        path=change.path,
        parent=parent if isinstance(parent, int) else None,
        version=None if change.version is None else change.version - 1,
        states_known=isinstance(states, dict),
    )


def states_in(stored: Mapping[str, object]) -> dict[str, object]:
    """Workflow variable → value, of a stored document of workflow statuses; the first workflow wins a name."""
    found: dict[str, object] = {}
    for entry in stored.values():
        status = entry.get("status") if isinstance(entry, dict) else None
        for name, value in status.items() if isinstance(status, dict) else ():
            found.setdefault(name, value)
    return found


def _container(path: str) -> str:
    return path.rpartition("/")[0]


def changed_elsewhere(state: ObjectState | None, changes: Sequence[PastChange]) -> tuple[str, ...]:
    """The fields whose present value is not the one that the last entry about them gave; `changes` newest first.

    A field of the empty name stands for the object itself, where that it is there or not is news. Without entries
    nothing is known, and nothing differs.
    """
    if not changes:
        return ()
    if state is None or changes[0].event == REMOVE:
        return () if (state is None) == (changes[0].event == REMOVE) else ("",)
    last: dict[str, object] = {}
    for change in changes:
        if change.event == REMOVE:
            break
        if change.event in (CREATE, UPDATE):
            for name, pair in change.changes.items():
                last.setdefault(name, pair[1])
    return tuple(name for name, value in last.items() if not same_value(state.values.get(name), value))


def same_value(one: object, other: object) -> bool:
    """True for values that say the same, however a column spells it: numbers, instants, and no value at all."""
    if one == other or (one in _EMPTY and other in _EMPTY):
        return True
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_value, one, other))
    number, instant = _number(one), _instant(one)
    if number is not None:
        return number == _number(other)
    return instant is not None and instant == _instant(other)


_EMPTY: Final[tuple[object, ...]] = (None, "", [], {})


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def _instant(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None
