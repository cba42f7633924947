"""A form once it has been read: typed values by name, records, and the problems found in it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

from objapi.errors import ApiError, BadRequest, Cause, TooLarge, combine


@dataclass(frozen=True, slots=True)
class FormOptions:
    """The options in which Zope's own reading of a form differs from the gateway's.

    `booleans`, `json`: see `ConversionContext`. `cgi_names`: names of the CGI environment are dropped, or kept.
    `undecodable_values`: bytes that are not text survive as lone surrogates, or refuse the parameter. `codecs`: which
    codec suffixes are acted upon, all of Python's or character sets only. `attribute_names`: whether a record key that
    spells an attribute of Python's objects (`keys`, `copy`, `__class__`) counts as present before it is set, as it does
    where record keys are attributes. Limits are counts, those of lengths are bytes; None means no limit.
    """

    booleans: Literal["zope", "safe"] = "zope"
    json: Literal["zope", "strict"] = "zope"
    cgi_names: Literal["dropped", "kept"] = "dropped"
    undecodable_values: Literal["surrogate", "refuse"] = "surrogate"
    codecs: Literal["python", "charsets"] = "python"
    attribute_names: bool = True
    max_parameters: int | None = None
    max_name_length: int | None = None
    max_value_length: int | None = None
    max_list: int | None = None

    @classmethod
    def zope(cls) -> Self:
        """The reading of Zope's publisher to the letter, without limits; tests compare with it."""
        return cls()

    @classmethod
    def gateway(
        cls,
        *,
        max_parameters: int = 10_000,
        max_value_length: int = 16 * 1024 * 1024,
        max_list: int = 10_000,
    ) -> Self:
        """The reading of the `@@API` face: safe booleans, strict JSON, nothing undecodable, and limits."""
        return cls(
            booleans="safe",
            json="strict",
            undecodable_values="refuse",
            codecs="charsets",
            attribute_names=False,
            max_parameters=max_parameters,
            max_name_length=1_000,
            max_value_length=max_value_length,
            max_list=max_list,
        )


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
class FormProblem:
    """One parameter that cannot be read. `parameter` is its name as sent, `status` is 400, or 413 past a limit."""

    parameter: str
    message: str
    status: Literal[400, 413] = 400

    def as_error(self) -> ApiError:
        """The refusal of this parameter."""
        kind = TooLarge if self.status == 413 else BadRequest
        return kind(self.message, causes=[Cause("parameter", self.parameter, self.message)])


_ABSENT: Final = object()


class Form(Mapping[str, Any]):
    """The parameters of a request, typed, in order of first arrival, with every problem found in them.

    A form with problems must not be acted upon: `refuse_problems` raises them all as one error. `dropped` are names of
    the CGI environment that were sent and left out.
    """

    __slots__ = ("_values", "dropped", "problems")

    def __init__(
        self, values: Mapping[str, Any], problems: Iterable[FormProblem] = (), dropped: Iterable[str] = ()
    ) -> None:
        self._values: dict[str, Any] = dict(values)
        self.problems: tuple[FormProblem, ...] = tuple(problems)
        self.dropped: tuple[str, ...] = tuple(dropped)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Form({self._values!r}, problems={self.problems!r})"

    def refuse_problems(self) -> None:
        """Raise every problem as one BadRequest (or TooLarge); do nothing when there is none."""
        if self.problems:
            raise combine([problem.as_error() for problem in self.problems])

    def one(self, name: str, default: Any = None) -> Any:
        """The single value of a parameter, `default` when it was not sent.

        Looks at `name`, then at `name[]`; a list of one is its member. Raises BadRequest when there are several values.
        """
        value = self._values.get(name, _ABSENT)
        if value is _ABSENT:
            value = self._values.get(f"{name}[]", _ABSENT)
        if value is _ABSENT:
            return default
        if isinstance(value, (list, tuple)):
            if len(value) > 1:
                raise BadRequest.of_parameter(name, f"{name} was sent {len(value)} times; send it once.")
            return value[0] if value else default
        return value

    def many(self, name: str) -> list[Any]:
        """All values of a parameter as a list: those of `name`, then those of `name[]`; empty when neither was sent."""
        values: list[Any] = []
        for spelling in (name, f"{name}[]"):
            value = self._values.get(spelling, _ABSENT)
            if isinstance(value, (list, tuple)):
                values.extend(value)
            elif value is not _ABSENT:
                values.append(value)
        return values
