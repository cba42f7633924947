"""Cascades by what sets them off, and runs: transitions with everything that follows, depth first in declared order.

Nested transitions are on a list, not on Python's call stack, so a cascade may be as long as the data
makes it.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Final, TypeAlias

from workflows.cascades import (
    CREATED,
    REMOVED,
    SELF,
    Cascade,
    CascadeAction,
    FireRelated,
    NamedValue,
    RunEffect,
    SetField,
)
from workflows.condition import Where
from workflows.definition import ConditionCall, Workflow
from workflows.engine import (
    AUTOMATIC_LIMIT,
    automatic_steps,
    entry_step,
    find_offer,
    fire,
    loop_of,
    next_automatic,
    place,
    state_id,
    take,
)
from workflows.errors import WorkflowError
from workflows.registry import WorkflowRegistry
from workflows.world import Step, StepOrigin, Subject, World

Task: TypeAlias = "Iterator[Task]"
"""Work in progress: it yields what has to be finished before it goes on."""

_ASKED: Final = StepOrigin("request")
_CREATION: Final = StepOrigin("creation")
_ALWAYS: Final = StepOrigin("always")


class Cascades:
    """All cascades of a site, found by type and trigger; several for the same trigger run in declared order."""

    __slots__ = ("_after", "_on", "all")

    def __init__(self, cascades: Iterable[Cascade] = ()) -> None:
        self.all = tuple(cascades)
        self._after: dict[tuple[str, str], tuple[CascadeAction, ...]] = {}
        self._on: dict[tuple[str, str], tuple[CascadeAction, ...]] = {}
        for cascade in self.all:
            index, name = (self._on, cascade.event) if cascade.event else (self._after, cascade.transition)
            if name is None:
                raise ValueError(f"a cascade of {cascade.type_name} has neither a transition nor an event")
            index[cascade.type_name, name] = index.get((cascade.type_name, name), ()) + cascade.actions

    def after(self, type_name: str, transition: str) -> tuple[CascadeAction, ...]:
        """Actions that follow a transition."""
        return self._after.get((type_name, transition), ())

    def on(self, type_name: str, event: str) -> tuple[CascadeAction, ...]:
        """Actions that follow an event."""
        return self._on.get((type_name, event), ())


class Run:
    """One call or batch: transitions, their cascades, and the automatic transitions after these.

    Each (object, transition) that a user or a cascade asks for is taken at most once in a run; a repeat is left
    out, and as a member of a batch counts as done. `steps` lists what happened, in order, and `origins` why, in the
    same order. An error leaves the world as it is at that point: whoever keeps the world throws its changes away.
    """

    __slots__ = (
        "_always_taken",
        "_cascades",
        "_done",
        "_entries",
        "limit",
        "origin",
        "origins",
        "registry",
        "steps",
        "system",
        "world",
    )

    def __init__(
        self,
        world: World,
        registry: WorkflowRegistry,
        cascades: Cascades | Iterable[Cascade] = (),
        *,
        limit: int = AUTOMATIC_LIMIT,
    ) -> None:
        self.world = world
        self.registry = registry
        self.limit = limit
        self.steps: list[tuple[Subject, Step]] = []
        self.origins: list[StepOrigin] = []
        self.origin = _ASKED
        """The origin of what is asked for now, and of what else changes at the time."""
        self.system = False
        """True while an action sets fields or runs an effect whatever the user may: it is declared so, or sets a field
        of the object that moved."""
        self._cascades = cascades if isinstance(cascades, Cascades) else Cascades(cascades)
        self._done: set[tuple[Hashable, str]] = set()
        self._entries: dict[tuple[str, datetime], Step] = {}
        """Workflow and instant → the step by which any object enters it then."""
        self._always_taken: Counter[tuple[Hashable, str]] = Counter()
        """(Object, workflow) → transitions that other changes than its own steps set off."""

    def done(self, subject: Subject, transition_id: str) -> bool:
        """True if the object has taken the transition in this run, asked for or by cascade."""
        return (subject.key, transition_id) in self._done

    def fire(
        self,
        subject: Subject,
        transition_id: str,
        comment: str = "",
        kwargs: Mapping[str, object] | None = None,
        workflow: str | Workflow | None = None,
        system: bool = False,
        cascade: bool = True,
    ) -> None:
        """Take a transition, then (with `cascade`) its cascade, then automatic transitions of the state it led to.

        Nothing happens when it is done already.

        Raises what `workflows.engine.fire` raises, for this transition or one that its cascade must make, and
        AutomaticLoop.
        """
        if not self.done(subject, transition_id):
            step = fire(
                self.world,
                self.registry,
                subject,
                transition_id,
                workflow=workflow,
                comment=comment,
                kwargs=kwargs,
                system=system,
            )
            _drive(self._follow(subject, step, self.origin, comment, kwargs, cascade))

    def attempt(
        self, subject: Subject, transition_id: str, comment: str = "", *, system: bool = False, cascade: bool = True
    ) -> bool:
        """As `fire`, but False, and nothing happens, where the transition is not possible.

        What it sets off must be possible.
        """
        if self.done(subject, transition_id):
            return False
        offer = find_offer(self.world, self.registry, subject, transition_id, system=system)
        if offer is None or not offer.verdict.passed:
            return False
        step = take(self.world, subject, offer, comment=comment)
        _drive(self._follow(subject, step, self.origin, comment, cascade=cascade))
        return True

    def enter(self, subject: Subject) -> None:
        """Enter an object that was just created into its workflows.

        Initial states of the whole chain with their automatic transitions, then the cascades on `created`.
        """
        _drive(self._enter(subject))

    def removed(self, subject: Subject) -> None:
        """Run the cascades on `removed`; call it while the relations of the object can still be found."""
        actions = self._cascades.on(subject.type_name, REMOVED)
        _drive(self._actions(subject, actions, StepOrigin("cascade", subject, event=REMOVED)))

    def place(self, subject: Subject, state: str, *, workflow: str | Workflow | None = None, comment: str = "") -> None:
        """Put an object into a state without a transition, as `workflows.engine.place`, and list the step.

        Nothing follows from it.
        """
        self._note(subject, place(self.world, subject, state, workflow=workflow, comment=comment), _CREATION)

    @contextmanager
    def following(self, origin: StepOrigin) -> Iterator[None]:
        """Have `origin` in the place of a request as the origin of all that is asked for meanwhile."""
        before, self.origin = self.origin, origin
        try:
            yield
        finally:
            self.origin = before

    def follow_changes(self, subjects: Iterable[Subject]) -> None:
        """Take the transitions that are `always` automatic of these objects, until no guard of them passes any more.

        For objects that changed, or whose guards look at what changed. Each is followed by its cascade and by the
        automatic transitions of the state it led to. Raises AutomaticLoop, and what a cascade must make and cannot.
        """
        following = [
            (subject, workflow) for subject in subjects for workflow in self.world.chain(subject) if workflow.always
        ]
        before = -1
        # What one object does may let the guard of another pass, so all are asked again until a round does nothing.
        while len(self.steps) != before:
            before = len(self.steps)
            for subject, workflow in following:
                _drive(self._always(subject, workflow))

    def _always(self, subject: Subject, workflow: Workflow) -> Task:
        offer = next_automatic(self.world, self.registry, workflow, subject, always=True)
        if offer is not None:
            self._always_taken[subject.key, workflow.id] += 1
            if self._always_taken[subject.key, workflow.id] > self.limit:
                raise loop_of(workflow, subject, self.limit)
            repeated = self.done(subject, offer.transition.id)
            yield self._follow(subject, take(self.world, subject, offer), _ALWAYS, cascade=not repeated)

    def _enter(self, subject: Subject) -> Task:
        for workflow in self.world.chain(subject):
            if subject.status(workflow.id) is not None:
                continue
            step = self._entry(workflow, subject)
            self.world.apply(subject, step)
            self._note(subject, step, _CREATION)
            if _goes_on(step):
                yield self._automatic(subject, step, "", None)
        actions = self._cascades.on(subject.type_name, CREATED)
        if actions:
            yield self._actions(subject, actions, StepOrigin("cascade", subject, event=CREATED))

    def _entry(self, workflow: Workflow, subject: Subject) -> Step:
        """The step by which a new object enters a workflow, the same for all that enter it at one instant."""
        key = (workflow.id, self.world.now())
        step = self._entries.get(key)
        if step is None:
            step = entry_step(self.world, workflow, subject)
            if not workflow.tells_history:
                self._entries[key] = step
        return step

    def _follow(
        self,
        subject: Subject,
        step: Step,
        origin: StepOrigin,
        comment: str = "",
        kwargs: Mapping[str, object] | None = None,
        cascade: bool = True,
    ) -> Task:
        """Actions and automatic transitions that follow a step just taken.

        When its cascade moved the object on, that move has looked for automatic transitions itself.
        """
        self._note(subject, step, origin)
        if cascade:
            yield self._cascade(subject, step)
        if _goes_on(step) and state_id(step.workflow, subject) == step.new_state:
            yield self._automatic(subject, step, comment, kwargs)

    def _cascade(self, subject: Subject, step: Step) -> Task:
        """The actions that follow a transition."""
        name = "" if step.transition is None else step.transition.id
        actions = self._cascades.after(subject.type_name, name)
        if actions:
            yield self._actions(subject, actions, StepOrigin("cascade", subject, transition=name))

    def _note(self, subject: Subject, step: Step, origin: StepOrigin) -> None:
        self.steps.append((subject, step))
        self.origins.append(origin)
        if step.transition is not None:
            self._done.add((subject.key, step.transition.id))

    def _automatic(self, subject: Subject, entered: Step, comment: str, kwargs: Mapping[str, object] | None) -> Task:
        """Automatic transitions of the state that a step led to, each with its cascade.

        The cascade of one that repeats itself runs the first time only.
        """
        following = automatic_steps(
            self.world, self.registry, entered.workflow, subject, comment=comment, kwargs=kwargs, limit=self.limit
        )
        for step in following:
            transition = step.transition
            repeated = transition is not None and self.done(subject, transition.id)
            led_here = "" if entered.transition is None else entered.transition.id
            self._note(subject, step, StepOrigin("automatic", subject, transition=led_here))
            entered = step
            if not repeated:
                yield self._cascade(subject, step)

    def _actions(self, subject: Subject, actions: tuple[CascadeAction, ...], origin: StepOrigin) -> Task:
        for action in actions:
            if not self._hold(action.when, subject):
                continue
            if isinstance(action, FireRelated):
                yield from self._fire_related(subject, action, origin)
                continue
            # What an action sets off says for itself whether it needs rights, so this is put back afterwards.
            before, self.system = (
                self.system,
                action.system or (isinstance(action, SetField) and action.relation == SELF),
            )
            try:
                with self.following(origin):
                    self._act(subject, action)
            finally:
                self.system = before

    def _act(self, subject: Subject, action: SetField | RunEffect) -> None:
        if isinstance(action, SetField):
            value = self._value(subject, action.value)
            for other in self._related(subject, action.relation, action.where):
                self.world.assign(other, action.field, value)
        else:
            self.registry.effect(action.name)(self.world, subject, action.args, self)

    def _fire_related(self, subject: Subject, action: FireRelated, origin: StepOrigin) -> Task:
        for other in self._related(subject, action.relation, action.where):
            if self.done(other, action.transition) or not self._hold(action.each, other):
                continue
            step = self._step(other, action)
            if step is not None:
                yield self._follow(other, step, origin, cascade=action.cascade)

    def _step(self, subject: Subject, action: FireRelated) -> Step | None:
        if not action.attempt:
            return fire(self.world, self.registry, subject, action.transition, system=action.system)
        offer = find_offer(self.world, self.registry, subject, action.transition, system=action.system)
        return take(self.world, subject, offer) if offer is not None and offer.verdict.passed else None

    def _related(self, subject: Subject, relation: str, where: tuple[Where, ...]) -> Iterator[Subject]:
        """The related objects as they are now.

        Each is looked at when its turn comes, after what the former ones set off.
        """
        others = (subject,) if relation == SELF else tuple(self.world.related(subject, relation))
        return (other for other in others if all(item.matches(other) for item in where))

    def _hold(self, calls: tuple[ConditionCall, ...], subject: Subject) -> bool:
        if not calls:
            return True
        context = self.world.context(subject)
        return all(self.registry.evaluate(call, self.world, subject, context).passed for call in calls)

    def _value(self, subject: Subject, value: NamedValue) -> object:
        match value.kind:
            case "literal":
                return value.argument
            case "now":
                return self.world.now()
            case "actor":
                return self.world.context(subject).user_id
            case "field":
                return subject.value(str(value.argument))
        raise WorkflowError(f"there is no value {value.kind!r} to assign")


def _goes_on(step: Step) -> bool:
    """True when the state that a step led to has automatic transitions."""
    return bool(step.workflow.exits(step.workflow.states[step.new_state], automatic=True))


def _drive(task: Task) -> None:
    """Finish a task and all it yields, depth first, without recursion."""
    stack = [task]
    while stack:
        deeper = next(stack[-1], None)
        if deeper is None:
            stack.pop()
        else:
            stack.append(deeper)
