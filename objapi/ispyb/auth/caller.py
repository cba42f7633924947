"""Who calls, as the token says."""

from dataclasses import dataclass

from objapi.model.principal import ANONYMOUS, Principal, TokenClaims
from objapi.profiles.ispyb.behaviors import ALL_PROPOSALS


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


def principal_of(caller: Caller | None) -> Principal:
    """The user that a caller is in a transaction: the login of the person, whom the log-in vouches for."""
    if caller is None:
        return ANONYMOUS
    claims = TokenClaims(caller.person_id, frozenset(caller.permissions))
    return Principal(caller.login, roles=frozenset({"Authenticated"}), claims=claims)
