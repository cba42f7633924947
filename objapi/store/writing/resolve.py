"""Selectors and references of a request resolved to drafts: in bulk, with the rights of the user.

Each distinct query of a reference field is asked once, those over the same indexes together.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from catalog import IndexKind, ValueType
from objapi.errors import (
    AmbiguousReference,
    ApiError,
    BadRequest,
    Cause,
    NotFound,
    TooLarge,
    UnresolvedReference,
    sentence_end,
)
from objapi.model.natural_keys import query_by_key
from objapi.model.references import (
    CATALOG_TERM,
    MAX_PROBLEMS,
    UID_INDEX,
    Lookup,
    NameLookup,
    PathLookup,
    PathProblem,
    QueryLookup,
    UidLookup,
    is_uid,
    normalise_path,
)
from objapi.model.registry import CatalogDeclaration, Registry
from objapi.model.token_scope import TokenScope
from objapi.model.types import Field
from objapi.store.permissions.acls import VIEW
from objapi.store.requests import ByCriteria, ByPath, ByUid, Selector
from objapi.store.writing.draft import Draft
from objapi.store.writing.planner import CatalogSearch, StorePlanner
from objapi.store.writing.render import Renderer
from objapi.store.writing.workspace import Workspace
from workflows.declarations import suggestion

CANDIDATES = 5
"""Objects that the refusal of an ambiguous reference names, at most."""
MERGED = 200
"""Queries over the same indexes that are asked at once, at most."""
TYPE = "portal_type"


@dataclass(frozen=True, slots=True)
class Question:
    """A query of a field: the catalogs to be asked in order, and the types that it may find (empty: any)."""

    catalogs: tuple[str, ...]
    lookup: QueryLookup
    types: tuple[str, ...]
    many: bool

    @classmethod
    def of(cls, registry: Registry, field: Field, lookup: QueryLookup) -> "Question":
        """The catalogs of the types named, else the default one and those of the field's targets."""
        terms = dict(lookup.terms)
        types, names = terms.get(TYPE), list[str]()
        named = terms.get(CATALOG_TERM)
        if named is not None:
            lookup = QueryLookup(tuple(term for term in lookup.terms if term[0] != CATALOG_TERM))
            catalogs = [catalog_named(registry, name) for name in named]
            found = tuple(dict.fromkeys(name for name in catalogs if name is not None))
            return cls(found, lookup, () if TYPE in terms else field.targets, field.multi)
        if types is None:
            names.append(registry.uid_catalog if UID_INDEX in terms else registry.default_catalog)
            types = field.targets
        for portal_type in types:
            if portal_type in registry.types:
                names.extend(catalog.name for catalog in registry.catalogs_of(portal_type))
        return cls(tuple(dict.fromkeys(names)), lookup, () if TYPE in terms else field.targets, field.multi)

    @property
    def indexes(self) -> tuple[str, ...]:
        """The indexes that the query names."""
        return tuple(name for name, _ in self.lookup.terms)


def catalog_named(registry: Registry, name: str) -> str | None:
    """The catalog with a name, or with it as another name; None when there is none."""
    alias = registry.aliases.get(name.strip())
    found = name.strip() if alias is None else alias.catalog
    return found if found in registry.catalogs else None


