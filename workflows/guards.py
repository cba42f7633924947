"""Checking guards, with the reasons of a refusal."""

from collections.abc import Hashable, Iterator

from workflows.condition import Evaluator
from workflows.definition import ConditionCall, Guard, Workflow
from workflows.registry import WorkflowRegistry
from workflows.world import PASSED, Context, Reason, Subject, Verdict, World


def check_guard(
    world: World,
    conditions: Evaluator,
    workflow: Workflow,
    guard: Guard,
    subject: Subject,
    context: Context,
    *,
    system: bool = False,
) -> Verdict:
    """Check a guard: permissions, roles, groups, then, only when those passed, the conditions.

    `system` skips permissions, roles and groups; conditions always count. With `manager_bypass` a Manager passes
    whatever the guard says. Where the context explains, the conditions are asked in any case.
    """
    if guard.empty or (workflow.manager_bypass and "Manager" in context.roles):
        return PASSED
    reasons: list[Reason] = [] if system else list(_refusals_of_user(guard, context))
    if not reasons or context.explains:
        for call in guard.conditions:
            verdict = conditions.evaluate(call, world, subject, context)
            if not verdict.passed:
                reasons.extend(verdict.reasons or (Reason("condition", f"the condition {call.name} does not hold"),))
    return Verdict(False, tuple(reasons)) if reasons else PASSED


class SharedVerdicts:
    """Evaluator that asks a condition without arguments once of an object, for as long as nothing changes.

    The same few stand in most guards of a state, by themselves or inside others.
    """

    __slots__ = ("_known", "_registry")

    def __init__(self, registry: WorkflowRegistry) -> None:
        self._registry = registry
        self._known: dict[tuple[str, Hashable], Verdict] = {}

    def evaluate(self, call: ConditionCall, world: World, subject: Subject, context: Context) -> Verdict:
        """The verdict of a named condition."""
        if call.args:
            return self._registry.asked(self, call, world, subject, context)
        key = (call.name, subject.key)
        verdict = self._known.get(key)
        if verdict is None:
            verdict = self._known[key] = self._registry.asked(self, call, world, subject, context)
        return verdict


def _refusals_of_user(guard: Guard, context: Context) -> Iterator[Reason]:
    if guard.permissions and not any(context.holds(permission) for permission in guard.permissions):
        wanted = " or ".join(guard.permissions)
        yield Reason("permission", f"it needs the permission {wanted}", f"ask someone with {wanted}", guard.permissions)
    if guard.roles and not any(role in context.roles for role in guard.roles):
        wanted = " or ".join(guard.roles)
        yield Reason("role", f"it needs the role {wanted}", f"ask someone who is {wanted} here", guard.roles)
    if guard.groups and not any(group in context.groups for group in guard.groups):
        wanted = " or ".join(guard.groups)
        yield Reason("group", f"it is for the group {wanted}", f"ask a member of {wanted}", guard.groups)
