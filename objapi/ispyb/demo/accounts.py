"""Accounts to try the py-ISPyB face with: between them they hold every permission that it knows."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """Somebody who logs in by the plugin that believes every login."""

    login: str
    given_name: str
    family_name: str
    permissions: tuple[str, ...]


ACCOUNTS: Final = (
    DemoAccount(
        "facility",
        "Fay",
        "Silliti",
        (
            "all_proposals",
            "all_sessions",
            "own_proposals",
            "own_sessions",
            "manage_options",
            "manage_groups",
            "manage_perms",
            "manage_persons",
            "view_activity",
            "uportal_sync",
            "mx_staff",
        ),
    ),
    DemoAccount("portal", "Porter", "Albright", ("uportal_sync",)),
    DemoAccount("beamline", "Bea", "Mlinger", ("mx_staff", "all_sessions")),
    DemoAccount("scientist", "Sciara", "Entist", ("own_proposals", "own_sessions")),
)
