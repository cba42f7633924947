"""`workflows` and `workflows/<id>`: states and transitions, as JSON or as a picture."""

from collections.abc import Callable, Mapping
from typing import Final

from objapi.api.call import Call, Json
from objapi.api.replies import Text
from objapi.errors import BadRequest, NotFound
from objapi.store.transaction import Transaction
from workflows import Guard, State, Transition, Workflow, mermaid, svg

_PICTURES: Final[Mapping[str, tuple[str, Callable[[Workflow], str]]]] = {
    "svg": ("image/svg+xml", svg),
    "mermaid": ("text/plain", mermaid),
}


def answer_workflows(call: Call, tx: Transaction) -> Json | Text:
    """`workflows`: all of them in brief; `workflow`: one in full, or its diagram with `format=svg|mermaid`."""
    picture = call.controls.text("format")
    known = tx.registry.workflows
    if not call.tail:
        if picture:
            raise BadRequest.of_parameter("format", "format: a diagram is of one workflow; name it: workflows/<id>.")
        brief = [_brief(call, tx, workflow) for _, workflow in sorted(known.items())]
        return call.with_warnings({"workflows": brief})
    workflow = known.get(call.tail[0])
    if workflow is None:
        raise NotFound(f"There is no workflow {call.tail[0]!r}; the method workflows lists those there are.")
    if not picture or picture == "json":
        return call.with_warnings({"workflow": described_workflow(workflow)})
    if picture not in _PICTURES:
        raise BadRequest.of_parameter("format", f"format: {picture!r} is none of json, {', '.join(_PICTURES)}.")
    content_type, draw = _PICTURES[picture]
    return Text(draw(workflow), content_type)


def _brief(call: Call, tx: Transaction, workflow: Workflow) -> Json:
    return {
        "id": workflow.id,
        "title": workflow.title,
        "state_variable": workflow.state_variable,
        "types": sorted(name for name, declared in tx.registry.types.items() if workflow.id in declared.workflows),
        "states": list(workflow.states),
        "url": call.method_url("workflows", workflow.id),
    }


def described_workflow(workflow: Workflow) -> Json:
    """A workflow as JSON."""
    return {
        "id": workflow.id,
        "title": workflow.title,
        "state_variable": workflow.state_variable,
        "initial_state": workflow.initial_state,
        "managed_permissions": list(workflow.managed_permissions),
        "states": [_state(workflow, state) for state in workflow.states.values()],
        "transitions": [_transition(transition) for transition in workflow.transitions.values()],
    }


def _state(workflow: Workflow, state: State) -> Json:
    return {
        "id": state.id,
        "title": state.title,
        "transitions": [transition.id for transition in workflow.exits(state, automatic=False)],
        "automatic_transitions": [transition.id for transition in workflow.exits(state, automatic=True)],
        "permissions": {
            name: {"acquire": setting.acquire, "roles": list(setting.roles)}
            for name, setting in state.permissions.items()
        },
    }


def _transition(transition: Transition) -> Json:
    return {
        "id": transition.id,
        "title": transition.title,
        "new_state": transition.new_state,
        "automatic": transition.automatic,
        "guard": _guard(transition.guard),
    }


def _guard(guard: Guard) -> Json:
    return {
        "permissions": list(guard.permissions),
        "roles": list(guard.roles),
        "groups": list(guard.groups),
        "conditions": [{"name": call.name, "args": dict(call.args)} for call in guard.conditions],
    }
