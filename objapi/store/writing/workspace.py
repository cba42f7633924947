"""The objects of one request: loaded in batches, each once, followed along paths together.

Whoever follows a step from one object makes the workspace load it for every object of that type it holds, so that code
may be written for one object at a time and still cost a constant number of statements.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from objapi.model.paths import Back, Children, Parent, Step, Target
from objapi.store.context import RequestContext
from objapi.store.mapped.rows import Rows
from objapi.store.permissions.acls import Acl, PermissionOverrides, derive, root_acl
from objapi.store.permissions.shared_scopes import shared_scope
from objapi.store.records import StaleWrite, StoredEntity, load_below, load_referring, load_where, stamps_of
from objapi.store.schema import entities
from objapi.store.writing.draft import Draft


class Workspace:
    """Identity map of drafts with batched loading."""

    def __init__(
        self,
        context: RequestContext,
        value_of: Callable[[Draft, str], object],
    ) -> None:
        self.context = context
        self.connection = context.connection
        self.registry = context.registry
        self.acls = context.acls
        self.names = context.site.rows.names
        """Names of the objects that are rows of tables; their row numbers are negative."""
        self.value_of = value_of
        self.locks = context.writes
        """True while objects are locked when they are loaded: in a writing transaction, outside of computations."""
        self.by_rid: dict[int, Draft] = {}
        self.by_uid: dict[str, Draft] = {}
        self.by_path: dict[str, Draft] = {}
        self.by_type: dict[str, dict[int, Draft]] = {}
        self.by_parent: dict[int, dict[int, Draft]] = {}
        self.missing_uids: set[str] = set()
        self.missing_paths: set[str] = set()
        self.unseen_uids: set[str] = set()
        """UIDs by which objects were asked for that are there, and not for the user."""
        self.rewritten: set[int] = set()
        """Row numbers of objects whose permission settings this request changes."""
        self.referring_otherwise: set[int] = set()
        """Row numbers of objects whose access follows another object than before the request."""
        self.relocated: set[int] = set()
        """Row numbers of objects that lie, by themselves or with what contains them, in another container."""
        self.recomputes_acls = False
        """True when every acl and scope is computed anew, whatever is stored."""
        self.epoch = 0
        self._acl_above: set[str] = set()
        """Paths of what contains the objects whose acl was asked for."""
        self._unlocked: set[int] = set()
        """Row numbers of objects that were read without keeping others from them."""
        self._trees: set[int] = set()
        """Row numbers of objects of which everything below is here."""
        self._children_loaded: dict[str, set[int]] = {}
        self._ordered: dict[int, dict[tuple[str, ...], tuple[Draft, ...]]] = {}
        """Container → types → its objects of these that stay, in order of creation."""
        self._backs_loaded: dict[tuple[str, str], set[int]] = {}
        self._back_index: dict[tuple[str, str], dict[str, dict[int, Draft]]] = {}
        self._settings: dict[str, PermissionOverrides] = {}
        self._documents: dict[int, tuple[PermissionOverrides, str]] = {}
        self._derived: dict[tuple[int, int], tuple[Acl, PermissionOverrides, Acl]] = {}
        self._root = root_acl(context.registry.roles)

    @property
    def rows(self) -> Rows:
        """The objects that are rows of tables."""
        return self.context.rows

    @contextmanager
    def without_locks(self) -> Iterator[None]:
        """Load what is only looked at, without keeping others from it."""
        before, self.locks = self.locks, False
        try:
            yield
        finally:
            self.locks = before

    # Adding

    def add(self, record: StoredEntity) -> Draft:
        """The draft of a row, made now when the row is met for the first time."""
        known = self.by_rid.get(record.rid)
        if known is not None:
            if known.record is not None and known.record.stamp != record.stamp:
                raise StaleWrite
            return known
        draft = Draft(self, self.registry.types[record.portal_type], record)
        if self.recomputes_acls and draft.type.table is None:
            draft.forget_scope()
        self.register(draft)
        if not self.locks:
            self._unlocked.add(record.rid)
        return draft

    def register(self, draft: Draft) -> None:
        """Make a draft findable by all its names."""
        self.by_rid[draft.rid] = draft
        self.by_uid[draft.uid] = draft
        self.by_path[draft.path] = draft
        self.by_type.setdefault(draft.portal_type, {})[draft.rid] = draft
        if draft.parent_rid is not None:
            self.by_parent.setdefault(draft.parent_rid, {})[draft.rid] = draft
            self.contents_changed(draft)
        for (portal_type, field), index in self._back_index.items():
            if portal_type == draft.portal_type:
                for uid in uids_in(draft.data.get(field)):
                    index.setdefault(uid, {})[draft.rid] = draft

    def forget(self, draft: Draft) -> None:
        """Take out an object that was asked for and is not for the user: nothing is loaded on its account.

        Whoever needs it for another reason loads it again. What it costs to refuse it tells nobody that it is there.
        """
        self.unseen_uids.add(draft.uid)
        del self.by_rid[draft.rid], self.by_uid[draft.uid], self.by_type[draft.portal_type][draft.rid]
        if self.by_path.get(draft.path) is draft:
            del self.by_path[draft.path]
        if draft.parent_rid is not None:
            self.by_parent.get(draft.parent_rid, {}).pop(draft.rid, None)
            self.contents_changed(draft)
        for (portal_type, field), index in self._back_index.items():
            if portal_type == draft.portal_type:
                for uid in uids_in(draft.data.get(field)):
                    index.get(uid, {}).pop(draft.rid, None)
        self._unlocked.discard(draft.rid)

    # Loading by name

    def load_rids(self, rids: Iterable[int]) -> None:
        """Have the objects with these row numbers here; those that do not exist are left out."""
        wanted = [rid for rid in dict.fromkeys(rids) if rid not in self.by_rid]
        stored = [rid for rid in wanted if rid > 0]
        if stored:
            for record in load_where(self.connection, entities.c.rid, stored, lock=self.locks):
                self.add(record)
        if len(stored) < len(wanted):
            for record in self.rows.records((rid for rid in wanted if rid < 0), lock=self.locks):
                self.add(record)

    def load_uids(self, uids: Iterable[str]) -> None:
        """Have the objects with these UIDs here; which do not exist is remembered."""
        wanted = [uid for uid in dict.fromkeys(uids) if uid not in self.by_uid and uid not in self.missing_uids]
        if wanted:
            stored = self._load_rows(wanted, self.names.of_uid)
            for record in load_where(self.connection, entities.c.uid, stored, lock=self.locks):
                self.add(record)
            self.missing_uids.update(uid for uid in wanted if uid not in self.by_uid)

    def load_paths(self, paths: Iterable[str]) -> None:
        """Have the objects at these paths here; where there are none is remembered."""
        wanted = [path for path in dict.fromkeys(paths) if path not in self.by_path and path not in self.missing_paths]
        if wanted:
            stored = self._load_rows(wanted, self.names.of_path)
            for record in load_where(self.connection, entities.c.path, stored, lock=self.locks):
                self.add(record)
            self.missing_paths.update(path for path in wanted if path not in self.by_path)

    def at(self, path: str) -> Draft | None:
        """The object at a path below the site."""
        full = self.context.full_path(path)
        if full not in self.by_path and full not in self.missing_paths:
            self.load_paths([full])
        found = self.by_path.get(full)
        return None if found is None or found.removed else found

    def lasting(self, uids: Iterable[str]) -> Mapping[str, Draft]:
        """The objects with some UIDs that exist and will stay, loaded without locks; by UID."""
        wanted = list(dict.fromkeys(uids))
        with self.without_locks():
            self.load_uids(wanted)
        found = {uid: self.by_uid[uid] for uid in wanted if uid in self.by_uid}
        return {uid: draft for uid, draft in found.items() if not draft.removed}

    def _load_rows(self, names: Sequence[str], number: Callable[[str], int | None]) -> list[str]:
        """Have the rows here that some of the names mean; the other names."""
        numbers = {name: number(name) for name in names}
        self.load_rids(rid for rid in numbers.values() if rid is not None)
        return [name for name, rid in numbers.items() if rid is None]

    def load_tree(self, drafts: Iterable[Draft]) -> list[Draft]:
        """Everything below some objects, what this request creates included; containers before what they hold."""
        tops = list(drafts)
        unknown = [item for item in tops if item.rid not in self._trees and not item.is_new and self._may_hold(item)]
        if unknown:
            found = load_below(self.connection, [item.path for item in unknown], lock=self.locks)
            self._trees.update(item.rid for item in unknown)
            self._trees.update(self.add(record).rid for record in found)
        # Level by level over drafts rather than the rows found, so that new and moved objects count.
        below: dict[int, Draft] = {}
        level = tops
        while level:
            level = [child for item in level for child in self.by_parent.get(item.rid, {}).values()]
            below.update((item.rid, item) for item in level)
        return list(below.values())

    def _may_hold(self, draft: Draft) -> bool:
        return draft.portal_type in self.registry.containers

    def load_children(self, rids: Iterable[int]) -> list[Draft]:
        """All objects directly in some containers, of whatever type."""
        return [self.add(record) for record in load_where(self.connection, entities.c.parent, rids, lock=self.locks)]

    # Locking and optimistic checks

    def has_stamp(self, rid: int, stamp: int | None) -> bool:
        """True for an object that was loaded with this stamp, and so is as it was when that was read."""
        draft = self.by_rid.get(rid)
        return draft is not None and draft.record is not None and draft.record.stamp == stamp

    def lock_drafts(self, drafts: Iterable[Draft]) -> None:
        """Lock objects that were read without. Raises StaleWrite when one was changed since."""
        self._check_stamps([draft.rid for draft in drafts if draft.rid in self._unlocked], shared=False)

    def confirm_unchanged(self, written: Collection[int]) -> None:
        """Make sure that what was read without locks is still so, and stays so until the transaction ends.

        `written` are row numbers whose writing itself finds out. Together with it this makes requests that meet come
        out as if one had come after the other. Raises StaleWrite when an object was changed since it was read.
        """
        self._check_stamps([rid for rid in self._unlocked if rid not in written], shared=True)

    def _check_stamps(self, rids: Sequence[int], *, shared: bool) -> None:
        # A dry run reads one moment: nothing changes under it, and it keeps nobody from writing.
        if not rids or not self.context.writes:
            return
        stamps = stamps_of(self.connection, (rid for rid in rids if rid > 0), shared=shared)
        mapped = [rid for rid in rids if rid < 0]
        if mapped:
            stamps.update(self.rows.stamps(mapped))
        for rid in rids:
            record = self.by_rid[rid].record
            if record is not None and stamps.get(rid) != record.stamp:
                raise StaleWrite
        if not shared:
            self._unlocked.difference_update(rids)

    # Following

    def parent(self, draft: Draft) -> Draft | None:
        """The container; None for the site root."""
        if draft.parent_rid is None:
            return None
        if draft.parent_rid not in self.by_rid:
            siblings = self.by_type[draft.portal_type].values()
            self.load_rids(item.parent_rid for item in siblings if item.parent_rid is not None)
        return self.by_rid.get(draft.parent_rid)

    def follow(self, draft: Draft, steps: Sequence[Step]) -> Sequence[Draft]:
        """The objects that steps lead to from one object, each once, in order."""
        return self.one_step(draft, steps[0]) if len(steps) == 1 else self.follow_all((draft,), steps)

    def follow_all(self, drafts: Sequence[Draft], steps: Sequence[Step]) -> Sequence[Draft]:
        """The objects that steps lead to from several objects, each once, in order."""
        found = drafts
        for step in steps:
            if len(found) == 1:
                found = self.one_step(found[0], step)
            elif found:
                found = list(dict.fromkeys(other for item in found for other in self.one_step(item, step)))
        return found

    def one_step(self, draft: Draft, step: Step) -> Sequence[Draft]:
        """The objects that one step leads to, each once.

        They are loaded for all drafts of the type when they are unknown for this one.
        """
        match step:
            case Target():
                return self._targets(draft, step.field)
            case Parent():
                container = self.parent(draft)
                return () if container is None else (container,)
            case Children():
                return self._children(draft, step.types)
            case Back():
                return self._referring(draft, step.portal_type, step.field)

    def _targets(self, draft: Draft, field: str) -> Sequence[Draft]:
        own = draft.type.fields.get(field)
        value = draft.data.get(field) if own is not None and own.is_stored else self.value_of(draft, field)
        only = self.by_uid.get(value) if isinstance(value, str) else None
        if only is not None:
            return () if only.removed else (only,)
        uids = uids_in(value)
        targets = [self.by_uid.get(uid) for uid in uids]
        if None in targets and any(uid not in self.by_uid and uid not in self.missing_uids for uid in uids):
            # Objects to be removed are among them: what they refer to changes as well.
            drafts = list(self.by_type[draft.portal_type].values())
            self.load_uids(uid for item in drafts for uid in uids_in(self.value_of(item, field)))
            targets = [self.by_uid.get(uid) for uid in uids]
        return [target for target in dict.fromkeys(targets) if target is not None and not target.removed]

    def _children(self, draft: Draft, types: tuple[str, ...]) -> Sequence[Draft]:
        # Loaded for all containers of the type at once: a caller that goes through them costs one statement.
        wanted = [name for name in types if draft.rid not in self._children_loaded.setdefault(name, set())]
        if wanted and not draft.is_new:
            containers = [item.rid for item in self.by_type[draft.portal_type].values() if not item.is_new]
            rids = [rid for rid in containers if any(rid not in self._children_loaded[name] for name in wanted)]
            for record in load_where(self.connection, entities.c.parent, rids, lock=self.locks, portal_type=wanted):
                self.add(record)
            for name in wanted:
                self._children_loaded[name].update(rids)
        # Every one of a hundred siblings may look at all others, so that they are put in order once.
        ordered = self._ordered.setdefault(draft.rid, {})
        found = ordered.get(types)
        if found is None:
            contained = self.by_parent.get(draft.rid, {}).values()
            chosen = [item for item in contained if item.portal_type in types and not item.removed]
            found = ordered[types] = tuple(sorted(chosen, key=_age))
        return found

    def contents_changed(self, draft: Draft) -> None:
        """Note that an object came into its container, left it, or is of another age."""
        if draft.parent_rid is not None:
            self._ordered.pop(draft.parent_rid, None)

    def _referring(self, draft: Draft, portal_type: str, field: str) -> list[Draft]:
        loaded = self._backs_loaded.setdefault((portal_type, field), set())
        if draft.record is not None and draft.rid not in loaded:
            rids = [
                item.rid
                for item in self.by_type[draft.portal_type].values()
                if item.rid not in loaded and not item.is_new
            ]
            for record in self._records_referring(rids, portal_type, field):
                self.add(record)
            loaded.update(rids)
        referring = self._index_of(portal_type, field).get(draft.uid)
        if not referring:
            return []
        found = [item for item in referring.values() if not item.removed]
        return sorted(found, key=_age) if len(found) > 1 else found

    def _records_referring(self, rids: Sequence[int], portal_type: str, field: str) -> list[StoredEntity]:
        if self.registry.types[portal_type].table is not None:
            return self.rows.referring([rid for rid in rids if rid < 0], portal_type, field, lock=self.locks)
        return load_referring(self.connection, rids, portal_type, field, lock=self.locks)

    def _index_of(self, portal_type: str, field: str) -> dict[str, dict[int, Draft]]:
        index = self._back_index.get((portal_type, field))
        if index is None:
            index = self._back_index[(portal_type, field)] = {}
            for item in self.by_type.get(portal_type, {}).values():
                for uid in uids_in(item.data.get(field)):
                    index.setdefault(uid, {})[item.rid] = item
        return index

    def reference_changed(self, draft: Draft, field: str, old: object, new: object) -> None:
        """Keep the way back in step with a changed reference field."""
        index = self._back_index.get((draft.portal_type, field))
        if index is not None:
            for uid in uids_in(old):
                index.get(uid, {}).pop(draft.rid, None)
            for uid in uids_in(new):
                index.setdefault(uid, {})[draft.rid] = draft

    def moved(self, draft: Draft, path: str) -> None:
        """Give an object another path."""
        if self.by_path.get(draft.path) is draft:
            del self.by_path[draft.path]
        if draft.path in self._acl_above:
            self._acl_above.add(path)
        draft.path = path
        self.by_path[path] = draft

    def contained(self, draft: Draft, container: Draft) -> None:
        """Note that an object lies in another container."""
        if draft.parent_rid is not None:
            self.by_parent.get(draft.parent_rid, {}).pop(draft.rid, None)
            self.contents_changed(draft)
        draft.parent_rid = container.rid
        self.by_parent.setdefault(container.rid, {})[draft.rid] = draft
        self.contents_changed(draft)

    def renamed(self, draft: Draft, rid: int, uid: str) -> None:
        """Let a new object be known by another number and UID; it is still found by its former UID."""
        for known in (self.by_rid, self.by_type[draft.portal_type]):
            del known[draft.rid]
            known[rid] = draft
        if draft.rid in self.rewritten:
            self.rewritten.add(rid)
        draft.rid, draft.uid = rid, uid
        self.by_uid[uid] = draft

    # Permissions

    def overrides_of(self, document: str | None) -> PermissionOverrides:
        """Overrides from their document; equal documents give one object."""
        if document is None:
            return self._settings.setdefault("", PermissionOverrides())
        found = self._settings.get(document)
        if found is None:
            found = self._settings[document] = PermissionOverrides.from_document(document)
        return found

    def document_of(self, overrides: PermissionOverrides) -> str:
        """The document of overrides, made once for each: the objects of a request have few between them."""
        known = self._documents.get(id(overrides))
        if known is None:
            # The overrides are in the entry, so that no others get their identity.
            known = self._documents[id(overrides)] = (overrides, overrides.document().decode())
        return known[1]

    def interned(self, overrides: PermissionOverrides) -> PermissionOverrides:
        """The one object for equal overrides."""
        return self.overrides_of(overrides.document().decode())

    def permissions_changed(self, draft: Draft) -> None:
        """Note that overrides were written onto an object, so that the acls of what it contains are computed anew."""
        self.rewritten.add(draft.rid)
        draft.forget_acl()
        # Objects may have been left in one of a type that contains none any more.
        if draft.portal_type in self.registry.containers or draft.path in self._acl_above:
            self.epoch += 1

    def compute_acl(self, draft: Draft) -> Acl:
        """The acl of an object in this request: the stored one unless the request rewrote it or a container."""
        path = draft.path.rpartition("/")[0]
        while path and path not in self._acl_above:
            self._acl_above.add(path)
            path = path.rpartition("/")[0]
        if draft.record is not None and not self._rewritten_above(draft):
            return self.acls[draft.record.acl]
        container = self.parent(draft)
        acl_without_container = self.context.site.rows.site_acl if draft.type.table is not None else self._root
        above = acl_without_container if container is None else container.acl
        key = (id(above), id(draft.settings))
        known = self._derived.get(key)
        if known is None:
            known = self._derived[key] = (above, draft.settings, derive(above, draft.settings))
        return known[2]

    # Scopes of local roles

    def compute_scope(self, draft: Draft) -> int:
        """The scope of an object: its own, that of its container, or one shared with what its access comes from."""
        container = self.parent(draft)
        if draft.type.scope or container is None or (draft.record is not None and draft.record.scope == draft.rid):
            return draft.rid
        target = self.access_target(draft)
        if target is None or target.scope in self.scopes_around(container):
            return container.scope
        return shared_scope(container.scope, target.scope)

    def container_scope(self, draft: Draft) -> int | None:
        """The scope of the container; None for the site root."""
        with self.without_locks():
            container = self.parent(draft)
        return None if container is None else container.scope

    def access_target(self, draft: Draft) -> Draft | None:
        """The object that the access to one follows, by `access_from` of its type."""
        if draft.type.access_from is None:
            return None
        with self.without_locks():
            return next(iter(self._targets(draft, draft.type.access_from)), None)

    def scopes_around(self, draft: Draft) -> list[int]:
        """The scope of an object and those of what contains it."""
        found: list[int] = []
        here: Draft | None = draft
        with self.without_locks():
            while here is not None:
                found.append(here.scope)
                here = self.parent(here)
        return found

    def referred_scopes(self, draft: Draft) -> list[int]:
        """The scopes whose local roles are held on an object by reference, its own or one of what contains it."""
        found: dict[int, None] = {}
        here: Draft | None = draft
        with self.without_locks():
            while here is not None:
                target = self.access_target(here)
                if target is not None:
                    found.update(dict.fromkeys(self.scopes_around(target)))
                here = self.parent(here)
        return list(found)

    def _rewritten_above(self, draft: Draft) -> bool:
        if self.recomputes_acls or not self.rewritten:
            return self.recomputes_acls
        path = draft.path
        while path:
            above = self.by_path.get(path)
            if above is not None and (above.rid in self.rewritten or above.is_new):
                return True
            path = path.rpartition("/")[0]
        return False


def uids_in(value: object) -> Sequence[str]:
    """The UIDs in the stored value of a reference field."""
    if isinstance(value, str):
        return (value,) if value else ()
    if isinstance(value, list | tuple):
        return [item for item in value if isinstance(item, str)]
    return ()


def _age(draft: Draft) -> tuple[int, int]:
    return (draft.created, draft.rid)
