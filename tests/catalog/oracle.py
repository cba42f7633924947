"""A catalog in memory, written from the rules alone: sets of documents, no SQL, nothing shared with the package.

It answers what the original catalog answers, its known faults put right, and raises `Faulty` where the original
raises. It is slow and plain on purpose.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

STOP = set(
    "a and are as at be but by for if in into is it no not of on or such that the their then there these they "
    "this to was will with".split()
)


class Faulty(Exception):
    """The query is an error."""


@dataclass(frozen=True)
class Document:
    rid: int
    created: int
    values: Mapping[str, Any]


def minute(moment: datetime) -> int:
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(minutes=1) // 1)


def to_minute(value: Any) -> int | None:
    """The conversion of date indexes; the local zone is UTC here."""
    if isinstance(value, datetime):
        return minute(value if value.tzinfo else value.replace(tzinfo=UTC))
    if isinstance(value, date):
        return minute(datetime(value.year, value.month, value.day, tzinfo=UTC))
    if isinstance(value, str):
        if not value:
            return None
        for form in ("%Y/%m/%d", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y-%m-%d"):
            try:
                return minute(datetime.strptime(value, form).replace(tzinfo=UTC))
            except ValueError:
                continue
        raise Faulty(f"no date: {value}")
    if isinstance(value, (int, float)):
        return int(value // 60)
    return None


def is_number(value: Any) -> bool:
    return isinstance(value, (bool, int, float, Decimal))


class Oracle:
    """kinds: index name → (kind, value type)."""

    def __init__(self, kinds: Mapping[str, tuple[str, str]], documents: Iterable[Document]) -> None:
        self.kinds = dict(kinds)
        self.documents = {document.rid: document for document in documents}
        self.all = set(self.documents)

    # keys

    def key(self, name: str, rid: int) -> Any:
        kind = self.kinds[name][0]
        values = self.documents[rid].values
        if kind == "boolean":
            return bool(values[name]) if name in values else None
        value = values.get(name)
        if kind == "date":
            return to_minute(value)
        if kind == "uuid":
            return value or None
        if kind == "path" and value is not None:
            return "/" + "/".join(part for part in value.split("/") if part)
        return value

    def keys(self, name: str, rid: int) -> set[Any]:
        """The keys as a set: one or none, several for keywords."""
        if self.kinds[name][0] != "keyword":
            key = self.key(name, rid)
            return set() if key is None else {key}
        value = self.documents[rid].values.get(name)
        if value is None or value == "" or value == []:
            return set()
        return {value} if isinstance(value, str) else set(value)

    # queries

    def search(self, query: Mapping[str, Any]) -> list[int]:
        """The documents in their order; ties by creation, always ascending."""
        query = dict(query)
        sort_on, sort_order, limit = (query.pop(k, None) for k in ("sort_on", "sort_order", "sort_limit"))
        names = [] if sort_on is None else [sort_on] if isinstance(sort_on, str) else list(sort_on)
        for name in names:
            if name not in self.kinds or self.kinds[name][0] in ("keyword", "text", "date_range"):
                raise Faulty(f"sort_on {name}")
        known = [name for name in query if name in self.kinds]
        found = self.all if known else set()
        for name in known:
            found = found & self.matches(name, query)
        found = {rid for rid in found if all(self.key(name, rid) is not None for name in names)}
        result = sorted(found, key=lambda rid: (self.documents[rid].created, rid))
        orders = [sort_order] if sort_order is None or isinstance(sort_order, str) else list(sort_order)
        if len(orders) == 1:
            orders *= len(names)
        if len(orders) != len(names):
            raise Faulty("sort_order")
        for name, order in reversed(list(zip(names, orders, strict=True))):
            down = order is not None and order.lower() in ("descending", "reverse")
            keys = sorted({self.key(name, rid) for rid in result}, reverse=down)
            result.sort(key=lambda rid: keys.index(self.key(name, rid)))
        return result if limit is None else result[:limit]

    def matches(self, name: str, query: Mapping[str, Any]) -> set[int]:
        kind = self.kinds[name][0]
        raw = query[name]
        options: dict[str, Any] = {}
        if isinstance(raw, Mapping):
            values = raw.get("query", [])
            options = {key: value for key, value in raw.items() if key != "query"}
            values = list(values) if isinstance(values, (list, tuple)) else [values]
        else:
            options = {key[len(name) + 1 :]: query[key] for key in query if key.startswith(f"{name}_")}
            try:
                values = sorted(raw) if isinstance(raw, (list, tuple)) else [raw]
            except TypeError as reason:
                raise Faulty("mixed list") from reason
        allowed = {
            "field": {"range", "not"},
            "date": {"range", "not"},
            "uuid": {"range", "not"},
            "keyword": {"range", "not", "operator"},
            "path": {"depth", "level", "operator"},
        }.get(kind, set())
        if not set(options) <= allowed:
            raise Faulty("option")
        operator = options.get("operator", "or")
        if not isinstance(operator, str) or operator.lower() not in ("or", "and"):
            raise Faulty("operator")
        method = {
            "boolean": self.boolean,
            "date_range": self.date_range,
            "path": self.path,
            "text": self.text,
        }.get(kind, self.value)
        return method(name, values, options, operator.lower() == "and")

    # value indexes

    def convert(self, name: str, value: Any) -> Any:
        return to_minute(value) if self.kinds[name][0] == "date" else value

    def same(self, name: str, key: Any, value: Any) -> bool:
        if self.kinds[name][0] == "date" or (is_number(key) and is_number(value)):
            return bool(key == value)
        return type(key) is type(value) and bool(key == value)

    def with_key(self, name: str, value: Any) -> set[int]:
        return {rid for rid in self.all if any(self.same(name, key, value) for key in self.keys(name, rid))}

    def value(self, name: str, values: list[Any], options: Mapping[str, Any], every: bool) -> set[int]:
        excluded = options.get("not")
        if excluded is None:
            excluded = []
        excluded = list(excluded) if isinstance(excluded, (list, tuple)) else [excluded]
        values = [self.convert(name, value) for value in values]
        out: set[int] = set()
        for value in excluded:
            out |= self.with_key(name, self.convert(name, value))
        ranged = options.get("range")
        if ranged is not None and not isinstance(ranged, str):
            raise Faulty("range")
        keyed = {rid for rid in self.all if self.keys(name, rid)}
        if not values and excluded:
            return (self.all if out and not ranged else keyed) - out
        if ranged:
            found = self.within(name, values, ranged, every, keyed)
        else:
            groups = [self.with_key(name, value) for value in values if value is not None]
            found = (set.intersection(*groups) if every else set.union(*groups)) if groups else set()
        return found - out

    def within(self, name: str, values: list[Any], ranged: str, every: bool, keyed: set[int]) -> set[int]:
        low = high = None
        if "min" in ranged or "max" in ranged:
            if not values:
                raise Faulty("range without a value")
            if any(value is not None for value in values):
                self.check_bounds(name, values)
                low = min(values) if "min" in ranged else None
                high = max(values) if "max" in ranged else None

        def inside(key: Any) -> bool:
            return (low is None or key >= low) and (high is None or key <= high)

        if every:
            used = {key for rid in self.all for key in self.keys(name, rid) if inside(key)}
            return {rid for rid in keyed if used and used <= self.keys(name, rid)}
        return {rid for rid in keyed if any(inside(key) for key in self.keys(name, rid))}

    def check_bounds(self, name: str, values: list[Any]) -> None:
        kind, value_type = self.kinds[name]
        for value in values:
            if kind == "date" or value_type in ("integer", "decimal", "boolean"):
                fit = is_number(value)
            elif value_type == "datetime":
                fit = isinstance(value, datetime)
            else:
                fit = isinstance(value, str)
            if not fit:
                raise Faulty("bound of another type")

    # the others

    def boolean(self, name: str, values: list[Any], options: Mapping[str, Any], every: bool) -> set[int]:
        return {rid for rid in self.all if values and self.key(name, rid) is bool(values[0])}

    def date_range(self, name: str, values: list[Any], options: Mapping[str, Any], every: bool) -> set[int]:
        if not values:
            return set()
        value = values[0]
        asked = int(value) if is_number(value) else to_minute(value)
        if asked is None:
            raise Faulty("no date")
        floor, ceiling = minute(datetime(1000, 1, 1, tzinfo=UTC)), minute(datetime(2499, 12, 31, 23, 59, tzinfo=UTC))

        def end(rid: int, place: int) -> int | None:
            pair = self.documents[rid].values.get(name) or (None, None)
            found = to_minute(pair[place])
            return found if found is not None and floor <= found <= ceiling else None

        def covers(rid: int) -> bool:
            start, stop = end(rid, 0), end(rid, 1)
            return (start is None or start <= asked) and (stop is None or asked <= stop)

        return {rid for rid in self.all if covers(rid)}

    def path(self, name: str, values: list[Any], options: Mapping[str, Any], every: bool) -> set[int]:
        depth, level = options.get("depth", -1), options.get("level", 0)
        if not isinstance(depth, int) or not isinstance(level, int):
            raise Faulty("depth or level")
        if not all(isinstance(value, str) for value in values):
            raise Faulty("path")
        groups = [{rid for rid in self.all if self.under(name, rid, value, level, depth)} for value in values]
        if not groups:
            return set()
        return set.intersection(*groups) if every else set.union(*groups)

    def under(self, name: str, rid: int, value: str, level: int, depth: int) -> bool:
        path = self.key(name, rid)
        if path is None:
            return False
        have = [part for part in path.split("/") if part]
        want = [part for part in value.split("/") if part]
        if level < 0:
            return any(self.under(name, rid, value, place, depth) for place in range(len(have) + 1))
        if level == 0 and depth in (0, 1):
            text = value if value.startswith("/") else "/" + value
            return bool(text == (path if depth == 0 else "/" + "/".join(have[:-1])))
        if not want and depth < 0:
            return True
        if have[level : level + len(want)] != want or len(have) < level + len(want):
            return False
        return depth < 0 or len(have) <= level + len(want) + depth

    def text(self, name: str, values: list[Any], options: Mapping[str, Any], every: bool) -> set[int]:
        if not all(isinstance(value, str) for value in values):
            raise Faulty("text")
        query = " ".join(values)
        words = {rid: split(self.documents[rid].values.get(name) or "") for rid in self.all}
        return TextQuery(query, words).result() if query else set()


def split(text: str | list[str]) -> list[str]:
    parts = [text] if isinstance(text, str) else text
    return [word.lower() for word in re.findall(r"\w+", " ".join(parts)) if word.lower() not in STOP]


class TextQuery:
    """A text query carried out while it is read; None stands for what only common words were in."""

    def __init__(self, query: str, words: Mapping[int, list[str]]) -> None:
        self.words = words
        self.tokens = re.findall(r'[()]|-?(?:"[^"]*"|[^()\s"]+)', query)

    def next_is(self, *kinds: str) -> bool:
        return bool(self.tokens) and self.tokens[0].upper() in kinds

    def result(self) -> set[int]:
        found = self.either()
        if self.tokens or found is None:
            raise Faulty("text query")
        return found

    def either(self) -> set[int] | None:
        found = self.both()
        while self.next_is("OR"):
            self.tokens.pop(0)
            more = self.both()
            found = more if found is None else found if more is None else found | more
        return found

    def both(self) -> set[int] | None:
        found = self.term()
        without: list[set[int]] = []
        while self.next_is("AND"):
            self.tokens.pop(0)
            negative = self.next_is("NOT")
            if negative:
                self.tokens.pop(0)
            more = self.term()
            if more is None:
                continue
            if negative:
                without.append(more)
            else:
                found = more if found is None else found & more
        return None if found is None else found.difference(*without)

    def term(self) -> set[int] | None:
        if not self.tokens or self.next_is("AND", "OR", "NOT", ")"):
            raise Faulty("a word is missing")
        if self.next_is("("):
            self.tokens.pop(0)
            found = self.either()
            if not self.next_is(")"):
                raise Faulty("parenthesis")
            self.tokens.pop(0)
            return found
        wanted: list[set[int]] = []
        unwanted: list[set[int]] = []
        while self.tokens and not self.next_is("AND", "OR", "NOT", "(", ")"):
            token = self.tokens.pop(0)
            hits = self.atom(token)
            if hits is not None:
                (unwanted if token[0] == "-" else wanted).append(hits)
        if not wanted and unwanted:
            raise Faulty("only negative")
        return set.intersection(*wanted).difference(*unwanted) if wanted else None

    def atom(self, token: str) -> set[int] | None:
        words = [w.lower() for w in re.findall(r"\w[\w*?]*", token) if w.lower() not in STOP]
        if not words:
            return None
        if len(words) == 1:
            shape = re.compile("".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in words[0]))
            return {rid for rid, have in self.words.items() if any(shape.fullmatch(word) for word in have)}
        phrase = split(" ".join(words))
        return {
            rid
            for rid, have in self.words.items()
            if phrase and any(have[n : n + len(phrase)] == phrase for n in range(len(have)))
        }
