"""Workflows, conditions and cascades from the declarations of all profiles, and the profiles' Python behind them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from typing import Final, cast

from objapi.model.behaviors import Behaviors, Condition, Effect, Entity, HoldsPlanner
from objapi.model.loading.merging import Declared, declare_all
from objapi.model.loading.profiles import Profile
from workflows import (
    Cascade,
    ConditionFn,
    Context,
    EffectFn,
    Firing,
    Subject,
    Verdict,
    Workflow,
    WorkflowRegistry,
    World,
)
from workflows.declarations import DeclarationProblem, Node, Section
from workflows.declare import read_workflow
from workflows.declare_cascades import read_cascades, read_conditions
from workflows.world import PASSED, refused

GUARDS: Final = "objapi.guards"
EFFECTS: Final = "objapi.effects"
FILE_KEYS: Final = ("workflows", "conditions", "cascades")


@dataclass(slots=True)
class WorkflowParts:
    """Declarations of the workflow files; `nodes` are the declarations of workflows, `places` those of cascades."""

    workflows: dict[str, Workflow] = field(default_factory=dict)
    cascades: tuple[Cascade, ...] = ()
    conditions: WorkflowRegistry = field(default_factory=WorkflowRegistry.standard)
    nodes: dict[str, Node] = field(default_factory=dict)
    places: tuple[tuple[Cascade, Node], ...] = ()
    condition_nodes: dict[str, Node] = field(default_factory=dict)


def read_workflows(
    profiles: Sequence[Profile], behaviors: Behaviors, problems: list[DeclarationProblem]
) -> WorkflowParts:
    """Every workflow and cascade, and the registry of conditions and effects, checked against each other."""
    parts = WorkflowParts()
    declared: dict[str, Declared] = {}
    conditions: dict[str, Declared] = {}
    places: list[tuple[Cascade, Node]] = []
    for profile in profiles:
        named: list[tuple[str, Node]] = []
        composed: list[tuple[str, Node]] = []
        for tree in profile.trees("workflows", problems):
            section = Section(tree, "", problems, FILE_KEYS)
            named.extend(section.mapping("workflows").items())
            composed.extend(section.mapping("conditions").items())
            if section.has("cascades"):
                places.extend(read_cascades(section["cascades"], problems))
        declare_all(declared, "workflow", profile, named, problems)
        declare_all(conditions, "condition", profile, composed, problems)
    parts.nodes = {name: found.node for name, found in declared.items()}
    parts.condition_nodes = {name: found.node for name, found in conditions.items()}
    for name, node in parts.nodes.items():
        parts.workflows[name] = read_workflow(name, node, problems)
    parts.places = tuple(places)
    parts.cascades = tuple(cascade for cascade, _ in places)
    parts.conditions = WorkflowRegistry.standard().extended(
        {**bound_conditions(behaviors), **read_conditions(Node(parts.condition_nodes), problems)},
        bound_effects(behaviors),
    )
    _check(parts, problems)
    return parts


def with_entry_points(behaviors: Behaviors) -> Behaviors:
    """The behaviours of the profiles over the guards and effects that installed packages offer."""
    return _offered().merged(behaviors)


# The descriptions of all installed packages are read for it.
@cache
def _offered() -> Behaviors:
    conditions: dict[str, Condition] = {entry.name: entry.load() for entry in entry_points(group=GUARDS)}
    effects: dict[str, Effect] = {entry.name: entry.load() for entry in entry_points(group=EFFECTS)}
    return Behaviors(conditions=conditions, effects=effects)


def bound_conditions(behaviors: Behaviors) -> Mapping[str, ConditionFn]:
    """The profiles' conditions as the workflow engine calls them.

    Its world holds the planner, its subject is the entity.
    """

    def bound(condition: Condition) -> ConditionFn:
        def test(world: World, subject: Subject, context: Context, args: Mapping[str, object]) -> Verdict:
            del context
            why_not = condition(cast(HoldsPlanner, world).planner, cast(Entity, subject), args)
            return PASSED if why_not is None else refused("condition", why_not)

        return test

    return {name: bound(condition) for name, condition in behaviors.conditions.items()}


def bound_effects(behaviors: Behaviors) -> Mapping[str, EffectFn]:
    """The profiles' effects as the workflow engine calls them."""

    def bound(effect: Effect) -> EffectFn:
        def run(world: World, subject: Subject, args: Mapping[str, object], running: Firing) -> None:
            del running
            effect(cast(HoldsPlanner, world).planner, cast(Entity, subject), args)

        return run

    return {name: bound(effect) for name, effect in behaviors.effects.items()}


def _check(parts: WorkflowParts, problems: list[DeclarationProblem]) -> None:
    """Note conditions and effects that the declarations name and that do not exist."""
    everywhere = {**parts.nodes, **{f"conditions.{name}": node for name, node in parts.condition_nodes.items()}}
    for problem in parts.conditions.check(parts.workflows.values()):
        name = next((name for name in everywhere if f"{problem.key}.".startswith(f"{name}.")), None)
        if name is None:
            problems.append(DeclarationProblem(problem.key, 0, "", problem.message, problem.expected))
        else:
            problems.append(_placed(problem, name, everywhere[name]))
    own = set(parts.conditions.check(()))
    for cascade, node in parts.places:
        for problem in parts.conditions.check((), (cascade,)):
            if problem not in own:
                inside = problem.key[problem.key.find(".do[") + 1 :]
                problems.append(node.nearest(inside).problem(problem.key, problem.message, problem.expected))


def _placed(problem: DeclarationProblem, name: str, node: Node) -> DeclarationProblem:
    """A complaint of the workflow package at the place that its key path names."""
    inside = problem.key.removeprefix(name).lstrip(".")
    return node.nearest(inside).problem(problem.key, problem.message, problem.expected)
