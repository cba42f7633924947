"""Items of the other laboratory read backwards: from its names and shapes to those of the types here. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from marshmallow import ValidationError as InvalidValue
from marshmallow import fields as marshmallow_fields

from catalog import DateSyntaxError, parse_date
from objapi.errors import joined_messages
from objapi.model import kinds
from objapi.model.dialects import Companion, Dialect, DialectWords
from objapi.model.ids import IdProblem, check_id
from objapi.model.references import PathProblem, is_uid, normalise_path
from objapi.model.registry import Registry
from objapi.model.types import EntityType, Field, Kind
from objapi.model.values import LoadContext
from objapi.pull.companions import companion_references
from objapi.pull.foreign_states import states_of
from objapi.pull.spool import PullMisfit

_EMPTY: Final[tuple[object, ...]] = (None, "", [], {})
_ITEM_KEYS: Final = frozenset(
    {
        "id", "uid", "UID", "title", "description", "portal_type", "path", "url", "api_url", "parent_id", "parent_uid",
        "parent_path", "parent_url", "created", "modified", "effective", "author", "tags", "review_state", "version",
        "workflow_info", "workflow", "children", "children_count", "state_title", "Type", "Title", "Creator", "Date",
        "creation_date", "modification_date", "expires", "creators", "transitions", "obj_path",
    }
)  # fmt: skip
"""Keys that are no fields of their own."""
_LONGEST_REASON: Final = 300


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file of the other laboratory."""

    url: str
    filename: str
    content_type: str | None
    size: int


