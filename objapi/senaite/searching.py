"""Searches: parameters of a request turned into a search of one catalog, with a warning for each that means nothing."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final

from catalog import IndexKind
from catalog.operators import operator_named
from objapi.errors import BadRequest, Cause, joined_messages
from objapi.model.dialects import CriterionKind, CriterionSource, DialectCatalog
from objapi.model.references import PathProblem, normalise_path, site_path
from objapi.senaite.parameters import NOISE, SentValues, is_on
from objapi.senaite.vocabulary import Vocabulary
from objapi.store.requests import Find

CONTROLS: Final = frozenset(
    {
        "limit", "b_start", "complete", "children", "workflow", "filedata", "catalog", "q", "path", "depth",
        "recent_created", "recent_modified", "created_since", "modified_since", "portal_type", "sort_on", "sort_order",
        "sort_limit", "uids", "fields", "strict",
    }
)  # fmt: skip
"""Parameters of a read with a meaning of their own."""
DEFAULT_LIMIT: Final = 25
DEFAULT_SORT: Final = "created"
_MOST_START: Final = 2**31 - 1
_ASCENDING: Final = frozenset({"asc", "ascending", "a", "up", "high"})
_DESCENDING: Final = frozenset({"desc", "descending", "d", "down", "low", "reverse"})
_RECENT: Final = {"today": 0, "yesterday": 1, "this-week": 7, "this-month": 30, "this-year": 365}
_AGE: Final = re.compile(r"([0-9]{1,6})\s*([mhdw])", re.IGNORECASE)
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LIST: Final = re.compile(r"\s*\[(.*)\]\s*", re.DOTALL)
_OPERATORS: Final = frozenset({"and", "or", "not"})
_NOT_WORD: Final = re.compile(r"[^\w.]+|_+")
_NOBODY: Final = "0" * 32


@dataclass(frozen=True, slots=True)
class Search:
    """A search of one catalog, the page that is answered of it, and warnings."""

    catalog: DialectCatalog
    find: Find
    start: int
    size: int
    names: Mapping[str, str]
    """Type → the name by which it was asked for."""
    warnings: tuple[Mapping[str, str], ...] = ()


@dataclass(slots=True)
class _Criteria:
    """Criteria on the way to a search."""

    values: dict[str, Any] = field(default_factory=dict)
    warnings: list[dict[str, str]] = field(default_factory=list)
    nothing: bool = False
    """True when it is known that nothing is found."""

    def warn(self, parameter: str, message: str) -> None:
        self.warnings.append({"parameter": parameter, "message": message})


class SearchReader:
    """Reads the searches of one request."""

    def __init__(self, vocabulary: Vocabulary, site_id: str, now: datetime, zone: tzinfo, most: int) -> None:
        self._vocabulary = vocabulary
        self._site_id = site_id
        self._now = now.astimezone(zone)
        self._most = most

    def read(self, sent: SentValues, resource: str | None = None) -> Search:
        """The search that parameters describe, over one type when `resource` names it.

        Raises BadRequest for a word that a parameter does not know, NotFound for an unknown catalog and, with `strict`,
        BadRequest for whatever would be a warning.
        """
        criteria = _Criteria()
        types, names = self._types(sent, resource, criteria)
        asked = {name: value for name, value in sent.values.items() if name not in CONTROLS | NOISE}
        catalog = self._catalog(sent, types, asked, criteria)
        self._restrict_types(catalog, types, criteria)
        self._read_criteria(catalog, sent, asked, criteria)
        self._read_times(sent, criteria)
        self._read_words(catalog, sent, criteria)
        self._read_path(sent, criteria)
        sort_on, sort_order = self._order(catalog, sent, criteria)
        if criteria.warnings and sent.flag("strict"):
            causes = [Cause("parameter", item["parameter"], item["message"]) for item in criteria.warnings]
            raise BadRequest(joined_messages(cause.message for cause in causes), causes=causes)
        if criteria.nothing:
            criteria.values["UID"] = _NOBODY
        limit, start = sent.whole("limit", DEFAULT_LIMIT), max(sent.whole("b_start", 0), 0)
        size = min(limit if limit > 0 else DEFAULT_LIMIT, self._most)
        find = Find(
            criteria=criteria.values,
            catalog=catalog.catalog,
            sort_on=sort_on,
            sort_order=sort_order,
            offset=min(start, _MOST_START),
            size=size,
        )
        return Search(catalog, find, start, size, names, tuple(criteria.warnings))

    # Types and the catalog

    def _types(
        self, sent: SentValues, resource: str | None, criteria: _Criteria
    ) -> tuple[tuple[str, ...] | None, dict[str, str]]:
        """The types asked for, None for all, and the names by which they were."""
        asked = [resource] if resource is not None else list(_listed(sent.values.get("portal_type")))
        found: dict[str, None] = {}
        names: dict[str, str] = {}
        for name in asked:
            known = self._vocabulary.type_named(name)
            if known is None:
                criteria.warn("portal_type", f"there is no type {name[:80]!r}")
                continue
            found[known[0].portal_type] = None
            names[known[0].portal_type] = known[1]
        if asked and not found:
            criteria.nothing = True
        return (tuple(found) if asked else None), names

    def _catalog(
        self, sent: SentValues, types: tuple[str, ...] | None, asked: Mapping[str, Any], criteria: _Criteria
    ) -> DialectCatalog:
        vocabulary, dialect = self._vocabulary, self._vocabulary.dialect
        named = sent.text("catalog")
        if named is not None:
            found = dialect.catalogs.get(named)
            if found is None:
                message = (
                    f"catalog: there is no catalog {named[:80]!r}; there are {', '.join(vocabulary.catalog_names())}."
                )
                raise BadRequest.of_parameter("catalog", message)
            return found
        everything = dialect.catalogs[dialect.everything]
        firsts = {vocabulary.catalog_of(name).name for name in types or ()}
        first = dialect.catalogs[firsts.pop()] if len(firsts) == 1 else everything
        wanted = [name for name, value in asked.items() if not _is_empty(value)]
        if self._knows(first, wanted, sent):
            return first
        showing = list(dict.fromkeys(item.name for item in dialect.catalogs.values()))
        candidates = [
            item
            for item in map(dialect.catalogs.__getitem__, showing)
            if all(vocabulary.shows(item, name) for name in types or ())
        ]
        # What shows more types comes first, and of these the catalog that is asked when none is named.
        default = vocabulary.registry.default_catalog
        candidates.sort(key=lambda item: (item.types is not None, item.catalog != default))
        for item in candidates:
            if self._knows(item, wanted, sent):
                if types is None:
                    criteria.warn("catalog", f"searched was {item.name}, which has these indexes and not every object")
                return item
        return first

    def _knows(self, catalog: DialectCatalog, names: Iterable[str], sent: SentValues) -> bool:
        if sent.text("q") is not None and catalog.words is None:
            return False
        return all(self._source(catalog, name) is not None for name in names)

    def _source(self, catalog: DialectCatalog, name: str) -> CriterionSource | None:
        """The meaning of a criterion in a catalog: by its SENAITE name, else by that of an index; None for none."""
        found = catalog.indexes.get(name)
        if found is not None:
            return None if found.kind is CriterionKind.ABSENT else found
        declared = self._vocabulary.registry.catalogs[catalog.catalog]
        if name in declared.hidden:
            return None
        known = name in declared.schema.indexes or operator_named(name, declared.schema) is not None
        return CriterionSource(CriterionKind.INDEX, name) if known else None

    def _restrict_types(self, catalog: DialectCatalog, types: tuple[str, ...] | None, criteria: _Criteria) -> None:
        vocabulary = self._vocabulary
        if types is None:
            if catalog.types is not None:
                criteria.values["portal_type"] = sorted(catalog.types)
            else:
                # The site is answered by its own URL alone.
                criteria.values["portal_type"] = {"not": [vocabulary.registry.root_type]}
            return
        shown = [name for name in types if vocabulary.shows(catalog, name)]
        for name in types:
            if name not in shown:
                criteria.warn("portal_type", f"{catalog.name} does not hold {name}")
        if not shown:
            criteria.nothing = True
        else:
            criteria.values["portal_type"] = shown if len(shown) > 1 else shown[0]

    # Criteria

    def _read_criteria(
        self, catalog: DialectCatalog, sent: SentValues, asked: Mapping[str, Any], criteria: _Criteria
    ) -> None:
        for name, value in asked.items():
            if _is_empty(value):
                continue
            source = self._source(catalog, name)
            if source is None:
                criteria.warn(name, f"{catalog.name} has no index {name[:80]!r}; it was ignored")
                continue
            self._add(catalog, source, _texts_only(value), criteria)
        uids = sent.texts("uids")
        if uids:
            self._meet(criteria, "UID", [uid.lower() for uid in uids])

    def _add(self, catalog: DialectCatalog, source: CriterionSource, value: Any, criteria: _Criteria) -> None:
        if source.kind is CriterionKind.VALUE:
            wanted = value if isinstance(value, list) else [value]
            same = is_on(source.value) if isinstance(source.value, bool) else source.value
            if not any((is_on(item) if isinstance(source.value, bool) else str(item)) == same for item in wanted):
                criteria.nothing = True
        elif source.kind is CriterionKind.PRESENT:
            self._meet(criteria, source.index, {"empty": not is_on(_last(value))})
        elif source.kind is CriterionKind.OUTSIDE:
            inside = list(source.values)
            self._meet(criteria, source.index, {"not": inside} if is_on(_last(value)) else inside)
        else:
            index = self._vocabulary.registry.catalogs[catalog.catalog].schema.indexes.get(source.index)
            if index is not None and index.kind is IndexKind.KEYWORD and isinstance(value, str) and "," in value:
                value = [part.strip() for part in value.split(",") if part.strip()]
            if index is not None and index.kind is IndexKind.BOOLEAN and not isinstance(value, Mapping):
                value = is_on(_last(value))
            if source.index == "UID" and not isinstance(value, Mapping):
                value = [str(item).lower() for item in (value if isinstance(value, list) else [value])]
            self._meet(criteria, source.index, value)

    def _meet(self, criteria: _Criteria, index: str, value: Any) -> None:
        """Add a condition on an index; one that is there already has to hold as well."""
        before = criteria.values.get(index)
        if before is None or not (_is_choice(before) and _is_choice(value)):
            if isinstance(before, Mapping) and isinstance(value, Mapping):
                value = {**before, **value}
            criteria.values[index] = value
            return
        allowed, refused = _split(before)
        more_allowed, more_refused = _split(value)
        if allowed is None and more_allowed is None:
            criteria.values[index] = {"not": [*refused, *more_refused]}
            return
        left = list(allowed if allowed is not None else more_allowed or ())
        if allowed is not None and more_allowed is not None:
            left = [item for item in allowed if item in more_allowed]
        left = [item for item in left if item not in (*refused, *more_refused)]
        criteria.values[index] = left
        criteria.nothing = criteria.nothing or not left

    def _read_times(self, sent: SentValues, criteria: _Criteria) -> None:
        for index in ("created", "modified"):
            since: list[datetime] = []
            word = sent.text(f"recent_{index}")
            if word is not None:
                days = _RECENT.get(word.lower())
                if days is None:
                    message = f"recent_{index}: one of {', '.join(_RECENT)} is expected, not {word[:40]!r}."
                    raise BadRequest.of_parameter(f"recent_{index}", message)
                midnight = self._now.replace(hour=0, minute=0, second=0, microsecond=0)
                since.append(midnight - timedelta(days=days))
            text = sent.text(f"{index}_since")
            if text is not None:
                since.append(self._since(f"{index}_since", text))
            if since:
                bound = {"query": max(since).isoformat(), "range": "min"}
                if index in criteria.values:
                    criteria.warn(f"{index}_since", f"{index} is asked for beside it, which was ignored")
                criteria.values[index] = bound

    def _since(self, name: str, text: str) -> datetime:
        age = _AGE.fullmatch(text)
        if age is not None:
            return self._now - timedelta(**{_UNITS[age[2].lower()]: int(age[1])})
        try:
            read = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        except ValueError:
            message = f"{name}: a date, or an age such as 30m, 6h, 5d or 2w, is expected, not {text[:40]!r}."
            raise BadRequest.of_parameter(name, message) from None
        return read if read.tzinfo is not None else read.replace(tzinfo=self._now.tzinfo)

    def _read_words(self, catalog: DialectCatalog, sent: SentValues, criteria: _Criteria) -> None:
        text = sent.text("q")
        if text is None:
            return
        if catalog.words is None:
            criteria.warn("q", f"{catalog.name} has no index of words; it was ignored")
            return
        words = words_of(text)
        if not words:
            criteria.warn("q", "there is no word in it; it was ignored")
            return
        criteria.values[catalog.words] = " AND ".join(f"{word}*" for word in words)

    def _read_path(self, sent: SentValues, criteria: _Criteria) -> None:
        value, depth = sent.values.get("path"), sent.text("depth")
        if value in (None, "", []) or isinstance(value, Mapping):
            if isinstance(value, Mapping):
                criteria.values["path"] = value
            elif depth is not None:
                criteria.warn("depth", "there is no path beside it; it was ignored")
            return
        paths = [self.path(str(item)) for item in (value if isinstance(value, list) else [value]) if item != ""]
        query = [site_path(path, self._site_id) for path in paths]
        level = sent.whole("depth", -1) if depth is not None else -1
        criteria.values["path"] = {"query": query, "depth": level}

    def path(self, text: str) -> str:
        """The path below the site that a text means, aliases of the site and of folders included. Raises BadRequest."""
        return meant_path(self._vocabulary, text, self._site_id)

    # Order

    def _order(
        self, catalog: DialectCatalog, sent: SentValues, criteria: _Criteria
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The indexes to sort by, each with its direction; where fewer directions are sent, the last goes on."""
        words = [word.lower() for word in sent.texts("sort_order")] or ["ascending"]
        for word in words:
            if word not in _ASCENDING | _DESCENDING:
                message = f"sort_order: asc or desc is expected, not {word[:40]!r}."
                raise BadRequest.of_parameter("sort_order", message)
        order: dict[str, str] = {}
        indexes = self._vocabulary.registry.catalogs[catalog.catalog].schema.indexes
        for place, name in enumerate(sent.texts("sort_on")):
            source = self._source(catalog, name)
            index = None if source is None else indexes.get(source.index)
            if index is None or not index.sortable:
                criteria.warn("sort_on", f"{catalog.name} has no index {name[:80]!r} to sort by; it was ignored")
            else:
                order.setdefault(index.name, _direction(words[min(place, len(words) - 1)]))
        if not order:
            order[DEFAULT_SORT] = _direction(words[0])
        return tuple(order), tuple(order.values())


