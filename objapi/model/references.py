"""Forms in which a client may name another object: a UID, a path, or a query.

Only the grammar is here. Whether an object is found, allowed and visible is the store's business.
"""

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import unquote

from objapi.model.types import Field, Kind
from objapi.model.values import LoadContext, ValueProblem, is_empty, text_of

UID_INDEX: Final = "UID"
"""The index of UIDs, which clients spell `uid` as well."""
CATALOG_TERM: Final = "catalog_name"
"""The term of a query that names no index but the catalog to search."""
ITEM_KEY: Final = "ref"
"""The key of an item's own name, and of the record by which other items of the request refer to it."""
MAX_PATH_BYTES: Final = 1000
MAX_PATH_DEPTH: Final = 20
MAX_TERMS: Final = 20
MAX_REFERENCE_LENGTH: Final = 4000
MAX_PROBLEMS: Final = 20
"""Faults of one list that an answer names; the others are counted."""
_UID: Final = re.compile(r"[0-9a-fA-F]{32}")
_TERM_NAME: Final = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*):")
# The look-behind keeps long runs of backslashes from being tried from each of their characters.
_SEPARATOR: Final = re.compile(r"(?<!\\)(\\*)(\||,(?=\s*(?P<name>[A-Za-z_][A-Za-z0-9_]*):))")
_ESCAPED_BYTE: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_NOT_IN_PATHS: Final = re.compile(r"[^\x21-\x7e]")


class ReferenceProblem(ValueError):
    """A text that can be no reference; the message says what is wrong with it."""


class PathProblem(ReferenceProblem):
    """A text that can be no path."""


@dataclass(frozen=True, slots=True)
class UidLookup:
    """The object with a UID, in lower case."""

    uid: str

    def __str__(self) -> str:
        return self.uid


@dataclass(frozen=True, slots=True)
class PathLookup:
    """The object at a path, relative to the site: `/clients/client-1`; the site itself is `/`."""

    path: str

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True, slots=True)
class QueryLookup:
    """The objects that satisfy every term; the values of one term are alternatives."""

    terms: tuple[tuple[str, tuple[str, ...]], ...]

    def __str__(self) -> str:
        return format_reference(self)

    def decoded(self) -> "QueryLookup | None":
        """The same with ``%20`` and its like decoded once more, or None when that changes nothing.

        Clients that escape a value inside a value that is itself escaped are asked for by it: when the query as written
        finds nothing, this one is tried.
        """
        terms = tuple((index, tuple(_unquoted(value) for value in values)) for index, values in self.terms)
        return None if terms == self.terms else QueryLookup(terms)


@dataclass(frozen=True, slots=True)
class NameLookup:
    """The object that another item of the same request makes or changes, by the name that the item has there."""

    name: str

    def __str__(self) -> str:
        return f"{{'{ITEM_KEY}': {self.name!r}}}"


Lookup: TypeAlias = UidLookup | PathLookup | QueryLookup | NameLookup


def is_uid(text: str) -> bool:
    """True if a text has the form of a UID: 32 hexadecimal digits."""
    return _UID.fullmatch(text) is not None


def parse_reference(text: str, *, site_id: str = "Plone", index_names: Container[str] = frozenset()) -> Lookup:
    r"""Read a reference: a UID, else a path, else a query ``index:value|index:value``, else an id.

    In a query a value may contain ``:``; a term without one is an id; the same index again means "or"; ``\|`` is a
    literal pipe (a backslash counts as an escape only before a separator). A comma separates, too, but only before one
    of `index_names` and a colon. `uid` is `UID`, and `catalog_name` names the catalog. Raises `ReferenceProblem`, for
    a path `PathProblem`.
    """
    text = text.strip()
    if not text:
        raise ReferenceProblem("the reference is empty")
    if len(text) > MAX_REFERENCE_LENGTH:
        raise ReferenceProblem(f"a reference has at most {MAX_REFERENCE_LENGTH} characters, this one has {len(text)}")
    if is_uid(text):
        return UidLookup(text.lower())
    if _looks_like_path(text, site_id):
        return PathLookup(normalise_path(text, site_id))
    terms = _terms(text, index_names)
    if len(terms) == 1 and terms[0][0] == UID_INDEX and is_uid(terms[0][1]):
        return UidLookup(terms[0][1])
    if all(index == CATALOG_TERM for index, _ in terms):
        raise ReferenceProblem(f"{text[:200]!a} names a catalog and no index of it to ask")
    return QueryLookup(_grouped(terms))


