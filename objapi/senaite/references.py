"""References as clients send them, found for all records of a request together.

A UID, the record that a read answers, a path, a query, or the title, id or code of one object of the right types. What
is none of these is left as it was sent: the gateway says what is wrong with it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from objapi.errors import AmbiguousReference, Cause
from objapi.model.references import QueryLookup, format_reference, is_uid, site_path
from objapi.model.types import Field
from objapi.senaite.searching import meant_path
from objapi.senaite.vocabulary import Vocabulary
from objapi.store.reading.loaded_records import ObjectName
from objapi.store.transaction import Transaction

_SHOWN: Final = 5
_BY_ALL: Final = ("title", "id")


@dataclass(slots=True)
class References:
    """The names by which the records of one request refer to objects, collected before they are asked for."""

    vocabulary: Vocabulary
    tx: Transaction
    site_id: str
    _asked: dict[tuple[str, ...], dict[str, None]] = field(default_factory=dict)
    _found: dict[tuple[tuple[str, ...], str], list[ObjectName]] = field(default_factory=dict)

    def expect(self, declared: Field, value: Any) -> None:
        """Note what a field will be asked for."""
        for item in _items(value):
            text = self._as_sent(item)
            if isinstance(text, str) and _is_name(text):
                self._asked.setdefault(declared.targets, {})[text] = None

    def find(self) -> None:
        """Ask for everything that was noted: a search for each index, however many names there are."""
        for targets, texts in self._asked.items():
            indexes = dict.fromkeys((*self._codes(targets), *_BY_ALL))
            found: dict[str, dict[str, ObjectName]] = {}
            for index in indexes:
                for text, names in self.tx.records.called(targets, index, texts).items():
                    found.setdefault(text, {}).update((name.uid, name) for name in names)
            self._found.update(((targets, text), list(found.get(text, {}).values())) for text in texts)
        self._asked.clear()

    def _codes(self, targets: Iterable[str]) -> list[str]:
        types = self.vocabulary.dialect.types
        return [index for name in targets if name in types for index in types[name].found_by]

    def resolved(self, declared: Field, value: Any) -> Any:
        """The value of a field with UIDs in place of names. Raises AmbiguousReference."""
        items = [self._one(declared, item) for item in _items(value)]
        if isinstance(value, list | tuple):
            return items
        return items[0] if items else None

    def _one(self, declared: Field, item: Any) -> Any:
        text = self._as_sent(item)
        if not isinstance(text, str) or not _is_name(text):
            return text
        names = self._found.get((declared.targets, text), [])
        if len(names) > 1:
            shown = ", ".join(name.path for name in names[:_SHOWN])
            message = f"{declared.name}: {text[:80]!r} is the name of several objects: {shown}. Send the UID of one."
            raise AmbiguousReference(message, causes=[Cause("field", declared.name, message)])
        return names[0].uid if names else text

    def _as_sent(self, item: Any) -> Any:
        """A reference without the shapes of this interface: the UID of a record, a whole path, a query as text."""
        if isinstance(item, Mapping):
            uid = item.get("uid") or item.get("UID")
            if isinstance(uid, str):
                return uid
            if set(item) <= {"uid", "UID"}:
                return None
            terms = tuple((str(name), _texts(value)) for name, value in item.items() if value not in (None, ""))
            return format_reference(QueryLookup(terms)) if terms else None
        if isinstance(item, str) and item.startswith("/"):
            return site_path(meant_path(self.vocabulary, item, self.site_id), self.site_id)
        return item.strip() if isinstance(item, str) else item


def _items(value: Any) -> Sequence[Any]:
    items = value if isinstance(value, list | tuple) else [value]
    return [item for item in items if item not in (None, "", {})]


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in (value if isinstance(value, list) else [value]))


def _is_name(text: str) -> bool:
    """True for a text that is no UID, no path and no query."""
    return bool(text) and not is_uid(text) and not text.startswith("/") and "|" not in text and ":" not in text
