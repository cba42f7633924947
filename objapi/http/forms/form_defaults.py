"""The second pass over a form, after its last pair: defaults are merged in, then tuples are made."""

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any, Final, TypeAlias

from objapi.http.forms.form_records import FormRecord, LimitPassed, MemberRules

Refuse: TypeAlias = Callable[[str, Exception], None]
"""A function that notes a failure as a problem of the parameter of that name."""

# Work that grows with the product of two lists (members compared each with each, keys filled into each record) is
# refused beyond this many steps.
_MAX_STEPS: Final = 1_000_000


def merge_defaults(form: dict[str, Any], defaults: dict[str, Any], rules: MemberRules, refuse: Refuse) -> None:
    """Put the defaults in: absent names whole, of records the missing keys, of lists the missing members."""
    for key, default in defaults.items():
        try:
            if key not in form:
                form[key] = default
            elif isinstance(default, FormRecord):
                _fill(form[key], default, rules)
            elif isinstance(default, list):
                form[key] = _extended(form[key], default, rules)
        except (ValueError, RecursionError) as reason:
            refuse(key, reason)


def _fill(record: Any, default: FormRecord, rules: MemberRules) -> None:
    for attribute, value in default.items():
        if not rules.has(record, attribute):
            rules.set(record, attribute, value)


def _extended(given: Any, default: list[Any], rules: MemberRules) -> list[Any]:
    values = given if isinstance(given, list) else [given]
    members = _Members(values)
    for are_records, run in groupby(list(default), lambda member: isinstance(member, FormRecord)):
        if are_records:
            _fill_all(values, run, rules)
            continue
        for member in run:
            if member not in members:
                rules.append(values, member)
                members.add(member)
    return values


def _fill_all(values: list[Any], defaults: Iterable[FormRecord], rules: MemberRules) -> None:
    """Fill the missing keys of every value from several records, of which the first that has a key gives it."""
    together = FormRecord()
    for default in defaults:
        for attribute, value in default.items():
            together.members.setdefault(attribute, value)
    if len(together) * len(values) > _MAX_STEPS:
        raise LimitPassed("the records and their defaults have too many keys to fill in")
    for value in values:
        _fill(value, together, rules)


class _Members:
    """Membership by equality in a list that may hold what cannot be hashed, without comparing each with each."""

    def __init__(self, values: list[Any]) -> None:
        self._hashable: set[Any] = set()
        self._others: list[Any] = []
        self._comparisons = 0
        for value in values:
            self.add(value)

    def add(self, value: Any) -> None:
        if isinstance(value, (list, dict, FormRecord)):
            self._others.append(value)
        else:
            self._hashable.add(value)

    def __contains__(self, value: Any) -> bool:
        if not isinstance(value, (list, dict, FormRecord)):
            return value in self._hashable
        self._comparisons += len(self._others)
        if self._comparisons > _MAX_STEPS:
            raise LimitPassed("the list and its default have too many structured members to compare")
        return value in self._others


def make_tuples(form: dict[str, Any], names: Iterable[str], rules: MemberRules, refuse: Refuse) -> None:
    """Make tuples of what was sent with `:tuple`: a plain value, or that key of a record or of every record."""
    for name in names:
        key, _, attribute = name.rpartition(".")
        attribute = _without_suffixes(attribute)
        try:
            if key in form:
                _make_tuple_in(form[key], attribute, rules)
            elif name in form:
                form[name] = _as_tuple(form[name])
        except ValueError as reason:
            refuse(name, reason)


def _make_tuple_in(value: Any, attribute: str, rules: MemberRules) -> None:
    records = (value,) if isinstance(value, FormRecord) else _as_tuple(value)
    for record in records:
        if rules.has(record, attribute):
            rules.set(record, attribute, _as_tuple(rules.get(record, attribute)))


def _as_tuple(value: Any) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple, str, bytes, dict, FormRecord)):
        raise ValueError(":tuple needs several values or a text")
    return tuple(value)


def _without_suffixes(attribute: str) -> str:
    """The first part of a record key that may still carry suffixes, as `a` of `a:int`; of `:int` it is `int`."""
    head = attribute
    part = ""
    while head:
        head, _, part = head.rpartition(":")
    return part