def parse_references(raw: object, field: Field, context: LoadContext) -> tuple[Lookup, ...] | None:
    """Read what a client sent for a reference field as look-ups in their order, each once; None when it is empty.

    A list (of lists, as some form converters make) gives several, which a single-valued field refuses. The first
    entries that cannot be read are named in the one `ReferenceProblem`, the others counted.
    """
    lookups: dict[Lookup, None] = {}
    problems = []
    # A record without a name in it is a mistake, not an empty value.
    entries = [entry for entry in _entries(raw) if _is_record(entry) or not is_empty(entry, Kind.REFERENCE)]
    if len(entries) > context.max_entries:
        raise ReferenceProblem(f"a list has at most {context.max_entries} entries here, this one has {len(entries)}")
    for entry in entries:
        try:
            if isinstance(entry, Mapping):
                lookups[_named_item(entry)] = None
                continue
            text = text_of(entry, context.max_text)
            lookups[parse_reference(text, site_id=context.site_id, index_names=context.index_names)] = None
        except (ReferenceProblem, ValueProblem) as problem:
            problems.append(str(problem))
    if problems:
        distinct = list(dict.fromkeys(problems))
        more = [f"and {len(distinct) - MAX_PROBLEMS} more"] if len(distinct) > MAX_PROBLEMS else []
        raise ReferenceProblem("; ".join(distinct[:MAX_PROBLEMS] + more))
    if len(lookups) > 1 and not field.multi:
        raise ReferenceProblem(f"one object is expected, not {len(lookups)}")
    return tuple(lookups) or None


def item_name(raw: object) -> str | None:
    """The name in a record `{"ref": name}`; None for anything else."""
    if isinstance(raw, Mapping) and raw.keys() == {ITEM_KEY}:
        name = raw[ITEM_KEY]
        return name if isinstance(name, str) and name.strip() else None
    return None


def named_items(raw: object) -> Iterator[str]:
    """The names of items of the request in what a client sent for a reference field."""
    for entry in _entries(raw):
        name = item_name(entry)
        if name is not None:
            yield name


def _is_record(raw: object) -> bool:
    return isinstance(raw, Mapping) and bool(raw)


def _named_item(raw: Mapping[object, object]) -> NameLookup:
    name = item_name(raw)
    if name is None:
        raise ReferenceProblem(f'a record here names an entry of the same request, as {{"{ITEM_KEY}": "its name"}}')
    return NameLookup(name)


def format_reference(lookup: Lookup) -> str:
    """A reference as `parse_reference` reads it back."""
    match lookup:
        case UidLookup(uid):
            return uid
        case PathLookup(path):
            return path
        case NameLookup():
            return str(lookup)
        case QueryLookup(terms):
            flat = [(index, value) for index, values in terms for value in values]
            return "|".join(
                f"{index}:{_escaped(value, final=i == len(flat))}" for i, (index, value) in enumerate(flat, 1)
            )


def site_path(relative: str, site_id: str) -> str:
    """The whole path, the site's id first, of a path relative to the site; that of `/` is the site's own."""
    return f"/{site_id}" if relative == "/" else f"/{site_id}{relative}"


