"""Batches: the client in which one is made, and a title for those without."""

from collections.abc import Mapping
from typing import Final

from objapi.model.behaviors import Behaviors, Entity, Planner
from objapi.profiles.lims.reading import one

behaviors: Final = Behaviors()


@behaviors.add("default", "client_of_container")
def client_of_container(planner: Planner, entity: Entity) -> object:
    """The client in which an object is made."""
    container = one(planner, entity, "parent")
    return container.uid if container is not None and container.portal_type == "Client" else None


@behaviors.add("effect", "untitled_is_id")
def untitled_is_id(planner: Planner, batch: Entity, args: Mapping[str, object]) -> None:
    """A batch without a title shows its id, which an object without one answers as its title anyway."""
    if planner.value(batch, "title") in (None, "", batch.id):
        planner.set(batch, "title", batch.id)
