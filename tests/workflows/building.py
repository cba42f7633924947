"""Short ways to write the workflows and worlds that the tests need."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from workflows import Guard, PlainWorld, State, Transition, Variable, Workflow, usual_variables

NOON = datetime(2024, 5, 17, 12, tzinfo=UTC)


def machine(
    workflow_id: str = "wf",
    states: Mapping[str, str | State] | None = None,
    transitions: Iterable[Transition] = (),
    variables: Iterable[Variable] | None = None,
    **attributes: Any,
) -> Workflow:
    """A workflow; states as `{"draft": "submit publish"}` or State values, the first one initial by default."""
    built = {
        name: value if isinstance(value, State) else State(name, name, tuple(value.split()))
        for name, value in (states or {}).items()
    }
    attributes.setdefault("initial_state", next(iter(built), ""))
    if variables is not None:
        attributes["variables"] = {**usual_variables(), **{item.id: item for item in variables}}
    return Workflow(
        id=workflow_id,
        states=built,
        transitions={item.id: item for item in transitions},
        **attributes,
    )


def move(name: str, to: str | None = None, **attributes: object) -> Transition:
    """A user transition with its id as action name."""
    attributes.setdefault("action", name)
    return Transition(name, name, to, **attributes)  # type: ignore[arg-type]


def auto(name: str, to: str | None = None, **attributes: object) -> Transition:
    """An automatic transition."""
    return Transition(name, name, to, automatic=True, **attributes)  # type: ignore[arg-type]


def review() -> Workflow:
    """draft -> (submit) pending -> (publish, guarded) published -> (retract) draft."""
    return machine(
        states={"draft": "submit", "pending": "publish retract", "published": "retract"},
        transitions=[
            move("submit", "pending"),
            move("publish", "published", guard=Guard(permissions=("Review portal content",))),
            move("retract", "draft"),
        ],
    )


def world_of(*workflows: Workflow, **options: object) -> PlainWorld:
    """A world whose default chain is these workflows, at a fixed instant."""
    options.setdefault("default_chain", [item.id for item in workflows])
    return PlainWorld(workflows, clock=lambda: NOON, **options)  # type: ignore[arg-type]
