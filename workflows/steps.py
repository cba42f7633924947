"""Present states, and the step into a new one: its status, permissions and group roles. Nothing here acts."""

from collections.abc import Mapping

from workflows.definition import PermissionSetting, State, Transition, Variable, Workflow
from workflows.errors import UndefinedState, WorkflowError
from workflows.expressions import Environment, evaluate
from workflows.world import KeepsHistory, Step, Subject, World


def state_id(workflow: Workflow, subject: Subject) -> str:
    """The present state id.

    It is the initial state when the object never entered the workflow, or its status has no state.
    """
    status = subject.status(workflow.id)
    state = None if status is None else status.get(workflow.state_variable)
    return workflow.initial_state if state is None else str(state)


def state_of(workflow: Workflow, subject: Subject) -> State | None:
    """The present state; None when the workflow has no state of that id ("undefined state")."""
    return workflow.states.get(state_id(workflow, subject))


def role_settings(workflow: Workflow, state: State) -> dict[str, PermissionSetting | None]:
    """What a state sets for every managed permission.

    None: nothing set, so acquired. A mapping that acquires and adds no role says the same and is None too.
    """
    settings: dict[str, PermissionSetting | None] = {}
    for permission in workflow.managed_permissions:
        setting = state.permissions.get(permission)
        settings[permission] = None if setting is None or (setting.acquire and not setting.roles) else setting
    return settings


def group_grants(workflow: Workflow, state: State) -> dict[str, frozenset[str]]:
    """The local roles that a state grants to every managed group; only roles that the workflow manages count."""
    managed = workflow.group_managed_roles
    return {
        group: frozenset(role for role in state.group_roles.get(group, ()) if managed is None or role in managed)
        for group in workflow.managed_groups
    }


def build_step(
    world: World,
    workflow: Workflow,
    subject: Subject,
    transition: Transition | None,
    new_state: str,
    *,
    comment: str = "",
    kwargs: Mapping[str, object] | None = None,
    old_state: str | None = None,
) -> Step:
    """The step that puts the object into `new_state`; nothing is changed yet.

    UndefinedState when there is no such state.
    """
    state = workflow.states.get(new_state)
    if state is None:
        taking = f"transition {transition.id!r} leads" if transition else "creation leads"
        raise UndefinedState(
            f"{subject.key}: {taking} to the state {new_state!r}, which {workflow.id} does not have; "
            f"it has {', '.join(workflow.states) or 'none'}"
        )
    former = (subject.status(workflow.id) or {}) if transition is not None else {}
    environment = _environment(world, workflow, subject, transition, {**(kwargs or {}), "comment": comment})
    status = {
        variable.id: _new_value(variable, state, transition, former, environment)
        for variable in workflow.variables.values()
        if variable.for_status
    }
    status[workflow.state_variable] = new_state
    settings, grants = role_settings(workflow, state), group_grants(workflow, state)
    return Step(workflow, transition, old_state, new_state, status, settings, grants)


def _environment(
    world: World, workflow: Workflow, subject: Subject, transition: Transition | None, kwargs: Mapping[str, object]
) -> Environment:
    def history() -> list[dict[str, object]]:
        if not isinstance(subject, KeepsHistory):
            raise WorkflowError(f"{subject.key} does not hand out its history, which a variable of {workflow.id} asks")
        return subject.history(workflow.id)

    acting = world.context(subject).user_id
    return Environment(acting, transition.id if transition else None, kwargs, world.now(), history)


def _new_value(
    variable: Variable,
    state: State,
    transition: Transition | None,
    former: Mapping[str, object],
    environment: Environment,
) -> object:
    """The first there is of: state's assignment, transition's, value kept, default expression, default value."""
    if variable.id in state.assignments:
        return state.assignments[variable.id]
    if transition is not None and variable.id in transition.assignments:
        return evaluate(transition.assignments[variable.id], environment)
    if not variable.update_always and variable.id in former:
        return former[variable.id]
    return default_value(variable, environment)


def default_value(variable: Variable, environment: Environment) -> object:
    """The default of a variable: its expression, else its value."""
    return variable.default if variable.expression is None else evaluate(variable.expression, environment)


def reading_environment(world: World, workflow: Workflow, subject: Subject) -> Environment:
    """What the default of a variable sees when it is read outside of a transition: no transition, no comment, now."""
    return _environment(world, workflow, subject, None, {})
