"""The acting user, with the roles, groups and local roles of this moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from objapi.model.token_scope import TokenScope


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """Person whom a face's own token names: the key of their row, and the permissions of the log-in."""

    key: int
    permissions: frozenset[str]


@dataclass(frozen=True, slots=True)
class RowViewer:
    """User as the row rules of a database know them."""

    own: object = None
    """The value that paths to one's own rows end in; None: no row is one's own."""
    opened: frozenset[str] = frozenset()
    """The values open to the user where a rule has groups."""
    sees_all: bool = False


@dataclass(frozen=True, slots=True)
class Principal:
    """A user as the permission check sees it."""

    user_id: str
    fullname: str = ""
    roles: frozenset[str] = frozenset()
    """Roles held everywhere, those of groups and the implied Authenticated or Anonymous included."""
    groups: frozenset[str] = frozenset()
    local: Mapping[int, frozenset[str]] = field(default_factory=dict)
    """Scope → local roles held in it, those granted on scopes around it included."""
    referred: Mapping[int, frozenset[str]] = field(default_factory=dict)
    """Scope → local roles held on what its objects refer to for their access (`access_from` of their types)."""
    unrestricted: bool = False
    """The gateway itself (loading contents, upgrades): no permission is asked for."""
    claims: TokenClaims | None = None
    """Claims of a token that a face issued; None: the user was authenticated by the gateway."""
    token: TokenScope | None = None
    """Scope of the API token by which the user came; None: by a password or a session."""
    by_device: bool = False
    """True for a device that comes by a key of its own for a user who has not logged in."""


ANONYMOUS = Principal("", roles=frozenset({"Anonymous"}))
"""The caller who did not log in."""


def system_principal(user_id: str = "admin") -> Principal:
    """The gateway itself, acting under a user's name in the history."""
    return Principal(user_id, roles=frozenset({"Manager", "Authenticated"}), unrestricted=True)
