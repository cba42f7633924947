"""Checking guards, with the reasons of a refusal."""

from collections.abc import Iterator

from workflows.definition import ConditionCall, Guard, Workflow
from workflows.registry import WorkflowRegistry
from workflows.world import PASSED, Context, Reason, Subject, Verdict, World


def check_guard(
    world: World,
    registry: WorkflowRegistry,
    workflow: Workflow,
    guard: Guard,
    subject: Subject,
    context: Context,
    *,
    system: bool = False,
    known: dict[str, Verdict] | None = None,
) -> Verdict:
    """Check a guard: permissions, roles, groups, then, only when those passed, the conditions.

    `system` skips permissions, roles and groups; conditions always count. With `manager_bypass` a Manager passes
    whatever the guard says. Where the context explains, the conditions are asked in any case. `known`: as of `ask`.
    """
    if guard.empty or (workflow.manager_bypass and "Manager" in context.roles):
        return PASSED
    reasons: list[Reason] = [] if system else list(_refusals_of_user(guard, context))
    if not reasons or context.explains:
        for call in guard.conditions:
            verdict = ask(world, registry, call, subject, context, known)
            if not verdict.passed:
                reasons.extend(verdict.reasons or (Reason("condition", f"the condition {call.name} does not hold"),))
    return Verdict(False, tuple(reasons)) if reasons else PASSED


def ask(
    world: World,
    registry: WorkflowRegistry,
    call: ConditionCall,
    subject: Subject,
    context: Context,
    known: dict[str, Verdict] | None,
) -> Verdict:
    """The verdict of a condition.

    `known` has those of conditions without arguments that were asked of the same object before, for as long as nothing
    changes; the same few stand in most guards of a state.
    """
    if known is None or call.args:
        return registry.evaluate(call, world, subject, context)
    verdict = known.get(call.name)
    if verdict is None:
        verdict = known[call.name] = registry.evaluate(call, world, subject, context)
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
