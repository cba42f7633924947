"""The registry: everything a site's profiles declare, checked and frozen."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from catalog import CatalogSchema, IndexKind, ValueType
from objapi.model.behaviors import Behaviors
from objapi.model.charts import Chart
from objapi.model.dialects import Dialect
from objapi.model.instrument_files import InstrumentFile
from objapi.model.labels import AS_DECLARED, Labels
from objapi.model.paths import Path
from objapi.model.result_sheets import ResultSheet
from objapi.model.types import EntityType, FoldRule
from objapi.model.worklists import DeclaredWorklist
from workflows import Cascade, PermissionSetting, Workflow, WorkflowRegistry

MOST_COUNTED = 4
"""Indexes by which documents are counted; a database key holds as many texts."""

_ALWAYS_THERE = frozenset({"id", "uid", "path", "portal_type", "created", "modified", "sortable_title"})
"""Attributes that every object has."""


@dataclass(frozen=True, slots=True)
class IndexSource:
    """Source of the value of an index: a path or behaviour for each type, and one for all others."""

    by_type: Mapping[str, Path | str] = field(default_factory=dict)
    """A `Path`, or the name of a computed behaviour."""
    default: Path | str | None = None
    depends: tuple[Path, ...] | None = None
    """Values that the behaviours read; None: they do not say."""
    until: Path | None = None
    """The end of a range of dates, whose beginning `default` gives."""
    more: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    """Type → further values of its objects in the same index."""

    def of(self, portal_type: str) -> Path | str | None:
        """The source for one type; None: its objects have no value here."""
        return self.by_type.get(portal_type, self.default)

    def also(self, portal_type: str) -> tuple[Path, ...]:
        """The paths of further values of one type: those of `more`, and the end of a range."""
        return (*self.more.get(portal_type, ()), *(() if self.until is None else (self.until,)))

    def paths(self, portal_type: str) -> tuple[Path, ...]:
        """The paths that the value of an object of a type is made from."""
        found = self.of(portal_type)
        own = (found,) if isinstance(found, Path) else self.depends or () if found is not None else ()
        return (*own, *self.also(portal_type))


@dataclass(frozen=True, slots=True)
class CatalogDeclaration:
    """A catalog: its indexes, where their values come from, and which of them a read answers."""

    schema: CatalogSchema
    sources: Mapping[str, IndexSource]
    returned: tuple[str, ...] = ()
    hidden: frozenset[str] = frozenset()
    """Indexes that are neither criterion nor answer, such as allowedRolesAndUsers."""
    table_of: str | None = None
    """The type whose table the catalog is; None: the gateway keeps tables for it."""

    @property
    def name(self) -> str:
        """The catalog's name."""
        return self.schema.name


@dataclass(frozen=True, slots=True)
class CatalogAlias:
    """Another name of a catalog, which may fix the types it shows."""

    name: str
    catalog: str
    types: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class GroupDeclaration:
    """A group of users and the roles its members have everywhere."""

    id: str
    title: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Roles:
    """Roles, groups and permissions of a site."""

    roles: tuple[str, ...]
    groups: Mapping[str, GroupDeclaration]
    permissions: Mapping[str, PermissionSetting]
    """Permissions as the site root has them; whatever is not named belongs to Manager."""
    by_path: Mapping[str, Mapping[str, PermissionSetting]] = field(default_factory=dict)
    """Permissions written onto the objects that the site is made with."""
    scoped_roles: frozenset[str] = frozenset()
    """Roles that count only where their holder has a local role."""
    staff_roles: frozenset[str] = frozenset()
    """Roles that may ask for the list of users."""
    api_permission: str = "BIKA: Access JSON API"
    history_permission: str = "BIKA: View Log Tab"


@dataclass(frozen=True, slots=True)
class IdSettings:
    """Object and fields that may overrule the id rules of types."""

    path: str | None = None
    rows_field: str | None = None
    """A records field with portal_type, prefix, separator, padding and sequence_start."""
    year_field: str | None = None


