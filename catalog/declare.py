"""Catalog declarations as mappings (from YAML) become a `CatalogSchema`."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Final, TypeVar

from catalog.errors import DeclarationError
from catalog.kinds import TYPED, Index, IndexKind, ValueType
from catalog.schema import CatalogSchema

ALLOWED_EXTRA: Final = frozenset({"source", "sources", "returned", "aliases"})
"""Keys of a catalog or an index that another module reads."""

_CATALOG_KEYS: Final = frozenset({"title", "types", "indexes", "hot_queries"})
_INDEX_KEYS: Final = frozenset({"kind", "type", "hot"})
E_ = TypeVar("E_", bound=Enum)


class _Declaration:
    """One declaration being read; faults are gathered with their key path."""

    def __init__(self, name: str, source: str, allowed: Collection[str]) -> None:
        self.name = name
        self.source = source
        self.allowed = allowed
        self.problems: list[str] = []

    def refuse(self, path: str, expected: str) -> None:
        self.problems.append(f"{self.source}: {self.name}{path}: {expected}")

    def check_keys(self, mapping: Mapping[Any, object], known: Collection[str], path: str) -> None:
        for key in mapping:
            if key not in known and key not in self.allowed:
                self.refuse(f"{path}.{key}", f"unknown key; expected one of {', '.join(sorted(known))}")

    def word(self, value: object, choices: type[E_], path: str) -> E_ | None:
        for choice in choices:
            if choice.value == value:
                return choice
        self.refuse(path, f"{value!r} is none of {', '.join(choice.value for choice in choices)}")
        return None

    def texts(self, value: object, path: str) -> tuple[str, ...]:
        if isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(v, str) for v in value):
            return tuple(value)
        self.refuse(path, f"a list of names is expected, not {value!r}")
        return ()

    def index(self, name: object, value: object) -> Index | None:
        path = f".indexes.{name}"
        if not isinstance(name, str) or not name:
            self.refuse(path, "the name of an index is text")
            return None
        declared = {"kind": value} if isinstance(value, str) else value
        if not isinstance(declared, Mapping):
            self.refuse(path, f"a mapping with a kind is expected, not {value!r}")
            return None
        self.check_keys(declared, _INDEX_KEYS, path)
        kind = self.word(declared.get("kind"), IndexKind, f"{path}.kind")
        value_type = self.word(declared.get("type", "string"), ValueType, f"{path}.type")
        hot = declared.get("hot", False)
        if not isinstance(hot, bool):
            self.refuse(f"{path}.hot", f"true or false is expected, not {hot!r}")
        if kind is None or value_type is None:
            return None
        if "type" in declared and kind not in TYPED:
            self.refuse(f"{path}.type", f"a {kind.value} index has a type of its own; leave it out")
        return Index(name, kind, value_type, hot is True)

    def indexes(self, value: object) -> Iterator[Index]:
        if not isinstance(value, Mapping) or not value:
            self.refuse(".indexes", "a mapping of index names to their kinds is expected")
            return
        for name, declared in value.items():
            index = self.index(name, declared)
            if index is not None:
                yield index

    def types(self, value: object) -> frozenset[str] | None:
        if value is None or value == "all":
            return None
        return frozenset(self.texts(value, ".types"))

    def hot_queries(self, value: object) -> tuple[tuple[str, ...], ...]:
        if not isinstance(value, Sequence) or isinstance(value, str):
            self.refuse(".hot_queries", f"a list of lists of index names is expected, not {value!r}")
            return ()
        return tuple(self.texts(names, f".hot_queries[{n}]") for n, names in enumerate(value))


def load_catalog(
    name: str,
    mapping: Mapping[str, object],
    *,
    source: str,
    allowed_keys: Collection[str] = ALLOWED_EXTRA,
) -> CatalogSchema:
    """Read one catalog: `title`, `types` (a list, or `all`), `indexes`, `hot_queries`.

    An index is `{kind: …, type: …, hot: …}` or just its kind. `source` says in messages where the declaration stands;
    `allowed_keys` are keys that another reader takes. Raises DeclarationError with every fault, each with its key path
    and what was expected; a catalog that no database can hold is a fault too.
    """
    reading = _Declaration(name, source, allowed_keys)
    reading.check_keys(mapping, _CATALOG_KEYS, "")
    indexes = {index.name: index for index in reading.indexes(mapping.get("indexes"))}
    title = mapping.get("title", "")
    if not isinstance(title, str):
        reading.refuse(".title", f"text is expected, not {title!r}")
    types = reading.types(mapping.get("types"))
    hot_queries = reading.hot_queries(mapping.get("hot_queries", ()))
    schema = CatalogSchema(name, indexes, str(title), types, hot_queries)
    if not reading.problems:
        reading.problems += [f"{source}: {problem}" for problem in schema.problems()]
    if reading.problems:
        raise DeclarationError(reading.problems)
    return schema
