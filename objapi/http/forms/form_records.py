"""Records of a form, sent as `name.key:record`, and the rules for reading and setting members of records and lists."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from objapi.http.forms.converters import shown

# What every record has as an attribute where record keys are attributes of a plain object, beside Python's own.
_RECORD_METHODS: Final = frozenset({"get", "keys", "items", "values", "copy", "_guarded_writes"})
_RECORD_ATTRIBUTES: Final = (
    frozenset(dir(type("record", (), {"__contains__": None, "__getitem__": None, "__iter__": None, "__len__": None})))
    | _RECORD_METHODS
    | {"__getattr__", "__allow_access_to_unprotected_subobjects__"}
)
_UNWRITABLE: Final = frozenset({"__class__", "__dict__", "__weakref__"})


class LimitPassed(ValueError):
    """A value beyond a limit of the options; answered as 413, unlike other refusals."""


class FormRecord(Mapping[str, Any]):
    """Values sent as `name.key:record`: a mapping of its own kind, not to be confused with a JSON object."""

    __slots__ = ("members",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, members: Mapping[str, Any] | None = None) -> None:
        self.members: dict[str, Any] = dict(members or {})

    def __getitem__(self, key: str) -> Any:
        return self.members[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.members)

    def __len__(self) -> int:
        return len(self.members)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FormRecord) and self.members == other.members

    def __repr__(self) -> str:
        return f"FormRecord({self.members!r})"


@dataclass(frozen=True, slots=True)
class MemberRules:
    """Access to the members of records and lists as the options of a form allow it. Its methods raise ValueError."""

    attribute_names: bool
    """True: a record key that spells an attribute of Python's objects counts as present before it is set."""
    max_list: int | None

    def has(self, owner: Any, attribute: str) -> bool:
        """True when a record has a key, or any other value an attribute, of that name."""
        if isinstance(owner, FormRecord):
            return attribute in owner or (self.attribute_names and attribute in _RECORD_ATTRIBUTES)
        return self.attribute_names and attribute in dir(type(owner))

    def get(self, owner: Any, attribute: str) -> Any:
        """The value of a record's key."""
        if not isinstance(owner, FormRecord) or attribute not in owner:
            raise ValueError(f"{shown(attribute)} is not a key of a record here")
        return owner[attribute]

    def set(self, owner: Any, attribute: str, value: Any) -> None:
        """Set the value of a record's key."""
        if not isinstance(owner, FormRecord):
            raise ValueError("a plain value and a record cannot share one name")
        if self.attribute_names and attribute in _UNWRITABLE:
            raise ValueError(f"{shown(attribute)} cannot be a key of a record")
        owner.members[attribute] = value

    def append(self, values: list[Any], value: Any) -> None:
        """Append a value to a list; raises LimitPassed for a list that is then too long."""
        if value is values:
            raise ValueError("the default is a list and cannot become a member of itself")
        self.check_length(len(values) + 1)
        values.append(value)

    def check_length(self, length: int) -> None:
        """Raise LimitPassed for the length of a list that is too long."""
        if self.max_list is not None and length > self.max_list:
            raise LimitPassed(f"more than {self.max_list} values")


def last_record(values: Any) -> Any:
    """The last of several records; raises ValueError for a plain value or a single record."""
    if not isinstance(values, list) or not values:
        raise ValueError("this name has a plain value or a single record already; use :records for all or none")
    return values[-1]