@dataclass(frozen=True, slots=True)
class PulledObject:
    """An object of the other laboratory, in the names of this one."""

    uid: str
    portal_type: str
    path: str
    """Below the site."""
    values: Mapping[str, object]
    """Field → value as a client would send it."""
    references: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Field → UIDs of the objects that it names."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """Reference field → the title of the object that it names."""
    files: Mapping[str, FileSource] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)
    created: datetime | None = None
    modified: datetime | None = None
    creator: str = ""

    @property
    def container(self) -> str:
        """The path of the container."""
        return self.path.rpartition("/")[0] or "/"


class _ForeignName(NamedTuple):
    """One name under which a field is answered; `words`: its value is one of them."""

    name: str
    words: DialectWords | None = None


class ItemReader:
    """Reads items, within `reading_with` of the kinds. What does not fit is collected in `misfits`."""

    def __init__(self, registry: Registry, dialect: Dialect | None, context: LoadContext) -> None:
        """`dialect` is that of SENAITE; None for Bika LIMS, whose names are those of the types themselves."""
        self._registry = registry
        self._dialect = dialect
        self._context = context
        self._names: dict[str, Mapping[str, tuple[_ForeignName, ...]]] = {}
        self._passed_over: dict[str, frozenset[str]] = {}
        self._readers: dict[tuple[str, str], marshmallow_fields.Field[Any]] = {}
        self.misfits: list[PullMisfit] = []

    def portal_type(self, name: str) -> str | None:
        """The type here that the other laboratory knows by a name; None for none that can be pulled."""
        if self._dialect is not None:
            known = self._dialect.resources.get(name.replace(" ", "").lower())
            if known is not None:
                name = known[0]
        entity_type = self._registry.types.get(name)
        return None if entity_type is None or entity_type.table is not None else name

    def read(self, item: Mapping[str, Any]) -> PulledObject | None:
        """An object; None for one that has no place here."""
        name, uid = str(item.get("portal_type")), str(item.get("uid") or item.get("UID")).lower()
        portal_type, shown_path = self.portal_type(name), str(item.get("path"))[:1000]
        if portal_type is None:
            self.misfits.append(PullMisfit(shown_path, name, "there is no such type here", uid=uid))
            return None
        if portal_type == self._registry.root_type:
            return None
        try:
            path = self.path(item.get("path"))
        except (PathProblem, IdProblem) as problem:
            self.misfits.append(PullMisfit(shown_path, portal_type, str(problem), uid=uid))
            return None
        entity_type = self._registry.types[portal_type]
        read = _Values(self, entity_type, item, path, uid)
        meant = self._dialect.states if self._dialect is not None else {}
        states, lacking = states_of(self._registry, portal_type, item, meant)
        for state in lacking:
            read.misfit("", f"there is no state {state[:80]!r} here; it begins in the first one")
        return PulledObject(
            uid=uid,
            portal_type=portal_type,
            path=path,
            values=read.values,
            references=read.references,
            titles=read.titles,
            files=read.files,
            states=states,
            created=self._instant(item, "created", "creation_date"),
            modified=self._instant(item, "modified", "modification_date"),
            creator=_creator(item),
        )

    def path(self, text: object) -> str:
        """A path below the site, whatever the other site's id. Raises PathProblem, IdProblem."""
        if not isinstance(text, str) or not text.startswith("/"):
            raise PathProblem(f"{str(text)[:80]!r} is no path")
        path = normalise_path(text, text.split("/")[1])
        if path == "/":
            raise PathProblem("the site itself is not pulled")
        check_id(path.rpartition("/")[2])
        for alias, own in self._dialect.folder_aliases.items() if self._dialect is not None else ():
            if path == alias or path.startswith(f"{alias}/"):
                return own + path[len(alias) :]
        return path

    def names(self, entity_type: EntityType) -> Mapping[str, tuple[_ForeignName, ...]]:
        """Stored field → the names under which an item may have its value, the likeliest first."""
        found = self._names.get(entity_type.portal_type)
        if found is None:
            known = None if self._dialect is None else self._dialect.types.get(entity_type.portal_type)
            theirs = {} if known is None else known.fields
            found = self._names[entity_type.portal_type] = {
                name: (
                    *(_ForeignName(other, meant.words) for other, meant in theirs.items() if meant.field == name),
                    *(() if name in theirs else (_ForeignName(name),)),
                )
                for name, declared in entity_type.fields.items()
                if declared.is_stored and declared.kind is not Kind.COMPUTED
            }
        return found

    def passed_over(self, entity_type: EntityType) -> frozenset[str]:
        """Names of an item that say again what other names say, or what is worked out here."""
        name = entity_type.portal_type
        found = self._passed_over.get(name)
        if found is None:
            names = {*_ITEM_KEYS, *entity_type.fields, *entity_type.embed, *entity_type.relations}
            for workflow in self._registry.chain(name):
                names.add(workflow.state_variable)
            names.update(self._registry.state_variables(name))
            names.update(self._registry.variable_aliases.values())
            if self._dialect is None:
                names.update(f"{own}_uid" for own in entity_type.fields)
            else:
                known = self._dialect.types.get(name)
                if known is not None:
                    names.update(known.fields, known.read, known.contents, known.written)
                for catalog in self._dialect.catalogs.values():
                    names.update(catalog.columns)
            found = self._passed_over[name] = frozenset(names)
        return found

    def companions(self, entity_type: EntityType) -> tuple[Companion, ...]:
        """What is here beside objects of a type, and not in the other laboratory."""
        known = None if self._dialect is None else self._dialect.types.get(entity_type.portal_type)
        return () if known is None else known.companions

    def problem_of(self, entity_type: EntityType, declared: Field, value: object) -> str | None:
        """What is wrong with a value for a field; None: it fits."""
        key = (entity_type.portal_type, declared.name)
        if key not in self._readers:
            self._readers[key] = kinds.marshmallow_field(declared)
        try:
            self._readers[key].deserialize(value)
        except InvalidValue as error:
            return joined_messages(map(str, error.messages))[:_LONGEST_REASON]
        except (ValueError, TypeError) as error:
            return str(error)[:_LONGEST_REASON]
        return None

    def _instant(self, item: Mapping[str, Any], *names: str) -> datetime | None:
        for name in names:
            text = item.get(name)
            if isinstance(text, str) and text:
                try:
                    return parse_date(text, self._context.zone, iso="local")
                except DateSyntaxError:
                    continue
        return None