@dataclass(frozen=True, slots=True)
class Registry:
    """All declarations of a site."""

    types: Mapping[str, EntityType]
    catalogs: Mapping[str, CatalogDeclaration]
    aliases: Mapping[str, CatalogAlias]
    workflows: Mapping[str, Workflow]
    cascades: tuple[Cascade, ...]
    conditions: WorkflowRegistry
    roles: Roles
    behaviors: Behaviors
    ids: IdSettings = IdSettings()
    default_catalog: str = "portal_catalog"
    uid_catalog: str = "uid_catalog"
    root_type: str = "Plone Site"
    variable_aliases: Mapping[str, str] = field(default_factory=dict)
    """Workflow variable → a second name under which it is answered."""
    layout: tuple[Mapping[str, object], ...] = ()
    """The objects a new site is made with, containers first."""
    content_files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Sample contents that profiles offer: name → the file of each profile that has one, in their order."""
    profiles: frozenset[str] = frozenset()
    """The names of the profiles, those that others extend included."""
    login_indexes: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    """Catalog and index by which the person of a user is found → the types of such persons."""
    dialects: Mapping[str, Dialect] = field(default_factory=dict)
    """Names under which clients of other programs know types, fields and catalogs, by the name of the dialect."""
    worklists: Mapping[str, DeclaredWorklist] = field(default_factory=dict)
    """Queries for those who have something to do, in their order."""
    result_sheets: Mapping[str, ResultSheet] = field(default_factory=dict)
    """Type → the sheet in which the results that its objects hold are entered."""
    charts: Mapping[str, Chart] = field(default_factory=dict)
    """What objects and the site are looked at over time, by name, in their order."""
    instrument_files: Mapping[str, InstrumentFile] = field(default_factory=dict)
    """Shapes of files of results that instruments write, by name."""
    languages: Mapping[str, Labels] = field(default_factory=dict)
    """Code of a language → what types and fields are called in it."""
    fingerprint: str = ""
    """A digest of the declarations that decide how tables look and what they hold."""
    containers: frozenset[str] = field(init=False, compare=False, repr=False)
    """The types whose objects can contain others."""
    _chains: Mapping[str, tuple[Workflow, ...]] = field(init=False, compare=False, repr=False)
    _variables: Mapping[str, Mapping[str, tuple[str, object]]] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        # Asked for every object of a request, or set up for each request.
        containers = frozenset(name for item in self.types.values() for name in item.containers)
        chains = {name: tuple(self.workflows[own] for own in item.workflows) for name, item in self.types.items()}
        object.__setattr__(self, "containers", containers)
        object.__setattr__(self, "_chains", chains)
        object.__setattr__(self, "_variables", {name: _variables_of(chain) for name, chain in chains.items()})

    def labels(self, language: str | None) -> Labels:
        """What types and fields are called in a language; in one without translations as they are declared."""
        return self.languages.get(language or "", AS_DECLARED)

    def chain(self, portal_type: str) -> tuple[Workflow, ...]:
        """The workflows of a type, in order."""
        return self._chains[portal_type]

    def state_variables(self, portal_type: str) -> Mapping[str, tuple[str, object]]:
        """The workflow variables that objects of a type answer, the first workflow of the chain winning a name.

        Name → workflow, and the value of an object that never entered it.
        """
        return self._variables[portal_type]

    def counted_indexes(self, catalog: CatalogDeclaration) -> tuple[str, ...]:
        """The indexes by whose values a catalog counts its documents: the type, then workflow states, at most four."""
        return counted_indexes(catalog, self.workflows)

    def complete_indexes(self, catalog: CatalogDeclaration) -> frozenset[str]:
        """The indexes of a catalog that have a value for every object."""
        return frozenset(
            name
            for name, source in catalog.sources.items()
            if isinstance(source.default, Path)
            and not source.by_type
            and source.until is None
            and not source.default.steps
            and source.default.attribute in _ALWAYS_THERE
            and name not in catalog.hidden
        )

    def catalogs_of(self, portal_type: str) -> tuple[CatalogDeclaration, ...]:
        """The catalogs that hold a type: its own, in the order in which references search them, then that of UIDs.

        A type that is a table has that table alone.
        """
        entity_type = self.types[portal_type]
        own = () if entity_type.table is not None else (self.uid_catalog,)
        names = dict.fromkeys((*entity_type.catalogs, *own))
        return tuple(self.catalogs[name] for name in names if name in self.catalogs)


def login_indexes(
    types: Mapping[str, EntityType], catalogs: Mapping[str, CatalogDeclaration]
) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """The catalog and index that find the persons of each type with log-ins; a type that has none is left out."""
    found: dict[tuple[str, str], list[str]] = {}
    for portal_type, entity_type in types.items():
        if entity_type.login is None:
            continue
        places = [
            (name, index)
            for name, catalog in catalogs.items()
            if name in entity_type.catalogs
            for index, source in catalog.sources.items()
            if source.of(portal_type) == Path((), entity_type.login.field)
            and catalog.schema.indexes[index].kind is IndexKind.FIELD
        ]
        # One place for as many types as possible: each is a statement.
        places.sort(key=lambda place: place not in found)
        for place in places[:1]:
            found.setdefault(place, []).append(portal_type)
    return {place: tuple(names) for place, names in found.items()}


def _variables_of(chain: Sequence[Workflow]) -> dict[str, tuple[str, object]]:
    found: dict[str, tuple[str, object]] = {}
    for workflow in chain:
        found.setdefault(workflow.state_variable, (workflow.id, workflow.initial_state))
        for variable in workflow.variables.values():
            if variable.for_catalog and variable.for_status:
                found.setdefault(variable.id, (workflow.id, variable.default))
    return found


def counted_indexes(catalog: CatalogDeclaration, workflows: Mapping[str, Workflow]) -> tuple[str, ...]:
    """Names of the indexes by which a catalog counts its documents; see `Registry.counted_indexes`."""
    used = Counter(workflow.state_variable for workflow in workflows.values())
    wanted = ["portal_type", *sorted(used, key=lambda name: (-used[name], name))]
    return tuple(name for name in wanted if _is_own_text(catalog, name))[:MOST_COUNTED]


def _is_own_text(catalog: CatalogDeclaration, name: str) -> bool:
    """True for a field index of texts over the object's own value of that name, whatever its type."""
    source, index = catalog.sources.get(name), catalog.schema.indexes.get(name)
    if source is None or index is None or source.by_type or source.default != Path((), name):
        return False
    return index.kind is IndexKind.FIELD and index.value_type is ValueType.STRING


def fold(rules: Iterable[FoldRule], value_of: Callable[[str], object]) -> str | None:
    """The folded state of an object whose workflow variables `value_of` gives; None when no rule applies."""
    for rule in rules:
        value = value_of(rule.variable)
        if not isinstance(value, str) or not value or (rule.values and value not in rule.values):
            continue
        if all(value_of(name) in allowed for name, allowed in rule.when.items()):
            return value if rule.word is None else rule.word
    return None
