"""Who calls, as the token says."""

from dataclasses import dataclass

ALL_PROPOSALS = "all_proposals"
"""The permission to see every row."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A person who has logged in, with the permissions of the moment when the token was made."""

    person_id: int
    login: str
    permissions: tuple[str, ...] = ()

    def may(self, permission: str) -> bool:
        """Whether the token holds a permission."""
        return permission in self.permissions

    @property
    def sees_all(self) -> bool:
        """Whether every row is visible."""
        return ALL_PROPOSALS in self.permissions
