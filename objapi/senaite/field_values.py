"""Fields of a complete item: for each type once sorted by what is to be done to their values, then many objects a time.

Most values of most objects are answered as a read answers them, so these are taken all together. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final

from objapi.model.types import Kind
from objapi.senaite.values import instant
from objapi.senaite.vocabulary import FieldPlan
from objapi.store.reading.object_records import uids_of

BASE_KEYS: Final = (
    "id", "uid", "title", "description", "portal_type", "path", "url", "api_url", "parent_id", "parent_uid",
    "parent_path", "parent_url", "created", "modified", "effective", "author", "tags", "review_state",
)  # fmt: skip
"""Keys that every item has."""
_NOTHING: Final[Mapping[str, Any]] = {}
"""The record of an empty reference. Answered by thousands, so it is one; nobody changes what is in an item."""
_TEXTS: Final = frozenset({Kind.STRING, Kind.TEXT, Kind.FIXEDPOINT})


@dataclass(frozen=True, slots=True)
class _Group:
    """Fields to whose values the same is done, and their names in the item."""

    names: tuple[str, ...]
    fields: tuple[str, ...]
    take: Any
    """Gives their values in a tuple, of an object that has all of them."""

    @classmethod
    def of(cls, plans: Sequence[FieldPlan]) -> "_Group":
        fields = tuple(plan.field for plan in plans)
        # The getter of one key alone would give no tuple.
        take = itemgetter(*fields) if len(fields) > 1 else lambda members: tuple(members[name] for name in fields)
        return cls(tuple(plan.name for plan in plans), fields, take)

    def values(self, members: Mapping[str, Any]) -> Sequence[Any]:
        """The values of those fields that the user may read."""
        try:
            taken: tuple[Any, ...] = self.take(members)
        except KeyError:
            return [members[name] for name in self.fields if name in members]
        return taken

    def pairs(self, members: Mapping[str, Any]) -> "zip[tuple[str, Any]]":
        """Name and value of each field; those that the user may not read are not there."""
        try:
            return zip(self.names, self.take(members), strict=True)
        except KeyError:
            there = [place for place, name in enumerate(self.fields) if name in members]
            values = [members[self.fields[place]] for place in there]
            return zip([self.names[place] for place in there], values, strict=True)


@dataclass(frozen=True, slots=True)
class FieldRenderer:
    """The fields of one type."""

    plain: _Group
    texts: _Group
    instants: _Group
    one: _Group
    """References to one object."""
    many: _Group
    special: tuple[FieldPlan, ...]
    """Files, and fields that are answered with a word: they take more than the value."""
    references: _Group
    """All fields that refer to objects, those with words among them."""

    @classmethod
    def of(cls, plans: Sequence[FieldPlan]) -> "FieldRenderer":
        """The renderer of fields; those under the names that every item has are left to these."""
        own = [plan for plan in plans if plan.name not in BASE_KEYS]
        special = tuple(plan for plan in own if plan.kind is Kind.FILE or plan.words is not None)
        usual = [plan for plan in own if plan not in special]
        references = [plan for plan in usual if plan.kind is Kind.REFERENCE]
        shaped = (*_TEXTS, Kind.DATETIME, Kind.REFERENCE)
        return cls(
            plain=_Group.of([plan for plan in usual if plan.kind not in shaped]),
            texts=_Group.of([plan for plan in usual if plan.kind in _TEXTS]),
            instants=_Group.of([plan for plan in usual if plan.kind is Kind.DATETIME]),
            one=_Group.of([plan for plan in references if not plan.multi]),
            many=_Group.of([plan for plan in references if plan.multi]),
            special=special,
            references=_Group.of([plan for plan in own if plan.kind is Kind.REFERENCE]),
        )

    def references_of(self, members: Mapping[str, Any]) -> Sequence[Any]:
        """The values of all fields that refer to objects, of those that the user may read."""
        return self.references.values(members)

    def render(self, members: Mapping[str, Any], item: dict[str, Any], known: Mapping[str, Mapping[str, Any]]) -> None:
        """Add the fields of an object to its item; `known` are the records of the objects that are referred to."""
        item.update(self.plain.pairs(members))
        for name, value in self.texts.pairs(members):
            item[name] = "" if value is None else value
        for name, value in self.instants.pairs(members):
            item[name] = [instant(one) for one in value] if isinstance(value, list) else value and instant(value)
        for name, value in self.one.pairs(members):
            item[name] = known.get(value, _NOTHING)
        for name, value in self.many.pairs(members):
            item[name] = [known[uid] for uid in uids_of(value)] if value else []
