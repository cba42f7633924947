"""What of the other laboratory is made here, and in which order: read from the spool and compared with the site."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar

from sqlalchemy import Connection, select

from objapi.model import kinds
from objapi.model.dialects import Dialect
from objapi.model.references import site_path
from objapi.model.types import EntityType
from objapi.model.values import LoadContext
from objapi.pull.foreign_items import ItemReader, PulledObject
from objapi.pull.load_order import LoadOrder, order_objects
from objapi.pull.spool import PullMisfit, Spool
from objapi.site import Site
from objapi.store.records import chunks
from objapi.store.schema import entities

_Key = TypeVar("_Key")
LEFT_OUT: Final = "what it lies in was left out"


class SitePlace(NamedTuple):
    """An object of the site."""

    uid: str
    path: str
    """Below the site."""
    portal_type: str


class _Candidate(NamedTuple):
    """A pulled object as far as its place and order depend on it."""

    number: int
    uid: str
    path: str
    portal_type: str
    references: tuple[str, ...]
    files: tuple[int, ...]
    """Sizes of its files."""

    @property
    def container(self) -> str:
        return self.path.rpartition("/")[0] or "/"


@dataclass(slots=True)
class PullPlan:
    """The objects that are made, by number of the spool."""

    reader: ItemReader
    order: LoadOrder = field(default_factory=LoadOrder)
    paths: dict[str, str] = field(default_factory=dict)
    """UID there → path here, of pulled objects and of others that these refer to."""
    types: dict[str, str] = field(default_factory=dict)
    """Path → type, of the same."""
    numbers: dict[str, int] = field(default_factory=dict)
    """Path → number in the spool, of pulled objects."""
    new: set[str] = field(default_factory=set)
    """Paths at which there is nothing yet."""
    titled: dict[tuple[str, str], str] = field(default_factory=dict)
    """Type and title → path, of objects that are named by their title."""
    files: int = 0
    file_bytes: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    """Type → number of objects."""

    @property
    def digest(self) -> str:
        """A digest of the order, by which a load that goes on knows that it is the same."""
        return hashlib.sha256(",".join(map(str, self.order.numbers)).encode()).hexdigest()

    def target(self, entity_type: EntityType, name: str, uid: str) -> tuple[str | None, str]:
        """The path of an object that a field refers to; None, and why there is none."""
        path = self.paths.get(uid)
        if path is None:
            return None, f"the object {uid} that it names is not here"
        allowed = entity_type.fields[name].targets
        if allowed and self.types[path] not in allowed:
            return None, f"{path} is a {self.types[path]}, not one of {', '.join(sorted(allowed))}"
        return path, ""

    def title_target(self, entity_type: EntityType, name: str, title: str) -> str | None:
        """The path of the object with a title that a field refers to."""
        found = (self.titled.get((target, title)) for target in entity_type.fields[name].targets)
        return next((path for path in found if path is not None), None)


def plan_pull(site: Site, spool: Spool, dialect: Dialect | None) -> PullPlan:
    """Read all that was pulled, and decide what can be made; what cannot goes to the misfits of the stage `plan`."""
    registry = site.registry
    plan = PullPlan(ItemReader(registry, dialect, load_context(site)))
    spool.forget_misfits("plan")
    named = {target for kind in _types_by_title(site, dialect) for target in kind}
    candidates: dict[str, _Candidate] = {}
    with kinds.reading_with(load_context(site)):
        for number, item in spool.documents():
            found = plan.reader.read(item)
            if found is None:
                continue
            if found.path in candidates:
                _leave_out(plan, found.path, found.portal_type, found.uid, "another object has the same path")
                continue
            candidates[found.path] = _candidate(number, found)
            title = item.get("title")
            if found.portal_type in named and isinstance(title, str):
                plan.titled.setdefault((found.portal_type, title), found.path)
            if len(plan.reader.misfits) > _MANY:
                spool.add_misfits("plan", _taken(plan.reader.misfits))
    _compare_with_site(site, plan, candidates, named)
    _order(plan, candidates)
    spool.add_misfits("plan", _taken(plan.reader.misfits))
    return plan


_MANY: Final = 10_000


def load_context(site: Site) -> LoadContext:
    """The context in which values are read."""
    return site.context.load_context(site.now())


def _candidate(number: int, found: PulledObject) -> _Candidate:
    uids = dict.fromkeys(uid for uids in found.references.values() for uid in uids)
    sizes = tuple(file.size for file in found.files.values())
    return _Candidate(number, found.uid, found.path, found.portal_type, tuple(uids), sizes)


def _types_by_title(site: Site, dialect: Dialect | None) -> Iterator[Sequence[str]]:
    """The targets of the fields whose values are words."""
    for name, known in (dialect.types if dialect is not None else {}).items():
        for meant in known.fields.values():
            if meant.words is not None:
                yield site.registry.types[name].fields[meant.field].targets


def _taken(misfits: list[PullMisfit]) -> list[PullMisfit]:
    taken = list(misfits)
    misfits.clear()
    return taken


def _leave_out(plan: PullPlan, path: str, portal_type: str, uid: str, reason: str) -> None:
    plan.reader.misfits.append(PullMisfit(path, portal_type, reason, uid=uid))


def _compare_with_site(site: Site, plan: PullPlan, candidates: dict[str, _Candidate], named: Collection[str]) -> None:
    """Drop what has no place in the site, and find the objects of the site that are referred to."""
    containers = {item.container for item in candidates.values()} - candidates.keys()
    uids = {uid for item in candidates.values() for uid in (item.uid, *item.references)}

    def look(connection: Connection) -> tuple[dict[str, SitePlace], dict[str, SitePlace], dict[tuple[str, str], str]]:
        by_path = _places_at(site, connection, candidates.keys() | containers)
        return by_path, _places_of(site, connection, uids), _titled(site, connection, named)

    by_path, by_uid, titled = site.transact(look, write=False)
    plan.titled = {**titled, **plan.titled}
    laid_out = {str(item["path"]) for item in site.registry.layout}
    dropped: set[str] = set()
    for path in sorted(candidates, key=lambda path: path.count("/")):
        item = candidates[path]
        problem = LEFT_OUT if item.container in dropped else _problem(site, item, candidates, by_path, by_uid, laid_out)
        if problem is not None:
            _leave_out(plan, path, item.portal_type, item.uid, problem)
            # What is there in its place is another object, which does not hold what it holds.
            dropped.add(path)
            del candidates[path]
            continue
        plan.paths[item.uid] = path
        plan.types[path] = item.portal_type
        plan.numbers[path] = item.number
        plan.counts[item.portal_type] += 1
        plan.files += len(item.files)
        plan.file_bytes += sum(item.files)
        if path not in by_path:
            plan.new.add(path)
    for place in by_uid.values():
        if place.uid not in plan.paths:
            plan.paths[place.uid] = place.path
            plan.types[place.path] = place.portal_type
    plan.types.update((path, place.portal_type) for path, place in by_path.items() if path not in plan.types)
    plan.titled = {key: path for key, path in plan.titled.items() if path in plan.types or path in titled.values()}
    plan.types.update((path, portal_type) for (portal_type, _), path in titled.items() if path not in plan.types)


def _problem(
    site: Site,
    item: _Candidate,
    candidates: Mapping[str, _Candidate],
    by_path: Mapping[str, SitePlace],
    by_uid: Mapping[str, SitePlace],
    laid_out: Collection[str],
) -> str | None:
    there, same = by_path.get(item.path), by_uid.get(item.uid)
    if there is not None and there.portal_type != item.portal_type:
        return f"there is a {there.portal_type} at this path already"
    if there is not None and there.uid != item.uid and item.path not in laid_out:
        return f"there is another {there.portal_type} at this path already"
    if same is not None and same.path != item.path:
        return f"the object with this UID is at {same.path} here"
    container = candidates.get(item.container) or by_path.get(item.container)
    if container is None:
        return f"there is no {item.container} to put it into"
    if there is None and container.portal_type not in site.registry.types[item.portal_type].containers:
        return f"a {item.portal_type} cannot be in the {container.portal_type} {item.container}"
    return None


def _order(plan: PullPlan, candidates: Mapping[str, _Candidate]) -> None:
    """Set the order; by number, so that it is the same each time."""
    items = sorted(candidates.values())
    numbers = plan.numbers
    by_uid = {item.uid: item.number for item in items}
    titles = set(plan.titled.values())
    first = [numbers[path] for path in titles if path in numbers]
    references = {
        item.number: [
            *(by_uid[uid] for uid in item.references if uid in by_uid),
            # What is named by a title has to be there before whatever may name it.
            *(number for number in first if item.path not in titles),
        ]
        for item in items
    }
    containers = {item.number: numbers.get(item.container) for item in items}
    plan.order = order_objects(containers, references)


# The site


def _places_at(site: Site, connection: Connection, paths: Collection[str]) -> dict[str, SitePlace]:
    site_id, found = site.settings.site_id, {}
    full = {site_path(path, site_id): path for path in paths}
    for chunk in chunks(sorted(full)):
        for row in connection.execute(_PLACES.where(entities.c.path.in_(chunk))):
            found[full[row.path]] = SitePlace(row.uid, full[row.path], row.portal_type)
    return found


def _places_of(site: Site, connection: Connection, uids: Collection[str]) -> dict[str, SitePlace]:
    found = {}
    for chunk in chunks(sorted(uids)):
        for row in connection.execute(_PLACES.where(entities.c.uid.in_(chunk))):
            found[row.uid] = SitePlace(row.uid, below_site(row.path, site), row.portal_type)
    return found


def _titled(site: Site, connection: Connection, types: Collection[str]) -> dict[tuple[str, str], str]:
    if not types:
        return {}
    statement = select(entities.c.portal_type, entities.c.title, entities.c.path).where(
        entities.c.portal_type.in_(sorted(types))
    )
    rows = connection.execute(statement.order_by(entities.c.rid))
    return {(row.portal_type, row.title): below_site(row.path, site) for row in rows}


_PLACES: Final = select(entities.c.path, entities.c.uid, entities.c.portal_type)


def below_site(path: str, site: Site) -> str:
    """A whole path without the site's id."""
    return path.removeprefix(f"/{site.settings.site_id}") or "/"
