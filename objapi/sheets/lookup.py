"""Objects that cells name by title, key or id, found among those that there are, once for a whole sheet."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import orjson

from objapi.store.requests import Find
from objapi.store.transaction import Transaction
from workflows.declarations import suggestion


@dataclass(frozen=True, slots=True)
class Known:
    """An object with the texts that it may be called by."""

    uid: str
    path: str
    names: tuple[str, ...]
    values: Mapping[str, object] = field(default_factory=dict)


def known_objects(
    tx: Transaction,
    portal_type: str,
    names: Iterable[str],
    more: Iterable[str] = (),
    criteria: Mapping[str, object] | None = None,
) -> list[Known]:
    """The objects of a type that the user may see, called by the fields `names`; `more` fields are answered too."""
    called, others = tuple(names), tuple(more)
    catalog = tx.registry.catalogs_of(portal_type)[0].name
    fields = ("UID", "path", *called, *others)
    find = Find({"portal_type": portal_type, **(criteria or {})}, catalog, size=0, include_fields=fields)
    found: list[dict[str, object]] = orjson.loads(orjson.dumps(list(tx.find(find).objects)))
    return [
        Known(
            str(item["UID"]),
            str(item["path"]),
            tuple(str(item[name]) for name in called if item.get(name) not in (None, "")),
            {name: item.get(name) for name in others},
        )
        for item in found
    ]


class Choices:
    """Objects of one kind to choose from by a text."""

    def __init__(self, what: str, known: Iterable[Known], preferred: str = "") -> None:
        self._what = what
        self._preferred = f"{preferred}/" if preferred else ""
        self._exact: dict[str, list[Known]] = {}
        self._folded: dict[str, list[Known]] = {}
        self._names: dict[str, None] = {}
        for one in known:
            for name in dict.fromkeys((*one.names, one.uid)):
                self._exact.setdefault(name, []).append(one)
                self._folded.setdefault(name.casefold(), []).append(one)
            self._names.update(dict.fromkeys(one.names[:1]))

    def knows(self, text: str) -> bool:
        """True when at least one is called so."""
        return text in self._exact or text.casefold() in self._folded

    def choose(self, text: str) -> Known | str:
        """The one that a text names, whatever its case unless that decides; else the reason why there is none.

        Of several of one name, the one below the preferred path is meant.
        """
        found = self._exact.get(text) or self._folded.get(text.casefold()) or []
        distinct = list({one.uid: one for one in found}.values())
        if len(distinct) > 1 and self._preferred:
            distinct = [one for one in distinct if one.path.startswith(self._preferred)] or distinct
        if not distinct:
            return f"there is no {self._what} {text[:60]!r}{suggestion(text[:60], self._names)}"
        if len(distinct) > 1:
            paths = ", ".join(one.path for one in distinct[:5])
            return f"{text[:60]!r} is the name of more than one {self._what}: {paths}"
        return distinct[0]
