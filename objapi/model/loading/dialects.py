"""Dialects from the declarations of all profiles: files in `dialects`, one for each, every name in them checked."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from objapi.model.dialects import (
    Companion,
    CriterionKind,
    CriterionSource,
    Default,
    Dialect,
    DialectCatalog,
    DialectColumn,
    DialectType,
    DialectWords,
    FieldName,
    WrittenName,
)
from objapi.model.loading.dialect_columns import ColumnReader
from objapi.model.loading.merging import Declared, declare_all
from objapi.model.loading.names_and_paths import optional_path
from objapi.model.loading.profiles import Profile
from objapi.model.loading.tracing import BrokenPath, Tracer
from objapi.model.paths import Path
from objapi.model.references import PathProblem, normalise_path
from objapi.model.registry import CatalogDeclaration
from objapi.model.types import EntityType, Kind
from workflows import Workflow
from workflows.declarations import DeclarationProblem, Node, Section

FOLDER: Final = "dialects"
DIALECT_KEYS: Final = (
    "site_aliases",
    "folder_aliases",
    "closed_folders",
    "types",
    "words",
    "states",
    "transitions",
    "unknown_transitions",
    "deactivation",
    "everything",
    "every_catalog",
    "catalogs",
)
TYPE_KEYS: Final = (
    "extend", "catalog", "names", "fields", "written", "defaults", "read", "not_here", "contents", "found_by",
    "companions",
)  # fmt: skip
CATALOG_KEYS: Final = ("extend", "catalog", "also", "types", "indexes", "columns", "words", "listed")
_FIELD_KEYS: Final = ("field", "words")
_WRITTEN_KEYS: Final = ("to", "more", "otherwise", "adds", "through")
_COMPANION_KEYS: Final = ("id", "state", "contains", "of_container")
_WORD_KEYS: Final = ("values", "answers", "default")
_CRITERIA: Final = ("value", "present", "outside")
_NOW: Final = "now"


@dataclass(slots=True)
class _Sources:
    """The declarations of one dialect in all profiles."""

    roots: list[Section] = field(default_factory=list)
    types: dict[str, Declared] = field(default_factory=dict)
    catalogs: dict[str, Declared] = field(default_factory=dict)


def read_dialects(
    profiles: Sequence[Profile],
    types: Mapping[str, EntityType],
    catalogs: Mapping[str, CatalogDeclaration],
    workflows: Mapping[str, Workflow],
    problems: list[DeclarationProblem],
) -> dict[str, Dialect]:
    """Every dialect by name. A later profile lays its types, catalogs and words over those of earlier ones."""
    found: dict[str, _Sources] = {}
    for profile in profiles:
        for name, node in profile.named_trees(FOLDER, problems):
            sources = found.setdefault(name, _Sources())
            root = Section(node, "", problems, DIALECT_KEYS)
            sources.roots.append(root)
            declare_all(sources.types, "type", profile, root.mapping("types").items(), problems)
            declare_all(sources.catalogs, "catalog", profile, root.mapping("catalogs").items(), problems)
    return {
        name: _DialectReader(name, sources, Tracer(types, workflows), catalogs, workflows, problems).read()
        for name, sources in found.items()
    }


class _DialectReader:
    """Reads one dialect, noting every name that the profiles do not declare."""

    def __init__(
        self,
        name: str,
        sources: _Sources,
        tracer: Tracer,
        catalogs: Mapping[str, CatalogDeclaration],
        workflows: Mapping[str, Workflow],
        problems: list[DeclarationProblem],
    ) -> None:
        self._name = name
        self._sources = sources
        self._tracer = tracer
        self._types = tracer.types
        self._catalogs = catalogs
        self._problems = problems
        self._transitions = {name for workflow in workflows.values() for name in workflow.transitions}
        self._states = {name for workflow in workflows.values() for name in workflow.states}
        self._words: dict[str, DialectWords] = {}

    def read(self) -> Dialect:
        """The dialect."""
        for root in self._sources.roots:
            for name, inner in root.sections("words", _WORD_KEYS):
                self._words[name] = DialectWords(
                    _texts(inner, "values"), _texts(inner, "answers"), inner.optional_text("default")
                )
        catalogs = {name: self._catalog(name, found.node) for name, found in self._sources.catalogs.items()}
        by_name = {**catalogs, **{other: item for item in catalogs.values() for other in item.also}}
        types = {name: self._type(name, found.node, by_name) for name, found in self._sources.types.items()}
        root = self._sources.roots[-1]
        everything = self._last("everything")
        if not root.choose("everything", everything, list(catalogs), "catalog of the dialect"):
            everything = ""
        deactivation = self._last("deactivation", "deactivate")
        root.choose("deactivation", deactivation, self._transitions, "transition")
        transitions = self._merged("transitions")
        for root in self._sources.roots:
            for name, own in _texts(root, "transitions").items():
                root.choose(f"transitions.{name}", own, self._transitions, "transition")
        for root in self._sources.roots:
            for name, own in _texts(root, "states").items():
                root.choose(f"states.{name}", own, self._states, "state")
        folders = {self._path(alias): self._path(path) for alias, path in self._merged("folder_aliases").items()}
        return Dialect(
            name=self._name,
            types=types,
            catalogs=by_name,
            everything=everything,
            site_aliases=self._all("site_aliases"),
            folder_aliases=dict(sorted(folders.items(), key=lambda pair: -len(pair[0]))),
            closed_folders=frozenset(map(self._path, self._all("closed_folders"))),
            states=self._merged("states"),
            transitions=transitions,
            unknown_transitions=frozenset(self._all("unknown_transitions")),
            deactivation=deactivation,
        )

    def _last(self, key: str, default: str = "") -> str:
        values = [root.text(key) for root in self._sources.roots if root.has(key)]
        return values[-1] if values else default

    def _all(self, key: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(text for root in self._sources.roots for text in root.texts(key)))

    def _merged(self, key: str) -> dict[str, str]:
        merged: dict[str, str] = {}
        for root in self._sources.roots:
            merged |= _texts(root, key)
        return merged

    def _path(self, text: str) -> str:
        try:
            return normalise_path(text, "")
        except PathProblem as error:
            self._sources.roots[-1].note(str(error), "a path below the site, such as /setup/departments")
            return text

    # Types

    def _type(self, name: str, node: Node, catalogs: Mapping[str, DialectCatalog]) -> DialectType:
        section = Section(node, f"types.{name}", self._problems, TYPE_KEYS)
        declared = self._types.get(name)
        if declared is None:
            section.choose("", name, list(self._types), "type")
            return DialectType(name, (name,), "")
        catalog = section.text("catalog", required=True)
        if catalog and section.choose("catalog", catalog, list(catalogs), "catalog of the dialect"):
            shown = catalogs[catalog].types
            if shown is not None and name not in shown:
                section.note(f"{catalog} does not show {name}", "a catalog that shows the type", "catalog")
        for contained in section.texts("contents"):
            section.choose("contents", contained, list(declared.embed), "embedded object")
        known = {index for item in self._catalogs.values() for index in item.schema.indexes}
        for index in section.texts("found_by"):
            section.choose("found_by", index, known, "index")
        return DialectType(
            portal_type=name,
            names=(name, *(other for other in section.texts("names") if other != name)),
            catalog=catalog,
            fields={their: self._field(section, their, declared) for their in section.mapping("fields")},
            written=self._written(section, declared),
            defaults=self._defaults(section, declared),
            read=self._columns(section, "read", [name], None),
            not_here=frozenset(section.texts("not_here")),
            contents=frozenset(section.texts("contents")),
            found_by=section.texts("found_by"),
            companions=tuple(self._companions(section, declared)),
        )

    def _companions(self, section: Section, declared: EntityType) -> Iterator[Companion]:
        for name, inner in section.sections("companions", _COMPANION_KEYS):
            references = {own: item for own, item in declared.fields.items() if item.kind is Kind.REFERENCE}
            if not inner.choose(name, name, list(references), "reference field"):
                continue
            targets = references[name].targets
            if len(targets) != 1:
                inner.note(f"{name} refers to objects of several types", "a field that refers to one type", name)
                continue
            contains = _texts(inner, "contains")
            for contained in contains:
                holders = self._types[contained].containers if contained in self._types else ()
                if inner.choose("contains", contained, list(self._types), "type") and targets[0] not in holders:
                    inner.note(f"{contained} cannot be in {targets[0]}", f"a type that {targets[0]} holds", "contains")
            state = inner.optional_text("state")
            if state is not None:
                inner.choose("state", state, self._states, "state")
            of_container = inner.flag("of_container")
            yield Companion(
                name, targets[0], inner.text("id", required=not of_container), state, contains, of_container
            )

    def _field(self, section: Section, their: str, declared: EntityType) -> FieldName:
        key = f"fields.{their}"
        inner, words = section.section("fields"), None
        if isinstance(inner[their].value, Mapping):
            one = inner.section(their, _FIELD_KEYS)
            own, named = one.text("field", required=True), one.optional_text("words")
            if named is not None and one.choose("words", named, list(self._words), "set of words"):
                words = self._words[named]
        else:
            own = inner.text(their)
        if own:
            section.choose(key, own, list(declared.fields), "field")
        return FieldName(own, words)

    def _written(self, section: Section, declared: EntityType) -> dict[str, WrittenName]:
        found = {}
        for their, inner in section.sections("written", _WRITTEN_KEYS):
            to, through = inner.text("to", required=True), inner.optional_text("through")
            known = {**declared.fields, **declared.create_parameters}
            if to and inner.choose("to", to, list(known), "field") and through is not None:
                targets = [self._types[name] for name in known[to].targets if name in self._types]
                there = {field for target in (*targets, declared) for field in target.fields}
                inner.choose("through", through, there, "field")
            found[their] = WrittenName(
                to,
                self._paths(inner, "more", declared),
                self._paths(inner, "otherwise", declared),
                inner.flag("adds"),
                through,
            )
        return found

    def _defaults(self, section: Section, declared: EntityType) -> dict[str, Default]:
        found = {}
        inner = section.section("defaults")
        for name in inner.names():
            inner.choose(name, name, list(declared.fields), "field")
            texts = inner.texts(name)
            paths = [path for text in texts if text != _NOW and (path := self._value_path(inner, text, name, declared))]
            found[name] = Default(tuple(paths), _NOW in texts)
        return found

    def _paths(self, section: Section, key: str, declared: EntityType) -> tuple[Path, ...]:
        texts = section.texts(key)
        return tuple(path for text in texts if (path := self._value_path(section, text, key, declared)) is not None)

    def _value_path(self, section: Section, text: str, key: str, declared: EntityType) -> Path | None:
        """A path to a value. Of a list of records the key may be that of each."""
        path = optional_path(section, text, key)
        if path is None:
            return None
        try:
            reached = self._tracer.follow([declared.portal_type], path.steps)
            if path.attribute is not None and not any(path.attribute in self._tracer.names(name) for name in reached):
                self._tracer.check_value([declared.portal_type], path)
        except BrokenPath as error:
            section.note(str(error), "a path to a value", key)
        return path

    # Catalogs

    def _catalog(self, name: str, node: Node) -> DialectCatalog:
        section = Section(node, f"catalogs.{name}", self._problems, CATALOG_KEYS)
        own = section.text("catalog", required=True)
        declared = self._catalogs.get(own)
        if declared is None:
            section.choose("catalog", own, list(self._catalogs), "catalog")
            return DialectCatalog(name, own, None, {}, {})
        held = [
            item
            for item in self._types
            if own in self._types[item].catalogs or declared.schema.types is None or item in declared.schema.types
        ]
        types = section.texts("types")
        for portal_type in types:
            section.choose("types", portal_type, held, f"type in {own}")
        shown = list(types) or held
        words = section.optional_text("words")
        if words is not None:
            section.choose("words", words, list(declared.schema.indexes), f"index of {own}")
        return DialectCatalog(
            name=name,
            catalog=own,
            types=frozenset(types) if section.has("types") else None,
            indexes={**self._criteria_of_all(declared), **self._criteria(section.section("indexes"), declared)},
            columns={**self._columns_of_all(held, declared), **self._columns(section, "columns", shown, declared)},
            also=section.texts("also"),
            words=words,
            listed=section.flag("listed", default=True),
        )

    def _every(self) -> Iterable[Section]:
        for root in self._sources.roots:
            if root.has("every_catalog"):
                yield root.section("every_catalog", ("indexes", "columns"))

    def _criteria_of_all(self, catalog: CatalogDeclaration) -> dict[str, CriterionSource]:
        found: dict[str, CriterionSource] = {}
        for section in self._every():
            found |= self._criteria(section.section("indexes"), catalog)
        return found

    def _columns_of_all(self, types: Collection[str], catalog: CatalogDeclaration) -> dict[str, DialectColumn]:
        found: dict[str, DialectColumn] = {}
        for section in self._every():
            found |= self._columns(section, "columns", types, catalog)
        return found

    def _criteria(self, section: Section, catalog: CatalogDeclaration) -> dict[str, CriterionSource]:
        return {name: self._criterion(section, name, catalog) for name in section.names()}

    def _criterion(self, section: Section, name: str, catalog: CatalogDeclaration) -> CriterionSource:
        known, what = list(catalog.schema.indexes), f"index of {catalog.name}"
        node = section[name]
        if node.value is None:
            return CriterionSource(CriterionKind.ABSENT)
        if not isinstance(node.value, Mapping):
            index = section.text(name)
            section.choose(name, index, known, what)
            return CriterionSource(CriterionKind.INDEX, index)
        inner = section.section(name, _CRITERIA)
        if "value" in inner:
            return CriterionSource(CriterionKind.VALUE, value=inner.plain("value"))
        if inner.has("present"):
            index = inner.text("present")
            inner.choose("present", index, known, what)
            return CriterionSource(CriterionKind.PRESENT, index)
        outside = inner.section("outside")
        for index in outside.names():
            outside.choose(index, index, known, what)
            return CriterionSource(CriterionKind.OUTSIDE, index, values=outside.texts(index))
        inner.note("it says nothing", "value, present, or outside")
        return CriterionSource(CriterionKind.ABSENT)

    def _columns(
        self, section: Section, key: str, types: Collection[str], catalog: CatalogDeclaration | None
    ) -> dict[str, DialectColumn]:
        reader = ColumnReader(self._tracer, types, catalog, self._transitions)
        inner = section.section(key)
        return {name: column for name in inner.names() if (column := reader.read(inner, name)) is not None}


def _texts(section: Section, key: str) -> dict[str, str]:
    inner = section.section(key)
    return {name: inner.text(name) for name in inner.names()}
