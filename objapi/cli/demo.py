"""The sample laboratory: made once, with log-ins that everybody knows, and so for this machine alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from objapi import upkeep
from objapi.model.content import Content, ContentUser
from objapi.model.loading import read_content
from objapi.progress import progress
from objapi.security.accounts import list_accounts
from objapi.security.passwords import Passwords
from objapi.security.principals import LoadedUser, load_by_login
from objapi.site import Site
from objapi.site_context import SiteError

DEMO: Final = "demo"
"""The name under which a profile offers its sample contents."""


def demo_content(site: Site) -> Content | None:
    """The sample contents of the site's profiles, if they have any."""
    zone = site.settings.timezone
    contents = [read_content(Path(file), zone=zone) for file in site.registry.content_files.get(DEMO, ())]
    if not contents:
        return None
    users = tuple(user for content in contents for user in content.users)
    return Content(users, tuple(item for content in contents for item in content.objects))


def make_demo_site(site: Site, content: Content | None) -> None:
    """Make the site with the sample contents, on an empty database or where that was interrupted.

    A site that has users is left as it is. Raises SiteError when the profiles have no sample contents.
    """
    if not upkeep.initialise(site, progress):
        upkeep.check_current(site)
    if site.transact(list_accounts, write=False):
        return
    if content is None:
        profiles = ", ".join(site.settings.profiles or ())
        raise SiteError(f"None of the profiles {profiles} has sample contents; serve without --demo.")
    upkeep.load_content(site, content, progress, for_trials=True)


def users_with_demo_password(site: Site, content: Content | None) -> tuple[str, ...]:
    """The users of the sample contents who exist here and still have the password that everybody knows."""
    users = content.users if content is not None else ()
    loaded = site.transact(lambda connection: _loaded(connection, users, site), write=False)
    passwords = Passwords()
    return tuple(
        user.id for user, here in loaded if here.active and passwords.verify(here.password_hash, user.password)
    )


def _loaded(connection: Connection, users: Sequence[ContentUser], site: Site) -> list[tuple[ContentUser, LoadedUser]]:
    found = ((user, load_by_login(connection, user.id, site.registry.roles)) for user in users)
    return [(user, loaded) for user, loaded in found if loaded is not None]
