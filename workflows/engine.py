"""Single transitions: what a state offers, who may take it, and what taking it changes.

Everything works on the protocols of `workflows.world`; nothing here follows cascades or, except on creation,
automatic transitions (see `workflows.run`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from workflows.condition import Evaluator
from workflows.definition import Environment, PermissionSetting, State, Transition, Variable, Workflow, evaluate
from workflows.errors import (
    AutomaticLoop,
    UndefinedState,
    UnknownWorkflow,
    WorkflowError,
)
from workflows.guards import SharedVerdicts, check_guard
from workflows.refusals import NotUserTransition, NoWorkflow, TransitionNotOffered, TransitionRefused
from workflows.registry import WorkflowRegistry
from workflows.world import PASSED, Context, KeepsHistory, Step, Subject, TakesSignatures, Verdict, World


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


def role_settings(workflow: Workflow, state: State) -> Mapping[str, PermissionSetting | None]:
    """Setting of a state for every managed permission; None: nothing set, so acquired."""
    return workflow.settings_of(state).permissions


def group_grants(workflow: Workflow, state: State) -> Mapping[str, frozenset[str]]:
    """The local roles that a state grants to every managed group; only roles that the workflow manages count."""
    return workflow.settings_of(state).group_roles


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
    settings = workflow.settings_of(state)
    return Step(workflow, transition, old_state, new_state, status, settings.permissions, settings.group_roles)


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
    """The first there is of: state's assignment, transition's, former value, default expression, default value."""
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
    """Environment of the default of a variable that is read outside of a transition: no transition, no comment, now."""
    return _environment(world, workflow, subject, None, {})


AUTOMATIC_LIMIT = 100
"""Most automatic transitions that may follow each other; beyond it the definition is taken for a loop."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A user transition that the present state lists, and whether its guard lets the user take it."""

    workflow: Workflow
    transition: Transition
    verdict: Verdict


def offers(world: World, registry: WorkflowRegistry, subject: Subject) -> tuple[Offer, ...]:
    """All user transitions that the present states list, passed or refused, in chain order, then state order."""
    return tuple(_offers(world, registry, subject))


def _offers(world: World, registry: WorkflowRegistry, subject: Subject) -> Iterator[Offer]:
    context, conditions = world.context(subject), SharedVerdicts(registry)
    for workflow in world.chain(subject):
        state = state_of(workflow, subject)
        if state is None:
            continue
        for transition in workflow.exits(state, automatic=False):
            if not _is_offered(world, conditions, transition, subject, context):
                continue
            verdict = check_guard(world, conditions, workflow, transition.guard, subject, context)
            yield Offer(workflow, transition, _signable(world, subject, transition, context, verdict, taking=False))


def _signable(
    world: World, subject: Subject, transition: Transition, context: Context, verdict: Verdict, *, taking: bool
) -> Verdict:
    """The verdict of the guard and, where it passed or all reasons are wanted, that on the signature."""
    if transition.signature is None or not (verdict.passed or context.explains):
        return verdict
    if not isinstance(world, TakesSignatures):
        return verdict
    own = world.may_sign(subject, transition, taking=taking)
    return Verdict(verdict.passed and own.passed, verdict.reasons + own.reasons)


def _is_offered(
    world: World, conditions: Evaluator, transition: Transition, subject: Subject, context: Context
) -> bool:
    return all(conditions.evaluate(call, world, subject, context).passed for call in transition.offered_if)


def allowed(world: World, registry: WorkflowRegistry, subject: Subject) -> tuple[Offer, ...]:
    """The offers whose guard passes.

    Of equal transition ids the first in the chain, which is the one that `fire` takes.
    """
    found: dict[str, Offer] = {}
    for offer in _offers(world, registry, subject):
        if offer.verdict.passed:
            found.setdefault(offer.transition.id, offer)
    return tuple(found.values())


