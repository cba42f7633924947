"""Items: objects in the shape of SENAITE, whole pages of them at once."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from objapi.model.dialects import DialectCatalog
from objapi.model.types import Kind
from objapi.senaite.columns import Columns
from objapi.senaite.field_values import FieldRenderer
from objapi.senaite.urls import SITE_UID, Urls
from objapi.senaite.values import instant
from objapi.senaite.vocabulary import Vocabulary
from objapi.store.reading.loaded_records import ObjectName, ObjectRecord
from objapi.store.reading.object_records import uids_of
from objapi.store.requests import ByUid
from objapi.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class ItemShape:
    """What is answered of each object."""

    complete: bool = False
    children: bool = False
    workflow: bool = False
    filedata: bool = False
    fields: tuple[str, ...] = ()
    """Keys alone that are answered; none: all."""
    catalog: DialectCatalog | None = None
    """The catalog whose columns are answered; None: the first of each object's type."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Type → the name by which it was asked for."""


class Items:
    """Makes the items of one answer."""

    def __init__(self, vocabulary: Vocabulary, tx: Transaction, urls: Urls) -> None:
        self._vocabulary = vocabulary
        self._tx = tx
        self._records = tx.records
        self._urls = urls
        self._columns = Columns(vocabulary, tx.records, urls)
        self._references: dict[str, dict[str, Any]] = {}
        self._words: dict[str, tuple[str, str]] = {}
        """Type → its resource, and the name that it is shown under; of what is referred to."""

    def made(self, objects: Sequence[ObjectRecord], wanted: ItemShape) -> list[dict[str, Any]]:
        """The items of objects, in their order."""
        items = [self._base(record, wanted) for record in objects]
        self._add_parents(objects, items)
        self._add_columns(objects, items, wanted)
        if wanted.complete:
            self._add_fields(objects, items, wanted)
        if wanted.children:
            self._add_children(objects, items, wanted)
        if wanted.workflow:
            self._add_workflows(objects, items)
        if wanted.fields:
            chosen = frozenset(wanted.fields)
            return [{name: value for name, value in item.items() if name in chosen} for item in items]
        return items

    # What every item has

    def _base(self, record: ObjectRecord, wanted: ItemShape) -> dict[str, Any]:
        vocabulary, members = self._vocabulary, record.members
        is_site = record.parent is None and record.portal_type == vocabulary.registry.root_type
        resource = vocabulary.resource(record.portal_type)
        return {
            "id": record.id,
            "uid": SITE_UID if is_site else record.uid,
            "title": record.title,
            "description": members.get("description") or "",
            "portal_type": vocabulary.shown_type(record.portal_type, wanted.names),
            "path": record.path,
            "url": self._urls.object(record.path),
            "api_url": self._urls.site if is_site else self._urls.record(resource, record.uid),
            "parent_id": None,
            "parent_uid": None,
            "parent_path": None,
            "parent_url": None,
            "created": self._records.second(record.created),
            "modified": self._records.second(record.modified),
            "effective": instant(members.get("effectiveDate")),
            "author": record.creator,
            "tags": members.get("subject") or [],
            "review_state": self._records.folded_state(record),
        }

    def _add_parents(self, objects: Sequence[ObjectRecord], items: list[dict[str, Any]]) -> None:
        parents = self._tx.records.parents(objects)
        for record, item in zip(objects, items, strict=True):
            parent = parents.get(record.parent) if record.parent is not None else None
            path = record.path.rpartition("/")[0]
            if not path:
                continue
            item["parent_id"] = path.rpartition("/")[2]
            item["parent_path"] = path
            if parent is None:
                # The container of a row of a table, or one that the caller may not see.
                continue
            if parent.parent is None:
                item["parent_uid"], item["parent_url"] = SITE_UID, self._urls.site
            else:
                item["parent_uid"] = parent.uid
                item["parent_url"] = self._urls.record(self._vocabulary.resource(parent.portal_type), parent.uid)

    def _add_columns(self, objects: Sequence[ObjectRecord], items: list[dict[str, Any]], wanted: ItemShape) -> None:
        places: dict[str, list[int]] = {}
        for place, record in enumerate(objects):
            catalog = wanted.catalog or self._vocabulary.catalog_of(record.portal_type)
            places.setdefault(catalog.name, []).append(place)
        for name, those in places.items():
            columns = self._columns.of_catalog(
                self._vocabulary.dialect.catalogs[name], [objects[place] for place in those]
            )
            for place, values in zip(those, columns, strict=True):
                # What every item has under a name stays: it is the same, in a known shape.
                items[place] = items[place] | values | items[place]

    # Complete items

    def _add_fields(self, objects: Sequence[ObjectRecord], items: list[dict[str, Any]], wanted: ItemShape) -> None:
        names = dict.fromkeys(record.portal_type for record in objects)
        renderers = {name: FieldRenderer.of(self._vocabulary.plans(name)) for name in names}
        self._load_references(objects, renderers)
        for record, item in zip(objects, items, strict=True):
            renderer = renderers[record.portal_type]
            renderer.render(record.members, item, self._references)
            for plan in renderer.special:
                if plan.field not in record.members:
                    continue
                if plan.kind is Kind.FILE:
                    value = record.members[plan.field]
                    item[plan.name] = self._file(record, plan.field, value, filedata=wanted.filedata)
                else:
                    item[plan.name] = self._columns.word(record, plan)
            item["version"] = record.version
        self._add_read(objects, items)
        self._add_contents(objects, items)

    def _load_references(self, objects: Sequence[ObjectRecord], renderers: Mapping[str, FieldRenderer]) -> None:
        """Look up all objects that fields refer to, together."""
        uids: dict[str, None] = {}
        for record in objects:
            for value in renderers[record.portal_type].references_of(record.members):
                if isinstance(value, str):
                    uids[value] = None
                elif value:
                    uids.update(dict.fromkeys(uids_of(value)))
        uids.pop("", None)
        known = self._records.names(uids)
        self._references.update((uid, self._described(uid, known.get(uid))) for uid in uids)

    def _described(self, uid: str, name: ObjectName | None) -> dict[str, Any]:
        if name is None:
            return {"uid": uid, "url": None, "api_url": self._urls.record("", uid)}
        portal_type = name.portal_type
        words = self._words.get(portal_type)
        if words is None:
            vocabulary = self._vocabulary
            words = self._words[portal_type] = (
                vocabulary.resource(portal_type),
                vocabulary.shown_type(portal_type, {}),
            )
        return {
            "uid": uid,
            "url": self._urls.object(name.path),
            "api_url": self._urls.record(words[0], uid),
            "title": name.title,
            "portal_type": words[1],
            "id": name.id,
        }

    def _file(self, record: ObjectRecord, name: str, value: Any, *, filedata: bool) -> dict[str, Any] | None:
        if not isinstance(value, Mapping) or not value.get("filename"):
            return None
        described = {
            "filename": value["filename"],
            "content_type": value.get("content_type"),
            "size": value.get("size"),
            "download": f"{self._urls.object(record.path)}/at_download/{name}",
        }
        if filedata:
            stored = self._tx.file(ByUid(record.uid), name)
            described["data"] = b64encode(b"".join(stored.chunks)).decode("ascii")
        return described

    def _add_read(self, objects: Sequence[ObjectRecord], items: list[dict[str, Any]]) -> None:
        """Add the names under which only answers have something."""
        by_type: dict[str, list[int]] = {}
        for place, record in enumerate(objects):
            known = self._vocabulary.dialect.types.get(record.portal_type)
            if known is not None and known.read:
                by_type.setdefault(record.portal_type, []).append(place)
        for portal_type, places in by_type.items():
            read = self._vocabulary.dialect.types[portal_type].read
            values = self._columns.of(read, [objects[place] for place in places])
            for place, found in zip(places, values, strict=True):
                items[place] = items[place] | found | items[place]

    def _add_contents(self, objects: Sequence[ObjectRecord], items: list[dict[str, Any]]) -> None:
        """Add the contained objects that are answered as lists of references, each with its state."""
        wanted: dict[tuple[str, str], list[int]] = {}
        for place, record in enumerate(objects):
            known = self._vocabulary.dialect.types.get(record.portal_type)
            for name in known.contents if known is not None else ():
                wanted.setdefault((record.portal_type, name), []).append(place)
        rids = [record.rid for record in objects]
        for (portal_type, name), places in wanted.items():
            contained = self._vocabulary.entity_type(portal_type).embed[name]
            inside = self._records.contents(rids, [contained])
            for place in places:
                found = []
                for other in sorted(inside[objects[place].rid], key=_by_id):
                    described = self._described(other.uid, other)
                    described["review_state"] = other.state
                    found.append(described)
                items[place][name] = found

    # On demand

    def _add_children(self, objects: Sequence[ObjectRecord], items: list[dict[str, Any]], wanted: ItemShape) -> None:
        holding = [
            (record, item)
            for record, item in zip(objects, items, strict=True)
            if record.portal_type in self._vocabulary.registry.containers
        ]
        inside = self._records.contents([record.rid for record, _ in holding])
        children = self._records.by_rid(name.rid for names in inside.values() for name in names)
        made = self.made(list(children.values()), ItemShape(names=wanted.names))
        by_rid = dict(zip(children, made, strict=True))
        for record, item in holding:
            item["children"] = [by_rid[name.rid] for name in inside[record.rid] if name.rid in by_rid]
            item["children_count"] = len(item["children"])

    def _add_workflows(self, objects: Sequence[ObjectRecord], items: list[dict[str, Any]]) -> None:
        offered, _ = self._tx.offered_of_those_found([ByUid(record.uid) for record in objects])
        may = {one.uid: one.transitions for one in offered}
        taken = self._records.steps_taken(objects)
        shown: Callable[[str], str] = self._shown_transition
        for record, item in zip(objects, items, strict=True):
            entries = []
            for workflow in self._vocabulary.registry.chain(record.portal_type):
                state = record.members.get(workflow.state_variable) or ""
                title = workflow.states[state].title if state in workflow.states else ""
                entries.append(
                    {
                        "workflow": workflow.id,
                        "status": title or state,
                        "review_state": state,
                        "transitions": [
                            {"title": name, "value": shown(own), "display": title_of(shown(own)), "url": None}
                            for own, name in may.get(record.uid, ())
                            if own in workflow.transitions
                        ],
                        "review_history": [
                            _step(step, shown, workflow.state_variable)
                            for step in taken.get(record.uid, ())
                            if step["workflow"] == workflow.id
                        ],
                    }
                )
            item["workflow_info"] = entries

    def _shown_transition(self, name: str) -> str:
        return self._vocabulary.dialect.shown_transitions.get(name, name)


def title_of(name: str) -> str:
    """A name as a title: capital letter, blanks."""
    return name.replace("_", " ").capitalize()


def _step(step: Mapping[str, Any], shown: Callable[[str], str], variable: str) -> dict[str, Any]:
    states = step["states"]
    return {
        "action": shown(step["transition"]) if step["transition"] else None,
        "actor": step["actor"],
        "comments": step["comment"],
        "review_state": states.get(variable) or next(iter(states.values()), None),
        "time": step["at"].strftime("%Y-%m-%d %H:%M:%S"),
    }


def _by_id(name: ObjectName) -> str:
    return name.id
