"""Reading workflow variables of an object, as catalogs and clients see them."""

from workflows.definition import Workflow
from workflows.engine import default_value, reading_environment, state_id
from workflows.errors import UnknownInfo
from workflows.guards import check_guard
from workflows.registry import WorkflowRegistry
from workflows.world import Subject, World

_MISSING = object()


def info(
    world: World,
    registry: WorkflowRegistry,
    subject: Subject,
    name: str,
    default: object = _MISSING,
    *,
    workflow: Workflow | None = None,
) -> object:
    """The value of a state variable or workflow variable; the first workflow of the chain that has the name answers.

    The state variable is never guarded. A variable whose guard fails gives `default`. One that the status does not
    hold gives its default, computed now. Without a `default` the failures raise UnknownInfo.
    """
    chain = world.chain(subject) if workflow is None else (workflow,)
    answering = next((item for item in chain if name == item.state_variable or name in item.variables), None)
    if answering is None:
        names = ", ".join(item.id for item in chain) or "none"
        return _given(default, f"{subject.key}: no workflow has a variable {name!r}; its workflows are: {names}")
    if name == answering.state_variable:
        return state_id(answering, subject)
    variable = answering.variables[name]
    verdict = check_guard(world, registry, answering, variable.guard, subject, world.context(subject))
    if not verdict.passed:
        return _given(default, f"{subject.key}: {name} may not be read: {verdict.sentence()}")
    status = subject.status(answering.id) or {}
    if name in status:
        return status[name]
    return default_value(variable, reading_environment(world, answering, subject))


def _given(default: object, message: str) -> object:
    if default is _MISSING:
        raise UnknownInfo(message)
    return default


def catalog_variables(world: World, subject: Subject) -> dict[str, object]:
    """Values that catalogs show: the `for_catalog` variables and the state variable of each workflow.

    Of two workflows with the same name the earlier in the chain wins.
    """
    values: dict[str, object] = {}
    for workflow in reversed(world.chain(subject)):
        status = subject.status(workflow.id) or {}
        environment = reading_environment(world, workflow, subject)
        for variable in workflow.variables.values():
            if variable.for_catalog:
                found = variable.id in status
                values[variable.id] = status[variable.id] if found else default_value(variable, environment)
        values[workflow.state_variable] = status.get(workflow.state_variable, workflow.initial_state)
    return values
