"""Local roles that users lose with the object that stands for them: it is removed or moved, or names another user.

Roles are given by an act of their own; they end with the link, whoever ends it and by whatever road.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from sqlalchemy import Connection, delete, select, tuple_

from objapi.store.records import chunks
from objapi.store.requests import AccessEvent, Change, FieldChange
from objapi.store.schema import local_roles
from objapi.store.writing.draft import Draft
from objapi.store.writing.planner import StorePlanner

_Holder = tuple[int, str]
"""Row number of an object, and the user who has local roles on it."""


def withdrawn_roles(planner: StorePlanner, persons: Iterable[Draft]) -> tuple[AccessEvent, ...]:
    """Find the local roles that end with changes and removals: an event for each user and object, in order of paths.

    Costs nothing unless somebody who can log in is removed or another one named; else two statements and one for each
    type of persons.
    """
    with planner.workspace.without_locks():
        return _withdrawn(planner, persons)


def _withdrawn(planner: StorePlanner, persons: Iterable[Draft]) -> tuple[AccessEvent, ...]:
    containers: dict[int, Draft] = {}
    ended: defaultdict[_Holder, set[str]] = defaultdict(set)
    for draft, user_id in _unlinked(persons):
        container = _former_container(planner, draft)
        if container is not None and not container.removed and draft.type.login is not None:
            containers[container.rid] = container
            ended[container.rid, user_id].update(draft.type.login.local_roles)
    if not ended:
        return ()
    for holder, roles in _still_held(planner, containers.values()):
        ended[holder] -= roles
    held = held_roles(planner.context.connection, ended)
    events = []
    for (rid, user_id), roles in ended.items():
        former = held.get((rid, user_id), set())
        if former & roles:
            names = ({user_id: sorted(former)}, {user_id: sorted(former - roles)})
            place = containers[rid]
            events.append(AccessEvent("revoke", rid, place.uid, place.path, place.portal_type, {"local_roles": names}))
    return tuple(sorted(events, key=lambda event: event.path))


def _unlinked(persons: Iterable[Draft]) -> Iterator[tuple[Draft, str]]:
    for draft in persons:
        login = draft.type.login
        if login is None or not login.local_roles:
            continue
        now = draft.data.get(login.field)
        former = draft.changed.get(login.field, now)
        if former and (draft.removed or former != now or _has_left(draft)):
            yield draft, str(former)


def _has_left(draft: Draft) -> bool:
    return draft.record is not None and draft.record.parent != draft.parent_rid


def _former_container(planner: StorePlanner, draft: Draft) -> Draft | None:
    """The container before the request, on which the roles are held."""
    if draft.record is None or draft.record.parent is None:
        return planner.workspace.parent(draft)
    planner.workspace.load_rids([draft.record.parent])
    return planner.workspace.by_rid.get(draft.record.parent)


def _still_held(planner: StorePlanner, containers: Collection[Draft]) -> Iterator[tuple[_Holder, set[str]]]:
    """The roles that users have there since another object goes on standing for them."""
    for entity_type in planner.registry.types.values():
        login = entity_type.login
        if login is None or not login.local_roles:
            continue
        for container in containers:
            if container.portal_type not in entity_type.containers:
                continue
            for other in planner.related(container, f"children({entity_type.portal_type})"):
                if not other.removed:
                    yield (container.rid, str(other.data.get(login.field) or "")), set(login.local_roles)


def held_roles(connection: Connection, holders: Collection[_Holder]) -> dict[_Holder, set[str]]:
    """The local roles that users and groups hold on objects; who holds none is left out."""
    found: defaultdict[_Holder, set[str]] = defaultdict(set)
    for chunk in chunks(sorted(holders)):
        places = tuple_(local_roles.c.scope, local_roles.c.principal).in_(chunk)
        for row in connection.execute(select(local_roles).where(places)):
            found[row.scope, row.principal].add(row.role)
    return found


def delete_withdrawn(connection: Connection, events: Iterable[AccessEvent]) -> None:
    """Take the roles away, in one statement for all who lose the same ones."""
    alike: defaultdict[tuple[str, ...], list[_Holder]] = defaultdict(list)
    for event, user_id, former, left in _changes(events):
        alike[tuple(sorted(set(former) - set(left)))].append((event.rid, user_id))
    for roles, holders in alike.items():
        for chunk in chunks(holders):
            places = tuple_(local_roles.c.scope, local_roles.c.principal).in_(chunk)
            connection.execute(delete(local_roles).where(places, local_roles.c.role.in_(roles)))


def described(event: AccessEvent) -> Change:
    """An event as a row of the plan."""
    fields = tuple(FieldChange(name, old, new) for name, (old, new) in event.changes.items())
    return Change(event.event, event.uid, event.path, event.portal_type, event.path.rpartition("/")[2], fields)


def _changes(events: Iterable[AccessEvent]) -> Iterator[tuple[AccessEvent, str, list[str], list[str]]]:
    for event in events:
        old, new = event.changes["local_roles"]
        if isinstance(old, dict) and isinstance(new, dict):
            for user_id in old:
                yield event, user_id, old[user_id], new[user_id]
