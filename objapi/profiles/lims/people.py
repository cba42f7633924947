"""Persons: their full names, and the contact of a user as a default."""

from typing import Final

from objapi.model.behaviors import Behaviors, Entity, Planner
from objapi.profiles.lims.reading import one, text

behaviors: Final = Behaviors()


@behaviors.add("computed", "fullname")
def fullname(planner: Planner, person: Entity) -> object:
    """The parts of a name, joined by one blank."""
    parts = (text(planner, person, name) for name in ("Firstname", "Middleinitial", "Middlename", "Surname"))
    return " ".join(part for part in parts if part)


@behaviors.add("default", "contact_of_user")
def contact_of_user(planner: Planner, entity: Entity) -> object:
    """The contact of the client whose log-in makes the object, when there is exactly one."""
    client = one(planner, entity, "parent")
    if client is None or client.portal_type != "Client":
        return None
    found = [
        contact
        for contact in planner.related(client, "children(Contact)")
        if text(planner, contact, "Username") == planner.user_id
    ]
    return found[0].uid if len(found) == 1 else None