def fire(
    world: World,
    registry: WorkflowRegistry,
    subject: Subject,
    transition_id: str,
    *,
    workflow: str | Workflow | None = None,
    comment: str = "",
    kwargs: Mapping[str, object] | None = None,
    system: bool = False,
) -> Step:
    """Take one transition and apply it, without cascades or automatic transitions.

    Without `workflow` the first of the chain that supports the transition takes it, alone. A workflow named by id
    must be in the chain; a Workflow itself need not be. `system` skips permissions, roles and groups of the guard,
    never its conditions.

    Raises TransitionNotOffered (NotUserTransition, NoWorkflow), TransitionRefused, UndefinedState, UnknownWorkflow;
    nothing is changed then.
    """
    if workflow is None:
        offer = find_offer(world, registry, subject, transition_id, system=system)
        if offer is None or not offer.verdict.passed:
            raise _refusal(world, registry, subject, transition_id, offer)
    else:
        offer = _named_offer(world, registry, subject, transition_id, _named(world, subject, workflow), system)
    return take(world, subject, offer, comment=comment, kwargs=kwargs)


def find_offer(
    world: World, registry: WorkflowRegistry, subject: Subject, transition_id: str, *, system: bool = False
) -> Offer | None:
    """The first offer of the chain whose guard passes, else the first refused one.

    None when no state lists the transition.
    """
    first_refused: Offer | None = None
    context = world.context(subject)
    for workflow in world.chain(subject):
        state = state_of(workflow, subject)
        if state is None or transition_id not in state.exits:
            continue
        transition = workflow.transitions.get(transition_id)
        if transition is None or transition.automatic:
            continue
        if not _is_offered(world, registry, transition, subject, context):
            continue
        verdict = check_guard(world, registry, workflow, transition.guard, subject, context, system=system)
        verdict = _signable(world, subject, transition, context, verdict, taking=True)
        if verdict.passed:
            return Offer(workflow, transition, verdict)
        first_refused = first_refused or Offer(workflow, transition, verdict)
    return first_refused


def take(
    world: World,
    subject: Subject,
    offer: Offer,
    *,
    comment: str = "",
    kwargs: Mapping[str, object] | None = None,
) -> Step:
    """Execute an offer that passed; UndefinedState, with nothing changed, when its target state does not exist."""
    workflow, transition = offer.workflow, offer.transition
    old = state_id(workflow, subject)
    new = transition.new_state or old
    step = build_step(world, workflow, subject, transition, new, comment=comment, kwargs=kwargs, old_state=old)
    world.apply(subject, step)
    return step


def enter(world: World, registry: WorkflowRegistry, subject: Subject) -> list[Step]:
    """Enter an object that was just created into its workflows.

    The initial state of every workflow of the chain, in order, each followed by its automatic transitions.

    A workflow that the object has entered already is left out (copied or moved objects). UndefinedState when an initial
    state is not defined.
    """
    steps: list[Step] = []
    for workflow in world.chain(subject):
        step = enter_workflow(world, workflow, subject)
        if step is not None:
            steps.append(step)
            steps.extend(automatic_steps(world, registry, workflow, subject))
    return steps


def enter_workflow(world: World, workflow: Workflow, subject: Subject) -> Step | None:
    """Enter one workflow by its initial state.

    None, and nothing happens, when the object has entered it before. UndefinedState when there is no such state.
    """
    if subject.status(workflow.id) is not None:
        return None
    step = entry_step(world, workflow, subject)
    world.apply(subject, step)
    return step


def entry_step(world: World, workflow: Workflow, subject: Subject) -> Step:
    """The step that puts a new object into the initial state. UndefinedState when there is no such state."""
    return build_step(world, workflow, subject, None, workflow.initial_state)


def automatic_steps(
    world: World,
    registry: WorkflowRegistry,
    workflow: Workflow,
    subject: Subject,
    *,
    comment: str = "",
    kwargs: Mapping[str, object] | None = None,
    limit: int = AUTOMATIC_LIMIT,
) -> Iterator[Step]:
    """Take automatic transitions of the present state, one after the other, until none passes.

    Each step is yielded when it is done.

    The same user, comment and keyword arguments as the transition that led here. AutomaticLoop beyond `limit`.
    """
    for _ in range(limit):
        offer = next_automatic(world, registry, workflow, subject)
        if offer is None:
            return
        yield take(world, subject, offer, comment=comment, kwargs=kwargs)
    if next_automatic(world, registry, workflow, subject) is not None:
        raise loop_of(workflow, subject, limit)


def loop_of(workflow: Workflow, subject: Subject, limit: int) -> AutomaticLoop:
    """The error of an object whose automatic transitions do not end."""
    return AutomaticLoop(
        f"{subject.key}: more than {limit} automatic transitions of {workflow.id} followed each other "
        f"(now in {state_id(workflow, subject)!r}); the definition loops"
    )


