"""The names that local roles are granted to: users by their id, groups by a name that no user can have."""

import re

from objapi.security.tables import USER_ID_LENGTH

_USER_ID = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._@+-]{{0,{USER_ID_LENGTH - 1}}}")

USER_ID_RULE = f"letters without accents, digits and . _ @ + - after a letter or digit, at most {USER_ID_LENGTH}"
"""What a user's id may be, for messages."""


def is_user_id(text: str) -> bool:
    """Whether a text can be the id of a user at all."""
    return _USER_ID.fullmatch(text) is not None


def group_principal(group: str) -> str:
    """The name under which a group is granted local roles; a user's id has no colon, so the two never meet."""
    return f"group:{group}"
