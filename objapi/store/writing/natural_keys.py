"""Stored objects that items of a request mean by natural keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from objapi.errors import BadRequest, Cause, Conflict, ValidationError
from objapi.model.natural_keys import CONTAINER, SITE
from objapi.model.types import EntityType, NaturalKey
from objapi.model.validation import validate
from objapi.model.values import LoadContext
from objapi.store.permissions.acls import VIEW
from objapi.store.writing.batch_attempt import BatchAttempt
from objapi.store.writing.draft import Draft
from objapi.store.writing.key_search import KeySearch, KeyValues, compared, named, not_to_be_given
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.workspace import uids_in

CANDIDATES: Final = 5
"""Objects that the refusal of an ambiguous key names, at most."""


@dataclass(frozen=True, slots=True)
class KeyedItem:
    """An item that names an object by a natural key; `sent` are its values as the client sent them."""

    entity_type: EntityType
    key: NaturalKey
    sent: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class KeyMatch:
    """The object that an item means, if there is one; `hidden`: there is, and the user may not see it."""

    draft: Draft | None = None
    hidden: bool = False


class KeyedItems:
    """The items of one request that name objects by natural keys."""

    def __init__(self, planner: StorePlanner, keys: KeySearch) -> None:
        self._planner = planner
        self._keys = keys
        self._items: dict[int, KeyedItem] = {}
        self._values: dict[int, KeyValues] = {}
        self._taken: dict[tuple[str, KeyValues, object], int] = {}

    def read(self, attempt: BatchAttempt, items: Mapping[int, KeyedItem], context: LoadContext) -> None:
        """Read the keys of all items, keep other requests from them, and find the stored objects that have them.

        A key without a value is an error of its item; one whose value is wrong is left to whoever reads the values.
        """
        for place, item in items.items():
            self._items[place] = item
            values = self._key_values(attempt, place, item, context)
            if values is not None:
                self._values[place] = values
        groups: dict[tuple[str, NaturalKey], dict[KeyValues, None]] = {}
        for place, values in self._values.items():
            item = self._items[place]
            groups.setdefault((item.entity_type.portal_type, item.key), {})[values] = None
        self._keys.find(groups)

    def _key_values(self, attempt: BatchAttempt, place: int, item: KeyedItem, context: LoadContext) -> KeyValues | None:
        fields = item.entity_type.fields
        sent = {
            name: raw
            for name, raw in item.sent.items()
            if name in fields and (fields[name].alias_of or name) in item.key.fields
        }
        checked = validate(item.entity_type, sent, mode="create", context=context)
        wrong = {cause.name for cause in checked.problems if cause.code != "required"}
        values = tuple(compared(item.entity_type, checked.values.get(name)) for name in item.key.fields)
        missing = [name for name, value in zip(item.key.fields, values, strict=True) if value is None]
        if not missing:
            return values
        causes = [
            Cause("field", name, f"{name}: it is the natural key and has no value here", code="required")
            for name in missing
            if name not in wrong
        ]
        if causes:
            attempt.fail(place, ValidationError.from_causes(causes))
        return None

    def match(self, place: int, container: Draft | None, values: Mapping[str, object]) -> KeyMatch:
        """The stored object that an item means, by its container and its values as they are stored.

        Raises BadRequest for a key that an earlier item of the request has, Conflict when several objects have it.
        """
        if place not in self._values:
            return KeyMatch()
        item, wanted = self._items[place], self._values[place]
        portal_type, scope = item.entity_type.portal_type, self._scope(item.key, container, values)
        self._take(place, (portal_type, wanted, scope))
        candidates = [
            draft
            for draft in self._keys.having(portal_type, item.key, wanted)
            if self._keys.scope_of(draft, item.key) == scope
        ]
        rights = self._planner.rights
        seen = [draft for draft in candidates if rights.may(VIEW, draft.acl, draft.scope)]
        if len(seen) > 1:
            paths = ", ".join(draft.path for draft in seen[:CANDIDATES])
            message = f"{self.named(place)} is that of {len(seen)} objects: {paths}. Change one of them by its path."
            raise Conflict(message, causes=[Cause("field", item.key.fields[0], message, code="ambiguous")])
        return KeyMatch(seen[0] if seen else None, bool(candidates) and not seen)

    def named(self, place: int) -> str:
        """The key of an item in words."""
        return named(self._items[place].key, self._values[place])

    def taken(self, place: int) -> Conflict:
        """The refusal of a new object whose key one has that the user may not see; it says no more than that."""
        key = self._items[place].key
        message = not_to_be_given(key, self._values[place])
        return Conflict(message, causes=[Cause("field", key.fields[0], message, code="taken")])

    def _take(self, place: int, what: tuple[str, KeyValues, object]) -> None:
        first = self._taken.setdefault(what, place)
        if first != place:
            message = f"entry {place}: {self.named(place)} is the natural key of entry {first} as well; send it once"
            raise BadRequest(
                f"{message}. Nothing was done.",
                causes=[Cause("object", f"entry {place}", message, index=place, code="duplicate")],
            )

    @staticmethod
    def _scope(key: NaturalKey, container: Draft | None, values: Mapping[str, object]) -> object:
        if key.within == SITE:
            return None
        if key.within == CONTAINER:
            return None if container is None else container.uid
        return next(iter(uids_in(values.get(key.within))), None)
