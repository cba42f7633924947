"""Loading profile folders into a `Registry`: reading, merging, checking; every mistake has its file, line and key."""

from objapi.model.loading.content import read_content
from objapi.model.loading.load import load_registry, load_roles
from objapi.model.loading.name_checks import known_permissions
from objapi.model.loading.profiles import ProfileError, profile_address
from objapi.model.loading.reserved import RESERVED_NAMES
from workflows.declarations import DeclarationProblem

__all__ = [
    "RESERVED_NAMES",
    "DeclarationProblem",
    "ProfileError",
    "known_permissions",
    "load_registry",
    "load_roles",
    "profile_address",
    "read_content",
]