class Lookups:
    """Answers of one request to queries of reference fields."""

    def __init__(self, workspace: Workspace, search: CatalogSearch, renderer: Renderer, most_single: int) -> None:
        self._workspace = workspace
        self._search = search
        self._single_left = self._most_single = most_single
        self._renderer = renderer
        self._found: dict[Question, list[Draft]] = {}

    def found(self, field: Field, lookup: QueryLookup) -> list[Draft]:
        """Objects that a query found; empty when it was not asked."""
        return self._found.get(Question.of(self._workspace.registry, field, lookup), [])

    def ask(self, queries: Iterable[tuple[Field, QueryLookup]]) -> None:
        """Ask every query that was not asked yet; the first catalog in which it finds something answers it.

        Raises TooLarge beyond the number of queries that one request may ask one by one, as those of texts are.
        """
        registry = self._workspace.registry
        asked = dict.fromkeys(Question.of(registry, field, lookup) for field, lookup in queries)
        waiting = [question for question in asked if question not in self._found]
        self._found.update((question, []) for question in waiting)
        place = 0
        waiting = [question for question in waiting if question.catalogs]
        while waiting:
            groups: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[Question]] = {}
            for question in waiting:
                key = (question.catalogs[place], question.indexes, question.types)
                groups.setdefault(key, []).append(question)
            for (name, indexes, types), questions in groups.items():
                self._ask_together(registry.catalogs[name], indexes, types, questions)
            place += 1
            waiting = [item for item in waiting if not self._found[item] and place < len(item.catalogs)]

    def _ask_together(
        self,
        catalog: CatalogDeclaration,
        indexes: tuple[str, ...],
        types: tuple[str, ...],
        questions: Sequence[Question],
    ) -> None:
        known = [catalog.schema.indexes[name] for name in indexes if name in catalog.schema.indexes]
        if len(known) < len(indexes):
            return
        within = {TYPE: list(types)} if types and TYPE in catalog.schema.indexes else {}
        plain = all(
            index.kind in (IndexKind.FIELD, IndexKind.UUID) and index.value_type is ValueType.STRING for index in known
        )
        if len(questions) == 1 or not plain:
            self._ask_singly(catalog, within, questions)
            return
        for start in range(0, len(questions), MERGED):
            self._ask_merged(catalog, indexes, within, questions[start : start + MERGED])
        if catalog.table_of is not None:
            # A table's own collation may find texts equal that differ here.
            self._ask_singly(catalog, within, [question for question in questions if not self._found[question]])

    def _ask_singly(
        self, catalog: CatalogDeclaration, within: Mapping[str, object], questions: Sequence[Question]
    ) -> None:
        # A write may ask under its lock, and each of these is a statement of its own: thousands would keep all other
        # writers waiting.
        self._single_left -= len(questions)
        if self._single_left < 0:
            message = (
                f"The references ask more than {self._most_single} queries one by one, the limit of this site "
                "(OBJAPI_MAX_REFERENCE_QUERIES). Name objects by UID, path or id, which are looked up together."
            )
            raise TooLarge(message, causes=[Cause("object", str(questions[0].lookup), message)])
        for question in questions:
            criteria = {**within, **{name: list(values) for name, values in question.lookup.terms}}
            most = None if question.many else CANDIDATES + 1
            self._found[question] = self._drafts(catalog, criteria, most)

    def _ask_merged(
        self,
        catalog: CatalogDeclaration,
        indexes: tuple[str, ...],
        within: Mapping[str, object],
        questions: Sequence[Question],
    ) -> None:
        """One statement for several queries: any of their values in every index, sorted out by the values found."""
        union = {
            name: list(dict.fromkeys(value for item in questions for value in dict(item.lookup.terms)[name]))
            for name in indexes
        }
        by_values: dict[tuple[object, ...], list[Draft]] = {}
        for draft in self._drafts(catalog, {**within, **union}, None):
            values = self._renderer.index_values(draft, catalog, indexes)
            found = tuple(values.get(name) for name in indexes)
            by_values.setdefault(_compared(catalog, found), []).append(draft)
        for question in questions:
            wanted = dict.fromkeys(_compared(catalog, values) for values in _products(question.lookup))
            self._found[question] = [draft for values in wanted for draft in by_values.get(values, ())]

    def _drafts(self, catalog: CatalogDeclaration, criteria: Mapping[str, object], most: int | None) -> list[Draft]:
        workspace = self._workspace
        rids = self._search(catalog, criteria, most=most)
        workspace.load_rids(rids)
        return [workspace.by_rid[rid] for rid in rids if rid in workspace.by_rid]


def _compared(catalog: CatalogDeclaration, values: tuple[object, ...]) -> tuple[object, ...]:
    """Values as a catalog compares them: texts of existing tables without regard to case."""
    if catalog.table_of is None:
        return values
    return tuple(value.casefold() if isinstance(value, str) else value for value in values)