def next_automatic(
    world: World, registry: WorkflowRegistry, workflow: Workflow, subject: Subject, *, always: bool = False
) -> Offer | None:
    """The first automatic exit of the present state whose guard passes.

    With `always` of those alone that any change sets off.
    """
    state = state_of(workflow, subject)
    if state is None:
        return None
    context: Context | None = None
    for transition in workflow.exits(state, automatic=True):
        if always and not transition.always:
            continue
        context = context or world.context(subject)
        if check_guard(world, registry, workflow, transition.guard, subject, context).passed:
            return Offer(workflow, transition, PASSED)
    return None


def place(
    world: World, subject: Subject, state: str, *, workflow: str | Workflow | None = None, comment: str = ""
) -> Step:
    """Put the object into a state without a transition (`action` of the entry is None).

    For effects and imports, no guard is asked.

    Without `workflow`: the first of the chain that has the state. UndefinedState when none has it.
    """
    if workflow is None:
        chosen = next((item for item in world.chain(subject) if state in item.states), None)
        if chosen is None:
            raise UndefinedState(f"{subject.key}: no workflow of its chain has a state {state!r}")
    else:
        chosen = _named(world, subject, workflow)
    old = None if subject.status(chosen.id) is None else state_id(chosen, subject)
    step = build_step(world, chosen, subject, None, state, comment=comment, old_state=old)
    world.apply(subject, step)
    return step


def _named(world: World, subject: Subject, workflow: str | Workflow) -> Workflow:
    if isinstance(workflow, Workflow):
        return workflow
    chain = world.chain(subject)
    for candidate in chain:
        if candidate.id == workflow:
            return candidate
    names = ", ".join(candidate.id for candidate in chain) or "none"
    raise UnknownWorkflow(f"{subject.key} has no workflow {workflow!r}; its workflows are: {names}")


def _named_offer(
    world: World, registry: WorkflowRegistry, subject: Subject, transition_id: str, workflow: Workflow, system: bool
) -> Offer:
    """The offer of one given workflow, checked in this order: state defined, listed, a user transition, guard."""
    present = state_id(workflow, subject)
    states = {workflow.id: present}
    state = workflow.states.get(present)
    if state is None:
        raise UndefinedState(f"{subject.key} is in the state {present!r}, which {workflow.id} does not have")
    if transition_id not in state.exits:
        raise TransitionNotOffered(subject, transition_id, states, _allowed_ids(world, registry, subject))
    transition = workflow.transitions.get(transition_id)
    context = world.context(subject)
    if transition is not None and not _is_offered(world, registry, transition, subject, context):
        raise TransitionNotOffered(subject, transition_id, states, _allowed_ids(world, registry, subject))
    if transition is None or transition.automatic:
        why = "it is automatic" if transition else f"{workflow.id} does not define it"
        raise NotUserTransition(subject, transition_id, states, _allowed_ids(world, registry, subject), why)
    verdict = check_guard(world, registry, workflow, transition.guard, subject, context, system=system)
    verdict = _signable(world, subject, transition, context, verdict, taking=True)
    if not verdict.passed:
        allowed_now = _allowed_ids(world, registry, subject)
        raise TransitionRefused(subject, transition_id, states, allowed_now, verdict)
    return Offer(workflow, transition, verdict)


def _allowed_ids(world: World, registry: WorkflowRegistry, subject: Subject) -> tuple[str, ...]:
    return tuple(offer.transition.id for offer in allowed(world, registry, subject))


def _refusal(
    world: World, registry: WorkflowRegistry, subject: Subject, transition_id: str, offer: Offer | None
) -> WorkflowError:
    """The error for a transition that no workflow of the chain supports."""
    chain = world.chain(subject)
    if not chain:
        return NoWorkflow(subject, transition_id, {}, (), "it has no workflow")
    states = {workflow.id: state_id(workflow, subject) for workflow in chain}
    allowed_now = _allowed_ids(world, registry, subject)
    if offer is None:
        return TransitionNotOffered(subject, transition_id, states, allowed_now)
    return TransitionRefused(subject, transition_id, states, allowed_now, offer.verdict)
