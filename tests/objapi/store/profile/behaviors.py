"""What the declarations of the workshop cannot say."""

from datetime import datetime

from objapi.model.behaviors import Behaviors, Entity, Planner, Until

behaviors = Behaviors()


@behaviors.add("computed", "weight")
def weight(planner: Planner, thing: Entity) -> object:
    """The sum of the weights of its parts."""
    return sum(_number(planner.value(part, "Grams")) for part in planner.related(thing, "parts"))


@behaviors.add("computed", "heaviest")
def heaviest(planner: Planner, team: Entity) -> object:
    """The weight of the heaviest thing."""
    things = planner.related(team, "children(Thing)")
    return max((_number(planner.value(thing, "Weight")) for thing in things), default=0)


@behaviors.add("computed", "secret_length")
def secret_length(planner: Planner, thing: Entity) -> object:
    """How long the secret is."""
    return len(str(planner.value(thing, "Secret") or ""))


@behaviors.add("computed", "is_current")
def is_current(planner: Planner, model: Entity) -> object:
    """Whether the model has not run out."""
    until = planner.value(model, "Until")
    end = datetime.fromisoformat(until) if isinstance(until, str) else None
    return Until(end is None or planner.now < end, end if end is not None and end > planner.now else None)


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
