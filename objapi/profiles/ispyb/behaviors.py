"""What the declarations of the ISPyB types cannot say."""

from objapi.model.behaviors import Behaviors, Entity, Planner

behaviors = Behaviors()


@behaviors.add("default", "now_in_seconds")
def now_in_seconds(planner: Planner, entity: Entity) -> object:
    """The instant of the request, without fractions, which the columns for times do not hold."""
    return planner.now.replace(microsecond=0)
