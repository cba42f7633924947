"""Persons: the contact of a user and the client of a container, as defaults."""

from typing import Final

from objapi.model.behaviors import Behaviors, Entity, Planner
from objapi.profiles.lims.reading import one, text

behaviors: Final = Behaviors()


@behaviors.add("computed", "fullname")
def fullname(planner: Planner, person: Entity) -> object:
    """The parts of a name, joined by one blank."""
    parts = (text(planner, person, name) for name in ("Firstname", "Middleinitial", "Middlename", "Surname"))
    return " ".join(part for part in parts if part)


@behaviors.add("computed", "creators")
def creators(planner: Planner, entity: Entity) -> object:
    """The one who made an object, as the list that clients know."""
    creator = text(planner, entity, "creator")
    return [creator] if creator else []


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


@behaviors.add("default", "client_of_container")
def client_of_container(planner: Planner, entity: Entity) -> object:
    """The client in which an object is made."""
    container = one(planner, entity, "parent")
    return container.uid if container is not None and container.portal_type == "Client" else None
