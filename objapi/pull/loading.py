"""Making what a plan says, in chunks that are each made wholly or not at all, with the way back to where one ended."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

import orjson
from sqlalchemy import Connection, delete, select

from catalog.dialect import for_update, upsert_rows
from objapi import upkeep
from objapi.errors import ApiError, Conflict
from objapi.model import kinds
from objapi.model.content import ContentObject, Ref
from objapi.model.dialects import Dialect
from objapi.pull.foreign_items import ItemReader, PulledObject
from objapi.pull.pull_plan import PullPlan, load_context
from objapi.pull.spool import PullMisfit, Spool
from objapi.site import Site
from objapi.store.records import chunks
from objapi.store.schema import site_state
from objapi.store.upgrade.installing import install_contents
from objapi.store.upgrade.plain_types import PlainRenderer, plain_renderers
from objapi.store.upgrade.seed_content import SeedContent

CHUNK: Final = 500
CHUNK_BYTES: Final = 32 * 1024 * 1024
"""Bytes of files after which a chunk ends."""
Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]


NOT_MADE: Final = "not made: "
"""Beginning of the reason of an object that is missing as a whole."""
_FAULT: Final = 500
"""Status from which on an error is a fault of the site, and not of an object."""
_Build = Callable[[Sequence[int]], list[ContentObject]]


class LoadedTwice(Conflict):
    """Another process makes the same objects."""


class _Step(NamedTuple):
    """The number of objects that are made, and of those whose circles are closed."""

    made: int
    closed: int


@dataclass(frozen=True, slots=True)
class PulledFile:
    """A file as values are read from uploads."""

    filename: str | None
    content_type: str | None
    content: bytes


@dataclass(slots=True)
class Loader:
    """Makes the objects of one plan."""

    site: Site
    spool: Spool
    plan: PullPlan
    dialect: Dialect | None
    name: str
    """Name of the row that notes how far the load has come."""
    lost: set[str] = field(default_factory=set)
    """Paths of objects that could not be made."""
    _plain: Mapping[str, PlainRenderer] = field(default_factory=dict)
    _misfits: list[PullMisfit] = field(default_factory=list)

    def load(self, progress: Progress) -> None:
        """Make all objects, then write the references that close circles. Raises ApiError when the database is away."""
        site, order = self.site, self.plan.order
        self._plain = plain_renderers(site.context)
        made, closed = self._done()
        self.lost = {item.path for item in self.spool.misfits() if item.reason.startswith(NOT_MADE)}
        later = sorted(order.later)
        with upkeep.keys_made_afterwards(site, len(order.numbers), progress):
            with progress("Making objects", len(order.numbers) - made) as advance:
                for part in self._parts(order.numbers[made:]):
                    self._make(part, self._built, _Step(made, closed), _Step(made + len(part), closed))
                    made += len(part)
                    advance(len(part))
            with progress("Closing circles of references", len(later) - closed) as advance:
                for part in chunks(later[closed:], CHUNK):
                    self._make(part, self._closing, _Step(made, closed), _Step(made, closed + len(part)))
                    closed += len(part)
                    advance(len(part))
        site.transact(self._forget, write=True)

    def check(self) -> None:
        """Tell the references that do not fit, and make nothing."""
        self.spool.forget_misfits("load")
        for part in chunks(self.plan.order.numbers, CHUNK):
            for _, item in self._read(part):
                self._targets(item)
        self.spool.add_misfits("load", self._misfits)

    def _parts(self, numbers: Sequence[int]) -> list[list[int]]:
        """Chunks of objects; files are large, so that a chunk with them has fewer."""
        sizes = self.spool.file_sizes()
        parts: list[list[int]] = []
        size = 0
        for number in numbers:
            if not parts or len(parts[-1]) == CHUNK or size >= CHUNK_BYTES:
                parts.append([])
                size = 0
            parts[-1].append(number)
            size += sizes.get(number, 0)
        return parts

    def _make(self, numbers: Sequence[int], build: _Build, before: "_Step", after: "_Step") -> None:
        """Make the objects of a chunk: without those that are refused, which are told."""
        refused: list[PullMisfit] = []
        while True:
            self._misfits = []
            objects = build(numbers)
            try:
                self.site.transact(partial(self._install, objects, before, after), write=True)
            except LoadedTwice:
                raise
            except ApiError as error:
                lost = self._refused(objects, error) or self._refused_singly(numbers, build, error)
                if not lost:
                    raise
                refused.extend(lost)
            else:
                self.spool.add_misfits("load", [*refused, *self._misfits])
                return

    def _refused(self, objects: Sequence[ContentObject], error: ApiError) -> list[PullMisfit]:
        """The objects that an error is about, which are lost from now on; none for a fault of the database."""
        if error.status >= _FAULT:
            return []
        paths = {item.path: item for item in objects}
        wrong = {cause.name: cause.message for cause in error.causes if cause.name in paths}
        if len(paths) == 1 and not wrong:
            wrong = dict.fromkeys(paths, error.message)
        self.lost.update(wrong)
        return [
            PullMisfit(
                path,
                paths[path].portal_type,
                f"{NOT_MADE}{message.removeprefix(f'{path}: ')}"[:1000],
                uid=paths[path].uid or "",
            )
            for path, message in wrong.items()
        ]

    def _refused_singly(self, numbers: Sequence[int], build: _Build, error: ApiError) -> list[PullMisfit]:
        """Make the objects of a chunk one by one, since an error names none of them; those that are refused."""
        refused: list[PullMisfit] = []
        if error.status >= _FAULT:
            return refused
        for number in numbers:
            objects = build([number])
            try:
                self.site.transact(partial(self._install_objects, objects), write=True)
            except ApiError as single:
                lost = self._refused(objects, single)
                if not lost:
                    raise
                refused.extend(lost)
        return refused

    def _install(
        self, objects: Sequence[ContentObject], before: "_Step", after: "_Step", connection: Connection
    ) -> None:
        row = select(site_state.c.value).where(site_state.c.name == self.name)
        noted = connection.scalar(for_update(row))
        if _Step(*(orjson.loads(noted)["done"] if noted is not None else (0, 0))) != before:
            raise LoadedTwice("Another process loads from the same laboratory. Wait for it to end.")
        self._install_objects(objects, connection)
        value = orjson.dumps({"order": self.plan.digest, "done": list(after)}).decode()
        upsert_rows(connection, site_state, [{"name": self.name, "value": value}])

    def _install_objects(self, objects: Sequence[ContentObject], connection: Connection) -> None:
        contents = SeedContent(objects, in_order=True)
        install_contents(self.site.context, connection, self.site.now(), contents, lambda done: None, self._plain)

    def _done(self) -> "_Step":
        """How far an earlier load of the same objects has come."""
        row = select(site_state.c.value).where(site_state.c.name == self.name)
        noted = self.site.transact(lambda connection: connection.scalar(row), write=False)
        found = {} if noted is None else orjson.loads(noted)
        if found.get("order") != self.plan.digest:
            self.site.transact(self._forget, write=True)
            self.spool.forget_misfits("load")
            return _Step(0, 0)
        return _Step(*found["done"])

    def _forget(self, connection: Connection) -> None:
        connection.execute(delete(site_state).where(site_state.c.name == self.name))

    # Objects

    def _read(self, numbers: Sequence[int]) -> list[tuple[int, PulledObject]]:
        reader = ItemReader(self.site.registry, self.dialect, load_context(self.site))
        with kinds.reading_with(load_context(self.site)):
            found = [(number, reader.read(self.spool.document(number))) for number in numbers]
        return [(number, item) for number, item in found if item is not None]

    def _built(self, numbers: Sequence[int]) -> list[ContentObject]:
        built = []
        for number, item in self._read(numbers):
            if item.path in self.lost:
                continue
            if item.container in self.lost:
                self.lost.add(item.path)
                self._misfit(item, "", f"{NOT_MADE}what it lies in was not made")
                continue
            later = self.plan.order.later.get(number, set())
            fields = {**item.values, **self._files(item)}
            for name, paths in self._targets(item).items():
                if not any(self.plan.numbers.get(path) in later for path in paths):
                    fields[name] = self._reference(item, name, paths)
            built.append(self._content(item, fields))
        return built

    def _closing(self, numbers: Sequence[int]) -> list[ContentObject]:
        built = []
        for number, item in self._read(numbers):
            if item.path in self.lost:
                continue
            later = self.plan.order.later[number]
            fields = {
                name: self._reference(item, name, paths)
                for name, paths in self._targets(item).items()
                if any(self.plan.numbers.get(path) in later for path in paths)
            }
            if fields:
                built.append(self._content(item, fields))
        return built

    def _content(self, item: PulledObject, fields: Mapping[str, object]) -> ContentObject:
        is_new = item.path in self.plan.new
        return ContentObject(
            path=item.path,
            portal_type=item.portal_type,
            fields=fields,
            states=item.states,
            created=item.created,
            modified=item.modified,
            uid=item.uid if is_new else None,
            creator=item.creator,
        )

    def _targets(self, item: PulledObject) -> dict[str, list[str]]:
        """Reference field → the paths of the objects that it names, without those that are not here."""
        entity_type = self.site.registry.types[item.portal_type]
        found: dict[str, list[str]] = {}
        for name, uids in item.references.items():
            paths = []
            for uid in uids:
                path, problem = self.plan.target(entity_type, name, uid)
                if path is None or path in self.lost:
                    self._misfit(item, name, problem or f"{path} was not made")
                else:
                    paths.append(path)
            found[name] = paths
        for name, title in item.titles.items():
            path = self.plan.title_target(entity_type, name, title)
            if path is None or path in self.lost:
                self._misfit(item, name, f"there is nothing called {title!r} that it could name")
            else:
                found[name] = [path]
        return found

    def _reference(self, item: PulledObject, name: str, paths: Sequence[str]) -> object:
        if self.site.registry.types[item.portal_type].fields[name].multi:
            return [Ref(path) for path in paths]
        return Ref(paths[0]) if paths else None

    def _files(self, item: PulledObject) -> dict[str, object]:
        files: dict[str, object] = {}
        for name, file in item.files.items():
            content = self.spool.content(item.uid, name)
            if content is not None:
                files[name] = PulledFile(file.filename, file.content_type, content)
        return files

    def _misfit(self, item: PulledObject, name: str, reason: str) -> None:
        self._misfits.append(PullMisfit(item.path, item.portal_type, reason, name, item.uid))
