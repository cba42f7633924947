"""Random documents and random queries over a catalog with every kind of index.

Values come from small pools, so that queries meet documents. The `Random` may be a seeded one or one of hypothesis.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any, Final

from catalog import CatalogSchema, Index, IndexKind, ValueType

INDEXES: Final = [
    Index("id", IndexKind.FIELD, hot=True),
    Index("state", IndexKind.FIELD),
    Index("count", IndexKind.FIELD, ValueType.INTEGER),
    Index("price", IndexKind.FIELD, ValueType.DECIMAL),
    Index("at", IndexKind.FIELD, ValueType.DATETIME),
    Index("flag", IndexKind.FIELD, ValueType.BOOLEAN),
    Index("Subject", IndexKind.KEYWORD),
    Index("numbers", IndexKind.KEYWORD, ValueType.INTEGER),
    Index("created", IndexKind.DATE, hot=True),
    Index("effectiveRange", IndexKind.DATE_RANGE),
    Index("active", IndexKind.BOOLEAN),
    Index("UID", IndexKind.UUID),
    Index("path", IndexKind.PATH),
    Index("Title", IndexKind.TEXT),
    Index("title", IndexKind.TEXT),
    Index("position", IndexKind.POSITION),
]
SCHEMA: Final = CatalogSchema("test_catalog", {i.name: i for i in INDEXES}, hot_queries=(("state", "id"),))
KINDS: Final = {i.name: (i.kind.value, i.value_type.value) for i in INDEXES}
SORTABLE: Final = [i.name for i in INDEXES if i.sortable]

LONG: Final = "long" * 40
WORDS: Final = ["", "a", "B", "b", "Z", "é", "a ", "_", "%", "a_b", LONG, LONG + "x", "\U0001f600"]
MOMENTS: Final = [
    datetime(2024, 1, 5, 10, 30, 15, tzinfo=UTC),
    datetime(2024, 1, 5, 10, 30, 45, tzinfo=UTC),
    datetime(2024, 1, 5, tzinfo=UTC),
    datetime(2023, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 30, tzinfo=UTC),
]
FAR: Final = [datetime(999, 1, 1, tzinfo=UTC), datetime(2600, 1, 1, tzinfo=UTC)]
DATES: Final = ["2024/01/05", "2024/01/05 10:30", "2024-01-05", "1999/02/03"]
COMPONENTS: Final = ["Plone", "clients", "clients-archive", "a"]
TEXTS: Final = [
    *("", "water", "Water sample", "sample of the water", "pre-treatment of E.coli", "pH Zn été", "watér_2 water9"),
    *("water water sample x,y", "the of and", "sample water sample", f"K {LONG}", "Übung wasser x y z"),
    *("x y z", "x z y", "y x z y", "z x y"),
]
ATOMS: Final = [
    *("water", "sample", "wat*", "w?ter", "*ater", "the", "-water", "-sample", '"water sample"', '"sample of water"'),
    *(
        "pre-treatment",
        "e.coli",
        "x,y",
        "-",
        "x*-y",
        "wat*-sample",
        '"wat*"',
        "zn",
        "ÉTÉ",
        "ete",
        "the*",
        "_",
        "watér_?",
    ),
    *('"x y z"', "x-z-y", '"z of x the y"', '"x y"'),
    *("K", f"{LONG[:20]}*", "wa*e?", "z", "übung", '"', "treatment", '-"water sample"'),
]
NUMBERS: Final = [0, 1, 2, -3, True, False, 1.0, 2.5, Decimal("2.50"), Decimal("-0.1"), 10**12]
ODD: Final[list[Any]] = [None, "", "a", 1, "1", 0, MOMENTS[0], "2024/01/05", [], "no date"]

_VALUES: Final[dict[str, list[Any]]] = {
    "id": WORDS,
    "state": ["open", "closed", "published"],
    "count": [0, 1, 2, -3, True, 10**12],
    "price": [0, 1.0, 2.5, Decimal("2.50"), Decimal("-0.1"), True, Decimal("1e-12")],
    "at": [*MOMENTS, *FAR],
    "flag": [True, False],
    "Subject": WORDS,
    "numbers": [0, 1, 2, -3, 10**12],
    "created": [*MOMENTS, *DATES, date(2024, 1, 5), 60, 90.5, -30, 1704450600],
    "effectiveRange": [*MOMENTS, *DATES, *FAR],
    "active": [True, False, "", "False", 0, 1, None],
    "UID": ["u1", "u2", "U1", "u3"],
    "Title": TEXTS,
    "title": TEXTS,
    "position": [0, 1, 2],
}


def some(rng: Random, values: Sequence[Any], most: int) -> list[Any]:
    return [rng.choice(values) for _ in range(rng.randint(0, most))]


def random_path(rng: Random, *, sloppy: bool) -> str:
    parts = [rng.choice(COMPONENTS) for _ in range(rng.choice([0, 1, 1, 2, 2, 3] if sloppy else [1, 2, 3, 4, 4]))]
    if not sloppy or rng.random() < 0.7:
        return "/" + "/".join(parts)
    return rng.choice(["/", "", "//"]) + rng.choice(["/", "//"]).join(parts) + rng.choice(["", "/"])


def _document_value(rng: Random, name: str) -> Any:
    if name == "path":
        return random_path(rng, sloppy=False)
    if name == "numbers" or (name == "Subject" and rng.random() < 0.7):
        return some(rng, _VALUES[name], 3)
    if name == "effectiveRange":
        return (rng.choice([None, *_VALUES[name]]), rng.choice([None, *_VALUES[name]]))
    if name == "Title" and rng.random() < 0.3:
        return some(rng, TEXTS, 3)
    return rng.choice(_VALUES[name])


def random_document(rng: Random) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for name in KINDS:
        fate = rng.random()
        if fate < 0.1:
            document[name] = None
        elif fate < 0.8:
            document[name] = _document_value(rng, name)
    if rng.random() < 0.05:
        document["created"] = rng.choice(["", []])
    return document


def _text_query(rng: Random) -> str:
    if rng.random() < 0.2:
        return " ".join(some(rng, [*ATOMS, "(", ")", "AND", "or", "NOT", "", "  "], 6))
    terms = [" ".join(rng.choice(ATOMS) for _ in range(rng.choice([1, 1, 2]))) for _ in range(rng.randint(1, 3))]
    query = terms[0]
    for term in terms[1:]:
        query = f"{query} {rng.choice(['AND', 'or', 'OR', 'and not', 'AND NOT'])} {term}"
        query = f"({query})" if rng.random() < 0.3 else query
    return query


def _query_value(rng: Random, name: str) -> Any:
    if name == "path":
        return random_path(rng, sloppy=True)
    if name in ("Title", "title"):
        return _text_query(rng)
    if rng.random() < 0.06:
        return rng.choice(ODD)
    if name in ("count", "price", "flag", "numbers"):
        return rng.choice([*_VALUES[name], *NUMBERS])
    if name == "effectiveRange":
        return rng.choice([*MOMENTS, *DATES, 0, 28407510])
    return rng.choice(_VALUES[name])


def _query_values(rng: Random, name: str) -> Any:
    if rng.random() < 0.5:
        return _query_value(rng, name)
    return [_query_value(rng, name) for _ in range(rng.choice([0, 1, 2, 2, 3]))]


def _options(rng: Random, name: str) -> dict[str, Any]:
    kind = KINDS[name][0]
    options: dict[str, Any] = {}
    if kind in ("field", "date", "uuid", "keyword"):
        if rng.random() < 0.4:
            options["range"] = rng.choice(["min", "max", "min:max", "minmax", "other", ""])
        if rng.random() < 0.4:
            options["not"] = _query_values(rng, name)
    if kind in ("keyword", "path") and rng.random() < 0.4:
        options["operator"] = rng.choice(["and", "AND", "or", "xor"] if rng.random() < 0.2 else ["and"])
    if kind == "path":
        if rng.random() < 0.6:
            options["depth"] = rng.choice([-1, 0, 1, 1, 2, 3])
        if rng.random() < 0.4:
            options["level"] = rng.choice([0, 1, 2, -1])
    if rng.random() < 0.02:
        options[rng.choice(["usage", "depth", "not", "operator"])] = rng.choice(["x", 1])
    return options


def _criterion(rng: Random, name: str) -> dict[str, Any]:
    options = _options(rng, name)
    fate = rng.random()
    if fate < 0.1 and options:
        return {name: options}
    if fate < 0.4:
        return {name: _query_values(rng, name)} | {f"{name}_{key}": value for key, value in options.items()}
    return {name: {"query": _query_values(rng, name), **options}}


def random_query(rng: Random) -> dict[str, Any]:
    names = [name for name in KINDS if name != "position"]
    query: dict[str, Any] = {}
    for name in rng.sample([*names, "path2", "Title2"], rng.choice([1, 1, 1, 2])):
        query |= _criterion(rng, name.rstrip("2"))
    if rng.random() < 0.4:
        many = rng.random() < 0.4
        query["sort_on"] = [rng.choice(SORTABLE) for _ in range(rng.randint(1, 3))] if many else rng.choice(SORTABLE)
        query["sort_order"] = rng.choice(["ascending", "descending", "Reverse", ""])
    if rng.random() < 0.02:
        query["sort_on"] = rng.choice(["Title", "Subject", "nonsense", "", "effectiveRange"])
    if rng.random() < 0.3:
        query["sort_limit"] = rng.randint(1, 5)
    return query