class _Values:
    """The values of one item by kind."""

    def __init__(
        self, reader: ItemReader, entity_type: EntityType, item: Mapping[str, Any], path: str, uid: str
    ) -> None:
        self._reader, self._type, self._path, self._uid = reader, entity_type, path, uid
        self.values: dict[str, object] = {}
        self.references: dict[str, tuple[str, ...]] = {}
        self.titles: dict[str, str] = {}
        self.files: dict[str, FileSource] = {}
        names = reader.names(entity_type)
        for name, candidates in names.items():
            self._read(entity_type.fields[name], candidates, item)
        self.references.update(companion_references(reader.companions(entity_type), item, uid))
        known = reader.passed_over(entity_type)
        for name, value in item.items():
            if name not in known and not name.startswith("get") and value not in _EMPTY and value is not False:
                self.misfit(name[:100], f"{entity_type.portal_type} has no such field here")

    def misfit(self, name: str, reason: str) -> None:
        """Note what did not fit."""
        self._reader.misfits.append(PullMisfit(self._path, self._type.portal_type, reason, name, self._uid))

    def _read(self, declared: Field, candidates: Iterable[_ForeignName], item: Mapping[str, Any]) -> None:
        present = [one for one in candidates if one.name in item or f"{one.name}_uid" in item]
        if not present:
            return
        chosen = next((one for one in present if item.get(one.name) not in _EMPTY), present[0])
        value = item.get(chosen.name)
        if chosen.words is not None:
            title = chosen.words.values.get(str(value))
            if title is not None:
                self.titles[declared.name] = title
            elif value not in _EMPTY:
                self.misfit(declared.name, f"{str(value)[:80]!r} is none of the words that this field has")
        elif declared.kind is Kind.REFERENCE:
            self._refer(declared, item.get(f"{chosen.name}_uid", value))
        elif declared.kind is Kind.FILE:
            self._file(declared, value)
        else:
            self._plain(declared, value)

    def _plain(self, declared: Field, value: object) -> None:
        if declared.kind is Kind.BOOLEAN and value is None and declared.default is True:
            # What is false is answered as nothing by the original.
            value = False
        if value in _EMPTY and declared.default is None:
            self.values[declared.name] = None
            return
        problem = self._reader.problem_of(self._type, declared, value)
        if problem is None:
            self.values[declared.name] = value
        else:
            self.misfit(declared.name, problem)

    def _refer(self, declared: Field, value: object) -> None:
        items = value if isinstance(value, list) else [value]
        uids: dict[str, None] = {}
        for entry in items:
            uid = entry.get("uid") or entry.get("UID") if isinstance(entry, Mapping) else entry
            if uid in _EMPTY:
                continue
            if isinstance(uid, str) and is_uid(uid):
                uids[uid.lower()] = None
            else:
                self.misfit(declared.name, f"{str(uid)[:80]!r} is no UID of an object")
        if len(uids) > 1 and not declared.multi:
            self.misfit(declared.name, f"{len(uids)} objects are named where one can be")
            return
        self.references[declared.name] = tuple(uids)

    def _file(self, declared: Field, value: object) -> None:
        if value in _EMPTY or not isinstance(value, Mapping):
            if value not in _EMPTY:
                self.misfit(declared.name, "no file is described")
            return
        url, filename = value.get("download") or value.get("url"), value.get("filename")
        if not isinstance(filename, str) or not filename:
            return
        if not isinstance(url, str):
            self.misfit(declared.name, f"the file {filename[:80]!r} has no URL")
            return
        size, content_type = value.get("size"), value.get("content_type")
        self.files[declared.name] = FileSource(
            url,
            filename[:255],
            content_type if isinstance(content_type, str) else None,
            size if isinstance(size, int) else 0,
        )


def _creator(item: Mapping[str, Any]) -> str:
    creators = item.get("creators")
    for value in (item.get("author"), item.get("Creator"), *(creators if isinstance(creators, list) else ())):
        if isinstance(value, str) and 0 < len(value) <= 128:
            return value
    return ""
