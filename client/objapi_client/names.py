"""Names of objects and of types, as scripts have them and as the API takes them."""

import re
from typing import Final

_UID: Final = re.compile(r"[0-9a-fA-F]{32}")


def is_uid(target: str) -> bool:
    """True for a UID; anything else is a path."""
    return _UID.fullmatch(target) is not None


def named(target: str) -> dict[str, str]:
    """The parameter that names an object."""
    return {"obj_uid": target} if is_uid(target) else {"obj_path": target}


def type_name(kind: str | type) -> str:
    """The portal_type of a type: its name, or the class that `objapi-client stubs` has written for it."""
    return kind if isinstance(kind, str) else str(getattr(kind, "__portal_type__", kind.__name__))
