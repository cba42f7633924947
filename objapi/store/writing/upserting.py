"""Items that change the object of their natural key, where there is one, in place of creating another."""

from collections.abc import Mapping
from functools import partial

from objapi.errors import ApiError, Cause, Conflict
from objapi.store.requests import CreateItem
from objapi.store.writing.batch_attempt import BatchAttempt
from objapi.store.writing.draft import Draft
from objapi.store.writing.editing import Editor, Incoming, Sent
from objapi.store.writing.field_rules import not_writable
from objapi.store.writing.key_search import KeySearch
from objapi.store.writing.natural_keys import KeyedItem, KeyedItems


class Upserting:
    """Plans the items of one request that have natural keys, for the editor that plans all of them."""

    def __init__(self, editor: Editor, keys: KeySearch) -> None:
        self._editor = editor
        self._keyed = KeyedItems(editor.planner, keys)

    def begin(self, attempt: BatchAttempt, items: Mapping[int, CreateItem], sent: Mapping[int, Sent]) -> frozenset[int]:
        """Find what the items mean; the places of those that have a key."""
        keyed = {
            place: KeyedItem(of_item.entity_type, key, of_item.values)
            for place, of_item in sent.items()
            if (key := items[place].key) is not None
        }
        self._keyed.read(attempt, keyed, self._editor.load_context)
        return frozenset(keyed)

    def take_turn(
        self, attempt: BatchAttempt, place: int, item: CreateItem, sent: Sent, chosen: Mapping[int, Draft]
    ) -> Incoming:
        """Plan one item: the change of the object that it means, or a new one. Raises BadRequest, see `KeyedItems`."""
        trial = BatchAttempt(self._editor.planner)
        incoming = self._editor.read(trial, {place: sent})[place]
        # Its errors are those of a new object alone, which are found when that is planned.
        looked_up = BatchAttempt(self._editor.planner)
        holder = self._editor.container(looked_up, place, item, sent.entity_type, incoming, chosen)
        container = None if holder is None else holder.draft
        try:
            match = self._keyed.match(place, container, incoming.values)
        except Conflict as conflict:
            attempt.fail(place, conflict)
            return incoming
        if match.draft is not None:
            return self._change(attempt, place, item, match.draft, container)
        attempt.sent[place] = trial.sent[place]
        if place in trial.errors:
            attempt.fail(place, trial.errors[place])
        self._editor.create_item(attempt, place, item, sent.entity_type, incoming, chosen)
        # Who may not create at all has been refused, and learns nothing of what is there.
        if match.hidden and place not in attempt.errors:
            attempt.fail(place, self._keyed.taken(place))
        return incoming

    def _change(
        self, attempt: BatchAttempt, place: int, item: CreateItem, draft: Draft, container: Draft | None
    ) -> Incoming:
        """Plan the change of an object by the values of an item, its key left out: that is as it is."""
        own, fields = draft.type, draft.type.fields
        as_found = {own.container_from} if item.key is None else {own.container_from, *item.key.fields, item.key.within}
        values = {
            name: raw
            for name, raw in item.values.items()
            if name not in fields or (fields[name].alias_of or name) not in as_found
        }
        attempt.drafts[place] = draft
        incoming = self._editor.read(attempt, {place: Sent(own, values)}, "update")[place]
        attempt.fail(place, *_elsewhere(draft, container), *_otherwise_named(draft, item.id))
        attempt.fail(place, *not_writable(self._editor.planner, draft, incoming.names))
        if place not in attempt.errors:
            attempt.guarded(place, partial(self._editor.set_all, draft, incoming.values))
            attempt.updated[place] = incoming.names
        return incoming


def _elsewhere(draft: Draft, container: Draft | None) -> list[ApiError]:
    if container is None or draft.parent_rid == container.rid:
        return []
    message = f"{draft.path} has this natural key, and is not in {container.path}; an object stays where it is."
    return [Conflict(message, causes=[Cause("parameter", "obj_path", message, code="elsewhere")])]


def _otherwise_named(draft: Draft, wanted: str | None) -> list[ApiError]:
    if wanted is None or wanted == draft.id:
        return []
    message = f"{draft.path} has this natural key, and its id is not {wanted!r}; an object keeps its id."
    return [Conflict(message, causes=[Cause("parameter", "obj_id", message, code="taken")])]