def _products(lookup: QueryLookup) -> Iterable[tuple[object, ...]]:
    combined: list[tuple[object, ...]] = [()]
    for _, values in lookup.terms:
        combined = [(*before, value) for before in combined for value in values]
    return combined


@dataclass(frozen=True, slots=True)
class Wanted:
    """The look-ups of one reference field."""

    field: Field
    lookups: tuple[Lookup, ...]


def is_within_reach(token: TokenScope | None, draft: Draft) -> bool:
    """True for an object that a caller's API token reaches, both where it was and where it will be."""
    if token is None:
        return True
    paths = {draft.path} if draft.is_new else {draft.path, draft.stored_path}
    return all(token.covers(draft.portal_type, path) for path in paths)


class Resolver:
    """Resolves selectors and references of one request."""

    def __init__(self, planner: StorePlanner, search: CatalogSearch) -> None:
        self._workspace = planner.workspace
        self._context = planner.context
        self._rights = planner.rights
        self._token = planner.context.principal.token
        self._search = search
        self._lookups = Lookups(
            planner.workspace, search, planner.renderer, planner.context.site.most_reference_queries
        )
        self.named: dict[str, Draft | None] = {}
        """Name of an item of the request → its object; None for one that fails, which is no fault of a reference."""

    # Selectors

    def select(self, selectors: Sequence[Selector], *, as_containers: bool = False) -> list[Draft | ApiError]:
        """The draft of each selector, or why there is none; what the caller may not see is not there.

        What the caller's API token does not reach is not there either. `as_containers`: they are named as those of
        what is made or put there, which may be of types that the token is not for.
        """
        workspace = self._workspace
        paths: dict[str, str | ApiError] = {}
        for selector in selectors:
            if isinstance(selector, ByPath):
                paths[selector.path] = self.full_path(selector.path)
        known = frozenset(workspace.by_rid)
        workspace.load_uids(
            selector.uid.lower() for selector in selectors if isinstance(selector, ByUid) and is_uid(selector.uid)
        )
        workspace.load_paths(path for path in paths.values() if isinstance(path, str))
        found = [self._selected(selector, paths, as_container=as_containers) for selector in selectors]
        if any(isinstance(item, NotFound) for item in found):
            there = {item.rid for item in found if isinstance(item, Draft)}
            for draft in [draft for rid, draft in workspace.by_rid.items() if rid not in known and rid not in there]:
                workspace.forget(draft)
        return found

    def full_path(self, text: str) -> str | ApiError:
        """A path as it is stored, whatever the spelling; BadRequest for what is none."""
        try:
            relative = normalise_path(text, self._context.site.site_id)
        except PathProblem as problem:
            return BadRequest(str(problem), causes=[Cause("parameter", "obj_path", str(problem))])
        return self._context.full_path(relative)

    def _selected(
        self, selector: Selector, paths: Mapping[str, str | ApiError], *, as_container: bool
    ) -> Draft | ApiError:
        workspace = self._workspace
        match selector:
            case ByUid(uid):
                return self._seen(workspace.by_uid.get(uid.lower()), uid, as_container=as_container)
            case ByPath(path):
                full = paths[path]
                if isinstance(full, ApiError):
                    return full
                return self._seen(workspace.by_path.get(full), path, as_container=as_container)
            case ByCriteria(portal_type, criteria):
                return self._by_criteria(portal_type, criteria)

    def _seen(self, draft: Draft | None, name: str, *, as_container: bool) -> Draft | ApiError:
        """The object that has a name, or the one refusal of what is not there, not to be seen or not within reach."""
        if (
            draft is None
            or draft.removed
            or not self._rights.may(VIEW, draft.acl, draft.scope)
            or not (is_within_reach(self._token, draft) or (as_container and self._may_hold(draft)))
        ):
            message = f"There is no object {name!r}, or you may not see it{self._beyond}."
            return NotFound(message, causes=[Cause("object", name, message)])
        return draft

    def _may_hold(self, draft: Draft) -> bool:
        """True for a container, on the paths of the caller's API token, of objects of a type that the token is for."""
        token, types = self._token, self._context.registry.types
        if token is None or token.types is None or not token.covers_path(draft.path):
            return False
        return any(name in types and draft.portal_type in types[name].containers for name in token.types)

    @property
    def _beyond(self) -> str:
        """A clause that says what the caller's API token reaches; empty where it reaches all."""
        token = self._token
        if token is None or not token.limits_objects:
            return ""
        return f" by the token {token.prefix}, which is for {token}"

    def _by_criteria(self, portal_type: str, criteria: Mapping[str, object]) -> Draft | ApiError:
        known = self._context.registry.types.get(portal_type)
        if known is None:
            message = f"There is no type {portal_type!r}."
            return BadRequest(message, causes=[Cause("parameter", "obj_type", message)])
        named = ", ".join(f"{name} {value!r}" for name, value in criteria.items())
        # Not every catalog can be held to what a token reaches: the rest is left out afterwards.
        is_held = self._token is not None and self._token.limits_objects
        most = None if is_held else CANDIDATES + 1
        for catalog in self._context.registry.catalogs_of(portal_type):
            if all(name in catalog.schema.indexes for name in criteria):
                rids = self._search(catalog, {"portal_type": portal_type, **criteria}, most=most, within_reach=True)
                drafts = [draft for draft in self._drafts(rids) if is_within_reach(self._token, draft)]
                if len(drafts) > 1:
                    paths = ", ".join(draft.path for draft in drafts[:CANDIDATES])
                    return AmbiguousReference(
                        f"{portal_type} with {named} is not one object but several: {paths}. Give obj_path."
                    )
                if drafts:
                    return drafts[0]
        return NotFound(f"There is no {portal_type} with {named}, or you may not see it{self._beyond}.")

    def _drafts(self, rids: Sequence[int]) -> list[Draft]:
        workspace = self._workspace
        workspace.load_rids(rids)
        return [workspace.by_rid[rid] for rid in rids if rid in workspace.by_rid]

    # References

    def references(self, wanted: Sequence[Wanted]) -> list[list[str] | ApiError]:
        """The UIDs that each field's look-ups find, in order and without repetition, or all that is wrong with them."""
        workspace = self._workspace
        with workspace.without_locks():
            lookups = [lookup for item in wanted for lookup in item.lookups]
            known = frozenset(workspace.by_rid)
            workspace.load_uids(lookup.uid for lookup in lookups if isinstance(lookup, UidLookup))
            workspace.load_paths(self._site_path(lookup) for lookup in lookups if isinstance(lookup, PathLookup))
            for draft in [draft for rid, draft in workspace.by_rid.items() if rid not in known]:
                if not self._rights.may(VIEW, draft.acl, draft.scope):
                    workspace.forget(draft)
            self._lookups.ask(
                [(item.field, lookup) for item in wanted for lookup in item.lookups if isinstance(lookup, QueryLookup)]
            )
            again = [
                (item.field, other)
                for item in wanted
                for lookup in item.lookups
                if isinstance(lookup, QueryLookup) and not self._candidates(item.field, lookup)
                for other in self._other_readings(item.field, lookup)
            ]
            self._lookups.ask(again)
            return [self._resolved(item) for item in wanted]

    def _other_readings(self, field: Field, lookup: QueryLookup) -> list[QueryLookup]:
        """What a query that finds nothing is tried as, in order: an id as a natural key; decoded.

        Some clients encode a value inside one that is itself encoded.
        """
        return [other for other in (query_by_key(self._context.registry, field, lookup), lookup.decoded()) if other]

    def _site_path(self, lookup: PathLookup) -> str:
        return self._context.full_path(lookup.path)

    def _resolved(self, item: Wanted) -> list[str] | ApiError:
        uids: dict[str, None] = {}
        errors: list[ApiError] = []
        for lookup in item.lookups:
            if isinstance(lookup, NameLookup) and self.named.get(lookup.name, self) is None:
                continue
            found = self._candidates(item.field, lookup)
            if not found and isinstance(lookup, QueryLookup):
                others = (self._candidates(item.field, other) for other in self._other_readings(item.field, lookup))
                found = next((drafts for drafts in others if drafts), found)
            if not found:
                errors.append(_unresolved(item.field, lookup, self._misspelt(item.field, lookup)))
            elif len(found) > 1 and not item.field.multi and self._context.site.ambiguous == "error":
                errors.append(_ambiguous(item.field, lookup, found))
            else:
                taken = found if item.field.multi else found[:1]
                uids.update((draft.uid, None) for draft in taken)
        if errors:
            return errors[0] if len(errors) == 1 else _merged(errors)
        return list(uids)

    def _misspelt(self, field: Field, lookup: Lookup) -> str:
        """The sentence that names keys of a query which no catalog that was searched knows; empty without such."""
        if isinstance(lookup, NameLookup) and lookup.name not in self.named:
            return " Only entries of create_many have names, and none of this request has this one."
        if not isinstance(lookup, QueryLookup):
            return ""
        registry = self._context.registry
        searched = Question.of(registry, field, lookup)
        for name in dict(lookup.terms).get(CATALOG_TERM, ()):
            if catalog_named(registry, name) is None:
                near = suggestion(name, (*registry.catalogs, *registry.aliases))
                return f" There is no catalog {name!r}{sentence_end(near)}"
        usable = self._context.site.access.usable
        catalogs = [registry.catalogs[name] for name in searched.catalogs]
        known = {name for catalog in catalogs for name in usable(catalog, self._rights).indexes}
        unknown = [name for name in searched.indexes if name not in known]
        if not unknown:
            return ""
        where = " or ".join(searched.catalogs) or "any catalog"
        return " ".join(
            ["", *(f"{name!r} is not an index of {where}{sentence_end(suggestion(name, known))}" for name in unknown)]
        )

    def _candidates(self, field: Field, lookup: Lookup) -> list[Draft]:
        """Objects of a look-up that the field allows and the user may see."""
        workspace = self._workspace
        match lookup:
            case UidLookup(uid):
                known = workspace.by_uid.get(uid)
                drafts = [known] if known is not None else []
            case PathLookup():
                known = workspace.by_path.get(self._site_path(lookup))
                drafts = [known] if known is not None else []
            case NameLookup(name):
                named = self.named.get(name)
                drafts = [named] if named is not None else []
            case QueryLookup():
                drafts = self._lookups.found(field, lookup)
        rights = self._rights
        return [
            draft
            for draft in drafts
            if not draft.removed
            and (not field.targets or draft.portal_type in field.targets)
            and rights.may(VIEW, draft.acl, draft.scope)
        ]


def _unresolved(field: Field, lookup: Lookup, misspelt: str) -> ApiError:
    kinds = " or ".join(field.targets) or "object"
    message = (
        f"{field.name} not found. Can't resolve reference: {field.name}: "
        f"no {kinds} that you may see matches {str(lookup)!r}.{misspelt}"
    )
    return UnresolvedReference(message, causes=[Cause("field", field.name, message, code="unresolved")])


def _ambiguous(field: Field, lookup: Lookup, found: Sequence[Draft]) -> ApiError:
    paths = ", ".join(draft.path for draft in found[:CANDIDATES])
    message = (
        f"{field.name}: {str(lookup)!r} matches more than one object: {paths}. Add a term, or give a UID or a path."
    )
    return AmbiguousReference(message, causes=[Cause("field", field.name, message, code="ambiguous")])


def _merged(errors: Sequence[ApiError]) -> ApiError:
    """One error for those of a list: its first ones, and how many more there are."""
    first = errors[:MAX_PROBLEMS]
    causes = [cause for error in first for cause in error.causes]
    message = " ".join(error.message for error in first)
    if len(errors) > len(first):
        message += f" And {len(errors) - len(first)} more."
    return UnresolvedReference(message, causes=causes)