def normalise_path(text: str, site_id: str = "Plone") -> str:
    """The path of an object relative to the site, from any of its spellings.

    `/Plone/clients/client-1`, `Plone/clients/client-1`, `/clients/client-1` and `clients/client-1` are the same; a
    trailing slash and a ``?…`` tail are left off; the site is `/`. Raises `PathProblem` for empty segments, ``.`` and
    ``..``, characters that no id has (NUL, blanks, anything but ASCII), more than 1,000 bytes or 20 segments.
    """
    path = text.partition("?")[0]
    if len(path) > MAX_PATH_BYTES:
        raise PathProblem(f"a path has at most {MAX_PATH_BYTES} characters, this one has {len(path)}")
    shown = ascii(path)
    wrong = _NOT_IN_PATHS.search(path)
    if wrong is not None:
        raise PathProblem(f"the path {shown} holds the character {wrong[0]!a}, which no id has")
    if path in ("", "/"):
        return "/"
    segments = path.removeprefix("/").removesuffix("/").split("/")
    if "" in segments:
        raise PathProblem(f"the path {shown} has an empty segment (two slashes in a row)")
    if "." in segments or ".." in segments:
        raise PathProblem(f"the path {shown} has a segment '.' or '..'; write the path from the site down")
    if segments[0] == site_id:
        segments = segments[1:]
    if len(segments) > MAX_PATH_DEPTH:
        raise PathProblem(f"a path has at most {MAX_PATH_DEPTH} segments, this one has {len(segments)}")
    return "/" + "/".join(segments)


def _entries(raw: object) -> Iterator[object]:
    if not isinstance(raw, list | tuple):
        yield raw
        return
    for entry in raw:
        if isinstance(entry, list | tuple):
            yield from entry
        else:
            yield entry


def _looks_like_path(text: str, site_id: str) -> bool:
    head = text.partition("?")[0]
    if head.startswith(("/", f"{site_id}/")) or head == site_id:
        return True
    return "/" in head and ":" not in head and "|" not in head


def _terms(text: str, index_names: Container[str]) -> list[tuple[str, str]]:
    terms = []
    for part in _split(text, index_names):
        match = _TERM_NAME.match(part)
        index, value = (match[1], part[match.end() :]) if match else ("id", part)
        if index.lower() == "uid":
            index, value = UID_INDEX, value.strip().lower() if is_uid(value.strip()) else value
        if not value.strip():
            raise ReferenceProblem(f"{text[:200]!a} has a term without a value: write index:value|index:value")
        terms.append((index, value))
    if len(terms) > MAX_TERMS:
        raise ReferenceProblem(f"a reference has at most {MAX_TERMS} terms, this one has {len(terms)}")
    return terms


def _split(text: str, index_names: Container[str]) -> list[str]:
    """Cut at separators; backslashes before one are halved, and an odd one makes it literal.

    A comma before a word and a colon counts as one, but cuts only when the word is the name of an index.
    """
    parts = [""]
    position = 0
    for match in _SEPARATOR.finditer(text):
        pairs, odd = divmod(len(match[1]), 2)
        parts[-1] += text[position : match.start()] + "\\" * pairs
        position = match.end()
        if odd or (match["name"] is not None and match["name"] not in index_names):
            parts[-1] += match[2]
        else:
            parts.append("")
    parts[-1] += text[position:]
    return parts


def _escaped(value: str, *, final: bool) -> str:
    """A value with every separator in it made literal, and its last backslashes kept from doing so to the next one."""
    escaped = _SEPARATOR.sub(lambda match: match[1] * 2 + "\\" + match[2], value)
    ending = len(escaped) - len(escaped.rstrip("\\"))
    return escaped if final else escaped + "\\" * ending


def _grouped(terms: list[tuple[str, str]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    groups: dict[str, dict[str, None]] = {}
    for index, value in terms:
        groups.setdefault(index, {})[value] = None
    return tuple((index, tuple(values)) for index, values in groups.items())


def _unquoted(value: str) -> str:
    """The value with its percent escapes decoded; itself when they give no text."""
    if _ESCAPED_BYTE.search(value) is None:
        return value
    try:
        decoded = unquote(value, errors="strict")
    except UnicodeDecodeError:
        return value
    return value if "\0" in decoded else decoded