def _direction(word: str) -> str:
    return "descending" if word in _DESCENDING else "ascending"


def meant_path(vocabulary: Vocabulary, text: str, site_id: str) -> str:
    """The path below the site that a text means, aliases of the site and of folders included. Raises BadRequest."""
    try:
        path = normalise_path(text.strip(), site_id)
    except PathProblem as problem:
        raise BadRequest.of_parameter("path", f"path: {problem}.") from None
    first = path.split("/")[1]
    if first in vocabulary.dialect.site_aliases:
        path = path[len(first) + 1 :] or "/"
    for alias, own in vocabulary.dialect.folder_aliases.items():
        if path == alias or path.startswith(f"{alias}/"):
            return own + path[len(alias) :]
    return path


def words_of(text: str) -> list[str]:
    """The words of a search text: letters, digits and dots; operators at its ends are dropped."""
    words = [word.strip(".") for word in _NOT_WORD.split(text)]
    words = [word for word in words if word]
    while words and words[0].lower() in _OPERATORS:
        words.pop(0)
    while words and words[-1].lower() in _OPERATORS:
        words.pop()
    return [word for word in words if word.lower() not in _OPERATORS]


def _listed(value: Any) -> Sequence[str]:
    """Names of types: repeated, with commas, or as a list in the notation of Python."""
    items = value if isinstance(value, list) else [] if value is None else [value]
    names: list[str] = []
    for item in items:
        text = str(item)
        bracketed = _LIST.fullmatch(text)
        parts = (bracketed[1] if bracketed else text).split(",")
        names.extend(re.sub(r"^u?['\"]|['\"]$", "", part.strip()).strip() for part in parts)
    return [name for name in dict.fromkeys(names) if name]


def _is_empty(value: Any) -> bool:
    """True for a value that is no criterion."""
    return all(item in ("", None) for item in value) if isinstance(value, list) else value in ("", None)


def _last(value: Any) -> Any:
    return value[-1] if isinstance(value, list) and value else value


def _texts_only(value: Any) -> Any:
    return [item for item in value if item not in ("", None)] if isinstance(value, list) else value


def _is_choice(value: Any) -> bool:
    """True for a condition that is values to be one of, or none of."""
    return not isinstance(value, Mapping) or value.keys() <= {"query", "not"}


def _split(value: Any) -> tuple[list[Any] | None, list[Any]]:
    """The values that a condition allows, None for all, and those that it refuses."""
    if isinstance(value, Mapping):
        refused = value.get("not", [])
        query = value.get("query")
        allowed = None if query is None else query if isinstance(query, list) else [query]
        return allowed, refused if isinstance(refused, list) else [refused]
    return (value if isinstance(value, list) else [value]), []
