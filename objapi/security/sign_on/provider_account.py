"""Somebody whom a log-in provider knows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

LONGEST_SUBJECT: Final = 255
"""Characters of a subject (OpenID Connect Core 2)."""
_LONGEST_TEXT: Final = 200


@dataclass(frozen=True, slots=True)
class ProviderAccount:
    """Somebody whom a provider knows. `subject` is theirs for good; names and addresses may pass to somebody else."""

    issuer: str
    subject: str
    claims: Mapping[str, Any] = field(repr=False)

    def text(self, claim: str) -> str:
        """The text of a claim; empty for another value, and for a text that is not one short line."""
        value = self.claims.get(claim)
        return value if isinstance(value, str) and len(value) <= _LONGEST_TEXT and value.isprintable() else ""

    def names(self, claim: str) -> frozenset[str]:
        """The texts of a claim that is a list, or one text; none without the claim."""
        value = self.claims.get(claim)
        listed = value if isinstance(value, list) else [value]
        return frozenset(name for name in listed if isinstance(name, str))
