"""Scope of an API token: what of its user's rights a caller has who comes with it.

A scope only ever takes away. It is asked where the rights of the user are: of a call, of an object that is named or
written, and of what a search may find.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Self

from objapi.errors import InsufficientScope

USER_METHODS: Final = frozenset({"users", "grants"})
"""Methods that manage users: they are open to tokens alone whose scope names them."""

ISPYB: Final = "ispyb"
"""The name that stands in a list of methods for all routes of py-ISPyB."""


@dataclass(frozen=True, slots=True)
class TokenScope:
    """Restrictions of one token; None: there are none of that sort."""

    prefix: str = ""
    """Name of the token in lists, histories and messages."""
    read_only: bool = False
    methods: frozenset[str] | None = None
    types: frozenset[str] | None = None
    path: str | None = None
    """Whole path of the one object whose subtree, itself included, can be reached."""

    @classmethod
    def from_document(cls, prefix: str, document: Mapping[str, object]) -> Self:
        """Read what `document` wrote."""
        path = document.get("path")
        return cls(
            prefix,
            bool(document.get("read_only")),
            _names(document.get("methods")),
            _names(document.get("types")),
            None if path is None else str(path),
        )

    def document(self) -> dict[str, object]:
        """The restrictions as JSON values; those that are none are left out."""
        found: dict[str, object] = {"read_only": True} if self.read_only else {}
        for name, names in (("methods", self.methods), ("types", self.types)):
            if names is not None:
                found[name] = sorted(names)
        return found if self.path is None else {**found, "path": self.path}

    def __str__(self) -> str:
        return "; ".join(self._limits()) or "all that its user may do, but for users, passwords and tokens"

    def _limits(self) -> Iterator[str]:
        if self.read_only:
            yield "reading alone"
        if self.methods is not None:
            yield f"the methods {', '.join(sorted(self.methods))}"
        if self.types is not None:
            yield f"objects of the types {', '.join(sorted(self.types))}"
        if self.path is not None:
            yield f"objects in {self.path}"

    @property
    def limits_objects(self) -> bool:
        """True when some objects are out of reach, whoever the user is."""
        return self.types is not None or self.path is not None

    @property
    def manages_users(self) -> bool:
        """True when a method that manages users is named."""
        return self.methods is not None and not self.methods.isdisjoint(USER_METHODS)

    def covers(self, portal_type: str, path: str) -> bool:
        """True for an object within reach."""
        return (self.types is None or portal_type in self.types) and self.covers_path(path)

    def covers_path(self, path: str) -> bool:
        """True for a path within reach, whatever the type of the object that has it."""
        return self.path is None or path == self.path or path.startswith(f"{self.path}/")

    def refusal(self, what: str) -> InsufficientScope:
        """The refusal of something, a whole sentence without its full stop, with the scope."""
        return InsufficientScope(f"{what}: the token {self.prefix} is for {self}.")

    def require_call(self, method: str, *, acts: bool) -> None:
        """Raise InsufficientScope for a method out of scope, and for a call that may change something, dry runs too.

        A dry run says what the call would do; this one would be refused.
        """
        if self.methods is not None and method not in self.methods:
            raise self.refusal(f"{method} may not be called")
        if acts:
            self.require_writing()

    def require_writing(self) -> None:
        """Raise InsufficientScope when the token only reads."""
        if self.read_only:
            raise self.refusal("Nothing may be changed, nor a change be tried")

    def require_all_objects(self, what: str) -> None:
        """Raise InsufficientScope when some objects are out of reach: what is asked for cannot be held to the rest."""
        if self.limits_objects:
            raise self.refusal(what)


def _names(value: object) -> frozenset[str] | None:
    return frozenset(map(str, value)) if isinstance(value, Collection) and not isinstance(value, str) else None
